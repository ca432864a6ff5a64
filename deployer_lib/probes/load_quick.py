"""A quick load test against limits on mean and 95th percentile (F9).

429 is no healthy answer: a rate limit makes a load test fast and empty, so it is counted apart and never a pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.charts import percentiles
from deployer_lib.check import Code, Fix, Result, Skip, errored, failed, passed, skipped
from deployer_lib.load.quick import quick
from deployer_lib.load.result import LoadVerdict
from deployer_lib.probes.asking import not_declared
from deployer_lib.probes.context import probe
from deployer_lib.probes.patience import patiently
from deployer_lib.probes.sources import sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.check import JSONValue
    from deployer_lib.load.result import LoadResult, Times
    from deployer_lib.parameters.model import Load
    from deployer_lib.probes.context import Context

__all__ = ["load_quick"]

_WARM_UP: Final = 5  # requests that are not counted: first connections, imports and caches are no daily fare
_DOCS: Final = "https://sre.google/sre-book/service-level-objectives/"


@probe("health.load_quick")
def load_quick(ctx: Context) -> Iterable[Result]:
    """Warm up with 5 requests that are not counted, send the declared number, and judge what was measured."""
    limits = ctx.parameters.health.load
    if limits is None:
        yield skipped(Skip.UNAVAILABLE, not_declared("health.load", "health.load_quick"))
        return
    ctx.progress(f"warming up with {_WARM_UP} requests to {limits.path}")
    statuses = [patiently(ctx, lambda: ctx.http.get(limits.path)).status]
    statuses += [ctx.http.get(limits.path).status for _ in range(_WARM_UP - 1)]
    if not all(200 <= status < 300 for status in statuses):  # noqa: PLR2004  (2xx)
        yield _cold(ctx, limits, statuses)
        return
    result = quick(
        ctx.http, limits.path, requests=limits.requests, concurrent=limits.concurrent, progress=ctx.progress
    )
    charts = ctx.memo.setdefault("charts", [])
    if isinstance(charts, list) and result.response_ms:
        charts.append(percentiles(result, limits.max_mean_ms))
    ctx.memo["load"] = result
    yield _judged(ctx, limits, result).observing(_evidence(limits, result))


def _cold(ctx: Context, limits: Load, statuses: list[int]) -> Result:
    if 429 in statuses:  # noqa: PLR2004  (too many requests)
        return errored(
            f"GET {limits.path} answered 429 while warming up: the rate limit was still in force, nothing was measured.",
            root_cause="An earlier check, or somebody else, had used up the limit.",
            statuses=list(statuses),
        )
    return failed(
        f"GET {limits.path} answered {statuses} before any load was put on it.",
        root_cause="The path does not answer 2xx to a plain GET request: it fails, redirects or asks for a log-in.",
        impact="How fast the application answers its users is not known.",
        fix=Fix(
            ("Mend the path, or name one that answers 2xx without a log-in.",),
            (
                Code(
                    "parameters/<environment>.yaml",
                    "health:\n  load:\n    path: /products\n",
                    language="yaml",
                ),
            ),
            _DOCS,
            10,
        ),
        locations=sources(ctx).route(limits.path),
        statuses=list(statuses),
    )


def _judged(ctx: Context, limits: Load, result: LoadResult) -> Result:
    times = result.response_ms
    shape = f"{len(result)} requests to {limits.path}, {limits.concurrent} at a time"
    if result.errors > limits.max_errors:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in result.errors_by_kind.items())
        return _finding(
            ctx,
            limits,
            f"{result.errors} of {shape}, failed ({kinds}); {limits.max_errors} are let pass.",
            "The application breaks under concurrent requests: a pool that is too small, a lock, or a fault that "
            "depends on what runs beside it. Its log of that moment says which.",
        )
    if result.throttled:
        return errored(
            f"{result.throttled} of {shape}, were answered 429: the rate limit was measured, not the application.",
            root_cause="The rate limit counts the load test's address. Let it pass in this environment, or declare "
            "fewer requests in health.load.",
        )
    if times is None or result.verdict is LoadVerdict.INVALID or result.unsent:
        return errored(f"Nothing can be said: {' '.join(result.reasons)}")
    if over := _over(limits, times):
        if result.generator_busy:
            return errored(f"{' and '.join(over)}, but {' '.join(result.health.generator)}")
        return _finding(
            ctx,
            limits,
            f"{shape}: {' and '.join(over)}.",
            _cause(result, times),
        )
    return passed(
        f"{shape}: mean {times.mean:.0f} ms (limit {limits.max_mean_ms:g}), 95th percentile {times.p95:.0f} ms "
        f"(limit {limits.max_p95_ms:g}), {result.errors} errors, {result.throughput_per_s:.0f}/s.",
    )


def _over(limits: Load, times: Times) -> list[str]:
    pairs = (("mean", times.mean, limits.max_mean_ms), ("95th percentile", times.p95, limits.max_p95_ms))
    return [f"{name} {value:.0f} ms is over {limit:g} ms" for name, value, limit in pairs if value >= limit]


def _cause(result: LoadResult, times: Times) -> str:
    if times.p95 > 5 * max(times.p50, 1.0):
        return (
            f"Most requests are fast (median {times.p50:.0f} ms) and some wait long (maximum {times.max:.0f} ms): "
            "they queue for a connection, a lock or a worker, or the process pauses."
        )
    return (
        f"All requests are slow alike (median {times.p50:.0f} ms) at {result.throughput_per_s:.0f}/s: each does too much "
        "work or waits for something slow, such as the database."
    )


def _finding(ctx: Context, limits: Load, message: str, cause: str) -> Result:
    again = f"deployer load {ctx.http.base_url}{limits.path}"
    return failed(
        message,
        root_cause=cause,
        impact="Users wait, or get an error, as soon as some of them come at the same time.",
        fix=Fix(
            (
                "Look at what one request does: count its database queries, time its parts.",
                "Add the missing index, join or cache; size the connection pool for the number of workers.",
                f"Measure again with: {again}",
            ),
            (Code("terminal", again, language="sh"),),
            _DOCS,
            180,
        ),
        locations=sources(ctx).route(limits.path),
    )


def _evidence(limits: Load, result: LoadResult) -> dict[str, JSONValue]:
    times = result.response_ms.to_json() if result.response_ms else {}
    by_status: dict[str, JSONValue] = dict(result.by_status)
    by_kind: dict[str, JSONValue] = dict(result.errors_by_kind)
    return {
        "path": limits.path,
        "requests": len(result),
        "planned": result.planned,
        "concurrent": limits.concurrent,
        "warm_up_not_counted": _WARM_UP,
        **{f"{name}_ms": times.get(name) for name in ("mean", "p50", "p95", "p99", "max")},
        "errors": result.errors,
        "errors_by_kind": by_kind,
        "throttled": result.throttled,
        "throughput_per_s": round(result.throughput_per_s, 1),
        "target_mean_ms": limits.max_mean_ms,
        "target_p95_ms": limits.max_p95_ms,
        "by_status": by_status,
        "verdict": result.verdict.value,
        "reasons": list(result.reasons),
    }
