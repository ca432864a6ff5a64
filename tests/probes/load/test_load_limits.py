"""F10, level deep: what is asked of the application is kept, and where it stops is told."""

from __future__ import annotations

import itertools
from typing import Any

from queue_server import queue_server

from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.probes.load.limits import load_limits


def _run(context: Any, url: str, **limits: Any) -> tuple[Result, Any]:
    wanted = {"budget_s": 8, "max_connections": 10, "min_connections": 5, "slo": "p(95) < 2s", **limits}
    ctx = context(url, health={"load": {"path": "/items", "limits": wanted}})
    (result,) = load_limits(ctx)
    return result, ctx


def test_what_keeps_up_passes_and_tells_where_it_stops(context: Any) -> None:
    """200 a second can be served: 20 are asked of it, and the rate that was found is near 200."""
    with queue_server(0.01, servers=2) as url:
        result, ctx = _run(context, url, min_rate_per_s=20)
    assert result.outcome is Outcome.PASS, result.message
    rate: Any = result.evidence["max_rate_per_s"]
    assert 20 <= rate < 250
    steps: Any = result.evidence["steps"]
    assert {"closed", "open"} == {step["mode"] for step in steps}
    assert 2 == len(ctx.memo["charts"])


def test_a_rate_that_is_asked_and_not_kept_is_a_finding(context: Any) -> None:
    with queue_server(0.02, servers=1) as url:
        result, _ = _run(context, url, min_rate_per_s=2_000)
    assert result.outcome is Outcome.FAIL, result.message
    assert "2,000 requests a second are asked of it" in result.message
    assert any("--find-knee" in code.text for code in result.fix.code)


def test_connections_that_are_not_answered_are_a_finding_with_their_number(context: Any) -> None:
    """From four connections on nobody is answered, and five are asked of it."""
    with queue_server(0.002, servers=1, unresponsive_at=4) as url:
        result, _ = _run(context, url, budget_s=30)
    assert result.outcome is Outcome.FAIL, result.message
    assert "It stops answering at 4 connections, and 5 are asked of it." in result.message
    assert (4, "unresponsive") == (result.evidence["connections_cliff"], result.evidence["cliff"])


def test_a_rate_limit_was_found_and_not_the_application(served: Any, context: Any) -> None:
    count = itertools.count()
    result, _ = _run(context, served(lambda _: (200 if next(count) < 30 else 429, {}, "x")), budget_s=5)
    assert result.outcome is Outcome.ERROR
    assert "429" in result.message


def test_undeclared_is_unavailable(context: Any) -> None:
    (result,) = load_limits(context("http://127.0.0.1:9"))
    assert result.skip is Skip.UNAVAILABLE
