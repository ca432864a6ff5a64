"""Views of a load test: each is what its docstring says it counts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_columns import MS, Request, made, result_of

from deployer_lib.load.result import LoadResult, LoadVerdict, Times


def _answer(due_ms: int, took_ms: int, status: int = 200, late_ms: int = 0) -> Request:
    return Request(
        due_ms * MS, (due_ms + late_ms) * MS, (due_ms + late_ms + took_ms) * MS, status, size_bytes=10
    )


def test_response_time_counts_from_when_it_was_due() -> None:
    """A request that was sent late makes its user wait, though the server was quick."""
    result = result_of(_answer(0, 10, late_ms=90))
    assert result.response_ms is not None
    assert result.service_ms is not None
    assert (result.response_ms.mean, result.service_ms.mean) == (100.0, 10.0)
    assert any("sent late" in reason for reason in result.reasons)


def test_percentiles_are_times_that_were_measured() -> None:
    """Nearest rank: of 1 to 100 ms the 99th percentile is 99, and nothing is interpolated."""
    times = result_of(*(_answer(i * 100, i) for i in range(1, 101))).response_ms
    assert times is not None
    assert (
        times.mean, times.p50, times.p90, times.p95, times.p99, times.p99_9, times.max
    ) == (50.5, 50, 90, 95, 99, 100, 100)  # fmt: skip


def test_a_rank_is_not_one_too_high_by_rounding() -> None:
    """99.9 % of a thousand are 999, though doubles compute a little more."""
    times = Times.of(np.arange(1.0, 1_001.0))
    assert times is not None
    assert (times.p99_9, times.p99, times.p95) == (999.0, 990.0, 950.0)


def test_a_server_that_freezes_shows_in_the_percentiles() -> None:
    """Frozen 1 s in 5, at 200/s for 30 s: arithmetic says 502, 952, 997 and 1,002 ms for p90, p99, p99.9 and max."""
    due_ms = np.arange(6_000) * 5.0
    into_ms = due_ms % 5_000
    service = np.where(into_ms < 1_000, 1_000 - into_ms, 0) + 2.0
    times = LoadResult(made(service, every_ms=5.0)).response_ms
    assert times is not None
    assert (times.p90, times.p99, times.p99_9, times.max) == pytest.approx((502, 952, 997, 1_002), rel=0.02)
    assert times.mean == pytest.approx(102, rel=0.02)


def test_fast_errors_do_not_flatter_the_mean() -> None:
    """Errors and 429 are counted, and their times are left out."""
    result = result_of(_answer(0, 100), _answer(10, 1, 500), _answer(20, 1, 429), _answer(30, 1, 404))
    assert result.response_ms is not None
    assert result.response_ms.mean == 100.0
    assert (result.errors, result.throttled) == (2, 1)
    assert result.by_status == {"200": 1, "404": 1, "429": 1, "500": 1}
    assert result.errors_by_kind == {"status 404": 1, "status 500": 1}


def test_what_was_expected_is_no_error() -> None:
    """A mix may expect 404 or 429; and an answer of 200 may have the wrong body."""
    columns = made([10.0] * 4, status=[404, 429, 200, 200], error=["", "", "", "unexpected body"])
    result = LoadResult(columns)
    assert (result.answered.tolist(), result.errors, result.throttled) == ([True, True, True, False], 1, 0)
    assert result.errors_by_kind == {"unexpected body": 1}


def test_what_was_given_up_counts_as_a_lower_bound() -> None:
    """A request without an answer is never dropped: it is an error, and its waiting time counts."""
    result = result_of(_answer(0, 10), Request(0, 0, 500 * MS, error="timeout"))
    assert result.response_ms is not None
    assert result.response_ms.max == 500.0
    assert (result.errors, result.errors_by_kind) == (1, {"timeout": 1})
    assert LoadVerdict.DEGRADED is result.verdict
    assert any("lower bounds" in reason for reason in result.reasons)


def test_what_was_never_sent_has_no_service_time() -> None:
    """It waited for a connection until it was given up: a response time it has, by a lower bound."""
    columns = made([10.0, 300.0], status=[200, 0], error=["", "timeout"], waited_ms=[0.0, 1.0])
    columns.sent_ns.setflags(write=True)
    columns.sent_ns[1] = 0
    result = LoadResult(columns)
    assert result.response_ms is not None
    assert result.service_ms is not None
    assert (result.response_ms.max, result.service_ms.max, result.service_ms.count) == (301.0, 10.0, 1)


def test_what_has_no_end_ended_with_the_last_thing_that_happened() -> None:
    columns = made([10.0, 500.0], status=[200, 0], error=["", "stopped"])
    columns.done_ns.setflags(write=True)
    columns.done_ns[1] = 0
    result = LoadResult(columns)
    assert result.response_ms is not None
    assert 10.0 == result.response_ms.max
    assert 0.01 == result.duration_s


def test_a_cut_connection_is_an_error_without_a_time() -> None:
    result = result_of(_answer(0, 10), Request(0, 0, MS, error="reset"))
    assert result.response_ms is not None
    assert (result.errors, result.response_ms.mean) == (1, 10.0)


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (result_of(_answer(0, 10)), LoadVerdict.VALID),
        (result_of(_answer(0, 10), planned=5, stopped="the time limit had come"), LoadVerdict.DEGRADED),
        (result_of(_answer(0, 10), _answer(0, 10, 429)), LoadVerdict.DEGRADED),
        (result_of(_answer(0, 10), client_cpu_s=0.0095), LoadVerdict.DEGRADED),
        (result_of(_answer(0, 10, 500)), LoadVerdict.INVALID),
        (result_of(planned=10), LoadVerdict.INVALID),
    ],
)
def test_the_verdict_has_its_reason(result: LoadResult, verdict: LoadVerdict) -> None:
    """Whatever is not valid says why."""
    assert verdict is result.verdict
    assert (verdict is LoadVerdict.VALID) is not bool(result.reasons)


def test_the_histogram_counts_what_the_times_are_of() -> None:
    """Answered and given up, in microseconds; percentiles within its precision."""
    columns = made(
        np.arange(1.0, 1_001.0), status=[200] * 999 + [0], error=[""] * 998 + ["unexpected body", "timeout"]
    )
    result = LoadResult(columns)
    histogram = result.response_histogram
    assert result.response_ms is not None
    assert result.response_ms.count == len(histogram) == 999
    assert histogram.value_at(99) == pytest.approx(result.response_ms.p99 * 1_000, rel=1e-3)
    assert result.service_histogram == histogram


def test_a_series_counts_by_second() -> None:
    """Due when they were due, answered and failed when they ended."""
    columns = made(
        [100.0, 1_500.0, 100.0, 100.0, 100.0],
        every_ms=500.0,
        status=[200, 200, 500, 200, 429],
        error=["", "", "unexpected status", "", "unexpected status"],
    )
    series = LoadResult(columns).series()
    assert [0.0, 1.0, 2.0] == series.at_s.tolist()
    assert [2, 2, 1] == series.due.tolist()
    assert [1, 1, 1] == series.answered.tolist()
    assert [0, 1, 0] == series.errors.tolist()
    assert [0, 0, 1] == series.throttled.tolist()
    assert [] == LoadResult(made([])).series().due.tolist()


def test_stages_and_requests_of_the_mix_are_seen_by_themselves() -> None:
    columns = made(
        [10.0, 30.0, 10.0, 50.0],
        stage=np.array([0, 0, 2, 2], dtype=np.int16),
        spec=np.array([0, 1, 0, 1], dtype=np.int16),
        status=[200, 200, 200, 500],
        error=["", "", "", "unexpected status"],
    )
    result = LoadResult(columns, spec_names=("GET /a", "POST /b"))
    assert [(0, 2, 0), (2, 2, 1)] == [(part.number, part.requests, part.errors) for part in result.stages()]
    first, second = result.specs()
    assert ("GET /a", "POST /b") == (first.name, second.name)
    assert first.response_ms is not None
    assert second.response_ms is not None
    assert (10.0, 30.0) == (first.response_ms.max, second.response_ms.max)
    document = json.loads(json.dumps(result.to_json()))
    assert [0, 2] == [part["number"] for part in document["stages"]]
    assert ["GET /a", "POST /b"] == [part["name"] for part in document["specs"]]
    assert [] == LoadResult(made([1.0])).to_json()["stages"]


def test_json_is_the_published_shape() -> None:
    """Names of SCHEMA.md's load document; nothing measured is null, not zero."""
    names = {"verdict", "reasons", "requests", "errors", "by_status", "throughput_per_s", "offered_per_s"}
    names |= {"response_ms", "service_ms", "generator_lag_ms", "client_cpu_s", "gates"}
    whole = json.loads(json.dumps(result_of(_answer(0, 10)).to_json()))
    assert names <= set(whole)
    assert {"mean", "p50", "p90", "p95", "p99", "p99_9", "max"} == set(whole["response_ms"])
    assert result_of(planned=1).to_json()["response_ms"] is None


def test_a_frame_has_a_row_for_each_request() -> None:
    frame = result_of(_answer(100, 10), _answer(0, 20, 500)).to_frame()
    assert list(frame["at_s"]) == [0.0, 0.1]
    assert list(frame["response_ms"]) == [20.0, 10.0]
    assert list(frame["status"]) == [500, 200]


def test_a_frame_has_every_column() -> None:
    """Raw times too; and what never happened is not a number."""
    columns = made([10.0, 10.0], status=[200, 0], error=["", "reset"])
    frame = LoadResult(columns).to_frame()
    arrays = {name for name in type(columns).__slots__ if isinstance(getattr(columns, name), np.ndarray)}
    assert arrays <= set(frame.columns)
    assert ["", "reset"] == list(frame["error"])
    assert [True, False] == list(frame["first_byte_ms"].notna())


def test_columns_cannot_be_changed() -> None:
    """Raw measurements are kept as they were made."""
    with pytest.raises(ValueError, match="read-only"):
        result_of(_answer(0, 10)).columns.status[0] = 500


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
    """Answered, wrong and throttled are all requests, and none is two of them; so are the seconds of a series."""
    result = result_of(*rows)
    assert len(rows) == int(result.answered.sum()) + result.errors + result.throttled
    assert result.errors == sum(result.errors_by_kind.values())
    series = result.series()
    assert len(rows) == series.due.sum() == (series.answered + series.errors + series.throttled).sum()
    times = result.response_ms
    assert times is None or times.p50 <= times.p90 <= times.p95 <= times.p99 <= times.p99_9 <= times.max


def test_no_values_have_no_statistics() -> None:
    assert Times.of(result_of(planned=1).response_times_ms) is None
