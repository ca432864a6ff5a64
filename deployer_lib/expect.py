"""What is expected of an answer or a measurement, in one line of text: CEL, and JSONPath for captures.

An expectation holds, or does not hold, or cannot be told (``held is None``): a key that is not there, operands of
different types, a name that nobody defined and a result that is no truth value are never a pass and never a fail.
"""

from __future__ import annotations

import contextlib
import json as jsonlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.errors import UsageError
from deployer_lib.threshold import Held

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer_lib.app.http import Answer
    from deployer_lib.check import JSONValue

__all__ = ["capture", "holds", "values_of"]

_SHOWN_CHARACTERS: Final = 120
_CEL_ERRORS: Final = (LookupError, TypeError, ValueError, RuntimeError, ArithmeticError)
_COMPARISONS: Final = ("==", "!=", "<=", ">=", "<", ">")
_LITERAL: Final = re.compile(r"""^(-?\d[\w.]*|true|false|null|b?r?"[^"]*"|b?r?'[^']*'|\[[^\]a-z]*\])$""")


def values_of(answer: Answer) -> dict[str, JSONValue]:
    """Return the names that an expectation on an answer may use: status, headers, text, and json where it is JSON."""
    values: dict[str, JSONValue] = {
        "status": answer.status,
        "headers": {name.lower(): value for name, value in answer.headers.items()},
        "text": answer.text,
    }
    with contextlib.suppress(
        ValueError, RecursionError
    ):  # then the name is undefined, and an expectation says so
        values["json"] = answer.json()
    return values


def holds(expression: str, values: Mapping[str, JSONValue], *, show: bool = True) -> Held:
    """Evaluate a CEL expression and say whether it holds.

    Args:
        expression: ``json.status == "ok" && size(json.items) > 0``.
        values: what its names stand for.
        show: whether texts among the operands' values are shown; else their length is.
    """
    result, problem = _evaluate(expression, values)
    clauses = _clauses(expression)
    operands = _operands(clauses, values)
    shown = {name: _shown(value, show=show) for name, value in operands.items()}
    seen = ", ".join(f"{name} is {_text(value)}" for name, value in shown.items())
    if problem:
        return Held(
            None, f"{expression} could not be told: {problem}" + (f" ({seen})" if seen else ""), shown
        )
    if not isinstance(result, bool):
        return Held(
            None,
            f"{expression} is {_text(_shown(result, show=show))}, which is neither true nor false",
            shown,
        )
    if mixed := _mixed(expression, clauses, values):
        return Held(None, f"{expression} could not be told: {mixed}", shown)
    if result:
        return Held(held=True, why=f"{expression} holds" + (f" ({seen})" if seen else ""), operands=shown)
    return Held(held=False, why=_difference(expression, clauses, values, show=show), operands=shown)


def _evaluate(expression: str, values: Mapping[str, JSONValue]) -> tuple[JSONValue, str]:
    import cel  # noqa: PLC0415  (takes a second to import, and few checks need it)

    try:
        return cel.evaluate(expression, dict(values)), ""
    except _CEL_ERRORS as error:
        return None, _explained(error)


def _explained(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no key {error}"
    text = str(error).strip().split("\n", 1)[0]
    if isinstance(error, TypeError):
        return "its operands have types that cannot be compared so"
    return text.split(". ", 1)[0][:1].lower() + text.split(". ", 1)[0][1:].rstrip(".")


@dataclass(frozen=True, slots=True)
class _Clause:
    """One part between ``&&`` and ``||``; a comparison where ``operator`` is not empty."""

    text: str
    left: str = ""
    operator: str = ""
    right: str = ""


def _clauses(expression: str) -> list[_Clause]:
    clauses = []
    for part in _split(expression, ("&&", "||")):
        text = part.strip()
        while text.startswith("(") and text.endswith(")") and len(_split(text[1:-1], (")",))) == 1:
            inner = _clauses(text[1:-1])
            if len(inner) > 1:
                clauses += inner
                break
            text = text[1:-1].strip()
        else:
            clauses.append(_clause(text))
    return clauses


def _clause(text: str) -> _Clause:
    for operator in _COMPARISONS:
        sides = _split(text, (operator,))
        if len(sides) == 2 and "?" not in text:  # noqa: PLR2004  (a comparison has two sides)
            return _Clause(text, sides[0].strip(), operator, sides[1].strip())
    return _Clause(text)


def _split(text: str, separators: tuple[str, ...]) -> list[str]:
    """Split at separators that stand outside of quotes and brackets."""
    parts, start, depth, quote, at = [], 0, 0, "", 0
    while at < len(text):
        sign = text[at]
        if quote:
            if sign == "\\":
                at += 1
            elif sign == quote:
                quote = ""
        elif sign in "\"'":
            quote = sign
        elif found := next((s for s in separators if depth == 0 and text.startswith(s, at)), ""):
            parts.append(text[start:at])
            at += len(found)
            start = at
            continue
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        at += 1
    return [*parts, text[start:]]


def _operands(clauses: list[_Clause], values: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    operands = {}
    for clause in clauses:
        for side in (clause.left, clause.right) if clause.operator else (clause.text.lstrip("!"),):
            if side and not _LITERAL.match(side):
                value, problem = _evaluate(side, values)
                if not problem:
                    operands[side] = value
    return operands


def _mixed(expression: str, clauses: list[_Clause], values: Mapping[str, JSONValue]) -> str:
    # CEL finds 1 and "1" merely different; whoever wrote such an expectation wrote the wrong type.
    if "||" in expression or "?" in expression:
        return ""
    for clause in clauses:
        if clause.operator not in {"==", "!="}:
            continue
        (left, problem), (right, other) = _evaluate(clause.left, values), _evaluate(clause.right, values)
        kinds = {_kind(left), _kind(right)}
        if not problem and not other and len(kinds) > 1 and "null" not in kinds:
            return f"{clause.left} is {_kind(left)}, {clause.right} is {_kind(right)}"
    return ""


def _kind(value: object) -> str:
    if value is None:
        return "null"
    kinds = (
        (bool, "true or false"),
        (int | float, "a number"),
        (str, "text"),
        (list, "a list"),
        (dict, "a map"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), type(value).__name__)


def _difference(
    expression: str, clauses: list[_Clause], values: Mapping[str, JSONValue], *, show: bool
) -> str:
    wrong = []
    for clause in clauses:
        result, problem = _evaluate(clause.text, values)
        if problem or result is not False:
            continue
        if not clause.operator:
            wrong.append(f"{clause.text} is false")
            continue
        left, right = (_evaluate(side, values)[0] for side in (clause.left, clause.right))
        operator = "" if clause.operator == "==" else f"{clause.operator} "
        # What was declared may be shown; what the application answered only where that is allowed.
        expected = _text(right if _LITERAL.match(clause.right) else _shown(right, show=show))
        wrong.append(f"{clause.left} is {_text(_shown(left, show=show))}, expected {operator}{expected}")
    return "; ".join(wrong) or f"{expression} is false"


def _shown(value: JSONValue, *, show: bool) -> JSONValue:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if not show:
        return f"({_kind(value)} of {len(value)})"
    text = value if isinstance(value, str) else jsonlib.dumps(value, default=str)
    if len(text) > _SHOWN_CHARACTERS:
        return f"{text[:_SHOWN_CHARACTERS]}… ({len(text)} characters)"
    return value


def _text(value: JSONValue) -> str:
    return jsonlib.dumps(value, ensure_ascii=False, default=str)


_STEP: Final = re.compile(
    r"""\.(?P<name>[\w-]+)|\[(?P<index>-?\d+)\]|\[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]"""
)


def capture(path: str, document: JSONValue) -> JSONValue:
    """Return what a JSONPath names: ``$.a.b[0]["c"]``; nothing that can match more than one value.

    Raises:
        UsageError: the path is not one of these.
        LookupError: nothing stands there.
    """
    if not path.startswith("$"):
        raise UsageError(
            f"{path!r} is not a JSONPath.", hint="Write for example $.access_token or $.data[0].id."
        )
    at, value = 1, document
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise UsageError(
                f"{path!r} is not a JSONPath from character {at + 1} on.", hint="Names and indices only."
            )
        value = _step(value, step, path[: step.end()])
        at = step.end()
    return value


def _step(value: JSONValue, step: re.Match[str], so_far: str) -> JSONValue:
    name = step["name"] if step["name"] is not None else step["key"]
    if name is not None and isinstance(value, dict) and name in value:
        return value[name]
    if name is None and isinstance(value, list) and -len(value) <= int(step["index"]) < len(value):
        return value[int(step["index"])]
    raise LookupError(f"nothing stands at {so_far}")
