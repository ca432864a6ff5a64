"""What a file of JavaScript or TypeScript imports, and how sure it is to need it at run time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import tree_sitter_typescript
from tree_sitter import Language, Parser, Query, QueryCursor

from deployer_lib.probes.variables.languages.javascript_trees import cut_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node, Tree

__all__ = ["SUFFIXES", "Import", "imports_in", "used_as_values"]

SUFFIXES: Final = frozenset(
    {".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte", ".astro"}
)
_TYPED: Final = frozenset({".ts", ".mts", ".cts"})
_QUERY: Final = """
(import_statement) @import
(export_statement source: (_)) @import
(call_expression function: (import)) @call
(call_expression function: [(identifier) (member_expression)] @_name
  (#match? @_name "^(?:require|nodeRequire|require\\.resolve|import\\.meta\\.resolve)$")) @call
"""
_CALLED: Final = frozenset({"require", "import", "require.resolve", "import.meta.resolve", "nodeRequire"})
#: A wrapper for several module systems: what it requires is an offer to a bundler, and the file works without.
_UNIVERSAL: Final = re.compile(
    rb"typeof\s+define\s*={2,3}\s*['\"]function['\"]\s*&&\s*define\.amd|__webpack_require__"
)
_DEVELOPMENT: Final = re.compile(r"NODE_ENV\s*={2,3}\s*['\"](?:dev\w*|test\w*|local)['\"]|__DEV__|env\.DEV\b")
_NOT_PRODUCTION: Final = re.compile(r"NODE_ENV\s*!={1,2}\s*['\"]production['\"]|!\s*(?:\w+\.)*isProd\w*")
_PRODUCTION: Final = re.compile(r"NODE_ENV\s*={2,3}\s*['\"]production['\"]")
_TESTS: Final = re.compile(r"import\.meta\.vitest|env\.(?:VITEST|JEST_WORKER_ID)")
_BINDERS: Final = frozenset({"import_clause", "namespace_import", "import_require_clause"})
#: Around a name that is not a value there.
_NO_VALUES: Final = _BINDERS | {"import_specifier", "type_query", "nested_type_identifier"}
_IN_TYPES: Final = frozenset(
    {"type_annotation", "type_alias_declaration", "type_arguments", "interface_body", "union_type"}
    | {"type_query", "generic_type", "intersection_type", "extends_type_clause"}
)


@dataclass(frozen=True, slots=True)
class Import:
    """One import."""

    specifier: str  # as written; empty where it is computed
    line: int
    types: bool = False  # ``import type``: gone from what runs
    optional: bool = False  # its failure is caught
    development: bool = False  # only reached outside of production
    names: tuple[str, ...] = ()  # what it binds
    computed: bool = False  # names a file that only the run knows


def imports_in(source: bytes, path: str) -> tuple[list[Import], bool]:
    """Return the imports of a file, and whether the whole of it could be parsed."""
    suffix = f".{path.rpartition('.')[2]}"
    if _UNIVERSAL.search(source):
        return [], True
    tree = _parsed(cut_out(source, path), suffix)
    captured = QueryCursor(_query(suffix in _TYPED)).captures(tree.root_node)
    found = [item for node in captured.get("import", ()) for item in _stated(node)]
    found += [item for node in captured.get("call", ()) for item in _called(node)]
    found.sort(key=lambda item: item.line)
    return found, not (tree.root_node.has_error and not found)


def used_as_values(source: bytes, path: str, names: tuple[str, ...]) -> bool:
    """Tell whether any of the names that an import binds is more than a type: TypeScript leaves the import out else."""
    tree = _parsed(cut_out(source, path), f".{path.rpartition('.')[2]}")
    wanted = {name.encode() for name in names}
    query = _names_query(f".{path.rpartition('.')[2]}" in _TYPED)
    for node in QueryCursor(query).captures(tree.root_node).get("name", ()):
        if node.text in wanted and not _is_type_or_import(node):
            return True
    return False


# -- parsing ---------------------------------------------------------------------------------------------------------


@cache
def _grammar(typed: bool) -> Language:  # noqa: FBT001  (the only argument; the cache's key)
    return Language(
        tree_sitter_typescript.language_typescript() if typed else tree_sitter_typescript.language_tsx()
    )


@cache
def _query(typed: bool) -> Query:  # noqa: FBT001  (the only argument; the cache's key)
    return Query(_grammar(typed), _QUERY)


@cache
def _names_query(typed: bool) -> Query:  # noqa: FBT001  (the only argument; the cache's key)
    return Query(_grammar(typed), "[(identifier) (shorthand_property_identifier)] @name")


def _parsed(source: bytes, suffix: str) -> Tree:
    return Parser(_grammar(suffix in _TYPED)).parse(source)


def _text(node: Node | None) -> str:
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


def _string(node: Node | None) -> str | None:
    if node is None or node.type not in {"string", "template_string"}:
        return None
    if any(child.type == "template_substitution" for child in node.named_children):
        return None
    return _text(node)[1:-1]


# -- statements ------------------------------------------------------------------------------------------------------


def _stated(node: Node) -> Iterator[Import]:
    source = node.child_by_field_name("source")
    clause = next((child for child in node.named_children if child.type == "import_require_clause"), None)
    if clause is not None:  # import fs = require("fs")
        source = clause.child_by_field_name("source")
    specifier = _string(source)
    if specifier is None or _in_ambient_module(node):
        return
    only_types = any(child.type in {"type", "typeof"} for child in node.children)
    bound = [child for child in _descendants(node) if child.type in {"import_specifier", "export_specifier"}]
    typed = [child for child in bound if any(each.type in {"type", "typeof"} for each in child.children)]
    all_typed = bool(bound) and len(typed) == len(bound) and not _binds_more(node)
    yield Import(
        specifier,
        node.start_point.row + 1,
        types=only_types or all_typed,
        names=tuple(_bound(node)) if node.type == "import_statement" else (),
    )


def _binds_more(node: Node) -> bool:
    clause = next((child for child in node.named_children if child.type == "import_clause"), None)
    return clause is not None and any(
        child.type in {"identifier", "namespace_import"} for child in clause.named_children
    )


def _bound(node: Node) -> Iterator[str]:
    for child in _descendants(node):
        if child.type == "import_specifier":
            yield _text(child.child_by_field_name("alias") or child.child_by_field_name("name"))
        elif child.type == "identifier" and child.parent is not None and child.parent.type in _BINDERS:
            yield _text(child)


def _descendants(node: Node) -> Iterator[Node]:
    for child in node.named_children:
        yield child
        yield from _descendants(child)


def _in_ambient_module(node: Node) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.type == "ambient_declaration":
            return True
        parent = parent.parent
    return False


# -- calls -----------------------------------------------------------------------------------------------------------


def _called(node: Node) -> Iterator[Import]:
    name = _text(node.child_by_field_name("function"))
    if name not in _CALLED:
        return
    arguments = node.child_by_field_name("arguments")
    first = next((c for c in arguments.named_children if c.type != "comment"), None) if arguments else None
    if first is None or first.type in {"object", "array"}:
        return
    specifier = _string(first)
    yield Import(
        specifier or "",
        node.start_point.row + 1,
        types=_in_types(node),
        optional=_is_caught(node) or name == "import.meta.resolve",
        development=_outside_production(node),
        computed=specifier is None,
    )


def _in_types(node: Node) -> bool:
    parent = node.parent
    while parent is not None and parent.type != "statement_block":
        if parent.type in _IN_TYPES:
            return True
        parent = parent.parent
    return False


def _is_caught(node: Node) -> bool:
    """Tell whether a failure is caught: ``try { … } catch``, ``import(…).catch(…)``, ``.then(…, failed)``."""
    here, parent = node, node.parent
    while parent is not None:
        if parent.type == "try_statement":
            body = parent.child_by_field_name("body")
            if parent.child_by_field_name("handler") is not None and body is not None and body.id == here.id:
                return True
        if parent.type == "member_expression":
            called = parent.parent
            arguments = called.child_by_field_name("arguments") if called is not None else None
            word = _text(parent.child_by_field_name("property"))
            if word == "catch" or (word == "then" and arguments and arguments.named_child_count > 1):
                return True
        here, parent = parent, parent.parent
    return False


def _outside_production(node: Node) -> bool:
    here, parent = node, node.parent
    while parent is not None:
        condition, other = "", False
        if parent.type in {"if_statement", "ternary_expression"}:
            condition = _text(parent.child_by_field_name("condition"))
            alternative = parent.child_by_field_name("alternative")
            other = alternative is not None and alternative.id == here.id
        elif parent.type == "binary_expression" and _text(parent.child_by_field_name("operator")) == "&&":
            condition = _text(parent.child_by_field_name("left"))
        if condition and _never_in_production(condition, other=other):
            return True
        here, parent = parent, parent.parent
    return False


def _never_in_production(condition: str, *, other: bool) -> bool:
    if other:
        return bool(_PRODUCTION.search(condition))
    return any(p.search(condition) for p in (_DEVELOPMENT, _NOT_PRODUCTION, _TESTS))


# -- names -----------------------------------------------------------------------------------------------------------


def _is_type_or_import(node: Node) -> bool:
    here, parent = node, node.parent
    while parent is not None:
        if parent.type in _NO_VALUES:
            return True
        if parent.type == "member_expression":
            held = parent.child_by_field_name("object")
            return held is not None and held.id != here.id
        if parent.type == "nested_identifier":
            here, parent = parent, parent.parent
            continue
        return False
    return False
