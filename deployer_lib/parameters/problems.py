"""What is wrong in parameters: gathered everywhere, told as one message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deployer_lib.errors import ParametersError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.parameters.source import Tree

__all__ = ["Origin", "Problems"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was given."""

    file: str  # relative to the root, or "injected"
    line: int  # 0 for injected values
    text: str = ""  # as written; empty for maps and lists


@dataclass(frozen=True, slots=True)
class _Problem:
    message: str
    file: str
    line: int
    hint: str


@dataclass(slots=True)
class Problems:
    """Collect problems with their places."""

    found: list[_Problem] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)  # dotted keys that have one

    def add(self, path: str, message: str, at: Tree | Origin, *, hint: str = "") -> None:
        """Note a problem of the value at a dotted key."""
        self.paths.add(path)
        self.found.append(_Problem(message, at.file, at.line, hint))

    def touches(self, path: str) -> bool:
        """Tell whether this value, or one that holds it or is held by it, has a problem already."""
        return any(
            path == known
            or path.startswith((f"{known}.", f"{known}["))
            or known.startswith((f"{path}.", f"{path}["))
            for known in self.paths
        )

    def raise_first(self, files: Sequence[str]) -> None:
        """Raise the first problem in the order of the files and their lines, saying how many more there are.

        Raises:
            ParametersError: there is one.
        """
        if not self.found:
            return
        order = {name: index for index, name in enumerate(files)}
        first = min(self.found, key=lambda one: (order.get(one.file, len(order)), one.line))
        more = f" (and {len(self.found) - 1} more)" if len(self.found) > 1 else ""
        raise ParametersError(f"{first.message}{more}", file=first.file, line=first.line, hint=first.hint)
