"""Go: how its trees look to the reader, and which functions, packages and types a name means.

What reads is in its own modules: calls (``go_reads``), structs with tags (``go_structs``), flags (``go_flags``), viper and koanf
(``go_viper``, ``go_koanf``), and the environment gone over as a list (``go_environ``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from deployer_lib.probes.variables.flow.grammar import (
    Argument,
    Binding,
    Branch,
    Call,
    Function,
    Import,
    Language,
    Parameter,
    Read,
    Settled,
    Vocabulary,
    text,
)
from deployer_lib.probes.variables.languages.go_absence import before, is_error, settle
from deployer_lib.probes.variables.languages.go_reads import Reads
from deployer_lib.probes.variables.languages.go_syntax import body_of, each, field_names, inner, unlength
from deployer_lib.probes.variables.languages.go_types import Modules
from deployer_lib.probes.variables.marks import MARKERS, NEEDLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["Go"]

_VERB: Final = re.compile(r"%[+#]?[svdq]")
#: Folders of what tests and builds alone use.
_APART: Final = frozenset(
    {"testutil", "testutils", "testhelper", "testhelpers", "testsuite", "testkit", "magefiles"}
)
_TAGGED_APART: Final = re.compile(
    rb"^//\s*(?:go:build|\+build)\s+(?:ignore|mage|tools?|e2e|integration|integration_?tests?|tests?|generate)\s*$",
    re.MULTILINE,
)
_HEAD_BYTES: Final = 4000
_COMPARED: Final = {">": "!=", "<": "=="}  # len(x) > 0, len(x) < 1
_BASICS: Final = frozenset({"string", "byte", "rune", "error", "bool", "int", "float64"})


class Go(Language):
    """``.go`` files."""

    name = "go"
    suffixes = frozenset({".go"})
    markers = MARKERS["go"]
    needles = NEEDLES["go"]
    qualified = True
    switches = True
    whole = True
    query = """
    (function_declaration) @function (method_declaration) @function (func_literal) @function
    (call_expression) @call (type_conversion_expression type: (generic_type)) @call
    (short_var_declaration) @bind (assignment_statement) @bind (const_spec) @bind (var_spec) @bind
    (for_statement (range_clause)) @loop
    (import_spec) @import
    (if_statement) @branch
    (field_declaration) @read
    (keyed_element) @read
    (expression_case) @read
    (binary_expression) @read
    (index_expression) @read
    """
    words: ClassVar[Vocabulary] = Vocabulary(
        fallbacks=frozenset(),
        exits=frozenset({"panic", "os.Exit", "fmt.Errorf", "errors.New", "log.Fatal", "log.Fatalf", "log.Fatalln", "log.Panicf",
                         "Fatal", "Fatalf", "Fatalln", "Fatalw", "Panic", "Panicf", "Panicln", "Panicw", "Exit", "Exitf", "Goexit",
                         "Wrap", "Wrapf", "errors.Errorf"}),
        converters=frozenset({"strings.TrimSpace", "strings.ToLower", "strings.ToUpper", "strings.Trim", "strings.TrimSuffix",
                              "strings.TrimPrefix", "strings.TrimRight", "strconv.Atoi", "strconv.ParseBool", "strconv.ParseInt",
                              "strconv.ParseUint", "strconv.ParseFloat", "time.ParseDuration", "time.Parse", "uuid.Parse",
                              "netip.ParseAddr", "netip.ParseAddrPort", "os.ReadFile", "ioutil.ReadFile", "os.Open", "len", "string"}),
        rescues=frozenset({"cmp.Or"}),
        errors=frozenset({"err"}),
    )  # fmt: skip

    def __init__(self) -> None:
        self._modules = Modules(None, ())
        self._reads: tuple[Program, Reads] | None = None

    def grammar(self, suffix: str) -> Grammar:  # noqa: ARG002
        """Return the grammar of a file with this suffix."""
        import tree_sitter_go  # noqa: PLC0415  (only where there is Go)
        from tree_sitter import Language as Loaded  # noqa: PLC0415

        return Loaded(tree_sitter_go.language())

    def further(self, program: Program) -> Iterable[str]:
        """Return the files with structs that are filled from the environment, and those that go over it."""
        return self._known(program).files()

    def _known(self, program: Program) -> Reads:
        if self._reads is None or self._reads[0] is not program:
            self._modules = Modules(program.root, program.paths)
            self._reads = program, Reads(program, self._modules)
        return self._reads[1]

    # -- trees -----------------------------------------------------------------------------------------------------------

    def string(self, node: Node) -> str | None:
        """Return the value of a plain string literal, None for every other node."""
        if node.type == "raw_string_literal":
            return text(node)[1:-1]
        if node.type == "interpreted_string_literal":
            return text(node)[1:-1].replace('\\"', '"')
        return None

    def dotted(self, node: Node) -> str:
        """Return a name or a chain of members as dotted text."""
        if node.type == "selector_expression":
            operand, field = node.child_by_field_name("operand"), node.child_by_field_name("field")
            owner = self.dotted(operand) if operand is not None else ""
            return f"{owner}.{text(field)}" if owner else ""
        return text(node) if node.type in {"identifier", "package_identifier", "field_identifier"} else ""

    def receiver(self, node: Node) -> Node | None:
        """Return the object of a method call."""
        function = node.child_by_field_name("function")
        return function.child_by_field_name("operand") if function is not None else None

    def call(self, node: Node) -> Call | None:
        """Return a call taken apart, None where a node is none; ``append(list, x)`` is a method of the list."""
        if node.type == "type_conversion_expression":
            return self._converted(node)
        if node.type != "call_expression":
            return None
        function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or given is None:
            return None
        if function.type == "index_expression":  # get[int]("X", 5)
            function = function.child_by_field_name("operand") or function
        arguments = tuple(Argument(child) for child in given.named_children if child.type != "comment")
        callee = self.dotted(function) or text(function)[:80]
        if callee == "append" and arguments and (listed := self.dotted(arguments[0].value)):
            return Call(f"{listed}.append", arguments[1:], node)
        return Call(callee, arguments, node)

    @staticmethod
    def _converted(node: Node) -> Call | None:
        """Return ``get[string]("X")``, which looks like a conversion."""
        kind, operand = node.child_by_field_name("type"), node.child_by_field_name("operand")
        if kind is None or kind.type != "generic_type" or operand is None:
            return None
        return Call(text(kind.child_by_field_name("type")), (Argument(operand),), node)

    def function(self, node: Node) -> Function | None:
        """Return a function taken apart; one without a name has that of the variable it is bound to."""
        listed = node.child_by_field_name("parameters")
        parameters = [
            Parameter(text(name), rest=one.type == "variadic_parameter_declaration")
            for one in (listed.named_children if listed is not None else ())
            for name in one.children_by_field_name("name")
        ]
        receiver = node.child_by_field_name("receiver")
        owner = re.search(r"(\w+)\s*(?:\[[^\]]*\]\s*)?\)?$", text(receiver)) if receiver is not None else None
        called = re.match(r"\(\s*(\w+)\s+\S", text(receiver)) if receiver is not None else None
        name = text(node.child_by_field_name("name")) or _bound_name(node)
        return Function(
            name, tuple(parameters), node, owner[1] if owner else "", called[1] if called is not None else ""
        )

    def bindings(self, node: Node) -> Iterable[Binding]:
        """Yield the names that a node binds."""
        found = self._sides(node)
        if found is None:
            return
        names, values = found
        for index, name in enumerate(names):
            value = values[index] if index < len(values) else values[0]
            yield Binding(self.dotted(name) or text(name), value)

    def _sides(self, node: Node) -> tuple[list[Node], list[Node]] | None:
        if node.type in {"const_spec", "var_spec"}:
            value = node.child_by_field_name("value")
            return (node.children_by_field_name("name"), each(value)) if value is not None else None
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        return (each(left), each(right)) if left is not None and right is not None else None

    def assignment(self, node: Node) -> tuple[tuple[str, ...], Node, str] | None:
        """Return targets, value and operator of an assignment."""
        if node.type not in {"short_var_declaration", "assignment_statement", "const_spec", "var_spec"}:
            return None
        found = self._sides(node)
        if found is None or not found[1]:
            return None
        names = tuple(self.dotted(name) or text(name) for name in found[0])
        return names, found[1][0], text(node.child_by_field_name("operator")) or "="

    def lifetime(self, statement: Node) -> Node | None:
        """Return the condition or switch that a declaration stands in: ``if v := …; v != "" { … }``."""
        parent = statement.parent
        own_ones = {"if_statement", "expression_switch_statement"}
        return (
            parent
            if parent is not None and parent.type in own_ones and statement.type.startswith("short")
            else None
        )

    def exchange(self, call: Call) -> tuple[Node, str, str] | None:
        """Return the parts of ``strings.ReplaceAll(text, "-", "_")``."""
        parts = [argument.value for argument in call.arguments]
        if call.callee not in {"strings.ReplaceAll", "strings.Replace"} or len(parts) < 3:  # noqa: PLR2004  (text, old, new)
            return None
        old, new = self.string(parts[1]), self.string(parts[2])
        return None if old is None or new is None else (parts[0], old, new)

    def assigned_of(self, node: Node, part: Node) -> tuple[tuple[str, ...], Node, str] | None:
        """Return what a part of ``a, b = x, y`` is given to."""
        found, whole = self.assignment(node), self._sides(node)
        if found is None or whole is None or len(whole[1]) < 2:  # noqa: PLR2004  (several at once)
            return found
        for name, value in zip(*whole, strict=False):
            if value.start_byte <= part.start_byte < value.end_byte:
                return (self.dotted(name) or text(name),), value, found[2]
        return found

    def loops(self, node: Node) -> Iterable[tuple[str, Node]]:
        """Yield the names that a loop binds and what it goes over; the index of a list is no element of it."""
        clause = next((c for c in node.named_children if c.type == "range_clause"), None)
        left, right = (clause.child_by_field_name(side) if clause else None for side in ("left", "right"))
        if right is not None:
            yield from ((text(name), right) for name in each(left) if text(name) != "_")

    def by_value(self, source: Node, name: str) -> bool:
        """Tell whether a name is the second that a loop binds: a map's value."""
        left = source.parent.child_by_field_name("left") if source.parent is not None else None
        names = each(left)
        return len(names) > 1 and text(names[1]) == name

    def imports(self, node: Node) -> Iterable[Import]:
        """Yield the names that an import brings: a package is mostly called like the end of its path."""
        path = text(node.child_by_field_name("path")).strip('"`')
        last = re.sub(r"(?:/v\d+)?$|\.v\d+$", "", path, count=1).rpartition("/")[2]
        guessed = re.sub(r"^go-|[.-]go$", "", re.sub(r"\.v\d+$", "", last))
        local = text(node.child_by_field_name("name")) or guessed
        return (Import(local, path),) if local not in {"_", "."} else ()

    def candidates(self, module: str, file: str, paths: Sequence[object]) -> Iterator[str]:  # noqa: ARG002
        """Yield the files of the folder that an import path means."""
        if module.startswith("./"):  # a file of the same package
            yield module[2:]
        elif (folder := self._modules.folder(module)) is not None:
            yield from (str(p) for p in paths if str(p).rpartition("/")[0] == folder)

    def beside(self, name: str, file: SourceFile) -> Import | None:
        """Return the file of the same package that declares a name."""
        place = (
            self._reads[1].types.variable_named(file.path.rpartition("/")[0], name) if self._reads else None
        )
        return None if place is None or place.file is file else Import(name, f"./{place.file.path}", name)

    def result(self, node: Node) -> Node:
        """Return what a field holds before it is handed over to be filled: ``parse(&cfg.Port, "PORT")``."""
        if node.type != "unary_expression" or not text(node).startswith("&"):
            return node
        return before(node, text(node)[1:]) or node

    def apart(self, path: str) -> bool:
        """Tell whether a file is none of the program: Go itself leaves out what begins with an underscore."""
        parts = path.split("/")
        return (
            any(part.startswith("_") for part in parts)
            or parts[-1].lower() == "magefile.go"
            or not _APART.isdisjoint(parts[:-1])
        )

    def prepared(self, source: bytes, path: str) -> bytes:  # noqa: ARG002
        """Return nothing of a file that is built for a tool or a test alone."""
        return b"" if _TAGGED_APART.search(source[:_HEAD_BYTES]) else source

    def targets(
        self, call: Call, file: SourceFile, program: Program
    ) -> list[tuple[SourceFile, Function]] | None:
        """Return the functions of a package, or the methods of a type, that a call means."""
        owner = call.owner
        if not owner:
            own_ones = [(file, f) for f in file.by_name.get(call.name, []) if not f.owner]
            return own_ones or self._of(program, file.folder, call.name, methods=False)
        if owner in file.imports:
            folder = self._modules.folder(file.imports[owner].module)
            return [] if folder is None else self._of(program, folder or ".", call.name, methods=False)
        return self._known(program).methods(call, file)

    @staticmethod
    def _of(program: Program, folder: str, name: str, *, methods: bool) -> list[tuple[SourceFile, Function]]:
        return [
            (there, function)
            for there in program.files.values()
            if there.folder == folder
            for function in there.by_name.get(name, ())
            if bool(function.owner) == methods
        ]

    def items(self, node: Node) -> Sequence[Node] | None:
        """Return the elements of a list literal."""
        body = body_of(node)
        if body is None or any(child.type == "keyed_element" for child in body.named_children):
            return None
        return [child.named_children[0] for child in body.named_children if child.type == "literal_element"]

    def entries(self, node: Node) -> Sequence[tuple[Node | str, Node]] | None:
        """Return the keys and values of a map or struct literal."""
        body = body_of(node)
        if body is None:
            return None
        if not any(child.type == "keyed_element" for child in body.named_children):
            names = field_names(body)
            values = [inner(c) for c in body.named_children if c.type == "literal_element"]
            return list(zip(names, values, strict=False)) if names and values else None
        pairs = [
            [inner(part) for part in c.named_children]
            for c in body.named_children
            if c.type == "keyed_element"
        ]
        return [(pair[0], pair[-1]) for pair in pairs if len(pair) > 1]

    def pieces(self, node: Node) -> Sequence[Node | str] | None:
        """Return the parts of a text that is put together: ``a + b``, ``fmt.Sprintf("%s_X", a)``, ``strings.Join``."""
        if node.type == "binary_expression":
            operation = self.operation(node)
            return [operation[0], operation[2]] if operation and operation[1] == "+" else None
        call = self.call(node)
        if call is None or not call.arguments:
            return None
        if call.callee == "strings.Join" and len(call.arguments) > 1:
            return self._joined(call)
        form = self.string(call.arguments[0].value) if call.callee == "fmt.Sprintf" else None
        if form is None or "%%" in form or len(_VERB.findall(form)) != len(call.arguments) - 1:
            return None
        texts = _VERB.split(form)
        if any("%" in part for part in texts):
            return None
        parts: list[Node | str] = [texts[0]]
        for argument, following in zip(call.arguments[1:], texts[1:], strict=True):
            parts += [argument.value, following]
        return [part for part in parts if part != ""]

    def _joined(self, call: Call) -> Sequence[Node | str] | None:
        items, between = self.items(call.arguments[0].value), self.string(call.arguments[1].value)
        if items is None or between is None:
            return None
        return [part for item in items for part in (between, item)][1:]

    def operation(self, node: Node) -> tuple[Node, str, Node] | None:
        """Return both sides and the operator; a length that is compared is what it is the length of."""
        found = super().operation(node)
        if found is None or found[1] not in {"==", "!=", ">", "<"}:
            return found
        left, operator, right = found
        if operator in _COMPARED and not text(left).startswith("len("):
            return found
        return unlength(left), _COMPARED.get(operator, operator), right

    def branch(self, node: Node) -> Branch | None:
        """Return a condition and what follows from it."""
        if node.type != "if_statement":
            return None
        condition = node.child_by_field_name("condition")
        if condition is None:
            return None
        other = node.child_by_field_name("alternative")
        chained = node.parent is not None and node.parent.type == "if_statement"
        if chained or (other is not None and other.type == "if_statement"):
            other = None  # else if: done on a further condition, or where others are absent too
        return Branch(condition, node.child_by_field_name("consequence"), other)

    def returned(self, node: Node) -> Node | None:
        """Return what a return statement gives back: without the error or the flag that goes with it."""
        if node.type != "return_statement":
            return None
        given = each(node.named_children[0]) if node.named_children else []
        if not given:
            return node
        last = text(given[-1])
        if len(given) == 1 or last in {"nil", "true"}:
            return given[0]
        return given[-1].parent

    def null(self, node: Node) -> bool:
        """Tell whether an expression is nil, or several that say so: ``"", false``."""
        if node.type == "expression_list":
            return text(each(node)[-1]) == "false"
        if node.type == "unary_expression" and text(node).startswith("&"):
            return True  # a place to fill, of which nothing is known
        if node.type == "call_expression":  # another read: that one tells what stands in
            return self.dotted(node.child_by_field_name("function") or node) in {"os.Getenv", "os.LookupEnv"}
        if node.type == "int_literal" and node.parent is not None:
            return text(node.parent).startswith("len(") and "<" in text(
                node.parent
            )  # too short is what absence is too
        if node.type == "composite_literal":  # an answer of another kind, not a value in the variable's place
            kind = node.child_by_field_name("type")
            return kind is not None and kind.type in {"type_identifier", "qualified_type"}
        return super().null(node)

    def throws(self, node: Node) -> bool:
        """Tell whether a statement returns an error."""
        return node.type == "return_statement" and is_error(node)

    def hands_back(self, node: Node) -> bool:
        """Tell whether an end is an error that the caller gets."""
        return node.type == "return_statement"

    def settled(self, node: Node, wrapper: Function | None) -> Settled | None:
        """Return what stands in for a read, where a name has a value before, or a switch an arm for nothing."""
        return settle(node, wrapper, self)

    def results(self, node: Node) -> Sequence[Node]:
        """Return what a function gives back, of a list its elements."""
        found: list[Node] = []
        body = node.child_by_field_name("body")
        stack = [body] if body is not None else []
        while stack:
            here = stack.pop()
            if here.type == "func_literal":
                continue
            stack.extend(reversed(here.named_children))
            value = self.returned(here)
            if value is None or value == here:
                continue
            call = self.call(value)
            named = call is not None and call.name in {"EnvVars", "EnvVar"}
            found += [a.value for a in call.arguments] if call and named else self.items(value) or [value]
        return found

    # -- reads -----------------------------------------------------------------------------------------------------------

    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:
        """Yield the reads that a node makes by itself."""
        return self._known(program).of(node, file)


def _bound_name(node: Node) -> str:
    """Return the name of the variable that a function literal is bound to."""
    listed = node.parent
    holder = listed.parent if listed is not None and listed.type == "expression_list" else None
    if (
        listed is None
        or holder is None
        or holder.type not in {"short_var_declaration", "var_spec", "assignment_statement"}
    ):
        return ""
    left = holder.child_by_field_name("left")
    names = each(left) if left is not None else holder.children_by_field_name("name")
    index = listed.named_children.index(node)
    return text(names[index]) if index < len(names) else ""
