"""PowerShell: ``$env:X``, ``[Environment]::GetEnvironmentVariable("X")``, ``Test-Path env:X``, where no line before has set X."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.languages.files import texts_of
from deployer_lib.probes.variables.languages.placeholders import line_of
from deployer_lib.probes.variables.languages.powershell_names import calls_of, function_around, names_held
from deployer_lib.probes.variables.languages.powershell_needs import Outcome, literal, outcome_of
from deployer_lib.probes.variables.languages.powershell_text import CONDITIONAL, Code
from deployer_lib.probes.variables.model import Found, Read, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from deployer_lib.probes.variables.languages.powershell_names import Function

__all__ = ["PowerShell"]

_MARK: Final = re.compile(r"env:|Environment\]::Get", re.IGNORECASE)
#: What tools write into projects, and tests by their name.
_FOREIGN: Final = re.compile(r"(?:^|/)(?:dotnet-install|Activate)\.ps1$|\.Tests\.ps1$", re.IGNORECASE)
#: Set by Windows itself for every log-in, or by PowerShell.
_OWN: Final = frozenset(
    """
    PATH PATHEXT OS WINDIR SYSTEMROOT SYSTEMDRIVE COMSPEC HOME HOMEDRIVE HOMEPATH USERPROFILE USERNAME USERDOMAIN USER
    COMPUTERNAME NUMBER_OF_PROCESSORS PSMODULEPATH PSEXECUTIONPOLICYPREFERENCE
    """.split()  # noqa: SIM905  (a table of words reads best as one)
)
_NAME: Final = re.compile(r"[A-Za-z_][\w.()-]*")
_DRIVE: Final = re.compile(r"env:[\\/]?", re.IGNORECASE)
_READ: Final = re.compile(
    r"""
    \$(?:env:(?P<bare>\w+)|\{env:(?P<braced>[^}\n]+)\})
    | \[(?:System\.)?Environment\]::GetEnvironmentVariable\s*(?P<call>\()
    | (?<![\w-])(?:Test-Path|Get-Item|Get-Content|Get-ChildItem|Get-ItemProperty|gci|gi|gc)\s+(?:-(?:Literal)?Path\s+)?
      (?P<drive>["']|env:[\\/]?(?P<item>[\w.]+)(?![\w.*]))
    """,
    re.IGNORECASE | re.VERBOSE,
)
_OPTION: Final = re.compile(r"\s+-(?:ErrorAction|ea)\s+[\w'\"]+", re.IGNORECASE)
_WRITE: Final = re.compile(r"\s*=(?!=)")
_SETS: Final = re.compile(
    r"""(?:Set-Item|New-Item|\bsi)\s+(?:-(?:Literal)?Path\s+)?["']?env:[\\/]?(\w+)
    |\[(?:System\.)?Environment\]::SetEnvironmentVariable\s*\(\s*["'](\w+)["']\s*,(?![^\n]*(?:Machine|User)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_SOURCED: Final = re.compile(r"^[ \t]*\.\s+[^\n]*?([\w.-]+\.ps1)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One place where a variable is asked for."""

    name: str  # with a dollar sign before it, what holds the name
    start: int
    end: int
    idiom: str


class PowerShell:
    """Reads PowerShell scripts, modules and their data files."""

    language = "powershell"
    suffixes = frozenset({".ps1", ".psm1", ".psd1"})
    deploy = False

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
        found = Found()
        texts = {
            relative.as_posix(): text
            for relative, text in texts_of(root, files, found)
            if not _FOREIGN.search(relative.as_posix())
        }
        codes = {path: Code(text) for path, text in texts.items() if _MARK.search(text)}
        sets = {path.rpartition("/")[2].lower(): _sets(code) for path, code in codes.items()}
        spelt: dict[str, str] = {}  # names are the same in capitals and small letters
        wrappers: list[tuple[Function, _Asked, Outcome]] = []
        for path, code in codes.items():
            for read in _reads(path, code, sets, wrappers):
                if read.name:
                    found.reads.append(_spelt(read, spelt))
                else:
                    found.computed.append(read.reference)
        if wrappers:
            names = {function.name.lower() for function, _, _ in wrappers}
            for path, text in texts.items():
                if any(name in text.lower() for name in names):
                    code = codes.get(path) or Code(text)
                    found.reads.extend(_spelt(read, spelt) for read in _wrapped(path, code, wrappers))
        return found


def _spelt(read: Read, spelt: dict[str, str]) -> Read:
    name = spelt.setdefault(read.name.lower(), read.name)
    return Read(name, read.need, read.default, read.reference)


def _reads(
    path: str,
    code: Code,
    elsewhere: dict[str, dict[str, list[tuple[int, int]]]],
    wrappers: list[tuple[Function, _Asked, Outcome]],
) -> Iterator[Read]:
    """Yield a script's reads; without a name where that is made at run time. What hangs on a call goes to the wrappers."""
    sets = _sets(code)
    for match in _SOURCED.finditer(code.text):
        for name, places in elsewhere.get(match[1].lower(), {}).items():
            if places:
                sets.setdefault(name, []).append(match.span())
    for one in _asked(code):
        place = Reference(path, *line_of(code.text, one.start), one.idiom)
        held = one.name[1:].strip("{}") if one.name.startswith("$") else ""
        names = names_held(code, held, one.start) if held else [one.name]
        function = function_around(code, one.start) if held else None
        if function is not None and held.lower() in function.parameters:
            wrappers.append((function, one, outcome_of(code, one.start, one.end, "")))
        elif not names:
            yield Read("", "optional", None, place)
        for name in names:
            if _NAME.fullmatch(name) and not _is_own(code, name, one.start, sets):
                yield _read(code, one, name, place)


def _read(code: Code, one: _Asked, name: str, place: Reference) -> Read:
    own = rf"\$\{{?env:{re.escape(name)}\b\}}?"
    outcome = outcome_of(code, one.start, one.end, own)
    return Read(name, outcome.need, literal(outcome.instead) if outcome.need == "default" else None, place)


def _asked(code: Code) -> Iterator[_Asked]:
    for match in _READ.finditer(code.shown):
        if (name := match["bare"] or match["braced"]) is not None:
            if _WRITE.match(code.shown, match.end()) is None:
                yield _Asked(name, match.start(), match.end(), "$env:X")
        elif match["call"]:
            end = next((to for at, to in _groups(code) if at == match.end() - 1), match.end()) + 1
            given = re.compile(r"""\s*(?:["']([^"'$]+)["']|(\$\w+)\s*[,)])""").match(code.text, match.end())
            if given is not None:
                yield _Asked(given[1] or given[2], match.start(), end, "GetEnvironmentVariable()")
        elif match["item"]:
            yield _Asked(match["item"], match.start(), _end(code, match.end()), "env:X")
        else:
            given = re.compile(
                rf"""{_DRIVE.pattern}(?:([\w.]+(?:\(x86\))?)|(\$\w+|\$\{{\w+\}})|\$\((\$\w+)\))["']""",
                re.IGNORECASE,
            ).match(code.text, match.end())
            if given is not None:
                yield _Asked(
                    given[1] or given[2] or given[3], match.start(), _end(code, given.end()), "env:X"
                )


def _end(code: Code, at: int) -> int:
    """Return where a command ends that may be told to keep quiet about what it does not find."""
    option = _OPTION.match(code.shown, at)
    return option.end() if option is not None else at


def _groups(code: Code) -> Iterator[tuple[int, int]]:
    return ((one.start, one.end) for one in code.parentheses)


def _sets(code: Code) -> dict[str, list[tuple[int, int]]]:
    """Return the names that a script sets, in capitals, and where: what is after the end knows of it."""
    found: dict[str, list[tuple[int, int]]] = {}
    for match in re.compile(r"\$\{?env:(\w+)\}?\s*=(?!=)[^\n;]*", re.IGNORECASE).finditer(code.shown):
        found.setdefault(match[1].upper(), []).append(match.span())
    for match in _SETS.finditer(code.text):
        if code.shown[match.start()].strip():
            found.setdefault((match[1] or match[2]).upper(), []).append(match.span())
    return found


def _is_own(code: Code, name: str, at: int, sets: dict[str, list[tuple[int, int]]]) -> bool:
    """Tell whether a variable is Windows' or the script's own: set before, and not in a branch that may be passed by."""
    if name.upper() in _OWN:
        return True
    around = set(code.blocks(at))
    return any(
        end <= at
        and not any(
            block not in around and code.head(block[0]) in CONDITIONAL for block in code.blocks(start)
        )
        for start, end in sets.get(name.upper(), ())
    )


def _wrapped(path: str, code: Code, wrappers: Sequence[tuple[Function, _Asked, Outcome]]) -> Iterator[Read]:
    """Yield what the calls of functions read that are given a name."""
    for function, one, outcome in wrappers:
        handed = (outcome.instead or "").lstrip("$").lower()
        for call in calls_of(code, function):
            need, default = outcome.need, literal(outcome.instead) if outcome.need == "default" else None
            if handed and handed in function.parameters:
                default = literal(call.given.get(handed) or function.usual.get(handed))
                need = "default" if handed in call.given or default is not None else need
            place = Reference(path, *line_of(code.text, call.at), function.name)
            for name in _named(code, call.given.get(one.name[1:].strip("{}").lower(), ""), call.at):
                if _NAME.fullmatch(name) and name.upper() not in _OWN:
                    yield Read(name, need, default, place)


def _named(code: Code, given: str, at: int) -> list[str]:
    """Return the names that a call gives: a text, a word without quotes, or what a loop's name stands for."""
    if given.startswith("$"):
        return names_held(code, given[1:], at)
    name = literal(given)
    return [given if name is None else name]
