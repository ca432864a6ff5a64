"""What a run did: its time against its budget, the outcomes of its checks, the sizes of its build."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

import numpy as np

from deployer_lib.charts.canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    YELLOW,
    Chart,
    figure_of,
    in_kb,
    in_time,
    legend,
    png,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes

__all__ = ["outcomes", "phases", "sizes"]

_OUTCOMES: Final = {
    "pass": ("✓ pass", GREEN),
    "fail": ("✗ fail", RED),
    "error": ("? error", ORANGE),
    "skip": ("– skip", "#BBBBBB"),
}
_PHASES: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED, YELLOW, GREY)
_MAX_BARS: Final = 12
_WIDTH_CHARS: Final = 100  # of the small labels, across the whole chart


def phases(durations_s: Mapping[str, float], budget_s: Mapping[str, float]) -> Chart:
    """Draw how the run's time was spent, phase by phase, below the shares that its budget gives.

    Args:
        durations_s: phase → seconds, in order.
        budget_s: share's name → seconds ("build and deployment": 360.0), in order.
    """
    spent, given = sum(durations_s.values()), sum(budget_s.values())
    title = (
        f"The run took {in_time(spent)}, {in_time(given - spent)} less than its budget"
        if spent <= given
        else f"The run took {in_time(spent)}, {in_time(spent - given)} over its budget of {in_time(given)}"
    )
    with figure_of(title, height_in=2.6) as (figure, axes):
        _stack(axes, 1, budget_s, ["#d9d9d9", "#c4c4c4"] * 4, given, edge="white")
        _stack(axes, 0, durations_s, _PHASES, given, edge="white")
        axes.axvline(given, color=RED, lw=1.5, ls="--")
        axes.set_yticks([0, 1], ["spent", "budget"])
        axes.set(xlabel="Time in s", xlim=(0, max(spent, given) * 1.02), ylim=(-0.5, 1.5))
        axes.grid(visible=False, axis="y")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
        picture = png(figure)
    alt = (
        f"Time of the run against its budget of {in_time(given)}: "
        + ", ".join(f"{name} {in_time(value)}" for name, value in durations_s.items())
        + "."
    )
    return Chart(picture, alt, title)


def _stack(
    axes: Axes, y: int, parts: Mapping[str, float], colours: Sequence[str], whole: float, *, edge: str
) -> None:
    left = 0.0
    for (name, value), colour in zip(parts.items(), colours, strict=False):
        spent = y == 0
        label = f"{name} {in_time(value)}" if spent else None
        axes.barh(y, value, left=left, height=0.62, color=colour, edgecolor=edge, label=label)
        if not spent:
            part = value / whole if whole else 0.0
            room = max(1.0, part * _WIDTH_CHARS)
            words = textwrap.wrap(name, max(int(room), *map(len, name.split())))
            size = min(7.0, 7.0 * room / max(map(len, words)))
            label = "\n".join([*words, f"{part:.0%}"])
            axes.text(left + value / 2, y, label, ha="center", va="center", fontsize=size)
        left += value


def outcomes(counts: Mapping[str, Mapping[str, int]]) -> Chart:
    """Draw how many checks of each phase passed, failed, could not tell or were not made.

    Args:
        counts: phase → outcome (pass, fail, error, skip) → number of checks.
    """
    total = {outcome: sum(row.get(outcome, 0) for row in counts.values()) for outcome in _OUTCOMES}
    made = sum(total.values())
    title = (
        f"{total['fail']} of {made} checks failed"
        + (f", {total['error']} could not tell" if total["error"] else "")
        if total["fail"] or total["error"]
        else f"{total['pass']} of {made} checks passed, none failed"
    )
    with figure_of(title, height_in=1.5 + 0.32 * len(counts)) as (figure, axes):
        left = np.zeros(len(counts))
        rows = np.arange(len(counts))
        for outcome, (label, colour) in _OUTCOMES.items():
            values = np.array([row.get(outcome, 0) for row in counts.values()], dtype=float)
            if not values.any():
                continue
            axes.barh(rows, values, left=left, height=0.68, color=colour, edgecolor="white", label=label)
            for row, (start, value) in enumerate(zip(left.tolist(), values.tolist(), strict=True)):
                if value:
                    ink = "white" if outcome in {"pass", "fail"} else INK
                    axes.text(
                        start + value / 2,
                        row,
                        f"{value:.0f}",
                        ha="center",
                        va="center",
                        color=ink,
                        fontsize=8,
                    )
            left += values
        axes.set_yticks(rows, list(counts))
        axes.invert_yaxis()
        axes.set(xlabel="Number of checks", xlim=(0, max(float(left.max()), 1.0) * 1.02))
        axes.locator_params(axis="x", integer=True)
        axes.grid(visible=False, axis="y")
        legend(figure, axes)
        picture = png(figure)
    alt = "Checks by phase. " + " ".join(
        f"{phase}: " + ", ".join(f"{row[name]} {name}" for name in _OUTCOMES if row.get(name)) + "."
        for phase, row in counts.items()
        if any(row.values())
    )
    return Chart(picture, alt, title)


def sizes(files: Iterable[tuple[str, int]], budget_bytes: float) -> Chart:
    """Draw the largest files of a build's output beside the budget for one file.

    Args:
        files: path and size in bytes of each.
        budget_bytes: budget for one file.

    Raises:
        ValueError: there is no file.
    """
    ordered = sorted(files, key=lambda item: (-item[1], item[0]))
    if not ordered:
        raise ValueError("There is no file, so there is nothing to draw.")
    largest, count = ordered[:_MAX_BARS], len(ordered)
    over = sum(size > budget_bytes for _, size in ordered)
    title = (
        f"{over} of {count} files {'is' if over == 1 else 'are'} over the budget of {in_kb(budget_bytes)}"
        if over
        else f"All {count} files keep the budget of {in_kb(budget_bytes)}; the largest has {in_kb(largest[0][1])}"
    )
    with figure_of(title, height_in=1.4 + 0.3 * len(largest)) as (figure, axes):
        values = np.array([size / 1e3 for _, size in largest])
        colours = [RED if size > budget_bytes else BLUE for _, size in largest]
        rows = np.arange(len(largest))
        axes.barh(rows, values, height=0.68, color=colours)
        axes.axvline(budget_bytes / 1e3, color=INK, lw=1.2, ls="--")
        top = max(float(values.max()), budget_bytes / 1e3) * 1.22
        for row, (_, size) in enumerate(largest):
            mark = " ✗ over" if size > budget_bytes else ""
            axes.text(size / 1e3 + top * 0.01, row, f"{in_kb(size)}{mark}", va="center", fontsize=8)
        axes.set_yticks(rows, [_short(name) for name, _ in largest])
        axes.invert_yaxis()
        axes.set(xlabel=f"Size in kB, raw (dashed: budget {in_kb(budget_bytes)})", xlim=(0, top))
        axes.grid(visible=False, axis="y")
        picture = png(figure)
    alt = (
        f"Largest of {count} files: " + ", ".join(f"{name} {in_kb(size)}" for name, size in largest[:5]) + "."
    )
    return Chart(picture, alt, title)


def _short(name: str, limit: int = 40) -> str:
    return name if len(name) <= limit else "…" + name[-limit + 1 :]
