"""Small questions about C#'s trees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Argument, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

__all__ = [
    "arguments",
    "bases",
    "caught",
    "chained",
    "classes",
    "created",
    "declared",
    "dotted",
    "gives_up",
    "initializer",
    "looped",
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
#: Finds the type of a name's declaration; of a type's parameter, T, nothing is known.
_DECLARED: Final = r"\b([A-Z]\w+(?:\.\w+)*)(?:<[^<>;(){}]*>+)?\??\s+NAME\s*(?:[;,)]|=(?!=)|\{\s*get\b)"
_ESCAPES: Final = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\", '\\"': '"', "\\0": "\0", "\\'": "'"}
_TEXT_METHODS: Final = frozenset({"Concat"})
_NAMING: Final = frozenset(
    {"declaration_expression", "recursive_pattern", "declaration_pattern", "var_pattern"}
)
#: What tells of a failure: the console, or a logger's strongest levels.
_TELLS: Final = re.compile(
    r"\b(?:Console(?:\.Error)?|Terminal|AnsiConsole)\.(?:Write|Markup)|\.?(?:LogError|LogCritical|Fatal|Error|WriteError)\w*\("
)
_FUNCTION: Final = re.compile(
    r"method_declaration|function_statement|constructor_declaration|lambda|anonymous"
)
#: What a handler does that ends the program after all.
_RAISES: Final = re.compile(r"\bthrow\b|\b(?:Exit|FailFast|ExitCode)\b|\breturn\s+-?[1-9]")
#: A status of failure that stands until the program ends.
_EXIT_CODE: Final = re.compile(r"(?:System\.)?Environment\.ExitCode\s*=\s*-?[1-9]\d*")
_SUCCESS: Final = re.compile(r"return\s+0\s*;")
_STATUS: Final = re.compile(r"return\s+(-?\d+)\s*;")
_ABSENT_PATTERN: Final = re.compile(r'^(?:null|"")$')


def string(node: Node) -> str | None:
    """Return the value of a string literal or of a character, None where a node is none."""
    match node.type:
        case "string_literal" | "character_literal":
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


def bases(node: Node) -> frozenset[str]:
    """Return the names of what the type around a node extends and implements."""
    here = node.parent
    while here is not None and here.type not in _TYPES:
        here = here.parent
    listed = [c for c in here.named_children if c.type == "base_list"] if here is not None else []
    return frozenset(_plain_type(one).rpartition(".")[2] for each in listed for one in each.named_children)


def declared(root: Node, name: str) -> set[str]:
    """Return the types that a name is declared with in a file, without what they are made of: fields, parameters, locals."""
    found = re.findall(_DECLARED.replace("NAME", re.escape(name)), text(root))
    return {one.rpartition(".")[2] for one in found}


def looped(loop: Node) -> list[str]:
    """Return the names that a ``foreach`` binds, in their order: several of a tuple, or of a map's entry."""
    left = loop.child_by_field_name("left") if loop.type == "foreach_statement" else None
    if left is None:
        return []
    if left.type == "tuple_pattern":
        return [text(child) for child in left.named_children]
    if left.type != "tuple_expression":
        return [text(left)]
    values = [value_of(one) for one in left.named_children]
    return [text(value.child_by_field_name("name")) if value is not None else "" for value in values]


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


def caught(node: Node) -> bool:
    """Tell whether a handler around a node takes what it raises, and goes on."""
    here, child = node.parent, node
    while here is not None and not _FUNCTION.search(here.type):
        clauses = [one for one in here.named_children if one.type == "catch_clause"]
        if here.type == "try_statement" and child == here.child_by_field_name("body") and clauses:
            return not any(_RAISES.search(text(clause)) for clause in clauses)
        child, here = here, here.parent
    return False


def gives_up(node: Node) -> bool:
    """Tell whether a statement ends a program with a status of failure, after a word about it.

    A command's function gives its status back, nought where all is well; of another one, it may be any number.
    """
    if node.type == "assignment_expression":
        return _EXIT_CODE.fullmatch(text(node)) is not None
    status = _STATUS.fullmatch(text(node)) if node.type == "return_statement" else None
    before = node.prev_named_sibling if status is not None and int(status[1]) != 0 else None
    while before is not None and before.type == "comment":
        before = before.prev_named_sibling
    told = (
        before is not None
        and before.type == "expression_statement"
        and _TELLS.search(text(before)) is not None
    )
    while told and node.parent is not None and not _FUNCTION.search(node.type):
        node = node.parent
    return told and (
        text(node.child_by_field_name("name")) == "Main" or _SUCCESS.search(text(node)) is not None
    )


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


def arguments(given: Node) -> Iterator[Argument]:
    """Yield what stands between the parentheses of a call."""
    for one in given.named_children:
        if one.type == "argument":
            name, value = one.child_by_field_name("name"), value_of(one)
            if value is not None:
                yield Argument(value, text(name))


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
