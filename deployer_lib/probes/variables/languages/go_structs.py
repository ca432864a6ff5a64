"""Structs that a library fills from the environment: found where they are handed to it, their prefixes followed over packages.

A field's variable hangs on the way to it: the same struct under two prefixes has two sets of variables, and one that is only
reached by a prefix has none without. So the calls are looked for first (:data:`_LIBRARIES`), then the structs are gone through.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text
from deployer_lib.probes.variables.flow.nodes import descend
from deployer_lib.probes.variables.flow.program import Place
from deployer_lib.probes.variables.flow.texts import Hole, keys_of, literal_of, plain
from deployer_lib.probes.variables.languages.go_tags import DIALECTS, Options, Step
from deployer_lib.probes.variables.marks import GO_IMPORTS, GO_TAGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.languages.go_types import Field, Types
    from deployer_lib.probes.variables.model import Need

__all__ = ["Structs", "Told"]

_MAX_DEPTH: Final = 10
_MAX_CALLERS: Final = 30
_PREFIX_TAG: Final = re.compile(
    rb"(?:\]|\*|\s)((?:\w+\.)?\w+)[ \t]+`[^`]*(?:envPrefix|env-prefix|envprefix|env-namespace|prefix=)"
)
_TAGGED: Final = re.compile(rb"""[`\s"](?:env|envconfig):\\?"|env(?:Prefix|-prefix):\\?\"""")


@dataclass(frozen=True, slots=True)
class _Library:
    """A library that fills structs."""

    module: re.Pattern[str]
    dialect: str
    calls: dict[str, int]  # function → which argument the struct is; all from there on where it takes many
    prefix: int = -1  # which argument is the prefix
    usual: str = ""  # the prefix where none is given


_LIBRARIES: Final = (
    _Library(
        re.compile(r"(?:^|/)(?:caarlos0|codingconcepts)/env(?:/v\d+)?$"),
        "env",
        dict.fromkeys(("Parse", "ParseWithOptions", "ParseWithFuncs", "MustParse", "Set"), 0),
    ),
    _Library(
        re.compile(r"(?:^|/)kelseyhightower/envconfig$"),
        "envconfig",
        {"Process": 1, "MustProcess": 1},
        prefix=0,
    ),
    _Library(
        re.compile(r"(?:^|/)sethvargo/go-envconfig(?:/pkg/envconfig)?$"),
        "env",
        {"Process": 1, "MustProcess": 1, "ProcessWith": 1},
    ),
    _Library(
        re.compile(r"(?:^|/)cleanenv(?:/v\d+)?$"), "env", {"ReadConfig": 1, "ReadEnv": 0, "UpdateEnv": 0}
    ),
    _Library(re.compile(r"(?:^|/)kong(?:/v\d+)?$"), "env", {"Parse": 0, "New": 0, "Must": 0}),
    _Library(
        re.compile(r"(?:^|/)go-flags(?:\.v\d+)?(?:/v\d+)?$"),
        "env",
        {"Parse": 0, "ParseArgs": 0, "NewParser": 0, "AddGroup": 2, "AddCommand": 3},
    ),
    _Library(
        re.compile(r"(?:^|/)alexflint/go-arg(?:/v\d+)?$"),
        "go-arg",
        {"Parse": 0, "MustParse": 0, "NewParser": 1},
    ),
    _Library(re.compile(r"(?:^|/)configor$"), "configor", {"Load": 0}, usual="CONFIGOR"),
    _Library(
        re.compile(r"(?:^|/)ardanlabs/conf(?:/v\d+)?$"), "conf", {"Parse": 1, "ParseOSArgs": 1}, prefix=0
    ),
    _Library(
        re.compile(r"(?:^|/)joeshaw/envdecode$"),
        "env",
        dict.fromkeys(("Decode", "MustDecode", "StrictDecode", "MustStrictDecode"), 0),
    ),
    _Library(re.compile(r"(?:^|/)(?:N|n)etflix/go-env$"), "env", {"UnmarshalFromEnviron": 0}),
)
_GENERIC: Final = frozenset({"ParseAs", "ParseAsWithOptions"})  # the struct is the type that is asked for
_METHODS: Final = frozenset({"AddGroup", "AddCommand", "Load"})  # of what the library gives
#: What an options' literal says → how a struct is filled.
_TEXTS: Final = {
    "Prefix": "prefix",
    "EnvPrefix": "prefix",
    "ENVPrefix": "prefix",
    "TagName": "tag",
    "DefaultValueTagName": "default_tag",
}
_DECODERS: Final = (
    "Decode",
    "Set",
    "UnmarshalText",
    "UnmarshalBinary",
    "EnvDecode",
    "UnmarshalFlag",
    "SetValue",
)


@dataclass(frozen=True, slots=True)
class Told:
    """A variable of a field."""

    name: str
    need: Need
    default: str | None


@dataclass(frozen=True, slots=True)
class _Way:
    """How a struct was come to."""

    dialect: str
    options: Options
    made: Place | None = None  # the literal that it is made of: its values stand where nothing else is given


class Structs:
    """The structs of a program that are filled from the environment."""

    def __init__(self, program: Program, types: Types) -> None:
        self.program, self.types = program, types
        self._told: dict[tuple[str, int], dict[str, Told]] = defaultdict(
            dict
        )  # (file, field's byte) → name →
        self._reached: set[tuple[str, int]] = set()
        self._calls: list[tuple[SourceFile, Call, _Library]] = list(self._found())
        for file, call, library in self._calls:
            self._root(file, call, library)
        self._leftover()

    def files(self) -> set[str]:
        """Return the files whose structs have variables."""
        return {path for path, _ in self._told}

    def told(self, file: SourceFile, node: Node) -> list[Told]:
        """Return the variables of a field."""
        return list(self._told.get((file.path, node.start_byte), {}).values())

    # -- calls -----------------------------------------------------------------------------------------------------------

    def _found(self) -> Iterator[tuple[SourceFile, Call, _Library]]:
        """Yield the calls that hand a struct to a library."""
        for path in self.program.holding(*GO_IMPORTS):
            head = self._head(path)
            if not any(
                library.module.search(quoted.decode("utf-8", "replace"))
                for quoted in re.findall(rb'"([^"\n]+)"', head)
                for library in _LIBRARIES
            ):
                continue
            file = self.program.file(path)
            for local, brought in file.imports.items():
                for library in _LIBRARIES:
                    if library.module.search(brought.module):
                        yield from self._of(file, local, library)

    def _head(self, path: str) -> bytes:
        """Return the part of a file that holds its imports."""
        source = self.program.source(path)
        found = re.search(rb"(?m)^(?:func|type|var|const)\b", source)
        return source[: found.start()] if found is not None else source

    @staticmethod
    def _of(file: SourceFile, local: str, library: _Library) -> Iterator[tuple[SourceFile, Call, _Library]]:
        for call in file.calls:
            own = call.owner == local
            wanted = {*library.calls, *_GENERIC} if own else _METHODS & set(library.calls)
            if call.name in wanted:
                yield file, call, library

    def _root(self, file: SourceFile, call: Call, library: _Library) -> None:
        """Go through the struct that a call fills."""
        options = self._options(file, call, library)
        if call.name in _GENERIC:
            for kind in _type_arguments(call.node):
                struct = self.types.struct(file, kind)
                if struct is not None:
                    self._walk(struct, _Way(library.dialect, options))
            return
        first = library.calls[call.name]
        many = call.name in {"Parse", "MustParse", "NewParser"} and library.dialect == "go-arg"
        for argument in call.arguments[first : None if many else first + 1]:
            self._target(file, call, library, argument.value, options)

    def _target(self, file: SourceFile, call: Call, library: _Library, node: Node, options: Options) -> None:
        target = _keyed(node, "Target") or node
        value = self.types.value(file, target)
        prefixes = self._prefixes(file, call, library, options)
        struct = self.types.struct(value.file, value.type) if value is not None else None
        if value is not None and struct is not None:
            for prefix in prefixes:
                filled = replace(options, prefix=prefix, root=prefix)
                self._walk(struct, _Way(library.dialect, filled, value.made))
            return
        for where, given, own in self._callers(file, call, library, target):
            handed = self.types.value(where, given)
            struct = self.types.struct(handed.file, handed.type) if handed is not None else None
            struct = struct or self.types.struct(where, given)  # a type that is named in brackets
            if struct is None:
                continue
            made = handed.made if handed is not None else None
            for one in [own] if own is not None else prefixes:
                self._walk(struct, _Way(library.dialect, replace(options, prefix=one, root=one), made))

    def _prefixes(self, file: SourceFile, call: Call, library: _Library, options: Options) -> list[str]:
        """Return the prefixes that a call gives; none where they are made at run time."""
        if library.prefix < 0:
            return [options.prefix]
        keys = keys_of(self.program, file, call.positional(library.prefix))
        known = [name for key in keys if (name := plain(key)) is not None]
        if known or not keys:
            return known
        hole = next((part for part in keys[0] if isinstance(part, Hole)), None)
        return (
            [] if hole is None else [p for *_, p in self._given(file, call, hole.parameter) if p is not None]
        )

    def _given(
        self, file: SourceFile, call: Call, name: str
    ) -> Iterator[tuple[SourceFile, Node, str | None]]:
        """Yield what the callers of the function around a call give for one of its parameters."""
        function = file.function_around(call.node)
        index = next(
            (i for i, p in enumerate(function.parameters if function else ()) if p.name == name), None
        )
        if function is None or index is None or not function.name:
            return
        for where, caller in self._calling(function.name):
            given = caller.positional(index)
            if given is not None:
                keys = keys_of(self.program, where, given)
                yield where, given, plain(keys[0]) if len(keys) == 1 else None

    def _callers(
        self, file: SourceFile, call: Call, library: _Library, target: Node
    ) -> Iterator[tuple[SourceFile, Node, str | None]]:
        """Yield what is handed to the function around a call, with the prefix that goes with it."""
        function, name = file.function_around(call.node), text(target).lstrip("&*")
        if function is None:
            return
        names = [p.name for p in function.parameters]
        asked = call.positional(library.prefix) if library.prefix >= 0 else None
        prefixed = text(asked) if asked is not None else ""
        if name in names:
            for where, caller in self._calling(function.name) if function.name else ():
                given = caller.positional(names.index(name))
                prefix = caller.positional(names.index(prefixed)) if prefixed in names else None
                keys = keys_of(self.program, where, prefix) if prefix is not None else []
                if given is not None:
                    yield where, given, plain(keys[0]) if len(keys) == 1 else None
            return
        for where, caller in self._calling(function.name) if function.name else ():
            for kind in _type_arguments(caller.node):
                yield where, kind, None

    def _calling(self, name: str) -> list[tuple[SourceFile, Call]]:
        word = re.compile(rb"\b" + re.escape(name.encode()) + rb"\b[\[(]")
        found = []
        for path in self.program.holding(name.encode()):
            if word.search(self.program.source(path)):
                file = self.program.file(path)
                found += [(file, call) for call in file.calls if call.name == name]
        return found[:_MAX_CALLERS]

    def _options(self, file: SourceFile, call: Call, library: _Library) -> Options:
        """Return how a call fills its struct: by a literal of options, a lookuper with a prefix, DefaultEnvars."""
        options = Options(prefix=library.usual)
        nodes = [argument.value for argument in call.arguments]
        function = call.node.child_by_field_name("function")
        for node in [*nodes, *([function] if function is not None else [])]:
            value = self.types.value(file, node) if node.type in {"identifier", "unary_expression"} else None
            bound, _ = self.program.bindings_of(file, node, text(node))
            shown = bound[-1].value if bound else node
            for inner in descend(value.made.node if value is not None and value.made is not None else shown):
                options = self._option(file, inner, options)
        return options

    def _option(self, file: SourceFile, node: Node, options: Options) -> Options:
        call = self.program.language.call(node)
        if call is not None and call.name in {"PrefixLookuper", "DefaultEnvars"}:
            keys = keys_of(self.program, file, call.positional(0))
            prefix = (plain(keys[0]) or "") if keys else ""
            if call.name == "PrefixLookuper":
                return replace(options, prefix=prefix + options.prefix)
            return replace(options, prefix=f"{prefix}_".upper(), by_field=True)
        if node.type != "keyed_element" or len(node.named_children) < 2:  # noqa: PLR2004  (a key and a value)
            return options
        key, value = text(node.named_children[0]), _inner(node.named_children[-1])
        if text(value) == "true":
            return options.switched(key)
        keys = keys_of(self.program, file, value) if key in _TEXTS else []
        known = plain(keys[0]) if keys else None
        return options if known is None else options.told(_TEXTS[key], "" if known == "-" else known)

    # -- structs ---------------------------------------------------------------------------------------------------------

    def _walk(self, struct: Place, way: _Way, depth: int = 0, *, silent: bool = False) -> None:
        """Tell the variables of a struct's fields, of those of the structs in it too."""
        if depth > _MAX_DEPTH:
            return
        read, untagged = DIALECTS[way.dialect]
        for field in self.types.fields(struct):
            self._reached.add((field.file.path, field.node.start_byte))
            if not field.embedded and not field.name[:1].isupper():
                continue
            step = read(field, way.options)
            inner = self.types.struct(field.file, field.type)
            if inner is not None and step.inner is not None and not self._decodes(field, step, untagged):
                deeper = replace(way.options, prefix=step.inner)
                self._walk(
                    inner,
                    _Way(way.dialect, deeper, self._made(way, field)),
                    depth + 1,
                    silent=silent,
                )
            elif (listed := self.types.element(field.file, field.type)) is not None:
                self._walk(listed, way, depth + 1, silent=True)
            elif not silent and not _is_apart(field, untagged=untagged) and not (field.embedded and untagged):
                self._tell(field, step, way)

    def _decodes(self, field: Field, step: Step, untagged: bool) -> bool:  # noqa: FBT001  (as the table says it)
        """Tell whether a struct is one value: it has a method that takes a text."""
        return (untagged or bool(step.names)) and self.types.has_method(field.file, field.type, _DECODERS)

    def _tell(self, field: Field, step: Step, way: _Way) -> None:
        need, default = step.need, step.default
        if need == "optional" and (preset := self._preset(way, field)) is not None:
            need, default = "default", preset
        for name in step.names:
            key = (field.file.path, field.node.start_byte)
            self._told[key].setdefault(name, Told(name, need, default))

    def _made(self, way: _Way, field: Field) -> Place | None:
        """Return the literal that a struct in a struct is made of."""
        node = _keyed(way.made.node, field.name) if way.made is not None else None
        if node is None or way.made is None:
            return None
        node = node.named_children[-1] if node.type == "unary_expression" else node
        return Place(way.made.file, node) if node.type == "composite_literal" else None

    def _preset(self, way: _Way, field: Field) -> str | None:
        node = _keyed(way.made.node, field.name) if way.made is not None else None
        return None if node is None or way.made is None else literal_of(self.program, way.made.file, node)

    # -- what no call leads to -------------------------------------------------------------------------------------------

    def _leftover(self) -> None:
        """Go through the structs with tags that no call leads to: a helper of the project's own may fill them."""
        tagged: list[tuple[SourceFile, Node]] = []
        prefixed: set[str] = set()
        for path in self.program.holding(*GO_TAGS):
            source = self.program.source(path)
            if _TAGGED.search(source):
                file = self.program.file(path)
                tagged += [(file, node) for node in descend(file.root) if node.type == "struct_type"]
                prefixed |= {one.decode("utf-8", "replace") for one in _PREFIX_TAG.findall(source)}
        names = {name.rpartition(".")[2] for name in prefixed}
        for file, node in tagged:
            fields = list(self.types.fields(Place(file, node)))
            fresh = [f for f in fields if (f.file.path, f.node.start_byte) not in self._reached]
            if not fresh or _type_name(node) in names or not any("env" in " ".join(f.tags) for f in fields):
                continue
            uses_tag = any("envconfig" in f.tags for f in fields)
            self._loose(Place(file, node), "envconfig" if uses_tag else "env")

    def _loose(self, struct: Place, dialect: str) -> None:
        """Tell the fields with a tag of a struct that nothing is known to fill; structs in it by their prefix alone."""
        read, _ = DIALECTS[dialect]
        for field in self.types.fields(struct):
            if (field.file.path, field.node.start_byte) in self._reached:
                continue
            step = read(field, Options())
            inner = self.types.struct(field.file, field.type)
            if inner is not None and dialect == "env" and step.inner:
                self._walk(inner, _Way(dialect, Options(prefix=step.inner)))
            elif inner is None and ("env" in field.tags or field.tags.get("envconfig")):
                self._tell(field, step, _Way(dialect, Options()))


def _type_arguments(node: Node) -> Sequence[Node]:
    """Return the types that a call names in brackets."""
    function = node.child_by_field_name("function")
    if function is not None and function.type == "index_expression":
        index = function.child_by_field_name("index")
        return [index] if index is not None else []
    kind = node.child_by_field_name("type")  # with one argument, it looks like a conversion
    listed = (kind if kind is not None else node).child_by_field_name("type_arguments")
    return (
        [c.named_children[0] if c.type == "type_elem" else c for c in listed.named_children] if listed else []
    )


def _type_name(struct: Node) -> str:
    parent = struct.parent
    return (
        text(parent.child_by_field_name("name")) if parent is not None and parent.type == "type_spec" else ""
    )


def _inner(node: Node) -> Node:
    return node.named_children[0] if node.type == "literal_element" and node.named_children else node


def _keyed(node: Node, name: str) -> Node | None:
    """Return the value that a literal gives a key."""
    if node.type == "unary_expression" and node.named_children:
        node = node.named_children[-1]
    body = node.child_by_field_name("body") if node.type == "composite_literal" else None
    for child in body.named_children if body is not None else ():
        parts = [_inner(part) for part in child.named_children]
        if child.type == "keyed_element" and len(parts) > 1 and text(parts[0]) == name:
            return parts[-1]
    return None


def _is_apart(field: Field, *, untagged: bool) -> bool:
    """Tell whether no text can fill a field: a function, or, where nothing says that it is meant, a list of foreign values."""
    if field.type.type in {"function_type", "channel_type", "interface_type"}:
        return True
    held = field.type.child_by_field_name("element") or field.type.child_by_field_name("value")
    foreign = (
        held is not None
        and held.type == "qualified_type"
        and not text(held).startswith(("time.", "url.", "net."))
    )
    return (
        untagged and foreign and not field.tags.keys() & {"envconfig", "default", "required", "conf", "env"}
    )
