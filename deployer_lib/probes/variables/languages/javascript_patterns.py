"""What a pattern takes out of every element that a loop or a closure goes over: ``for (const { key } of LIST)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text
from deployer_lib.probes.variables.languages.javascript_trees import members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Language

__all__ = ["is_value", "names_of", "pattern_of", "picked_of"]

_DECLARES: Final = frozenset({"lexical_declaration", "variable_declaration"})
_PAIRS: Final = frozenset({"Object.entries", "entries"})


def pattern_of(source: Node, function: Node | None) -> Node | None:
    """Return the pattern that a loop over a source, or a closure, takes each element with; None where it is a plain name."""
    if function is not None:
        listed = function.child_by_field_name("parameters")
        first = listed.named_children[0] if listed is not None and listed.named_children else None
        pattern = first.child_by_field_name("pattern") if first is not None else None
    else:
        loop = source.parent
        pattern = (
            loop.child_by_field_name("left") if loop is not None and loop.type == "for_in_statement" else None
        )
    return pattern if pattern is not None and pattern.type in {"array_pattern", "object_pattern"} else None


def names_of(pattern: Node) -> Iterator[str]:
    """Yield the names that a pattern binds, those of patterns inside it left out."""
    if pattern.type == "object_pattern":
        yield from (local for _, _, local in members(pattern) if local)
    else:
        yield from (_bound(child) for child in pattern.named_children if _bound(child))


def is_value(source: Node, name: str, language: Language) -> bool:
    """Tell whether a loop over an object's entries binds a name to their values: ``[, name] of Object.entries(…)``."""
    pattern, call = pattern_of(source, None), language.call(source)
    if pattern is None or pattern.type != "array_pattern" or call is None or call.callee not in _PAIRS:
        return False
    return _position(pattern, name) == 1


def picked_of(source: Node, pattern: Node, name: str, language: Language) -> list[Node]:
    """Return what a pattern's name stands for in every element of a list that is written there, or in the same file."""
    listed = _written(source, language)
    found = []
    for item in (language.items(listed) or ()) if listed is not None else ():
        element = None if isinstance(item, str) else _written(item, language)
        if element is not None and pattern.type == "array_pattern":
            values, at = language.items(element) or (), _position(pattern, name)
            found += [value for value in values[at : at + 1] if at >= 0 and not isinstance(value, str)]
        elif element is not None:
            wanted = next((member for member, _, local in members(pattern) if local == name), "")
            entries = language.entries(element) or ()
            found += [value for key, value in entries if key == wanted]
    return found


def _position(pattern: Node, name: str) -> int:
    """Return which element of a list a name is bound to, -1 where it is none; a place may be left empty."""
    at = 0
    for child in pattern.children:
        if child.type == ",":
            at += 1
        elif child.is_named and _bound(child) == name:
            return at
    return -1


def _bound(child: Node) -> str:
    target = child.child_by_field_name("left") if child.type == "assignment_pattern" else child
    return text(target) if target is not None and target.type == "identifier" else ""


def _written(node: Node, language: Language) -> Node | None:
    """Return an expression, or what the constant of the file is given that it names."""
    node = _unwrapped(node, language)
    if node.type != "identifier":
        return node
    here = node.parent
    while here is not None:
        for child in here.named_children:
            statement = child.child_by_field_name("declaration") or child
            for one in statement.named_children if statement.type in _DECLARES else ():
                if text(one.child_by_field_name("name")) == text(node):
                    value = one.child_by_field_name("value")
                    return None if value is None or value == node else _unwrapped(value, language)
        here = here.parent
    return None


def _unwrapped(node: Node, language: Language) -> Node:
    while node.type in language.wrapping and node.named_children:
        node = node.named_children[0]
    return node
