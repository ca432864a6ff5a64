"""The environment gone over as a list: ``for _, line := range os.Environ()``, and what a line's name is compared with.

What a name may hold is followed through a package: the list, one line of it, its two parts, its name, a map that is made of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Read, text
from deployer_lib.probes.variables.flow.nodes import descend
from deployer_lib.probes.variables.flow.program import Place
from deployer_lib.probes.variables.flow.texts import keys_of, literal_of, plain
from deployer_lib.probes.variables.languages.go_syntax import each, enclosing, entry_of, inner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Call, Function
    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Environ"]

_MARK: Final = re.compile(rb"\b(?:os|syscall)\.Environ\(\)")
#: Where the list goes that a child process is given: nothing of it is read.
_CHILD: Final = re.compile(
    rb"(?:append\(\s*|\bEnv\s*[:=]+\s*|\.Env\s*=\s*append\(\s*)(?:os|syscall)\.Environ\(\)|(?:os|syscall)\.Environ\(\)\.\.\."
)
_SAME: Final = frozenset({"strings.TrimSpace", "strings.ToUpper", "strings.Trim", "string"})
_SPLITS: Final = frozenset({"strings.Split", "strings.SplitN", "strings.SplitAfterN"})
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]+")
_DEFAULT: Final = re.compile(r"(?i)^(?:def\w*|\w*value|raw\w*|fallback|init\w*)$")
_STANDARD: Final = re.compile(
    r"^(?:append|len|make|fmt\.|strings\.|strconv\.|time\.|errors\.|log\.|os\.|slices\.)"
)
_MAX_ROUNDS: Final = 6
_SETS: Final = frozenset({"struct{}", "bool"})  # a map to these tells which lines are left out or hidden
_KEPT: Final = frozenset(
    {"lines", "map"}
)  # what a field may hold; a field that is called key may be of anything
_WANTED: Final = frozenset({"range_clause", "short_var_declaration", "assignment_statement", "var_spec", "call_expression",
                            "return_statement", "keyed_element", "expression_case", "binary_expression", "index_expression"})  # fmt: skip
_ASSIGNS: Final = frozenset({"short_var_declaration", "assignment_statement", "var_spec"})


@dataclass(frozen=True, slots=True)
class _Role:
    """What a name holds of the environment."""

    kind: str  # lines, line, pair, key or map
    prefix: str = ""  # that was cut off the key


class Environ:
    """The places of a program where names of variables stand that the environment is searched for."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._found: dict[tuple[str, int], list[Read]] = defaultdict(list)
        folders = {self._folder(path) for path in program.holding(b"Environ()") if self._searches(path)}
        for folder in sorted(folders):
            package = _Package(program, [path for path in program.paths if self._folder(path) == folder])
            for file, node, read in package.reads():
                self._found[file.path, node.id].append(read)

    @staticmethod
    def _folder(path: str) -> str:
        return path.rpartition("/")[0]

    def _searches(self, path: str) -> bool:
        source = self.program.bytes_of(path)
        return len(_MARK.findall(source)) > len(_CHILD.findall(source))

    def files(self) -> set[str]:
        """Return the files with such names."""
        return {path for path, _ in self._found}

    def of(self, node: Node, file: SourceFile) -> list[Read]:
        """Return the reads of a node."""
        return self._found.get((file.path, node.id), [])


class _Package:
    """One package, and what its names hold of the environment."""

    def __init__(self, program: Program, paths: list[str]) -> None:
        self.program, self.language, self.paths = program, program.language, paths
        self.files: list[SourceFile] = []
        self._nodes: dict[str, list[Node]] = {}  # file → its nodes that may matter
        self._names: dict[tuple[int, str], _Role] = {}  # (function's id, name)
        self._members: dict[str, _Role] = {}  # fields of any struct of the package
        self._results: dict[str, _Role] = {}  # functions
        self._called_with: set[str] = set()  # functions that are handed something of the environment
        self._functions: dict[str, Function] = {}
        for _ in range(_MAX_ROUNDS):
            before = self._size()
            self._open()
            for file in self.files:
                self._learn(file)
            if before == self._size():
                break

    def _size(self) -> tuple[int, ...]:
        known = (self._names, self._members, self._results, self._called_with, self.files)
        return tuple(len(one) for one in known)

    def _open(self) -> None:
        """Open the files that the environment is known to get to: large packages have it in few of theirs."""
        names = {*self._members, *self._results, *self._called_with}
        words = re.compile(
            b"|".join([_MARK.pattern, *(rb"\b" + re.escape(n.encode()) + rb"\b" for n in sorted(names))])
        )
        for path in self.paths:
            if path not in self._nodes and words.search(self.program.bytes_of(path)):
                file = self.program.file(path)
                self.files.append(file)
                self._nodes[path] = [node for node in descend(file.root) if node.type in _WANTED]
                self._functions |= {function.name: function for function in file.functions if function.name}

    # -- what names hold -------------------------------------------------------------------------------------------------

    def _learn(self, file: SourceFile) -> None:
        for node in self._nodes[file.path]:
            if node.type == "range_clause":
                self._ranged(node)
            elif node.type in _ASSIGNS:
                self._assigned(node)
            elif node.type == "call_expression" and (call := self.language.call(node)) is not None:
                self._handed(call)
            elif node.type == "return_statement" and node.named_children:
                self._returned(node)
            elif node.type == "keyed_element" and len(node.named_children) > 1:
                role = self.role(inner(node.named_children[-1]))
                if role is not None and role.kind in _KEPT:
                    self._members.setdefault(text(node.named_children[0]), role)

    def _ranged(self, node: Node) -> None:
        names, source = each(node.child_by_field_name("left")), node.child_by_field_name("right")
        role = self.role(source) if source is not None else None
        if role is None:
            return
        if role.kind == "lines" and len(names) > 1:
            self._give(names[1], _Role("line"))
        elif role.kind == "map" and names:
            self._give(names[0], _Role("key", role.prefix))

    def _assigned(self, node: Node) -> None:
        left = node.child_by_field_name("left")
        names = each(left) if left is not None else node.children_by_field_name("name")
        values = each(node.child_by_field_name("right") or node.child_by_field_name("value"))
        for index, name in enumerate(names):
            if name.type == "index_expression":
                position, operand = name.child_by_field_name("index"), name.child_by_field_name("operand")
                role = self.role(position) if position is not None else None
                if role is not None and role.kind == "key" and operand is not None:
                    self._give(operand, _Role("map", role.prefix))
            elif index < len(values) and (role := self.role(values[index])) is not None:
                self._give(name, role)

    def _handed(self, call: Call) -> None:
        function = self._functions.get(call.name)
        for index, argument in enumerate(call.arguments):
            role = self.role(argument.value)
            if role is None or _STANDARD.match(call.callee):
                continue
            self._called_with.add(call.name)
            if function is not None and index < len(function.parameters):
                self._names.setdefault((function.node.id, function.parameters[index].name), role)

    def _returned(self, node: Node) -> None:
        function = enclosing(node)
        role = self.role(each(node.named_children[0])[0]) if each(node.named_children[0]) else None
        name = text(function.child_by_field_name("name")) if function is not None else ""
        if name and role is not None:
            self._results.setdefault(name, role)

    def _give(self, name: Node, role: _Role) -> None:
        if name.type == "selector_expression" and role.kind in _KEPT:
            self._members.setdefault(text(name.child_by_field_name("field")), role)
        elif name.type == "identifier" and text(name) != "_":
            function = enclosing(name)
            self._names.setdefault((function.id if function is not None else 0, text(name)), role)

    def role(self, node: Node) -> _Role | None:
        """Return what an expression holds of the environment."""
        if node.type == "identifier":
            function = enclosing(node)
            while function is not None:
                if (found := self._names.get((function.id, text(node)))) is not None:
                    return found
                function = enclosing(function)
            return self._names.get((0, text(node)))
        if node.type == "selector_expression":
            return self._members.get(text(node.child_by_field_name("field")))
        if node.type in {"index_expression", "slice_expression"}:
            return self._part(node)
        if node.type in {"parenthesized_expression", "unary_expression"} and node.named_children:
            return self.role(node.named_children[-1])
        call = self.language.call(node)
        return self._called(call) if call is not None else None

    def _part(self, node: Node) -> _Role | None:
        operand = node.child_by_field_name("operand")
        role = self.role(operand) if operand is not None else None
        if role is None:
            return None
        if node.type == "slice_expression":  # line[:strings.Index(line, "=")]
            return _Role("key") if role.kind == "line" and node.child_by_field_name("start") is None else None
        if role.kind == "lines":
            return _Role("line")
        return (
            _Role("key") if role.kind == "pair" and text(node.child_by_field_name("index")) == "0" else None
        )

    def _called(self, call: Call) -> _Role | None:
        if call.callee in {"os.Environ", "syscall.Environ"}:
            return _Role("lines")
        first = call.positional(0)
        role = self.role(first) if first is not None else None
        if role is None:
            return self._results.get(call.name)
        if call.callee in _SPLITS:
            return _Role("pair") if role.kind == "line" else None
        if call.callee == "strings.Cut":
            return _Role("key") if role.kind == "line" else None
        if call.callee == "strings.TrimPrefix" and role.kind == "key":
            cut = call.positional(1)
            prefix = self.language.string(cut) if cut is not None else None
            return None if prefix is None else _Role("key", role.prefix + prefix)
        return role if call.callee in _SAME else self._results.get(call.name)

    # -- what they are compared with -------------------------------------------------------------------------------------

    def reads(self) -> Iterator[tuple[SourceFile, Node, Read]]:
        """Yield the reads with the nodes that they stand at."""
        for file in self.files:
            for node in self._nodes[file.path]:
                if node.type == "expression_case":
                    yield from self._case(file, node)
                elif node.type == "binary_expression":
                    yield from self._compared(file, node)
                elif node.type == "index_expression":
                    yield from self._indexed(file, node)
                elif node.type == "call_expression":
                    yield from self._begins(file, node)

    def _texts(self, file: SourceFile, node: Node) -> list[str]:
        found = [name for key in keys_of(self.program, file, node) if (name := plain(key)) is not None]
        return [name for name in found if _NAME.fullmatch(name)]

    def _case(self, file: SourceFile, node: Node) -> Iterator[tuple[SourceFile, Node, Read]]:
        value = node.parent.child_by_field_name("value") if node.parent is not None else None
        role = self.role(value) if value is not None else None
        if role is None or role.kind != "key":
            return
        default = self._fallback(file, node)
        for one in each(node.child_by_field_name("value")):
            for name in self._texts(file, one):
                yield file, node, self._read(role.prefix + name, node, default)

    def _compared(self, file: SourceFile, node: Node) -> Iterator[tuple[SourceFile, Node, Read]]:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if (
            left is None
            or right is None
            or text(node.child_by_field_name("operator")) != "=="
            or _skips(node)
        ):
            return
        for one, other in ((left, right), (right, left)):
            role = self.role(one)
            if role is not None and role.kind == "key":
                for name in self._texts(file, other):
                    yield file, node, self._read(role.prefix + name, node, None)

    def _begins(self, file: SourceFile, node: Node) -> Iterator[tuple[SourceFile, Node, Read]]:
        """Find ``strings.HasPrefix(line, "X=")``."""
        call = self.language.call(node)
        if call is None or call.callee not in {
            "strings.HasPrefix",
            "strings.CutPrefix",
            "strings.TrimPrefix",
        }:
            return
        line, start = call.positional(0), call.positional(1)
        role = self.role(line) if line is not None else None
        if role is None or role.kind != "line" or start is None:
            return
        for key in keys_of(self.program, file, start):
            name, equal, rest = (plain(key) or "").partition("=")
            if equal and not rest and _NAME.fullmatch(name):
                yield file, node, self._read(name, node, None)

    def _indexed(self, file: SourceFile, node: Node) -> Iterator[tuple[SourceFile, Node, Read]]:
        """Read ``options[key]`` of a table with names, and ``variables["X"]`` of a map that was made of the environment."""
        operand, index = node.child_by_field_name("operand"), node.child_by_field_name("index")
        if operand is None or index is None:
            return
        holder, position = self.role(operand), self.role(index)
        if holder is not None and holder.kind == "map" and position is None and not _is_target(node):
            yield file, node, Read(index, node, "os.Environ()", prefix=holder.prefix)
        if position is not None and position.kind == "key" and holder is None:
            for place in self._tables(text(operand).rpartition(".")[2]):
                yield from self._entries(place, position)

    def _tables(self, name: str) -> Iterator[Place]:
        """Yield the map literals that a name of the package is bound to."""
        for path in self.paths:
            if name.encode() not in self.program.bytes_of(path):
                continue
            file = self.program.file(path)
            for node in descend(file.root):
                if node.type != "composite_literal" or node.child_by_field_name("type") is None:
                    continue
                kind = node.child_by_field_name("type")
                value = text(kind.child_by_field_name("value")) if kind is not None else ""
                if (
                    kind is not None
                    and kind.type == "map_type"
                    and value not in _SETS
                    and _called_like(node) == name
                ):
                    yield Place(file, node)

    def _entries(self, table: Place, role: _Role) -> Iterator[tuple[SourceFile, Node, Read]]:
        body = table.node.child_by_field_name("body")
        for entry in body.named_children if body is not None else ():
            parts = [inner(part) for part in entry.named_children]
            if entry.type != "keyed_element" or len(parts) < 2:  # noqa: PLR2004  (a key and a value)
                continue
            default = self._initial(table.file, parts[-1])
            for name in self._texts(table.file, parts[0]):
                yield table.file, entry, self._read(role.prefix + name, entry, default)

    def _initial(self, file: SourceFile, value: Node) -> str | None:
        """Return the value that an entry of a table begins with."""
        if (must := entry_of(value, "required") or entry_of(value, "Required")) is not None and text(
            must
        ) == "true":
            return None
        for node in descend(value):
            if node.type == "keyed_element" and len(node.named_children) > 1:
                key, given = text(node.named_children[0]), inner(node.named_children[-1])
                if _DEFAULT.match(key):
                    return literal_of(self.program, file, given)
        return self._fallback(file, value)

    def _fallback(self, file: SourceFile, node: Node) -> str | None:
        """Return what a call is given that stands in where the value is empty: ``parseInt(value, defaultPort)``."""
        for one in descend(node):
            call = self.language.call(one)
            if call is None or len(call.arguments) < 2 or _STANDARD.match(call.callee):  # noqa: PLR2004  (a value and a fallback)
                continue
            first, last = call.arguments[0].value, call.arguments[-1].value
            value = self._constant(file, last)
            if self.language.string(first) is None and value is not None:
                return literal_of(self.program, value.file, value.node)
        return None

    def _constant(self, file: SourceFile, node: Node) -> Place | None:
        """Return where an expression's value stands: there itself, or where a constant is declared; None for a variable."""
        dotted = self.language.dotted(node)
        if not dotted or dotted in {"true", "false"}:
            return Place(file, node)
        bound, function = self.program.bindings_of(file, node, dotted)
        inside = any(enclosing(one.value) is not None for one in bound)
        return (
            None if inside or function is not None else next(iter(self.program.constants(file, dotted)), None)
        )

    @staticmethod
    def _read(name: str, node: Node, default: str | None) -> Read:
        need: Need = "default" if default is not None else "optional"
        return Read(name, node, "os.Environ()", need, default_text=default, final=True)


def _is_target(node: Node) -> bool:
    """Tell whether an element of a map is given a value."""
    here = node.parent
    if here is not None and here.type == "expression_list":
        here = here.parent
    left = (
        here.child_by_field_name("left") if here is not None and here.type == "assignment_statement" else None
    )
    return left is not None and left.start_byte <= node.start_byte < left.end_byte


def _skips(node: Node) -> bool:
    """Tell whether a condition only passes a line over."""
    here = node.parent
    while here is not None and here.type in {"binary_expression", "parenthesized_expression"}:
        here = here.parent
    then = (
        here.child_by_field_name("consequence") if here is not None and here.type == "if_statement" else None
    )
    return then is not None and text(then).strip("{} \t\r\n;") == "continue"


def _called_like(literal: Node) -> str:
    """Return the name that a literal is bound to: of a variable, a field, or the function that gives it back."""
    here = literal.parent
    while here is not None and here.type in {"literal_element", "expression_list", "unary_expression"}:
        here = here.parent
    if here is None:
        return ""
    if here.type == "keyed_element":
        return text(here.named_children[0])
    if here.type in _ASSIGNS:
        named = here.child_by_field_name("name") or here.child_by_field_name("left")
        return text(named).rpartition(".")[2]
    return ""
