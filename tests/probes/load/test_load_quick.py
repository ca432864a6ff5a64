"""F9: limits on mean and 95th percentile, errors, and a rate limit that must not pass for health."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from made_columns import made

from deployer_lib.charts import Chart
from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.probes.load import sending
from deployer_lib.probes.load.quick import load_quick


def _run(context: Any, url: str, **limits: Any) -> tuple[Result, Any]:
    ctx = context(url, health={"load": {"path": "/items", "requests": 40, "concurrent": 4, **limits}})
    (result,) = load_quick(ctx)
    return result, ctx


def test_a_fast_server_passes_with_its_numbers_and_a_chart(served: Any, context: Any) -> None:
    result, ctx = _run(context, served(lambda _: (200, {}, "ok")), max_mean_ms=2_000, max_p95_ms=2_000)
    assert result.outcome is Outcome.PASS
    names = {
        "requests",
        "concurrent",
        "mean_ms",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "max_ms",
        "errors",
        "throttled",
    }
    names |= {"throughput_per_s", "target_mean_ms", "target_p95_ms", "by_status"}
    assert names <= set(result.evidence)
    assert result.evidence["by_status"] == {"200": 40}
    assert [type(chart) for chart in ctx.memo["charts"]] == [Chart]


def test_the_warm_up_is_not_counted(served: Any, context: Any) -> None:
    """Five slow first requests are no daily fare; the evidence says that they were left out."""
    asked: list[float] = []

    def slow_at_first(_asked: Any) -> Any:
        asked.append(time.monotonic())
        if len(asked) <= 5:
            threading.Event().wait(0.05)
        return 200, {}, "ok"

    result, _ = _run(context, served(slow_at_first), max_mean_ms=2_000, max_p95_ms=2_000)
    assert len(asked) == 45
    assert (result.evidence["requests"], result.evidence["warm_up_not_counted"]) == (40, 5)


def test_a_slow_server_is_a_finding(served: Any, context: Any) -> None:
    def slow(_asked: Any) -> Any:
        threading.Event().wait(0.06)
        return 200, {}, "ok"

    result, _ = _run(context, served(slow), max_mean_ms=50, max_p95_ms=5_000)
    assert result.outcome is Outcome.FAIL
    assert "is over 50 ms" in result.message
    assert result.fix.steps


def test_errors_are_a_finding_by_kind(served: Any, context: Any) -> None:
    count = iter(range(1_000))
    url = served(lambda _: (500 if (n := next(count)) > 10 and n % 4 == 0 else 200, {}, "x"))
    result, _ = _run(context, url, max_mean_ms=5_000, max_p95_ms=5_000)
    assert result.outcome is Outcome.FAIL
    assert "status 500" in result.message


def test_a_rate_limit_is_no_health(served: Any, context: Any) -> None:
    """92 % of answers 429 made a fast and empty load test: could not tell, with its own message."""
    count = iter(range(1_000))
    result, _ = _run(context, served(lambda _: (200 if next(count) < 10 else 429, {}, "x")))
    assert result.outcome is Outcome.ERROR
    assert "429" in result.message
    assert result.evidence["throttled"] == 35


def test_a_used_up_rate_limit_is_waited_for_once(served: Any, context: Any) -> None:
    """An earlier check may have used it up; Retry-After says when to come back."""
    count = itertools.count()
    url = served(lambda _: (429 if next(count) == 0 else 200, {"Retry-After": "0"}, "x"))
    result, _ = _run(context, url, max_mean_ms=5_000, max_p95_ms=5_000)
    assert result.outcome is Outcome.PASS


def test_a_rate_limit_that_is_still_in_force_measures_nothing(served: Any, context: Any) -> None:
    result, ctx = _run(context, served(lambda _: (429, {}, "x")))
    assert result.outcome is Outcome.ERROR
    assert "warming up" in result.message
    assert "charts" not in ctx.memo


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_a_path_that_does_not_answer_is_not_put_under_load(served: Any, context: Any, status: int) -> None:
    """Redirects and error pages are fast; they are not what users wait for."""
    asked = itertools.count()

    def refuse(_asked: Any) -> Any:
        next(asked)
        return status, {}, "x"

    result, _ = _run(context, served(refuse))
    assert result.outcome is Outcome.FAIL
    assert next(asked) == 5


def test_undeclared_is_unavailable(context: Any) -> None:
    (result,) = load_quick(context("http://127.0.0.1:9"))
    assert result.skip is Skip.UNAVAILABLE


def test_a_busy_generator_cannot_tell_slowness(served: Any, context: Any, monkeypatch: Any) -> None:
    """Times over the limit are upper bounds where the generator used up its core."""
    busy = replace(made([300.0] * 40), client_cpu_ns=12_000_000_000, duration_ns=12_000_000_000)
    monkeypatch.setattr(sending, "run", lambda *_, **__: busy)
    result, _ = _run(context, served(lambda _: (200, {}, "ok")))
    assert result.outcome is Outcome.ERROR
    assert "upper bounds" in result.message


def test_statuses_that_are_named_are_right_answers(served: Any, context: Any) -> None:
    """A 404 or even a 429 that is meant is an answer like any other; what is not named then is an error."""
    result, _ = _run(
        context, served(lambda _: (429, {}, "x")), statuses=[429], max_mean_ms=5_000, max_p95_ms=5_000
    )
    assert (result.outcome, result.evidence["by_status"]) == (Outcome.PASS, {"429": 40})
    result, _ = _run(context, served(lambda _: (200, {}, "x")), statuses=[404])
    assert result.outcome is Outcome.FAIL
    assert "404 is right" in result.message


def test_an_answer_without_its_text_is_an_error(served: Any, context: Any) -> None:
    """A cache that answers an empty page is fast."""
    count = itertools.count()
    url = served(lambda _: (200, {}, "item" if next(count) < 20 else "sorry"))
    result, _ = _run(context, url, contains="item", max_mean_ms=5_000, max_p95_ms=5_000)
    assert result.outcome is Outcome.FAIL
    assert "unexpected body" in result.message


def test_further_limits_are_held_too(served: Any, context: Any) -> None:
    """Each limit is judged, and the one that was missed is named with its value."""
    limits = {"max_mean_ms": 5_000, "max_p95_ms": 5_000}
    url = served(lambda _: (200, {}, "ok"))
    result, _ = _run(context, url, thresholds=["p(99) < 60s", "requests > 1000"], **limits)
    assert result.outcome is Outcome.FAIL
    assert "requests is 40, expected > 1000" in result.message
    assert "p99" not in result.message
    gates: Any = result.evidence["gates"]
    assert [True, True, True, False] == [gate["held"] for gate in gates]


def test_every_request_says_who_asks_and_with_the_token_where_declared(served: Any, context: Any) -> None:
    """The run's name, and the log-in's token; where there is none, nothing is sent."""
    seen: list[Any] = []

    def handler(asked: Any) -> Any:
        if asked.path == "/login":
            return 200, {}, {"access_token": "t0ken"}
        seen.append(asked)
        return 200 if asked.headers.get("authorization") == "Bearer t0ken" else 401, {}, "ok"

    auth = {"login": {"method": "POST", "path": "/login"}, "protected": {"path": "/items"}}
    load = {
        "path": "/items?n={n}",
        "auth": True,
        "requests": 20,
        "concurrent": 2,
        "max_mean_ms": 5_000,
        "max_p95_ms": 5_000,
    }
    (result,) = load_quick(context(served(handler), smoke={"auth": auth}, health={"load": load}))
    assert result.outcome is Outcome.PASS, result.message
    assert {("Deployer/0.1 (run 01TEST)", "01TEST")} == {
        (a.headers["user-agent"], a.headers["x-deployer-run"]) for a in seen
    }
    assert {f"n={n}" for n in range(1, 21)} <= {a.query for a in seen}
    (result,) = load_quick(context(served(handler), health={"load": load}))
    assert result.outcome is Outcome.ERROR
    assert "smoke.auth" in result.message


def test_a_ceiling_that_ends_it_is_no_pass(served: Any, context: Any) -> None:
    """What the guard cut off was not measured."""
    ctx = context(served(lambda _: (200, {}, "ok")), health={"load": {"path": "/items", "requests": 40}})
    ctx.guard.max_requests = 25
    (result,) = load_quick(ctx)
    assert result.outcome is Outcome.ERROR
    assert "max_requests" in result.root_cause
