"""Plans: when each request is due, to the nanosecond where that can be said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer_lib.errors import UsageError
from deployer_lib.load import plan

if TYPE_CHECKING:
    from collections.abc import Callable

S = 1_000_000_000


def test_a_constant_rate_is_evenly_spaced_to_the_nanosecond() -> None:
    made = plan.constant(1000, 2.0)
    assert [k * 1_000_000 for k in range(2000)] == made.due_ns.tolist()
    assert ("open", 2 * S, 2000) == (made.mode, made.duration_ns, made.requests)
    assert {0} == set(made.stage.tolist())


def test_a_rate_that_does_not_divide_a_second_does_not_drift() -> None:
    """The 300,000th request of 3/s is due after 100,000 s, not after 300,000 rounded thirds."""
    made = plan.constant(3, 100_000)
    assert 300_000 == len(made.due_ns)
    assert round(299_999 / 3 * S) == made.due_ns[-1]


def test_a_ramp_reaches_each_count_when_its_integral_does() -> None:
    """From 0 to 100/s in 10 s: k requests after sqrt(k / 5) seconds, 500 in all."""
    made = plan.ramp(0, 100, 10)
    assert 500 == len(made.due_ns)
    assert np.allclose([math.sqrt(k / 5) for k in range(500)], made.due_ns / S, atol=2e-9)


def test_a_falling_ramp_is_the_rising_one_backwards() -> None:
    rising, falling = plan.ramp(0, 100, 10).due_ns, plan.ramp(100, 0, 10).due_ns
    assert len(rising) == len(falling)
    assert np.allclose(10 * S - rising[:0:-1], falling[1:], atol=3)


def test_stages_ramp_from_the_rate_before_as_k6_does() -> None:
    """50/s reached in 10 s are 250 requests, then 100/s in 10 s 750, and down to 0 in 10 s 500."""
    made = plan.stages([(50, 10), (100, 10), (0, 10)])
    assert [250, 750, 500] == np.bincount(made.stage).tolist()
    assert 30 * S == made.duration_ns
    for number, (begin, end) in enumerate([(0, 10), (10, 20), (20, 30)]):
        due = made.due_ns[made.stage == number]
        assert begin * S <= due.min() <= due.max() <= end * S


def test_flat_stages_keep_their_own_rate() -> None:
    made = plan.stages([(10, 1), (0, 1), (20, 1)], flat=True)
    expected = [k * S // 10 for k in range(10)] + [2 * S + k * S // 20 for k in range(20)]
    assert expected == made.due_ns.tolist()
    assert [10, 0, 20] == np.bincount(made.stage).tolist()


def test_a_spike_has_three_stages() -> None:
    made = plan.spike(10, 100, at_s=1, length_s=0.5, duration_s=3)
    assert [10, 50, 15] == np.bincount(made.stage).tolist()
    assert (1 * S, int(1.5 * S)) == (made.due_ns[10], made.due_ns[60])


def test_poisson_is_seeded_and_has_the_gaps_of_independent_arrivals() -> None:
    """Gaps have a mean of 1/rate and a deviation as large as their mean; the same seed gives the same plan."""
    made = plan.poisson(1000, 60, seed=7)
    assert made.due_ns.tolist() == plan.poisson(1000, 60, seed=7).due_ns.tolist()
    assert made.due_ns.tolist() != plan.poisson(1000, 60, seed=8).due_ns.tolist()
    gaps_ms = np.diff(made.due_ns) / 1e6
    assert pytest.approx(1.0, rel=0.02) == gaps_ms.mean()
    assert pytest.approx(1.0, rel=0.02) == gaps_ms.std()
    assert made.due_ns.max() < 60 * S


def test_a_closed_plan_has_no_schedule() -> None:
    made = plan.closed(10, duration_s=3, requests=500)
    assert ("closed", 0, 3 * S, 10, 500) == (
        made.mode,
        len(made.due_ns),
        made.duration_ns,
        made.connections,
        made.requests,
    )
    assert 0 == plan.closed(10, requests=5).duration_ns


@pytest.mark.parametrize(
    "make",
    [
        lambda: plan.constant(0, 1),
        lambda: plan.constant(-5, 1),
        lambda: plan.constant(1e9, 1),
        lambda: plan.constant(math.nan, 1),
        lambda: plan.constant(math.inf, 1),
        lambda: plan.constant(1000, 0),
        lambda: plan.constant(1000, -1),
        lambda: plan.constant(1000, math.nan),
        lambda: plan.constant(1000, math.inf),
        lambda: plan.constant(1_000_000, 3600),
        lambda: plan.poisson(1_000_000, 3600, 1),
        lambda: plan.poisson(0, 1, 1),
        lambda: plan.ramp(0, 0, 1),
        lambda: plan.ramp(-1, 5, 1),
        lambda: plan.stages([]),
        lambda: plan.stages([(0, 1)]),
        lambda: plan.stages([(0, 1)], start=5, flat=True),
        lambda: plan.stages([(5, 1), (5, -1)]),
        lambda: plan.spike(10, 100, 1, 5, 3),
        lambda: plan.spike(10, 0, 1, 1, 3),
        lambda: plan.closed(0, 1),
        lambda: plan.closed(5),
        lambda: plan.closed(5, requests=0),
        lambda: plan.closed(5, duration_s=0),
        lambda: plan.closed(5, requests=10**9),
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_a_hint(make: Callable[[], plan.Plan]) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.hint


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 500), st.floats(0.01, 5)).filter(lambda step: step[0] > 0 or step[1] > 0),
        min_size=1,
        max_size=6,
    ).filter(lambda steps: max(rate for rate, _ in steps) > 0.01),
    start=st.floats(0, 500),
    flat=st.booleans(),
)
def test_every_plan_ascends_within_its_duration_and_has_its_integral(
    *, steps: list[tuple[float, float]], start: float, flat: bool
) -> None:
    """Whatever the stages: due times ascend, stages do too, and the count is the integral of the rate, rounded up."""
    made = plan.stages(steps, start=start, flat=flat)
    rates = [start, *(rate for rate, _ in steps)]
    befores = rates[1:] if flat else rates[:-1]
    integral = sum(
        (before + rate) / 2 * length for before, (rate, length) in zip(befores, steps, strict=True)
    )
    assert abs(math.ceil(integral) - len(made.due_ns)) <= 1
    if len(made.due_ns):
        assert 0 <= made.due_ns[0]
        assert made.due_ns[-1] <= made.duration_ns
    assert (np.diff(made.due_ns) >= 0).all()
    assert (np.diff(made.stage) >= 0).all()
