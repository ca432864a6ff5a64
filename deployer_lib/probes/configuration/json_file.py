"""Read JSON with the line of every key; comments and trailing commas where the file's own reader takes them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Location
from deployer_lib.probes.configuration.model import Path, Settings, Tree, Unknown, Unreadable
from deployer_lib.probes.configuration.placeholders import filled

if TYPE_CHECKING:
    from deployer_lib.probes.configuration.model import TargetVariables

__all__ = ["read_json"]

_MAX_DEPTH: Final = 100
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_COMMENTS: Final = re.compile(r"(?:[ \t\r\n]|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"', re.DOTALL)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, Tree]] = {"true": True, "false": False, "null": None}
_NO_VALUE: Final = re.compile(r"-?(?:NaN|Infinity)|undefined|None|True|False|[\]},:]")
_LENIENT: Final = re.compile(r"appsettings(\..+)?\.json|.*\.(jsonc|json5)", re.IGNORECASE)


def read_json(text: str, file: str, variables: TargetVariables) -> Settings:
    """Return what a JSON file says.

    Raises:
        Unreadable: it is no JSON; NaN and Infinity are none.
    """
    name = file.rpartition("/")[2]
    reader = _Reader(text, file, variables, lenient=bool(_LENIENT.fullmatch(name)))
    tree = reader.value((), 0)
    reader.skip()
    if reader.at < len(text):
        raise reader.wrong("something stands after its end")
    return Settings(file, tree, reader.places)


@dataclass(slots=True)
class _Reader:
    text: str
    file: str
    variables: TargetVariables
    lenient: bool
    at: int = 0
    places: dict[Path, Location] = field(default_factory=dict)
    _line: int = 1
    _counted: int = 0

    def wrong(self, what: str) -> Unreadable:
        return Unreadable(f"it is no JSON: {what}", self.line())

    def line(self) -> int:
        """Return the line at which we are; the text is counted once only."""
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def skip(self) -> None:
        match = (_COMMENTS if self.lenient else _SPACE).match(self.text, self.at)
        self.at = match.end() if match else self.at

    def value(self, path: Path, depth: int) -> Tree:
        self.skip()
        if depth > _MAX_DEPTH:
            raise self.wrong("it is nested too deeply")
        sign = self.text[self.at : self.at + 1]
        if sign == "{":
            return self._map(path, depth)
        if sign == "[":
            return self._list(path, depth)
        if sign == '"':
            given = filled(self._string(), self.variables)
            return Unknown(given.why, self.line()) if isinstance(given, Unknown) else given
        return self._number() if sign and sign in "-0123456789" else self._word()

    def _string(self) -> str:
        match = _STRING.match(self.text, self.at)
        if match is None:
            raise self.wrong("a text has no end, or holds a line break")
        try:
            value = str(json.loads(match[0]))
        except ValueError:
            raise self.wrong("a text holds an escape that is none") from None
        self.at = match.end()
        return value

    def _number(self) -> Tree:
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            raise self.wrong("a number is none")
        self.at = match.end()
        number = float(match[0])
        if not math.isfinite(number):
            return Unknown("its number is too large", self.line())
        whole = match[1] is None and match[2] is None and len(match[0]) < 19  # noqa: PLR2004  (64 bits)
        return int(match[0]) if whole else number

    def _word(self) -> Tree:
        for word, value in _WORDS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        found = _NO_VALUE.match(self.text, self.at)  # anything else may be a password that lacks its quotes
        raise self.wrong(f"{found[0]!r} is no value" if found else "a value is missing, or lacks its quotes")

    def _next(self, end: str, *, first: bool) -> bool:
        """Go on to the next member; False at the end."""
        self.skip()
        if self.text.startswith(end, self.at):
            self.at += 1
            return False
        if first:
            return True
        if not self.text.startswith(",", self.at):
            raise self.wrong(f"a comma or {end} is missing")
        self.at += 1
        self.skip()
        if self.text.startswith(end, self.at):
            if not self.lenient:
                raise self.wrong(f"a comma stands before {end}")
            self.at += 1
            return False
        return True

    def _list(self, path: Path, depth: int) -> Tree:
        self.at += 1
        items: list[Tree] = []
        while self._next("]", first=not items):
            here = (*path, str(len(items)))
            self.places[here] = Location(self.file, self.line())
            items.append(self.value(here, depth + 1))
        return items

    def _map(self, path: Path, depth: int) -> Tree:
        self.at += 1
        tree: dict[str, Tree] = {}
        first = True
        while self._next("}", first=first):
            first = False
            line = self.line()
            name = self._string()
            self.skip()
            if not self.text.startswith(":", self.at):
                raise self.wrong("a colon is missing")
            self.at += 1
            value = self.value((*path, name), depth + 1)
            again = name in tree
            tree[name] = (
                Unknown(f"{name} stands more than once, and readers differ", line) if again else value
            )
            self.places[*path, name] = Location(self.file, line)
        return tree
