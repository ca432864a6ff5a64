"""Types and classes in Kotlin's trees: what a name is declared as, which class or package stands around."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Argument, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = [
    "arguments_of",
    "class_around",
    "class_name",
    "class_parameter",
    "declared_at",
    "entries_of",
    "extended_type",
    "is_declared_near",
    "is_end",
    "name_of",
    "package_of",
    "parameter_position",
    "stated_type",
    "superclasses",
    "type_of",
    "value_of",
]

_CLASSES: Final = frozenset({"class_declaration", "object_declaration"})
_TYPES: Final = frozenset({"user_type", "nullable_type", "function_type", "non_nullable_type"})


def class_around(node: Node) -> Node | None:
    """Return the innermost class or object around a node; a companion is its class's part."""
    here = node.parent
    while here is not None and here.type not in _CLASSES:
        here = here.parent
    return here


def class_name(node: Node) -> str:
    """Return the name of the class around a node, empty at the top of a file."""
    declared = class_around(node)
    return text(declared.child_by_field_name("name")) if declared is not None else ""


def superclasses(declared: Node) -> set[str]:
    """Return the names of what a class extends or implements."""
    above = [c for c in declared.children if c.type == "delegation_specifiers"]
    specifiers = [s for clause in above for s in clause.named_children]
    return {found.group() for s in specifiers if (found := re.match(r"[\w.]+", text(s)))}


def package_of(node: Node) -> str:
    """Return the package of the file in which a node stands."""
    root = node
    while root.parent is not None:
        root = root.parent
    header = next((c for c in root.named_children if c.type == "package_header"), None)
    return text(header).removeprefix("package").strip() if header is not None else ""


def class_parameter(node: Node, name: str) -> Node | None:
    """Return the name of a primary constructor's parameter, as it stands there."""
    declared = class_around(node)
    for constructor in (
        c for c in (declared.children if declared is not None else ()) if c.type == "primary_constructor"
    ):
        for parameter in _below(constructor, "class_parameter"):
            found = next((c for c in parameter.named_children if c.type == "identifier"), None)
            if found is not None and text(found) == name:
                return found
    return None


def parameter_position(declared: Node, name: str) -> int | None:
    """Return where a class's primary constructor takes what a property holds, None where it does not."""
    made = [c for c in declared.children if c.type == "primary_constructor"]
    names = [
        name_of(parameter) for constructor in made for parameter in _below(constructor, "class_parameter")
    ]
    return names.index(name) if name in names else None


def entries_of(declared: Node) -> list[Node]:
    """Return the constants of an enum class."""
    body = next((c for c in declared.named_children if c.type == "enum_class_body"), None)
    return [c for c in body.named_children if c.type == "enum_entry"] if body is not None else []


def name_of(declared: Node) -> str:
    """Return the name that a property, a parameter or a variable declares."""
    inner = next((c for c in declared.named_children if c.type == "variable_declaration"), declared)
    return text(next((c for c in inner.named_children if c.type == "identifier"), None))


def stated_type(declared: Node) -> str:
    """Return the type that stands with a property, a parameter or a function, empty where it is inferred."""
    inner = next((c for c in declared.named_children if c.type == "variable_declaration"), declared)
    colon = False
    for child in inner.children:
        if colon and child.type in _TYPES:
            return text(child)
        colon = child.type == ":"
    return ""


def is_end(function: Node) -> bool:
    """Tell whether a function gives back Nothing, or is no more than a throw."""
    body = next((c for c in function.named_children if c.type == "function_body"), None)
    throws = body is not None and re.match(r"=\s*throw\b|\{\s*throw\b", text(body)) is not None
    return throws or stated_type(function) == "Nothing"


def value_of(declared: Node) -> Node | None:
    """Return what a property or a parameter is given where it is declared, a lazy one's closure included."""
    for index, child in enumerate(declared.children):
        if child.type == "=" and index + 1 < len(declared.children):
            return declared.children[index + 1]
        if child.type == "property_delegate":
            return child.named_children[0] if child.named_children else None
    return None


def type_of(node: Node, name: str) -> str:
    """Return the type of a name where a node stands: as it is stated, or of the object it is given; empty where unknown."""
    found = _declaration(node, name)
    if found is None:
        return ""
    if stated := stated_type(found):
        return stated
    value = re.match(r"([A-Z]\w*)\s*(?:[.(<]|$)", text(value_of(found)))
    return value.group(1) if value is not None else ""


def is_declared_near(node: Node, name: str) -> bool:
    """Tell whether a name is of a function around a node, its parameter or variable, and no member."""
    found = _declaration(node, name)
    return (
        found is not None
        and found.type != "class_parameter"
        and (
            found.parent is None or found.parent.type not in {"class_body", "enum_class_body", "source_file"}
        )
    )


def declared_at(node: Node, name: str) -> Node | None:
    """Return the name itself where it is declared that stands for a value at a node: of a parameter, a variable, a loop."""
    here = node.parent
    while here is not None:
        listed = [c for c in here.named_children if c.type == "lambda_parameters"] or [here]
        bound = [c for c in listed[0].named_children if c.type == "variable_declaration"]
        for child in (*bound, *_declarations(here)):
            if name_of(child) == name and (child.start_byte <= node.start_byte or here.type != "block"):
                return next((one for one in _below(child, "identifier") if text(one) == name), None)
        here = here.parent
    return None


def _declaration(node: Node, name: str) -> Node | None:
    here = node.parent
    while here is not None:
        for child in _declarations(here):
            if name_of(child) == name and (child.start_byte <= node.start_byte or here.type != "block"):
                return child
        here = here.parent
    return None


def _declarations(here: Node) -> Iterator[Node]:
    if here.type in {"function_declaration", "secondary_constructor", "anonymous_function"}:
        for listed in (c for c in here.named_children if c.type == "function_value_parameters"):
            yield from (c for c in listed.named_children if c.type == "parameter")
    elif here.type == "class_declaration":
        for constructor in (c for c in here.named_children if c.type == "primary_constructor"):
            yield from _below(constructor, "class_parameter")
    elif here.type in {"block", "class_body", "enum_class_body", "source_file", "lambda_literal"}:
        yield from (c for c in here.named_children if c.type == "property_declaration")
        for companion in (c for c in here.named_children if c.type == "companion_object"):
            for body in (c for c in companion.named_children if c.type == "class_body"):
                yield from (c for c in body.named_children if c.type == "property_declaration")


def _below(node: Node, kind: str) -> Iterator[Node]:
    stack = [node]
    while stack:
        here = stack.pop()
        if here.type == kind:
            yield here
        else:
            stack.extend(reversed(here.named_children))


def arguments_of(node: Node) -> tuple[Argument, ...]:
    """Return what stands in a call's parentheses."""
    listed = next((c for c in node.named_children if c.type == "value_arguments"), None)
    found = []
    for argument in (
        (c for c in listed.named_children if c.type == "value_argument") if listed is not None else ()
    ):
        named = any(c.type == "=" for c in argument.children)
        if argument.named_children:
            found.append(
                Argument(argument.named_children[-1], text(argument.named_children[0]) if named else "")
            )
    return tuple(found)


def extended_type(node: Node) -> Node | None:
    """Return the type that a function extends, None where it extends none."""
    if node.type != "function_declaration":
        return None
    for child in node.children:
        if child.type in {"user_type", "nullable_type", "parenthesized_type"}:
            return child
        if child.type in {"function_value_parameters", "identifier"}:
            return None
    return None
