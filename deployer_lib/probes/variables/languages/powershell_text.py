"""The text of a PowerShell script as code alone: comments and literal texts blanked, braces and parentheses paired."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["CONDITIONAL", "Code", "shown"]

_NEXT: Final = re.compile(r"""<#|@(?P<here>['"])[ \t]*\r?\n|['"#`()]""")
#: In a text: what is escaped, its end, and what is expanded.
_EXPANDED: Final = re.compile(r"""`.|""|"|\$\(|\$(?:\{[^}\n]*\}|[A-Za-z_]\w*(?::\w+)?)""", re.DOTALL)
_BEFORE_COMMENT: Final = frozenset(" \t\r\n;(){}|&,=")
_HEADED: Final = re.compile(r"([\w-]+)\s*$")
#: Blocks that may be passed by.
CONDITIONAL: Final = frozenset({"if", "elseif", "else", "switch", "catch", "trap", "while", "default"})


def shown(text: str) -> str:
    """Return a script's text with all that is no code blanked, so that places stay the same.

    A text in double quotes keeps what is expanded in it; of one in single quotes the quotes alone are left.
    """
    return _Shown(text).made()


class _Shown:
    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces: list[str] = []
        self.done = 0  # characters that are in the pieces

    def made(self) -> str:
        self._code(0, nested=False)
        self.pieces.append(self.text[self.done :])
        return "".join(self.pieces)

    def _blank(self, start: int, end: int) -> int:
        self.pieces.append(self.text[self.done : start])
        self.pieces.append(re.sub(r"[^\n]", " ", self.text[start:end]))
        self.done = end
        return end

    def _code(self, at: int, *, nested: bool) -> int:
        """Go over code; of $(…) up to its end."""
        depth = 0
        while (match := _NEXT.search(self.text, at)) is not None:
            at = match.end()
            if match[0] == ")" and nested and not depth:
                return at
            depth += (match[0] == "(") - (match[0] == ")")
            at = self._passed(match)
        return len(self.text)

    def _passed(self, match: re.Match[str]) -> int:
        """Blank what a sign begins, and return where code goes on."""
        text, sign, start, at = self.text, match[0], match.start(), match.end()
        if match["here"]:
            return self._here(match)
        if sign in {'"', "'"}:
            return self._string(at, len(text), closes=True) if sign == '"' else self._plain(at)
        if sign == "<#":
            return self._blank(start, _after(text, "#>", at))
        if sign == "#" and (start == 0 or text[start - 1] in _BEFORE_COMMENT):
            end = text.find("\n", start)
            return self._blank(start, len(text) if end < 0 else end)
        if sign == "`":  # the next sign is none of the language's, or the line goes on
            self.pieces.append(f"{text[self.done : start]}  ")
            at = self.done = min(start + 2, len(text))
        return at

    def _plain(self, at: int) -> int:
        closing = re.compile(r"(?:[^']|'')*").match(self.text, at)
        return self._blank(at, closing.end() if closing else at) + 1

    def _here(self, match: re.Match[str]) -> int:
        closing = re.compile(rf"\n[ \t]*{match['here']}@").search(self.text, match.end() - 1)
        end = closing.end() - 2 if closing else len(self.text)
        if match["here"] == "'":
            self._blank(match.end(), end)
        else:
            self._string(match.end(), end, closes=False)
        return min(end + 2, len(self.text))

    def _string(self, at: int, end: int, *, closes: bool) -> int:
        while (match := _EXPANDED.search(self.text, at, end)) is not None:
            if match[0] == '"' and closes:
                return self._blank(at, match.start()) + 1
            if match[0][0] != "$":
                at = self._blank(at, match.end())
                continue
            self._blank(at, match.start())
            at = self._code(match.end(), nested=True) if match[0] == "$(" else match.end()
        return self._blank(at, end)


def _after(text: str, end: str, at: int) -> int:
    found = text.find(end, at)
    return len(text) if found < 0 else found + len(end)


@dataclass(frozen=True, slots=True)
class _Pair:
    start: int
    end: int  # of the closing sign


class Code:
    """A script's code, and its blocks."""

    def __init__(self, text: str) -> None:
        """Look at a script.

        Args:
            text: as it is written.
        """
        self.text = text
        self.shown = shown(text)
        self.braces, self.parentheses = _pairs(self.shown)

    def blocks(self, at: int) -> list[tuple[int, int]]:
        """Return the blocks around a place, innermost first: where each begins and ends."""
        return [(one.start, one.end) for one in self.braces if one.start < at < one.end][::-1]

    def groups(self, at: int) -> list[tuple[int, int]]:
        """Return the parentheses around a place that stand in its block, innermost first."""
        inner = next(iter(self.blocks(at)), (-1, len(self.shown)))
        return [(one.start, one.end) for one in self.parentheses if inner[0] < one.start < at < one.end][::-1]

    def opened(self, at: int) -> tuple[int, int] | None:
        """Return the block that begins at a place, blanks left aside."""
        here = re.compile(r"\s*\{").match(self.shown, at)
        return (
            None if here is None else next((b.start, b.end) for b in self.braces if b.start == here.end() - 1)
        )

    def head(self, start: int) -> str:
        """Return the word that a block or a group belongs to: if, else, foreach, a function's name."""
        before = self.shown[:start].rstrip()
        if before.endswith(")"):
            owner = next((one for one in self.parentheses if one.end == len(before) - 1), None)
            before = self.shown[: owner.start] if owner is not None else ""
        found = _HEADED.search(before[-80:])
        return found[1].lower() if found else ""

    def flat(self, block: tuple[int, int]) -> str:
        """Return what a block does itself, with what its own blocks do blanked."""
        start, end = block
        text = self.shown[start + 1 : end]
        for one in self.braces:
            if start < one.start and one.end < end:
                at, to = one.start - start - 1, one.end - start - 1
                text = text[: at + 1] + " " * (to - at - 1) + text[to:]
        return text


def _pairs(text: str) -> tuple[list[_Pair], list[_Pair]]:
    """Return braces and parentheses by where they begin; one that is not closed goes on to the end."""
    found: dict[str, list[_Pair]] = {"{": [], "(": []}
    for opening, closing in ("{}", "()"):
        stack: list[int] = []
        for match in re.compile(rf"[{re.escape(opening + closing)}]").finditer(text):
            if match[0] == opening:
                stack.append(match.start())
            elif stack:
                found[opening].append(_Pair(stack.pop(), match.start()))
        found[opening] += [_Pair(start, len(text)) for start in stack]
        found[opening].sort(key=lambda pair: pair.start)
    return found["{"], found["("]
