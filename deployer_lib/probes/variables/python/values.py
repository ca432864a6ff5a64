"""Work out which texts an expression can be: literals, constants of any file, loops over them, parameters."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.python import syntax
from deployer_lib.probes.variables.python.names import Hole
from deployer_lib.probes.variables.python.syntax import arguments, text, unwrap

if TYPE_CHECKING:
    from tree_sitter import Node

    from deployer_lib.probes.variables.python.module import Module
    from deployer_lib.probes.variables.python.names import Key, Project

__all__ = ["constant", "definition", "keys", "members", "plain"]

_MAX_DEPTH: Final = 15
_MAX_KEYS: Final = 200  # of one expression; beyond it is no list of names
_PLACE: Final = re.compile(r"%s|\{[^{}]*\}")
_COLLECTIONS: Final = frozenset({"list", "tuple", "set", "expression_list"})
_WRAPPING: Final = frozenset({"frozenset", "set", "list", "tuple", "sorted"})


def plain(key: Key) -> str | None:
    """Return a key as text, None where a parameter stands in it."""
    parts = [part for part in key if isinstance(part, str)]
    return "".join(parts) if len(parts) == len(key) else None


def constant(project: Project, module: Module, node: Node | None) -> str | None:
    """Return how a fallback reads: its text where that is known, else its source; None for None."""
    if syntax.literal(node) is None:
        return None
    found = keys(project, module, node)
    value = plain(found[0]) if len(found) == 1 else None
    if value is None and node is not None and (place := definition(project, module, node)) is not None:
        return syntax.literal(place[1])
    return value if value is not None else syntax.literal(node)


def keys(project: Project, module: Module, node: Node | None, depth: int = 0) -> list[Key]:  # noqa: PLR0911  (a table of node types)
    """Return every text that an expression may be; empty where that can't be known."""
    node = unwrap(node)
    if node is None or depth > _MAX_DEPTH:
        return []
    value = syntax.string(node)
    if value is not None:
        return [(value,)]
    match node.type:
        case "string":
            return _interpolated(project, module, node, depth)
        case "concatenated_string":
            return _joined([keys(project, module, part, depth + 1) for part in node.named_children])
        case "binary_operator":
            return _operator(project, module, node, depth)
        case "call":
            return _call(project, module, node, depth)
        case "identifier":
            return _identifier(project, module, node, depth)
        case "attribute" | "subscript":
            return (_attribute if node.type == "attribute" else _entry)(project, module, node, depth)
        case "conditional_expression" if len(node.named_children) > 1:
            branches = (node.named_children[0], node.named_children[-1])
            return [key for branch in branches for key in keys(project, module, branch, depth + 1)]
        case _:
            return []


def members(project: Project, module: Module, node: Node | None, depth: int = 0) -> list[Key]:  # noqa: PLR0911  (a table of node types)
    """Return the texts in a collection: a literal, a constant of any file, a mapping's keys."""
    node = unwrap(node)
    if node is None or depth > _MAX_DEPTH:
        return []
    if node.type in _COLLECTIONS:
        found = [
            keys(project, module, item, depth + 1) for item in node.named_children if item.type != "comment"
        ]
        return [key for each in found for key in each]
    if node.type == "dictionary":
        return [key for name, _ in _pairs(node) for key in keys(project, module, name, depth + 1)]
    if node.type == "binary_operator":
        sides = [members(project, module, syntax.field(node, side), depth + 1) for side in ("left", "right")]
        return [key for side in sides for key in side]
    if node.type == "call":
        given = arguments(node).positional
        if text(syntax.field(node, "function")) in _WRAPPING and given:
            return members(project, module, given[0], depth + 1)
        if text(syntax.field(node, "function", "attribute")) == "keys":
            return members(project, module, syntax.field(node, "function", "object"), depth + 1)
    place = definition(project, module, node)
    return members(project, *place, depth + 1) if place is not None else []


def definition(project: Project, module: Module, node: Node) -> tuple[Module, Node] | None:
    """Return the expression that a name or attribute was bound to, with its module."""
    if node.type == "identifier":
        bound = project.binding(module, node, text(node))
        if bound is not None:
            return None if bound.start_byte <= node.start_byte < bound.end_byte else (module, bound)
    if node.type not in {"identifier", "attribute"}:
        return None
    owner = text(syntax.field(node, "object"))
    if owner in {"self", "cls"}:
        return _in_own_class(module, node)
    dotted = project.dotted(module, node)
    return _constant(project, module, dotted) if dotted else None


def _in_own_class(module: Module, node: Node) -> tuple[Module, Node] | None:
    here: Node | None = node
    while here is not None and here.type != "class_definition":
        here = here.parent
    if here is None:
        return None
    name = text(syntax.field(node, "attribute"))
    for scope in (here, syntax.field(here, "body")):
        if scope is not None and name in module.bound.get(scope.id, {}):
            return module, module.bound[scope.id][name]
    return None


def _constant(project: Project, module: Module, dotted: str) -> tuple[Module, Node] | None:
    owner, _, name = dotted.rpartition(".")
    if name == "value":  # of an enumeration's member
        owner, _, name = owner.rpartition(".")
    other = module if owner == module.name else project.find(owner, module.path)
    if other is not None and name in other.bound[other.root.id]:
        return other, other.bound[other.root.id][name]
    found = project.class_node(owner, module)
    if found is not None and name in found[0].bound.get(found[1].id, {}):
        return found[0], found[0].bound[found[1].id][name]
    return None


def _identifier(project: Project, module: Module, node: Node, depth: int) -> list[Key]:
    name = text(node)
    looped = _looped(project, module, node, depth)
    if looped is not None:
        return looped
    place = definition(project, module, node)
    if place is not None:
        return keys(project, *place, depth + 1)
    function = project.parameter_of(module, node, name)
    return [(Hole(function.node.id, name),)] if function is not None else []


def _attribute(project: Project, module: Module, node: Node, depth: int) -> list[Key]:
    place = definition(project, module, node)
    return keys(project, *place, depth + 1) if place is not None else []


def _looped(project: Project, module: Module, node: Node, depth: int) -> list[Key] | None:
    for loop, target, source in module.loops.get(text(node), ()):
        if loop.start_byte <= node.start_byte < loop.end_byte:
            return _loop_values(project, module, text(node), target, source, depth)
    return None


def _loop_values(
    project: Project, module: Module, name: str, target: Node, source: Node, depth: int
) -> list[Key]:
    names = [text(child) for child in target.named_children] or [text(target)]
    position = names.index(name) if name in names else 0
    method = text(syntax.field(source, "function", "attribute"))
    owner: Node | None = source
    if source.type == "call" and method in {"items", "values"}:
        owner = syntax.field(source, "function", "object")
        position = 1 if method == "values" else position
    place = (module, owner) if owner is not None else None
    if owner is not None and owner.type != "dictionary":
        place = definition(project, module, owner) or place
    if place is not None and place[1].type == "dictionary" and method in {"items", "values"}:
        found = [
            keys(project, place[0], pair[position], depth + 1)
            for pair in _pairs(place[1])
            if position < len(pair)
        ]
        return [key for each in found for key in each]
    if place is not None and len(names) > 1 and place[1].type in _COLLECTIONS:  # rows of several values
        rows = [row.named_children for row in place[1].named_children if len(row.named_children) > position]
        return [key for row in rows for key in keys(project, place[0], row[position], depth + 1)]
    return members(project, module, source, depth + 1)


def _entry(project: Project, module: Module, node: Node, depth: int) -> list[Key]:
    """Return the texts of ``row["name"]``: of a dictionary, or of those that a loop over a list of them goes through."""
    owner, wanted = syntax.field(node, "value"), syntax.string(syntax.field(node, "subscript"))
    if owner is None or wanted is None:
        return []
    sources = [source for loop, _, source in module.loops.get(text(owner), ()) if _around(loop, node)]
    place = definition(project, module, sources[0] if sources else owner) or (
        module,
        sources[0] if sources else owner,
    )
    rows = place[1].named_children if sources and place[1].type in _COLLECTIONS else [place[1]]
    return [
        key
        for row in rows
        if row.type == "dictionary"
        for name, value in _pairs(row)
        if syntax.string(name) == wanted
        for key in keys(project, place[0], value, depth + 1)
    ]


def _around(loop: Node, node: Node) -> bool:
    return loop.start_byte <= node.start_byte < loop.end_byte


def _pairs(dictionary: Node) -> list[tuple[Node, Node]]:
    found = [(syntax.field(pair, "key"), syntax.field(pair, "value")) for pair in dictionary.named_children]
    return [(name, value) for name, value in found if name is not None and value is not None]


def _interpolated(project: Project, module: Module, node: Node, depth: int) -> list[Key]:
    parts: list[list[Key]] = []
    for child in node.named_children:
        if child.type == "string_content":
            parts.append([(text(child),)])
        elif child.type == "interpolation":
            parts.append(keys(project, module, syntax.field(child, "expression"), depth + 1))
    return _joined(parts)


def _operator(project: Project, module: Module, node: Node, depth: int) -> list[Key]:
    left, right = syntax.field(node, "left"), syntax.field(node, "right")
    operator = text(syntax.field(node, "operator"))
    if operator == "+":
        return _joined([keys(project, module, left, depth + 1), keys(project, module, right, depth + 1)])
    pattern = syntax.string(left)
    if operator == "%" and pattern is not None and right is not None:
        values = right.named_children if right.type == "tuple" else [right]
        return _filled(pattern, [keys(project, module, value, depth + 1) for value in values])
    return []


def _call(project: Project, module: Module, node: Node, depth: int) -> list[Key]:
    target = syntax.field(node, "function")
    given = arguments(node)
    method = text(syntax.field(target, "attribute"))
    owner = syntax.field(target, "object")
    if method in {"upper", "strip", "encode", "decode"} and owner is not None:
        found = keys(project, module, owner, depth + 1)
        return [tuple(map(_upper, key)) for key in found] if method == "upper" else found
    pattern = syntax.string(owner)
    if method == "format" and pattern is not None:
        return _filled(pattern, [keys(project, module, value, depth + 1) for value in given.positional])
    if text(target) == "str" and given.positional:
        return keys(project, module, given.positional[0], depth + 1)
    return []


def _upper(part: str | Hole) -> str | Hole:
    return part.upper() if isinstance(part, str) else Hole(part.function, part.parameter, upper=True)


def _filled(pattern: str, values: list[list[Key]]) -> list[Key]:
    pieces = _PLACE.split(pattern)
    if len(pieces) != len(values) + 1:
        return []
    parts: list[list[Key]] = [[(pieces[0],)]]
    for value, piece in zip(values, pieces[1:], strict=True):
        parts += [value, [(piece,)]]
    return _joined(parts)


def _joined(parts: list[list[Key]]) -> list[Key]:
    total = 1
    for part in parts:
        total *= len(part)
    if not 0 < total <= _MAX_KEYS:
        return []
    return [tuple(piece for key in choice for piece in key if piece != "") for choice in product(*parts)]
