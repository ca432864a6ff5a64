"""What evaluating Python settings needs to remember: names, functions, imports, and how much was done already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.configuration.model import Unknown

if TYPE_CHECKING:
    import ast

    from deployer_lib.check import Location
    from deployer_lib.probes.configuration.model import Path, TargetVariables

__all__ = ["Budget", "Function", "Gone", "Imported", "Returned", "Scope", "Value", "unknown"]

_MAX_STEPS: Final = 100_000
_MAX_DEPTH: Final = 40

#: What an expression can be: plain data, a function, an imported name, Unknown.
Value = object


class Gone(Exception):  # noqa: N818  (Python's own exceptions, as the settings would meet them)
    """The settings raise here: a variable that is not set, a key that is not there."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.name = name  # of the exception: KeyError, ImproperlyConfigured
        self.why = why


class Returned(Exception):  # noqa: N818  (a way out of nested statements)
    """A function returns."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


@dataclass(slots=True)
class Budget:
    """How much evaluation is left: settings are short, and what isn't is no settings."""

    steps: int = _MAX_STEPS
    depth: int = 0

    def spend(self) -> bool:
        """Take one step; False where none is left."""
        self.steps -= 1
        return self.steps > 0 and self.depth < _MAX_DEPTH


@dataclass(frozen=True, slots=True)
class Imported:
    """A name from elsewhere, by its dotted path: ``os.environ``, ``decouple.config``, an object made by ``environ.Env()``."""

    dotted: str
    scheme: tuple[tuple[str, Value], ...] = ()  # of an environ.Env(NAME=(cast, default))


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the settings, with the scope in which it was written."""

    node: ast.FunctionDef | ast.Lambda
    scope: Scope


@dataclass(slots=True)
class Scope:
    """The names of a module or of a call."""

    file: str
    variables: TargetVariables
    budget: Budget
    names: dict[str, Value] = field(default_factory=dict)
    outer: Scope | None = None
    places: dict[Path, Location] = field(default_factory=dict)

    def look_up(self, name: str) -> Value:
        """Return what a name stands for; ``None`` is a value, so that a missing one is Unknown."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return Unknown(f"{name} is not defined in what was read")

    def inner(self) -> Scope:
        """Return the scope of a call, a class or a comprehension."""
        return Scope(self.file, self.variables, self.budget, outer=self)


def unknown(node: ast.AST, why: str) -> Unknown:
    """Return that an expression can't be told, with its line."""
    return Unknown(why, getattr(node, "lineno", 0))
