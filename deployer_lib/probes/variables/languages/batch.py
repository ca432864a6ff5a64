"""Windows batch files: ``%X%``, ``!X!`` and ``if defined X``, where no line before has set X."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.files import texts_of
from deployer_lib.probes.variables.model import Found, Read, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from deployer_lib.probes.variables.model import Need

__all__ = ["Batch"]

#: Files that a template makes: run.cmd.template, env.bat.eex.
_TEMPLATE: Final = re.compile(
    r"\.(?:bat|cmd)\.(?:eex|erb|j2|jinja2?|tmpl|tpl|template|in|dist)$", re.IGNORECASE
)
#: What build tools write into every project that they build.
_FOREIGN: Final = frozenset({"gradlew.bat", "mvnw.cmd", "mvnw.bat"})
#: Set by the command interpreter or by Windows itself for every log-in, as PATH and HOME are elsewhere.
_OWN: Final = frozenset(
    """
    PATH PATHEXT CD DATE TIME RANDOM ERRORLEVEL CMDCMDLINE CMDEXTVERSION HIGHESTNUMANODENUMBER PROMPT COMSPEC OS WINDIR SYSTEMROOT
    SYSTEMDRIVE HOMEDRIVE HOMEPATH USERPROFILE USERNAME USERDOMAIN COMPUTERNAME NUMBER_OF_PROCESSORS
    """.split()  # noqa: SIM905  (a table of words reads best as one)
)
_COMMENT: Final = re.compile(r"\s*@?\s*(?:rem(?:\s|$)|::)", re.IGNORECASE)
#: A doubled sign is one sign; <%= … %> is the template's.
_NOT_READ: Final = re.compile(r"%%|<%.*?%>")
#: %X%, %X:a=b%, %X:~1,2%, !X!; by convention in capitals, as others are the script's own.
_READ: Final = re.compile(r"%([A-Z_][A-Z0-9_]*)(?::[^%\r\n]*)?%|!([A-Z_][A-Z0-9_]*)(?::[^!\r\n]*)?!")
_DEFINED: Final = re.compile(r"\bif\s+(not\s+)?defined\s+([A-Z_][A-Z0-9_]*)\b", re.IGNORECASE)
_BLANK: Final = re.compile(
    r"""\bif\s+(?:/i\s+)?(not\s+)?["'\[{(.x]?%([A-Z_][A-Z0-9_]*)%["'\]}).]?\s*(?:==|\bequ\b)\s*(?:""|''|\[\]|\{\}|\(\)|\.|x)(?=[\s(])""",
    re.IGNORECASE,
)
_SET: Final = re.compile(r"""\bset\s+(?:/[ap]\s+)?"?([A-Za-z_]\w*)\s*[-+*/]?=([^"&)\r\n]*)""", re.IGNORECASE)
#: Where lines may be reached from further down: a label, or a call of one.
_TURN: Final = re.compile(r"\s*:[A-Za-z_]|.*\bcall\s+:[A-Za-z_]", re.IGNORECASE)
_CALLED: Final = re.compile(
    r"""\bcall\s+"?(?:%~[a-z]+0)?[^"\r\n&]*?([\w.-]+\.(?:bat|cmd))\b""", re.IGNORECASE
)
_ENDS: Final = re.compile(
    r"\bexit(?:\s+/b)?\s+[1-9-]|\bgoto\s+:?\w*(?:fail|error|abort|die)\w*", re.IGNORECASE
)


class Batch:
    """Reads batch files."""

    language = "batch"
    suffixes = frozenset({".bat", ".cmd"})
    deploy = False

    def wants(self, relative: Path, head: bytes) -> bool:  # noqa: ARG002  (every reader is asked so)
        """Tell whether a file is a batch file, by its name.

        Args:
            relative: the file, relative to the project.
            head: its first bytes.
        """
        if relative.name.lower() in _FOREIGN:
            return False
        return relative.suffix in self.suffixes or _TEMPLATE.search(relative.name) is not None

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
        found = Found()
        texts = {relative: text.split("\n") for relative, text in texts_of(root, files, found)}
        sets = {relative.name.lower(): _sets(_shown(lines)) for relative, lines in texts.items()}
        for relative, lines in texts.items():
            found.reads.extend(_reads(relative.as_posix(), lines, sets))
        return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """One place where a name is asked for."""

    name: str
    row: int
    column: int
    idiom: str
    absent: str | None = None  # what is done where it is unset, as text; None where nothing is said


def _shown(lines: list[str]) -> list[str]:
    """Return the lines with all that is no command blanked, so that places stay the same."""
    return [
        "" if _COMMENT.match(line) else _NOT_READ.sub(lambda match: " " * len(match[0]), line)
        for line in lines
    ]


def _sets(shown: list[str]) -> dict[str, tuple[int, int]]:
    """Return the names that lines set, and where each is first set: line and byte, from 0."""
    first: dict[str, tuple[int, int]] = {}
    for row, line in enumerate(shown):
        for match in _SET.finditer(line):
            first.setdefault(match[1].upper(), (row, match.end()))
    return first


def _reads(path: str, lines: list[str], elsewhere: dict[str, dict[str, tuple[int, int]]]) -> Iterator[Read]:
    shown = _shown(lines)
    first = _sets(shown)
    for row, line in enumerate(shown):
        for match in _CALLED.finditer(line):
            for name in elsewhere.get(match[1].lower(), ()):
                first[name] = min(first.get(name, (row, match.end())), (row, match.end()))
    turns = [row for row, line in enumerate(shown) if _TURN.match(line)]
    for row in range(len(shown)):
        for one in _asked(shown, row):
            if one.name in _OWN or _is_own(one, first.get(one.name), turns):
                continue
            need, default = _need(one)
            column = len(lines[row][: one.column].encode("utf-8", "replace")) + 1
            yield Read(one.name, need, default, Reference(path, row + 1, column, one.idiom))


def _is_own(one: _Asked, at: tuple[int, int] | None, turns: list[int]) -> bool:
    """Tell whether a name is the script's own: set before, or perhaps in an earlier turn or by a label that is called."""
    if at is None:
        return False
    if at <= (one.row, one.column):
        return True
    return one.absent is None and any(turn <= one.row for turn in turns)


def _asked(shown: list[str], row: int) -> Iterator[_Asked]:
    line = shown[row]
    tested: set[int] = set()
    for pattern, idiom in ((_DEFINED, "if defined X"), (_BLANK, 'if "%X%"==""')):
        for match in pattern.finditer(line):
            name = match[2]
            if name != name.upper():
                continue
            tested.add(match.start(2))
            denied = match[1] is not None
            then, otherwise = _branches(shown, row, match.end())
            absent = then if denied is (pattern is _DEFINED) else otherwise
            yield _Asked(name, row, match.start(2), idiom, absent)
    for match in _READ.finditer(line):
        name, at = (match[1], match.start(1)) if match[1] else (match[2], match.start(2))
        if at not in tested:
            yield _Asked(name, row, at, "%X%" if match[1] else "!X!")


def _branches(shown: list[str], row: int, at: int) -> tuple[str, str]:
    """Return the text of what follows a condition, and of its else."""
    rest = shown[row][at:]
    if not rest.lstrip().startswith("("):
        return rest, ""
    text = "\n".join([rest, *shown[row + 1 : row + 40]])
    end = _closing(text)
    following = re.match(r"\s*else\b", text[end:], re.IGNORECASE)
    if following is None:
        return text[:end], ""
    after = text[end + following.end() :]
    return text[:end], after[: _closing(after)] if after.lstrip().startswith("(") else after.partition("\n")[
        0
    ]


def _closing(text: str) -> int:
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == ")" and depth <= 0:
            return at + 1
    return len(text)


def _need(one: _Asked) -> tuple[Need, str | None]:
    if not one.absent:
        return "optional", None
    for match in _SET.finditer(one.absent):
        if match[1].upper() == one.name:
            value = match[2].strip()
            return ("optional", None) if re.search(r"[%!]", value) else ("default", value)
    return ("required", None) if _ENDS.search(one.absent) else ("optional", None)
