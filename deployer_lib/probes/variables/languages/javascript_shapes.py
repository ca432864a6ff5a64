"""What a schema of JavaScript holds: its keys, and what each says of absence."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text
from deployer_lib.probes.variables.flow.texts import literal_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Entry", "Said", "Shapes", "library_of"]

#: Calls that make a schema of an object.
_OBJECTS: Final = frozenset(
    {"object", "strictObject", "looseObject", "shape", "keys", "Object", "type", "Struct", "extend", "merge", "safeExtend", "append",
     "interface", "strict", "objectAsync", "partial", "Record"}
)  # fmt: skip
_JOINS: Final = frozenset({"extend", "merge", "and", "concat", "intersection", "union", "discriminatedUnion", "intersect", "variant",
                           "safeExtend", "or", "append", "keys", "shape", "Intersect", "Composite"})  # fmt: skip
#: Links of a chain: what they say of absence.
_DEFAULTS: Final = frozenset(
    {"default", "catch", "prefault", "fallback", "withDefault", "defaultTo", "_default"}
)
_OPTIONALS: Final = frozenset(
    {"optional", "nullish", "notRequired", "any", "unknown", "undefined", "undefinedable", "Optional", "exactOptional", "option",
     "optionalWith", "UndefinedOr", "optionalKey", "NullishOr", "nullishAsync", "optionalAsync", "undefinedType", "void"}
)  # fmt: skip
_REQUIREDS: Final = frozenset({"required", "exist", "defined", "nonNullable"})
_PARTS: Final = frozenset({"shape", "fields", "entries"})  # of a schema: what its keys hold
_WRAPS: Final = frozenset(
    {
        "preprocess",
        "pipe",
        "pipeline",
        "lazy",
        "effect",
        "Type",
        "union",
        "or",
        "Union",
        "intersection",
        "intersect",
    }
)
_COMPARES: Final = frozenset({"==", "===", "!=", "!==", "<", ">", "<=", ">=", "in"})
_TOLERANT: Final = frozenset({"joi", "yup"})  # a key is optional until it is said to be required
_MAX_DEPTH: Final = 10
_NAMED_SO: Final = frozenset(
    {"z", "zod", "v", "valibot", "type", "t", "s", "schema", "object", "ark", "joi", "yup"}
)
_MODULES: Final = re.compile(
    r"^(?:zod|valibot|arktype|@sinclair/typebox|superstruct|@hapi/joi|joi|yup|effect|@effect/schema|astro/zod)(?:/|$)"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a schema says of one name."""

    need: Need
    default: str | None = None


Entry = tuple["SourceFile", "Node | str", "Node"]  # where, name, what is said of it


class Shapes:
    """Reads the schemas of one program."""

    def __init__(self, language: Language, program: Program) -> None:
        self._language, self._program = language, program

    def table(self, entries: Iterable[Entry]) -> dict[str, Said]:
        """Return what each key says."""
        return {
            (n if isinstance(n, str) else text(n)): self.value(value, where, 0) for where, n, value in entries
        }

    def literal(self, node: Node | None, file: SourceFile, depth: int) -> list[Entry]:
        """Return the entries of an object literal, spreads and names of any file followed."""
        if node is None or depth > _MAX_DEPTH:
            return []
        while node.type in self._language.wrapping and node.named_children:
            node = node.named_children[0]
        if node.type == "object":
            found: list[Entry] = [(file, key, value) for key, value in self._language.entries(node) or ()]
            for child in node.named_children:
                if child.type == "spread_element" and child.named_children:
                    spread = child.named_children[0]
                    found += self.literal(spread, file, depth + 1) or self.entries(spread, file, depth + 1)
            return found
        return [
            entry
            for where, value in self._meant(node, file)
            for entry in self.literal(value, where, depth + 1)
        ]

    def entries(self, node: Node, file: SourceFile, depth: int) -> list[Entry]:
        """Return name and schema of each key of an object schema, joined and extended ones included."""
        if depth > _MAX_DEPTH:
            return []
        while node.type in self._language.wrapping and node.named_children:
            node = node.named_children[0]
        if node.type == "member_expression" and text(node.child_by_field_name("property")) in _PARTS:
            holder = node.child_by_field_name("object")
            return self.entries(holder, file, depth + 1) if holder is not None else []
        call = self._language.call(node) if node.type == "call_expression" else None
        if call is None:
            return [
                e for where, value in self._meant(node, file) for e in self.entries(value, where, depth + 1)
            ]
        receiver = self._language.receiver(node)
        known = self.entries(receiver, file, depth + 1) if receiver is not None else []
        if call.name in {"omit", "pick"}:
            names = {key for key, _ in self._language.entries(call.positional(0) or node) or ()}
            return [e for e in known if (e[1] in names) == (call.name == "pick")]
        given = [argument.value for argument in call.arguments if not argument.name]
        if call.name in _OBJECTS | _JOINS:
            return known + [
                entry
                for value in given
                for entry in self.literal(value, file, depth + 1) or self._alternatives(value, file, depth)
            ]
        return known or next((e for value in given if (e := self._alternatives(value, file, depth))), [])

    def _alternatives(self, node: Node, file: SourceFile, depth: int) -> list[Entry]:
        if node.type == "object":
            return []
        items = self._language.items(node)
        parts = [i for i in items if not isinstance(i, str)] if items is not None else [node]
        return [entry for part in parts for entry in self.entries(part, file, depth + 1)]

    def _meant(self, node: Node, file: SourceFile) -> list[tuple[SourceFile, Node]]:
        dotted = self._language.dotted(node)
        if not dotted:
            return []
        found, function = self._program.bindings_of(file, node, dotted)
        if function is not None:
            return []
        own = [
            b.value
            for b in found
            if not b.key and not b.value.start_byte <= node.start_byte < b.value.end_byte
        ]
        if own:
            return [(file, own[0])]
        return [
            (place.file, place.node)
            for place in self._program.constants(file, dotted)[:1]
            if place.node != node
        ]

    def options(self, call: Call, file: SourceFile) -> Said:
        """Return what the options of a validator say: ``str({default: "x"})``."""
        default = call.named("default")
        if default is None:
            return Said("required")
        found = literal_of(self._program, file, default)
        return Said("optional") if found is None else Said("default", found)

    def value(self, node: Node, file: SourceFile, depth: int) -> Said:
        """Return what the schema of one key says."""
        if depth > _MAX_DEPTH:
            return Said("required")
        while node.type in self._language.wrapping and node.named_children:
            node = node.named_children[0]
        written = self._language.string(node)
        if written is not None:  # arktype: "string = 'x'"
            shorn = re.search(r"(?<![=<>!])=(?![=>])\s*(.+)$", written)
            return (
                Said("default", shorn[1].strip("'\" "))
                if shorn
                else Said("optional" if "undefined" in written else "required")
            )
        links = list(self.links(node))
        if not links:
            return next(
                (self.value(v, where, depth + 1) for where, v in self._meant(node, file)), Said("required")
            )
        found = self._chained(links, file, depth)
        return found or Said(
            "optional" if library_of(node, self._language, file) in _TOLERANT else "required"
        )

    def _chained(self, links: list[tuple[str, Call]], file: SourceFile, depth: int) -> Said | None:
        said: Said | None = None
        for name, call in links:
            if name in _DEFAULTS:
                last = name in {"fallback", "_default", "withDefault"}
                found = literal_of(self._program, file, call.positional(-1 if last else 0))
                return Said("optional") if found is None else Said("default", _result(found))
            if name in _REQUIREDS and said is None:
                return Said("required")
            if name in _OPTIONALS:
                said = said or self._left_out(call, file)
        late = next(
            (end for name, call in links if name == "transform" and (end := _late(call)) is not None), None
        )
        if late is not None and (said is None or said.need == "optional"):
            instead = literal_of(self._program, file, late)
            return Said("optional") if instead is None else Said("default", instead)
        if said is not None:
            return said
        root = links[-1][1]
        if root.callee.endswith("coerce.boolean"):
            return Said("optional")
        return self._wrapped(links, file, depth) or self._elsewhere(root, file, depth)

    def _left_out(self, call: Call, file: SourceFile) -> Said:
        """Return what ``v.optional(schema, "x")`` says: its second argument stands in."""
        second = call.positional(1) if "." in call.callee and not call.callee.startswith("().") else None
        found = literal_of(self._program, file, second)
        return Said("optional") if found is None else Said("default", found)

    def _wrapped(self, links: list[tuple[str, Call]], file: SourceFile, depth: int) -> Said | None:
        """Return what a schema says that stands inside another: ``z.preprocess(fn, schema)``."""
        name, root = links[-1]
        for argument in root.arguments if name in _WRAPS else ():
            items = self._language.items(argument.value)
            parts = [argument.value] if items is None else [i for i in items if not isinstance(i, str)]
            for part in parts:
                if argument.name or part.type not in {"call_expression", "identifier", "member_expression"}:
                    continue
                inner = self.value(part, file, depth + 1)
                if inner.need != "required":
                    return inner
        return None

    def _elsewhere(self, root: Call, file: SourceFile, depth: int) -> Said | None:
        """Return what a schema says that a name stands for, or that a function makes."""
        receiver = self._language.receiver(root.node)
        for where, value in self._meant(receiver, file) if receiver is not None else ():
            return self.value(value, where, depth + 1)
        for where, function in (self._language.targets(root, file, self._program) or ())[:1]:
            for result in self._language.results(function.node)[:1]:
                return self.value(result, where, depth + 1)
        if root.named("default") is not None:  # Type.String({default: "x"})
            return self.options(root, file)
        # A helper of a package: optional(z.string()).
        inner = [
            a.value for a in root.arguments if a.value.type == "call_expression" and "." not in root.callee
        ]
        return self.value(inner[0], file, depth + 1) if inner else None

    def links(self, node: Node) -> Iterator[tuple[str, Call]]:
        """Yield the calls of a chain by name, the last first; the member names of its root too."""
        here: Node | None = node
        while here is not None:
            while here.type in self._language.wrapping and here.named_children:
                here = here.named_children[0]
            call = self._language.call(here)
            if call is not None:
                yield (call.callee if here.type == "new_expression" else call.name), call
                if not call.callee.startswith("()."):
                    for part in call.owner.split(".")[1:]:
                        yield part, replace(call, callee=call.callee)
                    return
                here = self._language.receiver(here)
            elif here.type == "member_expression":
                here = here.child_by_field_name("object")
            else:
                return


def _result(found: str) -> str:
    """Return ``x`` of a default that is given as ``() => x``."""
    return re.sub(r"^\(\)\s*=>\s*", "", found)


def _late(call: Call) -> Node | None:
    """Return ``y`` of ``transform(x => x ?? y)``."""
    function = call.positional(0)
    body = function.child_by_field_name("body") if function is not None else None
    if body is None or body.type != "binary_expression":
        return None
    operator, left = text(body.child_by_field_name("operator")), body.child_by_field_name("left")
    instead = operator in {"??", "||"} and left is not None and not _is_question(left)
    return body.child_by_field_name("right") if instead else None


def _is_question(node: Node) -> bool:
    """Tell whether an expression is true or false: ``x === "1"`` of ``x === "1" || x === "true"``."""
    if node.type == "unary_expression":
        return text(node.child_by_field_name("operator")) == "!"
    operator, left = text(node.child_by_field_name("operator")), node.child_by_field_name("left")
    return node.type == "binary_expression" and (
        operator in _COMPARES or (left is not None and operator in {"&&", "||"} and _is_question(left))
    )


def library_of(node: Node, language: Language, file: SourceFile) -> str:
    """Return the library a chain starts from, empty where it starts from none that is known."""
    here: Node | None = node
    while here is not None and here.type in {"call_expression", "member_expression", *language.wrapping}:
        here = (
            here.child_by_field_name("function")
            or here.child_by_field_name("object")
            or (here.named_children[0] if here.named_children else None)
        )
    first = text(here)
    brought = file.imports.get(first)
    if brought is not None and _MODULES.match(brought.module):
        return brought.module.removeprefix("@hapi/").partition("/")[0]
    return first.lower() if first.lower() in _NAMED_SO else ""
