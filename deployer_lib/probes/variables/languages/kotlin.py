"""Kotlin: System.getenv with elvis, ``!!`` and safe calls, Spring's annotations, dotenv, Gradle's build files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import (
    Call,
    Function,
    Read,
    text,
)
from deployer_lib.probes.variables.flow.texts import keys_of, members_of, plain
from deployer_lib.probes.variables.languages.jvm import (
    ENVIRONMENT_NAME,
    ENVIRONMENT_TYPES,
    SYSTEM_MAP,
    annotated,
    class_of,
)
from deployer_lib.probes.variables.languages.kotlin_trees import KotlinTrees
from deployer_lib.probes.variables.languages.kotlin_types import (
    arguments_of,
    class_around,
    class_parameter,
    entries_of,
    extended_type,
    is_declared_near,
    package_of,
    stated_type,
    superclasses,
    type_of,
    value_of,
)
from deployer_lib.probes.variables.languages.spring_text import is_variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Kotlin"]

_DIRECT: Final = frozenset({"System.getenv", "java.lang.System.getenv"})
#: Methods of a map that take a name; the last argument of these stands in.
_MAP: Final = {
    "get": False,
    "getOrDefault": True,
    "getOrElse": True,
    "getValue": False,
    "containsKey": False,
    "contains": False,
}


class Kotlin(KotlinTrees):
    """``.kt`` files."""

    # -- which function a call means -------------------------------------------------------------------------------------

    def owns(self, call: Call, file: SourceFile, function: Function) -> bool | None:
        """Tell whether a call may mean a function, by the classes and packages of both."""
        made = function.node.type in {"primary_constructor", "secondary_constructor"}
        receiver = self.receiver(call.node) if call.node.type == "call_expression" else None
        if made or call.node.type == "enum_entry":
            return made and receiver is None and call.name == function.owner
        extended = extended_type(function.node) is not None
        if receiver is None or receiver.type in {"this_expression", "super_expression"}:
            return self._reachable(call, file, function)
        if extended:
            return self._visible(file, function)
        if not function.owner:
            return False
        kind = self._kind(receiver)
        if not kind:
            name = self.dotted(receiver).rpartition(".")[2]
            return bool(name) and function.owner.lower().endswith(name.lower().lstrip("_"))
        declared = class_around(function.node)
        return kind == function.owner or (declared is not None and kind in superclasses(declared))

    def _reachable(self, call: Call, file: SourceFile, function: Function) -> bool:
        declared, here = class_around(function.node), class_around(call.node)
        if declared is None:
            return self._visible(file, function)
        while here is not None:
            if here == declared or function.owner in superclasses(here):
                return True
            here = class_around(here)
        modules = [
            i.module.rpartition(".")[0]
            for i in file.imports.values()
            if i.module.endswith(f".{function.name}")
        ]
        modules += [star.module for star in file.stars]
        return any(module.rpartition(".")[2] == function.owner for module in modules)

    @staticmethod
    def _visible(file: SourceFile, function: Function) -> bool:
        package = package_of(function.node)
        if package == package_of(file.root) or any(star.module == package for star in file.stars):
            return True
        return any(i.module == f"{package}.{function.name}" for i in file.imports.values())

    def _kind(self, receiver: Node) -> str:
        name = self.dotted(receiver).removeprefix("this.")
        return class_of(name, _simple(type_of(receiver, name)), text(receiver))

    # -- reads -----------------------------------------------------------------------------------------------------------

    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:
        """Yield the reads of an annotation, a call, an access by index or a reference to a method."""
        if node.type == "annotation":
            yield from self._annotation(node, file, program)
        elif node.type == "navigation_expression":
            yield from self._referred(node, file, program)
        elif node.type == "index_expression":
            yield from self._indexed(node, file, program)
        elif (
            node.type == "call_expression"
            and (call := self.call(node)) is not None
            and call.positional(0) is not None
        ):
            for read in self._called(call, file, program):
                yield from self._named(read)

    def _annotation(self, node: Node, file: SourceFile, program: Program) -> Iterator[Read]:
        made = next((c for c in node.named_children if c.type == "constructor_invocation"), None)
        if made is None:
            return
        parts = [
            (argument.name, one)
            for argument in arguments_of(made)
            for one in (self.items(argument.value) or [argument.value])
            if not isinstance(one, str)
        ]
        name = re.match(r"(?:\w+\.)*(\w+)", text(made))
        declared = node.parent.parent if node.parent is not None else None
        kind = stated_type(declared) if declared is not None else ""
        yield from annotated(name.group(1) if name else "", parts, kind, node, file, program)

    def _indexed(self, node: Node, file: SourceFile, program: Program) -> Iterator[Read]:
        if len(node.named_children) != 2:  # noqa: PLR2004
            return
        receiver, key = node.named_children
        if self._is_map(receiver, file, program):
            yield from self._named(Read(key, node, "System.getenv()[…]"))
        elif self._is_dotenv(receiver, file, program):
            yield Read(key, node, "dotenv[…]")
        elif self._is_environment(receiver) and self._names_variable(key, file, program):
            yield Read(key, node, "environment[…]")

    def _called(self, call: Call, file: SourceFile, program: Program) -> Iterator[Read]:
        key, receiver, node = call.positional(0), self.receiver(call.node), call.node
        if key is None or key == call.block:
            return
        second = call.positional(1)
        if call.callee in _DIRECT or (call.callee == "getenv" and self._is_brought(file)):
            yield Read(key, node, "System.getenv()", "required" if _never_null(node) else "optional")
        elif call.name == "environmentVariable":
            chain = re.match(r"\s*\.get\(\)", _after(node))
            yield Read(
                key,
                node,
                "providers.environmentVariable()",
                "required" if chain else "optional",
                final=chain is not None,
            )
        elif receiver is None:
            return
        elif call.name in _MAP and self._is_map(receiver, file, program):
            instead = (call.block or second) if _MAP[call.name] else None
            needed = call.name == "getValue"
            yield Read(
                key,
                node,
                f"System.getenv().{call.name}()",
                "required" if needed else "optional",
                default=instead,
            )
        elif call.name == "get" and self._is_dotenv(receiver, file, program):
            yield Read(key, node, "dotenv.get()", default=second)
        elif call.name in {"getProperty", "getRequiredProperty"} and self._names_variable(key, file, program):
            yield from self._property(call, key, receiver)

    def _property(self, call: Call, key: Node, receiver: Node) -> Iterator[Read]:
        """Find Spring's ``environment.getProperty("X")`` and its kin."""
        if call.name == "getRequiredProperty":
            yield Read(key, call.node, "environment.getRequiredProperty()", "required", final=True)
        elif call.name == "getProperty" and self._is_environment(receiver):
            last = call.positional(-1) if len(call.arguments) > 1 else None
            default = last if last is not None and "::class" not in text(last) else None
            yield Read(key, call.node, "environment.getProperty()", default=default)

    def _named(self, read: Read) -> Iterator[Read]:
        """Yield a read, once for each constant where an enum's constants are asked for their names."""
        key = read.key
        declared = class_around(key) if not isinstance(key, str) else None
        if declared is None or isinstance(key, str) or text(key) not in {"name", "this.name", "toString()"}:
            yield read
            return
        entries = entries_of(declared)
        if not entries or class_parameter(key, "name") is not None or is_declared_near(key, "name"):
            yield read
            return
        for entry in entries:
            yield Read(text(entry.named_children[0]), read.node, read.idiom, read.need, read.default)

    def _referred(self, node: Node, file: SourceFile, program: Program) -> Iterator[Read]:
        """Find ``listOf("A", "B").map(System::getenv)``."""
        if re.sub(r"\s", "", text(node)) not in {"System::getenv", "java.lang.System::getenv"}:
            return
        here = node.parent
        while here is not None and here.type in {"value_argument", "value_arguments"}:
            here = here.parent
        call = self.call(here) if here is not None else None
        for found in members_of(program, file, self.receiver(call.node) if call is not None else None):
            name = plain(found)
            if call is not None and name:
                yield Read(name, call.node, "System::getenv")

    # -- what a receiver is ----------------------------------------------------------------------------------------------

    @staticmethod
    def _is_brought(file: SourceFile) -> bool:
        brought = file.imports.get("getenv")
        return (brought is not None and brought.module == "java.lang.System.getenv") or any(
            star.module == "java.lang.System" for star in file.stars
        )

    @staticmethod
    def _names_variable(key: Node, file: SourceFile, program: Program) -> bool:
        names = {plain(found) for found in keys_of(program, file, key)}
        return bool(names) and all(name is not None and is_variable(name) for name in names)

    def _type(self, receiver: Node) -> str:
        name = self.dotted(receiver).removeprefix("this.")
        return type_of(receiver, name) if name and "." not in name else ""

    def _values(self, receiver: Node, file: SourceFile, program: Program) -> list[str]:
        name = self.dotted(receiver)
        found, _ = program.bindings_of(file, receiver, name) if name else ([], None)
        return [text(binding.value) for binding in found]

    def _is_map(self, receiver: Node, file: SourceFile, program: Program) -> bool:
        if SYSTEM_MAP.fullmatch(text(receiver)):
            return True
        if values := self._values(receiver, file, program):
            return any(SYSTEM_MAP.fullmatch(value) for value in values)
        name = self.dotted(receiver).removeprefix("this.")
        kind = re.sub(r"\s", "", self._type(receiver)).rstrip("?")
        return (
            ENVIRONMENT_NAME.fullmatch(name) is not None
            and re.fullmatch(r"(?:Mutable)?Map<String,String\??>", kind) is not None
        )

    def _is_dotenv(self, receiver: Node, file: SourceFile, program: Program) -> bool:
        written = [text(receiver), *self._values(receiver, file, program)]
        return self._type(receiver) == "Dotenv" or any(
            re.match(r"(?i)(?:this\.)?_?dot_?env\b", one) for one in written
        )

    def _is_environment(self, receiver: Node) -> bool:
        if kind := _simple(self._type(receiver)):
            return kind in ENVIRONMENT_TYPES
        last = text(receiver).removesuffix("()").rpartition(".")[2]
        return last == "getEnvironment" or ENVIRONMENT_NAME.fullmatch(last) is not None


def _simple(kind: str) -> str:
    """Return a type's name without its package, its arguments and its question mark."""
    return re.sub(r"[<?].*", "", kind, flags=re.DOTALL).strip().rpartition(".")[2]


def _never_null(node: Node) -> bool:
    """Tell whether a value that may be null is given to what is declared never to be: it throws at once."""
    here = node.parent
    if here is not None and here.type in {"property_declaration", "class_parameter"}:
        kind = stated_type(here)
        return bool(kind) and not kind.endswith("?") and value_of(here) == node
    if (
        here is not None
        and here.type == "function_body"
        and here.parent is not None
        and text(here).startswith("=")
    ):
        kind = stated_type(here.parent)
        return bool(kind) and not kind.endswith("?")
    return False


def _after(node: Node) -> str:
    """Return what is called on a node, as it is written."""
    outer = (
        node.parent.parent
        if node.parent is not None and node.parent.type == "navigation_expression"
        else None
    )
    return text(outer)[len(text(node)) :] if outer is not None else ""
