"""The search for a target's limits, on simulated queues whose limits are known, and on a real one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load_parts import Queue, Row, columns_of
from queue_server import Excess, queue_server

from deployer_lib.catalogue import Effect
from deployer_lib.errors import UsageError
from deployer_lib.guard import Guard
from deployer_lib.load.knee import Knee, find_knee
from deployer_lib.load.plan import poisson
from deployer_lib.load.running import run
from deployer_lib.load.steps import closed_step, open_step

if TYPE_CHECKING:
    from deployer_lib.load.knee import Engine

_OBJECTIVE = "p(99) < 50ms"


def _found(queue: Queue, objective: str = _OBJECTIVE) -> Knee:
    return find_knee(queue, objective, clock=queue.clock, pause=queue.pause)


@pytest.mark.parametrize(
    ("service_s", "servers"), [(0.002, 1), (0.01, 1), (0.0005, 1), (0.02, 4), (0.004, 16), (0.049, 1)]
)
def test_the_capacity_is_found_within_2_percent_in_30_seconds(service_s: float, servers: int) -> None:
    queue = Queue(service_s, servers)
    knee = _found(queue)
    assert knee.max_rate_per_s == pytest.approx(queue.capacity_per_s, rel=0.02)
    assert knee.told
    assert queue.now_s < 30
    assert () == knee.findings


@given(capacity_per_s=st.floats(30, 3_000), servers=st.integers(1, 8))
@settings(max_examples=15, deadline=None)
def test_whatever_the_capacity_what_is_told_is_true(capacity_per_s: float, servers: int) -> None:
    """Within 2 %, where the search says that it knows; else at least no rate is claimed that isn't kept."""
    knee = _found(Queue(servers / capacity_per_s, servers), "")
    assert knee.max_rate_per_s is not None
    assert knee.max_rate_per_s <= 1.02 * capacity_per_s
    if knee.told:
        assert knee.max_rate_per_s == pytest.approx(capacity_per_s, rel=0.03)


@pytest.mark.parametrize("count", [2, 3, 5, 11, 37, 50, 51, 199, 200])
def test_where_it_becomes_unresponsive_is_found_exactly(count: int) -> None:
    """Unresponsive at 50 is 50, not some number around it."""
    knee = _found(Queue(0.0005, unresponsive_at=count))
    assert (count, "unresponsive") == (knee.connections_cliff, knee.cliff)
    assert f"With {count} connection" in knee.cliff_why


def test_rates_are_offered_over_fewer_connections_than_the_target_bears() -> None:
    """Else a search for the rate would only find the limit of connections once more."""
    queue = Queue(0.002, unresponsive_at=8)
    knee = _found(queue)
    assert {7} == {step.connections for step in knee.steps if step.mode == "open"}
    assert knee.max_rate_per_s == pytest.approx(500, rel=0.02)


def test_throughput_that_levels_off_is_named_where_nothing_breaks() -> None:
    knee = _found(Queue(0.002, servers=8))
    assert (10, "levels off", "") == (knee.connections_cliff, knee.cliff, knee.cliff_why)


def test_a_target_that_does_not_come_back_is_a_finding() -> None:
    """Nothing is sent to it any more, and the limit is told as far as it is known."""
    knee = _found(Queue(0.002, unresponsive_at=50, recovers=False))
    assert 50 == knee.connections_cliff
    assert knee.findings == ("After 50 connections it did not answer again within 5 s.",)
    assert "The limit lies above 20 and at or below 50 connections." in knee.reasons
    assert knee.max_rate_per_s is None


def test_a_dead_target_is_a_finding() -> None:
    knee = _found(Queue(dead=True))
    assert (None, None, 1) == (knee.connections_cliff, knee.max_rate_per_s, len(knee.steps))
    assert knee.findings[0].startswith("The target does not answer one request at a time.")


def test_an_objective_out_of_reach_is_a_finding() -> None:
    """No time is spent on rates where a single request at a time is too slow."""
    knee = _found(Queue(0.1))
    assert knee.findings[0].startswith("No rate can keep the objective: one request at a time misses it.")
    assert set() == {step.mode for step in knee.steps} - {"closed"}


def test_an_objective_can_be_the_limit() -> None:
    """By chance 200 a second need more than 8 ms long before 500 are reached: the objective decides, not the capacity."""
    queue = Queue(0.002)
    knee = find_knee(
        queue, "p(99) < 8ms", arrivals=partial(poisson, seed=3), clock=queue.clock, pause=queue.pause
    )
    assert knee.max_rate_per_s is not None
    assert 100 < knee.max_rate_per_s < 400


def test_a_hiccup_is_no_limit() -> None:
    """A step that was missed once is tried again before it is believed."""
    calm = _found(Queue(0.002))
    for number in range(3, 16):
        knee = _found(Queue(0.002, hiccups={number: 0.3}))
        assert knee.max_rate_per_s == pytest.approx(calm.max_rate_per_s, rel=0.03), number


def test_the_generators_limit_is_not_the_targets() -> None:
    """Where the generator can't offer more, the rate is a lower bound, and said to be."""
    knee = _found(Queue(0.0005, late_above_per_s=1_500))
    assert knee.max_rate_per_s is not None
    assert 1_350 < knee.max_rate_per_s <= 1_500
    assert knee.above_per_s is None
    assert not knee.told
    assert "the generator was the limit" in knee.reasons[-1]
    assert {True, False, None} >= {step.kept for step in knee.steps} > {True}


def test_an_interrupted_search_keeps_its_steps() -> None:
    knee = _found(Queue(0.002, interrupted_at=6))
    assert knee.interrupted
    assert [1, 2, 5] == [step.connections for step in knee.steps]


def test_what_is_no_objective_is_refused() -> None:
    with pytest.raises(UsageError, match="not a threshold"):
        _found(Queue(), "fast, please")


def test_the_document_has_every_step() -> None:
    told = _found(Queue(0.002)).to_json()
    assert {"schema", "connections_cliff", "cliff", "max_rate_per_s", "above_per_s", "steps"} <= set(told)
    steps = told["steps"]
    assert isinstance(steps, list)
    assert {"closed", "open"} == {step["mode"] for step in steps if isinstance(step, dict)}
    assert all(isinstance(step, dict) and step["verdict"] and step["why"] for step in steps)


# One step


def _answers(connections: int, length_s: float = 1.0) -> list[Row]:
    return [
        (k * 0.01, k * 0.01, k * 0.01 + 0.01, 200, number, "")
        for number in range(connections)
        for k in range(int(length_s / 0.01))
    ]


def test_one_connection_that_is_never_answered_counts() -> None:
    """49 connections with thousands of answers do not hide the fiftieth."""
    rows = [*_answers(49), (0.0, 0.0, 1.6, 0, 49, "timeout")]
    step = closed_step(columns_of(rows), 50, 0.25)
    assert (False, True) == (step.kept, "1 of them had no good answer at all (timeout)" in step.why)


def test_one_slow_answer_does_not() -> None:
    """A connection that is answered, and once is not in time, is no limit of connections."""
    rows = [*_answers(20), (0.995, 0.995, 2.6, 0, 7, "timeout")]
    assert closed_step(columns_of(rows), 20, 0.25).kept


def test_what_the_end_of_the_step_cut_off_does_not() -> None:
    rows = [*_answers(5), (0.995, 0.995, 1.0, 0, 3, "stopped")]
    step = closed_step(columns_of(rows), 5)
    assert (True, 0) == (step.kept, step.errors)


def test_throughput_counts_no_warm_up_and_no_tail() -> None:
    """Fifty answers that come after the last sending would make 100/s look like 150/s or 67/s."""
    step = closed_step(columns_of(_answers(1, 2.0)), 1, 0.5)
    assert step.throughput_per_s == pytest.approx(100, rel=0.01)


def _open(response_s: list[float], rate: float = 100.0) -> list[Row]:
    return [(k / rate, k / rate, k / rate + took, 200, 0, "") for k, took in enumerate(response_s)]


@pytest.mark.parametrize(
    ("response_s", "kept"),
    [
        ([0.01] * 200, True),
        ([0.01 + 0.0001 * k for k in range(200)], False),  # 1 % above the capacity
        ([0.01] * 150 + [0.03] * 50, True),  # a hiccup at the end
        (
            [0.01] * 60 + [0.03 - 0.0002 * k for k in range(100)] + [0.01] * 40,
            True,
        ),  # a hiccup that is worked off
        ([0.06] * 200, False),
        ([0.01] * 10, True),
    ],
)
def test_a_queue_that_grows_is_not_kept_up_with(response_s: list[float], *, kept: bool) -> None:
    assert kept is open_step(columns_of(_open(response_s)), 100.0, 10, _OBJECTIVE).kept


def test_a_generator_at_its_limit_does_not_blame_the_target() -> None:
    """A queue grows before whichever is slower."""
    columns = columns_of(_open([0.01 + 0.0005 * k for k in range(200)]))
    assert open_step(columns, 100.0, 10, "").kept is False
    busy = replace(columns, client_cpu_ns=int(0.8 * columns.duration_ns))
    step = open_step(busy, 100.0, 10, "")
    assert step.kept is None
    assert "the generator itself was at work" in step.why


def test_a_rate_limit_is_named() -> None:
    rows = _open([0.001] * 100)
    rows[50:60] = [(*row[:3], 429, 0, "unexpected status") for row in rows[50:60]]
    step = open_step(columns_of(rows), 100.0, 10, "")
    assert (False, 0) == (step.kept, step.errors)
    assert "10.0% of answers were 429" in step.why


# Real ones


def _engine(url: str) -> Engine:
    host = ("127.0.0.1", int(url.rstrip("/").rpartition(":")[2]))
    return partial(run, url, guard=Guard("test", frozenset({Effect.STRESS}), {host}, max_requests=10**7))


def test_a_real_target_is_unresponsive_at_exactly_13() -> None:
    """The engine's own view of a server that goes silent as long as 13 connections are open."""
    with queue_server(0.001, unresponsive_at=13) as url:
        knee = find_knee(_engine(url), most_connections=15, budget_s=11, timeout_s=0.6)
    assert (13, "unresponsive") == (knee.connections_cliff, knee.cliff)
    assert knee.max_rate_per_s is None or 500 < knee.max_rate_per_s < 1_050


@pytest.mark.proof
@pytest.mark.parametrize(("service_s", "servers"), [(0.002, 1), (0.01, 1), (0.02, 4)])
def test_a_real_capacity_is_found_within_2_percent(service_s: float, servers: int) -> None:
    with queue_server(service_s, servers=servers) as url:
        knee = find_knee(_engine(url), _OBJECTIVE)
    assert knee.max_rate_per_s == pytest.approx(servers / service_s, rel=0.02)
    assert knee.told


@pytest.mark.proof
@pytest.mark.parametrize("excess", get_args(Excess))
def test_a_real_target_is_unresponsive_at_exactly_50(excess: Excess) -> None:
    """Whether nobody is answered any more, or one connection in fifty is starved, closed or turned away."""
    with queue_server(0.001, unresponsive_at=50, excess=excess) as url:
        knee = find_knee(_engine(url), _OBJECTIVE)
    assert (50, "unresponsive") == (knee.connections_cliff, knee.cliff)
