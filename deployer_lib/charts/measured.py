"""What a load test measured: how long requests took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deployer_lib.charts.canvas import BLUE, GREEN, RED, Chart, figure_of, in_ms, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from deployer_lib.load.result import LoadResult

__all__ = ["percentiles"]


def percentiles(result: LoadResult, target_ms: float) -> Chart:
    """Draw the share of requests that were answered within each response time, with mean, p95 and the target for the mean.

    Raises:
        ValueError: nothing was answered.
    """
    times = result.response_ms
    if times is None:
        raise ValueError("Nothing was answered, so there is nothing to draw.")
    values = np.sort(result.response_times_ms[result.answered | result.censored])
    share = np.arange(1, len(values) + 1) / len(values) * 100
    held = times.mean < target_ms
    title = (
        f"Mean response time {in_ms(times.mean)} {'keeps' if held else 'misses'} the target of {in_ms(target_ms)}; "
        f"95 % within {in_ms(times.p95)}"
    )
    with figure_of(title, height_in=3.2) as (figure, axes):
        axes.step(
            np.concatenate([[values[0]], values]),
            np.concatenate([[0], share]),
            where="post",
            color=BLUE,
            lw=2,
        )
        axes.axvline(target_ms, color=RED, lw=1.5, ls="--")
        axes.plot([times.p95], [95], "o", color=BLUE, ms=6)
        axes.axvline(times.mean, color=GREEN, lw=1.5, ls=":")
        top = max(float(values[-1]), target_ms) * 1.08
        axes.set(xlim=(0, top), ylim=(0, 104), xlabel="Response time in ms", ylabel="Requests answered in %")
        _beside(axes, target_ms, 6, f"target for the mean {in_ms(target_ms)}", RED, top)
        _beside(axes, times.mean, 20, f"mean {in_ms(times.mean)}", GREEN, top)
        _beside(axes, times.p95, 88, f"p95 {in_ms(times.p95)}", BLUE, top)
        picture = png(figure)
    alt = (
        f"Cumulative share of {times.count} requests by response time: median {in_ms(times.p50)}, mean {in_ms(times.mean)}, "
        f"95th percentile {in_ms(times.p95)}, maximum {in_ms(times.max)}; target for the mean {in_ms(target_ms)}."
    )
    return Chart(picture, alt, title)


def _beside(axes: Axes, x: float, y: float, text: str, colour: str, top: float) -> None:
    """Write beside a vertical place, on the side where there is room."""
    left = x > top * 0.6
    axes.annotate(
        text,
        (x, y),
        xytext=(-6 if left else 6, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        color=colour,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
    )
