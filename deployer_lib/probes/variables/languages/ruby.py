"""Ruby: ENV and copies of it, ERB in templates and YAML; settings libraries stand in ruby_settings."""

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
    Language,
    Read,
    Vocabulary,
    text,
)
from deployer_lib.probes.variables.flow.texts import members_of, plain
from deployer_lib.probes.variables.languages.ruby_forms import (
    argument_of,
    case_of,
    is_target,
    is_value,
    owners_of,
    parameter_of,
    rescued,
)
from deployer_lib.probes.variables.languages.ruby_settings import declared
from deployer_lib.probes.variables.languages.ruby_templates import TEMPLATES, ruby_of
from deployer_lib.probes.variables.marks import MARKERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tree_sitter import Language as Grammar
    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program, SourceFile
    from deployer_lib.probes.variables.model import Need

__all__ = ["Ruby"]

_ENVS: Final = frozenset({"ENV", "::ENV"})
#: Methods of ENV that take one name → what the read needs.
_ONE: Final[dict[str, Need]] = {
    "fetch": "required", "[]": "optional", "dig": "optional", "key?": "optional", "has_key?": "optional",
    "include?": "optional", "member?": "optional", "assoc": "optional",
}  # fmt: skip
#: Methods of ENV that take any number of names → what the reads need.
_MANY: Final[dict[str, Need]] = {"values_at": "optional", "slice": "optional", "fetch_values": "required"}
_COPIES: Final = frozenset(
    {"to_h", "to_hash", "dup", "clone", "freeze", "with_indifferent_access", "symbolize_keys"}
)
#: Files of Ruby without a suffix.
_NAMES: Final = frozenset(
    {"Gemfile", "Rakefile", "Capfile", "Guardfile", "Vagrantfile", "Fastfile", "Appraisals", "Brewfile"}
)
_SCRIPT: Final = re.compile(rb"#!.*\bruby\b")
_EXITS: Final = frozenset({"raise", "fail", "abort", "exit", "exit!"})


class Ruby(Language):
    """Ruby, and the Ruby in templates (ERB, YAML, Haml, Slim)."""

    name = "ruby"
    suffixes = frozenset({".rb", ".rake", ".ru", ".gemspec", ".jbuilder", ".thor"}) | TEMPLATES
    markers = MARKERS["ruby"]
    query = """
    (method) @function (singleton_method) @function (lambda) @function
    (block parameters: (_)) @function (do_block parameters: (_)) @function
    (call) @call (element_reference) @call
    (assignment) @bind (operator_assignment) @bind
    (for) @loop
    (if) @branch (unless) @branch (elsif) @branch (if_modifier) @branch (unless_modifier) @branch (case) @branch
    (element_reference) @read
    (class) @read
    """
    constants = r"\bNAME\s*="
    wrapping = frozenset({"parenthesized_statements", "block_body", "then", "else", "interpolation"})
    operations = frozenset({"binary"})
    words: ClassVar[Vocabulary] = Vocabulary(
        fallbacks=frozenset({"||", "or"}),
        exits=_EXITS,
        converters=frozenset({
            "presence", "to_s", "to_i", "to_f", "to_sym", "to_str", "strip", "chomp", "squish", "downcase", "upcase", "split", "map",
            "gsub", "sub", "tr", "then", "yield_self", "try", "freeze", "dup", "first", "last", "lines", "delete_suffix",
            "delete_prefix", "presence_in", "constantize", "camelize", "to_d", "to_time", "html_safe", "String", "Array", "reject",
            "select", "compact", "compact_blank", "values_at", "Rational", "unpack1",
        }),
        asserts=frozenset({"Integer", "Float"}),
        absents=frozenset({"blank?", "nil?", "empty?"}),
        presents=frozenset({"present?", "key?", "has_key?", "include?"}),
    )  # fmt: skip

    def grammar(self, suffix: str) -> Grammar:  # noqa: ARG002
        """Return the grammar of a file with this suffix."""
        import tree_sitter_ruby  # noqa: PLC0415  (only where there is Ruby)
        from tree_sitter import Language as Loaded  # noqa: PLC0415

        return Loaded(tree_sitter_ruby.language())

    def wants(self, relative: Path, head: bytes) -> bool:
        """Tell whether a file is of this language."""
        return relative.suffix in self.suffixes or relative.name in _NAMES or _SCRIPT.match(head) is not None

    def apart(self, path: str) -> bool:
        """Tell whether a file is of tests alone."""
        return path.endswith(("config/environments/test.rb", "_spec.rb", "_test.rb"))

    def prepared(self, source: bytes, path: str) -> bytes:
        """Return the Ruby of a template, all else blanked; other files as they are."""
        return ruby_of(source, PurePosixPath(path).suffix)

    # -- trees -----------------------------------------------------------------------------------------------------------

    def string(self, node: Node) -> str | None:
        """Return the value of a plain string literal, None for every other node."""
        if node.type in {"string", "bare_string", "bare_symbol", "delimited_symbol"}:
            if any(child.type == "interpolation" for child in node.named_children):
                return None
            return "".join(text(child) for child in node.named_children)
        if node.type == "simple_symbol":
            return text(node)[1:]
        if node.type == "chained_string":
            parts = [self.string(child) for child in node.named_children]
            return None if None in parts else "".join(part or "" for part in parts)
        return text(node) if node.type in {"hash_key_symbol", "character"} else None

    def dotted(self, node: Node) -> str:
        """Return a name or a chain of members as dotted text."""
        if node.type == "scope_resolution":
            scope, name = node.child_by_field_name("scope"), text(node.child_by_field_name("name"))
            return f"{self.dotted(scope)}.{name}" if scope is not None and self.dotted(scope) else name
        if node.type == "call" and node.child_by_field_name("arguments") is None:
            owner, method = node.child_by_field_name("receiver"), text(node.child_by_field_name("method"))
            return f"{self.dotted(owner)}.{method}" if owner is not None and self.dotted(owner) else ""
        named = {"identifier", "constant", "instance_variable", "class_variable", "global_variable", "self"}
        return text(node) if node.type in named else ""

    def receiver(self, node: Node) -> Node | None:
        """Return the object of a method call."""
        return node.child_by_field_name("object" if node.type == "element_reference" else "receiver")

    def call(self, node: Node) -> Call | None:
        """Return a call taken apart, None where a node is none."""
        if node.type == "element_reference":
            owner = node.child_by_field_name("object")
            if owner is None or owner.type not in {"constant", "scope_resolution"}:
                return None
            inside = [Argument(child) for child in node.named_children if child != owner]
            return Call(f"{self.dotted(owner)}.[]", tuple(inside), node)
        if node.type == "binary" and text(node.child_by_field_name("operator")) == "<<":
            into, what = node.child_by_field_name("left"), node.child_by_field_name("right")
            return Call(f"{text(into)}.push", (Argument(what),), node) if what is not None else None
        method = node.child_by_field_name("method") if node.type == "call" else None
        if method is None:
            return None
        owner, given = node.child_by_field_name("receiver"), node.child_by_field_name("arguments")
        callee = (
            f"{self.dotted(owner) or text(owner)[:80]}.{text(method)}" if owner is not None else text(method)
        )
        arguments = [argument_of(child) for child in (given.named_children if given is not None else ())]
        return Call(
            callee, tuple(a for a in arguments if a is not None), node, node.child_by_field_name("block")
        )

    def function(self, node: Node) -> Function | None:
        """Return a function taken apart."""
        if node.type == "block" and node.parent is not None and node.parent.type == "lambda":
            return None
        listed = node.child_by_field_name("parameters")
        parameters = [parameter_of(one) for one in (listed.named_children if listed is not None else ())]
        name = text(node.child_by_field_name("name"))
        if node.type == "lambda" and node.parent is not None and node.parent.type == "assignment":
            name = text(node.parent.child_by_field_name("left"))
        return Function(
            name, tuple(p for p in parameters if p is not None), node, next(reversed(owners_of(node)), "")
        )

    def bindings(self, node: Node) -> Iterable[Binding]:
        """Yield the names that a node binds."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return
        if left.type == "left_assignment_list":
            values = right.named_children if right.type in {"right_assignment_list", "array"} else []
            for target, value in zip(left.named_children, values, strict=False):
                yield Binding(text(target), value)
            return
        yield Binding(self.dotted(left) or text(left), right)
        if left.type == "constant":
            owners = owners_of(node)
            for count in range(len(owners)):
                yield Binding(".".join([*owners[count:], text(left)]), right)

    def assignment(self, node: Node) -> tuple[tuple[str, ...], Node, str] | None:
        """Return targets, value and operator of an assignment."""
        if node.type not in {"assignment", "operator_assignment"}:
            return None
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return None
        targets = left.named_children if left.type == "left_assignment_list" else [left]
        operator = text(node.child_by_field_name("operator")) or "="
        return tuple(self.dotted(one) or text(one) for one in targets), right, operator

    def loop(self, node: Node) -> tuple[str, Node] | None:
        """Return the name that a loop binds and what it goes over."""
        pattern, value = node.child_by_field_name("pattern"), node.child_by_field_name("value")
        over = value.named_children[0] if value is not None and value.named_children else None
        return (text(pattern), over) if pattern is not None and over is not None else None

    def items(self, node: Node) -> Sequence[Node] | None:
        """Return the elements of a list literal."""
        return node.named_children if node.type in {"array", "string_array", "symbol_array"} else None

    def entries(self, node: Node) -> Sequence[tuple[Node | str, Node]] | None:
        """Return the keys and values of a map literal."""
        if node.type != "hash":
            return None
        pairs = [
            (c.child_by_field_name("key"), c.child_by_field_name("value"))
            for c in node.named_children
            if c.type == "pair"
        ]
        return [(key, value) for key, value in pairs if key is not None and value is not None]

    def pieces(self, node: Node) -> Sequence[Node | str] | None:
        """Return the parts of a text that is put together."""
        if node.type in {"string", "bare_string", "delimited_symbol"}:
            return [
                child.named_children[0]
                if child.type == "interpolation" and child.named_children
                else text(child)
                for child in node.named_children
            ]
        if node.type == "call" and text(node.child_by_field_name("method")) == "join":
            return self._joined(node)
        operation = self.operation(node)
        return [operation[0], operation[2]] if operation and operation[1] == "+" else None

    def _joined(self, node: Node) -> list[Node | str] | None:
        call, owner = self.call(node), self.receiver(node)
        parts = self.items(owner) if owner is not None else None
        if call is None or parts is None:
            return None
        given = call.positional(0)
        between = self.string(given) if given is not None else ""
        if between is None:
            return None
        return [piece for part in parts for piece in (between, part)][1:]

    def branch(self, node: Node) -> Branch | None:
        """Return a condition and what follows from it."""
        if node.type in {"if_modifier", "unless_modifier"}:
            condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
            negated = node.type == "unless_modifier"
            return Branch(condition, body, None, negated) if condition is not None else None
        if node.type == "case":
            return case_of(node)
        if node.type not in {"if", "unless", "elsif"}:
            return None
        condition = node.child_by_field_name("condition")
        then, other = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        other = (
            None if other is not None and other.type == "elsif" else other
        )  # another condition decides there
        return Branch(condition, then, other, node.type == "unless") if condition is not None else None

    def ternary(self, node: Node) -> tuple[Node, Node, Node] | None:
        """Return condition, yes and no of a conditional expression."""
        if node.type not in {"conditional", "if", "unless"}:
            return None
        condition = node.child_by_field_name("condition")
        yes, no = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        if condition is None or yes is None or no is None:
            return None
        if node.type != "conditional" and not (is_value(node, yes) and is_value(node, no)):
            return None
        return (condition, no, yes) if node.type == "unless" else (condition, yes, no)

    def negated(self, node: Node) -> Node | None:
        """Return what a negation negates."""
        if node.type == "unary" and text(node.child_by_field_name("operator")) in {"!", "not"}:
            return node.child_by_field_name("operand")
        return None

    def returned(self, node: Node) -> Node | None:
        """Return what a return statement gives back."""
        if node.type != "return":
            return None
        inner = node.named_children[0] if node.named_children else node
        return inner.named_children[0] if inner.type == "argument_list" and inner.named_children else inner

    def throws(self, node: Node) -> bool:
        """Tell whether a node raises by its kind alone."""
        return node.type == "identifier" and text(node) in _EXITS

    # -- reads -----------------------------------------------------------------------------------------------------------

    def reads(self, node: Node, file: SourceFile, program: Program) -> Iterable[Read]:
        """Yield the reads that a node makes by itself."""
        if node.type == "class":
            yield from declared(self, node)
        elif node.type == "element_reference":
            owner = node.child_by_field_name("object")
            keys = [child for child in node.named_children if child != owner]
            if owner is not None and keys and not is_target(node) and self._is_env(owner, file, program):
                yield Read(keys[0], node, "ENV[]")
        elif node.type == "call":
            yield from self._called(node, file, program)

    def _called(self, node: Node, file: SourceFile, program: Program) -> Iterator[Read]:
        call, owner = self.call(node), self.receiver(node)
        if call is None or owner is None:
            return
        if call.name in _ONE and self._is_env(owner, file, program):
            if (key := call.positional(0)) is not None:
                yield (
                    self._fetched(call, key)
                    if call.name == "fetch"
                    else Read(key, node, f"ENV.{call.name}", _ONE[call.name])
                )
        elif call.name in _MANY and self._is_env(owner, file, program):
            for argument in call.arguments:
                for name in self._names(argument.value, file, program):
                    yield Read(name, node, f"ENV.{call.name}", _MANY[call.name])
        else:
            yield from _library(self, call, node)

    def _names(self, node: Node, file: SourceFile, program: Program) -> Sequence[Node | str]:
        """Return the names that an argument gives: itself, or what ``*NAMES`` holds."""
        if node.type != "splat_argument":
            return [node]
        return [name for key in members_of(program, file, node.named_children[0]) if (name := plain(key))]

    def _fetched(self, call: Call, key: Node) -> Read:
        """Return ``ENV.fetch``: with a fallback in parentheses or a block, else required."""
        node, idiom = call.node, "ENV.fetch"
        if call.block is not None:
            body = call.block.child_by_field_name("body")
            inside = [
                child
                for child in (body.named_children if body is not None else ())
                if child.type != "comment"
            ]
            if not inside or (len(inside) == 1 and self.null(inside[0])):
                return Read(key, node, idiom, "default")
            return Read(key, node, idiom, "default", default=inside[0] if len(inside) == 1 else body)
        default = call.positional(1)
        if default is not None:
            nothing = self.null(
                default
            )  # that it may be absent is said, but for a helper's parameter that is nil by default
            return Read(key, node, idiom, "default") if nothing else Read(key, node, idiom, default=default)
        if (handler := rescued(node)) is not None:
            return Read(key, node, idiom, "optional", default=handler)
        return Read(key, node, idiom, "required")

    def _is_env(self, node: Node, file: SourceFile, program: Program, depth: int = 4) -> bool:
        """Tell whether an expression is ENV: itself, a copy, or a name that was given it."""
        if text(node) in _ENVS:
            return True
        if depth == 0:
            return False
        if node.type == "call":
            owner = node.child_by_field_name("receiver")
            is_copy = text(node.child_by_field_name("method")) in _COPIES
            return is_copy and owner is not None and self._is_env(owner, file, program, depth - 1)
        if node.type not in {"identifier", "instance_variable", "constant"}:
            return False
        name = text(node)
        found, function = program.bindings_of(file, node, name)
        if function is not None:
            default = next((p.default for p in function.parameters if p.name == name), None)
            return default is not None and self._is_env(default, file, program, depth - 1)
        if node.type == "instance_variable" and not found:
            found = [b for bound in file.bound.values() for b in bound.get(name, ())]
        return bool(found) and self._is_env(found[0].value, file, program, depth - 1)


def _library(language: Ruby, call: Call, node: Node) -> Iterator[Read]:
    """Find Figaro.env.name, Figaro.require_keys, Dotenv.require_keys and ENVied.NAME."""
    owner = call.owner
    if owner == "Figaro.env" and not call.arguments:
        need: Need = "required" if call.name.endswith("!") else "optional"
        yield Read(call.name.rstrip("!?").upper(), node, "Figaro.env", need)
    elif call.name == "require_keys" and owner in {"Figaro", "Dotenv"}:
        for argument in call.arguments:
            for item in language.items(argument.value) or [argument.value]:
                yield Read(item, node, f"{owner}.require_keys", "required", final=True)
    elif owner == "ENVied" and call.name.isupper():
        yield Read(call.name, node, "ENVied", "required")
