"""F10: as many at a time for as long as declared, with limits of its own; charts that show how it went."""

from __future__ import annotations

import itertools
import json
import threading
from typing import Any

import pytest
from made_columns import made

from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.load.histogram import log_text
from deployer_lib.load.result import LoadResult
from deployer_lib.probes.load.sustained import load_sustained

_LENIENT = {"concurrent": 5, "duration_s": 1, "max_mean_ms": 5_000, "max_p95_ms": 5_000}


def _run(context: Any, url: str, **limits: Any) -> tuple[Result, Any]:
    ctx = context(url, health={"load": {"path": "/items", "sustained": {**_LENIENT, **limits}}})
    (result,) = load_sustained(ctx)
    return result, ctx


def test_a_sound_server_passes_with_its_figures_and_charts(served: Any, context: Any) -> None:
    """Everything that the report shows is there: times, errors, resources; curve, heat map, throughput, what was used."""
    result, ctx = _run(context, served(lambda _: (200, {}, "ok")))
    assert result.outcome is Outcome.PASS, result.message
    assert (5, 0, 0, 0) == tuple(
        result.evidence[name] for name in ("concurrent", "errors", "socket_errors", "throttled")
    )
    seen: Any = result.evidence
    assert seen["duration_s"] >= 0.9
    assert seen["requests"] == seen["by_status"]["200"] > 5
    assert 4 == len(ctx.memo["charts"])
    used: Any = result.evidence["resources"]
    assert used["samples"] > 1
    assert used["threads"]["peak"] >= 5  # one a connection, in this very process


def test_as_many_as_declared_are_under_way_together(served: Any, context: Any) -> None:
    """Seven at a time are seven: the server answers only once it has them all."""
    together = threading.Barrier(7)
    warm = itertools.count()

    def handler(_asked: Any) -> Any:
        if next(warm) >= 5:
            try:
                together.wait(timeout=2)
            except threading.BrokenBarrierError:  # at the end, when some were given up
                return 503, {}, "alone"
        return 200, {}, "ok"

    result, _ = _run(context, served(handler), concurrent=7, max_errors=7)
    by_status: Any = result.evidence["by_status"]
    assert by_status["200"] >= 7


def test_a_rate_is_kept_whatever_the_answers_do(served: Any, context: Any) -> None:
    result, _ = _run(context, served(lambda _: (200, {}, "ok")), rate_per_s=50)
    assert result.outcome is Outcome.PASS, result.message
    assert 50 == result.evidence["requests"]
    assert "50 a second over at most 5 connections" in result.message


def test_a_server_that_cannot_keep_up_is_a_finding_that_says_so(served: Any, context: Any) -> None:
    """One at a time at 20 ms is 50 a second; 100 a second pile up, and the cause names the growth."""
    one = threading.Lock()

    def slow(_asked: Any) -> Any:
        with one:
            threading.Event().wait(0.02)
        return 200, {}, "ok"

    result, _ = _run(context, served(slow), rate_per_s=150, max_mean_ms=50, duration_s=2)
    assert result.outcome is Outcome.FAIL
    assert "is over 50 ms" in result.message
    assert "It got slower while the load went on" in result.root_cause
    assert any("deployer load" in code.text and "--rate 150" in code.text for code in result.fix.code)


def test_connections_that_break_are_counted_as_such(served: Any, context: Any) -> None:
    count = itertools.count()
    url = served(lambda _: None if (n := next(count)) > 5 and n % 3 == 0 else (200, {}, "x"))
    result, _ = _run(context, url)
    assert result.outcome is Outcome.FAIL
    errors: Any = result.evidence["errors"]
    assert result.evidence["socket_errors"] == errors > 0


def test_a_rate_limit_is_no_health(served: Any, context: Any) -> None:
    count = itertools.count()
    result, _ = _run(context, served(lambda _: (200 if next(count) < 50 else 429, {}, "x")))
    assert result.outcome is Outcome.ERROR
    assert "429" in result.message


def test_the_ceiling_ends_it_and_says_what_to_do(served: Any, context: Any) -> None:
    ctx = context(
        served(lambda _: (200, {}, "ok")), health={"load": {"path": "/items", "sustained": _LENIENT}}
    )
    ctx.guard.max_requests = 30
    (result,) = load_sustained(ctx)
    assert result.outcome is Outcome.ERROR
    assert "max_requests" in result.root_cause
    assert "rate_per_s" in result.root_cause


def test_undeclared_is_unavailable(context: Any) -> None:
    (result,) = load_sustained(context("http://127.0.0.1:9"))
    assert result.skip is Skip.UNAVAILABLE


@pytest.mark.parametrize("seen", [None, "50 a second"])
def test_progress_shows_a_bar(served: Any, context: Any, seen: str | None) -> None:
    """Whoever waits sees how far it is."""
    told: list[str] = []
    rate = {"rate_per_s": 50} if seen else {}
    ctx = context(
        served(lambda _: (200, {}, "ok")),
        health={"load": {"path": "/items", "sustained": {**_LENIENT, **rate}}},
    )
    ctx.progress = told.append
    list(load_sustained(ctx))
    bars = [line for line in told if "▱" in line or "▰" in line]
    assert bars
    assert all("of 1 s" in line and "done" in line for line in bars)


@pytest.mark.parametrize(
    ("outcome", "concurrent", "text", "beside"),
    [
        ("pass", 5, None, True),
        ("fail", 5, None, False),  # what did not pass is no baseline
        ("pass", 50, None, False),  # nor is another load
        ("pass", 5, "damaged", False),
    ],
)
def test_the_last_good_run_stands_beside_this_one(
    served: Any, context: Any, outcome: str, concurrent: int, text: str | None, *, beside: bool
) -> None:
    ctx = context(
        served(lambda _: (200, {}, "ok")), health={"load": {"path": "/items", "sustained": _LENIENT}}
    )
    run = ctx.places.records / "01KEPT"
    (run / "evidence").mkdir(parents=True)
    (run / "manifest.json").write_text("{}", encoding="ascii")
    log = log_text(LoadResult(made([40.0] * 50))) if text is None else text
    (run / "evidence" / "load").write_text(log, encoding="ascii")
    shape = {"path": "/items", "concurrent": concurrent, "rate_per_s": None, "for_s": 1.0}
    check = {
        "id": "health.load_sustained",
        "outcome": outcome,
        "evidence": {**shape, "histogram": "evidence/load"},
    }
    (run / "results.json").write_text(json.dumps({"checks": [check]}), encoding="ascii")
    (result,) = load_sustained(ctx)
    assert "evidence/load.hlog" == result.evidence["histogram"]
    assert beside is ("in the last good run 40 ms" in ctx.memo["charts"][0].alt)
