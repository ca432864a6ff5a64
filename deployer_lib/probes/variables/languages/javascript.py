"""JavaScript and TypeScript: process.env in all spellings, import.meta.env, Deno, Bun, and what wraps them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final
from weakref import WeakKeyDictionary

from deployer_lib.probes.variables.flow.grammar import (
    Argument,
    Binding,
    Call,
    Function,
    Import,
    Language,
    Parameter,
    Vocabulary,
    text,
)
from deployer_lib.probes.variables.languages.javascript_environment import Environment
from deployer_lib.probes.variables.languages.javascript_modules import Modules
from deployer_lib.probes.variables.languages.javascript_origins import is_foreign
from deployer_lib.probes.variables.languages.javascript_patterns import (
    is_value,
    names_of,
    pattern_of,
    picked_of,
)
from deployer_lib.probes.variables.languages.javascript_trees import (
    cut_out,
    given_name,
    members,
    owner_of,
    parameters_of,
)
from deployer_lib.probes.variables.languages.javascript_users import Users
from deployer_lib.probes.variables.marks import MARKERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import PurePosixPath

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Read
    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["JavaScript"]

_TYPED: Final = frozenset(
    {".ts", ".mts", ".cts"}
)  # the rest may hold JSX, whose grammar reads plain JavaScript too
#: A variable of what is called environment is asked for in capitals or by a key.
_MATTERS: Final = re.compile(
    rb"[eE]nv(?!ironments?\b|elope)|ENV(?!IRONMENT)|[eE]nvironments?(?:\?\.)?(?:\.[A-Z_]|\[)|class\s+\w*Environment"
    rb"|\}\s*=\s*[\w.]*[eE]nvironment|onfig(?:Service|Module)"
)
_TESTS: Final = re.compile(
    r"(?:^|/)(?:__mocks__|__fixtures__|fixtures|cypress|\.storybook)/|\.(?:test|spec|e2e|stories|story|bench|cy)\.\w+$"
    r"|\.(?:e2e-)?(?:test|spec)\.|\.d\.[cm]?ts$|\.min\.[cm]?js$|(?:^|/)(?:jest|vitest|playwright|cypress|karma)[\w.-]*\.config\.\w+$"
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_REQUIRES: Final = frozenset({"require", "import", "jiti", "require.resolve"})
_BINDERS: Final = frozenset({"assignment_expression", "augmented_assignment_expression"})
_PARAMETERS: Final = frozenset({"required_parameter", "optional_parameter"})
_QUESTIONS: Final = frozenset(
    {"startsWith", "endsWith", "includes", "test", "match", "some", "every", "has", "equals"}
)
_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r"}


class JavaScript(Language):
    """``.js``, ``.ts`` and their kin, and the scripts in ``.vue``, ``.svelte`` and ``.astro`` files."""

    name = "javascript"
    suffixes = frozenset(
        {".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte", ".astro"}
    )
    markers = MARKERS["javascript"]
    query = """
    (function_declaration) @function (function_expression) @function (arrow_function) @function
    (method_definition) @function (generator_function_declaration) @function (generator_function) @function
    (call_expression) @call (new_expression) @call
    (variable_declarator) @bind (assignment_expression) @bind (augmented_assignment_expression) @bind
    (public_field_definition) @bind (enum_declaration) @bind (export_statement value: (_)) @bind
    (export_specifier alias: (_)) @bind
    (for_in_statement) @loop
    (import_statement) @import (export_statement source: (_)) @import (variable_declarator) @import
    (if_statement) @branch
    (member_expression) @read (subscript_expression) @read (object_pattern) @read
    (binary_expression operator: "in") @read (import_statement) @read
    """
    modular = True
    whole = True
    words: ClassVar[Vocabulary] = Vocabulary(
        fallbacks=frozenset({"||", "??"}),
        nulls=frozenset({"null", "undefined", "void 0", "void(0)"}),
        exits=frozenset({"process.exit", "proc.exit", "exit", "Deno.exit", "Bun.exit", "process.abort", "assert.fail",
                         "Promise.reject", "die", "bail", "panic", "core.setFailed"}),
        asserts=frozenset({"assert", "assert.ok", "ok", "invariant", "tinyInvariant", "assertExists", "assertDefined",
                           "assert.exists", "assert.isDefined", "nullthrows", "assertIsDefined", "nonNullable",
                           "assertNonNullable", "strict.ok", "console.assert"}) - {"console.assert", "ok"},
        converters=frozenset({"Number", "parseInt", "parseFloat", "String", "BigInt", "Number.parseInt", "Number.parseFloat",
                              "decodeURIComponent", "encodeURIComponent", "Math.floor", "trim", "toLowerCase", "toUpperCase",
                              "toString"}),
        absents=frozenset({"isEmpty", "isNil", "isNull", "isUndefined", "_.isEmpty", "_.isNil", "_.isUndefined", "isNaN",
                           "Number.isNaN", "isBlank"}),
        presents=frozenset({"trim", "Boolean", "isDefined", "isString", "isNotEmpty", "toLowerCase", "toUpperCase",
                            "toString", "Number.isFinite", "isFinite", "Number.isInteger"}),
    )  # fmt: skip
    wrapping = frozenset(
        {
            "parenthesized_expression",
            "non_null_expression",
            "as_expression",
            "satisfies_expression",
            "await_expression",
        }
    )

    def __init__(self) -> None:
        self._modules, self._users = Modules(self), Users()
        self._calls: dict[int, Call | None] = {}  # node's id → call; the trees live as long as the reader
        self._environments: WeakKeyDictionary[Program, Environment] = WeakKeyDictionary()

    def grammar(self, suffix: str) -> Grammar:
        """Return the grammar of TypeScript, with JSX where a file may hold it: plain JavaScript is part of it."""
        import tree_sitter_typescript  # noqa: PLC0415  (only where there is JavaScript)
        from tree_sitter import Language as Loaded  # noqa: PLC0415

        typed = suffix in _TYPED
        return Loaded(
            tree_sitter_typescript.language_typescript() if typed else tree_sitter_typescript.language_tsx()
        )

    def apart(self, path: str) -> bool:
        """Tell whether a file is a test, a story, a declaration or minified."""
        return _TESTS.search(path) is not None

    def matters(self, source: bytes) -> bool:
        """Tell whether a file may read anything: "environment" alone is a word like any other."""
        return _MATTERS.search(source) is not None

    def prepared(self, source: bytes, path: str) -> bytes:
        """Return the scripts of a component, every byte in its place; nothing of what a packer wrote or a test needs."""
        return b"" if is_foreign(source, path) else cut_out(source, path)

    # -- expressions -----------------------------------------------------------------------------------------------------

    def string(self, node: Node) -> str | None:
        """Return the value of a string or template without anything computed in it."""
        if node.type == "string" or (
            node.type == "template_string"
            and all(c.type != "template_substitution" for c in node.named_children)
        ):
            return _ESCAPE.sub(lambda found: _LETTERS.get(found[1], found[1]), text(node)[1:-1])
        return None

    def dotted(self, node: Node) -> str:
        """Return a name or a chain of members as dotted text."""
        while node.type in self.wrapping and node.named_children:
            node = node.named_children[0]
        if node.type in {"member_expression", "subscript_expression"}:
            operand = node.child_by_field_name("object")
            name = text(node.child_by_field_name("property")) or self._index(node)
            owner = self.dotted(operand) if operand is not None and name else ""
            return f"{owner}.{name}" if owner else ""
        named = {
            "identifier",
            "shorthand_property_identifier",
            "this",
            "super",
            "meta_property",
            "type_identifier",
        }
        return text(node) if node.type in named else ""

    def _index(self, node: Node) -> str:
        index = node.child_by_field_name("index")
        return (self.string(index) or "") if index is not None else ""

    def receiver(self, node: Node) -> Node | None:
        """Return the object of a method call."""
        function = node.child_by_field_name("function")
        return function.child_by_field_name("object") if function is not None else None

    def call(self, node: Node) -> Call | None:
        """Return a call, or what ``new`` makes, taken apart; kept, since each is asked for many times."""
        if node.type not in {"call_expression", "new_expression"}:
            return None
        if node.id not in self._calls:
            self._calls[node.id] = self._call(node)
        return self._calls[node.id]

    def _call(self, node: Node) -> Call | None:
        made = node.child_by_field_name("constructor")
        function, given = node.child_by_field_name("function") or made, node.child_by_field_name("arguments")
        if function is None:
            return None
        while function.type in self.wrapping and function.named_children:
            function = function.named_children[0]
        callee = self.dotted(function)
        if not callee and function.type == "member_expression":
            callee = f"().{text(function.child_by_field_name('property'))}"
        return Call(f"{callee}.constructor" if made else callee or "()", tuple(self._arguments(given)), node)

    def _arguments(self, given: Node | None) -> Iterator[Argument]:
        """Yield arguments, and the entries of one object among them as named: ``f({name: "X"})``."""
        if given is None or given.type != "arguments":
            return
        values = [child for child in given.named_children if child.type != "comment"]
        for value in values:
            yield Argument(value)
        for value in values:
            if value.type == "object":
                for key, entry in self.entries(value) or ():
                    yield Argument(entry, key if isinstance(key, str) else text(key))

    def pieces(self, node: Node) -> Sequence[Node | str] | None:
        """Return the parts of a template or a concatenation."""
        if node.type == "template_string":
            return [
                child.named_children[0]
                if child.type == "template_substitution" and child.named_children
                else text(child)
                for child in node.named_children
            ]
        operation = self.operation(node) if node.type == "binary_expression" else None
        return [operation[0], operation[2]] if operation and operation[1] == "+" else None

    def items(self, node: Node) -> Sequence[Node | str] | None:
        """Return the elements of an array, of a set of one too."""
        call = self.call(node) if node.type in {"new_expression", "call_expression"} else None
        if call is not None and call.callee in {"Set.constructor", "Object.freeze"}:
            inner = call.positional(0)
            return self.items(inner) if inner is not None else None
        if node.type != "array":
            return None
        return [
            child.named_children[0] if child.type == "spread_element" and child.named_children else child
            for child in node.named_children
            if child.type != "comment"
        ]

    def entries(self, node: Node) -> Sequence[tuple[Node | str, Node]] | None:
        """Return the keys and values of an object or an enum."""
        if node.type == "call_expression" and text(node.child_by_field_name("function")) == "Object.freeze":
            call = self.call(node)
            inner = call.positional(0) if call is not None else None
            return self.entries(inner) if inner is not None else None
        while node.type in self.wrapping and node.named_children:
            node = node.named_children[0]
        if node.type not in {"object", "enum_body"}:
            return None
        return [entry for child in node.named_children if (entry := self._entry(child)) is not None]

    def _entry(self, child: Node) -> tuple[str, Node] | None:
        if child.type == "shorthand_property_identifier":
            return text(child), child
        key = child.child_by_field_name("key") or child.child_by_field_name("name")
        value = child if child.type == "method_definition" else child.child_by_field_name("value")
        if key is None or value is None:
            return None
        if key.type == "computed_property_name" and key.named_children:
            key = key.named_children[0]
        written = self.string(key)
        return (written if written is not None else text(key)), value

    def indexed(self, node: Node) -> tuple[Node, Node] | None:
        """Return the holder and the index of ``holder[index]``."""
        if node.type != "subscript_expression":
            return None
        holder, index = node.child_by_field_name("object"), node.child_by_field_name("index")
        return (holder, index) if holder is not None and index is not None else None

    def hands_on(self, here: Node, child: Node) -> bool:
        """Tell whether a chain of methods goes on from a read: ``read?.split(',')``."""
        if here.type == "member_expression":
            return child == here.child_by_field_name("object")
        if here.type != "call_expression" or child != here.child_by_field_name("function"):
            return False
        return text(child.child_by_field_name("property")) not in _QUESTIONS

    # -- statements ------------------------------------------------------------------------------------------------------

    def function(self, node: Node) -> Function | None:
        """Return a function taken apart; one that is bound to a name has that name."""
        name = text(node.child_by_field_name("name")) or given_name(node)
        return Function(name, tuple(Parameter(*one) for one in parameters_of(node)), node, owner_of(node))

    def results(self, node: Node) -> Sequence[Node]:
        """Return what a function gives back."""
        body = node.child_by_field_name("body")
        if body is None or body.type != "statement_block":
            return [body] if body is not None else []
        found, stack = [], list(reversed(body.named_children))
        while stack:
            here = stack.pop()
            if here.type == "return_statement" and here.named_children:
                found.append(here.named_children[0])
            elif here.type not in {
                "arrow_function",
                "function_expression",
                "function_declaration",
                "class_declaration",
            }:
                stack.extend(reversed(here.named_children))
        return found

    def bindings(self, node: Node) -> Iterable[Binding]:
        """Yield the names that a declaration, an assignment, an enum or a default export binds."""
        if node.type == "enum_declaration":
            name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
            return (Binding(text(name), body),) if body is not None else ()
        if node.type == "export_statement":
            value = node.child_by_field_name("value")
            return (Binding("default", value),) if value is not None else ()
        if node.type == "export_specifier":
            name, alias = node.child_by_field_name("name"), node.child_by_field_name("alias")
            return (Binding(text(alias), name),) if name is not None else ()
        if node.type == "public_field_definition":
            value, field = node.child_by_field_name("value"), text(node.child_by_field_name("name"))
            owners = (owner_of(node), "this") if value is not None else ()
            return tuple(Binding(f"{owner}.{field}", value) for owner in owners if value is not None)
        return self._assigned(node)

    def _assigned(self, node: Node) -> Iterator[Binding]:
        target = node.child_by_field_name("name") or node.child_by_field_name("left")
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        if target is None or value is None or node.type == "augmented_assignment_expression":
            return
        if target.type == "object_pattern":
            for name, default, local in members(target):
                yield Binding(local or name, value, name, default)
            for child in target.named_children:
                if child.type == "rest_pattern" and child.named_children:
                    yield Binding(text(child.named_children[0]), value)
            return
        dotted = self.dotted(target)
        if dotted == "module.exports":
            yield Binding("default", value)
            for key, entry in self.entries(value) or ():
                yield Binding(key if isinstance(key, str) else text(key), entry)
        elif dotted.startswith(("exports.", "module.exports.")):
            yield Binding(dotted.rpartition(".")[2], value)
        elif dotted:
            yield Binding(dotted, value)

    def assignment(self, node: Node) -> tuple[tuple[str, ...], Node, str] | None:
        """Return targets, value and operator of a declaration, an assignment, or a parameter that need not be given."""
        if node.type not in _BINDERS | _PARAMETERS | {"variable_declarator", "public_field_definition"}:
            return None
        field = "pattern" if node.type in _PARAMETERS else "name"
        target = node.child_by_field_name(field) or node.child_by_field_name("left")
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        if target is None or value is None:
            return None
        name = text(target) if target.type == "property_identifier" else self.dotted(target)
        names = (f"this.{name}",) if node.type == "public_field_definition" else (name,) if name else ()
        return names, value, text(node.child_by_field_name("operator")) or "="

    def loop(self, node: Node) -> tuple[str, Node] | None:
        """Return the name that a loop binds, and what it goes over."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        return None if left is None or right is None else (text(left), right)

    def loops(self, node: Node) -> Iterable[tuple[str, Node]]:
        """Yield the names that a loop binds, those in a pattern too, and what it goes over."""
        whole = self.loop(node)
        pattern = pattern_of(whole[1], None) if whole is not None else None
        if whole is None or pattern is None:
            return () if whole is None else (whole,)
        return [(name, whole[1]) for name in names_of(pattern)]

    def by_value(self, source: Node, name: str) -> bool:
        """Tell whether a loop over an object's entries binds a name to their values."""
        return is_value(source, name, self)

    def picked(self, source: Node, name: str, function: Function | None = None) -> Sequence[Node]:
        """Return what a name in a pattern stands for in every element of a list."""
        pattern = pattern_of(source, function.node if function is not None else None)
        return () if pattern is None else picked_of(source, pattern, name, self)

    # -- files -----------------------------------------------------------------------------------------------------------

    def imports(self, node: Node) -> Iterable[Import]:
        """Yield what an import, a require or a re-export brings."""
        if node.type == "variable_declarator":
            return self._required(node)
        source = node.child_by_field_name("source")
        module = (self.string(source) or "") if source is not None else ""
        return _exported(node, module) if node.type == "export_statement" else _imported(node, module)

    def _required(self, node: Node) -> Iterator[Import]:
        """Yield what ``const … = require("…")`` brings, and ``await import("…")``."""
        value, target, member = node.child_by_field_name("value"), node.child_by_field_name("name"), ""
        while value is not None and value.type in self.wrapping | {"member_expression"}:
            if value.type == "member_expression":
                member, value = (
                    text(value.child_by_field_name("property")),
                    value.child_by_field_name("object"),
                )
            else:
                value = value.named_children[0] if value.named_children else None
        if value is None or target is None or value.type != "call_expression":
            return
        if text(value.child_by_field_name("function")) not in _REQUIRES:
            return
        call = self.call(value)
        given = call.positional(0) if call is not None else None
        module = self.string(given) if given is not None else None
        if module is None:
            return
        if target.type == "object_pattern":
            for name, _, local in members(target):
                yield Import(local or name, module, name)
        else:
            yield Import(text(target), module, member)

    def candidates(self, module: str, file: str, paths: Sequence[PurePosixPath]) -> Iterator[str]:
        """Yield the files that an import means."""
        return iter(self._modules.files(module, file, paths))

    def targets(
        self, call: Call, file: SourceFile, program: Program
    ) -> list[tuple[SourceFile, Function]] | None:
        """Return the function that a call means, by imports, classes and scopes."""
        return self._modules.targets(call, file, program)

    def never(self, call: Call, file: SourceFile, program: Program) -> bool:
        """Tell whether a call never comes back."""
        return self._modules.never(call, file, program)

    def users(self, name: str, file: SourceFile, program: Program) -> Iterable[tuple[SourceFile, str]]:
        """Yield the files that import a constant and ask for it."""
        return self._users.of(name, file, program)

    # -- reads -----------------------------------------------------------------------------------------------------------

    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:
        """Yield the reads that a node makes."""
        known = self._environments.get(program)
        if known is None:
            known = self._environments[program] = Environment(self, program)
        return known.reads(node, file)


def _imported(node: Node, module: str) -> Iterator[Import]:
    for clause in node.named_children:
        if clause.type == "import_require_clause":
            source = text(clause.child_by_field_name("source")).strip("'\"")
            yield Import(text(clause.named_children[0]), source)
        for part in clause.named_children if clause.type == "import_clause" else ():
            if part.type == "identifier":
                yield Import(text(part), module, "default")
            elif part.type == "namespace_import":
                yield Import(text(part.named_children[0]), module)
            elif part.type == "named_imports":
                for one in part.named_children:
                    name = text(one.child_by_field_name("name"))
                    yield Import(text(one.child_by_field_name("alias")) or name, module, name)


def _exported(node: Node, module: str) -> Iterator[Import]:
    """Yield what a file hands on: ``export * from``, ``export {a as b} from``."""
    if not module:
        return
    for clause in node.named_children:
        if clause.type == "namespace_export":
            yield Import(text(clause.named_children[0]), module)
            return
        if clause.type == "export_clause":
            for one in clause.named_children:
                name = text(one.child_by_field_name("name"))
                yield Import(text(one.child_by_field_name("alias")) or name, module, name)
            return
    yield Import("*", module)
