"""Names that a PowerShell script holds in a list or hands to a function: ``foreach ($name in @("A", "B")) { … "env:$name" … }``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.variables.languages.powershell_text import Code

__all__ = ["Call", "Function", "calls_of", "function_around", "names_held"]

_TEXT: Final = re.compile(r"""'([^']*)'|"([^"$`]*)\"""")
_LIST: Final = re.compile(r"""[\s@(),]*(?:(?:'[^']*'|"[^"$`]*"|#[^\n]*)[\s@(),]*)+""")
_EACH: Final = re.compile(r"\|\s*(?:ForEach-Object|Where-Object|ForEach|Where|%|\?)\s*$", re.IGNORECASE)
_FUNCTION: Final = re.compile(r"\bfunction\s+(?:\w+:)?([\w-]+)\s*", re.IGNORECASE)
_PARAM: Final = re.compile(r"\{(?:\s*\[[^\n]*\])*\s*param\s*\(", re.IGNORECASE)
_ARGUMENT: Final = re.compile(
    r"""\s*(?:-([A-Za-z]\w*)(?=[\s:)])|('[^']*'|"[^"]*"|\([^()\n]*\)|[^\s;|)}]+))"""
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a script."""

    name: str
    parameters: tuple[str, ...]  # in lower case
    usual: dict[str, str]  # what a parameter is where a call does not give it, as source
    block: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function, by the parameters that it gives."""

    at: int
    given: dict[str, str]  # parameter → source


def names_held(code: Code, name: str, at: int) -> list[str]:
    """Return the texts that a name may be where it is asked for; none where that is not known.

    Args:
        code: the script.
        name: without its dollar sign.
        at: where it is asked for.
    """
    for start, _ in code.blocks(at):
        if name == "_":
            if (each := _EACH.search(code.shown[:start])) is not None:
                return _before(code, each.start())
        elif code.head(start) == "foreach":
            head = re.compile(rf"\(\s*\${re.escape(name)}\s+in\s+", re.IGNORECASE)
            group = next((g for g in code.parentheses if g.end == len(code.shown[:start].rstrip()) - 1), None)
            if group is not None and (match := head.match(code.shown, group.start)) is not None:
                return _listed(code, match.end(), group.end)
    return _assigned(code, name, at)


def _listed(code: Code, start: int, end: int) -> list[str]:
    written = code.text[start:end].strip()
    if re.fullmatch(r"\$(?:\w+:)?\w+", written):
        return _assigned(code, written[1:], start)
    return _texts(written) if _LIST.fullmatch(written) else []


def _texts(written: str) -> list[str]:
    bare = re.sub(r"(?m)#.*$", "", written)
    return [match[1] if match[1] is not None else match[2] for match in _TEXT.finditer(bare)]


def _before(code: Code, end: int) -> list[str]:
    """Return what is handed to a pipe: a list in parentheses, a name, or texts on the same line."""
    before = code.shown[:end].rstrip()
    group = next((g for g in code.parentheses if g.end == len(before) - 1), None)
    if group is not None:
        return _listed(code, group.start, group.end)
    line = max(before.rfind(sign) for sign in "\n;={(") + 1
    return _listed(code, line, len(before))


def _assigned(code: Code, name: str, at: int) -> list[str]:
    """Return the texts of the list, or the one text, that a name was given last."""
    given = [
        match
        for match in re.compile(rf"\$\{{?{re.escape(name)}\}}?\s*=(?!=)\s*", re.IGNORECASE).finditer(
            code.shown
        )
        if match.start() < at
    ]
    if not given:
        return []
    start = given[-1].end()
    match = re.compile(r"@?\(").match(code.shown, start)
    group = next((g for g in code.parentheses if match and g.start == match.end() - 1), None)
    if group is not None:
        return _listed(code, group.start, group.end)
    found = re.compile(r"""\s*(?:'[^']*'|"[^"$`\n]*")(?:\s*,\s*(?:'[^']*'|"[^"$`\n]*"))*""").match(
        code.text, start
    )
    return _texts(found[0]) if found else []


def function_around(code: Code, at: int) -> Function | None:
    """Return the innermost function that a place stands in."""
    for start, end in code.blocks(at):
        for match in _FUNCTION.finditer(code.shown, max(0, start - 2000), start):
            listed = next((g for g in code.parentheses if g.start == match.end()), None)
            head_end = listed.end + 1 if listed is not None else match.end()
            if code.shown[head_end:start].strip():
                continue
            inner = _PARAM.match(code.shown, start)
            if listed is None and inner is not None:
                listed = next((g for g in code.parentheses if g.start == inner.end() - 1), None)
            usual = _parameters(code, listed.start + 1, listed.end) if listed is not None else {}
            known = {name: value for name, value in usual.items() if value}
            return Function(match[1], tuple(usual), known, (start, end))
    return None


def _parameters(code: Code, start: int, end: int) -> dict[str, str]:
    """Return the parameters that a list declares, and what each is where it is not given: empty for nothing."""
    found: dict[str, str] = {}
    at = start
    for cut in [*_commas(code.shown, start, end), end]:
        match = re.compile(
            r"(?:\[[^$]*?(?:\$(?:true|false)[^$]*?)*\])*\s*\$(\w+)\s*(=)?", re.IGNORECASE | re.DOTALL
        ).search(code.shown, at, cut)
        if match is not None:
            found[match[1].lower()] = code.text[match.end() : cut].strip() if match[2] else ""
        at = cut + 1
    return found


def _commas(text: str, start: int, end: int) -> Iterator[int]:
    depth = 0
    for at in range(start, end):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if text[at] == "," and not depth:
            yield at


def calls_of(code: Code, function: Function) -> Iterator[Call]:
    """Yield the calls of a function in a script.

    Args:
        code: the script, that need not be the one that declares it.
        function: what is called.
    """
    name = re.compile(rf"(?<![\w$.:\\/-]){re.escape(function.name)}(?![\w-])", re.IGNORECASE)
    for match in name.finditer(code.shown):
        if re.search(r"\bfunction\s+(?:\w+:)?$", code.shown[: match.start()], re.IGNORECASE):
            continue
        yield Call(match.start(), _given(code, match.end(), function))


def _given(code: Code, at: int, function: Function) -> dict[str, str]:
    given: dict[str, str] = {}
    named, rest = "", list(function.parameters)
    stop = re.compile(r"[\n;]").search(code.shown, at)
    end = stop.start() if stop else len(code.shown)
    while (match := _ARGUMENT.match(code.text, at, end)) is not None:
        at = match.end()
        if match[1]:
            named = next((p for p in function.parameters if p.startswith(match[1].lower())), "")
            given.setdefault(named, "$true")
        else:
            free = [p for p in rest if p not in given]
            target = named or (free[0] if free else "")
            given[target] = match[2].rstrip(",")
            named = ""
    return given
