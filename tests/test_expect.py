"""Expectations hold, do not hold, or cannot be told, and show the values from which that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer_lib.errors import UsageError
from deployer_lib.expect import capture, holds

if TYPE_CHECKING:
    from deployer_lib.check import JSONValue

VALUES: dict[str, JSONValue] = {
    "status": 200,
    "headers": {"content-type": "application/json"},
    "text": '{"status": "degraded"}',
    "json": {"status": "degraded", "count": 3, "items": [1, 2], "none": None, "up": True, "note": "x" * 500},
}


@pytest.mark.parametrize(
    "expression",
    [
        'json.status == "degraded"',
        "json.count > 2 && size(json.items) == 2",
        'headers["content-type"].startsWith("application/")',
        "status in [200, 204]",
        'json.status == "ok" || json.count == 3',
        'json.count == 3 || json.count == "3"',
        "json.none == null",
        "!has(json.missing)",
        'has(json.missing) || (json.count >= 3 && json.status != "ok")',
        "json.items.all(i, i > 0)",
        "json.up",
        "json.count == 3.0",
    ],
)
def test_what_is_true_holds(expression: str) -> None:
    assert holds(expression, VALUES).held is True


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ('json.status == "ok"', 'json.status is "degraded", expected "ok"'),
        ("json.count > 3", "json.count is 3, expected > 3"),
        ('status == 200 && json.status == "ok"', 'json.status is "degraded", expected "ok"'),
        ("size(json.items) == 0", "size(json.items) is 2, expected 0"),
        ("!json.up", "!json.up is false"),
        ('(json.status == "a || b")', 'json.status is "degraded", expected "a || b"'),
        ("status in [500]", "status in [500] is false"),
    ],
)
def test_a_failure_shows_the_values_of_the_part_that_failed(expression: str, why: str) -> None:
    held = holds(expression, VALUES)
    assert (False, why) == (held.held, held.why)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("json.missing == 1", "no key 'missing'"),
        ("nope == 1", "'nope'"),
        ("json.status > 3", "types"),
        ('json.count == "3"', "json.count is a number"),
        ('json.count != "3"', "json.count is a number"),
        ("json.up == 1", "true or false"),
        ("json.count", "neither true nor false"),
        ("((", "parse"),
        ("", ""),
        ("json.items[5] == 1", "out of bounds"),
        ("json.count / 0 == 1", "zero"),
        ("json.none.x == 1", "types"),
        ('json.status == "degraded" && json.missing == 1', 'json.status is "degraded"'),
    ],
)
def test_what_cannot_be_told_is_neither_a_pass_nor_a_fail(expression: str, said: str) -> None:
    held = holds(expression, VALUES)
    assert held.held is None
    assert said in held.why


def test_values_stay_out_where_they_are_not_to_be_shown() -> None:
    held = holds('json.status == "ok" && size(json.note) > 0', VALUES, show=False)
    assert "degraded" not in held.why + repr(held.operands)
    assert 'expected "ok"' in held.why


def test_long_values_are_cut() -> None:
    assert len(str(holds('json.note == "y"', VALUES).operands["json.note"])) < 200


@given(st.text(max_size=30))
def test_no_text_is_an_exception(expression: str) -> None:
    assert holds(expression, VALUES).held in {True, False, None}


def test_captures() -> None:
    document: JSONValue = {"a": {"b": [{"c-d": 1}, 2]}, "x y": {"z": None}}
    assert capture("$.a.b[0].c-d", document) == 1
    assert capture("$.a.b[-1]", document) == 2
    assert capture("$['x y']['z']", document) is None
    assert capture("$", document) == document


@pytest.mark.parametrize("path", ["$.nope", "$.a.b[2]", "$.a[0]", "$.a.b.c"])
def test_a_capture_of_nothing_is_a_lookup_error(path: str) -> None:
    with pytest.raises(LookupError, match="nothing stands at"):
        capture(path, {"a": {"b": [1, 2]}})


@pytest.mark.parametrize("path", ["a.b", "$..a", "$.a[*]", "$.a b", ""])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        capture(path, {"a": {"b": 1}})
