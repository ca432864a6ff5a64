"""F9: limits on mean and 95th percentile, errors, and a rate limit that must not pass for health."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import pytest

from deployer_lib.charts import Chart
from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.load.result import LoadResult, Request
from deployer_lib.probes import load_quick as module
from deployer_lib.probes.load_quick import load_quick


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
    assert "load" not in ctx.memo


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
    rows = [Request(0, 0, 300_000_000, 200, 1) for _ in range(10)]
    busy = LoadResult.of(rows, planned=10, concurrent=10, client_cpu_s=0.3)
    monkeypatch.setattr(module, "quick", lambda *_, **__: busy)
    result, _ = _run(context, served(lambda _: (200, {}, "ok")))
    assert result.outcome is Outcome.ERROR
    assert "upper bounds" in result.message
