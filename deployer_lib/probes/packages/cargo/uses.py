"""The trees of ``use`` declarations, taken apart: ``use a::{b as c, d::*};`` names a, binds c, and takes all of d."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Tree", "use_tree"]

_TOKEN: Final = re.compile(r"//[^\n]*|/\*.*?\*/|r#(\w+)|(\w+)|(::)|([{},*])|(\n)", re.DOTALL)
_DEPTH: Final = 50


@dataclass(frozen=True, slots=True)
class Tree:
    """One leaf of a declaration."""

    segments: tuple[str, ...]
    alias: str
    glob: bool
    absolute: bool  # begins with ``::``
    line: int  # of its first segment, from 0 where the declaration begins

    @property
    def binds(self) -> str:
        """Return the name that it brings into scope."""
        if self.alias:
            return self.alias
        last = self.segments[-1] if self.segments else ""
        return self.segments[-2] if last == "self" and len(self.segments) > 1 else last


def use_tree(argument: str) -> Iterator[Tree]:
    """Yield the leaves of a declaration's argument."""
    tokens: list[tuple[str, int]] = []
    line = 0
    for match in _TOKEN.finditer(argument):
        word = next((group for group in match.groups() if group), "")
        if word and word != "\n":
            tokens.append((word, line))
        line += match.group().count("\n")
    yield from _tree(tokens, (), 0, absolute=False)


def _tree(
    tokens: list[tuple[str, int]], before: tuple[str, ...], depth: int, *, absolute: bool
) -> Iterator[Tree]:
    segments, alias, glob = list(before), "", False
    line = tokens[0][1] if tokens else 0
    index = 0
    while index < len(tokens):
        word, here = tokens[index]
        if word == "::":
            absolute = absolute or not segments
        elif word == "{":
            end = _closing(tokens, index)
            if depth < _DEPTH:
                for part in _parts(tokens[index + 1 : end]):
                    yield from _tree(part, tuple(segments), depth + 1, absolute=absolute)
            return
        elif word == "*":
            glob = True
        elif word == "as" and index + 1 < len(tokens):
            alias = tokens[index + 1][0]
            break
        else:
            if not segments:
                line = here
            segments.append(word)
        index += 1
    if segments:
        yield Tree(tuple(segments), alias, glob, absolute, line)


def _closing(tokens: list[tuple[str, int]], start: int) -> int:
    depth = 0
    for index in range(start, len(tokens)):
        depth += {"{": 1, "}": -1}.get(tokens[index][0], 0)
        if not depth:
            return index
    return len(tokens)


def _parts(tokens: list[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    depth = 0
    part: list[tuple[str, int]] = []
    for token in tokens:
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if token[0] == "," and not depth:
            if part:
                yield part
            part = []
        else:
            part.append(token)
    if part:
        yield part
