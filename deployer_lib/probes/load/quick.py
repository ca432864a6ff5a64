"""A quick load test against limits on mean and 95th percentile (F9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.charts import percentiles
from deployer_lib.load.plan import closed
from deployer_lib.probes.context import show
from deployer_lib.probes.load.judging import Aim, judged
from deployer_lib.probes.load.sending import WARM_UP, Asker, load_probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.check import Result


__all__ = ["load_quick"]

_LONGEST_S: Final = 60.0


@load_probe("health.load_quick")
def load_quick(asker: Asker) -> Iterable[Result]:
    """Warm up with 5 requests that are not counted, send the declared number, and judge what was measured."""
    ctx, load = asker.ctx, asker.load
    aim = Aim(
        f"{load.requests} requests to {load.path}, {load.concurrent} at a time",
        "health.load",
        f"deployer load {ctx.http.base_url}{load.path} -n {load.requests} -c {load.concurrent}",
        load.concurrent,
        load.max_mean_ms,
        load.max_p95_ms,
        load.max_errors,
        load.thresholds,
    )
    plan = closed(load.concurrent, duration_s=_LONGEST_S, requests=load.requests)
    result = asker.measured(plan, f"{load.requests} requests to {load.path}")
    if result.response_ms:
        show(ctx, percentiles(result, load.max_mean_ms))
    yield judged(ctx, aim, result).observing({"warm_up_not_counted": WARM_UP})
