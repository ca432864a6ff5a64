"""PHP: what its nodes of calls, classes and conditions hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.probes.variables.flow.grammar import (
    Argument,
    Binding,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import SourceFile

__all__ = ["arguments_of", "class_of", "elements_of", "else_of", "is_target", "members_bound", "reads_more"]


def arguments_of(given: Node) -> tuple[Argument, ...]:
    """Return the arguments of a call or an attribute, named or not."""
    return tuple(
        Argument(child.named_children[-1], text(child.child_by_field_name("name")))
        for child in given.named_children
        if child.type == "argument" and child.named_children
    )


def elements_of(node: Node) -> list[list[Node]]:
    """Return the elements of an array, a key and a value where it has keys."""
    return [
        c.named_children
        for c in node.named_children
        if c.type == "array_element_initializer" and c.named_children
    ]


def class_of(node: Node) -> str:
    """Return the name of the class around a node, empty where there is none."""
    here = node.parent
    while here is not None:
        if here.type in {
            "class_declaration",
            "trait_declaration",
            "enum_declaration",
            "interface_declaration",
        }:
            return text(here.child_by_field_name("name"))
        here = here.parent
    return ""


def members_bound(node: Node) -> Iterator[Binding]:
    """Yield a constant, a case or a property with a value: by its own name, and as members name it."""
    value = node.child_by_field_name("value") or node.child_by_field_name("default_value")
    value = value or (node.named_children[-1] if node.type == "const_element" else None)
    if value is None:
        return
    owner, name = (
        class_of(node),
        text(node.child_by_field_name("name") or node.named_children[0]).lstrip("$"),
    )
    if node.type != "property_element":
        yield Binding(name, value)
    for before in ("self", "static", "this", owner):
        if before:
            yield Binding(f"{before}.{name}", value)


def is_target(node: Node) -> bool:
    """Tell whether ``$_ENV["X"]`` is written to or unset."""
    parent = node.parent
    if parent is None or parent.type == "unset_statement":
        return True
    writes = parent.type in {"assignment_expression", "augmented_assignment_expression"}
    return writes and parent.child_by_field_name("left") == node


def else_of(node: Node) -> Node | None:
    """Return what is done where a condition fails, None where another condition decides that."""
    other = node.child_by_field_name("alternative")
    if other is None or other.type == "else_if_clause":
        return None
    body = other.child_by_field_name("body")
    return None if body is not None and body.type == "if_statement" else other


def reads_more(node: Node, file: SourceFile) -> bool:
    """Tell whether the function around ``$_SERVER[$name]`` reads the environment elsewise too: then it is no request's data."""
    around = next(file.scopes(node))
    return around != file.root and any(mark in text(around) for mark in ("getenv", "$_ENV"))
