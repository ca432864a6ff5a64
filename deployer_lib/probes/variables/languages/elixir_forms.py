"""Elixir: what its macros of control and definition hold: if, case, for and def."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Branch, Call, Function, Parameter, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

__all__ = [
    "absence_of",
    "below",
    "case_of",
    "clause_function",
    "clause_of",
    "generators",
    "if_of",
    "is_and",
    "is_filtered",
    "is_literal",
    "is_passed",
    "is_value",
    "only",
    "results_of",
    "sigil_of",
    "taken_apart",
    "value_of",
    "words_of",
]

#: Patterns of a clause that absence matches.
_NOTHING: Final = frozenset({"nil", '""', ":error", "false"})
#: Kinds of expression that stand for a value where ``if`` is used as one.
_VALUES: Final = frozenset({
    "string", "integer", "float", "boolean", "nil", "identifier", "list", "map", "tuple", "charlist", "sigil", "unary_operator",
    "binary_operator", "call", "access_call",
})  # fmt: skip
#: Calls that do something rather than give a value.
_DEEDS: Final = ("config ", "config(", "import_config", "IO.", "Logger.", "def")


#: Literals, and what a name is called that stands in for another value.
_LITERALS: Final = frozenset(
    {"string", "integer", "float", "boolean", "nil", "list", "map", "charlist", "sigil", "atom"}
)
_FALLBACK: Final = re.compile(r"(\w*default\w*|\w*fallback\w*|otherwise|alt|alternative|d|dflt)(\.\(\))?$")
_SAYS_NOTHING: Final = frozenset({":ok", ":error", ":noop", ":ignore"})


def is_literal(node: Node) -> bool:
    """Tell whether a node is a literal that may stand in for a value, no word that says only how it went."""
    return node.type in _LITERALS and text(node) not in _SAYS_NOTHING


def value_of(block: Node) -> Node | None:
    """Return the value that the failing branch of an ``if`` gives, where it is a literal or called a default."""
    inside = _single(block) if block.type == "else_block" else block
    whole = block.parent
    while whole is not None and whole.type in {"pair", "keywords", "arguments", "do_block", "else_block"}:
        whole = whole.parent
    if (
        whole is None
        or text(whole.child_by_field_name("target")) not in {"if", "unless"}
        or not _is_used(whole)
    ):
        return None
    return inside if is_literal(inside) or _FALLBACK.match(text(inside)) else None


def _is_used(node: Node) -> bool:
    """Tell whether an expression's value goes anywhere: it is bound, handed over, or the last of a function."""
    parent = node.parent
    if parent is None or parent.type == "source":
        return False
    if parent.type in {"do_block", "body", "block", "else_block"}:
        last = [child for child in parent.named_children if child.type not in {"else_block", "comment"}][
            -1:
        ] == [node]
        return (
            last
            and parent.parent is not None
            and not text(parent.parent).startswith(("defmodule", "if ", "unless "))
        )
    return True


def below(node: Node | None) -> Iterator[Node]:
    """Yield a node and all that stands in it."""
    stack = [node] if node is not None else []
    while stack:
        here = stack.pop()
        yield here
        stack.extend(here.named_children)


def only(node: Node | None, kind: str) -> Node | None:
    """Return the first child of a kind, None where there is none."""
    return (
        next((child for child in node.named_children if child.type == kind), None)
        if node is not None
        else None
    )


def is_and(node: Node) -> bool:
    """Tell whether an expression is a conjunction."""
    return node.type == "binary_operator" and text(node.child_by_field_name("operator")) in {"&&", "and"}


def is_value(node: Node) -> bool:
    """Tell whether a branch is one expression that gives a value."""
    return node.type in _VALUES and not text(node).startswith(_DEEDS) and (only(node, "do_block") is None)


def if_of(node: Node) -> Branch | None:
    """Return ``if`` and ``unless`` taken apart, in blocks or in ``do:`` and ``else:``."""
    given, block = only(node, "arguments"), only(node, "do_block")
    if given is None or not given.named_children:
        return None
    condition = given.named_children[0]
    negated = text(node.child_by_field_name("target")) == "unless"
    if block is None:
        words = given.named_children[-1] if given.named_children[-1].type == "keywords" else None
        pairs = {
            text(p.child_by_field_name("key")).rstrip(": \n"): p.child_by_field_name("value")
            for p in _of(words)
        }
        return Branch(condition, pairs.get("do"), pairs.get("else"), negated)
    other = only(block, "else_block")
    inside = [child for child in block.named_children if child.type not in {"else_block", "comment"}]
    then = block if other is None else _telling(inside)
    return Branch(condition, then, _single(other) if other is not None else None, negated)


def clause_of(node: Node) -> Branch | None:
    """Return a clause of ``cond`` taken apart."""
    left, around = node.child_by_field_name("left"), node.parent.parent if node.parent is not None else None
    is_cond = around is not None and text(around.child_by_field_name("target")) == "cond"
    if not is_cond or left is None or not left.named_children:
        return None
    return Branch(left.named_children[0], node.child_by_field_name("right"))


def _telling(statements: Sequence[Node]) -> Node | None:
    """Return the one of some statements that says what they do: that raises, else the last."""
    return next(
        (s for s in statements if text(s).startswith("raise")), statements[-1] if statements else None
    )


def _single(block: Node) -> Node:
    """Return the only statement of a block, the block where there are more."""
    inside = [child for child in block.named_children if child.type != "comment"]
    return inside[0] if len(inside) == 1 else block


def case_of(call: Call) -> tuple[Node, Node, Node] | None:
    """Return the value of ``case``, what is done with it, and what where it is nil; None where nothing is done for nil."""
    value = call.positional(0)
    clauses = [child for child in _of(call.block) if child.type == "stab_clause"]
    for clause in clauses:
        left, right = clause.child_by_field_name("left"), clause.child_by_field_name("right")
        if left is None or right is None or value is None:
            continue
        other = next((c.child_by_field_name("right") for c in clauses if c != clause), None) or right
        if _is_error(left) and value.type == "call" and _is_matched(clauses) and "raise" in text(right):
            return value, other, _single(right)  # a function that hands absence on
        ends = "raise" in text(right) or "System.halt" in text(right) or "throw" in text(right)
        if _is_for_nothing(left) and (ends or _stands_in(_single(right), clauses[-1])):
            return value, other, _single(right)
        if text(left) == "_" and "raise" in text(right):
            return value, other, _single(right)
    return None


def _stands_in(value: Node, other: Node) -> bool:
    """Tell whether a clause's value stands in for the variable: a literal, or what the other clause gives alike."""
    if is_literal(value) or _FALLBACK.match(text(value)):
        return True
    left, right = other.child_by_field_name("left"), other.child_by_field_name("right")
    if left is None or right is None or not is_value(value):
        return False
    given = only(_single(right), "arguments")
    return text(left) == text(right) or (given is not None and text(given).strip("()") == text(left))


def _is_error(left: Node) -> bool:
    return text(left).replace(" ", "").startswith(("{:error,", "({:error,"))


def _is_matched(clauses: Sequence[Node]) -> bool:
    return any(text(one.child_by_field_name("left")).startswith("{:ok") for one in clauses)


def _is_for_nothing(left: Node) -> bool:
    pattern = left.child_by_field_name("left") if left.type == "binary_operator" else left
    if pattern is not None and text(pattern) in _NOTHING:
        return True
    guard = text(left.child_by_field_name("right")) if left.type == "binary_operator" else ""
    return "is_nil(" in guard or ("nil" in guard and " in " in guard and "not in" not in guard)


def generators(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield the names that ``for`` binds, and what each goes over."""
    for child in _of(only(node, "arguments")):
        left, right = child.child_by_field_name("left"), child.child_by_field_name("right")
        if child.type != "binary_operator" or left is None or right is None:
            continue
        if text(child.child_by_field_name("operator")) == "<-":
            for name in left.named_children if left.type == "tuple" else [left]:
                yield text(name), right


def is_filtered(around: Node, node: Node, names: set[str]) -> bool:
    """Tell whether ``for k <- keys, v = read`` or ``with {:ok, v} <- read`` passes over what is absent, before a node."""
    if text(around.child_by_field_name("target")) not in {"for", "with"}:
        return False
    return any(
        one.type == "binary_operator"
        and one.end_byte <= node.start_byte
        and text(one.child_by_field_name("operator")) in {"=", "<-"}
        and names & {text(name) for name in below(one.child_by_field_name("left"))}
        for one in _of(only(around, "arguments"))
    )


def is_passed(around: Node, node: Node, names: set[str]) -> bool:
    """Tell whether an earlier clause of ``case`` or ``cond`` has caught the absence of a name."""
    kind = text(around.child_by_field_name("target")) if around.type == "call" else ""
    earlier = [
        one
        for one in _of(only(around, "do_block"))
        if one.type == "stab_clause" and one.end_byte <= node.start_byte
    ]
    left = [one for clause in earlier if (one := clause.child_by_field_name("left")) is not None]
    if kind == "cond":
        return any(names & {text(name) for name in below(one)} for one in left)
    asked = kind == "case" and names & {text(name) for name in below(only(around, "arguments"))}
    return bool(asked) and any(_is_for_nothing(one) for one in left)


def absence_of(node: Node, index: int) -> Node | None:
    """Return what a clause of ``def`` gives back that has ``nil`` or an empty text at a position; None for every other."""
    given = only(node, "arguments")
    signature = given.named_children[0] if given is not None and given.named_children else None
    patterns = _of(only(signature, "arguments"))
    if index >= len(patterns) or text(patterns[index]) not in {"nil", '""'}:
        return None
    return next(iter(results_of(node)), None)


def taken_apart(source: Node, name: str, closure: Node | None) -> list[Node]:
    """Return what a name stands for in ``for {_, name} <- [{1, "A"}]`` and ``fn {_, name} -> … end``."""
    holder = source.parent if closure is None else only(closure, "stab_clause")
    pattern = holder.child_by_field_name("left") if holder is not None else None
    if pattern is not None and pattern.type == "arguments":
        pattern = pattern.named_children[0] if pattern.named_children else None
    if pattern is None or pattern.type != "tuple" or source.type != "list":
        return []
    names = [text(one) for one in pattern.named_children]
    if name not in names:
        return []
    index = names.index(name)
    alike = [one.named_children for one in source.named_children if one.type == "tuple"]
    return [parts[index] for parts in alike if len(parts) == len(names)]


def results_of(node: Node) -> list[Node]:
    """Return the expression that a function or a closure gives back."""
    if node.type == "anonymous_function":
        found = [
            clause.child_by_field_name("right")
            for clause in node.named_children
            if clause.type == "stab_clause"
        ]
        return [_last(one) for one in found if one is not None]
    block = only(node, "do_block")
    if block is not None:
        return [_last(block)]
    words = only(only(node, "arguments"), "keywords")
    values = [
        p.child_by_field_name("value")
        for p in _of(words)
        if text(p.child_by_field_name("key")).startswith("do:")
    ]
    return [value for value in values if value is not None]


def _last(block: Node) -> Node:
    """Return the last expression of a block, without what rescues it."""
    if block.type not in {"do_block", "body", "block"}:
        return block
    apart = {"comment", "rescue_block", "after_block", "catch_block", "else_block"}
    inside = [child for child in block.named_children if child.type not in apart]
    return inside[-1] if inside else block


def clause_function(node: Node) -> Function | None:
    """Return a clause of ``def``; None for a head without a body, whose defaults its clauses take."""
    found = _head(node)
    if found is None or not _has_body(node):
        return None
    name, parameters = found
    for sibling in _of(node.parent):
        head = (
            _head(sibling) if sibling.type == "call" and sibling != node and not _has_body(sibling) else None
        )
        if head is not None and head[0] == name and len(head[1]) == len(parameters):
            defaults = [one.default for one in head[1]]
            parameters = [
                Parameter(p.name, p.default or d) for p, d in zip(parameters, defaults, strict=True)
            ]
    return Function(name, tuple(parameters), node, _module_of(node))


def _head(node: Node) -> tuple[str, list[Parameter]] | None:
    given = only(node, "arguments")
    if (
        given is None
        or not given.named_children
        or not text(node.child_by_field_name("target")).startswith("def")
    ):
        return None
    signature: Node | None = given.named_children[0]
    if signature is not None and signature.type == "binary_operator":
        signature = signature.child_by_field_name("left")
    if signature is None:
        return None
    if signature.type == "identifier":
        return text(signature), []
    listed = only(signature, "arguments")
    name = text(signature.child_by_field_name("target"))
    return (name, [_parameter(one) for one in _of(listed)]) if name else None


def _parameter(node: Node) -> Parameter:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if node.type == "binary_operator" and left is not None:
        is_default = text(node.child_by_field_name("operator")) == "\\\\"
        if is_default:
            return Parameter(text(left), right)
        named = next((one for one in (left, right) if one is not None and one.type == "identifier"), None)
        return Parameter(text(named))
    return Parameter(text(node) if node.type == "identifier" else "")


def _has_body(node: Node) -> bool:
    given = only(node, "arguments")
    return only(node, "do_block") is not None or only(given, "keywords") is not None


def _module_of(node: Node) -> str:
    here = node.parent
    while here is not None:
        if here.type == "call" and text(here.child_by_field_name("target")) == "defmodule":
            given = only(here, "arguments")
            return (
                text(given.named_children[0]).rpartition(".")[2]
                if given is not None and given.named_children
                else ""
            )
        here = here.parent
    return ""


def _of(node: Node | None) -> Sequence[Node]:
    return node.named_children if node is not None else ()


def sigil_of(node: Node) -> str:
    """Return which sigil a node is, by its letter."""
    return text(only(node, "sigil_name"))


def words_of(node: Node) -> list[Node | str]:
    """Return the words of ``~w(A B)``."""
    return [*text(only(node, "quoted_content")).split()]
