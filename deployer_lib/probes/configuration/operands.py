"""What the starter rules look at: every setting of the target's variables and of production's files, under one name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Location
from deployer_lib.probes.configuration.masking import mask
from deployer_lib.probes.configuration.model import Path, Unknown, shown_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.check import JSONValue
    from deployer_lib.probes.configuration.model import Settings, TargetVariables, Tree
    from deployer_lib.probes.variables.model import Variable

__all__ = [
    "ENVIRONMENT",
    "Operand",
    "Statement",
    "fallbacks_of",
    "falsy",
    "operands_of",
    "truthy",
    "words_of",
]

#: Stands for a file where a setting is a variable of the target.
ENVIRONMENT: Final = ""
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
#: Files beside the application, whose fallbacks are not what it runs with; names that only tests and developers set.
_APART: Final = re.compile(r"(?:^|/)(?:integration|scripts?|tools?|docker|bin|dev|ci|hack|seeds?)/")
_TESTS: Final = re.compile(r"(?:test|dev|development|ci|e2e|local)_|.*_test_")
_TRUE: Final = frozenset({"true", "yes", "on", "1", "enabled", "enable", "active"})
_FALSE: Final = frozenset({"false", "no", "off", "0", "disabled", "disable", "none", "never"})


@dataclass(frozen=True, slots=True)
class Operand:
    """One setting."""

    file: str  # ENVIRONMENT for a variable of the target
    path: Path
    value: Tree
    place: Location
    secret: bool = False  # whether its value is never shown
    fallback: bool = False  # whether nothing sets it, and this is what the code falls back to

    @property
    def words(self) -> str:
        """Return its name with one spelling for all: ``rateLimit.max`` and ``RATE_LIMIT_MAX`` are one."""
        return words_of(self.path)

    @property
    def name(self) -> str:
        """Return its name as people write it."""
        return shown_path(self.path)

    @property
    def source(self) -> str:
        """Return where it stands, as part of a sentence."""
        if self.fallback:
            return f"by the fallback at {self.place.file}:{self.place.line}, where nothing sets it for the target"
        return f"in {self.file}:{self.place.line}" if self.file else "among the target's variables"

    def shown(self) -> JSONValue:
        """Return its value without what is secret."""
        if isinstance(self.value, Unknown):
            return None
        if self.secret:
            return "[secure]"
        return mask(_plain(self.value), name=self.path[-1] if self.path else "")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a setting says about a rule."""

    operand: Operand
    kept: bool | None  # None: it can't be told
    why: str  # a clause: "LOG_LEVEL is debug"
    line: str = ""  # what to write instead, where it is broken
    key: str = ""  # under which name beside it, where that is another one
    mild: bool = False  # whether breaking it so weighs less than usual

    @classmethod
    def untold(cls, operand: Operand, value: Unknown) -> Statement:
        """Return that nobody can tell what a setting is."""
        return cls(operand, None, f"{operand.name} can't be told: {value.why}")

    @classmethod
    def switch(cls, operand: Operand) -> Statement | None:
        """Return what a setting says that must be off; None where its value says neither yes nor no."""
        if not (truthy(operand.value) or falsy(operand.value)):
            return None
        return cls(operand, falsy(operand.value), f"{operand.name} is {str(operand.value).lower()}", "false")


def _plain(value: Tree) -> JSONValue:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, Unknown) else value


def words_of(path: Iterable[str]) -> str:
    """Return the words of a path joined by ``_``, indices of lists left out."""
    steps = [step for step in path if not step.isdecimal()]
    return "_".join(word.lower() for step in steps for word in _WORD.findall(step))


def operands_of(variables: TargetVariables, files: Iterable[Settings]) -> Iterator[Operand]:
    """Yield every setting, the target's variables first."""
    for name in sorted({*variables.values, *variables.unknown}):
        given = variables.read(name)
        place = variables.places.get(name, Location("", 0))
        yield Operand(ENVIRONMENT, (name,), given, place, given in variables.secrets)
    for settings in files:
        for path, value in settings.leaves():
            if path:
                secret = isinstance(value, str) and value in variables.secrets
                yield Operand(settings.file, path, value, settings.place(path), secret)


def fallbacks_of(
    variables: TargetVariables, read: Iterable[Variable], files: Iterable[Settings]
) -> Iterator[Operand]:
    """Yield what the code falls back to for variables that nothing sets; nothing where that is not known."""
    if not variables.complete:
        return
    elsewhere = {path[0] for settings in files for path, _ in settings.leaves() if len(path) == 1}
    for variable in read:
        known = {*variables.values, *variables.unknown, *elsewhere}
        if (
            variable.need == "default"
            and variable.default
            and variable.name not in known
            and variable.references
        ):
            first = variable.references[0]
            if _APART.search(first.file) or _TESTS.match(variable.name.lower()):
                continue
            place = Location(first.file, first.line)
            yield Operand(ENVIRONMENT, (variable.name,), variable.default, place, fallback=True)


def truthy(value: Tree) -> bool:
    """Tell whether a value says yes in one of the usual ways."""
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return value is True or (isinstance(value, int) and value == 1)


def falsy(value: Tree) -> bool:
    """Tell whether a value says no in one of the usual ways."""
    if isinstance(value, str):
        return value.strip().lower() in _FALSE
    return value is False or (isinstance(value, int) and value == 0)
