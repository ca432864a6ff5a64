"""Python files read as a tree, never run: what stands at their top level."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.probes.migrations.tree import Tree

__all__ = ["Assigned", "Parsed", "assigned", "parsed", "texts_of"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's tree, or why there is none."""

    tree: ast.Module
    why: str = ""
    certain: bool = False  # whether Python itself can't read it either
    line: int = 0


@dataclass(frozen=True, slots=True)
class Assigned:
    """The value that a name gets, and where."""

    value: ast.expr
    line: int


def parsed(tree: Tree, file: str) -> Parsed:
    """Parse a file; a text that Python refuses is told apart from one that was not read."""
    nothing = ast.Module([], [])
    text = tree.text(file)
    if text is None:
        return Parsed(nothing, tree.why_unread(file))
    try:
        return Parsed(ast.parse(text))
    except (SyntaxError, ValueError) as error:
        return Parsed(nothing, str(error), certain=True, line=getattr(error, "lineno", 0) or 0)
    except (RecursionError, MemoryError):
        return Parsed(nothing, "it is nested too deeply to be read")


def assigned(body: ast.Module | ast.ClassDef) -> dict[str, Assigned]:
    """Return what the names of a module's or a class's own body get, the last value of each."""
    values: dict[str, Assigned] = {}
    for node in body.body:
        if isinstance(node, ast.Assign):
            targets: Iterable[ast.expr] = node.targets
            value: ast.expr | None = node.value
        elif isinstance(node, ast.AnnAssign):
            targets, value = (node.target,), node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                values[target.id] = Assigned(value, node.lineno)
    return values


def texts_of(node: ast.expr) -> tuple[str, ...] | None:
    """Return the texts that an expression is, alone or in a list; None's are none; None where it is computed."""
    items = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]
    found: list[str] = []
    for item in items:
        if not isinstance(item, ast.Constant):
            return None
        if isinstance(item.value, str):
            found.append(item.value)
    return tuple(found)
