"""Where a target stops keeping up: the staircase of connections, and the rates that were tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.charts.canvas import BLUE, GREEN, INK, ORANGE, RED, Chart, figure_of, in_ms, legend, png
from deployer_lib.charts.load import times_axis
from deployer_lib.threshold import threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from deployer_lib.load.knee import Knee
    from deployer_lib.load.steps import Step

__all__ = ["rates", "staircase"]

#: Times of a step by their field's name, in words.
_TIMES: Final = {
    "mean": "Mean response time",
    "p50": "Median response time",
    "p90": "90th percentile of the response time",
    "p95": "95th percentile of the response time",
    "p99": "99th percentile of the response time",
    "p99_9": "99.9th percentile of the response time",
    "max": "Longest response time",
}
_KINDS: Final = (
    (True, "kept", "o", BLUE),
    (False, "not kept: missed, or the queue grew", "X", RED),
    (None, "could not be told", "^", ORANGE),
)


def staircase(knee: Knee) -> Chart:
    """Draw the throughput of each number of connections, with the knee marked.

    Raises:
        ValueError: no closed step was made.
    """
    steps = sorted((s for s in knee.steps if s.mode == "closed"), key=lambda s: s.connections)
    if not steps:
        raise ValueError("No number of connections was tried, so there is nothing to draw.")
    title = _staircase_title(knee, steps)
    with figure_of(title, height_in=3.3) as (figure, axes):
        good = [s for s in steps if s.kept]
        axes.plot([s.connections for s in good], [s.throughput_per_s for s in good], color=BLUE, lw=1.6)
        for kept, label, marker, colour in _KINDS:
            some = [s for s in steps if s.kept is kept]
            if some:
                words = "answered" if kept else label if kept is None else "not all answered"
                axes.plot(
                    [s.connections for s in some], [s.throughput_per_s for s in some], marker, color=colour, ms=8, label=words
                )  # fmt: skip
        if knee.connections_cliff is not None:
            words = "unresponsive at" if knee.cliff == "unresponsive" else "levels off at"
            colour = RED if knee.cliff == "unresponsive" else GREEN
            axes.axvline(
                knee.connections_cliff,
                color=colour,
                lw=1.4,
                ls="--",
                label=f"{words} {knee.connections_cliff}",
            )
        _counts_axis(axes, steps)
        axes.set(xlabel="Connections at a time (logarithmic)", ylabel="Requests answered per second")
        top = max([1.0, *(s.throughput_per_s for s in steps)])
        axes.set_ylim(-0.04 * top, 1.12 * top)
        legend(figure, axes)
        picture = png(figure)
    listed = ", ".join(
        f"{s.connections}: {s.throughput_per_s:,.0f}{'' if s.kept else ' (not all)'}" for s in steps
    )
    return Chart(picture, f"Requests answered per second by connections. {listed}. {title}.", title)


def _counts_axis(axes: Axes, steps: Sequence[Step]) -> None:
    axes.set_xscale("log")
    ticks = [n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if n <= steps[-1].connections]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(0.9, steps[-1].connections * 1.15)


def _staircase_title(knee: Knee, steps: Sequence[Step]) -> str:
    best = max(s.throughput_per_s for s in steps)
    if knee.connections_cliff is None:
        return f"Throughput rises up to {steps[-1].connections} connections, to {best:,.0f} a second"
    count = f"{knee.connections_cliff} connection{'s' if knee.connections_cliff != 1 else ''}"
    if knee.cliff == "unresponsive":
        return f"The target stops answering at {count}"
    return f"Throughput levels off at {count}, with {best:,.0f} requests a second"


def rates(knee: Knee) -> Chart:
    """Draw the time that the objective is on (else the 99th percentile) at each rate that was tried, with the highest that was kept.

    Raises:
        ValueError: no rate was tried, or none was answered.
    """
    steps = sorted(
        (s for s in knee.steps if s.mode == "open" and s.rate_per_s and s.response_ms),
        key=lambda s: s.rate_per_s or 0.0,
    )
    if not steps:
        raise ValueError("No rate was answered, so there is nothing to draw.")
    title = _rates_title(knee)
    name, words, limit = _objective(knee)

    def took_ms(step: Step) -> float:
        return float(getattr(step.response_ms, name)) if step.response_ms else 0.0

    with figure_of(title, height_in=3.3) as (figure, axes):
        for kept, label, marker, colour in _KINDS:
            some = [s for s in steps if s.kept is kept]
            if some:
                axes.plot(
                    [s.rate_per_s or 0.0 for s in some],
                    [took_ms(s) for s in some],
                    marker,
                    color=colour,
                    ms=8,
                    label=label,
                )
        if limit is not None:
            axes.axhline(limit, color=INK, lw=1.2, ls=":", label=f"objective: {knee.objective.strip()}")
        if knee.max_rate_per_s is not None:
            axes.axvline(
                knee.max_rate_per_s,
                color=GREEN,
                lw=1.4,
                ls="--",
                label=f"highest kept: {knee.max_rate_per_s:,.0f}/s",
            )
        seen = [*map(took_ms, steps), *([limit] if limit is not None else [])]
        times_axis(axes, max(min(seen), 1e-3), max(seen))
        axes.set(
            xlabel="Requests due per second",
            ylabel=f"{words}\nin ms (logarithmic)",
        )
        legend(figure, axes)
        picture = png(figure)
    listed = ", ".join(
        f"{s.rate_per_s:,.0f}/s {in_ms(took_ms(s))}{'' if s.kept else ' (not kept)'}" for s in steps
    )
    return Chart(picture, f"{words} by rate. {listed}. {title}.", title)


def _objective(knee: Knee) -> tuple[str, str, float | None]:
    """Return the time that the objective is on, its words, and the limit; the 99th percentile where it is on none."""
    if knee.objective:
        limit = threshold(knee.objective)
        if limit.metric in _TIMES:
            return limit.metric, _TIMES[limit.metric], limit.limit
    return "p99", _TIMES["p99"], None


def _rates_title(knee: Knee) -> str:
    wish = f" with {knee.objective.strip()}" if knee.objective else ""
    if knee.max_rate_per_s is None:
        return f"No rate was kept{wish}"
    if knee.above_per_s is None:
        return f"At least {knee.max_rate_per_s:,.0f} requests a second are kept{wish}"
    return f"{knee.max_rate_per_s:,.0f} requests a second are kept{wish}, {knee.above_per_s:,.0f} are not"
