"""Schemas that JavaScript holds its environment against: where they are, and which reads they make."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.flow.texts import literal_of
from deployer_lib.probes.variables.languages.javascript_shapes import Said, Shapes, library_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.languages.javascript_objects import Objects
    from deployer_lib.probes.variables.languages.javascript_shapes import Entry
    from deployer_lib.probes.variables.model import Need

__all__ = ["Schemas", "descend"]

#: Calls that validate a value by a schema: the schema is the receiver, or the other argument.
_PARSES: Final = frozenset(
    {"parse", "safeParse", "parseAsync", "safeParseAsync", "validate", "validateSync", "validateAsync", "cast", "attempt",
     "decode", "decodeSync", "Parse", "Check", "assert", "create", "mask", "parseEnv", "decodeUnknownSync", "Decode", "from",
     "validateEnv", "spa", "check", "decodeUnknownEither"}
)  # fmt: skip
_T3_PARTS: Final = ("server", "client", "shared", "clientSchema", "serverSchema")
_CAPITALS: Final = re.compile(r"^[A-Z][A-Z0-9_]*$")
_ENV_NAME: Final = re.compile(r"env|Env|ENV")
_VALIDATORS: Final = re.compile(
    r"^(?:validate|validateEnv\w*|validateConfig\w*|validateConfiguration|envValidat\w*|configValidat\w*)$"
)
_MAX_DEPTH: Final = 10
_SHORT: Final = 200  # bytes of arguments in which the environment is looked for


class Schemas:
    """The schemas of one program."""

    def __init__(self, language: Language, program: Program, objects: Objects, shapes: Shapes) -> None:
        self._language, self._program, self._environment, self._shapes = language, program, objects, shapes
        self._declared: dict[str, list[Read]] = defaultdict(list)
        self._seen: set[tuple[str, int]] = set()
        #: A read in what is given to a schema → what that says of it.
        self._maps: dict[tuple[str, int], Said] = {}
        self._handlers: dict[str, Callable[[Call, SourceFile], None]] = {
            "createEnv": self._t3,
            "cleanEnv": self._envalid,
            "envsafe": self._envalid,
            "customCleanEnv": self._envalid,
            "parseEnv": self._listed,
            "rules": self._listed,
            "create": self._listed,
            "convict": self._convict,
            "envSchema": self._json_schema,
            "register": self._json_schema,
            "forRoot": self._validated,
            "forRootAsync": self._validated,
        }

    def prepare(self) -> None:
        """Find the schemas that the environment is held against, in all files that are known."""
        for file in list(self._program.files.values()):
            for call in file.calls:
                self._prepare(call, file)
            self._named(file)

    def declared(self, file: SourceFile) -> Iterable[Read]:
        """Return the reads that schemas in a file make."""
        return self._declared.get(file.path, ())

    def said(self, node: Node, file: SourceFile) -> Said | None:
        """Return what a schema says that a read is handed to, None where it is handed to none."""
        return self._maps.get((file.path, node.start_byte)) or self._parsed_alone(node, file)

    def _prepare(self, call: Call, file: SourceFile) -> None:
        handler = self._handlers.get(call.name)
        if handler is not None:
            handler(call, file)
        elif sum(not argument.name for argument in call.arguments) > 1:
            self._decorated(call, file)
        listed = call.node.child_by_field_name("arguments")
        if call.name in _PARSES or (listed is not None and b"env" in (listed.text or b"")[:_SHORT]):
            self._parsed(call, file)

    def _listed(self, call: Call, file: SourceFile) -> None:
        """Find znv's ``parseEnv(process.env, {…})`` and AdonisJS's ``Env.rules({…})``."""
        if call.name == "parseEnv" or call.owner in {"Env", "env"}:
            self._declare(self._shapes.literal(call.positional(-1), file, 0), f"{call.name}()")

    def _validated(self, call: Call, file: SourceFile) -> None:
        """Find NestJS's ``ConfigModule.forRoot({validationSchema: …})``."""
        schema = call.named("validationSchema")
        if schema is not None:
            self._declare(self._shapes.entries(schema, file, 0), "validationSchema")

    def _parsed(self, call: Call, file: SourceFile) -> None:
        """Find ``schema.parse(process.env)``, ``v.parse(schema, process.env)`` and ``Env(process.env)``."""
        given = [a.value for a in call.arguments if not a.name]
        whole = next((one for one in given if self._is_whole(one, call, file)), None)
        receiver = self._language.receiver(call.node)
        function = call.node.child_by_field_name("function")
        schemas = [
            one
            for one in (receiver, *given, None if receiver is not None else function)
            if one is not None and one != whole
        ]
        if whole is None:
            self._parsed_map(schemas, file)
            return
        sure = self._environment.of(whole, file) != "" or whole.type == "object"
        for schema in schemas:
            entries = self._shapes.entries(schema, file, 0)
            names = [text(name) if not isinstance(name, str) else name for _, name, _ in entries]
            if entries and (sure or all(_CAPITALS.match(name.strip("'\"")) for name in names)):
                self._declare(entries, f"{call.name}(process.env)")
                return

    def _is_whole(self, node: Node, call: Call, file: SourceFile) -> bool:
        """Tell whether an argument is the environment, or holds all of it, or is what a framework validates."""
        if self._environment.of(node, file):
            return True
        if node.type == "identifier":
            function = file.function_around(call.node)
            if function is not None and any(p.name == text(node) for p in function.parameters):
                pair = function.node.parent
                named = function.name or (
                    text(pair.child_by_field_name("key")) if pair is not None and pair.type == "pair" else ""
                )
                return bool(_VALIDATORS.match(named))
        call_inside = self._language.call(node)
        if call_inside is not None:
            return any(self._environment.of(a.value, file) for a in call_inside.arguments if not a.name)
        spread = [c for c in node.named_children if c.type == "spread_element" and c.named_children]
        return node.type == "object" and any(self._environment.of(c.named_children[0], file) for c in spread)

    def _parsed_map(self, schemas: list[Node], file: SourceFile) -> None:
        """Find ``schema.parse({port: process.env.PORT})``: what the schema says of the key, it says of the read."""
        for given in schemas:
            if given.type != "object" or b"env" not in (given.text or b"").lower():
                continue
            other = [one for one in schemas if one != given]
            entries = next((found for one in other if (found := self._shapes.entries(one, file, 0))), [])
            self._say(given, self._shapes.table(entries), file)

    def _say(self, given: Node, table: dict[str, Said], file: SourceFile) -> None:
        for key, value in self._language.entries(given) or ():
            said = table.get(key if isinstance(key, str) else text(key))
            inner = value
            while inner.type in self._language.wrapping and inner.named_children:
                inner = inner.named_children[0]
            if said is not None and inner.type in {"member_expression", "subscript_expression"}:
                self._maps[file.path, inner.start_byte] = said

    def _parsed_alone(self, node: Node, file: SourceFile) -> Said | None:
        """Find ``z.string().parse(process.env.X)``."""
        outer = node
        while outer.parent is not None and outer.parent.type in self._language.wrapping:
            outer = outer.parent
        if outer.parent is None or outer.parent.type != "arguments" or outer.parent.parent is None:
            return None
        call = self._language.call(outer.parent.parent)
        if call is None or call.name not in _PARSES or call.name == "assert":
            return None
        receiver = self._language.receiver(call.node)
        if (
            receiver is None
            or receiver.type != "call_expression"
            or not library_of(receiver, self._language, file)
        ):
            return None
        return self._shapes.value(receiver, file, 0)

    def _named(self, file: SourceFile) -> None:
        """Find schemas that say by their name that they are of the environment, wherever they are used."""
        for name, bindings in list(file.bound.get(file.root.id, {}).items()):
            if not _ENV_NAME.search(name) or bindings[0].key or bindings[0].value.type != "call_expression":
                continue
            if (file.path, bindings[0].value.start_byte) in self._seen or not library_of(
                bindings[0].value, self._language, file
            ):
                continue
            entries = self._shapes.entries(bindings[0].value, file, 0)
            if entries and all(isinstance(key, str) and _CAPITALS.match(key) for _, key, _ in entries):
                self._declare(entries, "schema of the environment")

    def _t3(self, call: Call, file: SourceFile) -> None:
        """Find t3-env's ``createEnv({server: {…}, client: {…}, runtimeEnv: {…}})``."""
        parts = [part for name in _T3_PARTS if (part := call.named(name)) is not None]
        if not parts:
            given = call.positional(0)
            if given is not None and call.positional(1) is None:  # arkenv, and others of that name
                self._declare(self._shapes.literal(given, file, 0), "createEnv()")
            return
        entries = [
            entry
            for part in parts
            for entry in self._shapes.entries(part, file, 0) or self._shapes.literal(part, file, 0)
        ]
        given = call.named("runtimeEnv", "runtimeEnvStrict")
        handed = {
            (key if isinstance(key, str) else text(key)): value
            for key, value in (self._language.entries(given) or () if given is not None else ())
        }
        renamed = {key for key, value in handed.items() if not self._reads_itself(key, value)}
        self._declare([entry for entry in entries if entry[1] not in renamed], "createEnv()")
        if given is not None:
            self._say(given, {k: s for k, s in self._shapes.table(entries).items() if k in renamed}, file)

    def _reads_itself(self, key: str, value: Node) -> bool:
        """Tell whether a key is the name of the variable that is handed to it, or of none."""
        written = text(value)
        return re.search(rf"\b{re.escape(key)}\b", written) is not None or "env" not in written

    def _envalid(self, call: Call, file: SourceFile) -> None:
        given = call.positional(1) if call.name != "envsafe" else call.positional(0)
        for where, name, value in self._shapes.literal(given, file, 0):
            said = (
                self._shapes.options(validator, where)
                if (validator := self._language.call(value)) is not None
                else Said("required")
            )
            self._add(where, name, value, said, f"{call.name}()")

    def _convict(self, call: Call, file: SourceFile) -> None:
        self._settings(call.positional(0), file)

    def _settings(self, given: Node | None, file: SourceFile, depth: int = 0) -> None:
        """Find convict's ``{port: {env: "PORT", default: 80}}``, however deep."""
        for where, name, value in (
            self._shapes.literal(given, file, 0) if given is not None and depth < _MAX_DEPTH else ()
        ):
            if name != "env" or value.type == "object":
                self._settings(value, where, depth + 1)
                continue
            beside = (
                dict(self._language.entries(value.parent.parent) or ())
                if (value.parent is not None and value.parent.parent is not None)
                else {}
            )
            default = literal_of(self._program, where, beside.get("default"))
            need: Need = "default" if default is not None else "optional"
            self._declared[where.path].append(
                Read(value, value, "convict env", need, default_text=default, final=True)
            )

    def _json_schema(self, call: Call, file: SourceFile) -> None:
        """Find env-schema's and @fastify/env's JSON schemas."""
        if not re.search(rb"env-schema|@fastify/env|fastify-env", file.root.text or b""):
            return
        options = call.named("schema")
        options = (
            options
            if options is not None
            else next((a.value for a in call.arguments if a.name == "schema"), None)
        )
        schema = {name: value for _, name, value in self._shapes.literal(options, file, 0)}
        listed = schema.get("required")
        must = (
            {self._language.string(i) for i in (self._language.items(listed) or ()) if not isinstance(i, str)}
            if listed
            else set()
        )
        for where, name, value in self._shapes.literal(schema.get("properties"), file, 0):
            details = dict(self._language.entries(value) or ())
            default = literal_of(self._program, where, details.get("default"))
            need = "default" if default is not None else "required" if name in must else "optional"
            self._add(where, name, value, Said(_need(need), default), "env-schema")

    def _decorated(self, call: Call, file: SourceFile) -> None:
        """Find the class that NestJS's ``validate`` turns the environment into."""
        given = [a.value for a in call.arguments if not a.name][:2]
        name = next((text(one) for one in given if one.type == "identifier" and text(one)[:1].isupper()), "")
        if not name or not any(self._is_whole(one, call, file) for one in given):
            return
        wanted = re.compile(rb"class\s+" + re.escape(name).encode() + rb"\b")
        brought = file.imports.get(name)
        for path in self._program.imported(file, brought) if brought is not None else [file.path]:
            there = self._program.file(path)
            if wanted.search(there.root.text or b""):
                self._fields(there, name)

    def _fields(self, file: SourceFile, name: str) -> None:
        for body in descend(file.root, "class_body"):
            holder = body.parent
            if holder is None or text(holder.child_by_field_name("name")) != name:
                continue
            for field in body.named_children:
                key = text(field.child_by_field_name("name"))
                marks = " ".join(text(c) for c in field.children if c.type == "decorator")
                if field.type != "public_field_definition" or not _CAPITALS.match(key) or not marks:
                    continue
                value = field.child_by_field_name("value")
                default = literal_of(self._program, file, value)
                loose = (
                    re.search(r"@(?:IsOptional|ValidateIf|Allow)\b", marks) is not None
                    or text(field).find(f"{key}?") >= 0
                )
                need = "default" if default is not None else "optional" if loose else "required"
                self._add(
                    file,
                    key,
                    field.child_by_field_name("name") or field,
                    Said(_need(need), default),
                    "class-validator",
                )

    def _declare(self, entries: Iterable[Entry], idiom: str) -> None:
        for where, name, value in entries:
            if isinstance(name, str) and name.endswith("?"):  # arktype's {"X?": "string"}
                self._add(where, name[:-1], value, Said("optional"), idiom)
            else:
                self._add(where, name, value, self._shapes.value(value, where, 0), idiom)

    def _add(self, file: SourceFile, name: Node | str, value: Node, said: Said, idiom: str) -> None:
        pair = value.parent if value.parent is not None and value.parent.type == "pair" else value
        if (file.path, pair.start_byte) in self._seen:
            return
        self._seen.add((file.path, pair.start_byte))
        self._declared[file.path].append(
            Read(name, pair, idiom, said.need, default_text=said.default, final=True)
        )


def descend(node: Node, kind: str) -> Iterator[Node]:
    """Yield the nodes of a kind below a node."""
    stack = [node]
    while stack:
        here = stack.pop()
        if here.type == kind:
            yield here
        stack.extend(reversed(here.named_children))


def _need(word: str) -> Need:
    return "required" if word == "required" else "default" if word == "default" else "optional"
