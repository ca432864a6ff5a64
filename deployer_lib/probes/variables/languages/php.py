"""PHP: getenv, $_ENV and $_SERVER, Laravel's env(), Symfony's %env(X)% in PHP and YAML."""

from __future__ import annotations

import re
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
from deployer_lib.probes.variables.languages.php_forms import (
    arguments_of,
    class_of,
    elements_of,
    else_of,
    is_target,
    members_bound,
    reads_more,
)
from deployer_lib.probes.variables.languages.php_placeholders import defaults_of, placeholder, prepared
from deployer_lib.probes.variables.marks import MARKERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Php"]

#: What is called with a name and perhaps a fallback → what the read needs.
_CALLS: Final[dict[str, Need]] = {
    "getenv": "optional", "env": "optional", "Env.get": "optional", "Env.getOrFail": "required", "App.env": "optional",
    "Environment.getEnv": "optional", "Env.required": "required",
}  # fmt: skip
_ARRAYS: Final = frozenset({"$_ENV", "$_SERVER"})
_NAME: Final = re.compile(r"[A-Za-z_]\w*$")
#: Keys of $_SERVER that describe the request or the server, not the environment.
_REQUEST: Final = re.compile(
    r"(HTTP_|REQUEST_|SERVER_|REMOTE_|SCRIPT_|CONTENT_|DOCUMENT_|CONTEXT_|REDIRECT_|PHP_AUTH_|SSL_|ORIG_|FCGI_|AUTH_TYPE$|PHP_SELF$|"
    r"QUERY_STRING$|PATH_INFO$|PATH_TRANSLATED$|HTTPS$|GATEWAY_INTERFACE$|UNIQUE_ID$|argv$|argc$)|.*[a-z]"
)
#: The same as old servers hand it over to getenv.
_ASKED: Final = re.compile(
    r"(HTTP_(X_|CLIENT_IP|HOST|USER_AGENT|REFERER|ACCEPT|VIA$|FORWARDED|COOKIE|CF_|AUTHORIZATION)|REMOTE_ADDR$|REMOTE_HOST$|REQUEST_URI$|"
    r"REQUEST_METHOD$|SCRIPT_NAME$|SCRIPT_FILENAME$|QUERY_STRING$|PATH_INFO$|DOCUMENT_ROOT$|CONTENT_TYPE$|HTTPS$)"
)
_CAST: Final = "(cast)"
_CLOSURES: Final = frozenset({"anonymous_function", "arrow_function"})
_CALLED: Final = frozenset(
    {
        "function_call_expression",
        "scoped_call_expression",
        "member_call_expression",
        "nullsafe_member_call_expression",
    }
)
_SCRIPT: Final = re.compile(rb"#!.*\bphp\b")  # artisan, bin/console
_FORMAT: Final = re.compile(r"(%s)")


class Php(Language):
    """``.php`` files, Blade templates, and YAML with placeholders."""

    name = "php"
    suffixes = frozenset({".php", ".phtml", ".yaml", ".yml"})
    markers = MARKERS["php"]
    query = """
    (function_definition) @function (method_declaration) @function (anonymous_function) @function (arrow_function) @function
    (function_call_expression) @call (scoped_call_expression) @call (member_call_expression) @call
    (nullsafe_member_call_expression) @call
    (assignment_expression) @bind (augmented_assignment_expression) @bind (const_element) @bind (property_element) @bind
    (enum_case) @bind
    (foreach_statement) @loop
    (namespace_use_clause) @import
    (if_statement) @branch (else_if_clause) @branch (match_expression) @branch (switch_statement) @branch
    (subscript_expression) @read (string) @read (encapsed_string) @read (attribute) @read
    """
    constants = r"\b(?:const|case|define)\b[^;=,]*\bNAME\b"
    words: ClassVar[Vocabulary] = Vocabulary(
        fallbacks=frozenset({"||", "??", "?:", "or"}),
        exits=frozenset({"die", "exit", "abort", "fail", "trigger_error"}),
        converters=frozenset({_CAST, "trim", "rtrim", "ltrim", "intval", "strval", "floatval", "boolval", "filter_var", "explode",
                              "strtolower", "strtoupper", "json_decode", "base64_decode", "array_filter", "array_map", "parse_url",
                              "realpath", "str_replace", "strlen"}),
        absents=frozenset({"empty", "is_null", "blank"}),
        presents=frozenset({"isset", "array_key_exists", "filled", "strlen", "is_string", "defined"}),
        empties=frozenset({"false", "FALSE", "False"}),
    )  # fmt: skip

    def __init__(self) -> None:
        self._defaults: WeakKeyDictionary[Program, dict[str, str]] = WeakKeyDictionary()

    def grammar(self, suffix: str) -> Grammar:  # noqa: ARG002
        """Return the grammar of a file with this suffix."""
        import tree_sitter_php  # noqa: PLC0415  (only where there is PHP)
        from tree_sitter import Language as Loaded  # noqa: PLC0415

        return Loaded(tree_sitter_php.language_php())

    def wants(self, relative: Path, head: bytes) -> bool:
        """Tell whether a file is of this language."""
        return relative.suffix in self.suffixes or _SCRIPT.match(head) is not None

    def apart(self, path: str) -> bool:
        """Tell whether a file is of tests alone."""
        return path.endswith(("Test.php", "_test.php", "_test.yaml", "_test.yml"))

    def prepared(self, source: bytes, path: str) -> bytes:
        """Return the text to parse, every byte in its place."""
        return prepared(source, path)

    # -- trees -----------------------------------------------------------------------------------------------------------

    def string(self, node: Node) -> str | None:
        """Return the value of a plain string literal, None for every other node."""
        if node.type in {"string", "encapsed_string"}:
            parts = node.named_children
            return (
                "".join(map(text, parts))
                if all(p.type in {"string_content", "escape_sequence"} for p in parts)
                else None
            )
        if node.type in {"heredoc", "nowdoc"}:
            body = node.child_by_field_name("value")
            parts = body.named_children if body is not None else []
            return (
                "".join(map(text, parts))
                if all(p.type in {"string_content", "nowdoc_string"} for p in parts)
                else None
            )
        # "$_ENV[X]": a bare word that is a key
        inside = (
            node.type == "name" and node.parent is not None and node.parent.type == "subscript_expression"
        )
        return text(node) if inside else None

    def dotted(self, node: Node) -> str:
        """Return a name or a chain of members as dotted text."""
        if node.type == "variable_name":
            return text(node)[1:]
        if node.type in {"name", "qualified_name", "relative_scope"}:
            return text(node).rpartition("\\")[2]
        if node.type in {"class_constant_access_expression", "scoped_property_access_expression"}:
            parts = [self.dotted(child) for child in node.named_children]
            return ".".join(parts) if all(parts) else ""
        if node.type in {"member_access_expression", "nullsafe_member_access_expression"}:
            owner, name = node.child_by_field_name("object"), text(node.child_by_field_name("name"))
            before = self.dotted(owner) if owner is not None else ""
            is_case = (
                owner is not None and owner.type == "class_constant_access_expression" and name == "value"
            )
            return before if is_case or not before else f"{before}.{name}"
        return ""

    def receiver(self, node: Node) -> Node | None:
        """Return the object of a method call."""
        return node.child_by_field_name("object")

    def call(self, node: Node) -> Call | None:
        """Return a call taken apart, None where a node is none."""
        if node.type == "cast_expression":
            value = node.child_by_field_name("value")
            return Call(_CAST, (Argument(value),), node) if value is not None else None
        if node.type == "assignment_expression":
            return _pushed(node)
        if node.type not in _CALLED:
            return None
        callee = node.child_by_field_name("function") or node.child_by_field_name("name")
        owner = node.child_by_field_name("scope") or node.child_by_field_name("object")
        given = node.child_by_field_name("arguments")
        if callee is None or given is None:
            return None
        name = self.dotted(callee) or text(callee)[:80]
        before = "" if owner is None else f"{self.dotted(owner) or text(owner)[:80].replace('.', ' ')}."
        return Call(before.replace("parent.", "super.") + name, arguments_of(given), node)

    def function(self, node: Node) -> Function | None:
        """Return a function taken apart."""
        listed = node.child_by_field_name("parameters")
        parameters = [
            Parameter(
                text(one.child_by_field_name("name"))[1:],
                one.child_by_field_name("default_value"),
                rest=one.type == "variadic_parameter",
            )
            for one in (listed.named_children if listed is not None else ())
            if one.child_by_field_name("name") is not None
        ]
        name = text(node.child_by_field_name("name"))
        if node.type in _CLOSURES and node.parent is not None and node.parent.type == "assignment_expression":
            left = node.parent.child_by_field_name("left")
            name = self.dotted(left) if left is not None else ""
        return Function(
            name, tuple(parameters), node, class_of(node) if node.type == "method_declaration" else ""
        )

    def bindings(self, node: Node) -> Iterable[Binding]:
        """Yield the names that a node binds."""
        if node.type in {"const_element", "enum_case", "property_element"}:
            yield from members_bound(node)
            return
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return
        if left.type == "list_literal":
            for target, value in zip(left.named_children, self.items(right) or (), strict=False):
                yield Binding(self.dotted(target), value)
        elif name := self.dotted(left):
            yield Binding(name, right)

    def assignment(self, node: Node) -> tuple[tuple[str, ...], Node, str] | None:
        """Return targets, value and operator of an assignment."""
        if node.type not in {"assignment_expression", "augmented_assignment_expression"}:
            return None
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return None
        return (self.dotted(left) or text(left),), right, text(node.child_by_field_name("operator")) or "="

    def loops(self, node: Node) -> Iterable[tuple[str, Node]]:
        """Return the names that a loop binds and what it goes over."""
        source, target = node.named_children[0], node.named_children[1]
        names = target.named_children if target.type == "pair" else [target]
        return [(name, source) for one in names if (name := self.dotted(one))]

    def by_value(self, source: Node, name: str) -> bool:
        """Tell whether a loop goes over values."""
        target = source.next_named_sibling
        return target is not None and not (
            target.type == "pair" and self.dotted(target.named_children[0]) == name
        )

    def imports(self, node: Node) -> Iterable[Import]:
        """Yield the names that an import brings."""
        alias = text(node.child_by_field_name("alias"))
        group = node.parent if node.parent is not None and node.parent.type == "namespace_use_group" else None
        prefix = (
            text(group.parent.named_children[0]) + "/"
            if group is not None and group.parent is not None
            else ""
        )
        path = (prefix + text(node.named_children[0])).replace("\\", "/").strip("/")
        return (Import(alias or path.rpartition("/")[2], path, path.rpartition("/")[2] if alias else ""),)

    def candidates(self, module: str, file: str, paths: Sequence[object]) -> Iterator[str]:  # noqa: ARG002
        """Yield the files named as the class, those first whose folders are most like the namespace."""
        parts = module.lower().split("/")
        found = [str(p) for p in paths if str(p).rpartition("/")[2].lower() == f"{parts[-1]}.php"]
        yield from sorted(found, key=lambda p: -sum(part in p.lower().split("/") for part in parts[:-1]))

    def items(self, node: Node) -> Sequence[Node] | None:
        """Return the elements of a list literal."""
        if node.type != "array_creation_expression":
            return None
        elements = elements_of(node)
        return None if any(len(one) > 1 for one in elements) else [one[0] for one in elements]

    def entries(self, node: Node) -> Sequence[tuple[Node | str, Node]] | None:
        """Return the keys and values of a map literal."""
        if node.type != "array_creation_expression":
            return None
        return [(one[0], one[1]) for one in elements_of(node) if len(one) > 1] or None

    def pieces(self, node: Node) -> Sequence[Node | str] | None:
        """Return the parts of a text that is put together."""
        if node.type == "encapsed_string":
            return [
                text(c) if c.type in {"string_content", "escape_sequence"} else c for c in node.named_children
            ]
        if node.type == "function_call_expression":
            return self._formatted(node)
        operation = self.operation(node)
        return [operation[0], operation[2]] if operation and operation[1] == "." else None

    def _formatted(self, node: Node) -> list[Node | str] | None:
        """Return the parts of ``sprintf("APP_%s", $name)``."""
        call = self.call(node)
        first = call.positional(0) if call is not None and call.callee == "sprintf" else None
        pattern = self.string(first) if first is not None else None
        if (
            call is None
            or not pattern
            or pattern.count("%") != pattern.count("%s")
            or pattern.count("%") != len(call.arguments) - 1
        ):
            return None
        values = iter(call.arguments[1:])
        return [next(values).value if part == "%s" else part for part in _FORMAT.split(pattern)]

    def branch(self, node: Node) -> Branch | None:
        """Return a condition and what follows from it."""
        condition = node.child_by_field_name("condition")
        if condition is None or node.type not in {
            "if_statement",
            "else_if_clause",
            "match_expression",
            "switch_statement",
        }:
            return None
        body = node.child_by_field_name("body")
        if node.type in {"if_statement", "else_if_clause"}:
            return Branch(condition, body, else_of(node))
        kinds = {"match_default_expression", "default_statement"}
        other = next((c for c in (body.named_children if body is not None else ()) if c.type in kinds), None)
        return Branch(condition, None, other)

    def ternary(self, node: Node) -> tuple[Node, Node, Node] | None:
        """Return condition, yes and no of a conditional expression."""
        parts = [node.child_by_field_name(name) for name in ("condition", "body", "alternative")]
        is_whole = node.type == "conditional_expression" and parts[0] and parts[1] and parts[2]
        return (parts[0], parts[1], parts[2]) if is_whole else None  # type: ignore[return-value]  # checked in is_whole

    def operation(self, node: Node) -> tuple[Node, str, Node] | None:
        """Return the two sides of a binary expression and its operator."""
        if node.type == "conditional_expression" and node.child_by_field_name("body") is None:
            condition, other = node.child_by_field_name("condition"), node.child_by_field_name("alternative")
            return (condition, "?:", other) if condition is not None and other is not None else None
        return super().operation(node)

    def throws(self, node: Node) -> bool:
        """Tell whether a node raises by its kind alone."""
        return node.type in {"throw_expression", "exit_statement"}

    # -- reads -----------------------------------------------------------------------------------------------------------

    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:
        """Yield the reads that a node makes by itself."""
        if node.type == "subscript_expression":
            yield from self._subscript(node, file, program)
        elif node.type in {"string", "encapsed_string"}:
            if "env(" in text(node):
                yield from placeholder(node, self._known(program), whole=not file.path.endswith(".php"))
        elif node.type == "attribute":
            yield from self._autowired(node, program)
        elif (call := self.call(node)) is not None:
            yield from self._called(call, file)

    def _known(self, program: Program) -> dict[str, str]:
        if program not in self._defaults:
            self._defaults[program] = defaults_of(program)
        return self._defaults[program]

    def _subscript(self, node: Node, file: SourceFile, program: Program) -> Iterator[Read]:
        if len(node.named_children) < 2 or is_target(node):  # noqa: PLR2004  ($x[] has no key)
            return
        owner, key = node.named_children[0], node.named_children[1]
        array = self._array(owner, file, program)
        if array is None:
            return
        name = self.string(key)
        if array == "$_SERVER" and (_REQUEST.match(name) if name is not None else not reads_more(node, file)):
            return
        yield Read(key, node, f"{array}[]")

    def _array(self, node: Node, file: SourceFile, program: Program, depth: int = 4) -> str | None:
        """Return which array of the environment an expression is: $_ENV, getenv(), a name that was given one; else None."""
        written = text(node)
        if written in _ARRAYS:
            return written
        if node.type == "function_call_expression":
            return "getenv()" if written.replace("\\", "") == "getenv()" else None
        if node.type != "variable_name" or depth == 0:
            return None
        if written == "$context" and b"autoload_runtime" in (file.root.text or b""):
            return "$context"
        found, _ = program.bindings_of(file, node, written[1:])
        return self._array(found[0].value, file, program, depth - 1) if found else None

    def _called(self, call: Call, file: SourceFile) -> Iterator[Read]:
        callee = call.callee.rpartition("\\")[2]
        key = call.positional(0) or call.named("name", "key", "varname")
        if callee in _CALLS and key is not None and not _is_fluent(call.node):
            name = self.string(key)
            if name is None or (_NAME.match(name) and not (callee == "getenv" and _ASKED.match(name))):
                yield self._read(call, callee, key, file)
        elif call.name == "required" and "dotenv" in call.owner.lower():
            for item in self.items(key) or [key] if key is not None else ():
                yield Read(item, call.node, "dotenv required()", "required", final=True)
        elif (
            callee == "filter_input"
            and key is not None
            and text(key) == "INPUT_ENV"
            and len(call.arguments) > 1
        ):
            yield Read(call.arguments[1].value, call.node, "filter_input()")
        elif (
            callee == "array_key_exists"
            and len(call.arguments) > 1
            and text(call.arguments[1].value) == "$_ENV"
        ):
            yield Read(call.arguments[0].value, call.node, "array_key_exists()")

    def _read(self, call: Call, callee: str, key: Node, file: SourceFile) -> Read:
        need, idiom = _CALLS[callee], f"{callee.replace('.', '::')}()"
        if callee == "env" and "Configurator" in getattr(file.imports.get("env"), "module", ""):
            return Read(
                key, call.node, idiom, "required", final=True
            )  # Symfony's: it fails where the variable is absent
        default = None if callee == "getenv" else call.positional(1) or call.named("default")
        return Read(key, call.node, idiom, need, default=default)

    def _autowired(self, node: Node, program: Program) -> Iterator[Read]:
        """Find ``#[Autowire(env: "int:X")]``."""
        given = node.child_by_field_name("parameters")
        if self.dotted(node.named_children[0]) != "Autowire" or given is None:
            return
        for argument in arguments_of(given):
            name = self.string(argument.value) if argument.name == "env" else None
            if name:
                yield from placeholder(
                    argument.value, self._known(program), whole=True, written=f"env({name})"
                )


def _is_fluent(node: Node) -> bool:
    """Tell whether a call of ``env`` is a group of routes or the like: ``$app->env("X")`` is a method of something else."""
    return node.type == "member_call_expression"


def _pushed(node: Node) -> Call | None:
    """Return ``$missing[] = $name`` as the call that it is."""
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None or left.type != "subscript_expression" or len(left.named_children) != 1:
        return None
    return Call(f"{text(left.named_children[0]).lstrip('$')}.push", (Argument(right),), node)
