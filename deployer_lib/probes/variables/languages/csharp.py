"""C#: Environment.GetEnvironmentVariable, IConfiguration by names in capitals, DotNetEnv, ExpandEnvironmentVariables."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
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
from deployer_lib.probes.variables.flow.texts import keys_of, plain
from deployer_lib.probes.variables.languages.csharp_syntax import (
    chained,
    classes,
    created,
    dotted,
    initializer,
    pairs_of,
    pattern_kind,
    pieces,
    sides,
    string,
    switched,
    taken,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["CSharp"]

_ENVIRONMENT: Final = "GetEnvironmentVariable"
_ALL: Final = "GetEnvironmentVariables"
_ALL_IDIOM: Final = "Environment.GetEnvironmentVariables()"
_EXPAND: Final = "ExpandEnvironmentVariables"
_EXPANDED: Final = re.compile(r"%([A-Za-z_][A-Za-z0-9_]*)%")
_KINDS: Final = ("String", "Int", "Boolean", "Double", "Decimal")
#: Methods of DotNetEnv and dotenv.net that are called with a name → what a read without a fallback needs.
_DOTENV: Final[dict[str, Need]] = {
    **dict.fromkeys([f"Env.{name}" for name in ("GetString", "GetInt", "GetBool", "GetDouble")], "optional"),
    **dict.fromkeys([f"EnvReader.Get{kind}Value" for kind in _KINDS], "required"),
    **dict.fromkeys([f"EnvReader.TryGet{kind}Value" for kind in _KINDS], "optional"),
    "EnvReader.HasValue": "optional",
}
#: What holds settings of every source; of these a name in capitals, with an underscore, is a variable's.
_SETTINGS: Final = re.compile(r"(?:^|\.)_?(?:\w*[cC]onfiguration(?:Root|Manager)?|\w*[cC]onfig|cfg)$")
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
#: What a new process gets: the program's own environment, until it is changed.
_STARTED: Final = re.compile(r"(?:^|\.)_?(?:\w*[sS]tartInfo|psi)\.Environment(?:Variables)?$")
#: Methods that look a name up in a dictionary of the environment.
_LOOKUPS: Final = frozenset({"Contains", "ContainsKey", "TryGetValue", "GetValueOrDefault"})
_NUMBERS: Final = ("int", "long", "short", "uint", "ulong", "double", "float", "decimal", "bool", "byte", "Guid", "TimeSpan",
                   "DateTime", "DateTimeOffset", "Enum", "Int32", "Int64", "Boolean", "Double", "Decimal", "IPAddress", "Version",
                   "DateOnly", "TimeOnly", "BigInteger", "IPEndPoint")  # fmt: skip
_GUARDS: Final = ("ThrowIfNull", "ThrowIfNullOrEmpty", "ThrowIfNullOrWhiteSpace", "NotNull", "NotNullOrEmpty", "NotNullOrWhiteSpace",
                  "AgainstNull", "AgainstNullOrEmpty", "AgainstNullOrWhiteSpace", "IsNotNull", "IsNotNullOrEmpty",
                  "IsNotNullOrWhiteSpace", "ArgumentNotNull", "ArgumentNotNullOrEmpty")  # fmt: skip
_IS_NULL: Final = re.compile(rb"\bis(\s+)null\b(?!\s+(?:or|and)\b)")
_IS_NOT_NULL: Final = re.compile(rb"\bis(\s+)not(\s+)null\b(?!\s+(?:or|and)\b)")
_FUNCTIONS: Final = frozenset({"method_declaration", "local_function_statement", "constructor_declaration"})
_TEST_FOLDERS: Final = re.compile(
    r"(?:^|[._-])(?:[Tt]ests?|TESTS?|[Tt]esting|[A-Za-z]*(?:Unit|Integration|Functional|Acceptance)Tests?)$"
)


class CSharp(Language):
    """``.cs`` files."""

    name = "csharp"
    suffixes = frozenset({".cs"})
    markers = (
        b"GetEnvironmentVariable",
        b"ExpandEnvironmentVariables",
        b"onfig",
        b"cfg",
        b"DotNetEnv",
        b"EnvReader",
        b"dotenv",
        b"StartInfo",
    )
    query = """
    (method_declaration) @function (local_function_statement) @function (constructor_declaration) @function
    (lambda_expression) @function (anonymous_method_expression) @function
    (invocation_expression) @call (object_creation_expression) @call
    (implicit_object_creation_expression) @call (constructor_initializer) @call
    (variable_declarator) @bind (assignment_expression) @bind (property_declaration) @bind
    (foreach_statement) @loop
    (using_directive) @import
    (if_statement) @branch
    (element_access_expression) @read
    """
    switches = True
    constants = r"(?:const|readonly|static)\s+(?:string|String)\s+NAME\s*(?:=|\{\s*get;\s*\}\s*=)"
    wrapping: ClassVar[frozenset[str]] = frozenset({"parenthesized_expression", "postfix_unary_expression", "arrow_expression_clause",
                                                    "expression_element", "collection_element"})  # fmt: skip
    operations: ClassVar[frozenset[str]] = frozenset({"binary_expression", "is_pattern_expression"})
    words: ClassVar[Vocabulary] = Vocabulary(
        fallbacks=frozenset({"??"}),
        nulls=frozenset({"null", "default", "null!", "default!"}),
        exits=frozenset({"Environment.Exit", "Environment.FailFast", "Exit", "FailFast", "Assert.Fail"}),
        converters=frozenset({"Convert.ToInt32", "Convert.ToBoolean", "Convert.ToInt64", "Trim", "ToLower", "ToUpper",
                              "ToLowerInvariant", "ToUpperInvariant", "TrimEnd", "TrimStart", "ToString"}),
        asserts=frozenset({f"{kind}.Parse" for kind in _NUMBERS} | {"Uri", "System.Uri", *_GUARDS}),
        absents=frozenset({"IsNullOrEmpty", "IsNullOrWhiteSpace"}),
        presents=frozenset({"TryParse"}),
        empties=frozenset({"string.Empty", '""', "String.Empty"}),
        rescues=frozenset({"IfNullOrEmpty", "IfNullOrWhiteSpace", "OrDefault", "IfEmpty", "GetValueOrDefault"}),
    )  # fmt: skip

    def grammar(self, suffix: str) -> Grammar:  # noqa: ARG002
        """Return the grammar of a file with this suffix."""
        import tree_sitter_c_sharp  # noqa: PLC0415  (only where there is C#)
        from tree_sitter import Language as Loaded  # noqa: PLC0415

        return Loaded(tree_sitter_c_sharp.language())

    def apart(self, path: str) -> bool:
        """Tell whether a file is of a project of tests: ``Shop.Tests/…``."""
        return any(_TEST_FOLDERS.search(folder) for folder in PurePosixPath(path).parts[:-1])

    def prepared(self, source: bytes, path: str) -> bytes:  # noqa: ARG002
        """Return code in which ``is null`` stands as ``== null``: the grammar takes ``x is null || y`` for one pattern."""
        source = _IS_NULL.sub(rb"==\1null", source)
        return _IS_NOT_NULL.sub(rb"!=\1   \2null", source)

    # -- trees -----------------------------------------------------------------------------------------------------------

    def string(self, node: Node) -> str | None:
        """Return the value of a plain string literal, None for every other node."""
        return string(node)

    def dotted(self, node: Node) -> str:
        """Return a name or a chain of members as dotted text."""
        return dotted(node)

    def pieces(self, node: Node) -> Sequence[Node | str] | None:
        """Return the parts of a text that is put together."""
        return pieces(node)

    def null(self, node: Node) -> bool:
        """Tell whether an expression is the language's null."""
        return (
            text(node) in self.words.nulls
            or node.type.endswith("_pattern")
            or node.type == "default_expression"
        )

    def receiver(self, node: Node) -> Node | None:
        """Return the object of a method call."""
        function = node.child_by_field_name("function")
        return function.child_by_field_name("expression") if function is not None else None

    def call(self, node: Node) -> Call | None:
        """Return a call taken apart, None where a node is none."""
        if node.type in {"implicit_object_creation_expression", "constructor_initializer"}:
            made = created(node)
            given = next((c for c in node.named_children if c.type == "argument_list"), None)
            return Call(made, tuple(_arguments(given)), node) if made and given is not None else None
        if node.type not in {"invocation_expression", "object_creation_expression"} or chained(node):
            return None
        function = node.child_by_field_name("function") or node.child_by_field_name("type")
        given = node.child_by_field_name("arguments")
        if function is None or given is None:
            return None
        return Call(_callee(function), tuple(_arguments(given)), node)

    def hands_on(self, here: Node, child: Node) -> bool:
        """Tell whether a node is absent where the one below it is: a ``?.`` chain, a cast, an ``await``."""
        if here.type == "conditional_access_expression":
            return here.child_by_field_name("condition") == child
        if here.type in {"invocation_expression", "member_access_expression", "element_access_expression"}:
            first = here.child_by_field_name("function") or here.child_by_field_name("expression")
            asked = here.type == "member_access_expression" and _converts(self.words, here, child)
            return first == child and (chained(here) or asked)
        return (
            here.type in {"cast_expression", "as_expression", "interpolation", "checked_expression"}
            and value_of(here) == child
        )

    def settled(self, node: Node, wrapper: Function | None) -> Settled | None:  # noqa: ARG002
        """Return what a ``switch`` expression makes of absence."""
        arm = switched(node)
        if arm is None:
            return None
        if any(inner.type == "throw_expression" for inner in (arm, *arm.named_children)):
            return Settled(arm, "required")
        return Settled(arm, fallback=arm)

    def owns(self, call: Call, file: SourceFile, function: Function) -> bool | None:  # noqa: ARG002
        """Tell that a call of the environment's own methods is none of another that is named like them."""
        return (
            False
            if re.search(r"(?:^|\.)Environment\.(?:Get|Expand)Env", _resolved(call.callee, file))
            else None
        )

    def result(self, node: Node) -> Node:
        """Return what a block comes to."""
        body = node.child_by_field_name("body") if node.type == "lambda_expression" else None
        return body if body is not None and body.type != "block" else node

    def function(self, node: Node) -> Function | None:
        """Return a function taken apart."""
        listed = node.child_by_field_name("parameters")
        name = text(node.child_by_field_name("name"))
        if node.type not in _FUNCTIONS:
            parent = node.parent
            named = parent is not None and parent.type in {"variable_declarator", "property_declaration"}
            name = text(parent.child_by_field_name("name")) if parent is not None and named else ""
        if listed is not None and listed.type == "implicit_parameter":
            return Function(name, (Parameter(text(listed)),), node)
        given = [
            one
            for one in (listed.named_children if listed is not None else ())
            if one.type in {"parameter", "implicit_parameter"}
        ]
        parameters = [_parameter(one) for one in given if not _is_receiver(one)]
        owners = classes(node) if node.type != "constructor_declaration" else []
        # A method of an extension is called on what it extends, not on its class.
        extends = any(_is_receiver(one) for one in given)
        return Function(name, tuple(parameters), node, owners[-1] if owners and not extends else "")

    def bindings(self, node: Node) -> Iterable[Binding]:
        """Yield the names that a node binds."""
        target, value = sides(node)
        if target is None or value is None:
            return
        name = dotted(target) or text(target)
        yield Binding(name, value)
        if (node.type == "variable_declarator" and _is_field(node)) or node.type == "property_declaration":
            owners = classes(node)
            for count in range(1, len(owners) + 1):
                yield Binding(".".join([*owners[-count:], name]), value)
        elif name.startswith("this."):
            yield Binding(name.removeprefix("this."), value)

    def assignment(self, node: Node) -> tuple[tuple[str, ...], Node, str] | None:
        """Return targets, value and operator of an assignment."""
        if node.type not in {"variable_declarator", "assignment_expression", "property_declaration"}:
            return None
        target, value = sides(node)
        if target is None or value is None:
            return None
        operator = next((text(c) for c in node.children if not c.is_named and text(c).endswith("=")), "=")
        return (dotted(target) or text(target),), value, operator

    def brings(self, condition: Node) -> frozenset[str]:
        """Return the names that a condition binds: ``out var n``, ``is { } n``."""
        return taken(condition)

    def loop(self, node: Node) -> tuple[str, Node] | None:
        """Return the name that a loop binds and what it goes over."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        return (text(left), right) if left is not None and right is not None else None

    def imports(self, node: Node) -> Iterable[Import]:
        """Yield the names that an import brings."""
        alias = node.child_by_field_name("name")
        target = next((text(c) for c in reversed(node.named_children) if c != alias), "")
        if alias is not None:
            return (Import(text(alias), target),)
        static = any(text(child) == "static" for child in node.children)
        return (Import("*", target),) if static else ()

    def candidates(self, module: str, file: str, paths: Sequence[PurePosixPath]) -> Iterator[str]:  # noqa: ARG002
        """Yield the files that are called like the class at an alias's end."""
        last = module.rpartition(".")[2]
        return iter([str(path) for path in paths if path.stem == last])

    def items(self, node: Node) -> Sequence[Node | str] | None:
        """Return the elements of a list literal."""
        listed = initializer(node)
        if node.type == "collection_expression":
            return [child for child in node.named_children if child.type == "collection_element"]
        if listed is None or pairs_of(listed):
            return None
        return [child for child in listed.named_children if child.type != "comment"]

    def entries(self, node: Node) -> Sequence[tuple[Node | str, Node]] | None:
        """Return the keys and values of a map literal."""
        listed = initializer(node)
        return (pairs_of(listed) or None) if listed is not None else None

    def operation(self, node: Node) -> tuple[Node, str, Node] | None:
        """Return the two sides of a binary expression and its operator."""
        if node.type != "is_pattern_expression":
            return super().operation(node)
        subject, pattern = node.child_by_field_name("expression"), node.child_by_field_name("pattern")
        if subject is None or pattern is None:
            return None
        kind = pattern_kind(pattern)
        return (subject, kind, pattern) if kind else None

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

    # -- reads -----------------------------------------------------------------------------------------------------------

    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:
        """Yield the reads that a node makes by itself."""
        if node.type == "element_access_expression":
            yield from self._indexed(node, file, program)
            return
        call = self.call(node)
        if call is None or node.type != "invocation_expression":
            return
        key = call.positional(0) or call.named("variable", "key", "name")
        if key is None:
            return
        short = ".".join(_resolved(call.callee, file).rsplit(".", 2)[-2:])
        if short == f"Environment.{_ENVIRONMENT}":
            yield Read(key, node, "Environment.GetEnvironmentVariable()")
        elif short == f"Environment.{_EXPAND}":
            yield from self._expanded(key, node, file, program)
        elif short in _DOTENV:
            default = call.positional(1) or call.named("fallback", "defaultValue")
            default = default if short.startswith("Env.") else None
            yield Read(key, node, f"{short}()", _DOTENV[short], default=default)
        elif call.name == "GetValue" and _SETTINGS.search(call.owner):
            default = call.positional(1) or call.named("defaultValue")
            yield from self._setting(key, node, "IConfiguration.GetValue()", file, program, default)
        elif call.name in _LOOKUPS and (idiom := self._environment(self.receiver(node), key, file, program)):
            default = call.positional(1) if call.name == "GetValueOrDefault" else None
            yield Read(key, node, idiom, default=default, final=call.name.startswith("Contains"))

    def _indexed(self, node: Node, file: SourceFile, program: Program) -> Iterator[Read]:
        """Find ``configuration["X_Y"]`` and ``Environment.GetEnvironmentVariables()["X"]``, where they are not written."""
        owner, given = node.child_by_field_name("expression"), node.child_by_field_name("subscript")
        arguments = list(_arguments(given)) if given is not None else []
        parent = node.parent
        written = (
            parent is not None
            and parent.type == "assignment_expression"
            and parent.child_by_field_name("left") == node
        )
        if owner is None or len(arguments) != 1 or (written and "??=" not in text(parent)):
            return
        if idiom := self._environment(owner, arguments[0].value, file, program):
            yield Read(arguments[0].value, node, idiom)
        elif _SETTINGS.search(dotted(owner)):
            yield from self._setting(arguments[0].value, node, "IConfiguration[…]", file, program, None)

    def _setting(
        self, key: Node, node: Node, idiom: str, file: SourceFile, program: Program, default: Node | None
    ) -> Iterator[Read]:
        """Yield the names of a setting that are a variable's: in capitals, with an underscore."""
        found = keys_of(program, file, key)
        names = [plain(one) for one in found]
        if found and None not in names:
            yield from (
                Read(name, node, idiom, default=default) for name in names if name and _NAME.match(name)
            )
        elif found:
            yield Read(key, node, idiom, default=default, capitals=True)

    def _expanded(self, key: Node, node: Node, file: SourceFile, program: Program) -> Iterator[Read]:
        for one in keys_of(program, file, key):
            for name in _EXPANDED.findall("".join(part for part in one if isinstance(part, str))):
                yield Read(name, node, "Environment.ExpandEnvironmentVariables()", final=True)

    def _environment(self, node: Node | None, key: Node, file: SourceFile, program: Program) -> str:
        """Return how an expression that a key is looked up in is the whole environment; empty where it is not.

        It is the call, a name that the call was bound to, or what a process is started with: that begins as the program's own,
        so a name that was not put there before is looked for in this.
        """
        if node is None:
            return ""
        call = self.call(node)
        if call is not None:
            return _ALL_IDIOM if call.name == _ALL else ""
        name = dotted(node)
        if _STARTED.search(name):
            return "" if self._is_put(node, key, file) else "ProcessStartInfo.Environment"
        bound, _ = program.bindings_of(file, node, name) if name else ([], None)
        return _ALL_IDIOM if bound and f"{_ALL}(" in text(bound[0].value)[:80] else ""

    def _is_put(self, owner: Node, key: Node, file: SourceFile) -> bool:
        """Tell whether an entry is given a value before it is looked for."""
        entry = re.sub(r"\s", "", f"{text(owner)}[{text(key)}]")
        return any(
            node.end_byte <= key.start_byte and entry == re.sub(r"\s", "", text(target))
            for node in file.assigns
            if (target := node.child_by_field_name("left")) is not None
        )


def _resolved(callee: str, file: SourceFile) -> str:
    """Return what is called, with an alias put in its place, and the class that ``using static`` brought."""
    first, _, rest = callee.partition(".")
    if rest and first in file.imports:
        return f"{file.imports[first].module}.{rest}"
    if not rest and any(star.module.rpartition(".")[2] == "Environment" for star in file.stars):
        return f"System.Environment.{callee}"
    return callee


def _callee(function: Node) -> str:
    """Return what is called as dotted text, type arguments left out."""
    if function.type == "generic_name":
        return text(function.named_children[0])
    if function.type == "member_access_expression":
        owner, name = function.child_by_field_name("expression"), function.child_by_field_name("name")
        last = (
            text(name.named_children[0]) if name is not None and name.type == "generic_name" else text(name)
        )
        return f"{(dotted(owner) if owner is not None else '') or '()'}.{last}"
    return dotted(function) or re.sub(r"<.*", "", text(function), flags=re.DOTALL)[:80]


def _arguments(given: Node) -> Iterator[Argument]:
    for one in given.named_children:
        if one.type == "argument":
            name, value = one.child_by_field_name("name"), value_of(one)
            if value is not None:
                yield Argument(value, text(name))


def _parameter(node: Node) -> Parameter:
    if node.type == "implicit_parameter":
        return Parameter(text(node))
    name = node.child_by_field_name("name")
    named = [child for child in node.named_children if name is not None and child.start_byte >= name.end_byte]
    return Parameter(text(name), named[-1] if named else None, rest=text(node).startswith("params "))


def _is_receiver(parameter: Node) -> bool:
    """Tell whether a parameter is what an extension's method is called on."""
    return text(parameter).startswith("this ")


def _is_field(node: Node) -> bool:
    outer = node.parent.parent if node.parent is not None else None
    return outer is not None and outer.type == "field_declaration"


def _converts(words: Vocabulary, member: Node, child: Node) -> bool:
    """Tell whether a member is a method that hands its object's absence on, or asks for it."""
    called = member.parent is not None and member.parent.type == "invocation_expression"
    name = text(member.child_by_field_name("name"))
    return (
        called
        and name in words.converters | words.rescues
        and member.child_by_field_name("expression") == child
    )
