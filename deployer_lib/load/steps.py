"""One step of a search for a target's limits: what was offered, what came of it, and whether the target kept up.

A closed step is kept when every connection is answered. An open step is kept when the objective holds, at most 1 % of
requests fail or are throttled, and the queue does not grow: at a rate of 1.01 times the capacity each second adds 10 ms of
waiting, so that a short step would keep an objective of 50 ms which no long one does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from deployer_lib.load import outcomes
from deployer_lib.load.columns import ERRORS
from deployer_lib.load.gates import judge
from deployer_lib.load.health import LoadVerdict
from deployer_lib.load.result import LoadResult
from deployer_lib.threshold import threshold

if TYPE_CHECKING:
    from deployer_lib.check import JSONValue
    from deployer_lib.load.columns import Columns
    from deployer_lib.load.outcomes import Times

__all__ = ["Step", "after_warm_up", "closed_step", "misses", "open_step"]

_MOST_FAILED_OPEN: Final = 0.01
_STUCK_NS: Final = 500_000_000  # an answer is missing, not merely slow, from here on …
_STUCK_TIMES: Final = 10  # … and from this many times the median service time
_MOST_STUCK: Final = 0.2  # of the connections; a slow answer now and then is no limit of connections
_GROWTH: Final = 0.004  # seconds of waiting that each second adds: 0.4 % above the capacity
_GROWTH_MS: Final = 1.0  # less is a timer's jitter
_EVEN: Final = 0.12  # a growing queue grows in each quarter; a third each would be perfectly even
_QUARTERS: Final = 4
_SATURATED: Final = 0.7  # of the time; from there on the generator may be what was overtaken
_FEWEST_ROWS: Final = 20  # of a growth that can be seen


@dataclass(frozen=True, slots=True)
class Step:
    """What one step offered and what was seen, its warm-up left out."""

    mode: Literal["closed", "open"]
    connections: int  # at most open at a time
    rate_per_s: float | None  # requests due per second; None: closed
    duration_s: float  # from the first due time that counts to the last answer
    requests: int
    errors: int  # failed requests, given up ones included; those that the step's end cut off are not
    throughput_per_s: float  # answers below 400
    response_ms: Times | None
    service_ms: Times | None
    verdict: LoadVerdict  # of the measurement itself
    reasons: tuple[str, ...]  # for this verdict
    kept: bool | None  # None: the generator could not do it, so nothing is known
    why: str  # one sentence, with values

    def to_json(self) -> dict[str, JSONValue]:
        """Return the step as one of ``steps`` of SCHEMA.md's ``load --find-knee``."""
        return {
            "mode": self.mode,
            "connections": self.connections,
            "rate_per_s": None if self.rate_per_s is None else round(self.rate_per_s, 2),
            "duration_s": round(self.duration_s, 3),
            "requests": self.requests,
            "errors": self.errors,
            "throughput_per_s": round(self.throughput_per_s, 2),
            "response_ms": self.response_ms.to_json() if self.response_ms else None,
            "service_ms": self.service_ms.to_json() if self.service_ms else None,
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "kept": self.kept,
            "why": self.why,
        }


def after_warm_up(columns: Columns, warm_up_s: float) -> Columns:
    """Return the rows that were due after the first ``warm_up_s`` seconds."""
    if not len(columns):
        return columns
    counted = columns.intended_ns >= columns.intended_ns.min() + int(warm_up_s * 1e9)
    # What the brake left unsent lies at the end of the plan.
    unsent = columns.unsent
    return replace(columns.picked(counted), planned=int(counted.sum()) + unsent, unsent=unsent)


def closed_step(
    columns: Columns, connections: int, warm_up_s: float = 0.0, *, most_failed: float = 0.05
) -> Step:
    """Judge a closed step: is each of so many connections answered?

    Args:
        columns: what was measured, with the warm-up: a connection that is never answered is so from its beginning.
        connections: how many at a time.
        warm_up_s: how long the times of answers don't count.
        most_failed: share of requests that may fail; on average, since no connection may fail always.
    """
    problem = _unresponsive(columns, connections, most_failed)
    counted = after_warm_up(columns, warm_up_s)
    if problem or not len(counted):
        counted = columns
    per_s = _answered_per_s(columns, warm_up_s)
    why = problem or f"{_connections(connections)} answered, {per_s:,.0f} requests a second."
    return _step(LoadResult(counted), "closed", connections, None, per_s, kept=not problem, why=why)


def _connections(count: int) -> str:
    return f"{count} connections were" if count != 1 else "1 connection was"


def _answered_per_s(columns: Columns, warm_up_s: float) -> float:
    """Return answers per second between the warm-up's end and the last sending: what came after is the tail of the step."""
    begin, end = int(columns.intended_ns.min()) + int(warm_up_s * 1e9), int(columns.intended_ns.max())
    good = outcomes.answered(columns)
    if end <= begin:  # nothing followed upon an answer
        begin, end = int(columns.intended_ns.min()), int(columns.done_ns.max())
    ended = good & (columns.done_ns > begin) & (columns.done_ns <= end)
    return float(ended.sum()) / max(end - begin, 1) * 1e9


def misses(columns: Columns, objective: str) -> str:
    """Return by how much an objective on times was missed, in one sentence; empty where it was kept or is on something else."""
    if not objective or threshold(objective).unit != "ms":
        return ""
    gate = judge(LoadResult(columns), [objective])[0]
    return _sentence(gate.why) if gate.held is False else ""


def _unresponsive(columns: Columns, connections: int, most_failed: float) -> str:
    """Return how the target failed to answer so many connections, in one sentence; empty where it didn't."""
    answered = outcomes.answered(columns)
    where = f"With {connections} connection{'s' if connections != 1 else ''}"
    if not answered.any():
        return f"{where} no request was answered as expected: {_kind(columns)}."
    failed = ~answered & ~outcomes.cut(columns)
    if (share := float(failed.mean())) > most_failed:
        return f"{where} {share:.1%} of requests failed, most often: {_kind(columns)}."
    service_ns = float(np.median(outcomes.service_ns(columns, answered)))
    waited_ns = outcomes.ended_ns(columns) - columns.intended_ns
    stuck = outcomes.censored(columns) & (waited_ns > max(_STUCK_NS, _STUCK_TIMES * service_ns))
    mute = ~answered & ~np.isin(columns.connection, columns.connection[answered])
    if (mute & (stuck | ~outcomes.censored(columns))).any():
        count = min(int(mute.sum()), connections)
        return f"{where} {count} of them had no good answer at all ({_kind(columns)}); the others within {service_ns / 1e6:.1f} ms."
    if (number := int(stuck.sum())) > _MOST_STUCK * connections:
        return (
            f"{where} {number} of them were left without an answer for {waited_ns[stuck].max() / 1e9:.1f} s."
        )
    return ""


def _kind(columns: Columns) -> str:
    """Return what most often befell requests, in words."""
    kinds = columns.error[(columns.error > 0) & ~outcomes.cut(columns)]
    return ERRORS[int(np.bincount(kinds).argmax())] if len(kinds) else "no answer in time"


def open_step(columns: Columns, rate_per_s: float, connections: int, objective: str) -> Step:
    """Judge an open step: do the answers keep the objective, and keep up with the rate?

    Args:
        columns: what was measured, without the warm-up.
        rate_per_s: how many requests were due per second.
        connections: how many could be open.
        objective: a threshold as gates have them; empty: the target need only keep up.
    """
    result = LoadResult(columns)
    kept, why = _kept_up(result, objective)
    if result.verdict is LoadVerdict.INVALID and result.answered.any():
        kept, why = None, result.reasons[0]
    elif kept is False and (share := _own_share(columns)) > _SATURATED:
        kept, why = (
            None,
            f"{why} But the generator itself was at work, or waiting to be, for {share:.0%} of the time.",
        )
    return _step(result, "open", connections, rate_per_s, result.throughput_per_s, kept=kept, why=why)


def _own_share(columns: Columns) -> float:
    """Return for which share of the time the generator worked, or was ready to and had no processor."""
    seen = columns.surroundings
    if seen is None or not seen.wall_ns:
        return (columns.client_cpu_ns - columns.spun_ns) / max(1, columns.duration_ns * columns.workers)
    return (seen.cpu_ns - columns.spun_ns + (seen.run_queue_ns or 0)) / seen.wall_ns


def _kept_up(result: LoadResult, objective: str) -> tuple[bool | None, str]:
    columns = result.columns
    if not result.answered.any():
        return False, f"No request was answered: {_kind(columns)}."
    count = len(result)
    if result.errors > _MOST_FAILED_OPEN * count:
        return False, f"{result.errors / count:.1%} of requests failed, most often: {_kind(columns)}."
    if result.throttled > _MOST_FAILED_OPEN * count:
        return False, f"{result.throttled / count:.1%} of answers were 429: a rate limit stands below."
    growth = _growth(columns)
    why = growth or f"It kept up with {result.throughput_per_s:,.0f} a second."
    if objective:
        gate = judge(result, [objective])[0]
        if not gate.held:
            return gate.held, growth or _sentence(gate.why)
        why = growth or _sentence(gate.why)
    return not growth, why


def _sentence(why: str) -> str:
    return f"{why.rstrip('.')}."


def _growth(columns: Columns) -> str:
    """Return how the response time grew steadily during the step; empty where it didn't."""
    response_ms = (outcomes.ended_ns(columns) - columns.intended_ns) / 1e6
    if len(response_ms) < _FEWEST_ROWS:
        return ""
    quarters = np.array([np.median(part) for part in np.array_split(response_ms, _QUARTERS)])
    rises = np.diff(quarters)
    rise_ms = float(quarters[-1] - quarters[0])
    length_s = float(columns.intended_ns.max() - columns.intended_ns.min()) / 1e9 * (1 - 1 / _QUARTERS)
    steady = bool((rises >= _EVEN * rise_ms).all())
    if not steady or rise_ms <= _GROWTH_MS or rise_ms <= _GROWTH * length_s * 1e3:
        return ""
    return (
        f"The queue grew: the median response rose from {quarters[0]:.1f} to {quarters[-1]:.1f} ms within "
        f"{length_s:.1f} s."
    )


def _step(
    result: LoadResult,
    mode: Literal["closed", "open"],
    connections: int,
    rate_per_s: float | None,
    throughput_per_s: float,
    *,
    kept: bool | None,
    why: str,
) -> Step:
    cut = int(outcomes.cut(result.columns).sum())
    return Step(
        mode=mode,
        connections=connections,
        rate_per_s=rate_per_s,
        duration_s=result.duration_s,
        requests=len(result),
        errors=result.errors - cut,
        throughput_per_s=throughput_per_s,
        response_ms=result.response_ms,
        service_ms=result.service_ms,
        verdict=result.verdict,
        reasons=result.reasons,
        kept=kept,
        why=why,
    )
