"""Which expressions of JavaScript are the environment itself: by name, by what they are bound to, by what they are handed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Binding, Call, Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["HANDED", "LOOSE", "OBJECTS", "TYPES", "WORKER_FILE", "Objects"]

#: Written so, it is the environment → what it is called.
OBJECTS: Final = {
    "process.env": "process.env", "globalThis.process.env": "process.env", "global.process.env": "process.env",
    "window.process.env": "process.env", "self.process.env": "process.env", "import.meta.env": "import.meta.env",
    "Bun.env": "Bun.env", "Deno.env": "Deno.env", "__ENV": "__ENV", "globalThis.import.meta.env": "import.meta.env",
}  # fmt: skip
#: A page's environment, put there by a script at start.
_WINDOW: Final = re.compile(
    r"^(?:window|globalThis|self|global)\.(?:_{0,2}(?:env|ENV|Env)_{0,2}|__RUNTIME_ENV__|RUNTIME_ENV|__ENVIRONMENT__|_env_)$"
)
#: (module, name there; empty for any) → what the imported name is.
_IMPORTED: Final = {
    ("process", "env"): "process.env", ("node:process", "env"): "process.env", ("bun", "env"): "Bun.env",
    ("$env/dynamic/private", "env"): "$env/dynamic", ("$env/dynamic/public", "env"): "$env/dynamic",
    ("std-env", "env"): "process.env", ("react-native-config", "default"): "react-native-config",
    ("react-native-config", "Config"): "react-native-config",
}  # fmt: skip
_PROCESS_MODULES: Final = frozenset({"process", "node:process"})
HANDED: Final = "process.env, handed on"  # to a parameter, a copy or through a function
LOOSE: Final = frozenset(
    {HANDED, "window.env", "loadEnv()", "react-native-config"}
)  # may hold more than the environment
_COPIES: Final = frozenset(
    {
        "Proxy.constructor",
        "Object.assign",
        "Object.freeze",
        "structuredClone",
        "Object.fromEntries",
        "cloneDeep",
        "_.cloneDeep",
        "Object",
    }
)
TYPES: Final = re.compile(r"ProcessEnv\b|typeof process\.env|ImportMetaEnv\b|Dict<string>.*ProcessEnv")
_SIMPLE: Final = frozenset(
    {"member_expression", "subscript_expression", "identifier", "binary_expression", "ternary_expression", "object", "call_expression",
     "as_expression", "satisfies_expression", "non_null_expression", "parenthesized_expression", "await_expression",
     "shorthand_property_identifier"}
)  # fmt: skip
_WORKER: Final = re.compile(r"^(?:Env|CloudflareEnv|Bindings|CloudflareBindings|WorkerEnv)$")
WORKER_FILE: Final = re.compile(
    rb"cloudflare|ExportedHandler|ExecutionContext|from ['\"]hono['\"]|PagesFunction"
)
_OBJECT: Final = re.compile(r"(?:process\.env|import\.meta\.env|Bun\.env|Deno\.env)\b(?!\s*(?:\?\.|[.\[]))")
_MAX_DEPTH: Final = 8
_MAX_TEXT: Final = 600  # bytes of an expression that may be the environment


class Objects:
    """What is the environment in one program."""

    def __init__(self, language: Language, program: Program) -> None:
        self._language, self._program = language, program
        self._flows: dict[tuple[int, str], str] = {}  # (function, parameter) → what it is handed
        self._names: dict[str, frozenset[str]] = {}
        self._exports: frozenset[str] | None = None
        self._kinds: dict[tuple[str, int, int], str] = {}

    def of(self, node: Node | None, file: SourceFile, depth: int = 0) -> str:
        """Return what kind of environment an expression is, empty where it is none."""
        if node is None or depth > _MAX_DEPTH:
            return ""
        while node.type in self._language.wrapping and node.named_children:
            node = node.named_children[0]
        at = (file.path, node.start_byte, node.end_byte)
        if at not in self._kinds:
            self._kinds[at] = ""  # what asks for itself is not the environment
            self._kinds[at] = self._kind(node, file, depth)
        return self._kinds[at]

    def _kind(self, node: Node, file: SourceFile, depth: int) -> str:
        kind = node.type
        if kind in {"identifier", "shorthand_property_identifier"}:
            return self._named(node, text(node), file, depth)
        handler = {
            "member_expression": self._member, "subscript_expression": self._member,
            "call_expression": self._called, "new_expression": self._called,
        }.get(kind)  # fmt: skip
        if handler is not None:
            return handler(node, file, depth)
        spread = [c for c in node.named_children if c.type == "spread_element" and c.named_children]
        if kind == "object":
            return HANDED if any(self.of(c.named_children[0], file, depth + 1) for c in spread) else ""
        operation, choice = self._language.operation(node), self._language.ternary(node)
        sides = choice[1:] if choice is not None else ()
        if operation is not None and operation[1] in {"||", "??", "&&"}:
            sides = (operation[0], operation[2])
        return next((found for side in sides if (found := self.of(side, file, depth + 1))), "")

    def _member(self, node: Node, file: SourceFile, depth: int) -> str:
        dotted = self._language.dotted(node)
        if dotted in OBJECTS:
            return OBJECTS[dotted]
        owner, _, name = dotted.rpartition(".")
        if name == "env" and (kind := _by_owner(owner, file)):
            return kind
        if dotted.startswith(("this.", "self.")) or owner in file.imports:
            return self._named(node, dotted, file, depth)
        if not dotted and text(node.child_by_field_name("property")) == "parsed":
            loads = re.match(r"(?:\w+\.)?config\(", text(node)) is not None
            return HANDED if loads and b"dotenv" in (file.root.text or b"") else ""
        return "window.env" if _WINDOW.match(dotted) else ""

    def _named(self, node: Node, name: str, file: SourceFile, depth: int) -> str:
        if name in OBJECTS and not self._program.bindings_of(file, node, name)[0]:
            return OBJECTS[name]
        if name not in self._known(file):
            return ""
        found, function = self._program.bindings_of(file, node, name)
        if function is not None:
            return self._parameter(function.node, name, file, depth)
        if not found and name.startswith("this."):
            return self._field(node, name, file, depth)
        kinds = (self._bound(binding, file, depth) for binding in found)
        return next(filter(None, kinds), "") if found else self._brought(name, file, depth)

    def _bound(self, binding: Binding, file: SourceFile, depth: int) -> str:
        if not binding.key:
            return self.of(binding.value, file, depth + 1)
        whole = self._language.dotted(binding.value)
        return OBJECTS.get(f"{whole}.env", "") if binding.key == "env" else ""

    def _brought(self, name: str, file: SourceFile, depth: int) -> str:
        brought = file.imports.get(name.partition(".")[0])
        if brought is None:
            return ""
        if "." not in name and (known := _IMPORTED.get((brought.module, brought.name))):
            return known
        for place in self._program.constants(file, name):
            if place.file is not file and (kind := self.of(place.node, place.file, depth + 1)):
                return kind
        return ""

    def _parameter(self, function: Node, name: str, file: SourceFile, depth: int) -> str:
        handed = self._flows.get((function.id, name), "")
        listed = function.child_by_field_name("parameters")
        for one in listed.named_children if listed is not None else ():
            pattern = one.child_by_field_name("pattern")
            if text(pattern) != name:
                continue
            kind = self.of(one.child_by_field_name("value"), file, depth + 1)
            said = text(one.child_by_field_name("type")).lstrip(": ")
            if kind or TYPES.search(said):
                return kind or "process.env"
            if _WORKER.match(said) and WORKER_FILE.search(file.root.text or b""):
                return "worker"
        return handed

    def _field(self, node: Node, name: str, file: SourceFile, depth: int) -> str:
        """Return the kind of ``this.env``: set in the class, or a parameter of its constructor."""
        body = node.parent
        while body is not None and body.type != "class_body":
            body = body.parent
        if body is None:
            return ""
        for scope in list(file.bound.values()):
            for binding in scope.get(name, ()):
                inside = body.start_byte <= binding.value.start_byte < body.end_byte
                if inside and (kind := self.of(binding.value, file, depth + 1)):
                    return kind
        for member in body.named_children:
            if (
                member.type == "method_definition"
                and text(member.child_by_field_name("name")) == "constructor"
            ):
                return self._parameter(member, name[5:], file, depth)
        return ""

    def _called(self, node: Node, file: SourceFile, depth: int) -> str:
        call = self._language.call(node)
        if call is None or call.callee == "Deno.env.toObject":
            return "Deno.env" if call is not None else ""
        brought = file.imports.get(call.callee)
        if brought is not None and brought.name == "loadEnv" and brought.module in {"vite", "vitest/config"}:
            return "loadEnv()"
        given = [a.value for a in call.arguments if not a.name and _may_be(a.value)]
        handed = any(self.of(one, file, depth + 1) for one in given)
        if handed and call.callee in _COPIES:
            return HANDED
        if not handed and "env" not in call.name.lower():
            return ""
        made = [
            (where, one)
            for where, function in self._language.targets(call, file, self._program) or ()
            for one in self._language.results(function.node)
        ]
        return HANDED if any(self.of(one, where, depth + 2) for where, one in made) else ""

    def _known(self, file: SourceFile) -> frozenset[str]:
        """Return the names of a file that may be the environment: the rest need no second look."""
        if file.path not in self._names:
            self._names[file.path] = frozenset(self._suspects(file))
        return self._names[file.path]

    def _exported(self) -> frozenset[str]:
        """Return the names that a file of the project binds, at its top, to what may be the environment."""
        if self._exports is None:
            self._exports = frozenset(
                name
                for file in list(self._program.files.values())
                for name, bindings in file.bound.get(file.root.id, {}).items()
                if name != "default"
                and bindings[0].value.type in _SIMPLE
                and _OBJECT.match(text(bindings[0].value))
            )
        return self._exports

    def _suspects(self, file: SourceFile) -> Iterator[str]:
        for scope in list(file.bound.values()):
            for name, bindings in scope.items():
                if any((b.value.type in _SIMPLE and _may_be(b.value)) or b.key == "env" for b in bindings):
                    yield name
        for local, brought in file.imports.items():
            named = "env" in f"{local}{brought.module}{brought.name}".lower() or "process" in brought.module
            if named or (brought.name or local) in self._exported():
                yield from (local, f"{local}.env", f"{local}.default")
        handed = {function for function, _ in self._flows}
        for node in file.nodes("function"):
            named = "env" in text(node.child_by_field_name("parameters")).lower()
            taken = file.by_node[node.id].parameters if named or node.id in handed else ()
            for parameter in taken:
                if named or (node.id, parameter.name) in self._flows:
                    yield from (parameter.name, f"this.{parameter.name}")

    def follow(self) -> None:
        """Find the parameters that are handed the environment, and those that these hand on to."""
        files = list(self._program.files.values())
        for _ in range(2):
            for file in files:
                for call in file.calls:
                    self._hand(call, file)
            self._names.clear()
            self._kinds.clear()

    def _hand(self, call: Call, file: SourceFile) -> None:
        position = -1
        for argument in call.arguments:
            position += not argument.name
            value = argument.value
            if (
                value.type not in _SIMPLE
                or not _may_be(value)
                or value.type == "object"
                or not self.of(value, file)
            ):
                continue
            for _, function in (self._language.targets(call, file, self._program) or ())[:1]:
                names = [p.name for p in function.parameters]
                name = (
                    argument.name
                    if argument.name in names
                    else names[position]
                    if position < len(names)
                    else ""
                )
                if name:
                    self._flows[function.node.id, name] = HANDED


def _by_owner(owner: str, file: SourceFile) -> str:
    """Return the kind of ``proc.env`` of an imported process, and of ``c.env`` in a worker's route."""
    brought = file.imports.get(owner)
    if brought is not None and brought.module in _PROCESS_MODULES:
        return "process.env"
    return "worker" if owner in {"c", "ctx", "context"} and WORKER_FILE.search(file.root.text or b"") else ""


def _may_be(value: Node) -> bool:
    return value.end_byte - value.start_byte < _MAX_TEXT and b"env" in (value.text or b"").lower()
