"""Small questions about C#'s trees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node

__all__ = [
    "chained",
    "classes",
    "created",
    "dotted",
    "initializer",
    "pairs_of",
    "pattern_kind",
    "pieces",
    "sides",
    "string",
    "switched",
    "taken",
    "value_of",
]

_TYPES: Final = frozenset(
    {
        "class_declaration",
        "struct_declaration",
        "record_declaration",
        "interface_declaration",
        "enum_declaration",
    }
)
_ESCAPES: Final = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\", '\\"': '"', "\\0": "\0", "\\'": "'"}
_TEXT_METHODS: Final = frozenset({"Concat"})
_NAMING: Final = frozenset(
    {"declaration_expression", "recursive_pattern", "declaration_pattern", "var_pattern"}
)
_ABSENT_PATTERN: Final = re.compile(r'^(?:null|"")$')


def string(node: Node) -> str | None:
    """Return the value of a string literal, None where a node is none."""
    match node.type:
        case "string_literal":
            return "".join(_ESCAPES.get(text(c), text(c)) for c in node.named_children)
        case "verbatim_string_literal":
            return text(node)[2:-1].replace('""', '"')
        case "raw_string_literal":
            return "".join(text(c) for c in node.named_children if c.type == "raw_string_content").strip()
        case "member_access_expression" if text(node) in {"string.Empty", "String.Empty"}:
            return ""
        case "invocation_expression" if text(node).startswith("nameof"):
            given = node.child_by_field_name("arguments")
            return text(given).strip("()").rpartition(".")[2] if given is not None else None
    return None


def dotted(node: Node) -> str:
    """Return a name or a chain of members as dotted text, ``this`` left out; empty for every other expression."""
    match node.type:
        case "identifier" | "predefined_type":
            return text(node)
        case "this" | "this_expression" | "base" | "base_expression":
            return "this"
        case "member_access_expression":
            owner, name = node.child_by_field_name("expression"), text(node.child_by_field_name("name"))
            before = dotted(owner) if owner is not None else ""
            return name if before == "this" else f"{before}.{name}" if before else ""
        case "qualified_name" | "alias_qualified_name":
            return re.sub(r"\s|global::", "", text(node))
        case "postfix_unary_expression" | "parenthesized_expression":
            return dotted(node.named_children[0]) if node.named_children else ""
    return ""


def classes(node: Node) -> list[str]:
    """Return the names of the types around a node, the outermost first."""
    found: list[str] = []
    here = node.parent
    while here is not None:
        if here.type in _TYPES:
            found.insert(0, text(here.child_by_field_name("name")))
        here = here.parent
    return found


def created(node: Node) -> str:
    """Return the class that ``new(…)`` makes where its type stands before, or whose constructor ``: base(…)`` calls."""
    here = node.parent
    if here is None:
        return ""
    if node.type == "constructor_initializer":
        owner = here.parent.parent if here.parent is not None else None
        if owner is None or any(text(child) == "this" for child in node.children):
            return text(here.child_by_field_name("name"))
        bases = next((child for child in owner.named_children if child.type == "base_list"), None)
        return _plain_type(bases.named_children[0]) if bases is not None else ""
    if here.type == "variable_declarator" and here.parent is not None:
        here = here.parent
    if here.type not in {"variable_declaration", "property_declaration"}:
        return ""
    return _plain_type(here.child_by_field_name("type"))


def taken(condition: Node) -> frozenset[str]:
    """Return the names that a condition gives a value to: by ``out``, or by a pattern."""
    names, stack = set(), [condition]
    while stack:
        here = stack.pop()
        stack.extend(here.named_children)
        bound = here.type in _NAMING or (here.type == "argument" and text(here).startswith("out "))
        if bound and here.named_children and here.named_children[-1].type == "identifier":
            names.add(text(here.named_children[-1]))
    return frozenset(names)


def _plain_type(node: Node | None) -> str:
    """Return a type's name, without what it is made of and whether it may be nothing."""
    return re.sub(r"[<?].*", "", text(node), flags=re.DOTALL)


def value_of(node: Node) -> Node | None:
    """Return the value of an argument, of a cast, or of a hole in a text."""
    if node.type == "argument":
        name = node.child_by_field_name("name")
        values = [child for child in node.named_children if child != name and child.type != "comment"]
        return values[-1] if values else None
    named = node.child_by_field_name("value") or node.child_by_field_name("left")
    if named is not None:
        return named
    values = [
        child for child in node.named_children if "brace" not in child.type and "clause" not in child.type
    ]
    return values[0] if values else None


def chained(node: Node) -> bool:
    """Tell whether an expression is nothing where the object before a ``?.`` in it is."""
    here: Node | None = node
    while here is not None:
        if here.type == "conditional_access_expression":
            return True
        if here.type not in {
            "invocation_expression",
            "member_access_expression",
            "element_access_expression",
        }:
            return False
        here = here.child_by_field_name("function") or here.child_by_field_name("expression")
    return False


def pieces(node: Node) -> Sequence[Node | str] | None:
    """Return the parts of a sum, of an interpolated string or of ``string.Concat``, None where a node is none of them."""
    if node.type == "binary_expression":
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        plus = text(node.child_by_field_name("operator")) == "+"
        return [left, right] if plus and left is not None and right is not None else None
    if node.type == "interpolated_string_expression":
        return [part for child in node.named_children if (part := _piece(child)) is not None]
    if node.type == "invocation_expression" and re.match(r"[sS]tring\.(?:Concat|Format)\(", text(node)):
        given = node.child_by_field_name("arguments")
        values = [
            value
            for one in (given.named_children if given is not None else ())
            if (value := value_of(one)) is not None
        ]
        return values if "Concat(" in text(node)[:15] else _formatted(values)
    return None


def _piece(child: Node) -> Node | str | None:
    if child.type == "interpolation":
        return value_of(child)
    if child.type in {"string_content", "escape_sequence"}:
        return _ESCAPES.get(text(child), text(child)).replace("{{", "{").replace("}}", "}")
    return None


def _formatted(values: list[Node]) -> list[Node | str] | None:
    """Return the parts of ``string.Format("{0}_URL", name)``."""
    template = string(values[0]) if values else None
    if template is None:
        return None
    parts: list[Node | str] = []
    for index, part in enumerate(re.split(r"\{(\d+)[^{}]*\}", template)):
        if index % 2 == 0:
            parts.extend([part] if part else [])
        elif int(part) + 1 < len(values):
            parts.append(values[int(part) + 1])
        else:
            return None
    return parts


def pattern_kind(pattern: Node) -> str:
    """Return ``==`` for a pattern of what is absent, ``!=`` for one of what is there, empty for a certain value."""
    match pattern.type:
        case "constant_pattern":
            return "==" if _ABSENT_PATTERN.match(text(pattern)) else ""
        case "or_pattern":
            sides = [pattern_kind(side) for side in pattern.named_children]
            return "==" if "==" in sides else ""
        case "and_pattern":
            sides = [pattern_kind(side) for side in pattern.named_children]
            return "!=" if "!=" in sides else ""
        case "negated_pattern":
            inner = pattern_kind(pattern.named_children[0]) if pattern.named_children else ""
            return {"==": "!=", "!=": "=="}.get(inner, "")
        case "recursive_pattern" | "declaration_pattern" | "type_pattern" | "list_pattern":
            return "!="
    return ""


def switched(node: Node) -> Node | None:
    """Return what a ``switch`` expression over a read gives where the read is absent, None where there is none."""
    here = node
    while here.parent is not None and here.parent.type in {
        "parenthesized_expression",
        "conditional_access_expression",
    }:
        here = here.parent
    parent = here.parent
    if parent is None or parent.type != "switch_expression" or parent.named_children[0] != here:
        return None
    arms = [arm for arm in parent.named_children if arm.type == "switch_expression_arm"]
    for wanted in (r"null\b", r"(?:_|var\s+\w+)$"):
        for arm in arms:
            if arm.named_children and re.match(wanted, text(arm.named_children[0])):
                return arm.named_children[-1]
    return None


def sides(node: Node) -> tuple[Node | None, Node | None]:
    """Return the target and the value of what binds or assigns."""
    if node.type == "assignment_expression":
        return node.child_by_field_name("left"), node.child_by_field_name("right")
    name = node.child_by_field_name("name")
    if node.type == "property_declaration":
        value = node.child_by_field_name("value")
        if value is not None and value.type == "arrow_expression_clause":
            value = value.named_children[0] if value.named_children else None
        return name, value
    values = [
        child
        for child in node.named_children
        if child != name and child.type not in {"comment", "bracketed_argument_list"}
    ]
    return name, values[-1] if values else None


def initializer(node: Node) -> Node | None:
    """Return the list in braces of an array, a collection or an object."""
    if node.type == "initializer_expression":
        return node
    return (
        next((c for c in node.named_children if c.type == "initializer_expression"), None)
        if "creation" in node.type
        else None
    )


def pairs_of(listed: Node) -> list[tuple[Node | str, Node]]:
    """Return the entries of a dictionary's or an object's initializer."""
    pairs: list[tuple[Node | str, Node]] = []
    for child in listed.named_children:
        if child.type == "assignment_expression":
            left, right = child.child_by_field_name("left"), child.child_by_field_name("right")
            if left is not None and right is not None:
                argument = left.named_children[0] if left.type == "element_binding_expression" else None
                key = value_of(argument) if argument is not None else text(left)
                pairs.append((key if key is not None else text(left), right))
        elif child.type == "initializer_expression" and len(child.named_children) == 2:  # noqa: PLR2004  (key and value)
            pairs.append((child.named_children[0], child.named_children[1]))
    return pairs
