"""What an environment holds of what the code reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.charts.canvas import GREEN, GREY, INK, RED, Chart, figure_of, png

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["variables"]

_NEEDS: Final = ("required", "default", "optional")  # in the order of a reader's interest, from above


def variables(counted: Mapping[str, tuple[int, int]]) -> Chart:
    """Draw how many of the variables that the code reads are set, by what they need.

    Args:
        counted: need (required, default, optional) → (set, not set).

    Raises:
        ValueError: no variable is read.
    """
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  (half a second, and most commands draw nothing)

    total = sum(sum(pair) for pair in counted.values())
    if not total:
        raise ValueError("No variable is read, so there is nothing to draw.")
    missing = counted.get("required", (0, 0))[1]
    given = sum(pair[0] for pair in counted.values())
    title = (
        f"{missing} required {'variable is' if missing == 1 else 'variables are'} not set"
        if missing
        else f"Every required variable is set; {given} of {total} in all"
    )
    with figure_of(title, height_in=2.2) as (figure, axes):
        for row, need in enumerate(reversed(_NEEDS)):
            is_set, is_not = counted.get(need, (0, 0))
            axes.barh(row, is_set, color=GREEN, height=0.6)
            axes.barh(row, is_not, left=is_set, color=RED if need == "required" else GREY, height=0.6)
            for value, left, word in ((is_set, 0, "set"), (is_not, is_set, "not set")):
                if value:
                    inside = value / total > 0.08  # noqa: PLR2004  (part of the width that its words need)
                    axes.annotate(
                        f"{value} {word}",
                        (left + value / 2, row) if inside else (is_set + is_not, row),
                        xytext=(0, 0) if inside else (4, 0),
                        textcoords="offset points",
                        ha="center" if inside else "left",
                        va="center",
                        color="white" if inside else INK,
                        fontsize=8,
                    )
        axes.set_yticks(range(len(_NEEDS)), list(reversed(_NEEDS)))
        axes.set(
            xlabel="Variables that the code reads", xlim=(0, max(sum(p) for p in counted.values()) * 1.12)
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=False, axis="y")
        picture = png(figure)
    alt = "Variables by need: " + "; ".join(
        f"{need}: {pair[0]} set, {pair[1]} not set" for need in _NEEDS if (pair := counted.get(need))
    )
    return Chart(picture, f"{alt}.", title)
