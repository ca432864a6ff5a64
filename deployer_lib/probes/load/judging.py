"""Judge a load test: errors first, then what a rate limit or the generator spoiled, then limits on times.

429 is no healthy answer, and no failure either: a rate limit makes a load test fast and empty, so nothing could be told. A
status that the parameters name as right is an answer like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from deployer_lib.check import Code, Fix, errored, failed, passed
from deployer_lib.load.gates import judge
from deployer_lib.load.job import CEILING
from deployer_lib.load.outcomes import Times
from deployer_lib.load.result import LoadVerdict
from deployer_lib.probes.load.words import DOCS, errors_of
from deployer_lib.probes.sources import sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.check import JSONValue, Result
    from deployer_lib.load.gates import Gate
    from deployer_lib.load.result import LoadResult
    from deployer_lib.probes.context import Context

__all__ = ["Aim", "evidence", "judged"]

#: Kinds of failures that are this machine's.
_OWN: Final = frozenset({"no descriptors", "other"})
#: Kinds of failures that are the connection's.
_SOCKET: Final = frozenset({"refused", "reset", "closed", "timeout", "protocol", "tls"})
_SLOWED: Final = 1.5  # a later third's median to the first third's
_UNEVEN: Final = 5  # p95 to median
_ENOUGH: Final = 30  # requests of a third


@dataclass(frozen=True, slots=True)
class Aim:
    """What a load test did and what it must show."""

    shape: str  # in words: "100 requests to /x, 10 at a time"
    section: str  # of the parameters, where its limits stand
    again: str  # command that puts the same load on it
    concurrent: int
    max_mean_ms: float
    max_p95_ms: float
    max_errors: int
    thresholds: Sequence[str]

    @property
    def gates(self) -> list[str]:
        """Return its limits as thresholds."""
        return [f"mean < {self.max_mean_ms!r}ms", f"p(95) < {self.max_p95_ms!r}ms", *self.thresholds]


def judged(ctx: Context, aim: Aim, result: LoadResult) -> Result:
    """Return what a load test says of the application."""
    gates = judge(result, aim.gates)
    return _outcome(ctx, aim, result, gates).observing(evidence(aim, result, gates))


def _outcome(ctx: Context, aim: Aim, result: LoadResult, gates: Sequence[Gate]) -> Result:
    kinds = set(result.errors_by_kind)
    if result.errors > aim.max_errors and not kinds <= _OWN:
        return _finding(
            ctx,
            aim,
            f"{result.errors:,} of {aim.shape}, failed ({errors_of(result)}); {aim.max_errors} are let pass."
            f"{_ended(result)}",
            "The application breaks under concurrent requests: a pool that is too small, a lock, or a fault that "
            "depends on what runs beside it. Its log of that moment says which.",
        )
    if spoiled := _spoiled(aim, result):
        return spoiled
    if missed := [_missed(gate) for gate in gates if gate.held is False]:
        return _finding(ctx, aim, f"{aim.shape}: {' and '.join(missed)}.", _cause(result))
    if untold := [gate.why for gate in gates if gate.held is None]:
        return errored(f"{aim.shape}: {' '.join(untold)}")
    times = result.response_ms
    said = (
        f"mean {times.mean:.0f} ms (limit {aim.max_mean_ms:g}), 95th percentile {times.p95:.0f} ms"
        if times
        else ""
    )
    return passed(
        f"{aim.shape}: {said} (limit {aim.max_p95_ms:g}), {result.errors} errors, {result.throughput_per_s:,.0f}/s."
    )


def _spoiled(aim: Aim, result: LoadResult) -> Result | None:
    """Return why nothing can be said, None where something can."""
    if result.throttled:
        return errored(
            f"{result.throttled:,} of {aim.shape}, were answered 429: the rate limit was measured, not the application.",
            root_cause="The rate limit counts the load test's address. Let it pass in this environment, or ask for less "
            f"in {aim.section}.",
        )
    if result.stopped == CEILING:
        return errored(
            f"{aim.shape}: it ended after {result.duration_s:.1f} s, {result.stopped}.",
            root_cause=f"Raise max_requests, or give {aim.section} a rate_per_s.",
        )
    if result.response_ms is None or result.verdict is LoadVerdict.INVALID or result.unsent:
        return errored(f"{aim.shape}: nothing can be said. {' '.join(result.reasons)}")
    return None


def _ended(result: LoadResult) -> str:
    return (
        f" The load was stopped after {result.duration_s:.1f} s: {result.stopped}." if result.stopped else ""
    )


def _missed(gate: Gate) -> str:
    metric, _, limit = gate.expression.partition(" < ")
    name = {"mean": "mean", "p(95)": "95th percentile"}.get(metric)
    if name is None or gate.value is None or not limit.endswith("ms"):
        return gate.why
    return f"{name} {gate.value:.0f} ms is over {float(limit.removesuffix('ms')):g} ms"


def _cause(result: LoadResult) -> str:
    times = result.response_ms
    if times is None:
        return "Nothing was answered as expected."
    thirds = _thirds_ms(result)
    if thirds and thirds[-1] > _SLOWED * max(thirds[0], 1.0):
        return (
            f"It got slower while the load went on (median {thirds[0]:.0f} ms in the first third, {thirds[-1]:.0f} ms in "
            "the last): a queue grows, a pool is used up, or something leaks or is not indexed."
        )
    if times.p95 > _UNEVEN * max(times.p50, 1.0):
        return (
            f"Most requests are fast (median {times.p50:.0f} ms) and some wait long (maximum {times.max:.0f} ms): "
            "they queue for a connection, a lock or a worker, or the process pauses."
        )
    return (
        f"All requests are slow alike (median {times.p50:.0f} ms) at {result.throughput_per_s:.0f}/s: each does too much "
        "work or waits for something slow, such as the database."
    )


def _thirds_ms(result: LoadResult) -> list[float]:
    """Return the median response time of each third of the time; nothing where there were too few requests."""
    due = result.columns.intended_ns
    which = result.answered | result.censored
    edges = np.linspace(int(due.min()), int(due.max()) + 1, 4)
    medians = []
    for first, last in pairwise(edges.tolist()):
        times = Times.of(result.response_times_ms[which & (due >= first) & (due < last)])
        if times is None or times.count < _ENOUGH:
            return []
        medians.append(times.p50)
    return medians


def _finding(ctx: Context, aim: Aim, message: str, cause: str) -> Result:
    return failed(
        message,
        root_cause=cause,
        impact="Users wait, or get an error, as soon as some of them come at the same time.",
        fix=Fix(
            (
                "Look at what one request does: count its database queries, time its parts.",
                "Add the missing index, join or cache; size the connection pool for the number of workers.",
                f"Measure again with: {aim.again}",
            ),
            (Code("terminal", aim.again, language="sh"),),
            DOCS,
            180,
        ),
        locations=sources(ctx).route(ctx.parameters.health.load.path if ctx.parameters.health.load else "/"),
    )


def evidence(aim: Aim, result: LoadResult, gates: Sequence[Gate]) -> dict[str, JSONValue]:
    """Return what was measured, in figures."""
    times = result.response_ms.to_json() if result.response_ms else {}
    by_status: dict[str, JSONValue] = dict(result.by_status)
    by_kind: dict[str, JSONValue] = dict(result.errors_by_kind)
    socket_errors = sum(count for kind, count in result.errors_by_kind.items() if kind in _SOCKET)
    return {
        "path": result.spec_names[0].partition(" ")[2] if result.spec_names else "",
        "requests": len(result),
        "planned": result.planned,
        "concurrent": aim.concurrent,
        "duration_s": round(result.duration_s, 2),
        **{f"{name}_ms": times.get(name) for name in ("mean", "p50", "p90", "p95", "p99", "max")},
        "service_p50_ms": round(result.service_ms.p50, 3) if result.service_ms else None,
        "errors": result.errors,
        "errors_by_kind": by_kind,
        "socket_errors": socket_errors,
        "throttled": result.throttled,
        "throughput_per_s": round(result.throughput_per_s, 1),
        "target_mean_ms": aim.max_mean_ms,
        "target_p95_ms": aim.max_p95_ms,
        "by_status": by_status,
        "gates": [gate.to_json() for gate in gates],
        "verdict": result.verdict.value,
        "reasons": list(result.reasons),
    }
