"""The environment that is handed around: as a map, ``env::vars().collect()``, or as what looks up, ``|name| env::var(name).ok()``.

Both are followed through names and arguments of functions that take one, over files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.languages.rust_syntax import dotted, method_of, tail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Function
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Environ"]

_Kind = Literal["map", "lookup"]

#: A file with one of these may make a map of the environment, or hand a look-up along.
_MAP: Final = re.compile(
    rb"\b(?:env|dotenvy?)::vars(?:_os)?\(\)(?s:.*)(?:\bcollect\b|\bfrom_iter\b)|from_iter\(\s*(?:std::)?env::vars"
)
_LOOKUP: Final = re.compile(
    rb"[(,]\s*&?(?:std::)?env::var(?:_os)?\s*[,)]|\|\s*\w+[^|\n]{0,20}\|\s*\{?\s*(?:std::)?env::var(?:_os)?\("
)
_VARS: Final = re.compile(r"(?:::)?(?:std::)?(?:env|dotenvy?)::vars(?:_os)?$")
_VAR: Final = re.compile(r"(?:::)?(?:std::)?env::var(?:_os)?$")
_FROM_ITERATOR: Final = ("HashMap::from_iter", "BTreeMap::from_iter")
#: Methods between the environment and the map that keep the names as they are.
_KEEPING: Final = frozenset({"collect", "filter", "into_iter", "chain", "clone", "to_owned", "peekable"})
#: Methods of a look-up's result that are absent where it is.
_PASSING: Final = frozenset({"ok", "map", "map_err", "filter", "and_then"})
_LOOKS: Final = frozenset({"get", "contains_key", "remove"})  # methods of a map that look a name up
#: Methods of every iterator and option: one of the project's own of that name is not meant.
_ADAPTERS: Final = frozenset(
    {"map", "filter_map", "flat_map", "and_then", "or_else", "for_each", "find_map", "filter", "any", "all"}
)
_IDIOMS: Final[dict[_Kind, str]] = {"map": "env::vars()", "lookup": "env::var()"}
#: What a parameter's type is that takes one: a type of its own letter has its bounds elsewhere.
_TYPES: Final[dict[_Kind, re.Pattern[str]]] = {
    "map": re.compile(r"Map<"),
    "lookup": re.compile(r"\bFn(?:Mut|Once)?\(|^&?(?:mut )?[A-Z]\d?$"),
}
_ENVIRONMENT: Final = re.compile(r"(?i)env|vars|lookup")
_MAX_ROUNDS: Final = 8  # of functions that hand one on
_MOST_FILES: Final = 40  # that define a function of one name; beyond it the name says nothing


class Environ:
    """The names of a program that hold the whole environment."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._parameters: dict[tuple[str, int, str], _Kind] = {}  # file, function's node id, parameter
        self._defining: dict[str, list[str]] = {}  # a function's name → files that define it
        reached = {p for p in program.holding(b"env::var", b"dotenv") if _is_marked(program.source(p))}
        for _ in range(_MAX_ROUNDS if reached else 0):
            before = len(self._parameters)
            for path in sorted(reached):
                reached |= self._hand_on(program.file(path))
            if len(self._parameters) == before:
                break
        self.files = frozenset(reached)

    def reads(self, node: Node, file: SourceFile) -> Iterator[Read]:
        """Yield the read that a look-up is."""
        if file.path not in self.files:
            return
        kind: _Kind = "map"
        if node.type == "index_expression":
            holder, key = node.named_children[0], node.named_children[-1]
        else:
            given, method = node.child_by_field_name("arguments"), method_of(node)
            called = node.child_by_field_name("function")
            if given is None or called is None or len(given.named_children) != 1:
                return
            key = given.named_children[0]
            if method is None:
                kind, holder = "lookup", called
            elif method[1] in _LOOKS:
                holder = method[0]
            else:
                return
        if self._held(file, holder) == kind and not (kind == "lookup" and holder.type != "identifier"):
            need: Need = "required" if node.type == "index_expression" else "optional"
            yield Read(key, node, _IDIOMS[kind], need, capitals=True)

    def _hand_on(self, file: SourceFile) -> set[str]:
        """Note the parameters that a file's calls give the environment to, and return the files of those functions."""
        further = set()
        for call in file.calls:
            for position, argument in enumerate(call.arguments):
                kind = None if call.callee.endswith("!") else self._held(file, argument.value)
                taking = list(self._taking(call, position, kind)) if kind is not None else []
                for where, function, name in taking:
                    # Of several methods of a name, one whose parameter is not called like it may be handed any other.
                    if kind is not None and (len(taking) == 1 or _ENVIRONMENT.search(name)):
                        self._parameters[where.path, function.node.id, name] = kind
                        further.add(where.path)
        return further

    def _held(self, file: SourceFile, node: Node) -> _Kind | None:
        """Return as what an expression is the environment, None where it is not."""
        while node.type in {"reference_expression", "parenthesized_expression"} and node.named_children:
            node = node.named_children[-1]
        if node.type == "call_expression":
            return "map" if self._makes_map(file, node) else None
        if node.type == "closure_expression":
            return "lookup" if _looks_up(node) else None
        if node.type == "scoped_identifier":
            return "lookup" if _VAR.match(_written(node)) else None
        name = dotted(node) if node.type == "identifier" else ""
        if not name:
            return None
        found, function = self.program.bindings_of(file, node, name)
        if function is not None:
            return self._parameters.get((file.path, function.node.id, name))
        values = [b.value for b in found if not b.value.start_byte <= node.start_byte < b.value.end_byte]
        return self._held(file, values[0]) if values else None

    def _makes_map(self, file: SourceFile, call: Node) -> bool:
        """Tell whether a chain of calls makes a map of the environment: ``env::vars().collect()``."""
        collected = False
        here = call
        while here.type == "call_expression":
            method, given = method_of(here), here.child_by_field_name("arguments")
            if method is not None:
                if method[1] not in _KEEPING:
                    return False
                collected = collected or method[1] == "collect"
                here = method[0]
                continue
            written = _written(here.child_by_field_name("function"))
            if not written.endswith(_FROM_ITERATOR) or given is None or len(given.named_children) != 1:
                return collected and _VARS.match(written) is not None
            collected, here = True, given.named_children[0]
        return here != call and self._held(file, here) == "map"

    def _taking(self, call: Call, position: int, kind: _Kind) -> Iterator[tuple[SourceFile, Function, str]]:
        """Yield the functions that a call may mean, with the parameter that takes the environment."""
        owner = call.callee.rpartition("::")[0].rpartition("::")[2]
        is_method = method_of(call.node) is not None
        for path in () if is_method and call.name in _ADAPTERS else self._files_of(call.name):
            there = self.program.file(path)
            for function in there.by_name.get(call.name, ()):
                fits = function.owner == owner if owner[:1].isupper() else is_method == bool(function.owner)
                if fits and position < len(function.parameters):
                    name = function.parameters[position].name
                    if _TYPES[kind].search(_type_of(function, name)):
                        yield there, function, name

    def _files_of(self, name: str) -> list[str]:
        if name not in self._defining:
            defines = re.compile(rb"\bfn\s+" + re.escape(name.encode()) + rb"\b")
            holding = self.program.holding(name.encode())
            found = [path for path in holding if defines.search(self.program.source(path))]
            self._defining[name] = found if len(found) <= _MOST_FILES else []
        return self._defining[name]


def _is_marked(source: bytes) -> bool:
    return _MAP.search(source) is not None or _LOOKUP.search(source) is not None


def _written(node: Node | None) -> str:
    return re.sub(r"\s", "", text(node))


def _looks_up(closure: Node) -> bool:
    """Tell whether a closure gives what the environment has by the name that it is given."""
    listed, body = closure.child_by_field_name("parameters"), closure.child_by_field_name("body")
    names = listed.named_children if listed is not None else []
    here = tail(body) if body is not None else None
    while here is not None and (method := method_of(here)) is not None and method[1] in _PASSING:
        here = method[0]
    if here is None or here.type != "call_expression" or len(names) != 1:
        return False
    given = here.child_by_field_name("arguments")
    parameter = text(names[0].child_by_field_name("pattern") or names[0])
    return (
        _VAR.match(_written(here.child_by_field_name("function"))) is not None
        and given is not None
        and [text(one).lstrip("&") for one in given.named_children] == [parameter]
    )


def _type_of(function: Function, name: str) -> str:
    listed = function.node.child_by_field_name("parameters")
    for one in listed.named_children if listed is not None else ():
        if text(one.child_by_field_name("pattern")) == name:
            return text(one.child_by_field_name("type"))
    return ""
