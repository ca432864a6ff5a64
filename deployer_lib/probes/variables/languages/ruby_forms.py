"""Ruby: what its nodes of calls, definitions and conditions hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import (
    Argument,
    Branch,
    Parameter,
    text,
)

if TYPE_CHECKING:
    from tree_sitter import Node


__all__ = ["argument_of", "case_of", "is_target", "is_value", "owners_of", "parameter_of", "rescued"]

#: Kinds of expression that stand for a value where an ``if`` is used as one.
_VALUES: Final = frozenset({
    "string", "integer", "float", "array", "string_array", "hash", "nil", "true", "false", "element_reference", "identifier",
    "constant", "scope_resolution", "instance_variable", "simple_symbol", "call", "binary",
})  # fmt: skip


def argument_of(node: Node) -> Argument | None:
    """Return an argument of a call, named or not; None for what gives no value."""
    if node.type == "pair":
        key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
        return Argument(value, text(key).lstrip(":").strip("\"'")) if value is not None else None
    return None if node.type in {"comment", "block_argument", "hash_splat_argument"} else Argument(node)


def parameter_of(node: Node) -> Parameter | None:
    """Return a parameter of a method or block; None for a block's."""
    if node.type == "identifier":
        return Parameter(text(node))
    if node.type in {"optional_parameter", "keyword_parameter"}:
        return Parameter(text(node.child_by_field_name("name")), node.child_by_field_name("value"))
    if node.type in {"splat_parameter", "hash_splat_parameter"}:
        return Parameter(text(node.child_by_field_name("name")), rest=True)
    if node.type == "destructured_parameter" and node.named_children:
        return Parameter(text(node.named_children[0]))
    return None


def owners_of(node: Node) -> list[str]:
    """Return the names of the modules and classes around a node, outermost first."""
    owners: list[str] = []
    here = node.parent
    while here is not None:
        if here.type in {"class", "module"}:
            owners[:0] = text(here.child_by_field_name("name")).split("::")
        here = here.parent
    return owners


def is_target(node: Node) -> bool:
    """Tell whether ``ENV["X"]`` is written to."""
    parent = node.parent
    if parent is not None and parent.type == "left_assignment_list":
        return True
    writes = parent is not None and parent.type in {"assignment", "operator_assignment"}
    return writes and parent is not None and parent.child_by_field_name("left") == node


def is_value(whole: Node, branch: Node) -> bool:
    """Tell whether a branch of an ``if`` is one expression that gives its value: no deed, unless that value is used."""
    inside = (
        [child for child in branch.named_children if child.type != "comment"]
        if branch.type in {"then", "else"}
        else [branch]
    )
    if len(inside) != 1 or inside[0].type not in _VALUES:
        return False
    is_used = whole.parent is not None and whole.parent.type in {
        "assignment",
        "operator_assignment",
        "pair",
        "argument_list",
        "return",
    }
    return inside[0].type != "call" or is_used or text(inside[0].child_by_field_name("receiver")) == "ENV"


def case_of(node: Node) -> Branch | None:
    """Return ``case value`` as a question for its presence: what is done for nil, or else."""
    value = node.child_by_field_name("value")
    if value is None:
        return None
    other = next((child for child in node.named_children if child.type == "else"), None)
    for child in node.named_children:
        patterns = [text(p) for p in child.children_by_field_name("pattern")] if child.type == "when" else []
        if {"nil", '""', "''"} & set(patterns):
            other = child.child_by_field_name("body")
            break
    return Branch(value, None, other)


def rescued(node: Node) -> Node | None:
    """Return what is done instead where a KeyError of a read is caught, None where it is not."""
    here, child = node.parent, node
    while here is not None and here.type not in {"method", "singleton_method", "class", "module"}:
        if here.type == "rescue_modifier":
            return here.child_by_field_name("handler")
        clause = next((c for c in here.named_children if c.type == "rescue" and c != child), None)
        if clause is not None:
            caught = text(clause.child_by_field_name("exceptions"))
            body = clause.child_by_field_name("body")
            if not caught or any(name in caught for name in ("KeyError", "IndexError", "StandardError")):
                return body if body is not None else clause
        child, here = here, here.parent
    return None
