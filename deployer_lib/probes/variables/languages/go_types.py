"""Go's packages and types: which folder an import means, what a type's fields are, what type an expression has."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text
from deployer_lib.probes.variables.flow.nodes import descend
from deployer_lib.probes.variables.flow.program import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Field", "Modules", "Types", "tags_of"]

_TAG: Final = re.compile(r'([\w-]+):"((?:[^"\\]|\\.)*)"')
_MODULE: Final = re.compile(r'^module\s+"?([^\s"]+)', re.MULTILINE)
_FUNCTIONS: Final = frozenset({"function_declaration", "method_declaration", "func_literal"})
_WRAPPED: Final = frozenset({"pointer_type", "parenthesized_type"})
_MAX_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct."""

    name: str  # of an embedded one its type's
    type: Node
    tags: dict[str, str]
    embedded: bool
    node: Node
    file: SourceFile


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of an expression: its type, and the literal that it was made of."""

    file: SourceFile
    type: Node
    made: Place | None = None


class Modules:
    """The modules below a root: which folder an import path means."""

    def __init__(self, root: Path | None, paths: Sequence[str]) -> None:
        self.folders = {path.rpartition("/")[0] for path in paths}
        self.known: dict[str, str] = {}  # module → folder
        if root is None:
            return
        above = {folder[:end] for folder in self.folders for end in _ends(folder)}
        for folder in sorted(above):
            try:
                found = _MODULE.search((root / folder / "go.mod").read_text("utf-8", "replace"))
            except OSError:
                continue
            if found is not None:
                self.known[found[1]] = folder

    def folder(self, path: str) -> str | None:
        """Return the folder that an import path means, None where it is no package of the project."""
        for module in sorted(self.known, key=len, reverse=True):
            if path == module or path.startswith(f"{module}/"):
                found = os.path.normpath(f"{self.known[module]}/{path[len(module) :]}".strip("/") or ".")
                return "" if found == "." else found
        if self.known or "/" not in path:
            return None
        parts = path.split("/")
        return next(
            ("/".join(parts[i:]) for i in range(len(parts)) if "/".join(parts[i:]) in self.folders), None
        )


class Types:
    """The types of a program."""

    def __init__(self, program: Program, modules: Modules) -> None:
        self.program, self.modules = program, modules
        self._folders: dict[str, list[str]] = {}
        for path in program.paths:
            self._folders.setdefault(path.rpartition("/")[0], []).append(path)
        self._types: dict[str, dict[str, Node]] = {}  # file → name → type
        self._values: dict[str, dict[str, Node]] = {}  # file → name → spec of a variable at the top
        self._functions: dict[str, dict[str, Node]] = {}  # file → name → function

    # -- packages --------------------------------------------------------------------------------------------------------

    def files(self, folder: str, name: str) -> Iterator[SourceFile]:
        """Yield the files of a folder in which a name stands."""
        word = name.encode()
        for path in self._folders.get(folder, ()):
            try:
                if word in self.program.source(path):
                    yield self.program.file(path)
            except OSError:
                continue

    def package(self, file: SourceFile, local: str) -> str | None:
        """Return the folder that a package's name in a file means; None where it is none of the project."""
        brought = file.imports.get(local)
        return None if brought is None else self.modules.folder(brought.module)

    def is_package(self, file: SourceFile, local: str) -> bool:
        """Tell whether a name is that of an imported package."""
        return local in file.imports

    def type_named(self, folder: str, name: str) -> Place | None:
        """Return a type that is declared in a package."""
        for file in self.files(folder, name):
            if file.path not in self._types:
                self._types[file.path] = {
                    text(node.child_by_field_name("name")): kind
                    for node in descend(file.root)
                    if node.type in {"type_spec", "type_alias"}
                    and (kind := node.child_by_field_name("type")) is not None
                }
            if (found := self._types[file.path].get(name)) is not None:
                return Place(file, found)
        return None

    def function_named(self, folder: str, name: str) -> Place | None:
        """Return a function that is declared in a package."""
        for file in self.files(folder, name):
            if file.path not in self._functions:
                self._functions[file.path] = {
                    text(node.child_by_field_name("name")): node
                    for node in file.root.named_children
                    if node.type == "function_declaration"
                }
            if (found := self._functions[file.path].get(name)) is not None:
                return Place(file, found)
        return None

    def variable_named(self, folder: str, name: str) -> Place | None:
        """Return the declaration of a variable or constant at the top of a package."""
        for file in self.files(folder, name):
            if file.path not in self._values:
                self._values[file.path] = {
                    text(one): spec
                    for declared in file.root.named_children
                    if declared.type in {"var_declaration", "const_declaration"}
                    for spec in descend(declared)
                    if spec.type in {"var_spec", "const_spec"}
                    for one in spec.children_by_field_name("name")
                }
            if (found := self._values[file.path].get(name)) is not None:
                return Place(file, found)
        return None

    # -- types -----------------------------------------------------------------------------------------------------------

    def struct(self, file: SourceFile, kind: Node, depth: int = 0) -> Place | None:
        """Return the struct that a type stands for, pointers and names followed; None where it is none that is known."""
        while kind.type in _WRAPPED and kind.named_children:
            kind = kind.named_children[0]
        if kind.type == "generic_type":
            kind = kind.child_by_field_name("type") or kind
        if kind.type == "struct_type":
            return Place(file, kind)
        place = self._named(file, kind) if depth < _MAX_DEPTH else None
        return None if place is None or place.node == kind else self.struct(place.file, place.node, depth + 1)

    def _named(self, file: SourceFile, kind: Node) -> Place | None:
        if kind.type in {"type_identifier", "identifier"}:
            return self.type_named(file.path.rpartition("/")[0], text(kind))
        first, _, last = text(kind).partition(".")
        if kind.type not in {"qualified_type", "selector_expression"} or "." in last:
            return None
        folder = self.package(file, first)
        return None if folder is None else self.type_named(folder, last)

    def element(self, file: SourceFile, kind: Node) -> Place | None:
        """Return the struct that a list or map holds."""
        while kind.type in _WRAPPED and kind.named_children:
            kind = kind.named_children[0]
        inner = kind.child_by_field_name("element") or kind.child_by_field_name("value")
        return None if inner is None else self.struct(file, inner)

    def fields(self, struct: Place) -> Iterator[Field]:
        """Yield the fields of a struct."""
        listed = next((c for c in struct.node.named_children if c.type == "field_declaration_list"), None)
        for node in listed.named_children if listed is not None else ():
            kind = node.child_by_field_name("type")
            if node.type != "field_declaration" or kind is None:
                continue
            tags = tags_of(node)
            names = [text(name) for name in node.children_by_field_name("name")]
            if not names:
                yield Field(_last(kind), kind, tags, embedded=True, node=node, file=struct.file)
            for name in names:
                yield Field(name, kind, tags, embedded=False, node=node, file=struct.file)

    def has_method(self, file: SourceFile, kind: Node, names: Sequence[str]) -> bool:
        """Tell whether a type of the project has one of these methods."""
        first, _, last = text(kind).lstrip("*").rpartition(".")
        folder = self.package(file, first) if first else file.path.rpartition("/")[0]
        return folder is not None and any(
            function.owner == last
            for there in self.files(folder, last)
            for name in names
            for function in there.by_name.get(name, ())
        )

    # -- expressions -----------------------------------------------------------------------------------------------------

    def value(self, file: SourceFile, node: Node, depth: int = 0) -> Value | None:
        """Return what is known of an expression's type."""
        if depth > _MAX_DEPTH:
            return None
        if node.type in {"unary_expression", "parenthesized_expression"} and node.named_children:
            return self.value(file, node.named_children[-1], depth + 1)
        kind = node.child_by_field_name("type")
        if node.type in {"composite_literal", "type_assertion_expression"} and kind is not None:
            return Value(file, kind, Place(file, node) if node.type == "composite_literal" else None)
        steps = {
            "call_expression": self._called,
            "selector_expression": self._selected,
            "identifier": self._variable,
        }
        return steps[node.type](file, node, depth) if node.type in steps else None

    def _called(self, file: SourceFile, node: Node, depth: int) -> Value | None:
        called = text(node.child_by_field_name("function"))
        given = node.child_by_field_name("arguments")
        if called == "new" and given is not None and given.named_children:
            return Value(file, given.named_children[0])
        first, _, last = called.rpartition(".")
        folder = self.package(file, first) if first else file.path.rpartition("/")[0]
        found = self.function_named(folder, last) if folder is not None else None
        result = found.node.child_by_field_name("result") if found is not None else None
        if found is None or result is None:
            return None
        if result.type == "parameter_list" and result.named_children:
            result = result.named_children[0].child_by_field_name("type") or result
        return Value(found.file, result, self._returned(found, result, depth))

    def _returned(self, function: Place, result: Node, depth: int) -> Place | None:
        """Return the literal that a function makes what it gives back of."""
        wanted = text(result).lstrip("*")
        for node in descend(function.node) if depth < _MAX_DEPTH else ():
            if node.type == "composite_literal" and text(node.child_by_field_name("type")) == wanted:
                return Place(function.file, node)
        return None

    def _selected(self, file: SourceFile, node: Node, depth: int) -> Value | None:
        operand, name = node.child_by_field_name("operand"), text(node.child_by_field_name("field"))
        if operand is None:
            return None
        if operand.type == "identifier" and self.is_package(file, text(operand)):
            folder = self.package(file, text(operand))
            place = self.variable_named(folder, name) if folder is not None else None
            return None if place is None else self._declared(place.file, place.node, name, depth)
        owner = self.value(file, operand, depth + 1)
        struct = self.struct(owner.file, owner.type) if owner is not None else None
        for field in self.fields(struct) if struct is not None else ():
            if field.name == name:
                return Value(field.file, field.type)
        return None

    def _variable(self, file: SourceFile, node: Node, depth: int) -> Value | None:
        name = text(node)
        here = node.parent
        while here is not None:
            if here.type in _FUNCTIONS:
                declared = [n for n in descend(here) if _declares(n, name) and n.start_byte < node.start_byte]
                for one in reversed(declared):
                    if (found := self._declared(file, one, name, depth)) is not None:
                        return found
            here = here.parent
        place = self.variable_named(file.path.rpartition("/")[0], name)
        return None if place is None else self._declared(place.file, place.node, name, depth)

    def _declared(self, file: SourceFile, node: Node, name: str, depth: int) -> Value | None:
        """Return the type of a name by the node that declares it."""
        kind = node.child_by_field_name("type")
        right = node.child_by_field_name("value") or node.child_by_field_name("right")
        values = right.named_children if right is not None and right.type == "expression_list" else []
        left = node.child_by_field_name("left")
        names = (left.named_children if left is not None else []) or node.children_by_field_name("name")
        index = next((i for i, one in enumerate(names) if text(one) == name), 0)
        given = values[index] if index < len(values) else values[0] if values else None
        found = self.value(file, given, depth + 1) if given is not None else None
        if kind is None:
            return found
        return Value(file, kind, found.made if found is not None else None)


def tags_of(node: Node) -> dict[str, str]:
    """Return the tags of a field; of a key that stands twice, the first value."""
    written = node.child_by_field_name("tag")
    if written is None:
        return {}
    raw = text(written)
    raw = raw[1:-1] if written.type == "raw_string_literal" else raw[1:-1].replace('\\"', '"')
    tags: dict[str, str] = {}
    for key, value in _TAG.findall(raw):
        tags.setdefault(key, value.replace('\\"', '"'))
    return tags


def _declares(node: Node, name: str) -> bool:
    if node.type in {"var_spec", "parameter_declaration"}:
        return any(text(one) == name for one in node.children_by_field_name("name"))
    left = node.child_by_field_name("left") if node.type == "short_var_declaration" else None
    return left is not None and any(text(one) == name for one in left.named_children)


def _last(kind: Node) -> str:
    return re.sub(r"\[.*", "", text(kind)).rpartition(".")[2].lstrip("*")


def _ends(folder: str) -> list[int]:
    return [0, *(i for i, letter in enumerate(folder) if letter == "/"), len(folder)]
