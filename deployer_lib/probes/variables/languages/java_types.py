"""Types and classes in Java's trees: what a name is declared as, which class stands around, what a constructor fills in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Parameter, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = [
    "CLASSES",
    "class_around",
    "declaration",
    "given_by",
    "is_local",
    "parameters_of",
    "superclasses",
    "type_of",
]

#: Nodes that declare a type.
CLASSES: Final = frozenset(
    {
        "class_declaration",
        "enum_declaration",
        "interface_declaration",
        "record_declaration",
        "annotation_type_declaration",
    }
)
_CALLABLE: Final = frozenset({"method_declaration", "constructor_declaration", "lambda_expression"})
_SIMPLE: Final = re.compile(r"[A-Za-z_]\w*(?=\s*(?:<|\[|\.\.\.|$))")


def class_around(node: Node) -> Node | None:
    """Return the innermost type that is declared around a node."""
    here = node.parent
    while here is not None and here.type not in CLASSES:
        here = here.parent
    return here


def superclasses(declared: Node) -> set[str]:
    """Return the names of what a type extends or implements."""
    above = [
        c for c in declared.children if c.type in {"superclass", "super_interfaces", "extends_interfaces"}
    ]
    return {name for clause in above for name in re.findall(r"[A-Za-z_]\w*", text(clause))} - {
        "extends",
        "implements",
    }


def declaration(node: Node, name: str) -> Node | None:
    """Return the parameter, local variable or field that a name means where a node stands."""
    here = node.parent
    while here is not None:
        if here.type in _CALLABLE and (found := _parameter(here, name)) is not None:
            return found
        if here.type in {"block", "constructor_body", "program"}:
            for child in here.named_children:
                if child.start_byte <= node.start_byte and _declares(child, name):
                    return child
        elif here.type in CLASSES:
            if (found := _field(here, name)) is not None:
                return found
        elif (
            here.type in {"enhanced_for_statement", "resource"}
            and text(here.child_by_field_name("name")) == name
        ):
            return here
        here = here.parent
    return None


def is_local(found: Node) -> bool:
    """Tell whether a declaration is of a method's own name and no field."""
    return found.type not in {"field_declaration", "constant_declaration"} and not (
        found.type == "formal_parameter" and found.parent is not None and _is_record(found.parent.parent)
    )


def type_of(node: Node, name: str) -> str:
    """Return the type that a name is declared with where a node stands, with its arguments; empty where unknown."""
    found = declaration(node, name)
    if found is None:
        return ""
    written = text(found.child_by_field_name("type")) or next(
        (text(c) for c in found.named_children if c.type.endswith("_type") or c.type == "type_identifier"), ""
    )
    if written != "var":
        return written
    value = next(
        (c.child_by_field_name("value") for c in found.named_children if c.type == "variable_declarator"),
        None,
    )
    if value is not None and value.type == "object_creation_expression":
        return text(value.child_by_field_name("type"))
    first = text(value).partition(".")[0]
    return first if first[:1].isupper() else ""


def given_by(node: Node, name: str) -> Node | None:
    """Return the constructor's parameter that fills the field of a name, as it stands in the assignment or the record."""
    declared = class_around(node)
    if declared is None:
        return None
    if declared.type == "record_declaration":
        return next(
            (
                p.child_by_field_name("name")
                for p in _listed(declared)
                if text(p.child_by_field_name("name")) == name
            ),
            None,
        )
    for assignment, parameters in _constructed(declared):
        left, right = assignment.child_by_field_name("left"), assignment.child_by_field_name("right")
        if text(left) in {f"this.{name}", name} and right is not None and text(right) in parameters:
            return right
    return None


def _constructed(declared: Node) -> Iterator[tuple[Node, set[str]]]:
    for member in _members(declared):
        if member.type != "constructor_declaration":
            continue
        body = member.child_by_field_name("body")
        names = {text(p.child_by_field_name("name")) for p in _listed(member)}
        for statement in body.named_children if body is not None else ():
            for expression in statement.named_children:
                if expression.type == "assignment_expression":
                    yield expression, names


def _members(declared: Node) -> Iterator[Node]:
    body = declared.child_by_field_name("body")
    for member in body.named_children if body is not None else ():
        if member.type == "enum_body_declarations":
            yield from member.named_children
        else:
            yield member


def _listed(function: Node) -> list[Node]:
    listed = function.child_by_field_name("parameters")
    return list(listed.named_children) if listed is not None else []


def _parameter(function: Node, name: str) -> Node | None:
    listed = function.child_by_field_name("parameters")
    if listed is not None and listed.type == "identifier":
        return listed if text(listed) == name else None
    for one in _listed(function):
        if text(one if one.type == "identifier" else one.child_by_field_name("name")) == name:
            return one
    return None


def _declares(statement: Node, name: str) -> bool:
    return statement.type == "local_variable_declaration" and any(
        text(c.child_by_field_name("name")) == name for c in statement.children_by_field_name("declarator")
    )


def _field(declared: Node, name: str) -> Node | None:
    if declared.type == "record_declaration":
        return next((p for p in _listed(declared) if text(p.child_by_field_name("name")) == name), None)
    for member in _members(declared):
        if member.type in {"field_declaration", "constant_declaration"} and any(
            text(c.child_by_field_name("name")) == name for c in member.children_by_field_name("declarator")
        ):
            return member
    return None


def _is_record(node: Node | None) -> bool:
    return node is not None and node.type == "record_declaration"


def parameters_of(listed: Node | None) -> tuple[Parameter, ...]:
    """Return the parameters in a list of them, a closure's single name included."""
    if listed is None:
        return ()
    if listed.type == "identifier":
        return (Parameter(text(listed)),)
    found = []
    for one in listed.named_children:
        if one.type == "identifier":
            found.append(Parameter(text(one)))
        elif one.type == "formal_parameter":
            found.append(Parameter(text(one.child_by_field_name("name"))))
        elif one.type == "spread_parameter":
            found.append(Parameter(text(one.named_children[-1].child_by_field_name("name")), rest=True))
    return tuple(found)
