"""CMake: ``$ENV{X}`` and ``DEFINED ENV{X}`` in ``CMakeLists.txt`` and ``*.cmake``, where no line before has set X."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.files import texts_of
from deployer_lib.probes.variables.languages.placeholders import line_of
from deployer_lib.probes.variables.model import Found, Read, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from deployer_lib.probes.variables.model import Need

__all__ = ["CMake"]

#: Set for every log-in, or by make for its own children.
_OWN: Final = frozenset(
    "PATH HOME USER USERNAME USERPROFILE SHELL PWD HOSTNAME COMPUTERNAME SYSTEMROOT WINDIR SYSTEMDRIVE COMSPEC OS".split()  # noqa: SIM905  (a table of words reads best as one)
)
#: What tools bring along whole: a package manager's toolchain, a downloader of packages.
_FOREIGN: Final = re.compile(r"(?:^|/)(?:vcpkg|CPM|get_cpm|conan(?:_provider)?|ecm_\w+)\.cmake$")
_NAME: Final = re.compile(r"[A-Za-z_][\w.()-]*")
#: Comments and what is taken as it is written; escaped signs.
_DEAD: Final = re.compile(
    r"""\#\[(?P<c>=*)\[.*?\](?P=c)\]|(?<=[\s(])\[(?P<b>=*)\[.*?\](?P=b)\]|\#[^\n]*|\\.""", re.DOTALL
)
_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COMMAND: Final = re.compile(r"\b([A-Za-z_]\w*)[ \t]*\(")
_READ: Final = re.compile(r"\$ENV\{((?:[^{}$\s]|\$\{\w+\})+)\}|\bDEFINED\s+ENV\{((?:[^{}$\s]|\$\{\w+\})+)\}")
#: find_path(… HINTS ENV X)
_FINDS: Final = frozenset({"find_file", "find_library", "find_path", "find_program"})
_SOUGHT: Final = re.compile(r"(?:(?<=\s)|(?<=\())ENV\s+(\w+)")
_HELD: Final = re.compile(r"\$\{(\w+)\}")
_OPENS: Final = frozenset({"if", "foreach", "while", "function", "macro", "block"})
_EMPTY: Final = r'"?§"?\s+(?:STR)?EQUAL\s+""'
_ABSENT: Final = re.compile(rf"NOT\s+\(?\s*(?:DEFINED\s+§|\"?§\"?)\s*\)?|{_EMPTY}")
_PRESENT: Final = re.compile(rf"DEFINED\s+§|\"?§\"?|NOT\s+\(?\s*{_EMPTY}\s*\)?")
_FATAL: Final = re.compile(r"\s*(?:FATAL_ERROR|SEND_ERROR)\b")
_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"()]+)')
_FEW: Final = 60  # commands after a read, in which its name is looked at


@dataclass(slots=True)
class _Command:
    """A command, the arms that it stands in, and for an if its own arms."""

    name: str  # in small letters
    start: int
    first: int  # of its arguments
    end: int
    arms: tuple[tuple[int, int], ...] = ()  # (command that opens, which of its arms), outermost first
    words: tuple[str, ...] = field(default=())


class CMake:
    """Reads CMake's files."""

    language = "cmake"
    suffixes = frozenset({".cmake", ".txt"})
    deploy = False

    def wants(self, relative: Path, head: bytes) -> bool:  # noqa: ARG002  (every reader is asked so)
        """Tell whether a file is one of CMake's, by its name.

        Args:
            relative: the file, relative to the project.
            head: its first bytes.
        """
        return relative.suffix == ".cmake" or relative.name == "CMakeLists.txt"

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
        found = Found()
        for relative, text in texts_of(root, files, found):
            path = relative.as_posix()
            if "ENV{" in text and not _FOREIGN.search(path):
                for read in _File(path, text).reads():
                    (found.reads.append(read) if read.name else found.computed.append(read.reference))
        return found


class _File:
    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        # What is dead in a text that is quoted may only be an escaped sign.
        self.code = _blanked(text)
        self.commands = _commands(self.code)

    def reads(self) -> Iterator[Read]:
        for index, command in enumerate(self.commands):
            if command.name in _FINDS:
                for sought in _SOUGHT.finditer(self.code, command.first, command.end):
                    if sought[1].upper() not in _OWN and not self._is_set(index, sought[1]):
                        place = Reference(self.path, *line_of(self.text, sought.start()), "ENV X")
                        yield Read(sought[1], "optional", None, place)
            for match in _READ.finditer(self.code, command.first, command.end):
                place = Reference(self.path, *line_of(self.text, match.start()), _idiom(match))
                written = match[1] or match[2]
                names = self._names(index, written)
                if not names:
                    yield Read("", "optional", None, place)
                for name in names:
                    if name.upper() not in _OWN and _NAME.fullmatch(name) and not self._is_set(index, name):
                        need, default = self._need(index, match, written)
                        yield Read(name, need, default, place)

    def _names(self, index: int, written: str) -> list[str]:
        """Return the names that a name with ``${var}`` in it stands for; none where that is not known."""
        held = _HELD.search(written)
        if held is None:
            return [written]
        values = self._looped(index, held[1]) or self._assigned(index, held[1])
        return [
            name
            for value in values
            for name in self._names(index, written[: held.start()] + value + written[held.end() :])
        ]

    def _looped(self, index: int, name: str) -> list[str]:
        for opener, _ in reversed(self.commands[index].arms):
            loop = self.commands[opener]
            if loop.name != "foreach" or not loop.words or loop.words[0] != name:
                continue
            values: list[str] = []
            lists = False
            for word in loop.words[2:] if loop.words[1:2] == ("IN",) else loop.words[1:]:
                if word in {"LISTS", "ITEMS"}:
                    lists = word == "LISTS"
                elif lists:
                    values += self._assigned(opener, word)
                else:
                    held = _HELD.fullmatch(word)
                    values += self._assigned(opener, held[1]) if held else word.split(";")
            return [] if any("$" in value for value in values) else values
        return []

    def _assigned(self, index: int, name: str) -> list[str]:
        """Return what a list was set to in the file before."""
        for command in reversed(self.commands[:index]):
            if command.name == "set" and command.words[:1] == (name,):
                values = [part for word in command.words[1:] for part in word.split(";")]
                return [] if any("$" in value for value in values) else values
        return []

    def _is_set(self, index: int, name: str) -> bool:
        """Tell whether a variable is set before, and not in an arm that may be passed by."""
        arms = set(self.commands[index].arms)
        return any(
            command.name == "set"
            and command.words[:1] == (f"ENV{{{name}}}",)
            and all(arm in arms or self.commands[arm[0]].name != "if" for arm in command.arms)
            for command in self.commands[:index]
        )

    # -- needs -----------------------------------------------------------------------------------------------------------

    def _need(self, index: int, match: re.Match[str], written: str) -> tuple[Need, str | None]:
        command = self.commands[index]
        if command.name in {"if", "elseif"}:
            return self._tested(index, match.start(), match.end(), f"ENV{{{written}}}")
        if command.name != "set" or len(command.words) < 2 or command.words[1] != match[0]:  # noqa: PLR2004  (a name, and a value)
            return "optional", None
        return self._followed(index, command.words[0])

    def _followed(self, index: int, name: str) -> tuple[Need, str | None]:
        """Return the need of a name that a variable's value was given to, by the condition that tests it next."""
        arms = self.commands[index].arms
        held = re.compile(rf"\$\{{{re.escape(name)}\}}|\b{re.escape(name)}\b")
        for at in range(index + 1, min(index + _FEW, len(self.commands))):
            command = self.commands[at]
            if command.arms[: len(arms)] != arms or (command.name == "set" and command.words[:1] == (name,)):
                break
            found = held.search(self.code, command.first, command.end) if command.name == "if" else None
            if found is not None:
                return self._tested(at, found.start(), found.end(), name)
        return "optional", None

    def _tested(self, index: int, start: int, end: int, target: str) -> tuple[Need, str | None]:
        """Return the need by what is done where a condition finds the variable absent."""
        command = self.commands[index]
        before = re.sub(r"DEFINED\s+$", "DEFINED ", self.code[command.first : start])
        asked = "DEFINED §" if self.code.startswith("DEFINED", start) else "§"
        condition = f"{before}{asked}{self.code[end : command.end]}"
        joints = set(re.findall(r"\s(OR|AND)\s", condition))
        part = next((one.strip() for one in re.split(r"\s(?:OR|AND)\s", condition) if "§" in one), "")
        arms = self._arms(index)
        held = f"${target}" if target.startswith("ENV{") else f"${{{target}}}"
        if _ABSENT.fullmatch(part) and "AND" not in joints:
            return self._without(arms[:1], target, *_given(arms[1:], held))
        if _PRESENT.fullmatch(part) and "OR" not in joints:
            return self._without(arms[1:], *_given(arms[:1], held))
        return "optional", None

    def _arms(self, index: int) -> list[list[_Command]]:
        """Return the commands of an if's arms that are run for sure: of its own, and of the else that follows it at once."""
        command = self.commands[index]
        chained = command.name == "elseif" and bool(command.arms)  # one without an if is a slip
        own = command.arms if chained else (*command.arms, (index, 0))
        opener = own[-1]
        then = [c for c in self.commands if c.arms == own and c.name not in {"elseif", "else"}]
        following = (opener[0], opener[1] + 1)
        path = (*own[:-1], following)
        other = [c for c in self.commands if c.arms == path]
        return [then, other[1:]] if other and other[0].name == "else" else [then]

    @staticmethod
    def _without(arms: list[list[_Command]], *targets: str) -> tuple[Need, str | None]:
        for command in (command for arm in arms for command in arm):
            if command.name == "message" and command.words[:1] and _FATAL.match(command.words[0]):
                return "required", None
            if command.name == "set" and command.words[:1] and command.words[0] in targets:
                value = " ".join(command.words[1:2])
                return "default", None if "$" in value else value
        return "optional", None


def _given(arms: list[list[_Command]], held: str) -> set[str]:
    """Return the names that commands give a variable's value."""
    return {one.words[0] for arm in arms for one in arm if one.name == "set" and held in one.words[1:]}


def _blanked(text: str) -> str:
    """Return a text with comments, brackets and escaped signs blanked."""
    pieces: list[str] = []
    at = 0
    either = re.compile(rf"(?P<quoted>{_TEXT.pattern})|{_DEAD.pattern}", re.DOTALL)
    for match in either.finditer(text):
        pieces.append(text[at : match.start()])
        if match["quoted"] is not None:
            pieces.append(re.sub(r"\\.", "  ", match[0], flags=re.DOTALL))
        else:
            pieces.append(re.sub(r"[^\n]", " ", match[0]))
        at = match.end()
    return "".join([*pieces, text[at:]])


def _commands(code: str) -> list[_Command]:
    """Return a file's commands in order."""
    found: list[_Command] = []
    arms: list[tuple[int, int]] = []
    at = 0
    while (match := _COMMAND.search(code, at)) is not None:
        name, at = match[1].lower(), _closing(code, match.end())
        if name in {"elseif", "else"} and arms:
            arms[-1] = (arms[-1][0], arms[-1][1] + 1)
        if name.startswith("end") and name[3:] in _OPENS and arms:
            arms.pop()
        words = tuple(
            word[1] if word[1] is not None else word[2] for word in _WORD.finditer(code, match.end(), at)
        )
        found.append(_Command(name, match.start(), match.end(), at, tuple(arms), words))
        if name in _OPENS:
            arms.append((len(found) - 1, 0))
    return found


def _closing(code: str, at: int) -> int:
    """Return where a command's parentheses close; those in a text don't count."""
    depth = 0
    for match in re.compile(rf"{_TEXT.pattern}|\$ENV\{{[^}}]*\}}|ENV\{{[^}}]*\}}|[()]", re.DOTALL).finditer(
        code, at
    ):
        if match[0] == ")" and not depth:
            return match.start()
        depth += (match[0] == "(") - (match[0] == ")")
    return len(code)


def _idiom(match: re.Match[str]) -> str:
    return "$ENV{X}" if match[1] else "DEFINED ENV{X}"
