"""What Go code does where a variable is absent, beyond conditions that end or return: a value that was there before, a switch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import Settled, text
from deployer_lib.probes.variables.flow.nodes import descend, inside
from deployer_lib.probes.variables.languages.go_syntax import STRIPPED, each, enclosing, entry_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.grammar import Function, Language

__all__ = ["before", "is_error", "settle"]

_ABSENT: Final = re.compile(
    r'==\s*(?:""|``|nil)|!\w+\b(?!\s*=)|\berr\w*\s*!=\s*nil|len\([^)]*\)\s*(?:==\s*0|<)'
)
_ERROR: Final = re.compile(
    r"^&?(?:\w+\.)*(?:err|Err|Error)\w*(?:\{.*|\(.*)?$|[eE]rr(?:or)?\w*\(|\b(?:Wrapf?|Errorf|New)\(",
    re.DOTALL,
)
_NOTHING: Final = frozenset({'""', "``", "nil"})
_KEEPING: Final = frozenset({"expression_list", "parenthesized_expression", "argument_list", "call_expression",
                             "selector_expression", "type_conversion_expression"})  # fmt: skip
_ASSIGNS: Final = frozenset({"short_var_declaration", "assignment_statement", "var_spec"})


def settle(node: Node, wrapper: Function | None, language: Language) -> Settled | None:
    """Return what stands in for a read, None where nothing that is seen here does."""
    if wrapper is not None and _ignores_error(node, wrapper):
        return Settled(node, "optional", final=True)
    statement, names = _bound(node)
    found = _variadic(node, names) or _switch(node, statement, names, language)
    if found is not None:
        return found
    for branch in _branches(node, statement, names):
        instead = _instead(branch, node, names)
        if instead is not None:
            return Settled(node, fallback=instead)
    instead = _after_return(statement, names) if statement is not None else None
    return None if instead is None else Settled(node, fallback=instead)


def is_error(node: Node) -> bool:
    """Tell whether a return statement gives its caller an error."""
    function = enclosing(node)
    result = function.child_by_field_name("result") if function is not None else None
    if result is None or not re.search(r"\berror\)?$", text(result)):
        return False
    given = each(node.named_children[0]) if node.named_children else []
    return bool(given) and _ERROR.search(text(given[-1])) is not None


def _ignores_error(node: Node, wrapper: Function) -> bool:
    """Tell whether a call's error is thrown away: ``v, _ := need("X")``."""
    result = wrapper.node.child_by_field_name("result")
    statement, names = _bound(node)
    return (
        result is not None
        and text(result).rstrip(")").endswith("error")
        and statement is not None
        and len(names) > 1
        and names[-1] == "_"
    )


def _bound(node: Node) -> tuple[Node | None, list[str]]:
    """Return the statement that binds a read, and the names; calls that only change its looks are passed."""
    child, here = node, node.parent
    while here is not None and here.type in _KEEPING:
        child, here = here, here.parent
    if here is None or here.type not in _ASSIGNS:
        return None, []
    left = here.child_by_field_name("left")
    names = each(left) if left is not None else here.children_by_field_name("name")
    right = here.child_by_field_name("right") or here.child_by_field_name("value")
    values = each(right) if right is not None else []
    if not any(inside(node, value) for value in values) or child is None:
        return None, []
    index = next(i for i, value in enumerate(values) if inside(node, value))
    bound = [text(names[index])] if len(values) > 1 and index < len(names) else [text(name) for name in names]
    return here, bound


def _variadic(node: Node, names: list[str]) -> Settled | None:
    """Find ``return fallback[0]`` in ``func get(key string, fallback ...string)``."""
    function = enclosing(node)
    listed = function.child_by_field_name("parameters") if function is not None else None
    rest = [
        text(one.child_by_field_name("name"))
        for one in (listed.named_children if listed is not None else ())
        if one.type == "variadic_parameter_declaration"
    ]
    if function is None or not rest or not (names or node.parent is not None):
        return None
    for inner in descend(function):
        if inner.type == "index_expression" and text(inner) == f"{rest[0]}[0]":
            return Settled(node, fallback=inner)
    return None


# -- if ------------------------------------------------------------------------------------------------------------------


def _branches(node: Node, statement: Node | None, names: list[str]) -> Iterator[Node]:
    """Yield the conditions on a read: around it, of which it is the first part, or after the statement that binds it."""
    here = node.parent
    while here is not None and here.type not in {"block", "func_literal", "statement_list"}:
        if here.type == "if_statement":
            yield here
            return
        here = here.parent
    following = statement.next_named_sibling if statement is not None else None
    for _ in range(3):
        if following is None:
            return
        condition = following.child_by_field_name("condition") if following.type == "if_statement" else None
        if condition is not None and (_mentions(condition, names) or _mentions_first(following, names)):
            yield following
            return
        following = following.next_named_sibling


def _mentions_first(branch: Node, names: list[str]) -> bool:
    first = branch.child_by_field_name("initializer")
    return first is not None and _mentions(first, names)


def _instead(branch: Node, read: Node, names: list[str]) -> Node | None:
    """Return what a name holds where a condition is not met that would give it the variable's value."""
    condition, then = branch.child_by_field_name("condition"), branch.child_by_field_name("consequence")
    if condition is None or then is None:
        return None
    if _ABSENT.search(text(condition)):
        return _set_again(then, read)
    known = {name for name in names if name not in {"_", "ok", "err"}}
    first = branch.child_by_field_name("initializer")
    if first is not None and (_mentions(first, list(known)) or inside(read, first)):
        known |= _targets(first)
    same = text(read)
    for node in descend(then):
        if node.type == "short_var_declaration" and _uses(node.child_by_field_name("right"), known, same):
            known |= _targets(node)
        if node.type == "assignment_statement" and _uses(node.child_by_field_name("right"), known, same):
            left = each(node.child_by_field_name("left"))
            target = next((text(one) for one in left if text(one) not in known | {"_", "err"}), "")
            again = any(text(inner) == target for inner in descend(node.child_by_field_name("right") or node))
            return _otherwise(branch, target) if target and not again else None
    return None


def _set_again(then: Node, read: Node) -> Node | None:
    """Find ``if os.Getenv("X") == "" { os.Setenv("X", "value") }``."""
    given = read.child_by_field_name("arguments")
    asked = text(given.named_children[0]) if given is not None and given.named_children else ""
    for node in descend(then):
        if node.type == "call_expression" and text(node.child_by_field_name("function")) == "os.Setenv":
            parts = each(node.child_by_field_name("arguments"))
            listed = parts[0].named_children if parts and parts[0].type == "argument_list" else parts
            if len(listed) > 1 and text(listed[0]) == asked:
                return listed[1]
    return None


def _otherwise(branch: Node, target: str) -> Node | None:
    """Return the value that a name has where a condition is not met: of the other branch, or from before."""
    other = branch.child_by_field_name("alternative")
    if other is not None and other.type == "if_statement":  # its value stands under a condition of its own
        return _otherwise(other, target)
    if other is not None:
        return next((value for name, value in _assigned(other) if name == target), None)
    while branch.parent is not None and branch.parent.type == "if_statement":
        branch = branch.parent  # what an earlier arm gives is not there in a later one
    return before(branch, target)


def before(node: Node, target: str) -> Node | None:
    """Return the value that a name or a field has where a node stands; of a pointer that is handed in, the parameter."""
    function = enclosing(node)
    if function is None:
        return None
    if target.startswith("*"):
        return _parameter(function, target[1:])
    found: Node | None = None
    for name, value in _assigned(function):
        if value.start_byte >= node.start_byte:
            break
        if name == target:
            found = found if "[" in target and _in_other_loop(value, node) else value
        elif target.startswith(f"{name}."):
            found = _member(value, target[len(name) + 1 :].split(".")) or found
    return None if found is None or text(found) in _NOTHING else found


def _in_other_loop(value: Node, node: Node) -> bool:
    """Tell whether a value is given in a loop that is over where a node stands: to other elements by the same words."""
    here = value.parent
    while here is not None and here.type != "for_statement":
        here = here.parent
    return here is not None and not inside(node, here)


def _member(value: Node, path: list[str]) -> Node | None:
    here: Node | None = value
    for name in path:
        here = entry_of(here, name) if here is not None else None
    return here


def _parameter(function: Node, name: str) -> Node | None:
    listed = function.child_by_field_name("parameters")
    for one in listed.named_children if listed is not None else ():
        for named in one.children_by_field_name("name"):
            if text(named) == name:
                return named
    return None


def _after_return(statement: Node, names: list[str]) -> Node | None:
    """Find ``if !ok { return nil }`` with ``*target = value`` after it."""
    known = {name for name in names if name not in {"_", "err"}}
    guarded = False
    following = statement.next_named_sibling
    while following is not None:
        condition = following.child_by_field_name("condition") if following.type == "if_statement" else None
        then = following.child_by_field_name("consequence")
        if condition is not None and then is not None and _mentions(condition, list(known)):
            leaves = any(n.type == "return_statement" and not is_error(n) for n in descend(then))
            guarded = guarded or (leaves and _ABSENT.search(text(condition)) is not None)
        elif guarded and _uses(following.child_by_field_name("right"), known, ""):
            if following.type == "assignment_statement":
                left = each(following.child_by_field_name("left"))
                return before(following, text(left[0])) if left else None
            known |= _targets(following)
        following = following.next_named_sibling
    return None


def _assigned(node: Node) -> Iterator[tuple[str, Node]]:
    for one in descend(node):
        if one.type not in _ASSIGNS:
            continue
        left, right = one.child_by_field_name("left"), one.child_by_field_name("right")
        names = each(left) if left is not None else one.children_by_field_name("name")
        values = each(right or one.child_by_field_name("value"))
        if len(names) == len(values):
            yield from zip((text(name) for name in names), values, strict=True)


def _targets(statement: Node) -> set[str]:
    return {text(one) for one in each(statement.child_by_field_name("left"))} - {"_", "ok", "err"}


def _uses(node: Node | None, names: set[str], same: str) -> bool:
    return node is not None and any(
        (inner.type == "identifier" and text(inner) in names) or text(inner) == same
        for inner in descend(node)
    )


def _mentions(node: Node, names: list[str]) -> bool:
    return any(inner.type == "identifier" and text(inner) in names for inner in descend(node))


# -- switch --------------------------------------------------------------------------------------------------------------


def _switch(node: Node, statement: Node | None, names: list[str], language: Language) -> Settled | None:
    """Read ``switch os.Getenv("X") { …; default: … }``."""
    here = statement.parent if statement is not None else node.parent
    while here is not None and here.type in _KEEPING:
        here = here.parent
    if here is not None and here.type != "expression_switch_statement" and statement is not None:
        here = statement.next_named_sibling
    if here is None or here.type != "expression_switch_statement":
        return None
    value = here.child_by_field_name("value")
    while (
        value is not None and language.dotted(value) == "" and value != node and not _mentions(value, names)
    ):
        if value.type not in STRIPPED | {"call_expression"} or not value.named_children:
            return None
        value = (
            value.named_children[-1].named_children[0] if value.named_children[-1].named_children else None
        )
    if value is None or (value != node and not _mentions(value, names)):
        return None
    arms = [c for c in here.named_children if c.type in {"expression_case", "default_case"}]
    empty = [a for a in arms if text(a.child_by_field_name("value")) in {'""', "``"}]
    arm = next(iter(empty or [a for a in arms if a.type == "default_case"]), None)
    return None if arm is None else _arm(node, arm, arms, language)


def _arm(node: Node, arm: Node, arms: list[Node], language: Language) -> Settled | None:
    """Return what the arm for the absent does: it ends, or gives what the others give."""
    for inner in descend(arm):
        call = language.call(inner)
        if inner.type == "return_statement" and is_error(inner):
            return Settled(node, "required", handed=True)
        if call is not None and ({call.name, call.callee} & language.words.exits):
            return Settled(node, "required")
    others = {name for one in arms if one != arm for name, _ in _assigned(one)}
    value = next((value for name, value in _assigned(arm) if name in others), None)
    return None if value is None else Settled(node, fallback=value)
