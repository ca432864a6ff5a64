"""The files of one language: parsed when they matter, indexed by scope, their names resolved over files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from tree_sitter import Parser, Query, QueryCursor

from deployer_lib.probes.variables.corpus import Corpus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Binding, Branch, Call, Function, Import, Language

__all__ = ["Place", "Program", "SourceFile"]

_MOST_DEFINITIONS: Final = 8  # of one name in a project; beyond it the name says nothing
_SHORT: Final = (
    2  # letters of a constant's name, up to which it is not looked for in files that nothing points to
)
_MOST_HANDS: Final = 4  # files that hand a name on, one to the next
_SPEC: Final = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """An expression in a file."""

    file: SourceFile
    node: Node


class Functions(Mapping[int, "Function"]):
    """The functions of a file by their nodes' ids, in the order of the source; each is taken apart when it is asked for."""

    def __init__(self, language: Language, nodes: Iterable[Node]) -> None:
        self._language = language
        self._nodes = {node.id: node for node in nodes}
        self._made: dict[int, Function | None] = {}

    def get(self, key: int, default: Any = None, /) -> Any:  # noqa: ANN401  (as of any mapping)
        """Return a function, the default where a node is none."""
        if key not in self._nodes:
            return default
        if key not in self._made:
            self._made[key] = self._language.function(self._nodes[key])
        found = self._made[key]
        return default if found is None else found

    def __getitem__(self, key: int) -> Function:
        found: Function | None = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return key in self._nodes and (self._language.whole or self.get(key) is not None)

    def __iter__(self) -> Iterator[int]:
        return (key for key in self._nodes if self.get(key) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class SourceFile:
    """One parsed file. What few files are asked for, its functions, calls and conditions, is taken apart when it is."""

    def __init__(self, path: str, language: Language, root: Node, captured: Mapping[str, list[Node]]) -> None:
        """Take a file's tree.

        Args:
            path: relative to the root, with slashes.
            language: the file's.
            root: of the tree.
            captured: nodes by the names of the query's captures.
        """
        self.path, self.language, self.root = path, language, root
        self._captured = {name: _sorted(nodes) for name, nodes in captured.items()}
        self.by_node = Functions(language, self._captured.get("function", ()))
        #: scope's node id → name → what it was bound to, in order
        self.bound: dict[int, dict[str, list[Binding]]] = defaultdict(lambda: defaultdict(list))
        #: scope's node id → name → (the loop, what it goes over)
        self.loops: dict[int, dict[str, list[tuple[Node, Node]]]] = defaultdict(lambda: defaultdict(list))
        self.imports: dict[str, Import] = {}
        self.stars: list[Import] = []
        self.assigns = self.nodes("bind")  # nodes that bind or assign
        reading = {n.id: n for name in ("read", "call", "bind") for n in self.nodes(name)}
        self.candidates = _sorted(reading.values())  # nodes that may read, by byte

    def nodes(self, capture: str) -> Sequence[Node]:
        """Return the nodes that a capture of the query has, in the order of the source."""
        return self._captured.get(capture, ())

    @cached_property
    def functions(self) -> list[Function]:
        """Return the functions, in the order of the source."""
        return list(self.by_node.values())

    @cached_property
    def by_name(self) -> Mapping[str, list[Function]]:
        """Return the functions by their names."""
        found: dict[str, list[Function]] = defaultdict(list)
        for function in self.functions:
            found[function.name].append(function)
        return dict(found)

    @cached_property
    def calls(self) -> list[Call]:
        """Return the calls, in the order of the source."""
        language = self.language
        return [call for node in self.nodes("call") if (call := language.call(node)) is not None]

    @cached_property
    def branches(self) -> list[Branch]:
        """Return the conditions, in the order of the source."""
        language = self.language
        return [branch for node in self.nodes("branch") if (branch := language.branch(node))]

    @property
    def folder(self) -> str:
        """Return the folder of the file."""
        return self.path.rpartition("/")[0] or "."

    def scopes(self, node: Node) -> Iterator[Node]:
        """Yield the functions around a node, innermost first, and the file's root."""
        here = node.parent
        while here is not None:
            if here.id in self.by_node:
                yield here
            here = here.parent
        yield self.root

    def function_around(self, node: Node) -> Function | None:
        """Return the innermost function around a node."""
        scope = next(self.scopes(node))
        found: Function | None = self.by_node.get(scope.id)
        return found


class Program(Corpus):
    """All files of one language below a root."""

    def __init__(
        self, root: Path, paths: Sequence[str], language: Language, marked: Collection[str] | None = None
    ) -> None:
        super().__init__(root, paths, language.marks(), marked)
        self.language = language
        self.files: dict[str, SourceFile] = {}
        self._parsers: dict[str, tuple[Parser, Query]] = {}
        self._stems: dict[str, list[PurePosixPath]] | None = None
        self._folders: dict[str, list[PurePosixPath]] = defaultdict(list)  # a folder's name → files in it
        self._pure: list[PurePosixPath] | None = None
        self._defining: dict[str, list[str]] = {}  # a constant's name → files that may define it

    def file(self, path: str) -> SourceFile:
        """Return a file, parsed and indexed once."""
        if path not in self.files:
            self.files[path] = self._indexed(path)
        return self.files[path]

    def _tools(self, suffix: str) -> tuple[Parser, Query]:
        if suffix not in self._parsers:
            grammar: Grammar = self.language.grammar(suffix)
            self._parsers[suffix] = Parser(grammar), Query(grammar, self.language.query)
        return self._parsers[suffix]

    def _indexed(self, path: str) -> SourceFile:
        parser, query = self._tools(PurePosixPath(path).suffix)
        language = self.language
        root = parser.parse(language.prepared(self.source(path), path)).root_node
        file = SourceFile(path, language, root, QueryCursor(query).captures(root))
        for node in file.assigns:
            scope = root.id if language.lifts(node) else next(file.scopes(node)).id
            for binding in language.bindings(node):
                file.bound[scope][binding.name].append(binding)
        for node in file.nodes("loop"):
            for name, source in language.loops(node):
                file.loops[next(file.scopes(node)).id][name].append((node, source))
        for node in file.nodes("import"):
            for brought in language.imports(node):
                if brought.local == "*":
                    file.stars.append(brought)
                else:
                    file.imports[brought.local] = brought
        return file

    # -- names -----------------------------------------------------------------------------------------------------------

    def bindings_of(self, file: SourceFile, node: Node, name: str) -> tuple[list[Binding], Function | None]:
        """Return what a name is bound to where a node stands, and the function whose parameter it is instead."""
        for scope in file.scopes(node):
            if found := file.bound.get(scope.id, {}).get(name):
                return found, None
            function = file.by_node.get(scope.id)
            if function is not None and (
                any(p.name == name for p in function.parameters) or function.receiver == name
            ):
                return [], function
        return [], None

    def loops_of(self, file: SourceFile, node: Node, name: str) -> list[Node]:
        """Return what the loops around a node go over that bind a name."""
        return [
            source
            for scope in file.scopes(node)
            for loop, source in file.loops.get(scope.id, {}).get(name, ())
            if loop.start_byte <= node.start_byte < loop.end_byte
        ]

    def constants(self, file: SourceFile, dotted: str) -> list[Place]:
        """Return what a name of the top level, of this file or another, is bound to: file, import, folder, project."""
        first, _, rest = dotted.replace("::", ".").partition(".")
        own = self._at_top(file, dotted)
        if own:
            return own
        if brought := file.imports.get(first) or self.language.beside(first, file):
            wanted = rest or brought.name or first
            if brought.name and rest:
                wanted = f"{brought.name}.{rest}"
            for path in self.imported(file, brought):
                if found := self._brought(path, wanted):
                    return found
        strict = self.language.modular or self.language.qualified
        return [] if strict else self._by_name(file, dotted, first)

    def _by_name(self, file: SourceFile, dotted: str, first: str) -> list[Place]:
        """Return what a name is bound to in a file that nothing imports: of the folder, then of the project."""
        last = dotted.replace("::", ".").rpartition(".")[2]
        if last != dotted and (own := self._at_top(file, last)) and first in {"self", "static"}:
            return own
        for known in (self._others(file, ""), self._others(file, last)):
            for nearby in ([f for f in known if f.folder == file.folder], known):
                for wanted in dict.fromkeys((dotted.replace("::", "."), last)):
                    if found := [place for f in nearby for place in self._at_top(f, wanted)]:
                        return found if len(found) <= _MOST_DEFINITIONS and _agree(found) else []
        return []

    def _brought(self, path: str, wanted: str, depth: int = 0) -> list[Place]:
        """Return what a name of an imported file is bound to, there or in the file that it hands on."""
        file = self.file(path)
        if found := self._at_top(file, wanted) or self._at_top(file, wanted.rpartition(".")[2]):
            return found
        first, _, rest = wanted.partition(".")
        further = [file.imports[first]] if first in file.imports else file.stars
        for brought in further if depth < _MOST_HANDS else ():
            name = (
                ".".join(part for part in (brought.name or first, rest) if part)
                if brought.local != "*"
                else wanted
            )
            for other in self.imported(file, brought):
                if found := self._brought(other, name, depth + 1):
                    return found
        return []

    def _others(self, file: SourceFile, name: str) -> list[SourceFile]:
        """Return the files that are known but one; with a constant's name, those that it may be defined in too."""
        if self.language.constants is not None and len(name) > _SHORT and name[0].isupper():
            if name not in self._defining:
                defines = re.compile(self.language.constants.replace("NAME", re.escape(name)).encode())
                found = [
                    path
                    for path in self.holding(name.encode())
                    if path not in self.files and defines.search(self.source(path))
                ]
                self._defining[name] = found if len(found) <= _MOST_DEFINITIONS else []
            for path in self._defining[name]:
                self.file(path)
        return [f for f in self.files.values() if f is not file]

    def _at_top(self, file: SourceFile, dotted: str) -> list[Place]:
        found = file.bound.get(file.root.id, {}).get(dotted, [])
        return [Place(file, binding.value) for binding in found[:1] if not binding.key]

    def imported(self, file: SourceFile, brought: Import) -> list[str]:
        """Return the files that an import may mean, best first."""
        if self._pure is None:
            self._pure = [PurePosixPath(path) for path in self.paths]
        paths = self._pure
        better = list(self.language.candidates(brought.module, file.path, paths))
        if better or self.language.modular or self.language.qualified:
            return better
        parts = [p for p in _SPEC.split(brought.module.replace("::", "/").replace(".", "/")) if p]
        parts = [p for p in parts if p not in {"crate", "self", "super", "src"}]
        if brought.name and not parts:
            return []
        if self._stems is None:
            self._stems = defaultdict(list)
            for path in paths:
                stem = path.stem if path.stem not in {"index", "mod", "lib"} else path.parent.name
                self._stems[stem].append(path)
                self._folders[path.parent.name].append(path)
        last = parts[-1] if parts else ""
        found = [p for p in self._stems.get(last, ()) if _ends_like(p, parts)]
        found = found or [p for p in self._folders.get(last, ()) if _ends_like(p.parent, parts)]
        return [str(p) for p in sorted(found, key=lambda p: (-_shared(str(p), file.path), str(p)))][
            :_MOST_DEFINITIONS
        ]

    def _meant(self, file: SourceFile, call: Call, functions: Sequence[Function]) -> list[Function]:
        """Return the functions of a call's name that it may mean, best first."""
        judged = [(f, self.language.owns(call, file, f)) for f in functions]
        if any(known is not None for _, known in judged):
            return _taking(call, [f for f, known in judged if known])
        return _taking(call, _fitting(functions, call.owner.rpartition(".")[2]))

    def functions_named(self, file: SourceFile, call: Call) -> list[tuple[SourceFile, Function]]:
        """Return the functions that a call may mean: of this file, imported, of the folder, of the project."""
        meant = self.language.targets(call, file, self)
        if meant is not None:
            return meant
        name, owner = call.name, call.owner.rpartition(".")[2]
        own = self._meant(file, call, file.by_name.get(name, []))
        if own and not (owner and owner in file.imports):
            return [(file, function) for function in own if function.owner == own[0].owner]
        brought = file.imports.get(name if not owner else owner.partition(".")[0])
        if brought is not None:
            wanted = brought.name if not owner and brought.name not in {"", "default"} else name
            for path in self.imported(file, brought):
                if path in self.files and (found := self.files[path].by_name.get(wanted)):
                    return [(self.files[path], _taking(call, found)[0])]
        known = [
            (f, function)
            for f in self.files.values()
            if f is not file and name in f.by_name
            for function in self._meant(file, call, f.by_name[name])
        ]
        near = [one for one in known if one[0].folder == file.folder]
        for found_near in (near, known):
            if found_near:
                return found_near[:_MOST_DEFINITIONS]
        return []


def _taking(call: Call, functions: Sequence[Function]) -> list[Function]:
    """Return functions of one name, those first that take as many arguments as are given."""
    given = len(call.arguments)

    def misses(function: Function) -> bool:
        least = sum(1 for p in function.parameters if p.default is None and not p.rest)
        return not (
            least <= given
            and (
                given <= len(function.parameters)
                or function.again
                or any(p.rest for p in function.parameters)
            )
        )

    return sorted(functions, key=misses)


def _sorted(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: (node.start_byte, -node.end_byte))


def _agree(places: Sequence[Place]) -> bool:
    return len({place.node.text for place in places}) == 1


def _fitting(functions: Sequence[Function], owner: str) -> list[Function]:
    """Return the functions whose class or module fits what stands before the name in a call."""
    if not owner or owner in {"this", "self", "super", "static", "cls"}:
        return list(functions)
    exact = [f for f in functions if f.owner == owner]
    return exact or [f for f in functions if not f.owner or not owner[:1].isupper()]


def _ends_like(path: PurePosixPath, parts: Sequence[str]) -> bool:
    own = [*path.parts[:-1], path.stem]
    if own[-1] in {"index", "mod", "lib"}:
        own.pop()
    count = min(len(own), len(parts), 2)
    return count > 0 and own[-count:] == list(parts)[-count:]


def _shared(a: str, b: str) -> int:
    count = 0
    for left, right in zip(a.split("/"), b.split("/"), strict=False):
        if left != right:
            break
        count += 1
    return count
