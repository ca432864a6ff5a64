"""Rust's calls and patterns: what is called, and which arm of a ``match`` takes what is absent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["arms_of", "called", "is_absence", "is_value", "own", "takes_absence"]

#: A pattern that takes an absent option in a result.
_NESTED_ABSENCE: Final = re.compile(
    r"Ok\s*\(\s*(?:None|_)\s*\)|_$|[a-z]\w*$|.*\|\s*Ok\s*\(\s*None\s*\)", re.DOTALL
)
_UNICODE: Final = "NotUnicode"


def called(node: Node) -> str:
    """Return the last name of what is called, with ``!`` for a macro; empty where a node is no call."""
    function = node.child_by_field_name("function") if node.type == "call_expression" else None
    given = node.child_by_field_name("arguments")
    if function is None or given is None:
        return ""
    is_macro = function.end_byte < given.start_byte and function.type in {"identifier", "scoped_identifier"}
    if function.type == "generic_function":
        function = function.child_by_field_name("function") or function
    if function.type == "field_expression":
        return text(function.child_by_field_name("field"))
    return text(function).rpartition("::")[2] + ("!" if is_macro else "")


def own(node: Node) -> Iterator[Node]:
    """Yield a node and what is below it, closures and functions inside it left out."""
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(
            c for c in reversed(here.named_children) if c.type not in {"closure_expression", "function_item"}
        )


def arms_of(match: Node) -> list[Node]:
    """Return the arms of a ``match``."""
    body = match.child_by_field_name("body")
    return [child for child in body.named_children if child.type == "match_arm"] if body is not None else []


def takes_absence(arm: Node, position: int | None, *, nested: bool = False) -> bool:
    """Tell whether an arm is taken where the variable, or the one at a position of a tuple, is absent."""
    pattern = arm.child_by_field_name("pattern")
    if pattern is None:
        return False
    inner = pattern.named_children[0] if pattern.named_children else pattern
    if nested:
        return _NESTED_ABSENCE.match(text(pattern)) is not None
    if position is None:
        return is_absence(text(inner) if pattern.named_children else text(pattern))
    if inner.type != "tuple_pattern":
        return text(pattern) == "_"
    return position < len(inner.children) and is_absence(_element(inner, position))


def _element(pattern: Node, position: int) -> str:
    parts = text(pattern)[1:-1]
    depth, found = 0, [""]
    for sign in parts:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return found[position].strip() if position < len(found) else ""


def is_absence(pattern: str) -> bool:
    """Tell whether a pattern takes what is absent: ``Err(_)``, ``None``, ``_``, a name."""
    if any(is_absence(part.strip()) for part in pattern.split("|")[1:]):
        return True
    first = pattern.split("|", maxsplit=1)[0].strip()
    if first.startswith("Err"):
        return _UNICODE not in first
    return first in {"None", "_"} or (first.isidentifier() and first.islower())


def is_value(node: Node) -> bool:  # noqa: PLR0911  (one place after the other)
    """Tell whether the value of a ``match`` or an ``if`` is used."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "expression_statement":
        if text(parent).endswith(";") or parent.next_named_sibling is not None:
            return False
        return is_value(parent)
    if parent.type != "block":
        return parent.type not in {"source_file", "for_expression", "while_expression", "loop_expression"}
    if parent.named_children[-1] != node:
        return False
    outer = parent.parent
    if outer is not None and outer.type == "function_item":
        return outer.child_by_field_name("return_type") is not None
    if outer is not None and outer.type in {"if_expression", "else_clause", "match_arm"}:
        branch: Node | None = outer
        while branch is not None and branch.type not in {"if_expression", "match_expression"}:
            branch = branch.parent
        while branch is not None and branch.parent is not None and branch.parent.type == "else_clause":
            branch = branch.parent.parent
        return branch is not None and is_value(branch)
    return outer is not None and outer.type not in {"for_expression", "while_expression", "loop_expression"}
