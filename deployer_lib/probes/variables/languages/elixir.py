"""Elixir: System.get_env and its like, copies of the environment, {:system, "X"} tuples, Dotenvy and Vapor."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar, Final
from weakref import WeakKeyDictionary

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
    Vocabulary,
    text,
)
from deployer_lib.probes.variables.languages.elixir_declared import Declared
from deployer_lib.probes.variables.languages.elixir_environment import Environment
from deployer_lib.probes.variables.languages.elixir_forms import (
    absence_of,
    case_of,
    clause_function,
    clause_of,
    generators,
    if_of,
    is_and,
    is_filtered,
    is_literal,
    is_passed,
    is_value,
    only,
    results_of,
    sigil_of,
    taken_apart,
    value_of,
    words_of,
)
from deployer_lib.probes.variables.languages.elixir_reads import arguments_of, is_in_attribute, mentioned
from deployer_lib.probes.variables.marks import MARKERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path, PurePosixPath

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Place, Program, SourceFile

__all__ = ["Elixir"]

_DEFINES: Final = frozenset({"def", "defp", "defmacro", "defmacrop"})
_SCRIPT: Final = re.compile(rb"#!.*\belixir\b")
#: How a function is called that raises.
_RAISES: Final = re.compile(r"raise(?:_\w+)?[!?]?$")


class Elixir(Language):
    """``.ex`` and ``.exs`` files."""

    name = "elixir"
    suffixes = frozenset({".ex", ".exs"})
    markers = MARKERS["elixir"]
    query = """
    (call) @function (anonymous_function) @function (unary_operator operator: "&") @function
    (call) @call
    (binary_operator operator: "=") @bind (unary_operator operator: "@") @bind
    (call) @loop
    (call) @import
    (call) @branch (stab_clause) @branch
    (access_call) @read (tuple) @read (unary_operator operator: "&") @read
    """
    constants = None
    wrapping = frozenset({"block", "body"})
    operations = frozenset({"binary_operator"})
    clauses = True
    words: ClassVar[Vocabulary] = Vocabulary(
        fallbacks=frozenset({"||", "or"}),
        nulls=frozenset({"nil"}),
        exits=frozenset({"raise", "reraise", "throw", "exit", "System.halt", "System.stop", "Mix.raise"}),
        converters=frozenset({"to_string", "to_charlist", "List.wrap", "then", "Kernel.then", "inspect"}),
        asserts=frozenset({
            "String.to_integer", "String.to_float", "String.to_atom", "String.to_existing_atom", "String.split", "String.trim",
            "String.downcase", "String.upcase", "String.replace", "String.to_charlist", "String.length", "String.starts_with?",
            "String.trim_trailing", "String.trim_leading", "Integer.parse", "Float.parse", "Base.decode64!", "Base.decode16!",
            "Base.url_decode64!", "URI.parse", "Jason.decode!", "File.read!", "String.contains?", "String.ends_with?",
        }),
        absents=frozenset({"is_nil"}),
        presents=frozenset({"is_binary"}),
        empties=frozenset({"false"}),
    )  # fmt: skip

    def __init__(self) -> None:
        self._stems: tuple[Sequence[PurePosixPath], dict[str, list[str]]] = (), {}
        self._known: WeakKeyDictionary[Program, tuple[Environment, Declared]] = WeakKeyDictionary()

    def grammar(self, suffix: str) -> Grammar:  # noqa: ARG002
        """Return the grammar of a file with this suffix."""
        import tree_sitter_elixir  # noqa: PLC0415  (only where there is Elixir)
        from tree_sitter import Language as Loaded  # noqa: PLC0415

        return Loaded(tree_sitter_elixir.language())

    def wants(self, relative: Path, head: bytes) -> bool:
        """Tell whether a file is of this language."""
        return relative.suffix in self.suffixes or _SCRIPT.match(head) is not None

    def apart(self, path: str) -> bool:
        """Tell whether a file is of tests alone."""
        return path.endswith(("_test.exs", "/test.exs", "test_helper.exs")) or path == "test.exs"

    # -- trees -----------------------------------------------------------------------------------------------------------

    def string(self, node: Node) -> str | None:
        """Return the value of a plain string literal, None for every other node."""
        if node.type in {"string", "charlist", "quoted_atom"} or (
            node.type == "sigil" and sigil_of(node) in {"s", "S", "c", "C"}
        ):
            inside = [
                child for child in node.named_children if child.type not in {"sigil_name", "sigil_modifiers"}
            ]
            return None if any(c.type == "interpolation" for c in inside) else "".join(map(text, inside))
        if node.type == "atom":
            return text(node)[1:]
        return text(node).rstrip(": \t\n") if node.type == "keyword" else None

    def dotted(self, node: Node) -> str:
        """Return a name or a chain of members as dotted text."""
        if node.type in {"identifier", "alias"}:
            return text(node)
        if node.type == "unary_operator" and text(node)[:1] in "@&":
            operand = node.child_by_field_name("operand")
            simple = operand is not None and operand.type in {"identifier", "integer"}
            return text(node) if simple else ""
        return ""

    def receiver(self, node: Node) -> Node | None:  # noqa: ARG002  (a function has none)
        """Return the object of a method call."""
        return None

    def call(self, node: Node) -> Call | None:
        """Return a call taken apart, None where a node is none."""
        piped = None
        if node.type == "binary_operator":
            if text(node.child_by_field_name("operator")) != "|>":
                return None
            whole, inner = node, node.child_by_field_name("right")
        else:
            whole, inner = node, node
        if inner is None or inner.type != "call":
            return None
        parent = inner.parent
        if (
            parent is not None
            and text(parent.child_by_field_name("operator")) == "|>"
            and _is_right(inner, parent)
        ):
            whole, piped = parent, parent.child_by_field_name("left")
        callee = self._callee(inner)
        if (
            not callee
            or callee in _DEFINES
            or callee == "defmodule"
            or self._is_head(inner)
            or is_in_attribute(inner)
        ):
            return None
        given = [] if piped is None else [Argument(piped)]
        block = only(inner, "do_block")
        return Call(callee, (*given, *arguments_of(inner)), whole, block)

    def _is_head(self, node: Node) -> bool:
        """Tell whether a call is what ``def`` defines."""
        here = node.parent
        if (
            here is not None
            and here.type == "binary_operator"
            and text(here.child_by_field_name("operator")) == "when"
        ):
            here = here.parent
        whole = here.parent if here is not None and here.type == "arguments" else None
        return whole is not None and whole.type == "call" and self._callee(whole) in _DEFINES

    def _callee(self, node: Node) -> str:
        target = node.child_by_field_name("target")
        if target is None or target.type == "identifier":
            return text(target)
        left, right = target.child_by_field_name("left"), target.child_by_field_name("right")
        return f"{text(left)}.{text(right)}" if right is not None else text(left)  # get.("X") of a closure

    def function(self, node: Node) -> Function | None:
        """Return a function taken apart."""
        if node.type == "unary_operator":
            return Function("", tuple(Parameter(f"&{number}") for number in (1, 2)), node)
        if node.type == "anonymous_function":
            clause = only(node, "stab_clause")
            left = clause.child_by_field_name("left") if clause is not None else None
            given = left.named_children if left is not None and left.type == "arguments" else []
            names = [name for one in given for name in (one.named_children if one.type == "tuple" else [one])]
            name = ""
            if (
                node.parent is not None
                and node.parent.type == "binary_operator"
                and _is_right(node, node.parent)
            ):
                name = text(node.parent.child_by_field_name("left"))
            return Function(
                name, tuple(Parameter(text(n) if n.type == "identifier" else "") for n in names), node
            )
        return clause_function(node) if self._callee(node) in _DEFINES else None

    def filled(self, function: Function, call: Call) -> Sequence[Parameter]:
        """Return the parameters that a call's arguments fill: those with a fallback as far as there are more arguments."""
        given = sum(1 for one in call.arguments if not one.name) + any(one.name for one in call.arguments)
        spare = given - sum(1 for one in function.parameters if one.default is None)
        taken = []
        for one in function.parameters:
            if one.default is not None:
                spare -= 1
            if one.default is None or spare >= 0:
                taken.append(one)
        return taken

    def head(self, function: Function) -> Node | None:
        """Return the node that binds a function's parameters."""
        given = only(function.node, "arguments")
        return given.named_children[0] if given is not None and given.named_children else None

    def unmatched(self, function: Function, index: int) -> Node | None:
        """Return what a clause for ``nil`` gives back, where that is an end, a literal or another parameter."""
        value = absence_of(function.node, index)
        if value is None:
            return None
        given = any(one.name and one.name == text(value) for one in function.parameters)
        call = self.call(value)
        ends = call is not None and (call.callee in self.words.exits or _RAISES.match(call.name) is not None)
        return value if given or ends or is_literal(value) else None

    def results(self, node: Node) -> Sequence[Node]:
        """Return what a function gives back."""
        return results_of(node)

    def never(self, call: Call, file: SourceFile, program: Program) -> bool:
        """Tell whether a call never comes back: it is named as what raises, or all that its function comes to is an end."""
        if _RAISES.match(call.name):
            return True
        found = program.functions_named(file, call)[:1]
        return any(self._raises(self.results(function.node)) for _, function in found)

    def _raises(self, values: Sequence[Node]) -> bool:
        calls = [self.call(value) for value in values]
        return bool(calls) and all(call is not None and call.callee in self.words.exits for call in calls)

    def bindings(self, node: Node) -> Iterable[Binding]:
        """Yield the names that a node binds."""
        assignment = self.assignment(node)
        if assignment is not None:
            yield Binding(assignment[0][0], assignment[1])

    def assignment(self, node: Node) -> tuple[tuple[str, ...], Node, str] | None:
        """Return targets, value and operator of an assignment."""
        if node.type == "unary_operator":
            operand = node.child_by_field_name("operand")
            given = only(operand, "arguments") if operand is not None and operand.type == "call" else None
            is_attribute = text(node).startswith("@") and given is not None and len(given.named_children) == 1
            if not is_attribute or operand is None or given is None:
                return None
            return (f"@{text(operand.child_by_field_name('target'))}",), given.named_children[0], "="
        if node.type != "binary_operator" or text(node.child_by_field_name("operator")) != "=":
            return None
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        return ((text(left),), right, "=") if left is not None and right is not None else None

    def loops(self, node: Node) -> Iterable[tuple[str, Node]]:
        """Return the names that a loop binds and what it goes over."""
        return generators(node) if self._callee(node) == "for" else ()

    def by_value(self, source: Node, name: str) -> bool:
        """Tell whether a loop goes over values."""
        pattern = source.parent.child_by_field_name("left") if source.parent is not None else None
        return pattern is not None and pattern.type == "tuple" and text(pattern.named_children[-1]) == name

    def picked(self, source: Node, name: str, function: Function | None = None) -> Sequence[Node]:
        """Return what a name stands for that a pattern takes out of the tuples of a list."""
        return taken_apart(source, name, function.node if function is not None else None)

    def exchange(self, call: Call) -> tuple[Node, str, str] | None:
        """Return what ``String.replace(text, "-", "_")`` does."""
        parts = [call.positional(index) for index in range(3)]
        if call.callee != "String.replace" or None in parts:
            return None
        old, new = (self.string(part) if part is not None else None for part in parts[1:])
        return (parts[0], old, new) if parts[0] is not None and old and new is not None else None

    def imports(self, node: Node) -> Iterable[Import]:
        """Yield the names that an import brings."""
        given = only(node, "arguments") if self._callee(node) == "alias" else None
        if given is None or not given.named_children:
            return
        target, call = given.named_children[0], self.call(node)
        renamed = text(call.named("as")) if call is not None else ""
        if target.type == "alias":
            yield Import(renamed or text(target).rpartition(".")[2], text(target))
        elif target.type == "dot":
            group = target.child_by_field_name("right")
            for one in group.named_children if group is not None else ():
                yield Import(
                    text(one).rpartition(".")[2], f"{text(target.child_by_field_name('left'))}.{text(one)}"
                )

    def candidates(self, module: str, file: str, paths: Sequence[PurePosixPath]) -> Iterator[str]:  # noqa: ARG002
        """Yield the files named as the module, those first whose folders are most like its parents."""
        if self._stems[0] is not paths:
            self._stems = paths, defaultdict(list)
            for path in paths:
                self._stems[1][path.stem].append(str(path))
        parts = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part).lower() for part in module.split(".")]
        found = sorted(self._stems[1].get(parts[-1], ()))
        yield from sorted(found, key=lambda p: -sum(part in p.split("/") for part in parts[:-1]))

    def items(self, node: Node) -> Sequence[Node | str] | None:
        """Return the elements of a list literal."""
        if node.type == "sigil":
            return words_of(node) if sigil_of(node) in {"w", "W"} else None
        if node.type != "list" or any(child.type == "keywords" for child in node.named_children):
            return None
        return node.named_children

    def entries(self, node: Node) -> Sequence[tuple[Node | str, Node]] | None:
        """Return the keys and values of a map literal."""
        body = (
            only(node, "map_content")
            if node.type == "map"
            else node
            if node.type in {"list", "keywords"}
            else None
        )
        if body is None:
            return None
        found: list[tuple[Node | str, Node]] = []
        for child in body.named_children:
            if child.type == "binary_operator":
                left, right = child.child_by_field_name("left"), child.child_by_field_name("right")
                found += [(left, right)] if left is not None and right is not None else []
            elif child.type == "tuple" and len(child.named_children) > 1:
                found.append((child.named_children[0], child.named_children[1]))
            for pair in child.named_children if child.type == "keywords" else ():
                key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
                found += [(key, value)] if key is not None and value is not None else []
        return found or None

    def pieces(self, node: Node) -> Sequence[Node | str] | None:
        """Return the parts of a text that is put together."""
        if node.type == "string":
            return [
                c.named_children[0] if c.type == "interpolation" and c.named_children else text(c)
                for c in node.named_children
            ]
        operation = self.operation(node)
        return [operation[0], operation[2]] if operation and operation[1] == "<>" else None

    def operation(self, node: Node) -> tuple[Node, str, Node] | None:
        """Return the two sides of a binary expression and its operator."""
        found = super().operation(node)
        if found is None or found[1] in {"=", "|>", "<-", "\\\\", "when", "->"}:
            return None
        if found[1] in {"in", "not in"} and found[2].type == "list":
            nothing = next((one for one in found[2].named_children if one.type == "nil"), None)
            return (found[0], "==" if found[1] == "in" else "!=", nothing) if nothing is not None else found
        return found

    def negated(self, node: Node) -> Node | None:
        """Return what a negation negates."""
        if node.type == "unary_operator" and text(node.child_by_field_name("operator")) in {"!", "not"}:
            return node.child_by_field_name("operand")
        return None

    def branch(self, node: Node) -> Branch | None:
        """Return a condition and what follows from it."""
        if node.type == "stab_clause":
            return clause_of(node)
        return if_of(node) if node.type == "call" and self._callee(node) in {"if", "unless"} else None

    def ternary(self, node: Node) -> tuple[Node, Node, Node] | None:
        """Return condition, yes and no of a conditional expression."""
        call = self.call(node) if node.type in {"call", "binary_operator"} else None
        if call is None or call.node != node:
            return None
        if call.callee == "case":
            return case_of(call)
        found = if_of(node) if call.callee in {"if", "unless"} and node.type == "call" else None
        if found is None or found.then is None or found.other is None:
            return None
        if not (is_value(found.then) and is_value(found.other)):
            return None
        return (
            (found.condition, found.other, found.then)
            if found.negated
            else (found.condition, found.then, found.other)
        )

    def returned(self, node: Node) -> Node | None:  # noqa: ARG002  (there is no statement for it)
        """Return what a return statement gives back."""
        return None

    def hands_on(self, here: Node, child: Node) -> bool:
        """Tell whether a node is the clause of a closure, whose value is the closure's."""
        is_only = here.parent is not None and here.parent.type == "anonymous_function"
        return here.type == "stab_clause" and is_only and _is_right(child, here)

    def yielded(self, block: Node) -> Node | None:
        """Return what a block gives back."""
        return value_of(block)

    def caught(self, node: Node) -> bool:
        """Tell whether a conversion happens only where a condition around it has asked for what it converts."""
        names = mentioned(node)
        child, here = node, node.parent
        while here is not None and self.function(here) is None:
            found = self.branch(here)
            asked = found.condition if found is not None else None
            if asked is None and (here.type == "stab_clause" or is_and(here)):
                asked = here.child_by_field_name("left")
            if is_filtered(here, node, names) or is_passed(here, node, names):
                return True
            if asked is not None and asked != child and names & mentioned(asked):
                return True
            child, here = here, here.parent
        return False

    # -- reads -----------------------------------------------------------------------------------------------------------

    def further(self, program: Program) -> Iterable[str]:
        """Return the files with functions that are handed the whole environment."""
        return self._of(program)[0].files()

    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:
        """Yield the reads that a node makes by itself."""
        return self._of(program)[0].reads(node, file)

    def declared(self, name: str, program: Program) -> Place | None:
        """Return what stands in for a key by its declaration."""
        return self._of(program)[1].place(name)

    def _of(self, program: Program) -> tuple[Environment, Declared]:
        known = self._known.get(program)
        if known is None:
            known = self._known[program] = Environment(self, program), Declared(program)
        return known


def _is_right(node: Node, parent: Node) -> bool:
    return parent.child_by_field_name("right") == node
