"""Small questions to Go's trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = [
    "STRIPPED",
    "body_of",
    "each",
    "enclosing",
    "entry_of",
    "field_names",
    "inner",
    "sibling",
    "unlength",
]

#: Nodes that change nothing about whether something is there.
STRIPPED: Final = frozenset({"parenthesized_expression", "type_conversion_expression"})
_FUNCTIONS: Final = frozenset({"function_declaration", "method_declaration", "func_literal"})
#: Calls that are empty where their argument is.
_KEEPING: Final = frozenset(
    {"strings.TrimSpace", "strings.ToLower", "strings.ToUpper", "strings.Trim", "len", "string"}
)


def each(node: Node | None) -> list[Node]:
    """Return the expressions of a list, or the one that stands alone."""
    if node is None:
        return []
    return (
        [c for c in node.named_children if c.type != "comment"] if node.type == "expression_list" else [node]
    )


def inner(node: Node) -> Node:
    """Return what an element of a literal holds."""
    return node.named_children[0] if node.type == "literal_element" and node.named_children else node


def body_of(node: Node) -> Node | None:
    """Return the elements of a literal."""
    if node.type == "unary_expression" and node.named_children:
        node = node.named_children[-1]
    if node.type == "composite_literal":
        return node.child_by_field_name("body")
    return node if node.type == "literal_value" else None


def enclosing(node: Node) -> Node | None:
    """Return the function around a node."""
    here = node.parent
    while here is not None and here.type not in _FUNCTIONS:
        here = here.parent
    return here


def sibling(node: Node, name: str) -> Node | None:
    """Return the value of another key of the same literal."""
    return entry_of(node.parent, name) if node.parent is not None else None


def entry_of(node: Node, name: str) -> Node | None:
    """Return the value that a literal gives a key."""
    body = body_of(node)
    for child in body.named_children if body is not None else ():
        parts = [inner(part) for part in child.named_children]
        if child.type == "keyed_element" and len(parts) > 1 and text(parts[0]) == name:
            return parts[-1]
    return None


def field_names(node: Node) -> list[str]:
    """Return the names of a struct's fields, for a literal without keys: ``{"A", 5}`` in ``[]entry{…}``."""
    here: Node | None = node
    while here is not None and here.type in {"literal_value", "literal_element", "keyed_element"}:
        here = here.parent
    kind = here.child_by_field_name("type") if here is not None and here.type == "composite_literal" else None
    if kind is not None and node.parent != here:
        kind = kind.child_by_field_name("element") or kind.child_by_field_name("value")
    while kind is not None and kind.type == "pointer_type":
        kind = kind.named_children[0]
    if kind is not None and kind.type == "type_identifier":
        kind = _declared(node, text(kind))
    listed = kind.named_children[0] if kind is not None and kind.type == "struct_type" else None
    return [
        text(name)
        for field in (listed.named_children if listed is not None else ())
        for name in field.children_by_field_name("name")
    ]


def _declared(node: Node, name: str) -> Node | None:
    root = node
    while root.parent is not None:
        root = root.parent
    stack = [root]
    while stack:
        here = stack.pop()
        if here.type == "type_spec" and text(here.child_by_field_name("name")) == name:
            return here.child_by_field_name("type")
        if here.type in {"source_file", "type_declaration", "statement_list", "block", *_FUNCTIONS}:
            stack.extend(here.named_children)
    return None


def unlength(node: Node) -> Node:
    """Return what a length or a trimmed text is of: it is nothing where that is nothing."""
    while node.type == "call_expression" and text(node.child_by_field_name("function")) in _KEEPING:
        given = node.child_by_field_name("arguments")
        if given is None or not given.named_children:
            break
        node = given.named_children[0]
    return node
