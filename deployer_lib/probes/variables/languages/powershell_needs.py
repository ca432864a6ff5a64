"""What a PowerShell script does where a variable is absent: it throws, takes another value, or goes on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from deployer_lib.probes.variables.languages.powershell_text import Code
    from deployer_lib.probes.variables.model import Need

__all__ = ["Outcome", "literal", "outcome_of"]

_ENDS: Final = re.compile(
    r"\bthrow\b|\bexit\s*\(?\s*(?:[1-9]|\$)|\[(?:System\.)?Environment\]::Exit\(\s*[1-9]|-(?:ErrorAction|ea)\s+['\"]?Stop|\bThrowTerminatingError\b",
    re.IGNORECASE,
)
_NULL: Final = r"(?:\$null|\"\"|''|\[string\]::Empty)"
_TESTED: Final = r"\"?\(*§\)*\"?(?:\.(?:Value|Trim\(\)|Length)|\))*"  # § stands for what is asked
_NOT: Final = r"(?:-not\b|!)\s*"
_EMPTY: Final = rf"\[string\]::IsNullOr(?:Empty|WhiteSpace)\s*\(\s*{_TESTED}\s*\)"
_ABSENT: Final = re.compile(
    rf"\(*(?:{_NOT}\(*{_TESTED}|{_NULL}\s+-eq\s+{_TESTED}|{_TESTED}\s+-eq\s+{_NULL}|{_EMPTY})\s*\)*",
    re.IGNORECASE,
)
_PRESENT: Final = re.compile(
    rf"\(*(?:{_TESTED}|{_NULL}\s+-ne\s+{_TESTED}|{_TESTED}\s+-ne\s+{_NULL}|{_NOT}\(*{_EMPTY})\s*\)*",
    re.IGNORECASE,
)
_JOINED: Final = re.compile(r"\s-(or|and)\s", re.IGNORECASE)
_GIVEN: Final = re.compile(r"(?:=|\breturn|[$@]?\()\s*$", re.IGNORECASE)  # before an if whose value is taken
_BOUND: Final = re.compile(
    r"(?:^|[\n;{])[ \t]*(?:\[[\w.]+\]\s*)?\$(?P<name>(?:\w+:)?\w+)\s*=\s*(?:\[[\w.\[\]]+\]\s*)?\(?\s*$"
)
_COLLECTS: Final = re.compile(r"\$(\w+)\s*\+=|\$(\w+)\.Add\s*\(")
_LITERAL: Final = re.compile(r"""(?:"([^"$`]*)"|'([^']*)'|(-?\d[\d.]*)|\$(true|false))""", re.IGNORECASE)
_MOST: Final = 20  # uses of a name that are looked at


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a read."""

    need: Need
    instead: str | None = None  # the source of what stands in; None where nothing does


def literal(written: str | None) -> str | None:
    """Return a literal's value, None for all else."""
    match = _LITERAL.fullmatch(written.strip()) if written is not None else None
    return None if match is None else next(value for value in match.groups() if value is not None)


def outcome_of(code: Code, start: int, end: int, own: str) -> Outcome:
    """Return what becomes of a read.

    Args:
        code: the script.
        start: where the read begins.
        end: where it ends.
        own: a pattern of what is asked, as it is written where it is set; empty where it can't be.
    """
    found = _at(code, start, end, own)
    if found is not None:
        return found
    bound = _BOUND.search(code.shown, max(0, start - 200), start)
    if bound is None or code.groups(bound.start("name")):  # a parameter's fallback: the caller may give it
        return Outcome("optional")
    return _followed(code, bound["name"], start, end) or Outcome("optional")


def _followed(code: Code, name: str, start: int, end: int) -> Outcome | None:
    """Return what becomes of the name that a read is bound to, in the block that it is bound in."""
    until = next(iter(code.blocks(start)), (0, len(code.shown)))[1]
    held = rf"\$\{{?{re.escape(name)}\b\}}?"
    for count, use in enumerate(re.compile(held, re.IGNORECASE).finditer(code.shown, end, until)):
        if count >= _MOST or re.compile(r"\s*=(?!=)").match(code.shown, use.end()):
            return None
        if (found := _at(code, use.start(), use.end(), held)) is not None:
            return found
    return None


def _at(code: Code, start: int, end: int, own: str) -> Outcome | None:
    """Return what the expression or condition around a place says of absence; None where it says nothing."""
    instead = re.compile(r"\)*\s*\?\?=?\s*").match(code.shown, end)
    if instead is not None:
        return _taken(code, instead.end(), _line_end(code, instead.end()))
    for opening, closing in code.groups(start):
        if (word := code.head(opening)) in {"if", "elseif"}:
            return _tested(code, (opening, closing), (start, end), own, chained=word == "elseif")
    choice = re.compile(r"\)?\s*\?\s+[^\n]*?\s:\s+").match(code.shown, end)
    return None if choice is None else _taken(code, choice.end(), _line_end(code, choice.end()))


def _line_end(code: Code, at: int) -> int:
    """Return where a statement ends, or the group that it stands in."""
    closing = min((to for _, to in code.groups(at)), default=len(code.shown))
    stop = re.compile(r"[\n;}]|\s\|\s").search(code.shown, at)
    return min(closing, stop.start() if stop else len(code.shown))


def _taken(code: Code, start: int, end: int) -> Outcome:
    written = code.text[start:end].strip()
    if _ENDS.search(code.shown[start:end]):
        return Outcome("required")
    return Outcome("optional") if written.lower() in {"$null", ""} else Outcome("default", written)


def _tested(
    code: Code, group: tuple[int, int], asked: tuple[int, int], own: str, *, chained: bool
) -> Outcome | None:
    condition = f"{code.shown[group[0] + 1 : asked[0]]}§{code.shown[asked[1] : group[1]]}"
    joints = {joint.lower() for joint in _JOINED.findall(condition)}
    parts = [part.strip() for part in _JOINED.split(condition)[::2]]
    absent: tuple[int, int] | None
    present: tuple[int, int] | None
    part = next((part for part in parts if "§" in part), "")
    then = code.opened(group[1] + 1)
    if then is None:
        return None
    following = re.compile(r"\s*else\s*(?=\{)", re.IGNORECASE).match(code.shown, then[1] + 1)
    other = code.opened(following.end()) if following else None
    if _ABSENT.fullmatch(part):
        absent, present = then, other
        sure = "and" not in joints
    elif _PRESENT.fullmatch(part):
        absent, present = other, then
        sure = "or" not in joints
    else:
        return None
    if not sure:
        return None
    if absent is None:
        return _after(code, then, own) if present == then and not chained else None
    before = re.compile(r"\bif\s*$", re.IGNORECASE).search(code.shown, max(0, group[0] - 20), group[0])
    given = before is not None and _GIVEN.search(code.shown[max(0, before.start() - 20) : before.start()])
    return _without(code, absent, present, own, given=bool(given))


def _without(
    code: Code, absent: tuple[int, int], present: tuple[int, int] | None, own: str, *, given: bool
) -> Outcome:
    """Return the need by the block that is run where the variable is absent."""
    flat = code.flat(absent)
    if _ENDS.search(flat):
        return Outcome("required")
    for listed in _COLLECTS.finditer(flat):
        if _refused(code, listed[1] or listed[2], absent[1]):
            return Outcome("required")
    if given:
        return _taken(code, absent[0] + 1, absent[1])
    targets = [own] if own else []
    targets += [re.escape(name) for name in _targets(code.flat(present), own)] if present else []
    for target in targets:
        match = re.compile(rf"(?:{target})\s*=(?!=)\s*([^\n;]*)", re.IGNORECASE).search(flat)
        if match is not None:
            at = absent[0] + 1
            return _taken(code, at + match.start(1), at + match.end(1))
    back = re.compile(r"\breturn\s+(\$\w+)\s*(?:[;\n]|$)", re.IGNORECASE).search(flat)
    return _parameter(back[1]) if back else Outcome("optional")


def _parameter(written: str) -> Outcome:
    """Return what a name that is given back says: it may be a parameter, that a caller gives."""
    known = {"$null", "$true", "$false"}
    return Outcome("optional") if written.lower() in known else Outcome("optional", written)


def _after(code: Code, then: tuple[int, int], own: str) -> Outcome | None:
    """Read what follows ``if ($x) { return $x }``: an end, or what is given back instead."""
    if not re.search(rf"\breturn\s+(?:{own or '§'})", code.flat(then), re.IGNORECASE):
        return None
    following = re.compile(r"[\s;]*(?:(throw)\b|return\s+(\$\w+)\s*[;\n}])", re.IGNORECASE).match(
        code.shown, then[1] + 1
    )
    if following is None:
        return None
    return Outcome("required") if following[1] else _parameter(following[2])


def _targets(flat: str, own: str) -> list[str]:
    """Return the names that are given the variable's value."""
    return re.findall(
        rf"(\$\{{?(?:\w+:)?\w+\}}?)\s*=\s*(?:\[[\w.]+\]\s*)?\"?(?:{own or '§'})", flat, re.IGNORECASE
    )


def _refused(code: Code, name: str, at: int) -> bool:
    """Tell whether the script ends where a list of what is missing holds anything."""
    for match in re.compile(rf"\bif\s*\(\s*\${name}\b", re.IGNORECASE).finditer(code.shown, at):
        group = next(iter(code.groups(match.end() - 1)), None)
        block = code.opened(group[1] + 1) if group else None
        if block is not None and _ENDS.search(code.flat(block)):
            return True
    return False
