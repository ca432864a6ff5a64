"""What names mean across files: full dotted names, text constants, and the parameters they hang on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.corpus import Corpus
from deployer_lib.probes.variables.marks import MARKERS
from deployer_lib.probes.variables.python import syntax
from deployer_lib.probes.variables.python.idioms import ENVIRONMENTS, INSTANCES, MAPPING_COPIES
from deployer_lib.probes.variables.python.module import Module, dotted_name, load_module
from deployer_lib.probes.variables.python.syntax import arguments, scope_of, text, unwrap

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from tree_sitter import Node

    from deployer_lib.probes.variables.python.module import Function

__all__ = ["Hole", "Key", "Project"]

_MAX_DEPTH: Final = 25  # of following names from one to the next; beyond is a cycle
#: Top-level names of libraries that idioms name: never a file of the project.
_KNOWN_ROOTS: Final = frozenset(
    {"os", "decouple", "environ", "environs", "starlette", "pydantic", "pydantic_settings"}
)


@dataclass(frozen=True, slots=True)
class Hole:
    """A part of a variable's name that the caller of a function gives."""

    function: int  # node id of the function
    parameter: str
    upper: bool = False


Key = tuple["str | Hole", ...]  # a variable's name: its parts, joined


class Project(Corpus):
    """Every source file of a project, parsed when it is first asked for."""

    def __init__(self, root: Path, paths: Sequence[str], marked: Collection[str] | None = None) -> None:
        super().__init__(root, paths, MARKERS["python"], marked)
        self.modules: dict[str, Module] = {}  # path ->
        self._by_tail: dict[
            str, list[str]
        ] = {}  # last name -> paths; made when a project's module is first looked for

    def module(self, path: str) -> Module:
        """Return a file parsed."""
        if path not in self.modules:
            self.modules[path] = load_module(path, self.source(path))
        return self.modules[path]

    def find(self, dotted: str, near: str) -> Module | None:
        """Return the project's module of this name: the one nearest to the file ``near``, where there are several."""
        if not dotted or dotted.partition(".")[0] in _KNOWN_ROOTS:
            return None
        if not self._by_tail:
            for path in self.paths:
                self._by_tail.setdefault(dotted_name(path).rpartition(".")[2], []).append(path)
        fitting = [
            path
            for path in self._by_tail.get(dotted.rpartition(".")[2], ())
            if f".{dotted_name(path)}".endswith(f".{dotted}")
        ]
        best = max(fitting, key=lambda path: (_shared(path, near), -len(path)), default=None)
        if best is None:
            return None
        try:
            return self.module(best)
        except OSError:
            return None

    # -- dotted names ---------------------------------------------------------------------------------------------

    def dotted(self, module: Module, node: Node | None, depth: int = 0) -> str | None:  # noqa: PLR0911  (a table of node types)
        """Return the full dotted name of an expression, ``()`` for an instance; None where it has none."""
        node = unwrap(node)
        if node is None or depth > _MAX_DEPTH:
            return None
        if node.type == "identifier":
            return self._identifier(module, node, depth)
        if node.type == "attribute":
            name = text(syntax.field(node, "attribute"))
            owner = syntax.field(node, "object")
            if text(owner) in {"self", "cls"}:
                return self._own_attribute(module, node, name, depth)
            before = self.dotted(module, owner, depth + 1)
            if before is None or ("." not in before and before not in module.imports):
                return f"{before}.{name}" if before else None  # of a builtin, or of nothing that is known
            return self.follow(f"{before}.{name}", module, depth + 1)
        if node.type == "call":
            return self._instance(module, node, depth)
        return None

    def _own_attribute(self, module: Module, node: Node, name: str, depth: int) -> str | None:
        here: Node | None = node
        while here is not None and here.type != "class_definition":
            here = here.parent
        if here is None:
            return None
        if name in module.bound.get(here.id, {}):
            return self.dotted(module, module.bound[here.id][name], depth + 1)
        owner = next((known for known, found in module.classes.items() if found.id == here.id), "")
        return f"{module.name}.{owner}.{name}"

    def _identifier(self, module: Module, node: Node, depth: int) -> str | None:
        name = text(node)
        found = self.binding(module, node, name)
        if found is not None:
            # A local that hides a parameter or import of the same name by itself (x = x) ends here.
            return (
                None
                if found.start_byte <= node.start_byte < found.end_byte
                else self.dotted(module, found, depth + 1)
            )
        if self.parameter_of(module, node, name) is not None or name in module.loops:
            return None
        return self._top(module, name, depth)

    def _top(self, module: Module, name: str, depth: int) -> str | None:
        if name in module.by_name or name in module.classes:
            return f"{module.name}.{name}"
        if name in module.imports:
            return self.follow(module.imports[name], module, depth + 1)
        for star in module.stars:
            other = self.find(star, module.path)
            if other is None:
                full = f"{star}.{name}"
                if full in ENVIRONMENTS or star in _KNOWN_ROOTS:
                    return full
            elif name in other.bound[other.root.id] or name in other.by_name or name in other.imports:
                return self.follow(f"{other.name}.{name}", module, depth + 1)
        return name

    def follow(self, dotted: str, module: Module, depth: int = 0) -> str:
        """Return where a dotted name leads through the project's own imports and assignments."""
        if depth > _MAX_DEPTH:
            return dotted
        head, _, name = dotted.rpartition(".")
        rest: list[str] = []
        while head:
            if "()" not in head and (other := self.find(head, module.path)) is not None:
                inside = other.bound[other.root.id].get(name)
                if inside is not None:
                    found = self.dotted(other, inside, depth + 1)
                elif name in other.imports and name not in other.by_name:
                    found = self.follow(other.imports[name], other, depth + 1)
                else:
                    found = f"{other.name}.{name}"
                return ".".join([found or f"{other.name}.{name}", *rest])
            head, _, last = head.rpartition(".")
            rest.insert(0, name)
            name = last
        return dotted

    def _instance(self, module: Module, call: Node, depth: int) -> str | None:
        target = syntax.field(call, "function")
        name = self.dotted(module, target, depth + 1)
        if name is None:
            return None
        if name in INSTANCES:
            return INSTANCES[name]
        owner, _, last = name.rpartition(".")
        if last == "copy" and owner in ENVIRONMENTS:
            return owner
        given = arguments(call).positional
        if name in MAPPING_COPIES and given:
            inner = self.dotted(module, given[0], depth + 1)
            return inner if inner in ENVIRONMENTS else None
        return f"{name}()" if self.class_node(name, module) is not None else None

    def class_node(self, dotted: str, module: Module) -> tuple[Module, Node] | None:
        """Return the project's class of this name with its module."""
        owner, _, name = dotted.rpartition(".")
        other = module if owner == module.name else self.find(owner, module.path)
        return (other, other.classes[name]) if other is not None and name in other.classes else None

    def function(self, dotted: str, module: Module) -> Function | None:
        """Return the project's function or method of this name."""
        parts = dotted.replace("()", "").split(".")
        for cut in range(len(parts) - 1, max(len(parts) - 3, 0), -1):
            owner = ".".join(parts[:cut])
            other = module if owner == module.name else self.find(owner, module.path)
            if other is not None and (found := other.by_name.get(".".join(parts[cut:]))) is not None:
                return found
        return None

    # -- scopes and values ------------------------------------------------------------------------------------------

    def binding(self, module: Module, node: Node, name: str) -> Node | None:
        """Return the value that a name was last given in the innermost scope around a node that binds it."""
        scope: Node | None = scope_of(node)
        while scope is not None:
            if name in module.bound.get(scope.id, {}):
                return module.bound[scope.id][name]
            function = module.functions.get(scope.id)
            if function is not None and any(name == parameter for parameter, _ in function.parameters):
                return None
            scope = scope_of(scope) if scope.parent is not None else None
        return None

    def parameter_of(self, module: Module, node: Node, name: str) -> Function | None:
        """Return the function around a node that has a parameter of this name."""
        here = node.parent
        while here is not None:
            function = module.functions.get(here.id)
            if function is not None and any(name == parameter for parameter, _ in function.parameters):
                return function
            here = here.parent
        return None


def _shared(path: str, near: str) -> int:
    count = 0
    for ours, theirs in zip(path.split("/"), near.split("/"), strict=False):
        if ours != theirs:
            break
        count += 1
    return count
