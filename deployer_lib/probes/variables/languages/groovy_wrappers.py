"""Groovy's helpers around a read: a map that holds the environment, a method or closure that is handed the name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.variables.model import Need

__all__ = ["Wrapped", "maps_in", "wrapped_reads"]

_MAP: Final = re.compile(
    r"\b(?:def|var|final|Map(?:\s*<[^>\n]*>)?)\s+(\w+)\s*=\s*System\s*\.\s*(?:getenv\s*\(\s*\)|env)[ \t]*(?:;|$)",
    re.MULTILINE,
)
_HELPER: Final = re.compile(
    r"\b(?:def|String|boolean|Boolean|int|Integer|static|private|Closure|ext\s*\.)\s*(?P<name>\w+)\s*"
    r"(?:\((?P<taken>[^()]*)\)\s*\{|=\s*\{(?P<closed>[^{}>\n]*)->)"
)
_GETENV: Final = r"\b(?:getenv|environmentVariable)\s*\(\s*(\w+)\s*\)"
_ARGUMENT: Final = re.compile(r"\s*(\"[^\"$\n]*\"|'[^'\n]*'|[^,()\n]+)\s*([,)])")
_NAME: Final = re.compile(r"[\"']([A-Za-z_]\w*)[\"']")
_TOKEN: Final = re.compile(
    r"(?P<skip>//[^\n]*|/\*.*?\*/)|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """One call of a helper that reads what it is handed."""

    name: str
    need: Need
    default: str | None
    at: int  # where the call begins


@dataclass(frozen=True, slots=True)
class _Helper:
    name: str
    key: int  # position of the parameter that names the variable
    instead: int | None  # position of the one that stands in
    given: str | None  # what stands in by itself, as it is written
    throws: bool
    start: int  # of the definition
    end: int


def maps_in(text: str) -> frozenset[str]:
    """Return the names that a text binds to the whole environment."""
    return frozenset(_MAP.findall(text))


def wrapped_reads(text: str) -> Iterator[Wrapped]:
    """Yield the calls of a text's own helpers with a literal name."""
    bare = _TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m[0]) if m["skip"] else m[0], text)
    for helper in _helpers(bare):
        for match in re.finditer(rf"(?<![\w.$]){re.escape(helper.name)}\s*\(", bare):
            if helper.start <= match.start() < helper.end:
                continue
            given = _arguments(bare, match.end())
            named = _NAME.fullmatch(given[helper.key]) if helper.key < len(given) else None
            if named is None:
                continue
            handed = helper.instead is not None and helper.instead < len(given)
            written = given[helper.instead] if handed and helper.instead is not None else helper.given
            if written is not None and written != "null":
                yield Wrapped(named[1], "default", _value(written), match.start())
            else:
                yield Wrapped(named[1], "required" if helper.throws else "optional", None, match.start())


def _helpers(text: str) -> Iterator[_Helper]:
    for match in _HELPER.finditer(text) if "getenv" in text or "environmentVariable" in text else ():
        taken = match["taken"] if match["taken"] is not None else match["closed"]
        names, usual = _parameters(taken)
        end = _closing(text, match.end())
        body = text[match.end() : end]
        read = re.search(_GETENV, body)
        if read is None or read[1] not in names:
            continue
        after = re.match(
            r"\s*(?:\?:|\.\s*(?:getOrElse|orElse)\s*\()\s*(\"[^\"$\n]*\"|'[^'\n]*'|\w+)", body[read.end() :]
        )
        instead = names.index(after[1]) if after and after[1] in names else None
        literal = after[1] if after and instead is None and after[1][0] in "\"'" else None
        usually = literal if instead is None else usual[instead]
        yield _Helper(
            match["name"], names.index(read[1]), instead, usually, "throw " in body, match.start(), end
        )


def _parameters(taken: str) -> tuple[list[str], list[str | None]]:
    names: list[str] = []
    usual: list[str | None] = []
    for part in taken.split(","):
        declared, sign, value = part.partition("=")
        words = declared.split()
        names.append(words[-1] if words else "")
        usual.append(value.strip() if sign else None)
    return names, usual


def _closing(text: str, at: int) -> int:
    depth = 1
    while at < len(text) and depth:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at


def _arguments(text: str, at: int) -> list[str]:
    found: list[str] = []
    while (match := _ARGUMENT.match(text, at)) is not None:
        found.append(match[1].strip())
        at = match.end()
        if match[2] == ")":
            break
    return found


def _value(written: str) -> str | None:
    quoted = written[0] in "\"'"
    return written.strip("\"'") if quoted or re.fullmatch(r"-?\d[\d.]*|true|false", written) else None
