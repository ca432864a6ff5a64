"""Charts: a conclusion, an alternative text, a small picture, and the same bytes each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from made_columns import made
from pictures import always_the_same, small_with_text

from deployer_lib.charts import Chart, outcomes, percentiles, phases, sizes
from deployer_lib.load.result import LoadResult

if TYPE_CHECKING:
    from collections.abc import Callable


def _result(took_ms: list[int]) -> LoadResult:
    return LoadResult(made(took_ms, every_ms=5))


_TIMES = [40 + i % 37 for i in range(100)]
_SPENT = {"preflight": 2.0, "build": 40.0, "smoke": 8.0}
_BUDGET = {"build and deployment": 360.0, "smoke and health": 270.0}
_COUNTS = {"preflight": {"pass": 6}, "smoke": {"pass": 10, "fail": 1, "error": 1, "skip": 2}, "report": {}}
_FILES = [("assets/index.js", 412_000), ("style.css", 42_000)]
_ALL: dict[str, Callable[[], Chart]] = {
    "percentiles": lambda: percentiles(_result(_TIMES), 200),
    "phases": lambda: phases(_SPENT, _BUDGET),
    "outcomes": lambda: outcomes(_COUNTS),
    "sizes": lambda: sizes(_FILES, 300_000),
}


@pytest.mark.parametrize("name", _ALL)
def test_a_chart_is_a_small_picture_with_text(name: str) -> None:
    """A notebook with five of them stays far below its limit, and nobody needs to see it."""
    small_with_text(_ALL[name]())


@pytest.mark.parametrize("name", _ALL)
def test_the_same_numbers_give_the_same_bytes(name: str) -> None:
    """Also where somebody has another style; and theirs is left as it was."""
    always_the_same(_ALL[name])


@pytest.mark.parametrize(
    ("chart", "title"),
    [
        (lambda: percentiles(_result([100] * 20), 200), "Mean response time 100 ms keeps the target of 200 ms; 95 % within 100 ms"),
        (lambda: percentiles(_result([300] * 20), 200), "Mean response time 300 ms misses the target of 200 ms; 95 % within 300 ms"),
        (lambda: phases({"build": 100.0}, {"all": 90.0}), "The run took 1m 40s, 10.0 s over its budget of 1m 30s"),
        (lambda: phases({"build": 80.0}, {"all": 90.0}), "The run took 1m 20s, 10.0 s less than its budget"),
        (lambda: outcomes(_COUNTS), "1 of 20 checks failed, 1 could not tell"),
        (lambda: outcomes({"smoke": {"pass": 3, "skip": 1}}), "3 of 4 checks passed, none failed"),
        (lambda: sizes(_FILES, 300_000), "1 of 2 files is over the budget of 300 kB"),
        (lambda: sizes(_FILES, 500_000), "All 2 files keep the budget of 500 kB; the largest has 412 kB"),
    ],
)  # fmt: skip
def test_the_title_states_the_conclusion(chart: Callable[[], Chart], title: str) -> None:
    """Whoever reads the title alone knows what the picture shows."""
    assert callable(chart)
    drawn = chart()
    assert isinstance(drawn, Chart)
    assert title == drawn.title


def test_nothing_is_not_drawn() -> None:
    """A picture of no data would look like a good one."""
    nothing = LoadResult(made([]))
    draws: list[Callable[[], Chart]] = [
        lambda: percentiles(nothing, 200),
        lambda: sizes([], 1),
    ]
    for draw in draws:
        with pytest.raises(ValueError, match="nothing to draw"):
            draw()
