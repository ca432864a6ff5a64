"""Go: os.Getenv and os.LookupEnv, struct tags of caarlos0/env, envconfig and cleanenv, viper, flags with a variable's name."""

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
    Vocabulary,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Go"]

#: What is called with a name → idiom.
_CALLS: Final = {
    "os.Getenv": "os.Getenv()",
    "os.LookupEnv": "os.LookupEnv()",
    "syscall.Getenv": "syscall.Getenv()",
}
_BINDS: Final = frozenset({"BindEnv", "MustBindEnv"})  # of viper: the names after the key
#: A struct tag's key → (its option for required, its key for the default).
_TAGS: Final = {
    "env": (("required", "notEmpty"), ("envDefault", "env-default", "default")),
    "envconfig": (("required",), ("default", "split_words")),
}
_TAG: Final = re.compile(r'([\w-]+):"((?:[^"\\]|\\.)*)"')


class Go(Language):
    """``.go`` files."""

    name = "go"
    suffixes = frozenset({".go"})
    markers = (
        b"Getenv",
        b"LookupEnv",
        b"`env:",
        b"envconfig",
        b'env:"',
        b"BindEnv",
        b"EnvVar",
        b"Envar",
        b".Environ(",
    )
    query = """
    (function_declaration) @function (method_declaration) @function (func_literal) @function
    (call_expression) @call
    (short_var_declaration) @bind (assignment_statement) @bind (const_spec) @bind (var_spec) @bind
    (range_clause) @loop
    (import_spec) @import
    (if_statement) @branch
    (field_declaration tag: (_)) @read
    (keyed_element) @read
    """
    words: ClassVar[Vocabulary] = Vocabulary(
        fallbacks=frozenset(),
        exits=frozenset({"panic", "os.Exit", "fmt.Errorf", "errors.New", "log.Fatal", "log.Fatalf", "log.Fatalln", "log.Panicf",
                         "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Wrap", "Wrapf"}),
        converters=frozenset({"strings.TrimSpace", "strings.ToLower", "strconv.Atoi", "strconv.ParseBool", "len"}),
        errors=frozenset({"err"}),
    )  # fmt: skip

    def grammar(self, suffix: str) -> Grammar:  # noqa: ARG002
        """Return the grammar of a file with this suffix."""
        import tree_sitter_go  # noqa: PLC0415  (only where there is Go)
        from tree_sitter import Language as Loaded  # noqa: PLC0415

        return Loaded(tree_sitter_go.language())

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
        """Return a call taken apart, None where a node is none."""
        if node.type != "call_expression":
            return None
        function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or given is None:
            return None
        return Call(
            self.dotted(function) or text(function)[:80],
            tuple(Argument(child) for child in given.named_children if child.type != "comment"),
            node,
        )

    def function(self, node: Node) -> Function | None:
        """Return a function taken apart."""
        listed = node.child_by_field_name("parameters")
        parameters = [
            Parameter(text(name), rest=one.type == "variadic_parameter_declaration")
            for one in (listed.named_children if listed is not None else ())
            for name in one.children_by_field_name("name")
        ]
        receiver = node.child_by_field_name("receiver")
        owner = re.sub(r".*[\s*(]", "", text(receiver).rstrip(")")) if receiver is not None else ""
        return Function(text(node.child_by_field_name("name")), tuple(parameters), node, owner)

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
            return (node.children_by_field_name("name"), _each(value)) if value is not None else None
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        return (_each(left), _each(right)) if left is not None and right is not None else None

    def assignment(self, node: Node) -> tuple[tuple[str, ...], Node, str] | None:
        """Return targets, value and operator of an assignment."""
        if node.type not in {"short_var_declaration", "assignment_statement", "const_spec", "var_spec"}:
            return None
        found = self._sides(node)
        if found is None or not found[1]:
            return None
        names = tuple(self.dotted(name) or text(name) for name in found[0])
        return names, found[1][0], text(node.child_by_field_name("operator")) or "="

    def loop(self, node: Node) -> tuple[str, Node] | None:
        """Return the name that a loop binds and what it goes over."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        names = _each(left) if left is not None else []
        return (text(names[-1]), right) if names and right is not None else None

    def imports(self, node: Node) -> Iterable[Import]:
        """Yield the names that an import brings."""
        path = text(node.child_by_field_name("path")).strip('"`')
        local = text(node.child_by_field_name("name")) or re.sub(r"/v\d+$", "", path).rpartition("/")[2]
        return (Import(local, path),)

    def candidates(self, module: str, file: str, paths: Sequence[object]) -> Iterator[str]:  # noqa: ARG002
        """Yield the files of the folder that an import path ends with."""
        parts = module.split("/")
        for count in range(len(parts), 0, -1):
            folder = "/".join(parts[-count:])
            found = [str(p) for p in paths if str(p).rpartition("/")[0] == folder]
            if found:
                yield from found
                return

    def items(self, node: Node) -> Sequence[Node] | None:
        """Return the elements of a list literal."""
        body = _body(node)
        if body is None or any(child.type == "keyed_element" for child in body.named_children):
            return None
        return [child.named_children[0] for child in body.named_children if child.type == "literal_element"]

    def entries(self, node: Node) -> Sequence[tuple[Node | str, Node]] | None:
        """Return the keys and values of a map literal."""
        body = _body(node)
        if body is None or not any(child.type == "keyed_element" for child in body.named_children):
            return None
        pairs = [
            [_inner(part) for part in c.named_children]
            for c in body.named_children
            if c.type == "keyed_element"
        ]
        return [(pair[0], pair[-1]) for pair in pairs if len(pair) > 1]

    def pieces(self, node: Node) -> Sequence[Node | str] | None:
        """Return the parts of a text that is put together."""
        operation = self.operation(node) if node.type == "binary_expression" else None
        return [operation[0], operation[2]] if operation and operation[1] == "+" else None

    def branch(self, node: Node) -> Branch | None:
        """Return a condition and what follows from it."""
        if node.type != "if_statement":
            return None
        condition = node.child_by_field_name("condition")
        if condition is None:
            return None
        return Branch(
            condition, node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        )

    def returned(self, node: Node) -> Node | None:
        """Return what a return statement gives back."""
        if node.type != "return_statement":
            return None
        inner = node.named_children[0] if node.named_children else node
        return _each(inner)[0] if inner.type == "expression_list" and len(_each(inner)) == 1 else inner

    # -- reads -----------------------------------------------------------------------------------------------------------

    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:  # noqa: ARG002
        """Yield the reads that a node makes by itself."""
        if node.type == "field_declaration":
            yield from _tagged(node)
            return
        if node.type == "keyed_element":
            yield from self._flag(node)
            return
        call = self.call(node)
        if call is None:
            return
        if call.callee in _CALLS and (key := call.positional(0)) is not None:
            yield Read(key, node, _CALLS[call.callee])
        elif call.name in _BINDS:
            for argument in call.arguments[1:]:
                yield Read(argument.value, node, "viper.BindEnv()", final=True)
        elif call.name == "Envar" and (key := call.positional(0)) is not None:
            yield Read(key, node, "kingpin Envar()", final=True)

    def _flag(self, node: Node) -> Iterator[Read]:
        """Find ``EnvVars: []string{"X"}`` and ``Sources: cli.EnvVars("X")`` of urfave/cli."""
        parts = [_inner(child) for child in node.named_children]
        if len(parts) > 1 and text(parts[0]) in {"EnvVars", "EnvVar"}:
            default = _sibling(node, "Value")
            for value in self.items(parts[-1]) or [parts[-1]]:
                yield Read(value, node, "cli EnvVars", default=default, final=True)


def _each(node: Node | None) -> list[Node]:
    if node is None:
        return []
    return (
        [c for c in node.named_children if c.type != "comment"] if node.type == "expression_list" else [node]
    )


def _inner(node: Node) -> Node:
    return node.named_children[0] if node.type == "literal_element" and node.named_children else node


def _body(node: Node) -> Node | None:
    if node.type == "composite_literal":
        return node.child_by_field_name("body")
    return node if node.type == "literal_value" else None


def _sibling(node: Node, name: str) -> Node | None:
    for child in node.parent.named_children if node.parent is not None else ():
        parts = [_inner(part) for part in child.named_children]
        if child.type == "keyed_element" and len(parts) > 1 and text(parts[0]) == name:
            return parts[-1]
    return None


def _tagged(node: Node) -> Iterator[Read]:
    tags = dict(_TAG.findall(text(node.child_by_field_name("tag"))))
    for key, (required, defaults) in _TAGS.items():
        if key not in tags:
            continue
        name, *options = tags[key].split(",")
        name = name.strip()
        if not name or name == "-":
            continue
        must = any(option in options for option in required) or tags.get("required") == "true"
        must = must or tags.get("env-required") == "true"
        default = next((tags[d] for d in defaults if d in tags and d != "split_words"), None)
        need: Need = "default" if default is not None else "required" if must else "optional"
        yield Read(name, node, f'struct tag {key}:"…"', need, default_text=default, final=True)
