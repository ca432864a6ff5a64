"""What ``[ … ]``, ``[[ … ]]`` and ``test`` come to where one variable is unset."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["Blank", "evaluate"]

#: assumed: hangs on something else that is no emptiness test, as [ "$MODE" = prod ]; None: can't be told.
Value = bool | Literal["assumed"] | None

_BINARY: Final = frozenset(
    {"=", "==", "!=", "-eq", "-ne", "-gt", "-lt", "-ge", "-le", "=~", "<", ">", "-ef", "-nt", "-ot"}
)
_UNARY: Final = re.compile(r"-[a-zA-Z]")
_PATTERN: Final = re.compile(r"[*?\[]")
_EXPANDS: Final = re.compile(r"\$[\w{(]|`")
_CLASS: Final = re.compile(r"\[:\w+:\]")
_PAIRS: Final = {"(": ")", "{": "}"}


@dataclass(frozen=True, slots=True)
class Blank:
    """The variable that is unset: where it is expanded in the text, and to what."""

    start: int
    end: int
    value: str


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int


def evaluate(test: str, blank: Blank) -> bool | None:
    """Return what a test's inside (without its brackets) comes to; None where it hangs on other things.

    Args:
        test: what stands between the brackets, or after the word ``test``.
        blank: the variable that is unset.
    """
    parser = _Parser(_words(test), blank)
    value = parser.either()
    return value if isinstance(value, bool) and parser.at == len(parser.words) else None


def _words(test: str) -> list[_Word]:
    found: list[_Word] = []
    at = 0
    while at < len(test):
        if test[at].isspace() or test.startswith("\\\n", at):
            at += 1
            continue
        special = re.compile(r"&&|\|\||[()]").match(test, at)
        end = special.end() if special else _word_end(test, at)
        found.append(_Word(test[at:end], at))
        at = end
    return found


def _word_end(test: str, at: int) -> int:
    closers: list[str] = []
    while at < len(test):
        char = test[at]
        if char == "\\":
            at += 1
        elif closers and closers[-1] == "'":
            if char == "'":
                closers.pop()
        elif closers and char == closers[-1]:
            closers.pop()
        elif char == "$" and test[at + 1 : at + 2] in _PAIRS:
            closers.append(_PAIRS[test[at + 1]])
            at += 1
        elif char in '"`' or (char == "'" and '"' not in closers):
            closers.append(char)
        elif not closers and (char.isspace() or char in "()" or test.startswith(("&&", "||"), at)):
            break
        at += 1
    return min(at, len(test))


class _Parser:
    def __init__(self, words: list[_Word], blank: Blank) -> None:
        self.words = words
        self.blank = blank
        self.at = 0

    def either(self) -> Value:
        values = [self._both()]
        while self._next() in {"-o", "||"}:
            self.at += 1
            values.append(self._both())
        if any(value is True for value in values):
            return True
        if len(values) == 1:
            return values[0]
        return False if all(value is False for value in values) else None

    def _both(self) -> Value:
        values = [self._not()]
        while self._next() in {"-a", "&&"}:
            self.at += 1
            values.append(self._not())
        if any(value is False for value in values):
            return False
        if any(value is None for value in values):
            return None
        return True if any(value is True for value in values) else "assumed"

    def _not(self) -> Value:
        if self._next() != "!":
            return self._primary()
        self.at += 1
        value = self._not()
        return not value if isinstance(value, bool) else value

    def _primary(self) -> Value:
        word = self._take()
        if word is None:
            return None
        if word.text == "(":
            value = self.either()
            self._take()
            return value
        if self._next() in _BINARY:
            operator, right = self._take(), self._take()
            return self._compared(word, operator.text if operator else "", right)
        if _UNARY.fullmatch(word.text) and self._next():
            return self._asked(word.text, self._take())
        filled = self._filled(word)
        return None if filled is None else bool(filled)

    def _asked(self, operator: str, word: _Word | None) -> Value:
        if word is None:
            return None
        if operator == "-v":
            return False if self._holds(word) else None
        value = self._filled(word)
        if operator not in {"-z", "-n"}:
            # No file has an empty name.
            return False if value == "" and self._holds(word) else "assumed"
        return None if value is None else (value == "") is (operator == "-z")

    def _compared(self, left: _Word, operator: str, right: _Word | None) -> Value:
        if operator == "=~" and right is not None and self._holds(left):
            value = self._filled(left)
            return None if value is None else _matches(right.text, value)
        one, other = self._filled(left), self._filled(right) if right is not None else None
        if one is None or other is None or right is None:
            return "assumed" if not self._holds(left) and (right is None or not self._holds(right)) else None
        if operator in {"=", "==", "!="}:
            if _PATTERN.search(right.text) and right.text[0] not in "\"'":
                return None
            return (one == other) is (operator != "!=")
        return _counted(one, operator, other)

    def _holds(self, word: _Word) -> bool:
        return word.start <= self.blank.start < word.start + len(word.text)

    def _filled(self, word: _Word) -> str | None:
        """Return what a word is once the variable is taken for unset; None where something else is expanded."""
        raw = word.text
        if self._holds(word):
            before, after = raw[: self.blank.start - word.start], raw[self.blank.end - word.start :]
        else:
            before, after = raw, ""
        if "$" in before + after or "`" in before + after:
            return None
        value = self.blank.value if self._holds(word) else ""
        return (before + value + after).replace('"', "").replace("'", "")

    def _next(self) -> str:
        return self.words[self.at].text if self.at < len(self.words) else ""

    def _take(self) -> _Word | None:
        self.at += 1
        return self.words[self.at - 1] if self.at <= len(self.words) else None


def _counted(one: str, operator: str, other: str) -> bool | None:
    try:
        left, right = int(one or "0"), int(other or "0")
    except ValueError:
        return None
    known = {"-eq": left == right, "-ne": left != right, "-gt": left > right, "-lt": left < right,
             "-ge": left >= right, "-le": left <= right}  # fmt: skip
    return known.get(operator)


def _matches(pattern: str, value: str) -> bool | None:
    """Tell whether a pattern is found in a value; None where something is expanded in it, or it is no plain one."""
    if pattern[:1] in {"'", '"'} or _EXPANDS.search(pattern):
        return None
    try:
        return re.search(_CLASS.sub("x", pattern), value) is not None
    except re.error:
        return None
