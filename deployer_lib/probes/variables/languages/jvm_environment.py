"""The environment that Java and Kotlin hand around: as a map, ``System.getenv()``, or as what looks up, ``System::getenv``.

Both are followed through variables, fields, methods that give them back and parameters, over files; what such a map may hold
besides is told from variables by its names, which are not in capitals.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Literal

from deployer_lib.probes.variables.flow.grammar import text
from deployer_lib.probes.variables.flow.nodes import given_by
from deployer_lib.probes.variables.flow.texts import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Function, Language, Parameter
    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Environment", "Kind", "Tree"]

Kind = Literal["map", "lookup", ""]

#: A file with one of these may hand the environment on.
_WHOLE: Final = re.compile(
    rb"\bgetenv\(\s*\)|\bSystem\s*::\s*getenv\b|(?:->|\{)\s*(?:java\.lang\.)?System\.getenv\(\s*\w+\s*\)"
)
_MAP: Final = re.compile(r"(?:(?:java\.lang\.)?System\.)?getenv\(\)")
_LOOKUP: Final = re.compile(r"(?:java\.lang\.)?System::getenv")
#: Makers of a map that holds what the one holds that they are given.
_COPIES: Final = frozenset(
    {"HashMap", "LinkedHashMap", "TreeMap", "ConcurrentHashMap", "ConcurrentSkipListMap", "Hashtable", "newHashMap",
     "newLinkedHashMap", "newTreeMap", "unmodifiableMap", "synchronizedMap", "copyOf", "copyOfSorted"}
)  # fmt: skip
#: Methods of a map, and of a stream of its entries, that keep the names as they are.
_KEEPING: Final = frozenset(
    {"toMap", "toMutableMap", "toSortedMap", "toList", "filter", "filterKeys", "filterValues", "filterNot", "withDefault",
     "plus", "minus", "ifEmpty", "orEmpty", "apply", "also", "clone", "entrySet", "stream", "parallelStream", "sorted"}
)  # fmt: skip
_TO_MAP: Final = re.compile(r"\btoMap\(\s*(?:(?:Map\.)?Entry::getKey|(\w+)\s*->\s*\1\.getKey\(\))\s*,")
_FILLING: Final = frozenset({"putAll", "plusAssign"})
#: Closures that are given what they are called on.
_SCOPES: Final = frozenset({"let", "also"})
#: What a parameter's type is that takes one.
_TYPES: Final[dict[Kind, re.Pattern[str]]] = {
    "map": re.compile(r"\bMap\b|Map<|\bProperties\b"),
    "lookup": re.compile(r"\b(?:Function|UnaryOperator)<\s*String\b|^\(?\(\s*(?:\w+:\s*)?String\s*\)\s*->"),
}
_RECORDS: Final = frozenset({"primary_constructor", "formal_parameters"})  # whose parameters are fields
_MAX_DEPTH: Final = 6  # names and calls between a value and the environment
_SHORT: Final = 40  # characters; the environment itself is written in fewer
_COMMON: Final = 5  # letters of a method's name below which its class has to stand in a file that calls it
_MOST_FILES: Final = 400  # that the environment is followed through
_MOST_DEFINING: Final = 20  # files that define a function of one name; beyond it the name says nothing


@dataclass(frozen=True, slots=True)
class Tree:
    """How a language's classes and declarations are found."""

    class_around: Callable[[Node], Node | None]
    superclasses: Callable[[Node], set[str]]
    type_of: Callable[[Node, str], str]
    is_local: Callable[[Node, str], bool]
    class_of: Callable[[Node], str]  # of an object, empty where nothing tells
    functions: str | None = None  # finds the definition of the function NAME, where one needs no class


class Environment:
    """What of a program holds the environment."""

    def __init__(self, language: Language, program: Program, tree: Tree) -> None:
        self.program = program
        self._language, self._tree = language, tree
        self._holders: dict[tuple[int, str], Kind] = {}  # (scope's node id, parameter or variable)
        self._fields: dict[tuple[str, str], Kind] = {}  # (class, field)
        self._getters: dict[int, Kind] = {}  # function's node id
        self._getting: set[str] = set()  # names of those functions
        self._taking: dict[int, set[str]] = defaultdict(set)  # function's node id → parameters that take it
        self._stems: dict[str, list[str]] = defaultdict(list)
        self._defining: dict[str, list[str]] = {}
        for path in program.paths:
            self._stems[PurePosixPath(path).stem].append(path)
        self._waiting = [path for path in program.holding(b"getenv") if _WHOLE.search(program.source(path))]
        self._reached: dict[str, None] = {}
        while self._waiting and len(self._reached) < _MOST_FILES:
            path = self._waiting.pop()
            self._reached[path] = None
            self._follow(program.file(path))

    def files(self) -> list[str]:
        """Return the files that the environment is handed to."""
        return sorted(self._reached)

    def takers(self, function: Function) -> set[str]:
        """Return the parameters of a function that take the environment, none where it takes it by no parameter."""
        return self._taking.get(function.node.id, set())

    def kind(self, node: Node, file: SourceFile, depth: int = _MAX_DEPTH) -> Kind:
        """Return as what an expression is the environment, empty where it is not."""
        if not self._reached:
            return ""
        node = unwrap(self.program, node)
        written = re.sub(r"\s", "", text(node)) if node.end_byte - node.start_byte < _SHORT else ""
        if _MAP.fullmatch(written):
            return "map"
        if _LOOKUP.fullmatch(written):
            return "lookup"
        return self._made(node, file, depth) if depth else ""

    def receives(self, node: Node, file: SourceFile) -> bool:
        """Tell whether a node stands in a function that extends a map and is called on the environment's."""
        return any(self._holders.get((scope.id, "this")) == "map" for scope in file.scopes(node))

    # -- what an expression is -------------------------------------------------------------------------------------------

    @staticmethod
    def _first(kinds: Iterator[Kind]) -> Kind:
        return next((kind for kind in kinds if kind), "")

    def _made(self, node: Node, file: SourceFile, depth: int) -> Kind:
        language = self._language
        if dotted := language.dotted(node):
            return self._named(node, dotted, file, depth)
        if (call := language.call(node)) is not None:
            return self._called(call, file, depth)
        if (function := file.by_node.get(node.id)) is not None:
            return "lookup" if _looks_up(language, function) else ""
        choice, operation = language.ternary(node), language.operation(node)
        sides = choice[1:] if choice is not None else ()
        if operation is not None and operation[1] in {"+", "?:"}:
            sides = operation[0], operation[2]
        return self._first(self.kind(side, file, depth - 1) for side in sides)

    def _called(self, call: Call, file: SourceFile, depth: int) -> Kind:
        receiver, first = self._language.receiver(call.node), call.positional(0)
        if call.name in _COPIES:
            return self.kind(first, file, depth - 1) if first is not None else ""
        if call.name in {"(cast)", "(as)", "!!"} and first is not None:
            return self.kind(first, file, depth - 1)
        if receiver is not None and (
            call.name in _KEEPING or (call.name == "collect" and _TO_MAP.search(text(first)))
        ):
            # find.apply("X") gives a value, and no more what looks up
            return "map" if self.kind(receiver, file, depth - 1) == "map" else ""
        if call.name in self._language.words.rescues:
            last = call.positional(-1)
            return self.kind(last, file, depth - 1) if last is not None else ""
        return "" if call.arguments or first is not None else self._given_back(call, receiver, file)

    def _given_back(self, call: Call, receiver: Node | None, file: SourceFile) -> Kind:
        """Return what a method without arguments gives back: one that is written, or a field's own."""
        if call.name in self._getting:
            meant = self.program.functions_named(file, call)
            if found := self._first(self._getters.get(f.node.id, "") for _, f in meant):
                return found
        if receiver is None:
            return ""
        owner, bare = self._tree.class_of(receiver), re.sub(r"^get(?=[A-Z])", "", call.name)
        fields = {call.name, bare[:1].lower() + bare[1:]}
        return self._first(self._fields.get((owner, field), "") for field in sorted(fields))

    def _named(self, node: Node, dotted: str, file: SourceFile, depth: int) -> Kind:
        owner, _, name = dotted.removeprefix("this.").rpartition(".")
        if owner:
            last = owner.rpartition(".")[2]
            kind = last if last[:1].isupper() else _simple(self._tree.type_of(node, last))
            return self._fields.get((kind, name), "")
        found, function = self.program.bindings_of(file, node, dotted)
        if function is not None:
            return self._of_parameter(function, name, file, depth)
        values = [b.value for b in found if not b.key and not _within(node, b.value)]
        scopes = (self._holders.get((scope.id, name), "") for scope in file.scopes(node))
        if kind := self._first(scopes) or self._first(self.kind(v, file, depth - 1) for v in values):
            return kind
        return "" if self._is_local(node, dotted) else self._of_field(node, name, file, depth)

    def _of_parameter(self, function: Function, name: str, file: SourceFile, depth: int) -> Kind:
        if known := self._holders.get((function.node.id, name)):
            return known
        parameter = next((p for p in function.parameters if p.name == name), None)
        if parameter is not None and parameter.default is not None:
            return self.kind(parameter.default, file, depth - 1)
        call = None if function.name else self._call_of(function)
        receiver = self._language.receiver(call.node) if call is not None and call.name in _SCOPES else None
        return self.kind(receiver, file, depth - 1) if receiver is not None else ""

    def _call_of(self, closure: Function) -> Call | None:
        """Return the call that a closure stands behind: ``map.let { … }``."""
        here = closure.node.parent
        if here is not None and here.type == "annotated_lambda":
            here = here.parent
        return self._language.call(here) if here is not None else None

    def _of_field(self, node: Node, name: str, file: SourceFile, depth: int) -> Kind:
        given = self._language.given(node)
        if given is not None:
            _, made = self.program.bindings_of(file, given, text(given))
            if made is not None and (kind := self._of_parameter(made, text(given), file, depth)):
                return kind
        return self._first(self._fields.get((owner, name), "") for owner in self._owners(node))

    def _owners(self, node: Node) -> Iterator[str]:
        """Yield the classes around a node, each with what it extends."""
        here = self._tree.class_around(node)
        while here is not None:
            yield text(here.child_by_field_name("name"))
            yield from sorted(_simple(name) for name in self._tree.superclasses(here))
            here = self._tree.class_around(here)

    def _is_local(self, node: Node, dotted: str) -> bool:
        return not dotted.startswith("this.") and self._tree.is_local(node, dotted)

    # -- the way of the environment --------------------------------------------------------------------------------------

    def _follow(self, file: SourceFile) -> None:
        """Note what a file gives the environment to, until nothing new is found in it."""
        known = -1
        while known != self._size():
            known = self._size()
            for node in file.assigns:
                self._kept(node, file)
            for function in file.functions:
                self._function(function, file)
            for call in file.calls:
                self._handed(call, file)

    def _size(self) -> int:
        return len(self._holders) + len(self._fields) + len(self._getters)

    def _kept(self, node: Node, file: SourceFile) -> None:
        given = self._language.assignment(node)
        if given is None or not (kind := self.kind(given[1], file)):
            return
        name = given[0][0]
        declared = self._tree.class_around(node)
        bare = name.removeprefix("this.")
        if declared is not None and bare.isidentifier() and not self._is_local(given[1], name):
            self._field(text(declared.child_by_field_name("name")), bare, kind)

    def _function(self, function: Function, file: SourceFile) -> None:
        for parameter in function.parameters:
            if parameter.default is not None and (kind := self.kind(parameter.default, file)):
                self._parameter(function, parameter, kind, file)
        if not function.name or function.parameters or function.node.id in self._getters:
            return
        kind = self._first(self.kind(value, file) for value in self._language.results(function.node))
        if kind:
            self._getters[function.node.id] = kind
            self._getting.add(function.name)
            called = re.compile(rb"\b" + re.escape(function.name.encode()) + rb"\(\s*\)")
            owner = function.owner.encode() if len(function.name) < _COMMON else b""
            self._await(called, owner)

    def _handed(self, call: Call, file: SourceFile) -> None:
        """Note the parameters that a call gives the environment to."""
        subject = self._language.receiver(call.node)
        values = [argument.value for argument in call.arguments] + ([call.block] if call.block else [])
        kinds = {value.id: kind for value in values if (kind := self.kind(value, file))}
        if kinds and subject is not None and call.name in _FILLING:
            self._filled(subject, file)
            return
        if self._tree.functions is not None and subject is not None and (kind := self.kind(subject, file)):
            kinds[subject.id] = kind
        if not kinds or call.name in _COPIES or call.name in _KEEPING:
            return
        for path in self._definers(call, subject, file):
            self.program.file(path)
        for there, function in self.program.functions_named(file, call):
            given = given_by(call, function, self._language)
            for parameter in function.parameters:
                value = given.get(parameter.name)
                kind = kinds.get(value.id, "") if value is not None else ""
                if kind and _TYPES[kind].search(self._type(function, parameter)):
                    self._parameter(function, parameter, kind, there)

    def _type(self, function: Function, parameter: Parameter) -> str:
        if parameter.name == "this":
            return next((text(c) for c in function.node.children if c.type.endswith("_type")), "")
        inner = function.node.named_children
        return self._tree.type_of(inner[-1], parameter.name) if inner else ""

    def _parameter(self, function: Function, parameter: Parameter, kind: Kind, there: SourceFile) -> None:
        if (function.node.id, parameter.name) in self._holders:
            return
        self._holders[function.node.id, parameter.name] = kind
        self._taking[function.node.id].add(parameter.name)
        self._wait(there.path)
        if function.node.type in _RECORDS:
            self._field(function.owner, parameter.name, kind)

    def _filled(self, subject: Node, file: SourceFile) -> None:
        """Note the map that the environment is put into."""
        dotted = self._language.dotted(subject)
        declared = self._tree.class_around(subject)
        if self._is_local(subject, dotted):
            scopes = [s.id for s in file.scopes(subject) if dotted in file.bound.get(s.id, {})]
            self._holders.update(dict.fromkeys(((scope, dotted) for scope in scopes[:1]), "map"))
        elif declared is not None and (bare := dotted.removeprefix("this.")).isidentifier():
            self._field(text(declared.child_by_field_name("name")), bare, "map")

    def _field(self, owner: str, name: str, kind: Kind) -> None:
        if not owner or (owner, name) in self._fields:
            return
        self._fields[owner, name] = kind
        field, known = re.escape(name), re.escape(owner)
        getter = f"get{field[:1].upper()}{field[1:]}"
        asked = rf"\.\s*(?:{field}\b|{getter}\()|\bextends\s+{known}\b|:\s*{known}\b"
        self._await(re.compile(asked.encode()), owner.encode())

    def _await(self, pattern: re.Pattern[bytes], owner: bytes) -> None:
        """Look at the files that may use what is new, again where they were looked at."""
        for path in self.program.holding(owner):
            if pattern.search(self.program.source(path)):
                self._wait(path)

    def _wait(self, path: str) -> None:
        if path not in self._waiting:
            self._waiting.append(path)

    def _definers(self, call: Call, receiver: Node | None, file: SourceFile) -> list[str]:
        """Return the files that may define what is called: its class's, or those of a function without a class."""
        owners = {call.name, call.owner.rpartition(".")[2]}
        if receiver is not None:
            owners.add(self._tree.class_of(receiver))
        elif (brought := file.imports.get(call.name)) is not None:
            owners |= set(brought.module.split(".")[-2:])
        else:
            owners |= {star.module.rpartition(".")[2] for star in file.stars}
            owners |= set(self._owners(call.node))
        found = [p for owner in sorted(owners) if owner[:1].isupper() for p in self._stems.get(owner, ())]
        return found + (self._functions(call.name) if self._tree.functions is not None else [])

    def _functions(self, name: str) -> list[str]:
        if name not in self._defining:
            written = (self._tree.functions or "").replace("NAME", re.escape(name))
            defines = re.compile(written.encode())
            holding = self.program.holding(name.encode())
            found = [path for path in holding if defines.search(self.program.source(path))]
            self._defining[name] = found if len(found) <= _MOST_DEFINING else []
        return self._defining[name]


def _looks_up(language: Language, closure: Function) -> bool:
    """Tell whether a closure gives what the environment has by the name that it is given."""
    call = language.call(language.result(closure.node))
    names = [parameter.name for parameter in closure.parameters]
    return (
        call is not None
        and call.callee in {"System.getenv", "java.lang.System.getenv"}
        and len(names) == 1
        and [text(argument.value) for argument in call.arguments] == names
    )


def _within(node: Node, outer: Node) -> bool:
    return outer.start_byte <= node.start_byte < outer.end_byte


def _simple(kind: str) -> str:
    """Return a type's name without its package, its arguments and its question mark."""
    return re.sub(r"[<?\[].*", "", kind, flags=re.DOTALL).strip().rpartition(".")[2]
