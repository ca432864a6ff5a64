"""What a condition says of a variable: does it hold, or fail, whenever the variable is absent?

``atom`` tells whether an expression stands for the variable: the read itself, a name that it was bound to, a test by
``in os.environ``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.python import syntax
from deployer_lib.probes.variables.python.syntax import arguments, text, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

__all__ = ["absent", "falsy", "negative"]

_EMPTY: Final = frozenset({"None", '""', "''", "...", "False"})


def absent(node: Node | None, atom: Callable[[Node], bool]) -> bool:
    """Tell whether a condition holds whenever the variable is absent."""
    node = unwrap(node)
    if node is None:
        return False
    if node.type == "not_operator":
        return falsy(node.child_by_field_name("argument"), atom)
    if node.type == "boolean_operator" and text(syntax.field(node, "operator")) == "or":
        return any(absent(child, atom) for child in node.named_children)
    if node.type == "comparison_operator":
        return _comparison(node, atom, absent=True)
    if node.type == "call" and text(syntax.field(node, "function")) == "any":
        given = arguments(node).positional
        inner = unwrap(given[0]) if given else None
        parts = inner.named_children if inner is not None and inner.type in {"list", "tuple"} else []
        if inner is not None and inner.type in {"generator_expression", "list_comprehension"}:
            parts = inner.named_children[:1]
        return any(absent(part, atom) for part in parts)
    return False


def falsy(node: Node | None, atom: Callable[[Node], bool]) -> bool:  # noqa: PLR0911  (a table of node types)
    """Tell whether an expression is false whenever the variable is absent."""
    node = unwrap(node)
    if node is None:
        return False
    if atom(node):
        return node.type != "comparison_operator" or not negative(node)
    if node.type == "named_expression":
        return falsy(node.child_by_field_name("value"), atom) or falsy(node.child_by_field_name("name"), atom)
    if node.type == "boolean_operator":
        parts = [falsy(child, atom) for child in node.named_children]
        return any(parts) if text(syntax.field(node, "operator")) == "and" else all(parts)
    if node.type == "comparison_operator":
        return _comparison(node, atom, absent=False)
    if node.type == "call":
        return _falsy_call(node, atom)
    return False


def _falsy_call(node: Node, atom: Callable[[Node], bool]) -> bool:
    name = text(syntax.field(node, "function"))
    given = arguments(node).positional
    if name == "all" and given:
        inner = unwrap(given[0])
        parts = inner.named_children if inner is not None else []
        if inner is not None and inner.type in {"generator_expression", "list_comprehension"}:
            parts = parts[:1]
        return any(falsy(part, atom) for part in parts)
    if name in {"bool", "len"} and given:
        return falsy(given[0], atom)
    owner = syntax.field(node, "function", "object")
    return (
        owner is not None
        and text(syntax.field(node, "function", "attribute")) == "strip"
        and falsy(owner, atom)
    )


def _comparison(node: Node, atom: Callable[[Node], bool], *, absent: bool) -> bool:
    if atom(node):  # "X" not in os.environ
        return negative(node) == absent
    if len(node.named_children) != 2:  # noqa: PLR2004  (two sides)
        return False
    left, right = node.named_children
    if not (falsy(left, atom) or atom(left)):
        left, right = right, left
        if not (falsy(left, atom) or atom(left)):
            return False
    inside = text(right)
    empty = (
        inside in _EMPTY or inside.isupper() or (right.type in {"tuple", "list", "set"} and "None" in inside)
    )
    return empty and negative(node) != absent


def negative(comparison: Node) -> bool:
    """Tell whether a comparison is ``not in``, ``is not`` or ``!=``."""
    return any(
        text(child) in {"not in", "is not", "!="} for child in comparison.children if not child.is_named
    )
