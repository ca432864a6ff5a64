"""Options whose definitions name their variable: ``{port: {env: "APP_PORT", default: 80}}``, read by one loop elsewhere."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.flow.texts import keys_of, literal_of, plain
from deployer_lib.probes.variables.languages.javascript_shapes import Said
from deployer_lib.probes.variables.languages.javascript_trees import is_write, members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Language
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.languages.javascript_objects import Objects

__all__ = ["Definitions", "said_of"]

#: What an option's definition calls its variable.
_WORDS: Final = frozenset(
    {"env", "envVar", "envvar", "env_var", "envName", "envKey", "environmentVariable", "environment_variable"}
)
_WRITTEN: Final = re.compile(
    rb"(?<![\w.$])[\"']?(?:%b)[\"']?\s*:\s*[\"'`A-Z]" % b"|".join(word.encode() for word in sorted(_WORDS))
)
#: What stands beside it in a definition, and beside no stage that happens to be called ``env``.
_DETAILS: Final = frozenset(
    {"default", "defaultValue", "help", "doc", "desc", "describe", "description", "format", "required", "type", "action", "parse",
     "parser", "coerce", "sensitive", "validate"}
)  # fmt: skip
_DEFAULTS: Final = ("default", "defaultValue")
_MUSTS: Final = ("required", "demandOption", "mandatory")
_CAPITALS: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$")
_LITERALS: Final = frozenset(
    {"pair", "object", "array", "as_expression", "satisfies_expression", "parenthesized_expression"}
)
_LEAST: Final = 2  # definitions that make a table of them
#: Owners of an ``env`` that is the environment itself.
_PROCESSES: Final = frozenset(
    {"process", "import.meta", "Bun", "Deno", "globalThis.process", "global.process"}
)
#: Libraries that read what their own definitions name.
_READERS: Final = frozenset({"convict", "dashdash"})


@dataclass(frozen=True, slots=True)
class _Definition:
    """One option's definition."""

    file: SourceFile
    word: str  # the property that names the variable
    value: Node
    names: tuple[str, ...]
    whole: Node  # the definition


class Definitions:
    """The tables of options of one program."""

    def __init__(self, language: Language, program: Program, objects: Objects) -> None:
        self._language, self._program, self._objects = language, program, objects
        self._declared: dict[str, list[Read]] = defaultdict(list)
        self._computed: dict[str, list[Node]] = {}

    def declared(self, file: SourceFile) -> Sequence[Read]:
        """Return the reads that the definitions in a file stand for."""
        return self._declared.get(file.path, ())

    def prepare(self) -> None:
        """Find the tables of definitions, and count those whose variables the program reads by a key it computes."""
        files = list(self._program.files.values())
        tables = [table for file in files for table in self._tables(file)]
        wanted = {one.word for table in tables for one in table}
        read = {word for word in wanted if any(self._reads_by(word, file) for file in files)}
        for one in (one for table in tables for one in table if one.word in read):
            said = said_of(self._language.entries(one.whole) or (), one.file, self._program)
            items = self._language.items(one.value)
            for key in [one.value] if items is None else items:
                self._declared[one.file.path].append(
                    Read(key, one.value, f"{one.word} of an option", said.need, default_text=said.default, final=True)
                )  # fmt: skip

    # -- tables ----------------------------------------------------------------------------------------------------------

    def _tables(self, file: SourceFile) -> Iterator[list[_Definition]]:
        """Yield the definitions of every literal of a file that holds some."""
        source = file.root.text or b""
        tables: dict[int, list[_Definition]] = defaultdict(list)
        for found in _WRITTEN.finditer(source):
            pair = file.root.descendant_for_byte_range(found.start(), found.start() + 1)
            while pair is not None and pair.type != "pair" and pair.start_byte == found.start():
                pair = pair.parent
            definition = self._definition(pair, file) if pair is not None and pair.type == "pair" else None
            if definition is not None:
                tables[_outermost(definition.value).id].append(definition)
        if any(brought.module in _READERS for brought in file.imports.values()):
            return
        for table in tables.values():
            names = [name for one in table for name in one.names]
            # Stages are few, and called the same again and again: PROD, TEST.
            if _LEAST <= len(set(names)) > len(names) / 2 and any("_" in name for name in names):
                yield table

    def _definition(self, pair: Node, file: SourceFile) -> _Definition | None:
        word, value = (
            text(pair.child_by_field_name("key")).strip("'\"`"),
            pair.child_by_field_name("value"),
        )
        whole = pair.parent
        if word not in _WORDS or value is None or whole is None or not _is_entry(whole, self._language):
            return None
        if not any(key in _DETAILS for key, _ in self._language.entries(whole) or ()):
            return None
        items = self._language.items(value)
        keys = [
            key for one in ([value] if items is None else items) for key in keys_of(self._program, file, one)
        ]
        names = tuple(name for key in keys if (name := plain(key)) is not None)
        capital = bool(names) and all(_CAPITALS.match(name) for name in names)
        return _Definition(file, word, value, names, whole) if capital else None

    # -- reads -----------------------------------------------------------------------------------------------------------

    def _reads_by(self, word: str, file: SourceFile) -> bool:
        """Tell whether a file reads what definitions name: ``process.env[option.env]``, however far apart the two stand."""
        if word.encode() not in (file.root.text or b""):
            return False
        computed = self._computed_in(file)
        keys = {text(node.child_by_field_name("index")) for node in computed}
        return any(
            (computed or self._hands_over(node, file))
            if self._takes(node, word, file)
            else self._takes_out(node, word, keys)
            for node in file.candidates
        )

    def _takes(self, node: Node, word: str, file: SourceFile) -> bool:
        """Tell whether an access takes a member of that name from anything but the process."""
        if node.type != "member_expression" or text(node.child_by_field_name("property")) != word:
            return False
        owner = node.child_by_field_name("object")
        return (
            owner is not None
            and self._language.dotted(owner) not in _PROCESSES
            and not self._objects.of(node, file)
            and not self._objects.of(owner, file)
        )

    def _takes_out(self, node: Node, word: str, keys: set[str]) -> bool:
        """Tell whether a pattern takes the member of that name out of a definition, to read by it."""
        holder = node.parent
        if node.type != "object_pattern" or holder is None:
            return False
        value = holder.child_by_field_name("value")
        of_process = value is not None and self._language.dotted(value) in _PROCESSES
        return not of_process and any(name == word and local in keys for name, _, local in members(node))

    def _hands_over(self, node: Node, file: SourceFile) -> bool:
        """Tell whether an expression is handed to a function that reads by a key it computes: ``read(option.env)``."""
        given = node.parent
        call = self._language.call(given.parent) if given is not None and given.parent is not None else None
        if call is None or given is None or given.type != "arguments":
            return False
        return any(
            function.node.start_byte <= one.start_byte < function.node.end_byte
            for where, function in (self._language.targets(call, file, self._program) or ())[:1]
            for one in self._computed_in(where)
        )

    def _computed_in(self, file: SourceFile) -> list[Node]:
        """Return the accesses of a file to the environment whose key is no text."""
        if file.path not in self._computed:
            self._computed[file.path] = [node for node in file.candidates if self._is_computed(node, file)]
        return self._computed[file.path]

    def _is_computed(self, node: Node, file: SourceFile) -> bool:
        index, owner = node.child_by_field_name("index"), node.child_by_field_name("object")
        if node.type != "subscript_expression" or index is None or node.parent is None:
            return False
        return (
            self._language.string(index) is None
            and not is_write(node, node.parent)
            and self._objects.of(owner, file) != ""
        )


def said_of(entries: Iterable[tuple[Node | str, Node]], file: SourceFile, program: Program) -> Said:
    """Return what the entries of a definition say: a default stands in, and ``required: true`` asks for it."""
    known = {key if isinstance(key, str) else text(key): value for key, value in entries}
    default = next((known[word] for word in _DEFAULTS if word in known), None)
    if default is not None and default.type == "arrow_function":  # () => 80
        default = default.child_by_field_name("body")
    found = literal_of(program, file, default)
    if found is not None:
        return Said("default", found)
    must = any(text(known.get(word)) == "true" for word in _MUSTS)
    return Said("required" if must else "optional")


def _is_entry(whole: Node, language: Language) -> bool:
    """Tell whether an object is one of several in a map or a list."""
    above = whole.parent
    while above is not None and above.type in language.wrapping:
        above = above.parent
    return whole.type == "object" and above is not None and above.type in {"pair", "array"}


def _outermost(node: Node) -> Node:
    """Return the literal that an entry stands in, however deep."""
    found = node
    while found.parent is not None and found.parent.type in _LITERALS:
        found = found.parent
    return found
