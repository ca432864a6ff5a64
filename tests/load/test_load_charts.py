"""Charts of a load: a conclusion, an alternative text, a small picture, and the same bytes each time."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from load_parts import Queue, Row, columns_of
from pictures import always_the_same, small_with_text

from deployer_lib.charts.load import heat_map, percentile_curve, throughput
from deployer_lib.charts.load_knee import rates, staircase
from deployer_lib.load.knee import Knee, find_knee
from deployer_lib.load.result import LoadResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.charts.canvas import Chart


def _freezing() -> LoadResult:
    """Return what 200/s for 30 s see of a target that stands still for 1 s in every 5, and otherwise takes 2 ms."""
    rows: list[Row] = []
    for k in range(6_000):
        due_s = k / 200
        begin_s = due_s if due_s % 5 >= 1 else due_s - due_s % 5 + 1
        rows.append((due_s, due_s, begin_s + 0.002, 200, k % 100, ""))
    return LoadResult(columns_of(rows))


def _even(count: int = 600, *, bad: int = 0, limited: int = 0) -> LoadResult:
    rows: list[Row] = [(k / 200, k / 200, k / 200 + 0.01 + k % 7 / 1e3, 200, 0, "") for k in range(count)]
    for k in range(bad):
        rows[k] = (*rows[k][:3], 500, 0, "unexpected status")
    for k in range(bad, bad + limited):
        rows[k] = (*rows[k][:3], 429, 0, "unexpected status")
    return LoadResult(columns_of(rows))


@cache
def _knee(*, servers: int = 1, unresponsive_at: int = 10**6, dead: bool = False, most: int = 200) -> Knee:
    queue = Queue(0.002, servers, unresponsive_at=unresponsive_at, dead=dead)
    return find_knee(queue, "p(99) < 50ms", most_connections=most, clock=queue.clock, pause=queue.pause)


_ALL: dict[str, Callable[[], Chart]] = {
    "curve": lambda: percentile_curve(_freezing(), 200),
    "heat map": lambda: heat_map(_freezing()),
    "throughput": lambda: throughput(_even(bad=20, limited=5)),
    "staircase": lambda: staircase(_knee(unresponsive_at=50)),
    "rates": lambda: rates(_knee()),
}


@pytest.mark.parametrize("name", _ALL)
def test_a_chart_is_a_small_picture_with_text(name: str) -> None:
    """It is small enough for a notebook, and nobody needs to see it."""
    small_with_text(_ALL[name]())


@pytest.mark.parametrize("name", _ALL)
def test_the_same_numbers_give_the_same_bytes(name: str) -> None:
    always_the_same(_ALL[name])


@pytest.mark.parametrize(
    ("chart", "title"),
    [
        (lambda: percentile_curve(_freezing(), 200), "99 % were answered within 952 ms, which misses the target of 200 ms"),
        (lambda: percentile_curve(_even(), 200), "99 % were answered within 16 ms, which keeps the target of 200 ms"),
        (lambda: percentile_curve(_even(), percentile=50), "50 % of requests were answered within 13 ms"),
        (lambda: heat_map(_freezing()), "In 6 of 30 seconds the 99th percentile was far above its usual 2.0 ms: up to 992 ms"),
        (lambda: heat_map(_even()), "Response times were steady: the 99th percentile was never above 16 ms"),
        (lambda: throughput(_freezing()), "All requests were answered, 200 a second, almost none in 6 of 30 seconds"),
        (lambda: throughput(_even()), "All requests were answered, 199 a second"),
        (lambda: throughput(_even(bad=20, limited=5)), "191 requests a second were answered; 20 failed and 5 were answered 429"),
        (lambda: staircase(_knee(unresponsive_at=50)), "The target stops answering at 50 connections"),
        (lambda: staircase(_knee(servers=4)), "Throughput levels off at 5 connections, with 2,000 requests a second"),
        (lambda: staircase(_knee(servers=1000, most=20)), "Throughput rises up to 20 connections, to 10,000 a second"),
        (lambda: rates(_knee()), "502 requests a second are kept with p(99) < 50ms, 505 are not"),
    ],
)  # fmt: skip
def test_the_title_states_the_conclusion(chart: Callable[[], Chart], title: str) -> None:
    assert title == chart().title


def test_response_and_service_time_stand_beside_each_other() -> None:
    """The alternative text says what a closed loop would have hidden."""
    rows: list[Row] = [(k / 100, k / 100 + 0.5, k / 100 + 0.51, 200, 0, "") for k in range(500)]
    alt = percentile_curve(LoadResult(columns_of(rows)), 200).alt
    assert "99 % 510 ms" in alt
    assert "service time at 99 %: 10 ms" in alt


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_requests_can_be_drawn(count: int) -> None:
    for draw in (percentile_curve, heat_map, throughput):
        assert draw(_even(count)).png


def test_nothing_is_not_drawn() -> None:
    """A picture of no data would look like a good one."""
    nothing, failed = LoadResult(columns_of([])), _even(5, bad=5)
    none = Knee(None, None, None, None, "", ())
    draws: list[Callable[[], Chart]] = [
        lambda: percentile_curve(nothing),
        lambda: percentile_curve(failed),
        lambda: heat_map(failed),
        lambda: throughput(nothing),
        lambda: staircase(none),
        lambda: rates(_knee(dead=True)),
    ]
    for draw in draws:
        with pytest.raises(ValueError, match="nothing to draw"):
            draw()
    assert throughput(failed).title == "0 requests a second were answered; 5 failed"
