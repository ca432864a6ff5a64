"""What a load measured, second by second and up to the rarest percentile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from deployer_lib.charts.canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    RED,
    Chart,
    figure_of,
    in_ms,
    legend,
    png,
)
from deployer_lib.load import outcomes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from deployer_lib.load.histogram import Histogram
    from deployer_lib.load.result import LoadResult

__all__ = ["heat_map", "percentile_curve", "tail_name", "tails", "throughput", "time_edges", "times_axis"]

Values = npt.NDArray[np.float64]

_NOTHING: Final = "No request was answered, so there is nothing to draw."
_TICKS: Final = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)
_SPREAD: Final = 20.0  # of the values of a chart, from which on its axis is logarithmic
_POINTS: Final = 600  # of a curve; more than pixels
_RECORDED: Final = 100  # of an earlier run's
_ROWS: Final = 48  # of the heat map
_MOST_COLUMNS: Final = 120
_FEW_COLUMNS: Final = 8
_SHORT_COLUMNS: Final = 24  # of a load that lasts seconds …
_EACH: Final = 10  # … with so many requests in each
_STEADY: Final = 2.0  # worst second's p99 to the median second's
_STALLED: Final = 0.1  # of what was due in a span of time
_SHARP: Final = 100  # values from which on a percentile 99 is one


def percentile_curve(
    result: LoadResult,
    target_ms: float | None = None,
    percentile: float = 99.0,
    baseline: Histogram | None = None,
) -> Chart:
    """Draw response and service time by percentile, on the axis of HdrHistogram: as wide for 90 to 99 as for 99 to 99.9.

    Args:
        result: what was measured; what was given up counts with the time that it had waited.
        target_ms: limit for ``percentile``, in milliseconds; None draws none.
        percentile: the percentile that the title is about.
        baseline: response times of an earlier run, drawn beside; None draws none.

    Raises:
        ValueError: nothing was answered.
    """
    counted = result.answered | result.censored
    columns = result.columns
    if not result.answered.any():
        raise ValueError(_NOTHING)
    response = np.sort(outcomes.response_ns(columns, counted) / 1e6)
    service = np.sort(outcomes.service_ns(columns, counted) / 1e6)
    seen = outcomes.percentile(response, percentile)
    title = _curve_title(seen, target_ms, percentile)
    earlier = baseline.value_at(percentile) if baseline else None
    with figure_of(title, height_in=3.4) as (figure, axes):
        if baseline and earlier is not None:
            axes.plot(*_recorded(baseline), color=GREY, lw=1.6, drawstyle="steps-pre", label="last good run")
        axes.plot(
            *_curve(service),
            color=GREEN,
            lw=1.6,
            ls="--",
            zorder=3,
            drawstyle="steps-pre",
            label="service time (from sending)",
        )
        axes.plot(
            *_curve(response),
            color=BLUE,
            lw=2,
            drawstyle="steps-pre",
            label="response time (from when it was due)",
        )
        _percentile_axis(axes, len(response))
        axes.set(ylabel="Time in ms")
        top = max(float(response[-1]), target_ms or 0.0)
        if top > _SPREAD * outcomes.percentile(response, 50.0):
            times_axis(axes, max(float(service[0]), top / 1e6), top)
        else:
            axes.set_ylim(0, top * 1.1)
        if target_ms is not None:
            axes.axhline(
                target_ms, color=RED, lw=1.4, ls=":", label=f"target for {percentile:g} %: {in_ms(target_ms)}"
            )
        axes.plot([_place(percentile)], [seen], "o", color=INK, ms=6)
        above = seen < (target_ms or 0.0)  # so that it stands on the other side of the curve than the target
        axes.annotate(
            f"{percentile:g} %: {in_ms(seen)}", (_place(percentile), seen), xytext=(-8, 8) if above else (6, -14),
            textcoords="offset points", ha="right" if above else "left", color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
        )  # fmt: skip
        legend(figure, axes)
        picture = png(figure)
    listed = ", ".join(f"{p:g} % {in_ms(outcomes.percentile(response, p))}" for p in (50.0, 90.0, 99.0, 99.9))
    aim = f"; target for {percentile:g} %: {in_ms(target_ms)}" if target_ms is not None else ""
    aim += f"; in the last good run {in_ms(earlier / 1e3)}" if earlier is not None else ""
    alt = (
        f"Response time of {len(response)} requests by percentile: {listed}, maximum {in_ms(float(response[-1]))}; "
        f"service time at {percentile:g} %: {in_ms(outcomes.percentile(service, percentile))}{aim}."
    )
    return Chart(picture, alt, title)


def _curve_title(seen_ms: float, target_ms: float | None, percentile: float) -> str:
    if target_ms is None:
        return f"{percentile:g} % of requests were answered within {in_ms(seen_ms)}"
    held = "keeps" if seen_ms < target_ms else "misses"
    return f"{percentile:g} % were answered within {in_ms(seen_ms)}, which {held} the target of {in_ms(target_ms)}"


def _place(percentile: float) -> float:
    return 1 / (1 - percentile / 100)


def _curve(values: Values) -> tuple[Values, Values]:
    """Return places on the percentile axis, as many as can be seen, and the values there."""
    count = len(values)
    places = np.geomspace(1, max(count, 2), min(_POINTS, 4 * count))
    ranks = np.clip(np.ceil((1 - 1 / places) * count).astype(np.int64) - 1, 0, count - 1)
    return places, values[ranks]


def _recorded(histogram: Histogram) -> tuple[Values, Values]:
    """Return the same of a histogram: places on the percentile axis, and times in milliseconds there."""
    places = np.geomspace(1, max(len(histogram), 2), _RECORDED)
    return places, np.array([(histogram.value_at(100 * (1 - 1 / place)) or 0) / 1e3 for place in places])


def _percentile_axis(axes: Axes, count: int) -> None:
    shown = [tick for tick in _TICKS if _place(tick) <= max(count, 2)]
    axes.set_xscale("log")
    axes.set_xlim(1, max(count, 2) * 1.3)
    axes.set_xticks([_place(tick) for tick in shown], [f"{tick:g} %" for tick in shown])
    axes.minorticks_off()
    axes.set_xlabel("Share of requests that were answered within this time")


def heat_map(result: LoadResult) -> Chart:
    """Draw how many requests took how long, when they were due; a line is the 99th percentile of each time.

    Raises:
        ValueError: nothing was answered.
    """
    if not result.answered.any():
        raise ValueError(_NOTHING)
    counted = result.answered | result.censored
    columns = result.columns
    at_s = (columns.intended_ns - columns.intended_ns.min())[counted] / 1e9
    took_ms = np.maximum(outcomes.response_ns(columns, counted) / 1e6, 1e-3)
    edges_s = time_edges(float(at_s.max()), len(at_s))
    slowest = tails(at_s, took_ms, edges_s)
    title = _heat_title(slowest, edges_s)
    with figure_of(title, height_in=3.4) as (figure, axes):
        lowest, highest = float(took_ms.min()), float(took_ms.max())
        edges_ms = np.geomspace(lowest * 0.8, max(highest, lowest * 2) * 1.25, _ROWS)
        counts, *_ = np.histogram2d(at_s, took_ms, bins=[edges_s, edges_ms])
        _cells(axes, edges_s, edges_ms, counts)
        middles = (edges_s[:-1] + edges_s[1:]) / 2
        axes.step(
            middles,
            slowest,
            where="mid",
            color=RED,
            lw=1.6,
            label=f"{tail_name(len(at_s), len(slowest))} of each time",
        )
        times_axis(axes, float(edges_ms[0]), float(edges_ms[-1]), room=1.0)
        axes.grid(visible=False)
        axes.set(
            xlabel="Time since the first request in s", ylabel="Response time in ms", xlim=(0, edges_s[-1])
        )
        axes.plot([], [], "s", color="#4292c6", label="requests: the darker, the more")
        legend(figure, axes)
        picture = png(figure)
    alt = (
        f"Response times of {len(at_s)} requests over {float(at_s.max()):.0f} s as a heat map, from "
        f"{in_ms(float(took_ms.min()))} to {in_ms(float(took_ms.max()))}. {title}."
    )
    return Chart(picture, alt, title)


def times_axis(axes: Axes, lowest_ms: float, highest_ms: float, *, room: float = 1.3) -> None:
    """Make the y axis logarithmic, with ticks at 1, 2 and 5 that people can read."""
    axes.set_yscale("log")
    axes.set_ylim(lowest_ms / room, highest_ms * room)
    powers = range(int(np.floor(np.log10(lowest_ms))), int(np.ceil(np.log10(highest_ms))) + 1)
    wide = highest_ms > lowest_ms * 1e3
    ticks = [digit * 10.0**power for power in powers for digit in ((1,) if wide else (1, 2, 5))]
    shown = [tick for tick in ticks if lowest_ms / room <= tick <= highest_ms * room]
    axes.set_yticks(shown, [f"{tick:,g}" for tick in shown])
    axes.minorticks_off()


def time_edges(length_s: float, count: int) -> Values:
    """Return the edges of whole seconds, or of even parts where these would be too many, or too few to show a course."""
    parts = int(np.ceil(length_s))
    if _FEW_COLUMNS <= parts <= _MOST_COLUMNS:
        return np.arange(parts + 1, dtype=np.float64)
    parts = _MOST_COLUMNS if parts > _MOST_COLUMNS else int(np.clip(count // _EACH, 1, _SHORT_COLUMNS))
    return np.linspace(0, max(length_s, 1e-3) * 1.0001, parts + 1)


def _spans(count: int, length_s: float) -> str:
    return f"{count} seconds" if length_s == 1 else f"{count} spans of {length_s:.2g} s"


def tails(at_s: Values, took_ms: Values, edges_s: Values, percent: float = 99.0) -> Values:
    """Return a percentile of each part of time, by nearest rank; not a number where nothing was due.

    Args:
        at_s: when each request was due.
        took_ms: its response time.
        edges_s: between which the parts lie.
        percent: the percentile.
    """
    part = np.clip(np.searchsorted(edges_s, at_s, side="right") - 1, 0, len(edges_s) - 2)
    found = np.full(len(edges_s) - 1, np.nan)
    for number in np.unique(part):
        values = np.sort(took_ms[part == number])
        found[number] = outcomes.percentile(values, percent)
    return found


def tail_name(count: int, parts: int) -> str:
    """Return what the 99th percentile of each part of time is called, of so many requests in so many parts."""
    return "99th percentile" if count / parts >= _SHARP else "slowest (99 %)"


def _heat_title(slowest: Values, edges_s: Values) -> str:
    worst, usual = float(np.nanmax(slowest)), float(np.nanmedian(slowest))
    if worst <= _STEADY * usual:
        return f"Response times were steady: the 99th percentile was never above {in_ms(worst)}"
    times = int(np.nansum(slowest > _STEADY * usual))
    spans = _spans(len(slowest), float(edges_s[1]))
    return f"In {times} of {spans} the 99th percentile was far above its usual {in_ms(usual)}: up to {in_ms(worst)}"


def _cells(axes: Axes, edges_s: Values, edges_ms: Values, counts: Values) -> None:
    from matplotlib.colors import LinearSegmentedColormap, LogNorm  # noqa: PLC0415  (see figure_of)

    # Few, well apart steps: the picture is cut down to a palette.
    blues = LinearSegmentedColormap.from_list("counts", ["#deebf7", "#4292c6", "#08306b"], N=24)
    shown = np.ma.masked_equal(counts.T, 0)
    axes.pcolormesh(edges_s, edges_ms, shown, cmap=blues, norm=LogNorm(1, max(2.0, float(counts.max()))))


def throughput(result: LoadResult) -> Chart:
    """Draw how many requests were due, answered and failed, second by second.

    Raises:
        ValueError: no request was sent.
    """
    if not len(result):
        raise ValueError("No request was sent, so there is nothing to draw.")
    columns = result.columns
    begin = columns.intended_ns.min()
    ended_ns = outcomes.ended_ns(columns)
    edges_s = time_edges(float((ended_ns.max() - begin) / 1e9), len(result))
    width_s = float(edges_s[1] - edges_s[0])

    def per_s(mask: npt.NDArray[np.bool_], times: npt.NDArray[np.int64]) -> Values:
        counts, _ = np.histogram((times[mask] - begin) / 1e9, bins=edges_s)
        return counts / width_s

    everything = np.ones(len(result), dtype=np.bool_)
    due, answered = per_s(everything, columns.intended_ns), per_s(result.answered, ended_ns)
    failed, limited = (
        per_s(result.wrong, ended_ns),
        per_s(outcomes.throttled(columns), ended_ns),
    )
    silent = (due > 0) & (answered + failed + limited < _STALLED * due)
    title = _throughput_title(result, int(silent.sum()), _spans(len(due), width_s))
    with figure_of(title, height_in=3.2) as (figure, axes):
        axes.stairs(due, edges_s, color=GREY, lw=1.4, ls="--", label=f"due: {len(result):,}")
        axes.stairs(answered, edges_s, color=BLUE, lw=2, label=f"answered: {int(result.answered.sum()):,}")
        if result.errors:
            axes.stairs(
                failed,
                edges_s,
                color=RED,
                fill=True,
                alpha=0.35,
                hatch="///",
                label=f"failed: {result.errors:,}",
            )
        if result.throttled:
            axes.stairs(limited, edges_s, color=ORANGE, lw=1.6, ls=":", label=f"429: {result.throttled:,}")
        axes.set(
            xlabel="Time since the first request in s", ylabel="Requests per second", xlim=(0, edges_s[-1])
        )
        axes.set_ylim(0, max(1.0, float(max(due.max(), answered.max(), failed.max()))) * 1.1)
        legend(figure, axes)
        picture = png(figure)
    alt = (
        f"Requests per second over {edges_s[-1]:.0f} s: {len(result)} due, {int(result.answered.sum())} answered, "
        f"{result.errors} failed, {result.throttled} answered 429; at most {float(answered.max()):,.0f} answered in a second."
    )
    return Chart(picture, alt, title)


def _throughput_title(result: LoadResult, silent: int, spans: str) -> str:
    stall = f", almost none in {silent} of {spans}" if silent else ""
    if result.errors or result.throttled:
        trouble = [f"{result.errors:,} failed"] * bool(result.errors)
        trouble += [f"{result.throttled:,} were answered 429"] * bool(result.throttled)
        return (
            f"{result.throughput_per_s:,.0f} requests a second were answered{stall}; {' and '.join(trouble)}"
        )
    return f"All requests were answered, {result.throughput_per_s:,.0f} a second{stall}"
