"""``$X``, ``${X}``, ``${X:-d}`` and their kin, in texts that are filled in before a program sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.variables.model import Need

__all__ = ["Placeholder", "assigned_in", "line_of", "placeholders"]

_START: Final = re.compile(r"\$(?:\{([A-Za-z_]\w*)(:?[-?+=])?|([A-Za-z_]\w*))", re.ASCII)
_NEEDS: Final[dict[str, Need]] = {"-": "default", "=": "default", "?": "required", "+": "optional"}
_ASSIGNED: Final = re.compile(
    r"(?:^|[\s;&|(\"'])(?:export\s+|local\s+|readonly\s+)?([A-Za-z_]\w*)=|\bfor\s+(\w+)\s+in\b|\bread\s+(?:-\w+\s+)*(\w+)"
)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One place that is filled in."""

    name: str
    need: Need
    default: str | None
    at: int  # first character of its dollar sign
    idiom: str
    operator: str = ""


def placeholders(
    text: str, *, escape: str = "$$", bare: bool = True, start: int = 0
) -> Iterator[Placeholder]:
    """Yield what is filled in, fallbacks inside fallbacks included.

    Args:
        text: what is looked at.
        escape: a dollar sign that is meant as one.
        bare: ``$X`` without braces is filled in, too.
        start: added to every position.
    """
    at = 0
    while (at := text.find("$", at)) >= 0:
        if text.startswith(escape, at) or (escape == "\\$" and text[at - 1 : at] == "\\"):
            at += len(escape) if escape == "$$" else 1
            continue
        match = _START.match(text, at)
        if match is None or (match[3] and not bare):
            at += 1
        elif match[3]:
            yield Placeholder(match[3], "optional", None, start + at, "$X")
            at = match.end()
        else:
            end = _closing(text, match.end())
            word = text[match.end() : end]
            if match[2] or not word:  # ${X/a/b}, ${X.y} and the like are another language's
                yield _filled(match, word, start + at)
                yield from placeholders(word, escape=escape, bare=bare, start=start + match.end())
            at = end + 1


def _filled(match: re.Match[str], word: str, at: int) -> Placeholder:
    operator = match[2] or ""
    need = _NEEDS.get(operator[-1:], "optional")
    return Placeholder(
        match[1],
        need,
        word if need == "default" else None,
        at,
        f"${{X{operator}{'…' if operator else ''}}}",
        operator,
    )


def _closing(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
            at += 1
        elif text[at] == "}":
            if not depth:
                return at
            depth -= 1
        elif text[at] == "\n" and not depth:
            return at
        at += 1
    return len(text)


def assigned_in(text: str) -> frozenset[str]:
    """Return the names that commands in a text give a value."""
    return frozenset(name for match in _ASSIGNED.finditer(text) for name in match.groups() if name)


def line_of(text: str, at: int) -> tuple[int, int]:
    """Return the line and the column in bytes, both from 1, of a character."""
    first = text.rfind("\n", 0, at) + 1
    return text.count("\n", 0, at) + 1, len(text[first:at].encode("utf-8", "replace")) + 1
