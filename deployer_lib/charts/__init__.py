"""Charts as PNG bytes with alternative text; the title of each states its conclusion."""

from deployer_lib.charts.canvas import Chart
from deployer_lib.charts.environment import variables
from deployer_lib.charts.measured import percentiles, timeline
from deployer_lib.charts.run import outcomes, phases, sizes

__all__ = ["Chart", "outcomes", "percentiles", "phases", "sizes", "timeline", "variables"]
