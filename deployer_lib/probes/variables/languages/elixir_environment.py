r"""Elixir: the whole environment as a value, ``System.get_env()`` or ``&System.get_env/1``, followed through functions.

``def load(env \\ System.get_env())`` hands it to helpers of the same module and of others, which have no other mark of it.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.flow.texts import members_of, plain, unwrap
from deployer_lib.probes.variables.languages.elixir_reads import is_vapor, must_match, option_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Function, Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Environment"]

#: What is called with a name, and perhaps a fallback after it → what the read needs.
_CALLS: Final[dict[str, Need]] = {
    "System.get_env": "optional", "System.fetch_env": "optional", "System.fetch_env!": "required", ":os.getenv": "optional",
    "System.has_env?": "optional",
}  # fmt: skip
#: What is called with the whole environment, then a name, then perhaps a fallback → what the read needs.
_OF_MAP: Final[dict[str, Need]] = {
    "Map.get": "optional", "Map.fetch": "optional", "Map.fetch!": "required", "Map.has_key?": "optional", "Access.get": "optional",
    "Map.get_lazy": "optional", "Access.fetch!": "required", "Map.pop": "optional", "is_map_key": "optional",
}  # fmt: skip
#: Calls of Dotenvy and Nvir: a name, a type, a fallback.
_TYPED: Final = frozenset({"env!", "Dotenvy.env!", "Nvir.env!"})
_TUPLES: Final[dict[str, Need]] = {":system": "optional", ":system!": "required", ":hush": "required"}
_NAME: Final = re.compile(r"[A-Za-z_]\w*$")
#: Files that may hand the environment on, and how its map and its lookups are written.
_WHOLE: Final = re.compile(rb"System\.get_env(?:\(\s*\)|/[01]|\b(?![(/!?]|\s*\())|&System\.fetch_env!?/1")
_MAP: Final = frozenset({"System.get_env()", "System.get_env", "&System.get_env/0"})
_LOOKUPS: Final[dict[str, Need]] = {
    "&System.get_env/1": "optional",
    "&System.get_env/2": "optional",
    "&System.fetch_env/1": "optional",
    "&System.fetch_env!/1": "required",
}
#: Kinds of a value: the environment's map, else the need of what a lookup finds.
_IS_MAP: Final = "map"
_KINDS: Final[dict[str, str]] = {**_LOOKUPS, **dict.fromkeys(_MAP, _IS_MAP)}
#: Calls that give a map back that holds the environment where one that they are given does.
_KEEP: Final = frozenset(
    {"Map.merge", "Map.new", "Map.put", "Map.put_new", "Map.drop", "Enum.into", "Enum.to_list"}
)
#: Calls whose third argument stands for an option that callers may leave out.
_OPTIONS: Final = frozenset({"Keyword.get", "Keyword.get_lazy", "Map.get", "Map.get_lazy", "Access.get"})
#: Modules of the language itself: what they are handed is not followed.
_STANDARD: Final = frozenset({"Map", "Enum", "Keyword", "List", "String", "IO", "Logger", "System", "Access", "Kernel", "Stream",
                              "Port", "Process", "Application", "Agent", "GenServer", "MapSet", "Jason", "Dotenvy"})  # fmt: skip
_IMPORT: Final = re.compile(rb"^\s*import\s+([A-Z][\w.]*)", re.MULTILINE)
_MAX_DEPTH: Final = 6  # names and calls between a value and the environment
_SHORT: Final = 40  # characters; the environment itself is written in fewer


class Environment:
    """Finds a program's reads, and knows which parameters hold the environment."""

    def __init__(self, language: Language, program: Program) -> None:
        self._language, self._program = language, program
        self._holders: dict[tuple[int, str], str] = {}  # (function's node id, parameter) → its kind
        self._files: dict[str, None] = {}  # that the environment is handed to
        self._paths = [PurePosixPath(path) for path in program.paths]
        self._follow()

    def files(self) -> list[str]:
        """Return the files with functions that are handed the environment."""
        return sorted(self._files)

    # -- the way of the environment ---------------------------------------------------------------------------------------

    def _follow(self) -> None:
        program = self._program
        holding = program.holding(b"System.get_env", b"System.fetch_env")
        waiting = [path for path in holding if _WHOLE.search(program.source(path))]
        while waiting:
            path = waiting.pop()
            file = program.file(path)
            for call in file.calls:
                for there in self._handed(call, file):
                    self._files[there.path] = None
                    waiting.append(there.path)

    def _handed(self, call: Call, file: SourceFile) -> Iterator[SourceFile]:
        """Note the parameters that a call gives the environment to, and yield the files of those that are new."""
        if call.owner in _STANDARD or text(call.node.child_by_field_name("target")).endswith("."):
            return
        given = [argument.value for argument in call.arguments if not argument.name]
        kinds = {index: kind for index, one in enumerate(given) if (kind := self._kind(one, file))}
        if not kinds:
            return
        self._parsed(call, file)
        for there, function in self._program.functions_named(file, call):
            taken = self._language.filled(function, call)
            for index, kind in kinds.items():
                holder = (function.node.id, taken[index].name if index < len(taken) else "")
                if holder[1] and holder not in self._holders:
                    self._holders[holder] = kind
                    yield there

    def _parsed(self, call: Call, file: SourceFile) -> None:
        """Parse the files that a call may lead to: of the module that it names, or of those that are imported."""
        program, language = self._program, self._language
        if call.owner:
            first = call.owner.partition(".")[0]
            brought = file.imports.get(first)
            modules = [call.owner if brought is None else call.owner.replace(first, brought.module, 1)]
        elif call.name in file.by_name:
            return
        else:
            modules = [m.decode("utf-8", "replace") for m in _IMPORT.findall(program.bytes_of(file.path))]
        for module in modules:
            last = module.rpartition(".")[2].encode()
            for path in language.candidates(module, file.path, self._paths):
                if re.search(rb"\bdefmodule\s+[\w.]*\b" + re.escape(last) + rb"\b", program.bytes_of(path)):
                    program.file(path)
                    break

    def _kind(self, node: Node, file: SourceFile, depth: int = _MAX_DEPTH) -> str:
        """Return what an expression holds of the environment: its map, a lookup's need, or nothing."""
        node = unwrap(self._program, node)
        written = text(node) if node.end_byte - node.start_byte < _SHORT else ""
        if (known := _KINDS.get(written)) or depth == 0:
            return known or ""
        if node.type == "identifier":
            return self._named(node, file, depth)
        if node.type == "anonymous_function":
            return next((self._kind(one, file, depth - 1) for one in self._language.results(node)), "")
        return self._combined(node, file, depth) if node.type in {"call", "binary_operator"} else ""

    def _combined(self, node: Node, file: SourceFile, depth: int) -> str:
        operation = self._language.operation(node)
        if operation is not None:
            sides = (operation[0], operation[2]) if operation[1] == "||" else ()
            return next((kind for side in sides if (kind := self._kind(side, file, depth - 1))), "")
        call = self._language.call(node)
        return self._made(call, file, depth) if call is not None and call.node == node else ""

    def _made(self, call: Call, file: SourceFile, depth: int) -> str:
        if call.callee in _KEEP:
            kinds = [self._kind(argument.value, file, depth - 1) for argument in call.arguments[:2]]
            return _IS_MAP if _IS_MAP in kinds else ""
        usual = call.positional(2) if call.callee in _OPTIONS else None
        return self._kind(usual, file, depth - 1) if usual is not None else ""

    def _named(self, node: Node, file: SourceFile, depth: int) -> str:
        found, function = self._program.bindings_of(file, node, text(node))
        if function is not None:
            return self._of_parameter(function, text(node), file, depth)
        return self._kind(found[0].value, file, depth - 1) if found else ""

    def _of_parameter(self, function: Function, name: str, file: SourceFile, depth: int) -> str:
        if known := self._holders.get((function.node.id, name)):
            return known
        default = next((p.default for p in function.parameters if p.name == name), None)
        return self._kind(default, file, depth - 1) if default is not None else ""

    # -- reads -----------------------------------------------------------------------------------------------------------

    def reads(self, node: Node, file: SourceFile) -> Iterable[Read]:
        """Yield the reads that a node makes by itself."""
        if node.type == "tuple":
            yield from self._tuple(node)
        elif node.type == "unary_operator":
            yield from self._reference(node, file)
        elif node.type == "binary_operator":
            yield from self._matched(node, file)
        elif node.type == "access_call":
            target, key = node.child_by_field_name("target"), node.child_by_field_name("key")
            if target is not None and key is not None and self._kind(target, file) == _IS_MAP:
                yield Read(key, node, "System.get_env()[]")
        elif node.type == "call" and (call := self._language.call(node)) is not None:
            yield from self._called(call, node, file)

    def _called(self, call: Call, node: Node, file: SourceFile) -> Iterator[Read]:
        key = call.positional(0)
        if key is None:
            return
        second = call.arguments[1].value if len(call.arguments) > 1 else None
        if call.callee in _CALLS:
            need: Need = "required" if must_match(call) else _CALLS[call.callee]
            yield Read(key, call.node, f"{call.callee}()", need, default=call.positional(1))
        elif call.callee in _OF_MAP and second is not None and self._kind(key, file) == _IS_MAP:
            given = call.positional(2)
            default = self._language.result(given) if given is not None else None
            need = "required" if must_match(call) else _OF_MAP[call.callee]
            yield Read(second, call.node, "System.get_env()", need, default=default)
        elif call.callee == "Map.take" and second is not None and self._kind(key, file) == _IS_MAP:
            for name in members_of(self._program, file, second):
                if found := plain(name):
                    yield Read(found, call.node, "System.get_env()")
        elif call.callee in _TYPED:
            yield Read(key, call.node, "env!()", "required", default=call.positional(2))
        else:
            yield from self._looked_up(call, node, file, key)

    def _looked_up(self, call: Call, node: Node, file: SourceFile, key: Node) -> Iterator[Read]:
        """Find ``lookup.("X")`` where ``lookup`` is ``&System.get_env/1``."""
        target = node.child_by_field_name("target")
        holder = target.child_by_field_name("left") if target is not None and target.type == "dot" else None
        if (
            holder is None
            or holder.type != "identifier"
            or target is None
            or target.child_by_field_name("right")
        ):
            return
        kind = self._kind(holder, file)
        need = next((one for one in _LOOKUPS.values() if one == kind), None)
        if need is not None:
            yield Read(key, call.node, "System.get_env()", need, default=call.positional(1))

    def _matched(self, node: Node, file: SourceFile) -> Iterator[Read]:
        """Find ``%{"X" => x} = System.get_env()``, which must match."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if (
            left is None
            or right is None
            or left.type != "map"
            or text(node.child_by_field_name("operator")) != "="
        ):
            return
        if self._kind(right, file) == _IS_MAP:
            for key, _ in self._language.entries(left) or ():
                if not isinstance(key, str) and key.type == "string":
                    yield Read(key, node, "System.get_env()", "required", final=True)

    def _tuple(self, node: Node) -> Iterator[Read]:
        """Find ``{:system, "X", "default"}``, confex's ``{:system, :integer, "X", 5}``, Hush's, and Vapor's in bindings."""
        first, *others = node.named_children or [node]
        kind = text(first)
        if kind in _TUPLES:
            values = [one for one in others if one.type not in {"atom", "alias"}]
            if values and _NAME.match(self._language.string(values[0]) or ""):
                is_value = len(values) > 1 and values[1].type != "keywords" and kind != ":hush"
                default = values[1] if is_value else option_of(values[1:], "default")
                yield Read(values[0], node, f"{{{kind}, …}}", _TUPLES[kind], default=default, final=True)
        elif is_vapor(node) and others and others[0].type == "string":
            default = option_of(others[1:], "default")
            need: Need = "optional" if text(option_of(others[1:], "required")) == "false" else "required"
            yield Read(others[0], node, "Vapor binding", need, default=default, final=True)

    def _reference(self, node: Node, file: SourceFile) -> Iterator[Read]:
        """Find ``Enum.map(names, &System.get_env/1)``, over names that callers give too."""
        need = _LOOKUPS.get(text(node))
        around = node.parent.parent if node.parent is not None else None
        call = self._language.call(around) if around is not None else None
        source = call.positional(0) if call is not None and call.owner in {"Enum", "Stream"} else None
        if need is None or source is None or source == node:
            return
        idiom = text(node)
        for key in members_of(self._program, file, source):
            name = plain(key)
            yield Read(name if name is not None else source, node, idiom, need, final=True)
