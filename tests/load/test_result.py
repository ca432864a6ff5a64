"""Views of a load test: each is what its docstring says it counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer_lib.load.result import LoadResult, LoadVerdict, Request, Times

_MS = 1_000_000


def _result(*requests: Request, planned: int | None = None, **more: Any) -> LoadResult:
    options = {"concurrent": 1, "client_cpu_s": 0.0, **more}
    return LoadResult.of(requests, planned=len(requests) if planned is None else planned, **options)


def _answer(due_ms: int, took_ms: int, status: int = 200, late_ms: int = 0) -> Request:
    return Request(
        due_ms * _MS, (due_ms + late_ms) * _MS, (due_ms + late_ms + took_ms) * _MS, status, size_bytes=10
    )


def test_response_time_counts_from_when_it_was_due() -> None:
    """A request that was sent late makes its user wait, though the server was quick."""
    result = _result(_answer(0, 10, late_ms=90))
    assert result.response_ms is not None
    assert result.service_ms is not None
    assert (result.response_ms.mean, result.service_ms.mean) == (100.0, 10.0)
    assert any("sent late" in reason for reason in result.reasons)


def test_percentiles_are_times_that_were_measured() -> None:
    """Nearest rank: of 1 to 100 ms the 99th percentile is 99, and nothing is interpolated."""
    times = _result(*(_answer(i * 100, i) for i in range(1, 101))).response_ms
    assert times is not None
    assert (
        times.mean, times.p50, times.p90, times.p95, times.p99, times.p99_9, times.max
    ) == (50.5, 50, 90, 95, 99, 100, 100)  # fmt: skip


def test_fast_errors_do_not_flatter_the_mean() -> None:
    """Errors and 429 are counted, and their times are left out."""
    result = _result(_answer(0, 100), _answer(10, 1, 500), _answer(20, 1, 429), _answer(30, 1, 404))
    assert result.response_ms is not None
    assert result.response_ms.mean == 100.0
    assert (result.errors, result.throttled) == (2, 1)
    assert result.by_status == {"200": 1, "404": 1, "429": 1, "500": 1}
    assert result.errors_by_kind == {"status 404": 1, "status 500": 1}


def test_what_was_given_up_counts_as_a_lower_bound() -> None:
    """A request without an answer is never dropped: it is an error, and its waiting time counts."""
    result = _result(_answer(0, 10), Request(0, 0, 500 * _MS, error="timeout"))
    assert result.response_ms is not None
    assert result.response_ms.max == 500.0
    assert (result.errors, result.errors_by_kind) == (1, {"timeout": 1})
    assert LoadVerdict.DEGRADED is result.verdict
    assert any("lower bounds" in reason for reason in result.reasons)


def test_a_cut_connection_is_an_error_without_a_time() -> None:
    result = _result(_answer(0, 10), Request(0, 0, _MS, error="reset"))
    assert result.response_ms is not None
    assert (result.errors, result.response_ms.mean) == (1, 10.0)


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (_result(_answer(0, 10)), LoadVerdict.VALID),
        (_result(_answer(0, 10), planned=5, stopped="the time limit had come"), LoadVerdict.DEGRADED),
        (_result(_answer(0, 10), _answer(0, 10, 429)), LoadVerdict.DEGRADED),
        (_result(_answer(0, 10), client_cpu_s=0.0095), LoadVerdict.DEGRADED),
        (_result(_answer(0, 10, 500)), LoadVerdict.INVALID),
        (_result(planned=10), LoadVerdict.INVALID),
    ],
)
def test_the_verdict_has_its_reason(result: LoadResult, verdict: LoadVerdict) -> None:
    """Whatever is not valid says why."""
    assert verdict is result.verdict
    assert (verdict is LoadVerdict.VALID) is not bool(result.reasons)


def test_json_is_the_published_shape() -> None:
    """Names of SCHEMA.md's load document; nothing measured is null, not zero."""
    names = {"verdict", "reasons", "requests", "errors", "by_status", "throughput_per_s", "offered_per_s"}
    names |= {"response_ms", "service_ms", "generator_lag_ms", "client_cpu_s", "gates"}
    whole = json.loads(json.dumps(_result(_answer(0, 10)).to_json()))
    assert names <= set(whole)
    assert {"mean", "p50", "p90", "p95", "p99", "p99_9", "max"} == set(whole["response_ms"])
    assert _result(planned=1).to_json()["response_ms"] is None


def test_a_frame_has_a_row_for_each_request() -> None:
    frame = _result(_answer(100, 10), _answer(0, 20, 500)).to_frame()
    assert list(frame["at_s"]) == [0.0, 0.1]
    assert list(frame["response_ms"]) == [20.0, 10.0]
    assert list(frame["status"]) == [500, 200]


def test_columns_cannot_be_changed() -> None:
    """Raw measurements are kept as they were made."""
    with pytest.raises(ValueError, match="read-only"):
        _result(_answer(0, 10)).status[0] = 500


_ROWS = st.lists(
    st.builds(
        lambda due, took, status, error: Request(due, due, due + took, 0 if error else status, 1, error),
        st.integers(0, 10**9),
        st.integers(1, 10**9),
        st.sampled_from([200, 204, 304, 404, 429, 500]),
        st.sampled_from(["", "", "", "reset", "timeout"]),
    ),
    max_size=40,
)


@given(_ROWS)
def test_every_request_is_counted_once(rows: list[Request]) -> None:
    """Answered, wrong and throttled are all requests, and none is two of them."""
    result = _result(*rows)
    assert len(rows) == int(result.answered.sum()) + result.errors + result.throttled
    assert result.errors == sum(result.errors_by_kind.values())
    times = result.response_ms
    assert times is None or times.p50 <= times.p90 <= times.p95 <= times.p99 <= times.p99_9 <= times.max


def test_no_values_have_no_statistics() -> None:
    assert Times.of(_result(planned=1).sent_ns / 1e6) is None
