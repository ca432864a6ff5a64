"""Small questions to a tree-sitter tree of Python: texts, arguments, literals, the scope around a node."""

from __future__ import annotations

import ast
import contextlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import tree_sitter_python
from tree_sitter import Language, Parser, Query, QueryCursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node, Tree

__all__ = [
    "SCOPES",
    "Arguments",
    "arguments",
    "captured",
    "descend",
    "field",
    "literal",
    "parse",
    "scope_of",
    "string",
    "text",
    "unwrap",
]

#: Nodes that open a scope of names.
SCOPES: Final = frozenset({"module", "function_definition", "class_definition", "lambda"})
_ESCAPED: Final = "\\"


@cache
def _grammar() -> Language:
    return Language(tree_sitter_python.language())


@cache
def _query(patterns: str) -> Query:
    return Query(_grammar(), patterns)


def parse(source: bytes) -> Tree:
    """Return the tree of a file, with error nodes where it is not Python."""
    return Parser(_grammar()).parse(source)


def captured(patterns: str, node: Node) -> list[Node]:
    """Return the nodes below one that a query's patterns capture, in the order of the source, outer ones first."""
    found = QueryCursor(_query(patterns)).captures(node)
    return sorted((n for nodes in found.values() for n in nodes), key=lambda n: (n.start_byte, -n.end_byte))


def text(node: Node | None) -> str:
    """Return a node's source text, empty for None."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def field(node: Node | None, *names: str) -> Node | None:
    """Return the child that is reached through these fields, None where one is missing."""
    for name in names:
        if node is None:
            return None
        node = node.child_by_field_name(name)
    return node


def unwrap(node: Node | None) -> Node | None:
    """Return what stands inside parentheses and ``await``."""
    while node is not None and node.type in {"parenthesized_expression", "await"} and node.named_children:
        node = node.named_children[0]
    return node


def descend(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it, in the order of the source."""
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(reversed(here.named_children))


def scope_of(node: Node) -> Node:
    """Return the innermost function, lambda, class or module around a node (its own header belongs outside)."""
    child, here = node, node.parent
    while here is not None:
        if here.type in SCOPES and child == (here.child_by_field_name("body") or child):
            return here
        child, here = here, here.parent
    return child


def string(node: Node | None) -> str | None:
    """Return a string literal's value where it holds no interpolation, else None."""
    node = unwrap(node)
    if node is None:
        return None
    if node.type == "concatenated_string":
        parts = [string(part) for part in node.named_children if part.type == "string"]
        return None if None in parts else "".join(part for part in parts if part is not None)
    if node.type != "string" or any(child.type == "interpolation" for child in node.named_children):
        return None
    value = "".join(text(child) for child in node.named_children if child.type == "string_content")
    if _ESCAPED in value:
        with contextlib.suppress(ValueError, SyntaxError):
            escaped = ast.literal_eval(text(node))
            return escaped.decode("latin-1") if isinstance(escaped, bytes) else str(escaped)
    return value


def literal(node: Node | None) -> str | None:
    """Return how a fallback reads: a string's value, else its source; None for None, ``...`` and no node."""
    node = unwrap(node)
    if node is None or node.type in {"none", "ellipsis"}:
        return None
    value = string(node)
    return value if value is not None else " ".join(text(node).split())[:80]


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call."""

    positional: tuple[Node, ...]
    named: dict[str, Node]
    starred: bool  # *args or **kwargs: what is missing may be there

    def get(self, position: int | None, *names: str) -> Node | None:
        """Return the argument at a position, or with one of these names."""
        if position is not None and position < len(self.positional):
            return self.positional[position]
        return next((self.named[name] for name in names if name in self.named), None)


def arguments(call: Node) -> Arguments:
    """Return the arguments of a call or a class definition's bases."""
    listed = field(call, "arguments") or field(call, "superclasses")
    positional: list[Node] = []
    named: dict[str, Node] = {}
    starred = False
    if listed is not None and listed.type == "argument_list":
        for child in listed.named_children:
            value = field(child, "value")
            if child.type == "keyword_argument" and value is not None:
                named[text(field(child, "name"))] = value
            elif child.type in {"list_splat", "dictionary_splat"}:
                starred = True
            elif child.type != "comment":
                positional.append(child)
    elif listed is not None:
        positional.append(listed)  # a lone generator expression
    return Arguments(tuple(positional), named, starred)
