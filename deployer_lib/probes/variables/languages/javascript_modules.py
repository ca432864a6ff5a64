"""Which file an import means and which function a call means, in JavaScript and TypeScript."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text
from deployer_lib.probes.variables.languages.javascript_trees import owner_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Function, Import, Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Modules"]

_SUFFIX: Final = re.compile(r"\.(?:[cm]?[jt]sx?|vue|svelte|astro)$")
#: First parts of an import that stand for the sources' root, by tsconfig's paths or the framework's.
_ROOTS: Final = frozenset(
    {"@", "~", "#", "~~", "@@", "$lib", "src", "app", "$src", "@src", "@app", "$", "~src", "#src"}
)
_PLAIN_FOLDERS: Final = frozenset({"src", "source", "lib", "dist"})  # that a package's exports leave out
_WORKSPACES: Final = frozenset(
    {"packages", "libs", "apps", "modules", "shared", "internal", "tooling", "services"}
)
_MOST_FILES: Final = 6
_MOST_HOPS: Final = 5  # names that stand for one another
_MOST_SEEN: Final = 60  # files and classes that are gone through for one call

Known = list[tuple["SourceFile", "Function"]]
Seen = set[tuple[str, str]]


class Modules:
    """Finds files by what an import says, and functions by what a call says."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._listed: Sequence[PurePosixPath] = ()
        self._by_last: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        self._stems: dict[str, str] = {}
        self._meant: dict[tuple[str, str], list[str]] = {}  # (import, folder) → files

    # -- files -----------------------------------------------------------------------------------------------------------

    def files(self, module: str, file: str, paths: Sequence[PurePosixPath]) -> list[str]:
        """Return the files of the project that an import may mean, best first."""
        self._index(paths)
        written = _SUFFIX.sub("", module.partition("?")[0]).rstrip("/")
        if module.startswith("."):
            target = _joined(PurePosixPath(file).parent, written)
            found = self._stems.get(target) or self._stems.get(
                f"{target}/index" if target != "." else "index"
            )
            return [found] if found else []
        folder = file.rpartition("/")[0]
        if (module, folder) not in self._meant:
            self._meant[module, folder] = self._near(written, file)
        return self._meant[module, folder]

    def _near(self, written: str, file: str) -> list[str]:
        parts = tuple(part for part in written.split("/") if part)
        near = sorted(self._tails(parts), key=lambda path: (-_shared(path, file), len(path), path))
        return near[:_MOST_FILES]

    def _index(self, paths: Sequence[PurePosixPath]) -> None:
        if paths is self._listed:
            return
        self._listed = paths
        self._meant = {}
        self._stems, by_last = {}, defaultdict(list)
        for path in paths:
            stem = _SUFFIX.sub("", str(path))
            self._stems.setdefault(stem, str(path))
            parts = tuple(p for p in stem.split("/") if p != "src")
            parts = parts[:-1] if len(parts) > 1 and parts[-1] == "index" else parts
            by_last[parts[-1] if parts else ""].append((parts, str(path)))
        self._by_last = dict(by_last)

    def _tails(self, parts: tuple[str, ...]) -> list[str]:
        if not parts:
            return []
        first, package = parts[0], ""
        if first in _ROOTS or (first.startswith("#") and len(parts) > 1):
            parts = tuple(p for p in parts[1:] if p != "src")
            rooted = self._ending(parts)
            return rooted or self._ending(parts[1:]) if len(parts) > 1 else rooted
        if first.startswith(("@", "~", "#")) and len(parts) > 1:
            package = parts[1]
            rest = tuple(p for p in parts[1:] if p not in _PLAIN_FOLDERS) or parts[1:]
            for start in range(len(rest)):
                found = self._ending(rest[start:], package if start else "")
                if found:
                    return found
            alias = (first.lstrip("@~#"), *parts[1:])
            return self._ending(alias) or (self._ending(parts[1:]) if len(parts) > 1 else [])
        if len(parts) == 1:
            return [p for p in self._ending(parts) if set(PurePosixPath(p).parts[:2]) & _WORKSPACES]
        return self._ending(parts)

    def _ending(self, parts: tuple[str, ...], package: str = "") -> list[str]:
        if not parts:
            return []
        found = [
            (own, path)
            for own, path in self._by_last.get(parts[-1], ())
            if own[-len(parts) :] == parts and _holds(own, package)
        ]
        if not found:  # lib is left out by some packages' exports, kept by others
            slim = [
                (tuple(p for p in own if p not in _PLAIN_FOLDERS), path)
                for own, path in self._by_last.get(parts[-1], ())
            ]
            found = [
                (own, path) for own, path in slim if own[-len(parts) :] == parts and _holds(own, package)
            ]
        return [path for _, path in found]

    # -- functions -------------------------------------------------------------------------------------------------------

    def targets(self, call: Call, file: SourceFile, program: Program) -> Known:
        """Return the function that a call means, none where only its name fits."""
        owner, name = call.owner, call.name
        if not owner:
            return self._plain(name, call.node, file, program)
        made = self._language.receiver(call.node) if owner == "()" else None
        if made is not None and (kind := _made_class(made, file)):
            return self._of_class(kind, name, file, program)
        if owner in {"this", "super"}:
            return self._of_class(_class_around(call.node), name, file, program)
        if name == "constructor" or owner[:1].isupper():
            found = self._of_class(owner, name, file, program)
            if found or name == "constructor":
                return found
        return self._of_object(owner, name, call.node, file, program)

    def never(self, call: Call, file: SourceFile, program: Program) -> bool:
        """Tell whether a call throws whatever happens: ``fail("…")``, ``(() => { throw … })()``."""
        called = call.node.child_by_field_name("function")
        while called is not None and called.type == "parenthesized_expression" and called.named_children:
            called = called.named_children[0]
        if called is None or called.type not in {
            "identifier",
            "member_expression",
            "arrow_function",
            "function_expression",
        }:
            return False
        own = called.type in {"arrow_function", "function_expression"}
        functions = (
            [called] if own else [function.node for _, function in self.targets(call, file, program)[:1]]
        )
        return any(_throws(function) for function in functions)

    def _plain(self, name: str, node: Node, file: SourceFile, program: Program, hops: int = 0) -> Known:
        near = [
            function
            for function in file.by_name.get(name, ())
            if not function.owner and _sees(file, node, function.node)
        ]
        if near:
            return [
                (
                    file,
                    max(
                        near, key=lambda function: function.node.start_byte if _nested(file, function) else -1
                    ),
                )
            ]
        found, parameter = program.bindings_of(file, node, name)
        if parameter is not None or hops > _MOST_HOPS:
            return []
        for binding in found[:1]:
            dotted = self._language.dotted(_called_inside(binding.value))
            if binding.key and dotted:  # const { get } = reader
                return self._of_object(dotted, binding.key, node, file, program)
            if dotted and dotted != name:
                owner, _, last = dotted.removesuffix(".bind").rpartition(".")
                if owner in {"", name}:
                    return self._plain(last, node, file, program, hops + 1)
                return self._of_object(owner, last, node, file, program)
        brought = file.imports.get(name)
        return (
            self._imported(brought, brought.name or "default", file, program) if brought is not None else []
        )

    def _imported(
        self, brought: Import, wanted: str, file: SourceFile, program: Program, seen: Seen | None = None
    ) -> Known:
        """Return a function that a file hands out under a name, itself or from another."""
        seen = set() if seen is None else seen
        for path in program.imported(file, brought):
            if (path, wanted) in seen or len(seen) > _MOST_SEEN:
                continue
            seen.add((path, wanted))
            there = program.file(path)
            named = there.by_name.get(wanted, ()) or (there.functions if wanted == "default" else ())
            own = [f for f in named if not _nested(there, f) and (f.name == wanted or _is_default(f.node))]
            if own:
                return [(there, min(own, key=lambda f: bool(f.owner)))]
            renamed = there.bound.get(there.root.id, {}).get(wanted)
            if renamed and (found := self._renamed(renamed[0].value, wanted, there, program)):
                return found
            further = [there.imports[wanted]] if wanted in there.imports else there.stars
            for other in further:
                name = wanted if other.local == "*" else (other.name or "default")
                if found := self._imported(other, name, there, program, seen):
                    return found
        return []

    def _renamed(self, value: Node, wanted: str, file: SourceFile, program: Program) -> Known:
        dotted = self._language.dotted(_called_inside(value))
        owner, _, last = dotted.rpartition(".")
        if not dotted or dotted == wanted:
            return []
        return (
            self._of_object(owner, last, value, file, program)
            if owner
            else self._plain(dotted, value, file, program, 1)
        )

    def _of_object(self, owner: str, name: str, node: Node, file: SourceFile, program: Program) -> Known:
        own = [f for f in file.by_name.get(name, ()) if f.owner == owner]
        if own:
            return [(file, own[0])]
        kind = self._kind(owner, node, file, program)
        if kind:
            return self._of_class(kind, name, file, program)
        brought = file.imports.get(owner.partition(".")[0])
        return self._through(brought, name, file, program) if brought is not None else []

    def _through(
        self, brought: Import, name: str, file: SourceFile, program: Program, seen: Seen | None = None
    ) -> Known:
        """Return a function of an imported module or object."""
        seen = set() if seen is None else seen
        for path in program.imported(file, brought):
            if (path, brought.name) in seen or len(seen) > _MOST_SEEN:
                continue
            seen.add((path, brought.name))
            there = program.file(path)
            found = there.by_name.get(name, ())
            if found:
                wanted = {"", "default", brought.name}
                return [(there, min(found, key=lambda f: f.owner not in wanted))]
            made = there.bound.get(there.root.id, {}).get(brought.name or "default")
            kind = _made_class(made[0].value, there) if made else ""
            if kind and (inherited := self._of_class(kind, name, there, program)):
                return inherited
            further = [there.imports[brought.name]] if brought.name in there.imports else there.stars
            for other in further:
                if handed := self._through(other, name, there, program, seen):
                    return handed
            if not brought.name and (handed := self._imported(brought, name, file, program)):
                return handed
        return []

    def _of_class(
        self, kind: str, name: str, file: SourceFile, program: Program, seen: Seen | None = None
    ) -> Known:
        """Return a method of a class of this file, of an import, or of what it extends."""
        seen = set() if seen is None else seen
        if not kind or (file.path, kind) in seen or len(seen) > _MOST_SEEN:
            return []
        seen.add((file.path, kind))
        own = [f for f in file.by_name.get(name, ()) if f.owner == kind]
        if own:
            return [(file, own[0])]
        if base := _base(kind, file):
            return self._of_class(base, name, file, program, seen)
        brought = file.imports.get(kind.partition(".")[0])
        for one in (brought,) if brought is not None else tuple(file.stars):
            for path in program.imported(file, one):
                there = program.file(path)
                wanted = one.name or kind.rpartition(".")[2]
                wanted = _default_class(there) or kind if wanted == "default" else wanted
                if found := self._of_class(wanted, name, there, program, seen):
                    return found
        return []

    def _kind(self, owner: str, node: Node, file: SourceFile, program: Program) -> str:
        """Return the class of what a name holds: made by ``new``, or said by its type."""
        found, function = program.bindings_of(file, node, owner)
        if found:
            return _made_class(found[0].value, file)
        if function is not None:
            return _typed(function.node, owner)
        if owner.startswith("this."):
            body = _body_around(node)
            return _member_class(body, owner[5:]) if body is not None else ""
        return ""


def _called_inside(value: Node) -> Node:
    """Return ``need`` of ``need.bind(null)``, everything else as it is."""
    function = value.child_by_field_name("function") if value.type == "call_expression" else None
    if function is not None and text(function.child_by_field_name("property")) == "bind":
        return function.child_by_field_name("object") or value
    return value


def _throws(function: Node) -> bool:
    """Tell whether a function's body ends by throwing, or its type says that it never comes back."""
    if text(function.child_by_field_name("return_type")).lstrip(": ") == "never":
        return True
    body = function.child_by_field_name("body")
    statements = body.named_children if body is not None and body.type == "statement_block" else []
    last = statements[-1] if statements else None
    ends = last is not None and (last.type == "throw_statement" or text(last).startswith("process.exit("))
    return ends and all(
        statement.type not in {"if_statement", "try_statement", "switch_statement"}
        for statement in statements
    )


def _made_class(value: Node, file: SourceFile) -> str:
    while (
        value.type in {"as_expression", "await_expression", "parenthesized_expression"}
        and value.named_children
    ):
        value = value.named_children[0]
    if value.type == "new_expression":
        return text(value.child_by_field_name("constructor"))
    if value.type == "identifier":
        bound = file.bound.get(file.root.id, {}).get(text(value))
        return _made_class(bound[0].value, file) if bound and bound[0].value.type == "new_expression" else ""
    return ""


def _typed(function: Node, name: str) -> str:
    listed = function.child_by_field_name("parameters")
    for one in listed.named_children if listed is not None else ():
        if text(one.child_by_field_name("pattern")) == name:
            return text(one.child_by_field_name("type")).lstrip(": ").partition("<")[0]
    return ""


def _member_class(body: Node, name: str) -> str:
    for member in body.named_children:
        if member.type == "public_field_definition" and text(member.child_by_field_name("name")) == name:
            value = member.child_by_field_name("value")
            if value is not None and value.type == "new_expression":
                return text(value.child_by_field_name("constructor"))
            return text(member.child_by_field_name("type")).lstrip(": ").partition("<")[0]
        if member.type == "method_definition" and text(member.child_by_field_name("name")) == "constructor":
            found = _typed(member, name)
            if found:
                return found
    return ""


def _body_around(node: Node) -> Node | None:
    here = node.parent
    while here is not None and here.type != "class_body":
        here = here.parent
    return here


def _class_around(node: Node) -> str:
    here = node.parent
    while here is not None and here.type not in {"class_body", "object"}:
        here = here.parent
    return owner_of(here.named_children[0]) if here is not None and here.named_children else ""


def _base(kind: str, file: SourceFile) -> str:
    pattern = re.compile(rb"class\s+" + re.escape(kind).encode() + rb"\b[^{]*?\bextends\s+([\w$.]+)")
    found = pattern.search(file.root.text or b"")
    return found[1].decode() if found else ""


def _default_class(file: SourceFile) -> str:
    found = re.search(
        rb"export\s+default\s+(?:abstract\s+)?(?:class\s+)?([A-Z][\w$]*)", file.root.text or b""
    )
    return found[1].decode() if found else ""


def _sees(file: SourceFile, node: Node, function: Node) -> bool:
    """Tell whether a function's name reaches a node: it is declared in a scope around it."""
    scope = next(file.scopes(function))
    return scope.start_byte <= node.start_byte and node.end_byte <= scope.end_byte


def _nested(file: SourceFile, function: Function) -> bool:
    return next(file.scopes(function.node)) != file.root


def _is_default(node: Node) -> bool:
    above = node.parent
    return (
        above is not None
        and above.type == "export_statement"
        and any(c.type == "default" for c in above.children)
    )


def _holds(parts: Sequence[str], package: str) -> bool:
    return not package or package in parts


def _joined(folder: PurePosixPath, written: str) -> str:
    parts = [part for part in folder.parts if part != "."]
    for part in written.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts) or "."


def _shared(a: str, b: str) -> int:
    count = 0
    for left, right in zip(a.split("/"), b.split("/"), strict=False):
        if left != right:
            break
        count += 1
    return count
