"""What every chart must be, whoever draws it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib as mpl
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.charts import Chart

__all__ = ["always_the_same", "small_with_text"]


def small_with_text(chart: Chart, most_bytes: int = 45_000) -> None:
    """Assert that it is small enough for a notebook, and that nobody needs to see it."""
    assert len(chart.png) < most_bytes
    with Image.open(io.BytesIO(chart.png)) as image:
        assert ("PNG", "P") == (image.format, image.mode)
        assert "Software" not in image.info
        assert 900 < image.width < 1_100
    assert chart.alt.endswith(".")
    assert len(chart.alt) > 40


def always_the_same(draw: Callable[[], Chart]) -> None:
    """Assert that the same numbers give the same bytes, also where somebody has another style, which is left as it was."""
    first = draw()
    with mpl.rc_context({"font.size": 20, "axes.grid": False}):
        assert first == draw()
        assert 20 == mpl.rcParams["font.size"]
