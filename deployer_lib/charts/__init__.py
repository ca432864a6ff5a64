"""Charts as PNG bytes with alternative text; the title of each states its conclusion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.late import names_of_package

if TYPE_CHECKING:
    from deployer_lib.charts.canvas import Chart
    from deployer_lib.charts.environment import variables
    from deployer_lib.charts.load import heat_map, percentile_curve, throughput
    from deployer_lib.charts.load_knee import rates, staircase
    from deployer_lib.charts.load_resources import beside
    from deployer_lib.charts.measured import percentiles
    from deployer_lib.charts.run import outcomes, phases, sizes

__all__ = [
    "Chart",
    "beside",
    "heat_map",
    "outcomes",
    "percentile_curve",
    "percentiles",
    "phases",
    "rates",
    "sizes",
    "staircase",
    "throughput",
    "variables",
]

#: Name → module; imported when first asked for, since those of load need numpy.
_HOMES: Final = {
    "Chart": "canvas",
    "beside": "load_resources",
    "percentiles": "measured",
    "variables": "environment",
    **dict.fromkeys(("heat_map", "percentile_curve", "throughput"), "load"),
    **dict.fromkeys(("rates", "staircase"), "load_knee"),
    **dict.fromkeys(("outcomes", "phases", "sizes"), "run"),
}

__getattr__ = names_of_package(__name__, _HOMES)
