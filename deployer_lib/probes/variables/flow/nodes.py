"""Small questions to a tree: what lies in what, and what lies below a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Language
    from deployer_lib.probes.variables.flow.program import SourceFile

__all__ = ["atom_of", "descend", "holds", "inside", "is_part", "own", "under"]


def atom_of(dotted: str, language: Language) -> Callable[[Node], bool]:
    """Return what tells whether an expression is a name."""
    return lambda node: language.dotted(node) == dotted


def inside(node: Node, outer: Node) -> bool:
    """Tell whether a node lies in another of the same file."""
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte


def descend(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it, in the order of the source."""
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(reversed(here.named_children))


def holds(language: Language, node: Node, dotted: str) -> bool:
    """Tell whether a name stands in an expression."""
    return any(language.dotted(one) == dotted for one in descend(node))


def under(nodes: Sequence[Node], functions: set[int], start: int) -> Iterator[Node]:
    """Yield what is below nodes and begins after a byte, functions left out."""
    stack = list(nodes)
    while stack:
        here = stack.pop()
        if here.end_byte <= start:
            continue
        if here.start_byte >= start:
            yield here
        stack.extend(c for c in here.named_children if c.id not in functions)


def is_part(language: Language, node: Node) -> bool:
    """Tell whether a name is the first part of a longer one."""
    parent = node.parent
    if parent is None or language.dotted(parent) == "" or language.call(parent) is not None:
        return False
    called = parent.parent  # where a method of the name is called, the name itself is used
    return called is None or language.call(called) is None or language.receiver(called) != node


def own(file: SourceFile, node: Node) -> Iterator[Node]:
    """Yield a node and what is below it, functions inside it left out."""
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(reversed([c for c in here.named_children if c.id not in file.by_node]))
