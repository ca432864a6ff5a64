"""The rate limit: it must come, say when it ends, end then, and leave health alone."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from deployer_lib.check import Outcome, Skip
from deployer_lib.probes.rate_limit import rate_limit

SMOKE = {"rate_limit": {"request": {"path": "/api"}, "limit": 20}}


class Limited:
    """A service that lets ``limit`` requests pass, and then none until nobody has asked for ``window_s``.

    So it does not matter how fast the machine that tests is: a slow burst does not outlast the window.
    """

    def __init__(
        self, limit: int = 20, window_s: float = 0.5, retry_after: str | None = "1", *, health: bool = True
    ) -> None:
        self.limit, self.window_s, self.retry_after, self.health = limit, window_s, retry_after, health
        self.let_pass, self.asked_at = 0, 0.0
        self.lock = threading.Lock()

    def __call__(self, asked: Any) -> Any:
        if asked.path == "/health" and self.health:
            return 200, {}, {"status": "ok"}
        with self.lock:
            quiet_s, self.asked_at = time.monotonic() - self.asked_at, time.monotonic()
            if self.let_pass >= self.limit:
                if quiet_s < self.window_s:
                    return 429, {"Retry-After": self.retry_after} if self.retry_after else {}, {}
                self.let_pass = 0
            self.let_pass += 1
        return 200, {}, {}


def outcomes(results: Any) -> dict[str, Outcome]:
    return {r.subject: r.outcome for r in results}


def test_a_sound_limit_passes_with_its_counts(served: Any, context: Any) -> None:
    results = list(rate_limit(context(served(Limited(window_s=1.9, retry_after="2")), smoke=SMOKE)))
    assert outcomes(results) == {
        "GET /api": Outcome.PASS,
        "/health meanwhile": Outcome.PASS,
        "Retry-After": Outcome.PASS,
    }
    counts = results[0].evidence["counts"]
    assert isinstance(counts, dict)
    assert counts["let_pass"] == 20
    assert results[2].evidence["afterwards"] == 200


@pytest.mark.parametrize(
    ("service", "found"),
    [
        (Limited(limit=10_000), {"GET /api": Outcome.FAIL}),
        (lambda _asked: (200, {}, {}), {"GET /api": Outcome.FAIL}),
        (
            Limited(window_s=30, retry_after=None),
            {"GET /api": Outcome.PASS, "/health meanwhile": Outcome.PASS, "Retry-After": Outcome.FAIL},
        ),
        (
            Limited(window_s=30, retry_after="0"),
            {"GET /api": Outcome.PASS, "/health meanwhile": Outcome.PASS, "Retry-After": Outcome.FAIL},
        ),
        (
            Limited(window_s=30, retry_after="1"),
            {"GET /api": Outcome.PASS, "/health meanwhile": Outcome.PASS, "Retry-After": Outcome.FAIL},
        ),
        (
            Limited(window_s=1.9, retry_after="2", health=False),
            {"GET /api": Outcome.PASS, "/health meanwhile": Outcome.FAIL, "Retry-After": Outcome.PASS},
        ),
    ],
)
def test_each_fault_is_a_finding(served: Any, context: Any, service: Any, found: dict[str, Outcome]) -> None:
    results = list(rate_limit(context(served(service), smoke=SMOKE)))
    assert found == outcomes(results)
    assert all(r.fix.code and r.fix.docs and r.root_cause for r in results if r.outcome is Outcome.FAIL)


def test_an_application_that_breaks_instead_is_a_finding(served: Any, context: Any) -> None:
    limited = Limited(window_s=30)

    def handler(asked: Any) -> Any:
        answer = limited(asked)
        return (503, {}, {}) if answer[0] == 429 else answer

    [result] = rate_limit(context(served(handler), smoke=SMOKE))
    assert result.outcome is Outcome.FAIL
    assert "instead of answering 429" in result.message


@pytest.mark.parametrize("status", [429, 404, 500])
def test_a_first_request_that_is_refused_already_tells_nothing(
    served: Any, context: Any, status: int
) -> None:
    [result] = rate_limit(context(served(lambda _asked: (status, {}, {})), smoke=SMOKE))
    assert result.outcome is Outcome.ERROR


def test_a_limit_that_others_used_up_is_waited_for(served: Any, context: Any) -> None:
    service = Limited(window_s=1.9, retry_after="2")
    ctx = context(served(service), smoke=SMOKE)
    for _ in range(21):
        ctx.http.get("/api")
    assert {Outcome.PASS} == set(outcomes(rate_limit(ctx)).values())


def test_a_date_is_a_retry_after_too(served: Any, context: Any) -> None:
    results = list(
        rate_limit(
            context(served(Limited(window_s=30, retry_after="Wed, 21 Oct 2099 07:28:00 GMT")), smoke=SMOKE)
        )
    )
    assert outcomes(results)["Retry-After"] is Outcome.FAIL  # decades from now is not sane


def test_a_long_wait_is_not_waited_for(served: Any, context: Any) -> None:
    results = list(rate_limit(context(served(Limited(window_s=30, retry_after="3600")), smoke=SMOKE)))
    assert results[-1].evidence == {"retry_after_s": 3600.0, "waited": False}


def test_undeclared_is_unavailable(served: Any, context: Any) -> None:
    [result] = rate_limit(context(served(Limited())))
    assert result.skip is Skip.UNAVAILABLE
