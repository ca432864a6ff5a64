"""Find every read of a language's files, and follow the functions that wrap one until nothing new is found."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.needs import Judged, certain, fallback, guarded, judge
from deployer_lib.probes.variables.flow.nodes import given_by
from deployer_lib.probes.variables.flow.program import Program
from deployer_lib.probes.variables.flow.texts import (
    Hole,
    Key,
    given_to,
    keys_of,
    literal_of,
    members_of,
    merged,
    plain,
)
from deployer_lib.probes.variables.model import Found, Reference
from deployer_lib.probes.variables.model import Read as FoundRead

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Function, Language, Read
    from deployer_lib.probes.variables.flow.program import SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["FlowReader"]

_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_MAX_ROUNDS: Final = 12  # of wrappers around wrappers
_MAX_BYTES: Final = 2_000_000  # a source file beyond this is generated
#: What a name looks like that a wrapper is called with: of a known one, and of a method that may be another class's.
_NAME: Final = re.compile(r"[A-Za-z_][\w.()-]*")  # what a system calls a variable: PROGRAMFILES(X86) too
_LIKELY: Final = {True: re.compile(r"[\w.()-]+$"), False: re.compile(r"[A-Z][A-Z0-9_]+$")}


@dataclass(frozen=True, slots=True)
class _KeyRead:
    """A read of a variable whose name may still hang on a parameter."""

    key: Key
    judged: Judged
    node: Node
    idiom: str
    final: bool = False
    capitals: bool = False  # counts only with a name in capitals
    change: Callable[[str], str] | None = None  # makes the name of the key
    carried: bool = False  # the name comes with an object that is made elsewhere: only one in capitals
    certain: bool = False  # it happens only where the variable is there: callers tell nothing of its absence

    @property
    def name(self) -> str | None:
        """Return the variable's name, None where it still hangs on a parameter."""
        name = plain(self.key)
        return name if name is None or self.change is None else self.change(name)


Wrappers = dict[int, list[_KeyRead]]  # function's node id → reads inside it that hang on its parameters


class FlowReader:
    """Reads the files of one language."""

    def __init__(self, language: Language, marked: Collection[str] | None = None) -> None:
        """Make the reader of a language.

        Args:
            language: how its trees look.
            marked: the files that may hold one of its marks, and any others; None where nobody has searched for them.
        """
        self.grammar = language
        self._marked = marked
        self.language = language.name
        self.suffixes = language.suffixes

    def wants(self, relative: Path, head: bytes) -> bool:
        """Tell whether a file is of the language."""
        return self.grammar.wants(relative, head)

    def read(self, root: Path, files: Sequence[Path] | Sequence[str]) -> Found:
        """Return what the files, given relative to ``root``, read from the environment."""
        found = Found()
        program = Program(
            root, [p for path in files if not self.grammar.apart(p := f"{path}")], self.grammar, self._marked
        )
        for path in program.likely():
            try:
                program.source(path)
            except OSError as error:
                found.skipped.append((path, f"it can't be read: {error.strerror}", 0))
        marked = [
            p for p in program.holding(*self.grammar.markers) if self.grammar.matters(program.bytes_of(p))
        ]
        marked += sorted(set(self.grammar.further(program)) - set(marked))
        wrappers: Wrappers = {}
        results: dict[str, list[_KeyRead]] = {}
        direct: dict[str, list[_KeyRead]] = {}
        known = -1  # files that were parsed when direct was made: a new one may hold a constant
        for _ in range(_MAX_ROUNDS):
            for path in marked:
                program.file(path)
            names = _names(program, wrappers)
            if known != len(program.files):
                direct.clear()
            for path in marked:
                if path not in direct:
                    direct[path] = _directly(program, program.file(path))
            known = len(program.files)
            results = {
                path: direct[path] + _by_wrappers(program, program.file(path), wrappers, names)
                for path in marked
            }
            before = _shape(wrappers), marked
            wrappers = _wrappers(program, results)
            marked = _with_callers(program, marked, wrappers)
            if (_shape(wrappers), marked) == before:
                break
        preset = _preset(results)
        for path, reads in results.items():
            _collect(found, path, reads, preset)
        return found


def _names(program: Program, wrappers: Wrappers) -> frozenset[str]:
    """Return the names of the functions that wrap a read."""
    if not wrappers:
        return frozenset()
    files = program.files.values()
    names = {
        # One without a name is known by its file's.
        f.name
        if f.name != "default"
        else PurePosixPath(file.path).stem.replace("index", file.folder.rpartition("/")[2])
        for file in files
        for f in file.functions
        if f.node.id in wrappers
    }
    again = {one.local for file in files for one in file.imports.values() if names and one.name in names}
    return frozenset(names | again)


def _may_wrap(file: SourceFile, call: Call, names: frozenset[str]) -> bool:
    """Tell whether a call may mean a wrapper: by its name, or by the name that it has where it is imported from."""
    if call.name in names:
        return True
    brought = file.imports.get(call.callee.partition(".")[0])
    return brought is not None and (brought.name in names or brought.name in {"default", ""})


def _directly(program: Program, file: SourceFile) -> list[_KeyRead]:
    return [
        found
        for node in file.candidates
        for read in program.language.reads(node, file, program)
        for found in _direct(program, file, read)
    ]


def _by_wrappers(
    program: Program, file: SourceFile, wrappers: Wrappers, names: frozenset[str]
) -> list[_KeyRead]:
    """Return what the file's calls of functions that wrap a read come to."""
    reads: list[_KeyRead] = []
    for call in file.calls if wrappers else ():
        if not _may_wrap(file, call, names):
            continue
        for there, function in program.functions_named(file, call):
            if function.node.id in wrappers and not (there is file and _is_inside(call.node, function.node)):
                if not program.language.handed(call, file, function, program):
                    continue
                inner = wrappers[function.node.id]
                found = [
                    read
                    for one in _rounds(call, function)
                    for read in _wrapped(program, file, one, function, inner)
                ]
                sure, carried = _is_sure(file, call, function), any(one.carried for one in inner)
                reads.extend(
                    r
                    for r in found
                    if _LIKELY[sure].match(r.name or "A")
                    and (not carried or r.name is None or _LIKELY[False].match(r.name))
                )
                break
    return reads


def _rounds(call: Call, function: Function) -> list[Call]:
    """Return a call as so many as there are rounds, where a macro repeats its last parameters."""
    if not function.again:
        return [call]
    first = len(function.parameters) - function.again
    fixed, rest = call.arguments[:first], call.arguments[first:]
    return [
        replace(call, arguments=(*fixed, *rest[at : at + function.again]))
        for at in range(0, len(rest), function.again)
    ]


def _is_sure(file: SourceFile, call: Call, function: Function) -> bool:
    """Tell whether a call names what it calls: not a method of an object that may be of any class."""
    owner = call.owner.rpartition(".")[2]
    return (
        not function.owner
        or owner in {"", "this", "self", "super", "static", function.owner}
        or owner in file.imports
    )


def _direct(program: Program, file: SourceFile, read: Read) -> list[_KeyRead]:
    judged = Judged(read.need, read.default_text)
    if read.default is not None:
        judged = fallback(program, file, read.default, judged)
    if not read.final and not judged.parameter and judged.default is None:
        if judged.need == "required" and guarded(program, file, read.node):
            judged = replace(judged, need="optional")
        judged = judge(program, file, read.node, judged, read.target)
    keys = keys_of(program, file, read.key) or [()]
    return [
        _KeyRead(
            merged((read.prefix, *key)) if key and read.prefix else key,
            judged,
            read.node,
            read.idiom,
            read.final,
            read.capitals,
            read.change,
            certain=certain(program, file, read.node),
        )
        for key in keys
    ]


def _wrapped(
    program: Program, file: SourceFile, call: Call, function: Function, inner: Sequence[_KeyRead]
) -> list[_KeyRead]:
    values = given_by(call, function, program.language)
    own = {parameter.name: parameter.default for parameter in function.parameters}
    reads = []
    spare = {p.name for index, p in enumerate(function.parameters) if p.rest and index >= len(call.arguments)}
    for read in inner:
        if any(isinstance(part, Hole) and part.parameter in spare for part in read.key):
            continue  # the call gives none of the further arguments
        found: list[Key] = [()]
        for part in read.key:
            found = [
                (*before, *piece)
                for before in found
                for piece in _pieces(program, file, part, function, call, own)
            ]
        at_call = _at_call(program, file, read.judged, values, own)
        for key in found or [()]:
            final = judged = _declared(program, read, key, at_call)
            if (
                not judged.parameter
                and not read.certain
                and (judged.need == "optional" or judged.handed)
                and judged.default is None
            ):
                final = judge(program, file, call.node, judged, wrapper=function)
            elif not judged.parameter and judged.default == "":
                final = _emptied(program, file, call.node, judged)
            reads.append(
                _KeyRead(
                    merged(key),
                    final,
                    call.node,
                    f"{function.name}()",
                    capitals=read.capitals,
                    change=read.change,
                    carried=read.carried,
                    certain=read.certain,
                )
            )
    return reads


def _declared(program: Program, read: _KeyRead, key: Key, judged: Judged) -> Judged:
    """Return the need of a key that is written in capitals for its variable, by what the key's declaration gives it."""
    raised = any(isinstance(part, Hole) and None in part.changes for part in read.key)
    name = plain(key) if raised else None
    place = program.language.declared(name, program) if name else None
    return judged if place is None else fallback(program, place.file, place.node, judged)


def _emptied(program: Program, file: SourceFile, node: Node, judged: Judged) -> Judged:
    """Return what becomes of a read that gives an empty text where nothing is set: it may be asked for after all."""
    further = judge(program, file, node, Judged("optional"))
    return further if further.need == "required" or further.parameter or further.default else judged


def _pieces(
    program: Program,
    file: SourceFile,
    part: str | Hole,
    function: Function,
    call: Call,
    own: dict[str, Node | None],
) -> list[Key]:
    if isinstance(part, str):
        return [(part,)]
    if part.function != function.node.id:
        return []
    given = _given(call, function, part.parameter, program.language) or [own.get(part.parameter)]
    return [
        key
        for value in given
        for key in given_to(program, file, part, value)
        or [part.filled(member) for member in ([] if part.values else members_of(program, file, value))]
    ]


def _given(call: Call, function: Function, parameter: str, language: Language) -> list[Node | None]:
    """Return what a call gives for a parameter: all further arguments for one that takes them."""
    for index, one in enumerate(function.parameters):
        if one.name == parameter and one.rest:
            return [argument.value for argument in call.arguments[index:]]
    value = given_by(call, function, language).get(parameter)
    return [] if value is None else [value]


def _at_call(
    program: Program,
    file: SourceFile,
    judged: Judged,
    values: dict[str, Node | None],
    own: dict[str, Node | None],
) -> Judged:
    """Return what a wrapper's read needs where it is called, by the fallback that is given there."""
    if judged.must:
        asked = literal_of(program, file, values.get(judged.must) or own.get(judged.must))
        judged = replace(judged, must="", need="required" if asked in _TRUE else judged.need)
    if not judged.parameter:
        return judged
    first = judged.parameter.partition(".")[0]
    without = Judged(judged.need, judged.default)
    given = values.get(judged.parameter) or values.get(first)
    if given is not None:
        found = fallback(program, file, given, without)
        if found.default in _TRUE and judged.need == "required":  # if (!value && !optional) throw
            return Judged("optional")
        nothing = (found.default is None and not found.parameter) or (
            found.default in _FALSE and judged.need == "required"
        )
        return without if nothing and judged.need == "required" else found
    usual = own.get(judged.parameter)
    if usual is None:
        return without
    value = literal_of(program, file, usual)
    if judged.need == "required" and value in _TRUE | _FALSE:
        return Judged("optional") if value in _TRUE else without
    return without if value is None else Judged("default", value)


def _wrappers(program: Program, results: dict[str, list[_KeyRead]]) -> Wrappers:
    found: Wrappers = {}
    for path, reads in results.items():
        for read in reads:
            holes = {part.function for part in read.key if isinstance(part, Hole)}
            if len(holes) == 1 and _is_named(program, function := next(iter(holes))):
                file = program.file(path)
                around = [scope.id for scope in file.scopes(read.node)]
                inside = function in around
                kept = (
                    _later(file, read, around[: around.index(function)]) if inside else _carried(file, read)
                )
                found.setdefault(function, []).append(kept)
    return found


def _is_named(program: Program, function: int) -> bool:
    """Tell whether a node, by its id, is a function with a name."""
    known: Iterable[Function | None] = (file.by_node.get(function) for file in program.files.values())
    return any(one is not None and one.name for one in known)


def _later(file: SourceFile, read: _KeyRead, inner: Sequence[int]) -> _KeyRead:
    """Return a read in a function that the wrapper hands out: what stands in is given when that one is called."""
    first = read.judged.parameter.partition(".")[0]
    own = {p.name for scope in inner if scope in file.by_node for p in file.by_node[scope].parameters}
    if read.judged.need != "optional" or first not in own:
        return read
    return replace(read, judged=replace(read.judged, need="default", parameter=""))


def _carried(file: SourceFile, read: _KeyRead) -> _KeyRead:
    """Return a read whose name an object brings along: the maker of the object gives nothing for the reader's parameters."""
    judged, around = read.judged, file.function_around(read.node)
    own = {parameter.name for parameter in around.parameters} if around is not None else set()
    if judged.parameter.partition(".")[0] in own or judged.must in own:
        need: Need = "default" if judged.parameter and judged.need == "optional" else judged.need
        judged = replace(judged, need=need, parameter="", must="")
    return replace(read, judged=judged, carried=True)


def _with_callers(program: Program, marked: list[str], wrappers: Wrappers) -> list[str]:
    names = [name.encode() for name in sorted(_names(program, wrappers))]
    if not names:
        return marked
    already = set(marked)
    # Whole words alone: a helper that is called env stands in every envelope and environment.
    word = re.compile(rb"(?<![\w$])(?:" + b"|".join(map(re.escape, names)) + rb")(?![\w$])")
    calling = {path for path in program.holding(*names) if word.search(program.source(path))}
    return [path for path in program.paths if path in already or path in calling]


def _shape(wrappers: Wrappers) -> set[tuple[int, object, object]]:
    return {(function, read.key, read.judged) for function, reads in wrappers.items() for read in reads}


def _is_inside(node: Node, outer: Node) -> bool:
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte and node.id != outer.id


def _preset(results: dict[str, list[_KeyRead]]) -> frozenset[str]:
    """Return the settings that are given a value anywhere: whoever asks for one of them finds it."""
    return frozenset(
        name
        for reads in results.values()
        for read in reads
        if read.change is not None and read.judged.default and (name := read.name)
    )


def _collect(found: Found, path: str, reads: Sequence[_KeyRead], preset: frozenset[str]) -> None:
    for read in reads:
        row, column = read.node.start_point
        reference = Reference(path, row + 1, column + 1, read.idiom)
        name = read.name
        if name and not _NAME.fullmatch(name):
            continue
        if name and read.capitals and not _LIKELY[False].match(name):
            continue
        if name:
            need, default = read.judged.need, read.judged.default
            if read.judged.parameter and need == "optional":  # the enclosing function is given what stands in
                need, default = "default", read.judged.parameter
            if need == "required" and read.change is not None and name in preset:
                need = "default"
            found.reads.append(FoundRead(name, need, default, reference))
        elif not read.key:
            found.computed.append(reference)
