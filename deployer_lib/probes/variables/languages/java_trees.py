"""Java's trees: what its nodes call, bind, decide and give back."""

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
    Vocabulary,
    text,
)
from deployer_lib.probes.variables.languages.java_types import (
    class_around,
    declaration,
    given_by,
    is_local,
    parameters_of,
)
from deployer_lib.probes.variables.languages.jvm import (
    FAILURES,
    replacement,
    words,
)
from deployer_lib.probes.variables.marks import MARKERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile

__all__ = ["JavaTrees"]

_LISTS: Final = frozenset(
    {"List.of", "Set.of", "Arrays.asList", "Stream.of", "ImmutableList.of", "ImmutableSet.of", "Optional.of", "Lists.newArrayList",
     "Sets.newHashSet", "EnumSet.of", "Collections.singletonList", "Collections.singleton"}
)  # fmt: skip
_THROUGH: Final = frozenset(
    {
        "stream",
        "toList",
        "asList",
        "List.copyOf",
        "Set.copyOf",
        "Collections.unmodifiableList",
        "Arrays.stream",
    }
)
_MAPS: Final = frozenset({"Map.of", "ImmutableMap.of", "Collections.singletonMap"})
_CALLS: Final = frozenset(
    {
        "method_invocation",
        "object_creation_expression",
        "enum_constant",
        "explicit_constructor_invocation",
        "cast_expression",
    }
)
_CHECKS: Final = frozenset(
    {"checkArgument", "checkState", "Assert.isTrue", "Assert.state", "Validate.isTrue", "Verify.verify"}
)
_SAME: Final = frozenset({"name", "toString", "intern", "trim"})  # of a text or an enum's constant: itself
_ESCAPE: Final = re.compile(r"\\(.)")


class JavaTrees(Language):
    """``.java`` files."""

    name = "java"
    suffixes = frozenset({".java"})
    markers = MARKERS["java"]
    constants = r"\bString\s+NAME\s*="
    whole = True
    query = """
    (method_declaration) @function (constructor_declaration) @function (lambda_expression) @function
    (record_declaration parameters: (formal_parameters) @function)
    (method_invocation) @call (object_creation_expression) @call (enum_constant) @call
    (explicit_constructor_invocation) @call
    (variable_declarator) @bind (assignment_expression) @bind (enum_constant) @bind (enum_declaration) @bind
    (enhanced_for_statement) @loop
    (import_declaration) @import
    (if_statement) @branch (method_invocation) @branch
    (annotation) @read (method_reference) @read
    """
    words: ClassVar[Vocabulary] = words(converters=("(cast)", "Optional"))

    def grammar(self, suffix: str) -> Grammar:  # noqa: ARG002
        """Return the tree-sitter grammar."""
        import tree_sitter_java  # noqa: PLC0415  (only where there is Java)
        from tree_sitter import Language as Loaded  # noqa: PLC0415

        return Loaded(tree_sitter_java.language())

    def apart(self, path: str) -> bool:
        """Tell whether a file is the Maven wrapper's own, which every project has alike."""
        return ".mvn/wrapper/" in path

    # -- trees -----------------------------------------------------------------------------------------------------------

    def string(self, node: Node) -> str | None:
        """Return the value of a literal; a constant of an enum gives its name."""
        if node.type == "string_literal":
            written = text(node)
            inner = written[3:-3].strip() if written.startswith('"""') else written[1:-1]
            return _ESCAPE.sub(r"\1", inner)
        if node.type == "identifier" and node.parent is not None and node.parent.type == "enum_constant":
            return text(node)  # where a constant is asked for its name()
        return None

    def dotted(self, node: Node) -> str:
        """Return a name or a chain of members as dotted text."""
        if node.type == "field_access":
            owner, field = node.child_by_field_name("object"), node.child_by_field_name("field")
            before = (
                "this"
                if owner is not None and owner.type == "this"
                else self.dotted(owner)
                if owner is not None
                else ""
            )
            return f"{before}.{text(field)}" if before else ""
        return text(node) if node.type == "identifier" else ""

    def receiver(self, node: Node) -> Node | None:
        """Return the object of a method call."""
        return node.child_by_field_name("object")

    def call(self, node: Node) -> Call | None:
        """Return a call taken apart: of a method, a constructor, a constant of an enum, a cast."""
        if node.type not in _CALLS:
            return None
        if node.type == "cast_expression":
            value = node.child_by_field_name("value")
            return Call("(cast)", (Argument(value),), node) if value is not None else None
        given = node.child_by_field_name("arguments")
        if given is None:
            return None
        arguments = tuple(
            Argument(child) for child in given.named_children if not child.type.endswith("comment")
        )
        return Call(self._callee(node), arguments, node)

    def _callee(self, node: Node) -> str:
        if node.type == "method_invocation":
            owner = node.child_by_field_name("object")
            before = (self.dotted(owner) or text(owner)[-80:].replace("\n", " ")) if owner is not None else ""
            return (
                f"{before}.{text(node.child_by_field_name('name'))}"
                if before
                else text(node.child_by_field_name("name"))
            )
        if node.type == "object_creation_expression":
            return re.sub(r"<.*", "", text(node.child_by_field_name("type")), flags=re.DOTALL)
        declared = class_around(node)
        if declared is None:
            return ""
        if node.type == "explicit_constructor_invocation" and text(node).startswith("super"):
            above = text(declared.child_by_field_name("superclass")).removeprefix("extends")
            return re.sub(r"<.*", "", above, flags=re.DOTALL).strip()
        return text(declared.child_by_field_name("name"))

    def exchange(self, call: Call) -> tuple[Node, str | re.Pattern[str], str] | None:
        """Return the parts of ``key.replace('.', '_')`` and ``key.replaceAll("([A-Z])", "_$1")``."""
        owner = self.receiver(call.node)
        if owner is None or call.name not in {"replace", "replaceAll"} or len(call.arguments) != 2:  # noqa: PLR2004
            return None
        old, new = (self._letters(argument.value) for argument in call.arguments)
        if old is None or new is None:
            return None
        if call.name == "replace":
            return owner, old, new
        changed = replacement(old, new)
        return None if changed is None else (owner, *changed)

    def _letters(self, node: Node) -> str | None:
        return _ESCAPE.sub(r"\1", text(node)[1:-1]) if node.type == "character_literal" else self.string(node)

    def function(self, node: Node) -> Function | None:
        """Return a method, constructor or closure taken apart."""
        if node.type == "formal_parameters":
            name = text(node.parent.child_by_field_name("name")) if node.parent is not None else ""
            return Function(name, parameters_of(node), node, name)
        listed = node.child_by_field_name("parameters")
        declared = class_around(node)
        owner = text(declared.child_by_field_name("name")) if declared is not None else ""
        return Function(text(node.child_by_field_name("name")), parameters_of(listed), node, owner)

    def result(self, node: Node) -> Node:
        """Return what a closure gives back where that is one expression, what a look at the properties falls back to."""
        if (call := self.call(node)) is not None and call.callee == "System.getProperty":
            return call.positional(1) or node
        body = node.child_by_field_name("body") if node.type == "lambda_expression" else None
        if body is None:
            return node
        if body.type != "block":
            return body
        only = body.named_children[0] if len(body.named_children) == 1 else None
        return (
            only.named_children[0]
            if only is not None and only.type == "return_statement" and only.named_children
            else node
        )

    def elsewhere(self, node: Node) -> bool:
        """Tell whether an expression looks for a property of the system, where it may be none."""
        call = self.call(node)
        return call is not None and call.callee == "System.getProperty" and len(call.arguments) == 1

    def never(self, call: Call, file: SourceFile, program: Program) -> bool:
        """Tell whether a call never comes back: to a method that ends in a throw and gives nothing back before."""
        if call.node.type != "method_invocation":
            return False
        meant = program.functions_named(file, call)[:1]
        bodies = [body for _, f in meant if (body := f.node.child_by_field_name("body")) is not None]
        return any(
            body.named_children
            and body.named_children[-1].type == "throw_statement"
            and not re.search(r"\breturn\b", text(body))
            for body in bodies
        )

    def results(self, node: Node) -> Sequence[Node]:
        """Return what a method gives back, its closures left out."""
        body = node.child_by_field_name("body")
        if body is None or body.type != "block":
            return [body] if body is not None else []
        found, stack = [], [body]
        while stack:
            here = stack.pop()
            if here.type == "return_statement" and here.named_children:
                found.append(here.named_children[0])
            elif here.type not in {"lambda_expression", "class_body"}:
                stack.extend(reversed(here.named_children))
        return found

    def given(self, node: Node) -> Node | None:
        """Return the constructor's parameter that fills a field."""
        name = self.dotted(node).removeprefix("this.")
        if not name or "." in name or class_around(node) is None:
            return None
        if node.type == "identifier":
            found = declaration(node, name)
            if found is None or is_local(found):
                return None
        return given_by(node, name)

    def caught(self, node: Node) -> bool:
        """Tell whether a handler around a call takes what it raises of a missing value."""
        here, child = node.parent, node
        while here is not None and here.type not in {
            "method_declaration",
            "constructor_declaration",
            "lambda_expression",
        }:
            if here.type == "try_statement" and child == here.child_by_field_name("body"):
                for clause in (c for c in here.named_children if c.type == "catch_clause"):
                    if FAILURES.search(text(clause.named_children[0])):
                        return not re.search(
                            r"\bthrow\b|System\.exit", text(clause.child_by_field_name("body"))
                        )
            child, here = here, here.parent
        return False

    def bindings(self, node: Node) -> Iterable[Binding]:
        """Yield what a declaration or assignment binds; members by their class's name, too."""
        if node.type == "enum_declaration":
            body = node.child_by_field_name("body")
            if body is not None:
                yield Binding(text(node.child_by_field_name("name")), body)
            return
        if node.type == "enum_constant":
            constant, declared = node.child_by_field_name("name"), class_around(node)
            if constant is not None and declared is not None:
                yield Binding(f"{text(declared.child_by_field_name('name'))}.{text(constant)}", constant)
            return
        found = self.assignment(node)
        if found is None:
            return
        value = found[1]
        if node.type == "assignment_expression":
            yield Binding(found[0][0], value)
            return
        name = text(node.child_by_field_name("name"))
        yield Binding(name, value)
        if node.parent is not None and node.parent.type in {"field_declaration", "constant_declaration"}:
            declared = class_around(node)
            yield Binding(
                f"{text(declared.child_by_field_name('name')) if declared is not None else ''}.{name}", value
            )
            yield Binding(f"this.{name}", value)

    def assignment(self, node: Node) -> tuple[tuple[str, ...], Node, str] | None:
        """Return targets, value and operator of what gives a value."""
        if node.type == "variable_declarator":
            value, name = node.child_by_field_name("value"), text(node.child_by_field_name("name"))
            return ((name, f"this.{name}"), value, "=") if value is not None else None
        if node.type != "assignment_expression":
            return None
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return None
        name = self.dotted(left) or text(left)
        both = (name, name.removeprefix("this.")) if name.startswith("this.") else (name,)
        return both, right, text(node.child_by_field_name("operator"))

    def loop(self, node: Node) -> tuple[str, Node] | None:
        """Return the name that a loop binds and what it goes over."""
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        return (text(name), value) if name is not None and value is not None else None

    def imports(self, node: Node) -> Iterable[Import]:
        """Yield the names that an import brings."""
        path = next(
            (text(c) for c in node.named_children if c.type in {"scoped_identifier", "identifier"}), ""
        )
        static = any(c.type == "static" for c in node.children)
        if any(c.type == "asterisk" for c in node.children):
            return (Import("*", path),)
        module, _, last = path.rpartition(".")
        return (Import(last, module, last),) if static else (Import(last, path),)

    def beside(self, name: str, file: SourceFile) -> Import | None:
        """Return a class of the same package."""
        return Import(name, f"{file.folder.replace('/', '.')}.{name}") if name[:1].isupper() else None

    def items(self, node: Node) -> Sequence[Node] | None:  # noqa: PLR0911  (one kind of list after the other)
        """Return the elements of a list, the constants of an enum."""
        if node.type == "array_initializer":
            return node.named_children
        if node.type == "array_creation_expression":
            value = node.child_by_field_name("value")
            return value.named_children if value is not None else None
        if node.type == "enum_body":
            names = [c.child_by_field_name("name") for c in node.named_children if c.type == "enum_constant"]
            return [name for name in names if name is not None]
        call = self.call(node) if node.type == "method_invocation" else None
        if call is None:
            return None
        if call.callee in _LISTS:
            return [a.value for a in call.arguments]
        if call.callee in _THROUGH or (call.name in _THROUGH and not call.arguments):
            inner = call.positional(0) or self.receiver(node)
            return self.items(inner) if inner is not None else None
        return None

    def entries(self, node: Node) -> Sequence[tuple[Node | str, Node]] | None:
        """Return the keys and values of a map."""
        call = self.call(node) if node.type == "method_invocation" else None
        if call is None:
            return None
        values = [a.value for a in call.arguments]
        if call.callee in _MAPS:
            return list(zip(values[::2], values[1::2], strict=False))
        if call.name == "ofEntries":
            pairs = [self.call(value) for value in values]
            return [(p.arguments[0].value, p.arguments[1].value) for p in pairs if p and len(p.arguments) > 1]
        return None

    def pieces(self, node: Node) -> Sequence[Node | str] | None:  # noqa: PLR0911  (one way to put together after the other)
        """Return the parts of a text that is put together."""
        if node.type == "binary_expression":
            operation = self.operation(node)
            return [operation[0], operation[2]] if operation and operation[1] == "+" else None
        if node.type != "method_invocation":
            return None
        call, receiver = self.call(node), self.receiver(node)
        if call is None:
            return None
        if call.name in _SAME and not call.arguments and receiver is not None and receiver.type != "this":
            return [receiver]
        if call.name == "concat" and receiver is not None and call.arguments:
            return [receiver, call.arguments[0].value]
        if call.callee == "String.format" and call.arguments:
            return self._formatted(call)
        return None

    def _formatted(self, call: Call) -> list[Node | str] | None:
        pattern = self.string(call.arguments[0].value)
        if pattern is None or re.search(r"%[^s]", pattern) or pattern.count("%s") != len(call.arguments) - 1:
            return None
        first, *texts = pattern.split("%s")
        parts: list[Node | str] = [first]
        for argument, after in zip(call.arguments[1:], texts, strict=True):
            parts += [argument.value, after]
        return parts

    def branch(self, node: Node) -> Branch | None:
        """Return a condition taken apart, checks that raise included."""
        if node.type == "if_statement":
            return super().branch(node)
        call = self.call(node) if node.type == "method_invocation" else None
        if call is None or not call.arguments or not {call.name, call.callee} & _CHECKS:
            return None
        return Branch(call.arguments[0].value, None, node)

    def throws(self, node: Node) -> bool:
        """Tell whether a statement raises, checks of a condition included."""
        return super().throws(node) or (
            node.type == "method_invocation"
            and (call := self.call(node)) is not None
            and call.callee in _CHECKS
        )
