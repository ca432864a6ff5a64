"""The reads that JavaScript makes of its environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.languages.javascript_commands import Commands
from deployer_lib.probes.variables.languages.javascript_definitions import Definitions
from deployer_lib.probes.variables.languages.javascript_objects import (
    LOOSE,
    OBJECTS,
    TYPES,
    WORKER_FILE,
    Objects,
)
from deployer_lib.probes.variables.languages.javascript_schemas import Schemas, descend
from deployer_lib.probes.variables.languages.javascript_settings import Settings
from deployer_lib.probes.variables.languages.javascript_shapes import Shapes
from deployer_lib.probes.variables.languages.javascript_trees import is_write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Environment"]

#: Functions of packages that read one variable → whether they throw without it.
_GETTERS: Final = {
    ("next-runtime-env", "env"): False, ("astro:env/server", "getSecret"): False, ("prisma/config", "env"): True,
    ("getenv", "default"): True, ("getenv", ""): True,
}  # fmt: skip
_ADONIS: Final = re.compile(r"Core/Env$|#start/env$|start/env$")
_STRAPI: Final = frozenset(
    {
        "env",
        "env.int",
        "env.float",
        "env.bool",
        "env.json",
        "env.array",
        "env.date",
        "env.oneOf",
        "env.jsonObject",
    }
)
#: Modules whose every imported name is a variable → whether a build fails without it.
_NAMED: Final = {
    "$env/static/private": True, "$env/static/public": True, "astro:env/server": False, "astro:env/client": False, "@env": False,
}  # fmt: skip
_FUNCTIONS_THERE: Final = frozenset({"getSecret", "setOnSetGetEnv"})
_BUILT_IN: Final = frozenset({"DEV", "PROD", "MODE", "SSR", "BASE_URL", "LEGACY", "ASSETS_PREFIX", "SITE"})
_OBJECT_MEMBERS: Final = frozenset(
    {
        "hasOwnProperty",
        "toString",
        "valueOf",
        "constructor",
        "get",
        "has",
        "toObject",
        "set",
        "delete",
        "isPrototypeOf",
        "then",
    }
)
#: Calls with the environment and a name → idiom.
_ASKED: Final = {
    "Object.hasOwn": "Object.hasOwn()", "Object.prototype.hasOwnProperty.call": "hasOwnProperty()",
    "hasOwnProperty.call": "hasOwnProperty()", "Reflect.has": "Reflect.has()", "Reflect.get": "Reflect.get()",
    "_.get": "get()", "get": "get()", "lodash.get": "get()", "_.has": "has()", "has": "has()", "_.pick": "pick()", "pick": "pick()",
}  # fmt: skip
_WORKER_TYPE: Final = re.compile(
    rb"(?:interface|type)\s+(?:Env|CloudflareEnv|Bindings|CloudflareBindings|WorkerEnv)\b[^{;]{0,80}\{([^}]*)\}"
)
_TEXT_MEMBER: Final = re.compile(
    rb"(?:^|[;,])\s*(?:readonly\s+)?([A-Z]\w*)\??\s*:\s*(?:string\b|['\"])", re.MULTILINE
)
_NEXT: Final = re.compile(r"(?:^|/)next\.config\.[cm]?[jt]s$")


class Environment:
    """What one program reads of its environment."""

    def __init__(self, language: Language, program: Program) -> None:
        self._language, self._program = language, program
        self._objects = Objects(language, program)
        shapes = Shapes(language, program)
        self._schemas = Schemas(language, program, self._objects, shapes)
        self._settings = Settings(language, program, shapes)
        self._commands = Commands(language, program, shapes)
        self._definitions = Definitions(language, program, self._objects)
        self._reads: dict[int, tuple[Read, ...]] = {}  # by the node that reads
        self._ready = False
        self._inlined: frozenset[str] | None = None  # set at build time, by other names
        self._bindings: frozenset[str] | None = None  # text members of a worker's environment

    def reads(self, node: Node, file: SourceFile) -> Iterable[Read]:
        """Return the reads that a node makes; worked out once, however often it is asked."""
        if not self._ready:
            self._ready = True
            self._objects.follow()
            self._schemas.prepare()
            self._definitions.prepare()
        if node.id not in self._reads:
            self._reads[node.id] = tuple(self._made(node, file))
        return self._reads[node.id]

    def _made(self, node: Node, file: SourceFile) -> Iterator[Read]:
        if file.candidates and node == file.candidates[0]:
            yield from self._schemas.declared(file)
            yield from self._definitions.declared(file)
        kind = node.type
        if kind in {"member_expression", "subscript_expression"}:
            yield from self._taken(node, file)
        elif kind == "object_pattern":
            yield from self._destructured(node, file)
        elif kind == "binary_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if (
                left is not None
                and text(node.child_by_field_name("operator")) == "in"
                and self._objects.of(right, file)
            ):
                yield Read(left, node, "in process.env")
        elif kind == "import_statement":
            yield from _named_imports(node)
        elif kind in {"call_expression", "new_expression"}:
            call = self._language.call(node)
            if call is not None:
                yield from self._asked(call, file)
                yield from self._settings.called(call, file)
                yield from self._commands.called(call, file)

    def _taken(self, node: Node, file: SourceFile) -> Iterator[Read]:
        whole = node.child_by_field_name("object")
        kind = self._objects.of(whole, file) if whole is not None and whole.type != "call_expression" else ""
        if whole is not None and whole.type == "call_expression" and "nv" in text(whole)[:80]:
            kind = self._objects.of(whole, file)
        if not kind or self._language.dotted(node) in OBJECTS:
            return
        name = text(node.child_by_field_name("property"))
        index = node.child_by_field_name("index")
        key: Node | str | None = name or index
        outer = node
        while outer.parent is not None and outer.parent.type in self._language.wrapping:
            outer = outer.parent
        around = outer.parent
        if key is None or around is None or is_write(outer, around) or not self._counts(kind, name, file):
            return
        if name in _OBJECT_MEMBERS or (
            around.type == "call_expression" and around.child_by_field_name("function") == outer
        ):
            return
        idiom = f"{kind}[…]" if index is not None else f"{kind}.X"
        if around.type == "augmented_assignment_expression":
            yield Read(key, node, idiom, default=around.child_by_field_name("right"))
            return
        said = self._schemas.said(node, file)
        if said is not None:
            yield Read(key, node, idiom, said.need, default_text=said.default, final=True)
        else:
            yield Read(key, node, idiom, capitals=kind in LOOSE)

    def _counts(self, kind: str, name: str, file: SourceFile) -> bool:
        if kind == "worker":
            return (
                bool(name)
                and WORKER_FILE.search(file.root.text or b"") is not None
                and name in self._worker_names()
            )
        if name in self._inlined_names() and not _NEXT.search(file.path):
            return False
        return kind != "import.meta.env" or name not in _BUILT_IN

    def _inlined_names(self) -> frozenset[str]:
        """Return the names that next.config's ``env: {…}`` puts into the code in place of other values."""
        if self._inlined is None:
            configs = [f for path, f in self._program.files.items() if _NEXT.search(path)]
            pairs = [pair for file in configs for pair in descend(file.root, "pair")]
            blocks = [
                pair.child_by_field_name("value")
                for pair in pairs
                if text(pair.child_by_field_name("key")) == "env"
            ]
            self._inlined = frozenset(
                key
                for block in blocks
                for key, value in (self._language.entries(block) or () if block is not None else ())
                if isinstance(key, str) and not re.search(rf"env\W+{re.escape(key)}\b", text(value))
            )
        return self._inlined

    def _worker_names(self) -> frozenset[str]:
        if self._bindings is None:
            bodies = [
                b for f in self._program.files.values() for b in _WORKER_TYPE.findall(f.root.text or b"")
            ]
            self._bindings = frozenset(
                name.decode() for body in bodies for name in _TEXT_MEMBER.findall(body)
            )
        return self._bindings

    def _destructured(self, pattern: Node, file: SourceFile) -> Iterator[Read]:
        holder = pattern.parent
        if holder is None:
            return
        if holder.type == "pair_pattern":  # const { env: { A } } = process
            above = holder.parent.parent if holder.parent is not None else None
            value = above.child_by_field_name("value") if above is not None else None
            whole = (
                f"{self._language.dotted(value)}.{text(holder.child_by_field_name('key'))}"
                if value is not None
                else ""
            )
            kind, statement = OBJECTS.get(whole, ""), above
        else:
            value = holder.child_by_field_name("value") or holder.child_by_field_name("right")
            kind, statement = (
                (self._objects.of(value, file) if value is not None and value != pattern else ""),
                holder,
            )
            if not kind and holder.type in {"required_parameter", "optional_parameter"}:
                kind = "process.env" if TYPES.search(text(holder.child_by_field_name("type"))) else ""
        if not kind or statement is None:
            return
        for child in pattern.named_children:
            yield from self._picked(child, statement, kind, file)

    def _picked(self, child: Node, statement: Node, kind: str, file: SourceFile) -> Iterator[Read]:
        key: Node | str = ""
        default, local = None, ""
        if child.type == "shorthand_property_identifier_pattern":
            key = local = text(child)
        elif child.type == "object_assignment_pattern":
            key, default = text(child.child_by_field_name("left")), child.child_by_field_name("right")
        elif child.type == "pair_pattern":
            named, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            if named is None or value is None:
                return
            computed = named.type == "computed_property_name" and bool(named.named_children)
            key = named.named_children[0] if computed else text(named).strip("'\"`")
            default = value.child_by_field_name("right") if value.type == "assignment_pattern" else None
            local = text(value) if value.type == "identifier" else ""
        if not key or (isinstance(key, str) and not self._counts(kind, key, file)):
            return
        followed = local if statement.type in {"variable_declarator", "assignment_expression"} else ""
        yield Read(key, child, f"{{…}} = {kind}", default=default, target=followed, capitals=kind in LOOSE)

    def _asked(self, call: Call, file: SourceFile) -> Iterator[Read]:
        key, second = call.positional(0), call.positional(1)
        if key is None:
            return
        if call.callee in _ASKED and second is not None and self._objects.of(key, file):
            names = self._language.items(second) or [
                argument.value for argument in call.arguments[1:] if not argument.name
            ]
            only = "pick" in call.callee
            for name in names if only else [second]:
                yield Read(name, call.node, _ASKED[call.callee], default=None if only else call.positional(2))
            return
        brought = file.imports.get(call.callee.partition(".")[0])
        receiver = self._language.receiver(call.node)
        if (
            call.name in {"get", "has", "hasOwnProperty"}
            and receiver is not None
            and self._objects.of(receiver, file)
        ):
            yield Read(key, call.node, f"{call.callee}()")
        elif brought is not None and "." not in call.callee and (brought.module, brought.name) in _GETTERS:
            must = _GETTERS[brought.module, brought.name] and second is None
            yield Read(key, call.node, f"{call.callee}()", "required" if must else "optional", default=second)
        elif brought is not None and call.name in {"get", "getOrFail"} and _ADONIS.search(brought.module):
            yield Read(key, call.node, "Env.get()", default=second, capitals=True)
        elif call.callee in _STRAPI and self._is_strapi(call.node, file):
            given = second if call.name != "oneOf" else call.positional(2)
            yield Read(key, call.node, f"{call.callee}()", default=given, capitals=True)

    def _is_strapi(self, node: Node, file: SourceFile) -> bool:
        """Tell whether ``env`` is what a configuration function of Strapi is given."""
        _, function = self._program.bindings_of(file, node, "env")
        return function is not None and "env" in [p.name for p in function.parameters[1:]]


def _named_imports(node: Node) -> Iterator[Read]:
    module = text(node.child_by_field_name("source")).strip("'\"")
    if module not in _NAMED or text(node).startswith("import type"):
        return
    for clause in node.named_children:
        for part in clause.named_children if clause.type == "import_clause" else ():
            for one in part.named_children if part.type == "named_imports" else ():
                name = text(one.child_by_field_name("name"))
                if name not in _FUNCTIONS_THERE:
                    need: Need = "required" if _NAMED[module] else "optional"
                    yield Read(name, one, f"import from {module}", need, final=True)
