"""What all charts share: the house style, the palette, units, and PNG bytes that are the same each time.

Colours are Okabe and Ito's (https://jfly.uni-koeln.de/color/), and every colour has a word or a mark beside it. Executed
notebooks stay small because each picture is cut down to a palette, some 15 to 40 KB.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BLUE", "GREEN", "GREY", "INK", "ORANGE", "PURPLE", "RED", "SKY", "YELLOW",
    "Chart", "figure_of", "in_kb", "in_ms", "in_time", "legend", "png",
]  # fmt: skip

_DPI: Final = 144
_COLOURS: Final = 64  # of the palette; text stays smooth
_PALE: Final = "#e4e4e4"
INK: Final = "#222222"
GREY: Final = "#767676"
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
RED: Final = "#D55E00"
SKY: Final = "#56B4E9"
PURPLE: Final = "#CC79A7"
YELLOW: Final = "#F0E442"
_WIDTH_IN: Final = 7.0


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture and what it says to those who don't see it."""

    png: bytes
    alt: str
    title: str


def in_ms(value: float) -> str:
    """Return milliseconds as people read them."""
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"  # noqa: PLR2004  (two digits are enough)


def in_time(seconds: float) -> str:
    """Return seconds as ``8.0 s`` or ``2m 34s``."""
    if seconds < 60:  # noqa: PLR2004  (a minute)
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)}m {int(seconds % 60)}s"


def in_kb(size: float) -> str:
    """Return bytes as kB or MB, of 1,000."""
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"  # noqa: PLR2004  (a megabyte)


def legend(figure: Figure, axes: Axes) -> None:
    """Put what the marks mean below the chart."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)


@contextmanager
def figure_of(title: str, *, height_in: float) -> Iterator[tuple[Figure, Axes]]:
    """Give an empty chart in the house style; nobody's global style counts, and none is changed."""
    import matplotlib as mpl  # noqa: PLC0415  (half a second, and most commands draw nothing)
    from matplotlib.figure import Figure  # noqa: PLC0415

    style = {
        **mpl.rcParamsDefault,
        "font.family": ["DejaVu Sans"],  # shipped with matplotlib: the same glyphs everywhere
        "font.size": 9,
        "axes.edgecolor": GREY,
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": _PALE,
        "grid.linewidth": 0.8,
        "text.color": INK,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
    }
    style.pop("backend", None)  # a figure of its own needs none
    with mpl.rc_context(style):
        figure = Figure(figsize=(_WIDTH_IN, height_in), dpi=_DPI, layout="constrained")
        axes = figure.add_subplot()
        figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold", wrap=True)
        yield figure, axes


def png(figure: Figure) -> bytes:
    """Render with a palette, without date and version, so that the same numbers give the same bytes."""
    from PIL import Image  # noqa: PLC0415  (see figure_of)

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI, metadata={"Software": None})
    with Image.open(drawn) as image:
        flat = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    flat.save(small, format="png", optimize=True)
    return small.getvalue()
