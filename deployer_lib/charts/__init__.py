"""Charts as PNG bytes with alternative text; the title of each states its conclusion."""

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
