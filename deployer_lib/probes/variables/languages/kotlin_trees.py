"""KotlinTrees's trees: what its nodes call, bind, decide and give back."""

from __future__ import annotations

import re
from dataclasses import dataclass
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
    Vocabulary,
    text,
)
from deployer_lib.probes.variables.languages.jvm import (
    FAILURES,
    replacement,
    words,
)
from deployer_lib.probes.variables.languages.kotlin_texts import letters, parts_of
from deployer_lib.probes.variables.languages.kotlin_types import (
    arguments_of,
    class_name,
    class_parameter,
    extended_type,
    is_declared_near,
    is_end,
    name_of,
    value_of,
)
from deployer_lib.probes.variables.marks import MARKERS, NEEDLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["KotlinTrees"]

_LISTS: Final = frozenset(
    {"listOf", "setOf", "arrayOf", "mutableListOf", "sequenceOf", "listOfNotNull", "linkedSetOf", "hashSetOf"}
)
_MAPS: Final = frozenset({"mapOf", "mutableMapOf", "linkedMapOf", "hashMapOf"})
_CHECKS: Final = frozenset({"require", "check", "checkArgument", "checkState"})
_NO_VALUE: Final = re.compile(r"null|return(?:@\w+)?|continue(?:@\w+)?|break(?:@\w+)?|Unit")
_BODIES: Final = frozenset({"run", "lazy", "runCatching"})  # calls that give back what their closure gives
_SAME: Final = frozenset({"name", "toString", "trim"})  # of a text or an enum's constant: itself
_EXPRESSIONS: Final = frozenset({"property_declaration", "assignment", "value_argument", "return_expression", "function_body",
                                 "binary_expression", "parenthesized_expression", "class_parameter"})  # fmt: skip
_CLOSING: Final = re.compile(rb"(?<=[^\s{;,(>]) (?=\})")


def _words() -> Vocabulary:
    """Return the words, with what the grammar makes of negated calls: !a.isEmpty() calls ``!isEmpty``."""
    known = words(
        exits=("error", "exitProcess", "TODO"),
        converters=("(cast)", "toBoolean", "toBooleanStrictOrNull", "toIntOrNull", "toLongOrNull", "toDoubleOrNull", "lowercase",
                    "uppercase", "takeIf", "takeUnless", "let", "also", "run", "apply", "removeSuffix", "removePrefix", "orNull",
                    "getOrNull", "split"),
        asserts=("!!", "(as)", "requireNotNull"),
    )  # fmt: skip
    absents, presents = known.absents, known.presents
    known.absents, known.presents = absents | _negated(presents), presents | _negated(absents)
    known.rescues |= {"orEmpty"}
    return known


def _negated(names: frozenset[str]) -> frozenset[str]:
    return frozenset(f"!{name}" for name in names)


@dataclass(frozen=True, slots=True)
class _Call(Call):
    """A call whose closure is its last argument, and whose object an extension knows as ``this``."""

    subject: Node | None = None

    def positional(self, index: int) -> Node | None:
        """Return an argument by its position, the closure being the last."""
        given = [argument.value for argument in self.arguments if not argument.name]
        given += [self.block] if self.block is not None else []
        return given[index] if -len(given) <= index < len(given) else None

    def named(self, *names: str) -> Node | None:
        """Return an argument by its name, the object of the call being ``this``."""
        found = next((a.value for a in self.arguments if a.name in names), None)
        return self.subject if found is None and "this" in names else found


class KotlinTrees(Language):
    """``.kt`` and ``.kts`` files."""

    name = "kotlin"
    suffixes = frozenset({".kt", ".kts"})
    markers = MARKERS["kotlin"]
    needles = NEEDLES["kotlin"]
    constants = r"\bval\s+NAME\s*(?::\s*String\s*)?="
    query = """
    (function_declaration) @function (lambda_literal) @function (primary_constructor) @function
    (secondary_constructor) @function (anonymous_function) @function
    (call_expression) @call (enum_entry) @call
    (property_declaration) @bind (assignment) @bind (enum_entry) @bind (class_declaration) @bind
    (for_statement) @loop
    (import) @import
    (if_expression) @branch (when_entry) @branch (call_expression) @branch
    (annotation) @read (index_expression) @read (navigation_expression "::") @read
    """
    words: ClassVar[Vocabulary] = _words()

    def prepared(self, source: bytes, path: str) -> bytes:  # noqa: ARG002
        """Return a text in which a declaration ends before the brace on its line, as the grammar demands and the language does not."""
        made = bytearray(source)
        for match in _CLOSING.finditer(source):
            start = source.rfind(b"\n", 0, match.start()) + 1
            if source.count(b'"', start, match.start()) % 2 == 0:  # not inside a string
                made[match.start()] = ord(";")
        return bytes(made)

    def grammar(self, suffix: str) -> Grammar:  # noqa: ARG002
        """Return the tree-sitter grammar."""
        import tree_sitter_kotlin  # noqa: PLC0415  (only where there is KotlinTrees)
        from tree_sitter import Language as Loaded  # noqa: PLC0415

        return Loaded(tree_sitter_kotlin.language())

    # -- trees -----------------------------------------------------------------------------------------------------------

    def string(self, node: Node) -> str | None:
        """Return the value of a literal; a constant of an enum gives its name."""
        if node.type == "identifier" and node.parent is not None and node.parent.type == "enum_entry":
            return text(node)  # where a constant is asked for its name
        parts = parts_of(node)
        if parts is None or any(not isinstance(part, str) for part in parts):
            return None
        return "".join(part for part in parts if isinstance(part, str))

    def pieces(self, node: Node) -> Sequence[Node | str] | None:
        """Return the parts of a text that is put together."""
        if node.type == "binary_expression":
            operation = self.operation(node)
            return [operation[0], operation[2]] if operation and operation[1] == "+" else None
        if node.type == "navigation_expression" and text(node.named_children[-1]) == "name":
            return [node.named_children[0]] if len(node.named_children) > 1 else None
        call = self.call(node) if node.type == "call_expression" else None
        if (
            call is not None
            and call.name in _SAME
            and not call.positional(0)
            and (owner := self.receiver(node)) is not None
        ):
            return [owner]
        return parts_of(node)

    def dotted(self, node: Node) -> str:
        """Return a name or a chain of members as dotted text."""
        if node.type == "navigation_expression":
            if len(node.named_children) != 2 or any(c.type == "::" for c in node.children):  # noqa: PLR2004
                return ""
            owner = self.dotted(node.named_children[0])
            return f"{owner}.{text(node.named_children[1])}" if owner else ""
        if node.type == "this_expression":
            return "this"
        written = text(node) if node.type == "identifier" else ""
        return "" if written in {"null", "true", "false"} else written

    def null(self, node: Node) -> bool:
        """Tell whether an expression stands for no value: null, or a jump without one."""
        return _NO_VALUE.fullmatch(text(node)) is not None

    def receiver(self, node: Node) -> Node | None:
        """Return the object of a method call."""
        head = node.named_children[0] if node.named_children else None
        if head is not None and head.type == "call_expression" and self._outer(node):
            return self.receiver(head)
        owner = head.named_children[0] if head is not None and head.type == "navigation_expression" else None
        if owner is not None and owner.type == "unary_expression" and text(owner).startswith("!"):
            return owner.named_children[-1]
        return owner

    @staticmethod
    def _outer(node: Node) -> bool:
        """Tell whether a node only hands a closure to the call below it: ``call(…) { … }``."""
        return (
            len(node.named_children) == 2  # noqa: PLR2004  (the call and its closure)
            and node.named_children[0].type == "call_expression"
            and node.named_children[1].type == "annotated_lambda"
        )

    def call(self, node: Node) -> Call | None:
        """Return a call taken apart: of a method, a constructor, a constant of an enum, a cast."""
        if node.type == "unary_expression" and text(node.child_by_field_name("operator")) == "!!":
            return Call("!!", (Argument(node.named_children[0]),), node)
        if node.type == "as_expression":
            nullable = "as?" in [c.type for c in node.children] or text(node).endswith("?")
            return Call("(cast)" if nullable else "(as)", (Argument(node.named_children[0]),), node)
        if node.type == "enum_entry":
            return Call(class_name(node), arguments_of(node), node)
        if node.type != "call_expression" or self._outer(node) or not node.named_children:
            return None
        head = node.named_children[0]
        callee = self.dotted(head) or re.sub(r"[\s!]+", "", text(head)).replace("?.", ".")[-80:]
        if text(node).startswith("!") and not _is_head(
            node
        ):  # the grammar binds !a.isEmpty() as (!a).isEmpty()
            owner, _, name = callee.rpartition(".")
            callee = f"{owner}.!{name}" if owner else f"!{name}"
        return _Call(callee, arguments_of(node), node, _closure(node), self.receiver(node))

    def exchange(self, call: Call) -> tuple[Node, str | re.Pattern[str], str] | None:
        """Return the parts of ``key.replace('.', '_')`` and ``key.replace(Regex("([A-Z])"), "_$1")``."""
        owner, old, new = self.receiver(call.node), call.positional(0), call.positional(1)
        if (
            owner is None
            or old is None
            or new is None
            or call.name != "replace"
            or call.positional(2) is not None
        ):
            return None
        made = self.call(old)
        regex = made is not None and made.callee == "Regex"
        pattern = (
            made.positional(0)
            if regex and made
            else self.receiver(old)
            if text(old).endswith(".toRegex()")
            else None
        )
        before, after = letters(pattern or old), letters(new)
        if before is None or after is None:
            return None
        changed = (before, after) if pattern is None else replacement(before, after)
        return None if changed is None else (owner, *changed)

    def function(self, node: Node) -> Function | None:
        """Return a method, constructor or closure taken apart."""
        if node.type == "lambda_literal":
            return Function("", _closure_parameters(node), node)
        if node.type in {"primary_constructor", "secondary_constructor"}:
            return Function(class_name(node), _parameters(node), node, class_name(node))
        name, extended = text(node.child_by_field_name("name")), extended_type(node)
        if (
            not name and extended is not None
        ):  # fun String.env() is read as a function without name on some versions
            name = text(extended.named_children[-1])
        own = (Parameter("this"),) if extended is not None else ()
        return Function(
            name, (*_parameters(node), *own), node, "" if extended is not None else class_name(node)
        )

    def result(self, node: Node) -> Node:
        """Return what a closure gives back where that is one expression, what a look at the properties falls back to."""
        if node.type == "return_expression":
            return node.named_children[-1] if node.named_children else node
        if node.type == "annotated_lambda":
            return self.result(node.named_children[0])
        call = self.call(node) if node.type == "call_expression" else None
        if call is not None and call.callee == "System.getProperty":
            return call.positional(1) or node
        if call is not None and call.name in _BODIES and call.block:
            return self.result(call.block)
        if node.type in {"lambda_literal", "block"}:
            inner = [c for c in node.named_children if c.type not in {"lambda_parameters", "line_comment"}]
            return inner[0] if len(inner) == 1 else node
        return node

    def results(self, node: Node) -> Sequence[Node]:
        """Return what a function gives back, its closures left out."""
        body = next((c for c in node.named_children if c.type == "function_body"), None)
        if body is None or text(body).startswith("="):
            return body.named_children[-1:] if body is not None else []
        found, stack = [], [body]
        while stack:
            here = stack.pop()
            if here.type == "return_expression" and here.named_children:
                found.append(here.named_children[-1])
            elif here.type not in {"lambda_literal", "anonymous_function", "class_body"}:
                stack.extend(reversed(here.named_children))
        return found

    def never(self, call: Call, file: SourceFile, program: Program) -> bool:
        """Tell whether a call never comes back: to a function that gives back Nothing, or is no more than a throw."""
        if call.node.type != "call_expression":
            return False
        meant = program.functions_named(file, call)[:1]
        return any(is_end(function.node) for _, function in meant)

    def elsewhere(self, node: Node) -> bool:
        """Tell whether an expression looks for a property of the system, where it may be none."""
        call = self.call(node)
        return call is not None and call.callee == "System.getProperty" and len(call.arguments) == 1

    def given(self, node: Node) -> Node | None:
        """Return the constructor's parameter that fills a field."""
        name = self.dotted(node).removeprefix("this.")
        if not name or name == "this" or "." in name:
            return None
        if node.type == "identifier" and is_declared_near(node, name):
            return None
        return class_parameter(node, name)

    def hands_on(self, here: Node, child: Node) -> bool:
        """Tell whether a safe call or a closure hands absence on."""
        if here.type == "navigation_expression":
            return child == here.named_children[0]
        if here.type == "call_expression":
            return self._outer(here) or (
                child.type == "navigation_expression" and any(c.type == "?." for c in child.children)
            )
        return here.type == "property_delegate"

    def caught(self, node: Node) -> bool:
        """Tell whether a handler around a call takes what it raises of a missing value."""
        here, child = node.parent, node
        while here is not None and here.type not in {"function_declaration", "lambda_literal"}:
            if here.type == "try_expression" and child == here.named_children[0]:
                for clause in (c for c in here.named_children if c.type == "catch_block"):
                    if FAILURES.search(text(clause).partition("{")[0]):
                        return not re.search(r"\bthrow\b|exitProcess|\berror\(", text(clause))
            child, here = here, here.parent
        return False

    def bindings(self, node: Node) -> Iterable[Binding]:
        """Yield what a declaration or assignment binds; members by their class's name, too."""
        owner = class_name(node)
        if node.type == "class_declaration":
            body = next((c for c in node.named_children if c.type == "enum_class_body"), None)
            if body is not None:
                name = text(node.child_by_field_name("name"))
                yield Binding(name, body)
                yield Binding(f"{name}.entries", body)
            return
        if node.type == "enum_entry":
            yield Binding(f"{owner}.{text(node.named_children[0])}", node.named_children[0])
            return
        found = self.assignment(node)
        if found is None:
            return
        name, value = found[0][0], found[1]
        yield Binding(name, value)
        if (
            node.type == "property_declaration"
            and node.parent is not None
            and node.parent.type in {"class_body", "enum_class_body"}
        ):
            yield Binding(f"{owner}.{name}", value)
            yield Binding(f"this.{name}", value)

    def assignment(self, node: Node) -> tuple[tuple[str, ...], Node, str] | None:
        """Return targets, value and operator of what gives a value."""
        if node.type == "property_declaration":
            value, name = value_of(node), name_of(node)
            return ((name, f"this.{name}"), self.result(value), "=") if value is not None and name else None
        if node.type != "assignment":
            return None
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return None
        name = self.dotted(left) or text(left)
        both = (name, name.removeprefix("this.")) if name.startswith("this.") else (name,)
        return both, right, text(node.child_by_field_name("operator"))

    def loop(self, node: Node) -> tuple[str, Node] | None:
        """Return the name that a loop binds and what it goes over."""
        named = node.named_children
        return (
            (name_of(named[0]), named[1])
            if len(named) > 1 and named[0].type == "variable_declaration"
            else None
        )

    def imports(self, node: Node) -> Iterable[Import]:
        """Yield the names that an import brings."""
        path = next((text(c) for c in node.named_children if c.type == "qualified_identifier"), "")
        if any(c.type == "*" for c in node.children):
            return (Import("*", path),)
        alias = text(node.named_children[-1]) if len(node.named_children) > 1 else ""
        return (Import(alias or path.rpartition(".")[2], path),)

    def beside(self, name: str, file: SourceFile) -> Import | None:
        """Return a class of the same package."""
        return Import(name, f"{file.folder.replace('/', '.')}.{name}") if name[:1].isupper() else None

    def items(self, node: Node) -> Sequence[Node | str] | None:
        """Return the elements of a list, the constants of an enum."""
        if node.type == "collection_literal":
            return node.named_children
        if node.type == "enum_class_body":
            return [c.named_children[0] for c in node.named_children if c.type == "enum_entry"]
        call = self.call(node) if node.type == "call_expression" else None
        if call is None or call.callee not in _LISTS:
            return None
        return [argument.value for argument in call.arguments]

    def entries(self, node: Node) -> Sequence[tuple[Node | str, Node]] | None:
        """Return the keys and values of a map."""
        call = self.call(node) if node.type == "call_expression" else None
        if call is None or call.callee not in _MAPS:
            return None
        pairs = [a.value.named_children for a in call.arguments if a.value.type == "infix_expression"]
        return [(pair[0], pair[2]) for pair in pairs if len(pair) == 3]  # noqa: PLR2004  (a, to, b)

    def ternary(self, node: Node) -> tuple[Node, Node, Node] | None:
        """Return condition, yes and no of an ``if`` whose value is used."""
        parts = _if_parts(node) if node.parent is not None and node.parent.type in _EXPRESSIONS else None
        return (
            (parts[0], parts[1], parts[2])
            if parts is not None and parts[1] is not None and parts[2] is not None
            else None
        )

    def branch(self, node: Node) -> Branch | None:
        """Return a condition taken apart, checks that raise included."""
        if node.type == "when_entry":
            condition = node.child_by_field_name("condition")
            subject = node.parent is not None and any(
                c.type == "when_subject" for c in node.parent.named_children
            )
            return None if condition is None or subject else Branch(condition, node.named_children[-1])
        if node.type == "call_expression":
            call = self.call(node)
            if call is None or call.callee not in _CHECKS or not call.arguments:
                return None
            return Branch(call.arguments[0].value, None, node)
        parts = _if_parts(node)
        return None if parts is None or self.ternary(node) is not None else Branch(*parts)

    def throws(self, node: Node) -> bool:
        """Tell whether a statement raises, checks of a condition included."""
        return super().throws(node) or (
            node.type == "call_expression"
            and (call := self.call(node)) is not None
            and call.callee in _CHECKS
        )


def _is_head(node: Node) -> bool:
    """Tell whether a call only stands before the dot of another."""
    above = node.parent
    return above is not None and above.type == "navigation_expression" and above.named_children[0] == node


def _closure(node: Node) -> Node | None:
    """Return the closure that stands behind a call's parentheses."""
    outer = node.parent if node.parent is not None and KotlinTrees._outer(node.parent) else node  # noqa: SLF001
    last = outer.named_children[-1]
    return last.named_children[-1] if last.type == "annotated_lambda" and last.named_children else None


def _closure_parameters(node: Node) -> tuple[Parameter, ...]:
    listed = next((c for c in node.named_children if c.type == "lambda_parameters"), None)
    if listed is None:
        return (Parameter("it"),)
    return tuple(Parameter(name_of(c)) for c in listed.named_children if c.type == "variable_declaration")


def _parameters(node: Node) -> tuple[Parameter, ...]:
    kinds = {"function_value_parameters", "class_parameters"}
    listed = next((c for c in node.named_children if c.type in kinds), None)
    found: list[Parameter] = []
    rest, given = False, False
    for child in listed.children if listed is not None else ():
        if child.type == "parameter_modifiers":
            rest = "vararg" in text(child)
        elif child.type in {"parameter", "class_parameter"}:
            found.append(Parameter(name_of(child), value_of(child), rest))
            rest = False
        elif given and child.is_named and found:
            found[-1] = Parameter(found[-1].name, child, found[-1].rest)
        given = child.type == "="
    return tuple(found)


def _if_parts(node: Node) -> tuple[Node, Node | None, Node | None] | None:
    condition = node.child_by_field_name("condition") if node.type == "if_expression" else None
    if condition is None:
        return None
    after = [c for c in node.children if c.start_byte >= condition.end_byte]
    cut = next((i for i, c in enumerate(after) if c.type == "else"), len(after))
    then = next((c for c in after[:cut] if c.is_named), None)
    other = next((c for c in after[cut:] if c.is_named), None)
    return condition, then, other
