"""Small questions about Rust's trees that several readers of it ask."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = [
    "attributes",
    "dotted",
    "enclosing_type",
    "is_option",
    "method_of",
    "method_on",
    "return_type",
    "string",
    "tail",
]

_ESCAPES: Final = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\0": "\0", "\\\\": "\\", '\\"': '"', "\\'": "'"}
_OPTION: Final = re.compile(r"(?:\w+\s*::\s*)*Option\s*<")

#: Constants of libraries that hold the name of a variable.
_LIBRARIES: Final = {
    "EnvFilter::DEFAULT_ENV": "RUST_LOG",
    "env_logger::DEFAULT_FILTER_ENV": "RUST_LOG",
    "env_logger::DEFAULT_WRITE_STYLE_ENV": "RUST_LOG_STYLE",
}


def string(node: Node) -> str | None:
    """Return the value of a string literal or of a library's constant, None where a node is none."""
    if node.type == "scoped_identifier":
        return _LIBRARIES.get("::".join(text(node).split("::")[-2:]))
    if node.type == "raw_string_literal":
        return "".join(text(child) for child in node.named_children)
    if node.type != "string_literal" or text(node)[:1] != '"':
        return None
    parts = [text(c) if c.type == "string_content" else _unescaped(text(c)) for c in node.named_children]
    return "".join(parts)


def _unescaped(escape: str) -> str:
    return "" if escape[1:2] in {"\n", "\r"} else _ESCAPES.get(escape, escape)


def dotted(node: Node) -> str:
    """Return a path or a chain of fields as dotted text, ``Self`` as the type it stands for."""
    match node.type:
        case "identifier" | "type_identifier" | "crate" | "self" | "super" | "metavariable":
            name = text(node)
            return enclosing_type(node) or name if name == "Self" else name
        case "scoped_identifier" | "scoped_type_identifier":
            path, name = node.child_by_field_name("path"), text(node.child_by_field_name("name"))
            owner = dotted(path) if path is not None else ""
            return f"{owner}.{name}" if owner not in {"", "crate", "self", "super"} else name
        case "field_expression":
            value, field = node.child_by_field_name("value"), node.child_by_field_name("field")
            owner = dotted(value) if value is not None else ""
            return f"{owner}.{text(field)}" if owner else ""
        case "generic_type" | "bracketed_type":
            return dotted(node.named_children[0]) if node.named_children else ""
    return ""


def enclosing_type(node: Node) -> str:
    """Return the type whose ``impl`` or ``trait`` a node stands in, empty where it stands in none."""
    here = node.parent
    while here is not None:
        if here.type in {"impl_item", "trait_item"}:
            named = here.child_by_field_name("type") or here.child_by_field_name("name")
            return re.sub(r"<.*", "", text(named), flags=re.DOTALL).rpartition("::")[2].strip()
        here = here.parent
    return ""


def return_type(node: Node) -> str | None:
    """Return the type that the function around a node gives back; None where that is not written (a closure)."""
    here = node.parent
    while here is not None:
        if here.type == "function_item":
            return text(here.child_by_field_name("return_type")) or "()"
        if here.type == "closure_expression":
            declared = here.child_by_field_name("return_type")
            return text(declared) if declared is not None else None
        if here.type in {"async_block", "try_block"}:
            return None
        here = here.parent
    return None


def is_option(written: str | None) -> bool:
    """Tell whether a type, as it is written, is an ``Option``."""
    return written is not None and _OPTION.match(written.strip()) is not None


def method_of(call: Node) -> tuple[Node, str] | None:
    """Return the object and the method of a method call, None where a node is none."""
    function = call.child_by_field_name("function") if call.type == "call_expression" else None
    if function is not None and function.type == "generic_function":
        function = function.child_by_field_name("function")
    if function is None or function.type != "field_expression":
        return None
    value, field = function.child_by_field_name("value"), function.child_by_field_name("field")
    return (value, text(field)) if value is not None and field is not None else None


def method_on(node: Node) -> tuple[Node, str] | None:
    """Return the call of a method on a node and the method, None where there is none."""
    here = node.parent
    if here is None or here.type != "field_expression" or here.child_by_field_name("value") != node:
        return None
    call = here.parent
    if call is not None and call.type == "generic_function":
        call = call.parent
    if call is None or call.type != "call_expression":
        return None
    found = method_of(call)
    return (call, found[1]) if found is not None and found[0] == node else None


def tail(node: Node) -> Node | None:
    """Return the expression that a block gives back, the node itself where it is no block; None where there is none."""
    while node.type in {"block", "else_clause", "unsafe_block", "async_block", "expression_statement"}:
        if node.type == "expression_statement" and text(node).endswith(";"):
            return None
        inner = [child for child in node.named_children if "comment" not in child.type]
        if (
            not inner
            or inner[-1].type in {"let_declaration", "empty_statement"}
            or inner[-1].type.endswith("_item")
        ):
            return None
        node = inner[-1]
    return node


def attributes(node: Node) -> Iterator[tuple[str, Node | None]]:
    """Yield the attributes before a field or an item, and those that ``cfg_attr`` gives: name and tokens."""
    here = node.prev_named_sibling
    while here is not None and (here.type == "attribute_item" or "comment" in here.type):
        if here.type == "attribute_item" and here.named_children:
            attribute = here.named_children[0]
            tokens = attribute.child_by_field_name("arguments")
            name = text(attribute.named_children[0]).rpartition("::")[2] if attribute.named_children else ""
            if name == "cfg_attr" and tokens is not None:
                yield from _conditional(tokens)
            else:
                yield name, tokens
        here = here.prev_named_sibling


def _conditional(tokens: Node) -> Iterator[tuple[str, Node | None]]:
    children = tokens.children
    for before, child in pairwise(children):
        if child.type == "token_tree" and before.type == "identifier":
            yield text(before), child
