"""C#: Environment.GetEnvironmentVariable, IConfiguration by names in capitals, DotNetEnv, ExpandEnvironmentVariables."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar, Final

from deployer_lib.probes.variables.flow.grammar import (
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
from deployer_lib.probes.variables.languages.csharp_reads import Reads, resolved
from deployer_lib.probes.variables.languages.csharp_syntax import (
    arguments,
    bases,
    caught,
    chained,
    classes,
    created,
    declared,
    dotted,
    gives_up,
    initializer,
    looped,
    pairs_of,
    pattern_kind,
    pieces,
    sides,
    string,
    switched,
    taken,
    value_of,
)
from deployer_lib.probes.variables.marks import MARKERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["CSharp"]

_NUMBERS: Final = ("int", "long", "short", "uint", "ulong", "double", "float", "decimal", "bool", "byte", "Guid", "TimeSpan",
                   "DateTime", "DateTimeOffset", "Enum", "Int32", "Int64", "Boolean", "Double", "Decimal", "IPAddress", "Version",
                   "DateOnly", "TimeOnly", "BigInteger", "IPEndPoint")  # fmt: skip
_GUARDS: Final = ("ThrowIfNull", "ThrowIfNullOrEmpty", "ThrowIfNullOrWhiteSpace", "NotNull", "NotNullOrEmpty", "NotNullOrWhiteSpace",
                  "AgainstNull", "AgainstNullOrEmpty", "AgainstNullOrWhiteSpace", "IsNotNull", "IsNotNullOrEmpty",
                  "IsNotNullOrWhiteSpace", "ArgumentNotNull", "ArgumentNotNullOrEmpty")  # fmt: skip
_IS_NULL: Final = re.compile(rb"\bis(\s+)null\b(?!\s+(?:or|and)\b)")
_IS_NOT_NULL: Final = re.compile(rb"\bis(\s+)not(\s+)null\b(?!\s+(?:or|and)\b)")
_FUNCTIONS: Final = frozenset({"method_declaration", "local_function_statement", "constructor_declaration"})
#: Folders of projects that hold no code of the application: Shop.Tests, Shop.Client.UsageExample.
_APART: Final = re.compile(
    r"[._-][A-Za-z]*(?:Example|Sample)s?$|(?:^|[._-])(?:[Tt]ests?|TESTS?|[Tt]esting|[A-Za-z]*(?:Unit|Integration|Functional|Acceptance)Tests?)$"
)


class CSharp(Language):
    """``.cs`` files."""

    name = "csharp"
    suffixes = frozenset({".cs"})
    markers = MARKERS["csharp"]
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
    clauses = True
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
        """Tell whether a file is of a project of tests or examples: ``Shop.Tests/…``."""
        return any(_APART.search(folder) for folder in PurePosixPath(path).parts[:-1])

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
            return Call(made, tuple(arguments(given)), node) if made and given is not None else None
        if node.type not in {"invocation_expression", "object_creation_expression"} or chained(node):
            return None
        function = node.child_by_field_name("function") or node.child_by_field_name("type")
        given = node.child_by_field_name("arguments")
        if function is None or given is None:
            return None
        return Call(_callee(function), tuple(arguments(given)), node)

    def exchange(self, call: Call) -> tuple[Node, str, str] | None:
        """Return the parts of ``key.Replace('-', '_')``."""
        owner, old, new = self.receiver(call.node), call.positional(0), call.positional(1)
        if call.name != "Replace" or owner is None or old is None or new is None:
            return None
        before, after = string(old), string(new)
        return (owner, before, after) if before and after is not None else None

    def throws(self, node: Node) -> bool:
        """Tell whether a statement raises, or ends the program: ``return 1`` after a word about it."""
        return super().throws(node) or gives_up(node)

    def hands_on(self, here: Node, child: Node) -> bool:
        """Tell whether a node is absent where the one below it is: a ``?.`` chain, a cast, an ``await``."""
        if here.type == "conditional_access_expression":
            return here.child_by_field_name("condition") == child
        if here.type in {"invocation_expression", "member_access_expression", "element_access_expression"}:
            first = here.child_by_field_name("function") or here.child_by_field_name("expression")
            asked = here.type == "member_access_expression" and _is_called(here, child)
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

    def owns(self, call: Call, file: SourceFile, function: Function) -> bool | None:
        """Tell whether a call may mean a method: none of the environment's own is another, nor one of another type's object."""
        if re.search(r"(?:^|\.)Environment\.(?:Get|Expand)Env", resolved(call.callee, file)):
            return False
        owner = call.owner.rpartition(".")[2]
        types = (
            declared(file.root, owner)
            if function.owner and (owner[:1].islower() or owner[:1] == "_")
            else set()
        )
        return bool(types & {function.owner, *bases(function.node)}) if types else None

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
        # The grammar has no node of its own for ``params string[] names``: its name is the list's.
        rest = listed.child_by_field_name("name") if listed is not None else None
        parameters += [Parameter(text(rest), rest=True)] if rest is not None else []
        owners = classes(node) if node.type != "constructor_declaration" else []
        # A method of an extension is called on what it extends, not on its class.
        extended = next((_parameter(one).name for one in given if _is_receiver(one)), "")
        owner = owners[-1] if owners and not extended else ""
        return Function(name, tuple(parameters), node, owner, extended)

    def filled(self, function: Function, call: Call) -> Sequence[Parameter]:
        """Return the parameters that a call fills: an extension's first one too where its class is named."""
        around = classes(function.node)[-1:] if function.receiver else []
        named = call.owner.rpartition(".")[2] in around
        return (Parameter(function.receiver), *function.parameters) if named else function.parameters

    def caught(self, node: Node) -> bool:
        """Tell whether the program goes on where something around a call takes what it raises."""
        return caught(node)

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

    def loops(self, node: Node) -> Iterable[tuple[str, Node]]:
        """Yield the names that a loop binds and what it goes over: of a map's entry, its key and its value too."""
        right = node.child_by_field_name("right")
        names = looped(node)
        if right is None or not names:
            return
        yield from ((name, right) for name in names)
        if len(names) == 1:
            yield from ((f"{names[0]}.{part}", right) for part in ("Key", "Value"))

    def by_value(self, source: Node, name: str) -> bool:
        """Tell whether a loop over a map binds this name to its values: ``foreach (var (key, name) in map)``."""
        names = looped(source.parent) if source.parent is not None else []
        return name.endswith(".Value") or (len(names) > 1 and names[1] == name)

    def picked(self, source: Node, name: str, function: Function | None = None) -> Sequence[Node]:
        """Return what a name stands for in every tuple of a list: ``foreach (var (name, port) in new[] { ("A", 1) })``."""
        names = looped(source.parent) if source.parent is not None and function is None else []
        items = self.items(source) or ()
        tuples = [i for i in items if not isinstance(i, str) and i.type == "tuple_expression"]
        if name not in names or len(names) < 2 or not tuples:  # noqa: PLR2004  (a tuple's names)
            return ()
        values = [[value_of(one) for one in each.named_children] for each in tuples]
        at = names.index(name)
        return [found for each in values if at < len(each) and (found := each[at]) is not None]

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
        return Reads(self, file, program).of(node)


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


def _parameter(node: Node) -> Parameter:
    if node.type == "implicit_parameter":
        return Parameter(text(node))
    name = node.child_by_field_name("name")
    named = [child for child in node.named_children if name is not None and child.start_byte >= name.end_byte]
    return Parameter(text(name), named[-1] if named else None)


def _is_receiver(parameter: Node) -> bool:
    """Tell whether a parameter is what an extension's method is called on."""
    return text(parameter).startswith("this ")


def _is_field(node: Node) -> bool:
    outer = node.parent.parent if node.parent is not None else None
    return outer is not None and outer.type == "field_declaration"


def _is_called(member: Node, child: Node) -> bool:
    """Tell whether a member is a method that is called on its object: what the call comes to is looked at next."""
    called = member.parent is not None and member.parent.type == "invocation_expression"
    return called and member.child_by_field_name("expression") == child
