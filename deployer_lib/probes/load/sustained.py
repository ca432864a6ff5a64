"""A sustained load test: as many at a time, for as long, as the parameters say (F10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.charts import beside, heat_map, percentile_curve, throughput
from deployer_lib.load.plan import closed, constant
from deployer_lib.probes.context import show
from deployer_lib.probes.load.baseline import KEPT, keep, last_good
from deployer_lib.probes.load.judging import Aim, judged
from deployer_lib.probes.load.sending import Asker, load_probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.check import JSONValue, Result
    from deployer_lib.load.result import LoadResult
    from deployer_lib.parameters.model import Load
    from deployer_lib.probes.context import Context

__all__ = ["load_sustained"]


@load_probe("health.load_sustained")
def load_sustained(asker: Asker) -> Iterable[Result]:
    """Put load on the path for the declared time, at a rate or with every connection busy, and judge what was measured."""
    ctx = asker.ctx
    wanted = asker.load.sustained
    if wanted.rate_per_s is None:
        plan, pace = closed(wanted.concurrent, duration_s=wanted.duration_s), f"{wanted.concurrent} at a time"
    else:
        plan = constant(wanted.rate_per_s, wanted.duration_s)
        pace = f"{wanted.rate_per_s:g} a second over at most {wanted.concurrent} connections"
    result = asker.measured(plan, f"{pace} to {asker.load.path}", connections=wanted.concurrent)
    shape: dict[str, JSONValue] = {
        "path": asker.spec.path,
        "concurrent": wanted.concurrent,
        "rate_per_s": wanted.rate_per_s,
        "for_s": wanted.duration_s,
    }
    seen = {**shape}
    if result.resources is not None and len(result.resources):
        seen["resources"] = result.resources.to_json()
    if result.answered.any():
        earlier = last_good(ctx, "health.load_sustained", shape)
        show(
            ctx,
            percentile_curve(result, wanted.max_p95_ms, 95.0, earlier),
            heat_map(result),
            throughput(result),
        )
        if result.resources is not None and len(result.resources):
            show(ctx, beside(result, result.resources))
        seen[KEPT] = keep(ctx, result)
    yield judged(ctx, _aim(ctx, asker.load, result, pace), result).observing(seen)


def _aim(ctx: Context, load: Load, result: LoadResult, pace: str) -> Aim:
    wanted = load.sustained
    rate = "" if wanted.rate_per_s is None else f" --rate {wanted.rate_per_s:g}"
    return Aim(
        f"{len(result):,} requests to {load.path}, {pace} for {wanted.duration_s:g} s",
        "health.load.sustained",
        f"deployer load {ctx.http.base_url}{load.path} -c {wanted.concurrent} -d {wanted.duration_s:g}s{rate}",
        wanted.concurrent,
        wanted.max_mean_ms,
        wanted.max_p95_ms,
        wanted.max_errors,
        wanted.thresholds,
    )
