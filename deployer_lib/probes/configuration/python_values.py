"""Evaluate the expressions that settings are made of; whatever is not among them is Unknown, and nothing is run."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.configuration import python_calls
from deployer_lib.probes.configuration.model import Unknown
from deployer_lib.probes.configuration.python_scope import Function, Gone, Imported, unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.configuration.python_scope import Scope, Value

__all__ = ["evaluate", "truth"]

_MAX_SIZE: Final = 10_000  # of a text or list that an operator makes
_BINARY: Final[dict[type[ast.operator], Callable[..., object]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitOr: operator.or_,
}
_COMPARED: Final[dict[type[ast.cmpop], Callable[..., object]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


def evaluate(node: ast.expr, scope: Scope) -> Value:
    """Return what an expression is.

    Raises:
        Gone: it raises, where that can be told.
    """
    if not scope.budget.spend():
        return unknown(node, "its evaluation takes too long")
    way = _WAYS.get(type(node))
    if way is None:
        return unknown(node, "it is made at run time")
    value = way(node, scope)
    if isinstance(value, Unknown) and not value.line:
        return Unknown(value.why, getattr(node, "lineno", 0))
    return value


def truth(value: Value) -> bool | None:
    """Return whether Python takes a value as true, None where that can't be told."""
    return None if isinstance(value, Unknown | Imported | Function) else bool(value)


def _first_unknown(*values: Value) -> Unknown | None:
    return next((value for value in values if isinstance(value, Unknown)), None)


def _plain(node: ast.AST, value: Value) -> Value:
    """Return a value as data: what only stands for something elsewhere is Unknown."""
    return unknown(node, "it is made at run time") if isinstance(value, Imported | Function) else value


def _constant(node: ast.Constant, _scope: Scope) -> Value:
    if isinstance(node.value, str | int | float | bool | None):
        return node.value
    return unknown(node, "it is no text, number or truth value")


def _name(node: ast.Name, scope: Scope) -> Value:
    found = scope.look_up(node.id)
    if isinstance(found, Unknown) and node.id in python_calls.BUILTINS and not found.line:
        return Imported(f"builtins.{node.id}")
    return found


def _attribute(node: ast.Attribute, scope: Scope) -> Value:
    owner = evaluate(node.value, scope)
    if isinstance(owner, Imported):
        return Imported(f"{owner.dotted}.{node.attr}", owner.scheme)
    if isinstance(owner, dict) and isinstance(node.value, ast.Name) and node.attr in owner:
        return owner[node.attr]  # a class of the settings
    return _first_unknown(owner) or unknown(node, f".{node.attr} is made at run time")


def _list(node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Value:
    items: list[Value] = []
    for part in node.elts:
        value = evaluate(part.value if isinstance(part, ast.Starred) else part, scope)
        if not isinstance(part, ast.Starred):
            items.append(value)  # a cast among them is what a reader of variables takes
        elif isinstance(value, list):
            items += value
        else:
            return _first_unknown(value) or unknown(node, "it is made at run time")
    return items


def _dict(node: ast.Dict, scope: Scope) -> Value:
    made: dict[str, Value] = {}
    for key, part in zip(node.keys, node.values, strict=True):
        value = evaluate(part, scope)
        if key is not None:
            name = evaluate(key, scope)
            if isinstance(name, Unknown):
                return unknown(key, "a key is made at run time")
            made[str(name)] = _plain(part, value)
        elif isinstance(value, dict):
            made |= value
        else:
            return _first_unknown(value) or unknown(node, "it is made at run time")
    return made


def _operation(node: ast.BinOp, scope: Scope) -> Value:
    left, right = evaluate(node.left, scope), evaluate(node.right, scope)
    if found := _first_unknown(left, right):
        return found
    way = _BINARY.get(type(node.op))
    sized = [len(side) for side in (left, right) if isinstance(side, str | list)]
    numbers = [abs(side) for side in (left, right) if isinstance(side, int | float)]
    if way is None or isinstance(left, Imported) or (isinstance(left, str) and isinstance(node.op, ast.Mod)):
        return unknown(node, "it is made at run time")
    if sum(sized) > _MAX_SIZE or (sized and max(numbers, default=0) * sum(sized) > _MAX_SIZE):
        return unknown(node, "it is too large")
    try:
        return way(left, right)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise Gone(type(error).__name__, "its operands do not fit") from error


def _either(node: ast.BoolOp, scope: Scope) -> Value:
    seen: Value = None
    for part in node.values:
        seen = evaluate(part, scope)
        holds = truth(seen)
        if holds is None or holds is isinstance(node.op, ast.Or):
            break
    return seen


def _unary(node: ast.UnaryOp, scope: Scope) -> Value:
    value = evaluate(node.operand, scope)
    if isinstance(node.op, ast.Not):
        holds = truth(value)
        return (
            (_first_unknown(value) or unknown(node, "it is made at run time")) if holds is None else not holds
        )
    if isinstance(node.op, ast.USub) and isinstance(value, int | float):
        return -value
    return _first_unknown(value) or unknown(node, "it is made at run time")


def _comparison(node: ast.Compare, scope: Scope) -> Value:
    left = evaluate(node.left, scope)
    for sign, part in zip(node.ops, node.comparators, strict=True):
        right = evaluate(part, scope)
        if isinstance(right, Imported) and right.dotted == "os.environ" and isinstance(left, str):
            found = scope.variables.read(left)
            right = found if isinstance(found, Unknown) else [] if found is None else [left]
        if found_unknown := _first_unknown(left, right):
            return found_unknown
        if isinstance(left, Imported | Function) or isinstance(right, Imported | Function):
            return unknown(node, "it is made at run time")
        try:
            if not _COMPARED[type(sign)](left, right):
                return False
        except TypeError as error:
            raise Gone("TypeError", "its operands cannot be compared") from error
        left = right
    return True


def _choice(node: ast.IfExp, scope: Scope) -> Value:
    test = evaluate(node.test, scope)
    holds = truth(test)
    if holds is None:
        return _first_unknown(test) or unknown(node, "its condition is made at run time")
    return evaluate(node.body if holds else node.orelse, scope)


def _entry(node: ast.Subscript, scope: Scope) -> Value:
    owner = evaluate(node.value, scope)
    if isinstance(node.slice, ast.Slice):
        return _first_unknown(owner) or _sliced(node, owner, node.slice, scope)
    key = evaluate(node.slice, scope)
    if found := _first_unknown(owner, key):
        return found
    if isinstance(owner, Imported):
        return (
            python_calls.entry(owner, key, scope)
            if isinstance(key, str)
            else unknown(node, "made at run time")
        )
    if isinstance(owner, dict):
        if str(key) not in owner:
            raise Gone("KeyError", f"there is no key {key}")
        return owner[str(key)]
    if isinstance(owner, str | list) and isinstance(key, int):
        if not -len(owner) <= key < len(owner):
            raise Gone("IndexError", f"there is no item {key}")
        return owner[key]
    return unknown(node, "it is made at run time")


def _sliced(node: ast.Subscript, owner: Value, part: ast.Slice, scope: Scope) -> Value:
    given = [None if end is None else evaluate(end, scope) for end in (part.lower, part.upper, part.step)]
    ends = [end for end in given if end is None or isinstance(end, int)]
    if isinstance(owner, str | list) and len(ends) == len(given) and ends[2] != 0:
        return owner[slice(*ends)]
    return unknown(node, "it is made at run time")


def _formatted(node: ast.JoinedStr, scope: Scope) -> Value:
    parts = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue) and (part.format_spec is not None or part.conversion != -1):
            return unknown(node, "it is formatted at run time")
        value = evaluate(part.value if isinstance(part, ast.FormattedValue) else part, scope)
        if not isinstance(value, str | int | float | bool | None):
            return _first_unknown(value) or unknown(node, "it is formatted at run time")
        parts.append(str(value))
    return "".join(parts)


def _comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope) -> Value:
    turn = node.generators[0]
    if len(node.generators) > 1 or not isinstance(turn.target, ast.Name):
        return unknown(node, "it is made at run time")
    source = evaluate(turn.iter, scope)
    if not isinstance(source, list | str | dict):
        return _first_unknown(source) or unknown(node, "it is made at run time")
    items: list[Value] = []
    made: dict[str, Value] = {}
    for item in source:
        inner = scope.inner()
        inner.names[turn.target.id] = item
        tests = [evaluate(test, inner) for test in turn.ifs]
        if any(truth(test) is None for test in tests):
            return _first_unknown(*tests) or unknown(node, "its condition is made at run time")
        if not all(truth(test) for test in tests):
            continue
        if isinstance(node, ast.DictComp):
            made[str(evaluate(node.key, inner))] = _plain(node, evaluate(node.value, inner))
        else:
            items.append(_plain(node, evaluate(node.elt, inner)))
    return made if isinstance(node, ast.DictComp) else items


def _lambda(node: ast.Lambda, scope: Scope) -> Value:
    return Function(node, scope)


def _arguments(node: ast.Call, scope: Scope) -> tuple[list[Value], dict[str, Value]] | Unknown:
    """Return what a call is given; Unknown where a spread argument can't be told."""
    positional: list[Value] = []
    named: dict[str, Value] = {}
    for part in node.args:
        value = evaluate(part.value if isinstance(part, ast.Starred) else part, scope)
        if isinstance(part, ast.Starred) and not isinstance(value, list):
            return _first_unknown(value) or unknown(node, "it is made at run time")
        positional += value if isinstance(part, ast.Starred) and isinstance(value, list) else [value]
    for word in node.keywords:
        value = evaluate(word.value, scope)
        if word.arg is None and not isinstance(value, dict):
            return _first_unknown(value) or unknown(node, "it is made at run time")
        named |= value if word.arg is None and isinstance(value, dict) else {word.arg or "": value}
    return positional, named


def _call(node: ast.Call, scope: Scope) -> Value:
    given = _arguments(node, scope)
    if isinstance(given, Unknown):
        return given
    positional, named = given
    if isinstance(node.func, ast.Attribute):
        owner = evaluate(node.func.value, scope)
        if not isinstance(owner, Imported) and not (isinstance(owner, dict) and node.func.attr in owner):
            found = _first_unknown(owner)
            return found or python_calls.method(owner, node.func.attr, positional, named)
    called = evaluate(node.func, scope)
    if isinstance(called, Function):
        from deployer_lib.probes.configuration.python_file import run_function  # noqa: PLC0415  (statements and expressions need each other)

        return run_function(called, positional, named)
    if isinstance(called, Imported):
        return python_calls.called(called, positional, named, scope)
    return _first_unknown(called) or unknown(node, "it is made at run time")


_WAYS: Final[dict[type[ast.expr], Callable[..., Value]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.List: _list,
    ast.Tuple: _list,
    ast.Set: _list,
    ast.Dict: _dict,
    ast.BinOp: _operation,
    ast.BoolOp: _either,
    ast.UnaryOp: _unary,
    ast.Compare: _comparison,
    ast.IfExp: _choice,
    ast.Subscript: _entry,
    ast.JoinedStr: _formatted,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
    ast.Lambda: _lambda,
    ast.Call: _call,
}
