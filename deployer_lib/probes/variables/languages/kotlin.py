"""Kotlin: System.getenv with elvis, ``!!`` and safe calls, Spring's annotations, dotenv, Gradle's build files."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import (
    Call,
    Function,
    Read,
    text,
)
from deployer_lib.probes.variables.flow.nodes import given_by
from deployer_lib.probes.variables.flow.texts import keys_of, members_of, plain
from deployer_lib.probes.variables.languages.jvm import (
    ENVIRONMENT_NAME,
    ENVIRONMENT_TYPES,
    SYSTEM_MAP,
    annotated,
    asks_environment,
    class_of,
    is_flag,
)
from deployer_lib.probes.variables.languages.jvm_environment import Environment, Tree
from deployer_lib.probes.variables.languages.kotlin_libraries import declared_reads
from deployer_lib.probes.variables.languages.kotlin_trees import KotlinTrees
from deployer_lib.probes.variables.languages.kotlin_types import (
    arguments_of,
    class_around,
    class_parameter,
    entries_of,
    extended_type,
    is_declared_near,
    package_of,
    parameter_position,
    stated_type,
    superclasses,
    type_of,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.languages.jvm_environment import Kind
    from deployer_lib.probes.variables.model import Need

__all__ = ["Kotlin"]

_PROPERTIES: Final = frozenset({"getProperty", "getRequiredProperty", "containsProperty"})
_DIRECT: Final = frozenset({"System.getenv", "java.lang.System.getenv"})
_ASKING: Final = frozenset({"identifier", "call_expression"})  # how a constant is asked for its name
#: Methods of a map that take a name; the last argument of these stands in.
_MAP: Final = {
    "get": False,
    "getOrDefault": True,
    "getOrElse": True,
    "getValue": False,
    "containsKey": False,
    "contains": False,
    "getProperty": True,
}
#: What is called on a text that must be there, as ``Integer.parseInt`` of Java; a safe call, ``?.toInt()``, is no such.
_NUMBER: Final = re.compile(
    r"\s*\.to(?:Int|Long|Short|Double|Float|BigDecimal|BigInteger|UInt|BooleanStrict)\(\)"
)


#: How a function is defined that is of no class, or extends one: with NAME.
_FUNCTION: Final = r"\bfun\s+(?:<[^>\n]*>\s*)?(?:[\w.<>?, ]+\.)?NAME\s*\("


class Kotlin(KotlinTrees):
    """``.kt`` files."""

    def __init__(self) -> None:
        self._known: Environment | None = None

    # -- the environment that is handed on -------------------------------------------------------------------------------

    def further(self, program: Program) -> Iterable[str]:
        """Return the files that the environment is handed to."""
        return self._environment(program).files()

    def handed(self, call: Call, file: SourceFile, function: Function, program: Program) -> bool:
        """Tell whether a call gives a function the environment, where that takes it by a parameter."""
        environment = self._environment(program)
        taken = [p for p in function.parameters if p.name in environment.takers(function)]
        given = given_by(call, function, self) if taken else {}
        values = [(given.get(parameter.name), parameter.default) for parameter in taken]
        return not taken or any(
            environment.kind(value, file) or self._is_map(value, file, program)
            if value is not None
            else usual is not None
            for value, usual in values
        )

    def _environment(self, program: Program) -> Environment:
        if self._known is None or self._known.program is not program:
            tree = Tree(class_around, superclasses, type_of, is_declared_near, self._kind, _FUNCTION)
            self._known = Environment(self, program, tree)
        return self._known

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
        elif node.type == "call_expression" and (call := self.call(node)) is not None and call.arguments:
            yield from self._called(call, file, program)
            yield from declared_reads(call, file, program)

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
        if (known := self._is_map(receiver, file, program)) or self._is_handed(
            "map", receiver, file, program
        ):
            yield Read(key, node, "System.getenv()[…]", capitals=not known)
        elif self._is_dotenv(receiver, file, program):
            yield Read(key, node, "dotenv[…]")
        elif self._is_environment(receiver) and self._names_variable(key, receiver, file, program):
            yield Read(key, node, "environment[…]")

    def _called(self, call: Call, file: SourceFile, program: Program) -> Iterator[Read]:
        key, receiver, node = call.positional(0), self.receiver(call.node), call.node
        if key is None or key == call.block:
            return
        second = call.positional(1)
        if call.callee in _DIRECT or (call.callee == "getenv" and self._is_brought(file)):
            needed = _never_null(node) or (_NUMBER.match(_after(node)) and not self.caught(node))
            yield Read(key, node, "System.getenv()", "required" if needed else "optional")
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
            yield from self._looked_up(call, key, file, program)
        elif call.name == "invoke" and self._is_handed("lookup", receiver, file, program):
            yield Read(key, node, "System::getenv", capitals=True)
        elif call.name in _MAP and (
            (known := self._is_map(receiver, file, program))
            or self._is_handed("map", receiver, file, program)
        ):
            final = call.name.startswith("contains") and is_flag(self, node)
            yield replace(_of_map(call, key, capitals=not known), final=final)
        elif call.name == "get" and self._is_dotenv(receiver, file, program):
            yield Read(key, node, "dotenv.get()", default=second)
        elif call.name in _PROPERTIES and self._names_variable(key, receiver, file, program):
            yield from self._property(call, key, receiver)

    def _looked_up(self, call: Call, key: Node, file: SourceFile, program: Program) -> Iterator[Read]:
        """Find ``lookup("X")`` where ``lookup`` is ``System::getenv``, and ``get("X")`` in what extends the map."""
        head = call.node.named_children[0]
        if call.name in _MAP and self._environment(program).receives(call.node, file):
            yield _of_map(call, key, capitals=True)
        elif head.type == "identifier" and self._is_handed("lookup", head, file, program):
            yield Read(key, call.node, "System::getenv", capitals=True)

    def _property(self, call: Call, key: Node, receiver: Node) -> Iterator[Read]:
        """Find Spring's ``environment.getProperty("X")`` and its kin."""
        if call.name == "getRequiredProperty":
            yield Read(key, call.node, "environment.getRequiredProperty()", "required", final=True)
        elif call.name == "containsProperty" and self._is_environment(receiver):
            yield Read(key, call.node, "environment.containsProperty()")
        elif call.name == "getProperty" and self._is_environment(receiver):
            last = call.positional(-1) if len(call.arguments) > 1 else None
            default = last if last is not None and "::class" not in text(last) else None
            yield Read(key, call.node, "environment.getProperty()", default=default)

    def alternatives(self, node: Node, file: SourceFile, program: Program) -> Sequence[str]:
        """Return the names of an enum's constants where one is asked for its own, or what each holds in a property."""
        if node.type == "navigation_expression" and self.dotted(node) != "this.name":
            return self._held(node, file, program)
        if node.type not in _ASKING:
            return ()
        declared = class_around(node)
        if declared is None or text(node) not in {"name", "this.name", "toString()"}:
            return self._accessed(node, file, program)
        if class_parameter(node, "name") is not None or is_declared_near(node, "name"):
            return ()
        return [text(entry.named_children[0]) for entry in entries_of(declared)]

    def _held(self, node: Node, file: SourceFile, program: Program) -> list[str]:
        """Return what a property holds: of the constant that is named, of all where one is handed in."""
        owner, _, member = self.dotted(node).rpartition(".")
        entries = self._entries(node, owner, file, program) if member != "name" else []
        declared = class_around(entries[0]) if entries else None
        position = parameter_position(declared, member) if declared is not None else None
        given = [arguments_of(entry) for entry in entries] if position is not None else []
        values = [
            self.string(one[position].value) for one in given if position is not None and position < len(one)
        ]
        return [value for value in values if value]

    def _accessed(self, node: Node, file: SourceFile, program: Program) -> list[str]:
        """Return what a method of the constant that is named gives back: ``Setting.PORT.key()``."""
        call, receiver = self.call(node), self.receiver(node) if node.type == "call_expression" else None
        if call is None or call.arguments or receiver is None or not self.dotted(receiver):
            return []
        entries = self._entries(receiver, self.dotted(receiver), file, program)
        declared = class_around(entries[0]) if len(entries) == 1 else None
        if declared is None:
            return []
        methods = [f for f in declared.children if f.type == "enum_class_body"]
        made = [
            text(value).removeprefix("this.")
            for body in methods
            for method in body.named_children
            if method.type == "function_declaration" and text(method.child_by_field_name("name")) == call.name
            for value in self.results(method)
        ]
        if made[:1] == ["name"]:
            return [text(entries[0].named_children[0])]
        position = parameter_position(declared, made[0]) if made else None
        given = arguments_of(entries[0])
        value = self.string(given[position].value) if position is not None and position < len(given) else None
        return [value] if value else []

    def _entries(self, node: Node, dotted: str, file: SourceFile, program: Program) -> list[Node]:
        """Return the constants of an enum that a name may mean: one that is named itself, all for a value of its type."""
        before, _, name = dotted.rpartition(".")
        kind = _simple(type_of(node, dotted)) if not before else ""
        for wanted, known in ((before, name), (kind, "")):
            places = program.constants(file, wanted) if wanted.rpartition(".")[2][:1].isupper() else []
            body = next((place.node for place in places if place.node.type == "enum_class_body"), None)
            if body is not None and body.parent is not None:
                entries = entries_of(body.parent)
                return [e for e in entries if not known or text(e.named_children[0]) == known]
        return []

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

    def _names_variable(self, key: Node, receiver: Node, file: SourceFile, program: Program) -> bool:
        names = {plain(found) for found in keys_of(program, file, key)}
        return asks_environment(program, names, _simple(self._type(receiver)))

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

    def _is_handed(self, kind: Kind, receiver: Node, file: SourceFile, program: Program) -> bool:
        return self._environment(program).kind(receiver, file) == kind

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


def _of_map(call: Call, key: Node, *, capitals: bool) -> Read:
    """Return the read that a method of the environment's map is."""
    instead = (call.block or call.positional(1)) if _MAP[call.name] else None
    need: Need = "required" if call.name == "getValue" else "optional"
    return Read(key, call.node, f"System.getenv().{call.name}()", need, default=instead, capitals=capitals)


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
