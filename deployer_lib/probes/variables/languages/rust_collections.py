"""Maps and lists of tuples in Rust code: how they are written, filled with ``insert``, and taken apart by a loop's pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text
from deployer_lib.probes.variables.flow.nodes import descend
from deployer_lib.probes.variables.languages.rust_patterns import called
from deployer_lib.probes.variables.languages.rust_syntax import method_of, tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node

__all__ = ["looked_up", "pairs_of", "picked_of", "tuple_names"]

#: What makes a value of the first time that it is asked for: the closure's result.
_LAZY: Final = frozenset(
    {"LazyLock::new", "Lazy::new", "LazyCell::new", "OnceLock::new", "Some", "Arc::new", "Box::new"}
)
_MAPS: Final = ("HashMap", "BTreeMap", "IndexMap", "FxHashMap", "AHashMap")
#: Methods that give the elements of a list as they are.
_SAME: Final = frozenset({"iter", "into_iter", "collect", "to_vec", "into", "cloned", "copied", "clone"})
_WRAPPING: Final = frozenset({"reference_expression", "parenthesized_expression", "expression_statement"})
_DEEPEST: Final = 6

Pairs = list[tuple["Node | str", "Node"]]


def pairs_of(node: Node, depth: int = 0) -> Pairs | None:  # noqa: PLR0911  (one way to make a map after the other)
    """Return the keys and values of a map, however it is made; None where a node is none."""
    node = _bare(node)
    if depth > _DEEPEST:
        return None
    if node.type == "struct_expression":
        return _fields(node)
    if node.type == "block":
        last = tail(node)
        return _inserted(node, text(last)) if last is not None and last.type == "identifier" else None
    if node.type != "call_expression":
        return None
    given = _arguments(node)
    name = called(node)
    if name.endswith("map!"):
        return list(zip(given[::2], given[1::2], strict=False))
    written = _path(node)
    if written in _LAZY and len(given) == 1 and given[0].type == "closure_expression":
        body = given[0].child_by_field_name("body")
        return pairs_of(body, depth + 1) if body is not None else None
    if written.startswith(_MAPS) and written.endswith(("::from", "::from_iter")) and len(given) == 1:
        return _tuples(given[0])
    if written.startswith(_MAPS) and not given:
        return _filled_after(node)
    method = method_of(node)
    return _tuples(method[0]) if method is not None and method[1] in {"collect", "into"} else None


def picked_of(source: Node, pattern: Node | None, name: str) -> list[Node]:
    """Return what a name stands for that a tuple's pattern takes out of every element of a list of tuples.

    Args:
        source: the list, a literal or a constant of the file.
        pattern: ``(key, default)``.
        name: one of its names.
    """
    names = tuple_names(pattern)
    elements = _elements(source)
    if name not in names or elements is None:
        return []
    at = names.index(name)
    return [
        parts[at]
        for element in elements
        if (tuple_ := _bare(element)).type == "tuple_expression"
        and len(parts := [c for c in tuple_.named_children if "comment" not in c.type]) == len(names)
    ]


def tuple_names(pattern: Node | None) -> list[str]:
    """Return the names in a tuple's pattern, at their places; none where it is no such pattern."""
    while pattern is not None and pattern.type == "reference_pattern" and pattern.named_children:
        pattern = pattern.named_children[-1]
    if pattern is None or pattern.type != "tuple_pattern":
        return []
    return [text(child).removeprefix("&") for child in pattern.children if child.type not in {"(", ")", ","}]


def looked_up(node: Node) -> tuple[Node, Node] | None:
    """Return the map and the key of ``map["key"]`` and ``map.get(&key)``, None where a node is neither."""
    if node.type == "index_expression" and len(node.named_children) == 2:  # noqa: PLR2004  (holder and index)
        return node.named_children[0], node.named_children[1]
    method = method_of(node)
    given = _arguments(node) if method is not None and method[1] == "get" else []
    return (method[0], given[0]) if method is not None and len(given) == 1 else None


def _bare(node: Node) -> Node:
    while node.type in _WRAPPING and node.named_children:
        node = node.named_children[-1]
    return node


def _path(call: Node) -> str:
    function = call.child_by_field_name("function")
    if function is not None and function.type == "generic_function":
        function = function.child_by_field_name("function")
    if function is None or function.type not in {"identifier", "scoped_identifier"}:
        return ""
    path = function.child_by_field_name("path")
    owner = text(path).partition("<")[0].removesuffix("::").rpartition("::")[2] if path is not None else ""
    name = text(function.child_by_field_name("name")) or text(function)
    return f"{owner}::{name}" if owner else name


def _arguments(call: Node) -> list[Node]:
    given = call.child_by_field_name("arguments")
    return [c for c in given.named_children if "comment" not in c.type] if given is not None else []


def _fields(node: Node) -> Pairs | None:
    body = node.child_by_field_name("body")
    if body is None:
        return None
    pairs = [(c.child_by_field_name("field"), c.child_by_field_name("value")) for c in body.named_children]
    return [(text(name), value) for name, value in pairs if name is not None and value is not None]


def _elements(node: Node) -> Sequence[Node] | None:
    node = _bare(node)
    if node.type == "identifier":
        node = _constant(node)
    if node.type == "array_expression":
        return [child for child in node.named_children if "comment" not in child.type]
    if node.type != "call_expression":
        return None
    if called(node) == "vec!":
        return _arguments(node)
    method = method_of(node)
    return _elements(method[0]) if method is not None and method[1] in _SAME else None


def _constant(name: Node) -> Node:
    """Return what a constant of the file's top level is, the name itself where it is none."""
    root = name
    while root.parent is not None:
        root = root.parent
    values = (
        item.child_by_field_name("value")
        for item in root.named_children
        if item.type in {"const_item", "static_item"} and text(item.child_by_field_name("name")) == text(name)
    )
    found = next((value for value in values if value is not None), None)
    return name if found is None else _bare(found)


def _tuples(node: Node) -> Pairs | None:
    elements = _elements(node)
    if elements is None:
        return None
    parts = [
        [c for c in _bare(element).named_children if "comment" not in c.type]
        for element in elements
        if _bare(element).type == "tuple_expression"
    ]
    pairs: Pairs = [(pair[0], pair[1]) for pair in parts if len(pair) == 2]  # noqa: PLR2004  (key and value)
    return pairs or None


def _filled_after(made: Node) -> Pairs | None:
    """Return what an empty map is filled with where it is declared: ``let mut m = HashMap::new(); m.insert(k, v);``."""
    declaration = made.parent
    if declaration is None or declaration.type != "let_declaration" or declaration.parent is None:
        return None
    pattern = declaration.child_by_field_name("pattern")
    return _inserted(declaration.parent, text(pattern)) if pattern is not None else None


def _inserted(block: Node, name: str) -> Pairs:
    found: Pairs = []
    for node in descend(block):
        method = method_of(node)
        if method is not None and method[1] == "insert" and text(method[0]) == name:
            given = _arguments(node)
            if len(given) == 2:  # noqa: PLR2004  (key and value)
                found.append((given[0], given[1]))
    return found
