"""What a person reads after ``deployer load``: what failed first, why, and how far the figures may be believed."""

from __future__ import annotations

from io import StringIO
from typing import Any

from load_parts import Row, columns_of
from rich.console import Console

from deployer_lib.cli.load_shown import show_knee, show_load
from deployer_lib.load.gates import judge
from deployer_lib.load.knee import Knee
from deployer_lib.load.result import LoadResult


def _shown(rows: list[Row], *gates: str, code: int = 0, **more: Any) -> list[str]:
    result = LoadResult(columns_of(rows, **more.pop("columns", {})), "100/s, for 1s", ["GET /"])
    document = {
        **result.to_json(),
        "findings": [],
        "gates": [{**gate.to_json(), "why": gate.why} for gate in judge(result, gates)],
        **more,
    }
    text = StringIO()
    show_load(Console(file=text, width=100), document, code)
    return text.getvalue().splitlines()


def _rows(count: int = 100, *, wrong: int = 0, given_up: int = 0, late_s: float = 0.0) -> list[Row]:
    rows: list[Row] = []
    for number in range(count):
        due = number / 100
        status, error = (503, "unexpected status") if number < wrong else (200, "")
        status, error = (0, "timeout") if number >= count - given_up else (status, error)
        rows.append((due, due + late_s, due + late_s + 0.004, status, 0, error))
    return rows


def test_a_sound_one_is_a_few_lines() -> None:
    """Verdict, gates with values in their units, times, counts."""
    lines = _shown(_rows(), "p(99) < 200ms", "errors < 1%", "rate > 50/s", "requests >= 100")
    assert [
        "✅ PASS  100 requests in 1.0 s (100/s, for 1s)",
        "   ✅ p(99) < 200ms: is 4 ms",
        "   ✅ errors < 1%: is 0 %",
        "   ✅ rate > 50/s: is 100.6/s",
        "   ✅ requests >= 100: is 100",
        "   measurement valid",
    ] == lines[:6]
    assert {"response (from due)", "service (from sent)", "generator late"} == {
        line[:20].strip() for line in lines[7:10]
    }
    assert lines[10].endswith("0 errors; 100 × 200")


def test_what_failed_stands_before_what_speaks_against_it() -> None:
    """Findings, then gates, then reservations."""
    lines = _shown(_rows(wrong=3, given_up=1), "errors < 1%", code=1, findings=["It is down."])
    assert "❌ FAIL" in lines[0]
    assert ["   ❌ It is down.", "   ❌ errors < 1%: is 4 %"] == lines[1:3]
    assert "   measurement degraded: true, with these reservations" == lines[3]
    assert "   ⚠️  1 request was given up without an answer: their times are lower bounds." == lines[4]
    assert "4 errors (3 status 503, 1 timeout)" in "\n".join(lines)


def test_an_invalid_one_says_what_it_is_worth() -> None:
    """No gate holds, and each says why."""
    lines = _shown(_rows(late_s=0.5), "p(99) < 2s", code=3, columns={"waited": False})
    assert "COULD NOT TELL" in lines[0]
    assert lines[1].startswith(
        "   ⚠️  p(99) < 2s: could not be told: the measurement is invalid: The generator"
    )
    assert "   measurement invalid: its times say nothing about the target" == lines[2]


def test_a_gate_that_hangs_on_what_was_given_up_says_so() -> None:
    lines = _shown(_rows(given_up=5), "p(99) < 200ms", code=3)
    assert "could not be told: p99 is 4ms" in lines[1]
    assert "some requests were given up" in lines[1]


def _knee(**more: Any) -> str:
    knee = Knee(None, None, None, None, "p(99) < 50ms", **{"steps": (), **more})
    gates = [
        {
            "expression": "rate > 5/s",
            "held": None,
            "value": None,
            "why": "rate > 5/s could not be told: rate was not measured",
        }
    ]
    text = StringIO()
    show_knee(Console(file=text, width=100), {**knee.to_json(), "gates": gates, "resources": None}, 1)
    return text.getvalue()


def test_a_search_that_got_nowhere_does_not_say_that_it_tried() -> None:
    """No rate was tried; a gate says once why it could not be told."""
    shown = _knee(findings=("It is down.",))
    assert "FAIL  no rate was tried with p(99) < 50ms" in shown
    assert "   ⚠️  rate > 5/s: could not be told: rate was not measured\n" in shown
