"""Gates: held, not held, or not to be told; never a pass on nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_columns import made

from deployer_lib.errors import UsageError
from deployer_lib.load.gates import Gate, judge
from deployer_lib.load.result import LoadResult
from deployer_lib.load.surroundings import Surroundings
from deployer_lib.threshold import load_gate


def _judged(gate: str, service_ms: Any, **more: Any) -> Gate:
    (found,) = judge(LoadResult(made(service_ms, **more)), [gate])
    return found


_HUNDRED = np.arange(1.0, 101.0)


@pytest.mark.parametrize(
    ("gate", "held", "value"),
    [
        ("p(99) < 200ms", True, 99.0),
        ("p(99)<0.05s", False, 99.0),
        ("p(99.5) <= 100ms", True, 100.0),
        ("mean < 51ms", True, 50.5),
        ("avg < 50", False, 50.5),
        ("max < 100ms", False, 100.0),
        ("min >= 1ms", True, 1.0),
        ("med < 51ms", True, 50.0),
        ("errors == 0", True, 0.0),
        ("errors < 1%", True, 0.0),
        ("error_rate == 0", True, 0.0),
        ("requests >= 100", True, 100.0),
        ("requests > 100", False, 100.0),
        ("rate > 80/s", True, pytest.approx(100 / 1.09)),
        ("throughput > 100/s", False, pytest.approx(100 / 1.09)),
        ("throttled == 0", True, 0.0),
        ("unsent == 0", True, 0.0),
    ],
)
def test_a_gate_is_judged_on_its_metric(gate: str, held: bool, value: float) -> None:  # noqa: FBT001  (a row of the table)
    """Times in milliseconds of the response, rates per second, counts as they are."""
    judged = _judged(gate, _HUNDRED)
    assert (held, value) == (judged.held, judged.value)
    assert {"expression": gate.strip(), "held": held, "value": value} == judged.to_json()
    json.dumps(judged.to_json())


def test_errors_are_counted_and_shared_out() -> None:
    """429 and what was cut off by the end of the load are no errors."""
    kinds = ["", "unexpected status", "unexpected status", "reset", "stopped"]
    made_of = {"status": [200, 500, 429, 0, 0], "error": kinds}
    assert 2.0 == _judged("errors == 0", [10.0] * 5, **made_of).value
    assert 0.5 == _judged("errors < 1%", [10.0] * 5, **made_of).value
    assert 1.0 == _judged("throttled == 0", [10.0] * 5, **made_of).value


@pytest.mark.parametrize("gate", ["p(99) < 200ms", "errors == 0", "rate > 0/s", "requests > 0"])
def test_an_invalid_measurement_is_refused(gate: str) -> None:
    """Nothing answered, or a generator that could not keep up: no gate is held or missed."""
    nothing = _judged(gate, [1.0] * 10, status=500, error="unexpected status")
    late = _judged(gate, [1.0] * 10, late_ms=50.0)
    for judged in (nothing, late, *judge(LoadResult(made([])), [gate])):
        assert (None, None) == (judged.held, judged.value)
        assert judged.why.startswith("the measurement is invalid")


@pytest.mark.parametrize(
    ("gate", "held"),
    [
        ("p(90) < 200ms", True),  # whatever the given-up ones took, nine in ten were quick
        ("p(99) < 5s", None),  # they might have taken longer
        ("p(99) < 1s", False),  # they took at least 2 s
        ("max < 1s", False),
        ("max < 10s", None),
        ("max > 1s", True),
        ("mean < 1s", None),
        ("mean < 20ms", False),
    ],
)
def test_given_up_requests_are_known_from_below_alone(gate: str, held: bool | None) -> None:  # noqa: FBT001  (a row of the table)
    """Two of a hundred had waited 2 s when they were given up: what hangs on them cannot be told."""
    times, kinds, statuses = [10.0] * 98 + [2_000.0] * 2, [""] * 98 + ["timeout"] * 2, [200] * 98 + [0] * 2
    judged = _judged(gate, times, error=kinds, status=statuses)
    assert held is judged.held
    assert (held is None) is ("given up" in judged.why)


def test_a_mean_bears_few_that_were_given_up() -> None:
    times, kinds = [10.0] * 999 + [500.0], [""] * 999 + ["timeout"]
    assert _judged("mean < 20ms", times, error=kinds, status=[200] * 999 + [0]).held is True


def test_a_missed_limit_is_not_put_on_the_target_where_the_generator_was_late() -> None:
    """15 ms late in one of twelve: a limit that is missed by less than that may be the generator's doing."""
    late = [0.0] * 110 + [15.0] * 10
    assert _judged("p(99) < 30ms", [20.0] * 120, late_ms=late).held is None
    assert _judged("p(99) < 30ms", [90.0] * 120, late_ms=late).held is False
    assert _judged("p(99) < 40ms", [20.0] * 120, late_ms=late).held is True
    assert _judged("rate > 200/s", [20.0] * 120, late_ms=late).held is None


def test_a_missed_limit_is_not_put_on_the_target_where_the_generator_starved() -> None:
    """It waited 300 ms for a processor in all: no request was held up for longer, and the median was not."""
    starved = {"surroundings": Surroundings(10**9, 0, 300_000_000, 100)}
    some_slow = [20.0] * 95 + [100.0] * 5
    assert _judged("p(99) < 50ms", some_slow, **starved).held is None
    assert _judged("p(99) < 110ms", some_slow, **starved).held is True
    assert _judged("p(99) < 10ms", some_slow, **starved).held is False
    assert _judged("p(99) < 50ms", [20.0] * 95 + [900.0] * 5, **starved).held is False
    assert _judged("p(99) < 50ms", some_slow).held is False


def test_a_busy_generator_misses_nothing_for_the_target() -> None:
    """Its response times are upper bounds, its rate a lower bound; errors are errors."""
    busy = {"client_cpu_ns": 10**10, "error": ["reset"] + [""] * 9, "status": [0] + [200] * 9}
    assert _judged("p(99) < 1ms", [20.0] * 10, **busy).held is None
    assert _judged("rate > 1000/s", [20.0] * 10, **busy).held is None
    assert _judged("p(99) < 30ms", [20.0] * 10, **busy).held is True
    assert _judged("errors == 0", [20.0] * 10, **busy).held is False


@pytest.mark.parametrize(
    "gate", ["", "fast", "p(99)", "p(101) < 1s", "p < 1s", "latency < 1s", "p(99) < 1/s"]
)
def test_what_cannot_be_measured_is_no_gate(gate: str) -> None:
    """Refused before anything is sent, with an example that works."""
    with pytest.raises(UsageError) as refused:
        load_gate(gate)
    assert refused.value.hint
    with pytest.raises(UsageError):
        judge(LoadResult(made(_HUNDRED)), ["errors == 0", gate])


@given(st.lists(st.floats(0.1, 10_000), min_size=1, max_size=100), st.floats(0.1, 100), st.integers(1, 9_999))
def test_a_percentile_gate_says_what_counting_says(values: list[float], percent: float, limit: int) -> None:
    """p(N) < limit holds just where at least N % of the requests took less."""
    percent = round(percent, 2)
    judged = _judged(f"p({percent:.2f}) < {limit}ms", values)
    exact = (LoadResult(made(values)).response_times_ms < limit).sum() / len(values) * 100
    if abs(exact - percent) > 1e-6:
        assert judged.held is bool(exact >= percent)
