"""What one Rust file names: crates at the begin of paths, modules it declares, and names that it binds itself.

tree-sitter reads the file; what only tests compile is left out, and so is what stands under conditions that no manifest tells
of (``#[cfg(loom)]``). In the arguments of macros, which are bare tokens to the grammar, paths are looked for by their signs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tree_sitter import Parser

from deployer_lib.probes.packages.cargo.conditions import compiled, one_platform
from deployer_lib.probes.packages.cargo.names import ARGUMENT_MACROS, BUILT_IN, QUOTES, TOOLS
from deployer_lib.probes.packages.cargo.uses import use_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

__all__ = ["Code", "Named", "Submodule", "read_code"]

_NAME: Final = re.compile(r"^[a-z_][a-z0-9_]*$")
_SCOPED: Final = frozenset({"scoped_identifier", "scoped_type_identifier"})
_TYPES: Final = frozenset(
    {"struct_item", "enum_item", "union_item", "type_item", "trait_item", "trait_alias_item"}
)
_ITEMS: Final = frozenset({"source_file", "declaration_list"})
_Place = tuple["Node", tuple[str, ...]]  # a node and the inline modules around it


@dataclass(frozen=True, slots=True)
class Named:
    """A name at the begin of a path, which may be a crate."""

    name: str
    line: int
    absolute: bool  # ``::name``: a crate and nothing else
    imported: bool  # in ``use`` or ``extern crate``
    sure: bool  # not out of a macro's tokens, which may mean anything


@dataclass(frozen=True, slots=True)
class Submodule:
    """``mod x;``: another file."""

    name: str
    inside: tuple[str, ...]  # inline modules around it
    path: str  # of #[path = "…"], empty where there is none
    bound: bool = False  # to some platforms, by #[cfg(windows)] and the like


@dataclass(slots=True)
class Code:
    """What one file says."""

    named: list[Named] = field(default_factory=list)
    own: set[str] = field(default_factory=set)  # names of modules, types and imports of its own
    stems: set[str] = field(default_factory=set)  # its types and functions in snake case
    submodules: list[Submodule] = field(default_factory=list)
    foreign_globs: bool = False  # ``use other::*``, or macros that make items: names may come from there
    local_globs: bool = False  # ``use super::*``: names of the package's other files are known too
    bound: list[tuple[int, int]] = field(
        default_factory=list
    )  # first and last lines of what some platforms alone compile
    errors: int = 0  # line of the first place that the grammar does not understand; 0: none

    def is_bound(self, line: int) -> bool:
        """Tell whether a line is compiled for some platforms alone."""
        return any(first <= line <= last for first, last in self.bound)

    def binds(self, name: str) -> bool:
        """Tell whether a name is the file's own, or may be made by an attribute of something in it."""
        return name in self.own or any(name.startswith(f"{stem}_") for stem in self.stems)


@lru_cache(maxsize=1)
def _parser() -> Parser:
    import tree_sitter_rust  # noqa: PLC0415  (only where there is Rust)
    from tree_sitter import Language  # noqa: PLC0415

    return Parser(Language(tree_sitter_rust.language()))


def read_code(source: bytes, features: frozenset[str]) -> Code:
    """Read a file.

    Args:
        source: its text.
        features: those that the package's manifest knows; code under others is never compiled.
    """
    code = Code()
    root = _parser().parse(source).root_node
    if not _inner_allowed(root, features):
        return code
    if any(one_platform(_text(child)) for child in root.children if child.type == "inner_attribute_item"):
        code.bound.append((0, root.end_point[0] + 1))
    stack: list[_Place] = [(root, ())]
    while stack:
        node, inside = stack.pop()
        if node.type in {"ERROR", "MISSING"} and not code.errors:
            code.errors = node.start_point[0] + 1
        for child, held in _items(node, code, features):
            if held:
                stack += _seen(child, node, inside, code, features)
            else:
                _left_out(child, code)
    return code


def _items(node: Node, code: Code, features: frozenset[str]) -> Iterator[tuple[Node, bool]]:
    """Yield the children of a node, and whether their attributes leave them in a production build."""
    held, some = True, False
    for child in node.children:
        if child.type in {"attribute_item", "inner_attribute_item"}:
            if child.type == "attribute_item":
                held = held and compiled(_text(child), features)
                some = some or one_platform(_text(child))
            if held:
                _attribute(child, code)
        elif "comment" not in child.type:
            if some:
                code.bound.append((child.start_point[0] + 1, child.end_point[0] + 1))
            yield child, held
            held, some = True, False


def _text(node: Node | None) -> str:
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


def _named(node: Node | None) -> str:
    """Return an identifier, without the sign of a raw one."""
    return _text(node).removeprefix("r#")


def _left_out(node: Node, code: Code) -> None:
    """Keep the names of what another configuration compiles: code that asks for them is under the same condition."""
    if node.type == "use_declaration":
        trees = use_tree(_text(node.child_by_field_name("argument")))
        code.own.update(tree.binds for tree in trees if tree.binds != tree.segments[0])
    elif node.type == "mod_item" or node.type in _TYPES:
        _bind(node.child_by_field_name("name"), code)


def _bind(name: Node | None, code: Code) -> None:
    """Keep a name, and what attributes make of it: ``#[builder] struct Basket`` brings a module ``basket_builder``."""
    text = _named(name)
    code.own.add(text)
    code.stems.add(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower())


def _inner_allowed(node: Node, features: frozenset[str]) -> bool:
    return all(
        compiled(_text(child), features) for child in node.children if child.type == "inner_attribute_item"
    )


def _seen(
    node: Node, parent: Node, inside: tuple[str, ...], code: Code, features: frozenset[str]
) -> list[_Place]:
    """Take one node in; return what is to be looked at below it."""
    below: list[_Place] = []
    match node.type:
        case "use_declaration":
            _use(node, code)
        case "extern_crate_declaration":
            _extern(node, code)
        case "macro_definition":
            code.own.add(_named(node.child_by_field_name("name")))
        case "visibility_modifier":
            pass
        case "mod_item":
            below = _module(node, inside, code, features)
        case "macro_invocation":
            below = _macro(node, parent, inside, code)
        case kind if kind in _SCOPED:
            below = _path(node, inside, code)
        case kind:
            if kind in _TYPES or kind == "function_item":
                _bind(node.child_by_field_name("name"), code)
            below = [(node, inside)]
    return below


def _extern(node: Node, code: Code) -> None:
    name = _named(node.child_by_field_name("name"))
    if name not in BUILT_IN:
        code.named.append(Named(name, node.start_point[0] + 1, absolute=True, imported=True, sure=True))
    if alias := _named(node.child_by_field_name("alias")):
        code.own.add(alias)


def _module(node: Node, inside: tuple[str, ...], code: Code, features: frozenset[str]) -> list[_Place]:
    name, body = _named(node.child_by_field_name("name")), node.child_by_field_name("body")
    code.own.add(name)
    if body is not None:
        return [(body, (*inside, name))] if _inner_allowed(body, features) else []
    line = node.start_point[0] + 1
    code.submodules.append(Submodule(name, inside, _path_attribute(node), code.is_bound(line)))
    return []


def _path_attribute(node: Node) -> str:
    before = node.prev_named_sibling
    while before is not None and (before.type == "attribute_item" or "comment" in before.type):
        if found := re.match(r'#\[\s*path\s*=\s*"([^"]+)"', _text(before)):
            return found.group(1)
        before = before.prev_named_sibling
    return ""


def _use(node: Node, code: Code) -> None:
    line = node.start_point[0] + 1
    for tree in use_tree(_text(node.child_by_field_name("argument"))):
        first = tree.segments[0] if tree.segments else ""
        if tree.glob and tree.segments[-1][:1].islower():  # an enum's variants are no modules
            if first in {"self", "super", "crate"} or first in code.own:
                code.local_globs = True
            elif first not in {"std", "core", "alloc"}:
                code.foreign_globs = True
        if tree.binds != first:  # ``use async_trait::async_trait`` leaves the crate's name what it was
            code.own.add(tree.binds)
        if _NAME.match(first) and first not in BUILT_IN:
            # Alone, it is as often a macro or a function that is handed on.
            sure = tree.absolute or len(tree.segments) > 1
            code.named.append(Named(first, line + tree.line, tree.absolute, imported=True, sure=sure))


def _path(node: Node, inside: tuple[str, ...], code: Code) -> list[_Place]:
    """Take the begin of a path in; its generic arguments are looked at further."""
    below: list[_Place] = []
    here = node
    while here.type in _SCOPED:
        below += [(child, inside) for child in here.named_children if child.type == "type_arguments"]
        path = here.child_by_field_name("path")
        if path is None:
            name = here.child_by_field_name("name")
            if here.children and here.children[0].type == "::" and name is not None:
                _add(name, code, absolute=True)
            return below
        here = path
    if here.type == "identifier":
        _add(here, code, absolute=False)
        return below
    return [*below, (here, inside)]


def _add(node: Node, code: Code, *, absolute: bool, sure: bool = True) -> None:
    name = _named(node)
    if _NAME.match(name) and name not in BUILT_IN:
        code.named.append(Named(name, node.start_point[0] + 1, absolute, imported=False, sure=sure))


# -- macros and attributes -------------------------------------------------------------------------------------------


def _macro(node: Node, parent: Node, inside: tuple[str, ...], code: Code) -> list[_Place]:
    called = node.child_by_field_name("macro")
    name = re.sub(r"\s+", "", _text(called)).rpartition("::")[2]
    below = _path(called, inside, code) if called is not None and called.type in _SCOPED else []
    at_items = parent.type in _ITEMS or (
        parent.type == "expression_statement" and (parent.parent or parent).type in _ITEMS
    )
    if at_items:
        code.foreign_globs = True  # it may declare modules
    conditional = at_items and "cfg" in _text(
        node
    )  # cfg_if! and the like: which of its parts is compiled is not told
    if name in QUOTES:
        return below
    for child in node.named_children:
        if child.type == "token_tree":
            _tokens(child, code, sure=name in ARGUMENT_MACROS, conditional=conditional)
    return below


def _tokens(tree: Node, code: Code, *, sure: bool, conditional: bool) -> None:
    leaves = list(_leaves(tree))
    for index, leaf in enumerate(leaves):
        before = leaves[index - 1].type if index else ""
        after = leaves[index + 1].type if index + 1 < len(leaves) else ""
        if leaf.type == "identifier" and after == "::" and before not in {"::", ".", "$", "crate"}:
            if not conditional:
                _add(leaf, code, absolute=False, sure=sure)
        elif leaf.type == "identifier" and before == "mod":
            code.own.add(_text(leaf))
            if after == ";":
                code.submodules.append(Submodule(_text(leaf), (), ""))


def _leaves(tree: Node) -> Iterator[Node]:
    stack = [tree]
    while stack:
        node = stack.pop()
        if (
            node.type == "token_tree"
            or (node.type == "ERROR" and node.children)
            or node.type == "macro_invocation"
        ):
            stack.extend(reversed(node.children))
        else:
            yield node


def _attribute(item: Node, code: Code) -> None:
    """Take the crate of ``#[tokio::main]`` and of ``#[derive(serde::Serialize)]`` in."""
    attribute = next((child for child in item.named_children if child.type == "attribute"), None)
    if attribute is None or not attribute.named_children:
        return
    path, tokens = attribute.named_children[0], attribute.child_by_field_name("arguments")
    if path.type in _SCOPED:
        first = _text(path).partition("::")[0].strip()
        if first and first not in TOOLS:
            _path(path, (), code)
    elif _text(path) == "derive" and tokens is not None:
        for before, leaf in pairwise([tokens, *_leaves(tokens)]):
            following = leaf.next_sibling
            if (
                leaf.type == "identifier"
                and before.type != "::"
                and following is not None
                and following.type == "::"
            ):
                _add(leaf, code, absolute=False)
