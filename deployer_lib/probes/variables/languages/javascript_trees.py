"""How trees of JavaScript and TypeScript name what they hold: functions, parameters, members, scripts in components."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["cut_out", "given_name", "is_write", "members", "owner_of", "parameters_of"]

_TAGS: Final = re.compile(rb"<script\b(?![^>]*json)[^>]*>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_FRONT: Final = re.compile(rb"\A\s*---[^\n]*\n(.*?)\n---", re.DOTALL)
_BRACES: Final = re.compile(rb"\{[^{}]*\}")
_MENTION: Final = re.compile(rb"(?<![\w.$])(?:import\.meta\.|process\.)?env\.[A-Z]\w*")


def cut_out(source: bytes, path: str) -> bytes:
    """Return a file with everything but its scripts blanked out, every byte in its place."""
    if not path.endswith((".vue", ".svelte", ".astro")):
        return source
    spans = [found.span(1) for found in (*_FRONT.finditer(source), *_TAGS.finditer(source))]
    out = bytearray(re.sub(rb"[^\n]", b" ", source))
    if not path.endswith(".vue"):
        for brace in _BRACES.finditer(source):
            for found in _MENTION.finditer(source, *brace.span()):
                out[found.start() : found.end()] = found[0]
                out[found.end() : found.end() + 1] = b";"
    for start, end in spans:
        out[start:end] = source[start:end]
    return bytes(out)


def owner_of(node: Node) -> str:
    """Return the class that a member stands in, or the name of the object literal."""
    here = node.parent
    if here is not None and here.type in {"pair", "public_field_definition"}:
        here = here.parent
    if here is None or here.type not in {"class_body", "object"}:
        return ""
    holder = here.parent
    while holder is not None and holder.type in {
        "as_expression",
        "satisfies_expression",
        "parenthesized_expression",
    }:
        holder = holder.parent
    if holder is None or holder.type == "export_statement":
        return "default"
    named = (
        holder.child_by_field_name("name")
        or holder.child_by_field_name("left")
        or holder.child_by_field_name("key")
    )
    if named is None and holder.type == "class" and holder.parent is not None:
        named = holder.parent.child_by_field_name("name")  # const Env = class { … }
    return text(named)


def given_name(node: Node) -> str:
    """Return the name that a function without one is bound to."""
    parent = node.parent
    while parent is not None and parent.type in {
        "parenthesized_expression",
        "as_expression",
        "satisfies_expression",
    }:
        parent = parent.parent
    if parent is None:
        return ""
    if parent.type == "export_statement":
        return "default"
    if parent.type == "arguments" and parent.parent is not None:  # const need = memoize((name) => …)
        called = parent.parent.child_by_field_name("function")
        plain = called is not None and called.type == "identifier"
        return given_name(parent.parent) if plain and _is_declared(parent.parent) else ""
    if parent.type == "assignment_expression":
        left = text(parent.child_by_field_name("left"))
        return "default" if left == "module.exports" else left.rpartition(".")[2]
    if parent.type in {"variable_declarator", "pair", "public_field_definition"}:
        named = parent.child_by_field_name("name") or parent.child_by_field_name("key")
        return text(named).strip("'\"`") if named is not None and named.type != "object_pattern" else ""
    return ""


def _is_declared(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "variable_declarator"


def parameters_of(node: Node) -> Iterator[tuple[str, Node | None, bool]]:
    """Yield name, default and whether it takes the rest; members of a destructured parameter come last, by name."""
    single = node.child_by_field_name("parameter")
    if single is not None:
        yield text(single), None, False
        return
    taken: list[tuple[str, Node | None, bool]] = []
    listed = node.child_by_field_name("parameters")
    for one in listed.named_children if listed is not None else ():
        pattern, value = one.child_by_field_name("pattern"), one.child_by_field_name("value")
        if pattern is None or pattern.type == "this":
            continue
        if pattern.type == "object_pattern":
            taken += [(local or name, default, False) for name, default, local in members(pattern)]
        if pattern.type == "array_pattern" and pattern.named_children:
            first, *others = pattern.named_children  # ([key, value]) => … of Object.entries(…)
            taken += [(text(other), None, False) for other in others if other.type == "identifier"]
            yield text(first), None, False
        elif pattern.type == "rest_pattern":
            yield text(pattern.named_children[0]) if pattern.named_children else "", None, True
        else:
            yield (text(pattern) if pattern.type == "identifier" else ""), value, False
    yield from taken


def members(pattern: Node) -> Iterator[tuple[str, Node | None, str]]:
    """Yield name, default and local name of each member that a destructuring takes; nested patterns have no local name."""
    for child in pattern.named_children:
        if child.type == "shorthand_property_identifier_pattern":
            yield text(child), None, text(child)
        elif child.type == "object_assignment_pattern":
            name = text(child.child_by_field_name("left"))
            yield name, child.child_by_field_name("right"), name
        elif child.type == "pair_pattern":
            key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            default = (
                value.child_by_field_name("right")
                if value is not None and value.type == "assignment_pattern"
                else None
            )
            inner = value.child_by_field_name("left") if default is not None and value is not None else value
            local = text(inner) if inner is not None and inner.type == "identifier" else ""
            yield text(key).strip("'\"`"), default, local


def is_write(node: Node, around: Node) -> bool:
    """Tell whether an access, by what stands around it, gives a value or a type and takes none."""
    if around.type == "augmented_assignment_expression":
        return around.child_by_field_name("left") == node and text(
            around.child_by_field_name("operator")
        ) not in {"??=", "||="}
    if around.type == "assignment_expression":
        return around.child_by_field_name("left") == node
    return around.type in {"type_query", "nested_type_identifier", "assignment_pattern", "array_pattern"} or (
        around.type == "unary_expression" and text(around).startswith("delete")
    )
