"""Where the route of a path is defined, in the ways in which frameworks write and compose routes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Source", "find_route"]

#: A line that defines a route or a prefix, as the frameworks write it.
_ROUTE: Final = re.compile(
    r"""^\s*@[\w.]+\s*\(|^\s*\#\[\w+\(|\.(get|post|put|patch|delete|head|options|all|route|use|nest|mount|service|scope|at
    |add_route|add_api_route|add_url_rule|include_router|register_blueprint|register|setGlobalPrefix|HandleFunc|Handle)\s*\(
    |\b(path|re_path|Route|Mount|APIRouter|Blueprint|Router|resource|scope)\s*\(""",
    re.VERBOSE,
)
#: A line that calls a route instead.
_CALL: Final = re.compile(
    r"\b(fetch|axios|requests|httpx|client|superagent|reqwest|urlopen|supertest)\b", re.IGNORECASE
)
_COMMENT: Final = re.compile(r"^\s*(#(?!\[)|//|/\*|\*|--|;)")
_PARAMETER: Final = r"(?:\{[^}/]+\}|:\w+|<[^>/]+>|\[\w+\])"  # {id}, {id:int}, :id, <id>, <int:id>, [id]
_ROOT: Final = re.compile(r"""["'`]/["'`]""")
_OPEN, _CLOSE = r"""[\^"'`]/?""", r"""/?\??\$?["'`]"""


@dataclass(frozen=True, slots=True)
class Source:
    """One text file of the project."""

    file: str  # relative to the project, with /
    lines: tuple[str, ...]
    rank: int  # 0 code, 1 configuration, 2 documents; 3 more for tests


def find_route(files: tuple[Source, ...], path: str, method: str = "") -> tuple[Location, ...]:
    """Return the places that define a path, the likeliest first; those that merely name it where none does.

    Args:
        files: the project's sources.
        path: as it is asked, with or without its query.
        method: routes of this method come first.
    """
    code = [source for source in files if source.rank == 0]
    segments = [s for s in path.partition("?")[0].split("/") if s]
    return next((found for found in _attempts(code, segments, method.lower()) if found), ())


def _attempts(code: list[Source], segments: list[str], method: str) -> Iterator[tuple[Location, ...]]:
    yield _matching(code, segments, method)
    for cut in range(len(segments), 0, -1):  # the longest prefix first, and its routes in the same file
        homes = [source for source in code if _matching([source], segments[:cut], "")]
        yield _matching(homes, segments[cut:], method, below_prefix=True)
    for cut in range(len(segments) - 1, 0, -1):  # a prefix given where the router is included
        if _matching(code, segments[:cut], ""):
            yield _matching(code, segments[cut:], method)
    yield _named(code, segments)


def _matching(
    code: list[Source], segments: list[str], method: str, *, below_prefix: bool = False
) -> tuple[Location, ...]:
    """Return lines that define a route of these segments; as they are first, then with parameters for some.

    Parameters alone match every path, so that the first segment must stand there, unless a prefix does.
    """
    patterns = [_pattern(segments, len(segments)) if segments or below_prefix else _ROOT]
    if segments[not below_prefix :]:
        patterns.append(_pattern(segments, int(not below_prefix)))
    for pattern in patterns:
        found = [
            (method not in line.lower(), source.file, number)
            for source in code
            for number, line in enumerate(source.lines, 1)
            if pattern.search(line)
            and _ROUTE.search(line)
            and not _CALL.search(line)
            and not _COMMENT.match(line)
        ]
        if found:
            return tuple(Location(file, number) for _, file, number in sorted(found))
    return ()


def _pattern(segments: list[str], literal: int) -> re.Pattern[str]:
    """Return what a route looks like whose first segments are literal, and whose others may be parameters."""
    if not segments:
        return re.compile(r"""["'`]/?["'`]|\(\s*\)""")
    parts = [
        re.escape(s) if number < literal else f"(?:{re.escape(s)}|{_PARAMETER})"
        for number, s in enumerate(segments)
    ]
    return re.compile(_OPEN + "/".join(parts) + _CLOSE)


def _named(code: list[Source], segments: list[str]) -> tuple[Location, ...]:
    pattern = re.compile(r"""["'`]/""" + "/".join(map(re.escape, segments)) + r"""["'`?]""")
    return tuple(
        Location(source.file, number)
        for source in code
        for number, line in enumerate(source.lines, 1)
        if pattern.search(line) and not _COMMENT.match(line)
    )
