"""Java: System.getenv, Spring's and MicroProfile's annotations and environments, dotenv-java, picocli."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import (
    Call,
    Function,
    Read,
    text,
)
from deployer_lib.probes.variables.flow.nodes import given_by
from deployer_lib.probes.variables.flow.texts import keys_of, members_of, plain
from deployer_lib.probes.variables.languages.java_trees import JavaTrees
from deployer_lib.probes.variables.languages.java_types import (
    CLASSES,
    class_around,
    declaration,
    is_local,
    parameters_of,
    superclasses,
    type_of,
)
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.languages.jvm_environment import Kind

__all__ = ["Java"]

#: Calls with a name and a fallback → idiom.
_DIRECT: Final = {
    "System.getenv": "System.getenv()",
    "java.lang.System.getenv": "System.getenv()",
    "SystemUtils.getEnvironmentVariable": "SystemUtils.getEnvironmentVariable()",
}
_MAP: Final = frozenset({"get", "getOrDefault", "containsKey", "getProperty"})
_DOTENV: Final = frozenset({"get"})
_PROPERTIES: Final = frozenset(
    {"getProperty", "getRequiredProperty", "containsProperty", "getValue", "getOptionalValue"}
)
_SAME: Final = frozenset({"name", "toString", "intern", "trim"})  # of a text or an enum's constant: itself


class Java(JavaTrees):
    """``.java`` files."""

    def __init__(self) -> None:
        self._known: Environment | None = None

    # -- the environment that is handed on -------------------------------------------------------------------------------

    def further(self, program: Program) -> Iterable[str]:
        """Return the files that the environment is handed to."""
        return self._environment(program).files()

    def handed(self, call: Call, file: SourceFile, function: Function, program: Program) -> bool:
        """Tell whether a call gives a function the environment, where that takes it by a parameter."""
        environment = self._environment(program)
        taken = environment.takers(function)
        given = given_by(call, function, self) if taken else {}
        return not taken or any(
            value is not None and (environment.kind(value, file) or self._is_map(value, file, program))
            for value in (given.get(name) for name in taken)
        )

    def _environment(self, program: Program) -> Environment:
        if self._known is None or self._known.program is not program:
            tree = Tree(class_around, superclasses, type_of, _is_local, self._kind)
            self._known = Environment(self, program, tree)
        return self._known

    # -- which method a call means ---------------------------------------------------------------------------------------

    def owns(self, call: Call, file: SourceFile, function: Function) -> bool | None:
        """Tell whether a call may mean a function, by the classes and packages of both."""
        made = call.node.type != "method_invocation"
        if made or function.node.type in {"constructor_declaration", "formal_parameters"}:
            return made and call.name == function.owner == function.name
        receiver = self.receiver(call.node)
        if receiver is None or receiver.type in {"this", "super"}:
            return self._inherits(call, file, function)
        kind = self._kind(receiver)
        if not kind:
            name = self.dotted(receiver).rpartition(".")[2]
            return bool(name) and function.owner.lower().endswith(name.lower().lstrip("_"))
        declared = class_around(function.node)
        return kind == function.owner or (declared is not None and kind in superclasses(declared))

    def _inherits(self, call: Call, file: SourceFile, function: Function) -> bool:
        here = class_around(call.node)
        while here is not None:
            own = class_around(function.node)
            if here == own or function.owner in superclasses(here):
                return True
            here = class_around(here)
        brought = file.imports.get(call.name)
        modules = [brought.module] if brought is not None else [star.module for star in file.stars]
        return any(module.rpartition(".")[2] == function.owner for module in modules)

    def _kind(self, receiver: Node) -> str:
        """Return the class of an object, as far as names and declarations tell; empty where they don't."""
        if receiver.type == "parenthesized_expression" and receiver.named_children:
            return self._kind(receiver.named_children[0])
        if receiver.type in {"object_creation_expression", "cast_expression"}:
            return _simple(text(receiver.child_by_field_name("type")))
        name = self.dotted(receiver).removeprefix("this.")
        return class_of(name, _simple(type_of(receiver, name)), text(receiver))

    # -- reads -----------------------------------------------------------------------------------------------------------

    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:
        """Yield the reads of an annotation, a call, an access by index or a reference to a method."""
        if node.type == "annotation":
            yield from self._annotation(node, file, program)
        elif node.type == "method_reference":
            yield from self._referred(node, file, program)
        elif node.type == "method_invocation" and (call := self.call(node)) is not None and call.arguments:
            yield from self._called(call, file, program)

    def _annotation(self, node: Node, file: SourceFile, program: Program) -> Iterator[Read]:
        given = node.child_by_field_name("arguments")
        parts: list[tuple[str, Node]] = []
        for child in given.named_children if given is not None else ():
            key = text(child.child_by_field_name("key")) if child.type == "element_value_pair" else ""
            value = child.child_by_field_name("value") if key else child
            if value is not None:
                several = value.named_children if value.type == "element_value_array_initializer" else [value]
                parts.extend((key, one) for one in several)
        declared = node.parent.parent if node.parent is not None else None
        kind = text(declared.child_by_field_name("type")) if declared is not None else ""
        yield from annotated(
            text(node.child_by_field_name("name")).rpartition(".")[2], parts, kind, node, file, program
        )

    def _called(self, call: Call, file: SourceFile, program: Program) -> Iterator[Read]:
        key, receiver, node = call.arguments[0].value, self.receiver(call.node), call.node
        second = call.positional(1)
        if call.callee in _DIRECT or (call.callee == "getenv" and self._is_brought(file)):
            yield Read(key, node, _DIRECT.get(call.callee, "System.getenv()"), default=second)
        elif receiver is None:
            return
        elif call.name in _MAP and (
            (known := self._is_map(receiver, file, program))
            or self._is_handed("map", receiver, file, program)
        ):
            default = second if call.name in {"getOrDefault", "getProperty"} else None
            final = call.name == "containsKey" and is_flag(self, node)
            idiom = f"System.getenv().{call.name}()"
            yield Read(key, node, idiom, default=default, final=final, capitals=not known)
        elif call.name == "apply" and self._is_handed("lookup", receiver, file, program):
            yield Read(key, node, "System::getenv", capitals=True)
        elif call.name == "apply" and re.match(r"(?:Unary|Function\s*<\s*String)", self._type(receiver)):
            if ENVIRONMENT_NAME.fullmatch(text(receiver)) or "getenv" in text(receiver).lower():
                yield Read(key, node, "System::getenv")
        elif call.name in _DOTENV and self._is_dotenv(receiver, file, program):
            yield Read(key, node, "dotenv.get()", default=second)
        else:
            yield from self._property(call, key, receiver, file, program)

    def _property(
        self, call: Call, key: Node, receiver: Node, file: SourceFile, program: Program
    ) -> Iterator[Read]:
        """Find Spring's ``environment.getProperty("X")`` and MicroProfile's ``config.getValue("X", String.class)``."""
        if call.name not in _PROPERTIES:
            return
        names = {plain(found) for found in keys_of(program, file, key)}
        if not asks_environment(program, names, _simple(self._type(receiver))):
            return
        node = call.node
        if call.name == "getRequiredProperty":
            yield Read(key, node, "environment.getRequiredProperty()", "required", final=True)
        elif call.name == "containsProperty" and self._is_environment(receiver):
            yield Read(key, node, "environment.containsProperty()")
        elif call.name == "getProperty" and self._is_environment(receiver):
            last = call.positional(-1) if len(call.arguments) > 1 else None
            default = last if last is not None and last.type != "class_literal" else None
            yield Read(key, node, "environment.getProperty()", default=default)
        elif call.name in {"getValue", "getOptionalValue"} and self._is_config(receiver, file, program):
            needed = call.name == "getValue"
            yield Read(key, node, f"config.{call.name}()", "required" if needed else "optional", final=needed)

    def alternatives(self, node: Node, file: SourceFile, program: Program) -> Sequence[str]:
        """Return the names that ``name()`` gives inside an enum, or an accessor of an enum that was handed in."""
        call = self.call(node) if node.type == "method_invocation" else None
        owner = self.receiver(node) if call is not None else None
        if call is not None and not call.arguments and (owner is None or owner.type == "this"):
            declared = class_around(node)
            if (
                call.name in {"name", "toString"}
                and declared is not None
                and declared.type == "enum_declaration"
            ):
                body = declared.child_by_field_name("body")
                return [text(name) for name in (self.items(body) or ())] if body is not None else []
        return self._accessed(node, file, program)

    def _accessed(self, key: Node, file: SourceFile, program: Program) -> list[str]:
        """Return what an accessor gives for every constant of an enum: ``variable.getKey()``, ``variable.key``."""
        if key.type == "method_invocation" and not (self.call(key) or Call("", (), key)).arguments:
            owner, member = self.receiver(key), text(key.child_by_field_name("name"))
        elif key.type == "field_access":
            owner, member = key.child_by_field_name("object"), text(key.child_by_field_name("field"))
        else:
            return []
        constants = self._enum(owner, file, program) if owner is not None and member not in _SAME else []
        declared = class_around(constants[0]) if constants else None
        if declared is None:
            return []
        field = _field(declared, member)
        if field == "name()":
            return [text(constant.child_by_field_name("name")) for constant in constants]
        position = _position(declared, field)
        values = [self.call(constant) for constant in constants] if position is not None else []
        literals = [
            self.string(v)
            for call in values
            if call and position is not None and (v := call.positional(position)) is not None
        ]
        return [literal for literal in literals if literal]

    def _enum(self, owner: Node, file: SourceFile, program: Program) -> list[Node]:
        """Return the constants of an enum that an expression may be: one that is named itself, all for a value of its type."""
        before, _, name = self.dotted(owner).removeprefix("this.").rpartition(".")
        kind = before or (_simple(type_of(owner, name)) if name else "")
        places = program.constants(file, kind) if kind else []
        body = next((place.node for place in places if place.node.type == "enum_body"), None)
        constants = [c for c in body.named_children if c.type == "enum_constant"] if body is not None else []
        return [c for c in constants if not before or text(c.child_by_field_name("name")) == name]

    def _referred(self, node: Node, file: SourceFile, program: Program) -> Iterator[Read]:
        """Find ``Stream.of("A", "B").map(System::getenv)``."""
        if (
            re.sub(r"\s", "", text(node)) not in {"System::getenv", "java.lang.System::getenv"}
            or node.parent is None
        ):
            return
        call = self.call(node.parent.parent) if node.parent.parent is not None else None
        receiver = self.receiver(call.node) if call is not None else None
        for found in members_of(program, file, receiver):
            name = plain(found)
            if call is not None and name:
                yield Read(name, call.node, "System::getenv")

    # -- what a receiver is ----------------------------------------------------------------------------------------------

    @staticmethod
    def _is_brought(file: SourceFile) -> bool:
        brought = file.imports.get("getenv")
        return any(i is not None and i.module == "java.lang.System" for i in (brought, *file.stars))

    def _type(self, receiver: Node) -> str:
        name = self.dotted(receiver).removeprefix("this.")
        return type_of(receiver, name) if name and "." not in name else ""

    def _values(self, receiver: Node, file: SourceFile, program: Program) -> list[str]:
        """Return what a name is bound to, as text."""
        name = self.dotted(receiver)
        if not name:
            return []
        found, _ = program.bindings_of(file, receiver, name)
        return [text(binding.value) for binding in found]

    def _is_map(self, receiver: Node, file: SourceFile, program: Program) -> bool:
        if SYSTEM_MAP.fullmatch(text(receiver)):
            return True
        values = self._values(receiver, file, program)
        if values:
            return any(SYSTEM_MAP.fullmatch(value) for value in values)
        name = self.dotted(receiver).removeprefix("this.")
        kind = re.sub(r"\s", "", self._type(receiver))
        return ENVIRONMENT_NAME.fullmatch(name) is not None and kind.endswith("Map<String,String>")

    def _is_handed(self, kind: Kind, receiver: Node, file: SourceFile, program: Program) -> bool:
        return self._environment(program).kind(receiver, file) == kind

    def _is_dotenv(self, receiver: Node, file: SourceFile, program: Program) -> bool:
        values = self._values(receiver, file, program)
        return (
            self._type(receiver) == "Dotenv"
            or any(value.startswith("Dotenv.") for value in values)
            or re.match(r"(?i)(?:this\.)?_?dot_?env\b", text(receiver)) is not None
        )

    def _is_environment(self, receiver: Node) -> bool:
        kind = _simple(self._type(receiver))
        if kind:
            return kind in ENVIRONMENT_TYPES
        last = text(receiver).removesuffix("()").rpartition(".")[2]
        return last == "getEnvironment" or ENVIRONMENT_NAME.fullmatch(last) is not None

    def _is_config(self, receiver: Node, file: SourceFile, program: Program) -> bool:
        written = [text(receiver), *self._values(receiver, file, program)]
        brought = file.imports.get("Config")
        return any("ConfigProvider.getConfig" in one for one in written) or (
            brought is not None
            and "microprofile" in brought.module
            and _simple(self._type(receiver)) == "Config"
        )


def _simple(kind: str) -> str:
    """Return a type's name without its package and arguments."""
    return re.sub(r"[<\[].*", "", kind, flags=re.DOTALL).strip().rpartition(".")[2]


def _is_local(node: Node, name: str) -> bool:
    found = declaration(node, name)
    return found is not None and is_local(found)


def _field(declared: Node, member: str) -> str:
    """Return the field that a member of a class is or gives back, ``name()`` for the constant's own name."""
    for method in _below(declared, "method_declaration"):
        body = method.child_by_field_name("body")
        if text(method.child_by_field_name("name")) == member and body is not None:
            only = re.fullmatch(r"\{\s*return\s+(?:this\.)?(\w+(?:\(\))?)\s*;\s*\}", text(body))
            return only.group(1) if only is not None else member
    bare = re.sub(r"^get(?=[A-Z])", "", member)  # a getter that is made for the field
    return bare if bare == member else bare[0].lower() + bare[1:]


def _position(declared: Node, field: str) -> int | None:
    """Return the argument of an enum's constant that fills a field: by its constructor, by the fields' order without one."""
    constructors = list(_below(declared, "constructor_declaration"))
    for constructor in constructors:
        names = [p.name for p in parameters_of(constructor.child_by_field_name("parameters"))]
        filled = re.search(rf"\b(?:this\.)?{re.escape(field)}\s*=\s*(\w+)\s*;", text(constructor))
        if filled is not None and filled.group(1) in names:
            return names.index(filled.group(1))
    fields = [
        text(one.child_by_field_name("declarator")).partition("=")[0].strip()
        for one in _below(declared, "field_declaration")
        if "static" not in text(one).partition("=")[0].split()
    ]
    return fields.index(field) if not constructors and field in fields else None


def _below(declared: Node, kind: str) -> Iterator[Node]:
    stack = [declared]
    while stack:
        here = stack.pop()
        if here.type == kind:
            yield here
        elif here == declared or here.type not in CLASSES:
            stack.extend(reversed(here.named_children))
