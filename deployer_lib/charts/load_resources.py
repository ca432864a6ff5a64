"""Response times above what the application used meanwhile, on one axis of time: which of both moved first."""

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
    PURPLE,
    RED,
    SKY,
    Chart,
    figure_of,
    in_ms,
    png,
)
from deployer_lib.charts.load import tail_name, tails, time_edges, times_axis
from deployer_lib.load import outcomes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from deployer_lib.app.resources import Measure, Resources, Span
    from deployer_lib.load.result import LoadResult

__all__ = ["beside"]

Values = npt.NDArray[np.float64]

_FULL: Final = 0.9  # of the cores that there are, or of a core a process: as good as all of it
_NEAR: Final = 0.9  # of a process's limit on descriptors
_MOST: Final = 0.8  # of the time after CPU was full first, for which it must have stayed so
_FEW: Final = 2  # parts of the time; CPU that is full for less is no conclusion
_LOUDER: Final = 2.0  # p99 to the one before: it rose
_SPREAD: Final = 20.0  # of the times, from which on their axis is logarithmic
_LITTLE: Final = 0.1  # cores; a chart of less would show how time is counted: in hundredths of a second
_SMALL: Final = 2.5  # the end of an axis; above, whole numbers are enough
_MB: Final = 1e6
_HEIGHTS: Final = (1.5, 1.0, 1.0, 1.0, 1.0)
_NAMES: Final[dict[Measure, str]] = {
    "rss_bytes": "memory",
    "uss_bytes": "unshared memory",
    "descriptors": "descriptors",
    "threads": "threads",
    "processes": "processes",
}


class _Times:
    """Median and 99th percentile of the response times, part by part of the time."""

    def __init__(self, result: LoadResult) -> None:
        counted = result.answered | result.censored
        columns = result.columns
        self.begin_ns = int(columns.intended_ns.min())
        at_s = (columns.intended_ns - self.begin_ns)[counted] / 1e9
        took_ms = np.maximum(outcomes.response_ns(columns, counted) / 1e6, 1e-3)
        self.edges_s = time_edges(float(at_s.max()), len(at_s))
        self.median = tails(at_s, took_ms, self.edges_s, 50.0)
        self.tail = tails(at_s, took_ms, self.edges_s)
        self.tail_name = tail_name(len(at_s), len(self.tail))


def beside(result: LoadResult, seen: Resources) -> Chart:
    """Draw response times, and below them CPU, memory, descriptors and threads of the application.

    Args:
        result: what the load measured.
        seen: what the application used; its times are by the same clock.

    Raises:
        ValueError: nothing was answered, or nothing was watched.
    """
    if not result.answered.any():
        raise ValueError("No request was answered, so there is nothing to draw.")
    if not len(seen):
        raise ValueError("No process was watched, so there is nothing to draw.")
    times = _Times(result)
    title = _title(times, seen)
    with figure_of(title, height_in=6.4) as (figure, empty):
        empty.remove()
        panels = figure.subplots(len(_HEIGHTS), 1, sharex=True, height_ratios=_HEIGHTS)
        at_s = _since(seen.at_ns, times)
        _draw_times(panels[0], times)
        _draw_cpu(panels[1], times, seen)
        _draw_memory(panels[2], at_s, seen)
        _draw_descriptors(panels[3], at_s, seen)
        _draw_threads(panels[4], at_s, seen)
        panels[-1].set(xlabel="Time since the first request in s", xlim=(0, times.edges_s[-1]))
        figure.align_ylabels(panels)
        picture = png(figure)
    return Chart(picture, _alt(times, seen, title), title)


def _since(at_ns: npt.NDArray[np.int64], times: _Times) -> Values:
    return np.asarray((at_ns - times.begin_ns) / 1e9, dtype=np.float64)


def _draw_times(axes: Axes, times: _Times) -> None:
    axes.stairs(times.tail, times.edges_s, baseline=None, color=RED, lw=1.8, label=times.tail_name)
    axes.stairs(times.median, times.edges_s, baseline=None, color=BLUE, lw=1.6, ls="--", label="median")
    lowest, highest = float(np.nanmin(times.median)), float(np.nanmax(times.tail))
    if highest > _SPREAD * lowest:
        times_axis(axes, lowest, highest)
    else:
        axes.set_ylim(0, highest * 1.15)
    _named(axes, "response time, ms")


def _cores(times: _Times, seen: Resources) -> Values:
    """Return the cores in use in each part of the time; samples lie between its edges."""
    used_s = np.interp(times.edges_s, _since(seen.at_ns, times), seen.cpu_s)
    return np.asarray(np.diff(used_s) / np.diff(times.edges_s), dtype=np.float64)


def _draw_cpu(axes: Axes, times: _Times, seen: Resources) -> None:
    cores = _cores(times, seen)
    axes.stairs(cores, times.edges_s, color=ORANGE, fill=True, alpha=0.5, label="CPU in use")
    most = max(float(cores.max()), _LITTLE)
    if most > seen.limits.cores / 4:
        most = max(most, seen.limits.cores)
        axes.axhline(seen.limits.cores, color=GREY, lw=1.2, ls=":", label=f"allowed: {seen.limits.cores:g}")
    axes.set_ylim(0, most * 1.15)
    _named(axes, "CPU, cores")


def _draw_memory(axes: Axes, at_s: Values, seen: Resources) -> None:
    axes.plot(at_s, seen.rss_bytes / _MB, color=BLUE, lw=1.8, label="resident")
    known = ~np.isnan(seen.uss_bytes)
    if known.any():
        axes.plot(
            at_s[known], seen.uss_bytes[known] / _MB, color=GREEN, lw=1.4, ls="--", marker="o", ms=2.5, label="unshared"
        )  # fmt: skip
    most = float(seen.rss_bytes.max()) / _MB
    limit = seen.limits.memory_bytes
    if limit is not None and most > limit / _MB / 2:
        axes.axhline(limit / _MB, color=GREY, lw=1.2, ls=":", label=f"limit: {limit / _MB:,.0f}")
        most = max(most, limit / _MB)
    axes.set_ylim(0, most * 1.15)
    _named(axes, "memory, MB")


def _draw_descriptors(axes: Axes, at_s: Values, seen: Resources) -> None:
    if np.isnan(seen.descriptors).all():
        axes.text(0.5, 0.5, "may not be read", transform=axes.transAxes, ha="center", color=GREY)
        axes.set_yticks([])
    else:
        axes.plot(at_s, seen.descriptors, color=PURPLE, lw=1.8, label="open")
        most = float(np.nanmax(seen.descriptors))
        fullest = seen.limits.descriptors
        if fullest and fullest.limit and fullest.used > fullest.limit / 2 and seen.processes.max() == 1:
            axes.axhline(fullest.limit, color=GREY, lw=1.2, ls=":", label=f"limit: {fullest.limit:,}")
            most = max(most, fullest.limit)
        axes.set_ylim(0, most * 1.15)
    _named(axes, "descriptors", whole=True)


def _draw_threads(axes: Axes, at_s: Values, seen: Resources) -> None:
    axes.plot(at_s, seen.threads, color=INK, lw=1.8, drawstyle="steps-post", label="threads")
    if seen.processes.max() > 1:
        axes.plot(at_s, seen.processes, color=SKY, lw=1.8, ls="--", drawstyle="steps-post", label="processes")
    axes.set_ylim(0, float(seen.threads.max()) * 1.15)
    _named(axes, "threads", whole=True)


def _named(axes: Axes, name: str, *, whole: bool = False) -> None:
    """Name a panel's axis, and its marks beside it where they are in nobody's way."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  (see canvas.figure_of)

    if axes.get_yscale() == "linear" and len(axes.get_yticks()):
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=whole or axes.get_ylim()[1] > _SMALL))
    axes.set_ylabel(name)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)


def _title(times: _Times, seen: Resources) -> str:
    """Return what a reviewer must know: an end, a limit that was reached, what grew; else that nothing did.

    CPU first: where it is full requests queue up, and connections and threads with them.
    """
    ended, said = _ended(seen), [*_full(times, seen), *_near(seen), *_grown(seen)]
    if ended or said:
        text = "; ".join([*ended, *said])
        return text if ended else text[:1].upper() + text[1:]  # a program's name stays as it is
    if _slower(times):
        return f"p99 rose to {in_ms(float(np.nanmax(times.tail)))} with {_figures(seen)}"
    return f"Nothing kept growing: {_figures(seen)}"


def _slower(times: _Times) -> bool:
    """Tell whether response times rose and stayed higher: the second half's, to those of the first quarter."""
    tail = times.tail[~np.isnan(times.tail)]
    if len(tail) < 4:  # noqa: PLR2004  (quarters)
        return False
    return float(np.median(tail[len(tail) // 2 :])) > _LOUDER * float(np.median(tail[: len(tail) // 4]))


def _ended(seen: Resources) -> list[str]:
    return [note.rstrip(".") for note in seen.notes if " ended " in note]


def _near(seen: Resources) -> list[str]:
    fullest = seen.limits.descriptors
    if fullest is None or not fullest.limit or fullest.used < _NEAR * fullest.limit:
        return []
    return [f"descriptors reached {fullest.used:,} of {fullest.limit:,} in {fullest.process}"]


def _grown(seen: Resources) -> list[str]:
    growing: dict[Measure, str] = {measure: _NAMES[measure] for measure in seen.growing}
    if seen.memory == "rss_bytes" and "uss_bytes" in growing and _grows(seen, "rss_bytes"):
        del growing["uss_bytes"]
        growing = {"rss_bytes": "memory", **growing}
    if _near(seen):
        growing.pop("descriptors", None)
    spans = [(measure, name, seen.span(measure)) for measure, name in growing.items()]
    return [
        f"{name} grew {_course(measure, span)} in {seen.duration_s:.0f} s"
        for measure, name, span in spans
        if span
    ]


def _grows(seen: Resources, measure: Measure) -> bool:
    span = seen.span(measure)
    return span is not None and span.course == "grows"


def _course(measure: Measure, span: Span) -> str:
    first, last = _amount(measure, span.first), _amount(measure, span.last)
    return f"from {first.removesuffix(' MB')} to {last}"


def _amount(measure: Measure, value: float) -> str:
    return f"{value / _MB:,.0f} MB" if measure in {"rss_bytes", "uss_bytes"} else f"{value:,.0f}"


def _full(times: _Times, seen: Resources) -> list[str]:
    """Say from when on CPU was full, and what p99 did since; nothing where it was not, or not for long."""
    cores = _cores(times, seen)
    # Many programs do one thing at a time in each process, and are full at one core each.
    full = cores >= _FULL * min(seen.limits.cores, float(seen.processes.max()))
    first = int(full.argmax())
    if not full[first] or full[first:].mean() < _MOST or len(full[first:]) < _FEW:
        return []
    said = f"CPU at {float(np.median(cores[first:][full[first:]])):.1f} of {_allowed(seen)}"
    if not first:
        return [f"{said} all the time, p99 up to {in_ms(float(np.nanmax(times.tail)))}"]
    return [f"{said} from {times.edges_s[first]:.0f} s on, {_then(times, first)}"]


def _then(times: _Times, first: int) -> str:
    """Return what p99 did from a part of the time on; parts in which nothing was due say nothing."""
    before, after = (part[~np.isnan(part)] for part in (times.tail[:first], times.tail[first:]))
    if not len(before) or not len(after):
        return f"p99 up to {in_ms(float(np.nanmax(times.tail)))}"
    rose = float(after.max()) > _LOUDER * float(np.median(before))
    return f"while p99 {'rose to' if rose else 'stayed below'} {in_ms(float(after.max()))}"


def _figures(seen: Resources) -> str:
    """Return the usual figures in a few words: CPU on average, and of the rest what there was at most."""
    mean, memory = seen.cpu_mean_cores, seen.span(seen.memory)
    parts = [f"CPU {mean:.2g} of {_allowed(seen)}"] if mean is not None else []
    if memory:
        parts.append(f"at most {_amount(seen.memory, memory.peak)}")
    if descriptors := seen.span("descriptors"):
        parts.append(f"{descriptors.peak:,.0f} descriptors")
    most = int(seen.threads.max())
    return ", ".join([*parts, f"{most:,} thread{'s' if most != 1 else ''}"])


def _allowed(seen: Resources) -> str:
    return f"{seen.limits.cores:g} core{'s' if seen.limits.cores != 1 else ''}"


def _alt(times: _Times, seen: Resources, title: str) -> str:
    median, worst = in_ms(float(np.nanmedian(times.median))), in_ms(float(np.nanmax(times.tail)))
    parts = [f"response time, median {median}, {times.tail_name} up to {worst}"]
    if len(seen.cpu_cores):
        parts.append(f"CPU up to {float(seen.cpu_cores.max()):.1f} of {_allowed(seen)}")
    for measure, name in _NAMES.items():
        if span := seen.span(measure):
            parts.append(f"{name} {_course(measure, span)}, at most {_amount(measure, span.peak)}")
    return (
        f"Over {times.edges_s[-1]:.0f} s of load on {', '.join(seen.watched)}: {'; '.join(parts)}. {title}."
    )
