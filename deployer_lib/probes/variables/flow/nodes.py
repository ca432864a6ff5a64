"""Small questions to a tree: what lies in what, and what lies below a node."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Binding, Call, Function, Language
    from deployer_lib.probes.variables.flow.program import SourceFile

__all__ = ["atom_of", "descend", "given_by", "holds", "in_force", "inside", "is_part", "own", "under"]

#: Nodes of what is run on a condition.
_ARM: Final = re.compile(
    r"(?:^|_)(?:if|elsif|elif|else|unless|switch|case|when|match|try|catch|rescue)(?:_|$)"
)


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


def under(nodes: Sequence[Node], functions: Container[int], start: int) -> Iterator[Node]:
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


def given_by(call: Call, function: Function, language: Language) -> dict[str, Node | None]:
    """Return what a call gives for each parameter of a function, None where it gives nothing."""
    values: dict[str, Node | None] = {p.name: call.named(p.name) for p in function.parameters}
    for index, parameter in enumerate(language.filled(function, call)):
        values[parameter.name] = values.get(parameter.name) or call.positional(index)
    if function.receiver and function.receiver not in values:
        values[function.receiver] = language.receiver(call.node)
    return values


def in_force(bound: list[Binding], node: Node) -> list[Binding]:
    """Return what a name may hold where it stands: what it was given last, and before it on ways that may be passed by."""
    found: list[Binding] = []
    for binding in bound:
        if binding.value.start_byte < node.start_byte:
            found = [*found, binding] if _may_be_passed(binding.value, node) else [binding]
    return found or bound[:1]


def _may_be_passed(value: Node, node: Node) -> bool:
    """Tell whether a value is given in an arm that a later place is not in."""
    here = value.parent
    while here is not None and not here.start_byte <= node.start_byte < here.end_byte:
        if _ARM.search(here.type):
            return True
        here = here.parent
    return False
