"""What a configuration file says: a tree of values, where each one stands, and which can't be told without running it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deployer_lib.check import JSONValue, Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["MAX_BYTES", "Path", "Settings", "TargetVariables", "Tree", "Unknown", "Unreadable", "shown_path"]

#: A larger file is no configuration that somebody wrote.
MAX_BYTES: Final = 1_000_000
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


class Unreadable(Exception):  # noqa: N818  (it is caught by the probe and is no error of the program)
    """A file can't be read as what it claims to be."""

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(why)
        self.why = why
        self.line = line


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that can't be told: a rule that uses it is neither kept nor broken."""

    why: str  # part of a sentence: "os.environ['X'] is not declared"
    line: int = 0  # 0: that of its key


#: Where a value stands in a file: keys, and indices of lists as text.
Path = tuple[str, ...]
Tree = str | int | float | bool | Unknown | list["Tree"] | dict[str, "Tree"] | None


@dataclass(frozen=True, slots=True)
class TargetVariables:
    """The target's environment variables as its parameters declare them."""

    values: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)  # name → why its value is not known yet
    secrets: frozenset[str] = frozenset()  # values that are never shown
    complete: bool = False  # whether a name that is not here is not set
    places: Mapping[str, Location] = field(default_factory=dict)  # where each is declared

    def read(self, name: str) -> str | Unknown | None:
        """Return a variable's value, None where it is not set."""
        if name in self.values:
            return self.values[name]
        if name in self.unknown:
            return Unknown(f"the variable {name} {self.unknown[name]}")
        if self.complete:
            return None
        return Unknown(f"the variable {name} is not among deploy.variables")

    @property
    def told(self) -> bool:
        """Tell whether anything is known of them."""
        return self.complete or bool(self.values) or bool(self.unknown)


@dataclass(frozen=True, slots=True)
class Settings:
    """One configuration file."""

    file: str  # relative to the project
    tree: Tree
    places: Mapping[Path, Location] = field(default_factory=dict)  # of keys and list items

    def place(self, path: Path) -> Location:
        """Return where a value stands: its own key's line, else that of the nearest key around it."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return Location(self.file, 0)

    def leaves(self) -> Iterator[tuple[Path, Tree]]:
        """Yield every value that is neither a map nor a list, empty ones of these too."""
        yield from _leaves(self.tree, ())

    def unknowns(self) -> list[tuple[Path, Unknown]]:
        """Return the values that can't be told."""
        return [(path, value) for path, value in self.leaves() if isinstance(value, Unknown)]

    def known(self) -> JSONValue:
        """Return the tree without what can't be told."""
        kept = _mapped(self.tree, lambda _: _DROPPED)
        return None if kept is _DROPPED else kept  # type: ignore[return-value]  # the mark is gone

    def supposing(self, sample: JSONValue) -> JSONValue:
        """Return the tree with one value in the place of all that can't be told."""
        return _mapped(self.tree, lambda _: sample)  # type: ignore[return-value]  # the same type throughout


_DROPPED: Final = object()


def _mapped(tree: Tree, replaced: Callable[[Unknown], object]) -> object:
    if isinstance(tree, Unknown):
        return replaced(tree)
    if isinstance(tree, dict):
        items = ((name, _mapped(value, replaced)) for name, value in tree.items())
        return {name: value for name, value in items if value is not _DROPPED}
    if isinstance(tree, list):
        return [value for value in (_mapped(item, replaced) for item in tree) if value is not _DROPPED]
    return tree


def _leaves(tree: Tree, path: Path) -> Iterator[tuple[Path, Tree]]:
    if isinstance(tree, dict) and tree:
        for name, value in tree.items():
            yield from _leaves(value, (*path, name))
    elif isinstance(tree, list) and tree:
        for index, value in enumerate(tree):
            yield from _leaves(value, (*path, str(index)))
    else:
        yield path, tree


def shown_path(path: Path) -> str:
    """Return a path as people write it: ``database.options[0]["x-y"]``."""
    text = ""
    for step in path:
        if step.isdecimal():
            text += f"[{step}]"
        elif _NAME.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text
