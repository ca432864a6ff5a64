"""Gates: what a load test must show for a release to pass, judged on what was measured.

A gate is held, or not held, or could not be told: where the measurement is invalid, where nothing of its kind was measured,
where it hangs on requests that were given up (their times are only known to be longer), and where the generator's own
lateness may be why a limit was missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from deployer_lib.load import outcomes
from deployer_lib.load.health import LoadVerdict, examine
from deployer_lib.threshold import load_gate, percent_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.check import JSONValue
    from deployer_lib.load.result import LoadResult
    from deployer_lib.threshold import Threshold

__all__ = ["Gate", "judge"]

#: So few requests that were given up don't change what a mean says.
_FEW: Final = 0.01
_MOST_PERCENT: Final = 100.0  # the maximum


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate and what became of it."""

    expression: str  # as it was written
    held: bool | None  # None: could not be told
    value: float | None  # of its metric: ms, per second, share from 0 to 1, or a count; None: not measured
    why: str  # one sentence part, with values

    def to_json(self) -> dict[str, JSONValue]:
        """Return the JSON shape of SCHEMA.md (``gates``)."""
        return {"expression": self.expression, "held": self.held, "value": self.value}


@dataclass(frozen=True, slots=True)
class _Measured:
    """A metric's value, and how large it may be in truth where requests were given up."""

    value: float
    at_most: float


def judge(result: LoadResult, gates: Sequence[str]) -> list[Gate]:
    """Judge each gate on what was measured, in the order given.

    Args:
        result: what was measured.
        gates: ``p(99) < 200ms``, ``mean < 0.2s``, ``errors == 0``, ``errors < 1%``, ``rate > 50/s`` …

    Raises:
        UsageError: one of them is no gate.
    """
    limits = [load_gate(gate) for gate in gates]
    if result.verdict is LoadVerdict.INVALID:
        why = f"the measurement is invalid: {result.reasons[0]}"
        return [Gate(limit.text, None, None, why) for limit in limits]
    return [_judged(result, limit) for limit in limits]


def _judged(result: LoadResult, limit: Threshold) -> Gate:
    measured = _measured(result, limit.metric)
    if measured is None:
        return Gate(limit.text, None, None, f"{limit.metric} was not measured")
    value, at_most = (limit.judge({limit.metric: number}) for number in (measured.value, measured.at_most))
    if value.held is not at_most.held:
        why = f"{value.why}, but some requests were given up, and nobody knows how long they would have taken"
        return Gate(limit.text, None, measured.value, why)
    if value.held is False and _excused(result, limit, measured.value):
        return Gate(limit.text, None, measured.value, f"{value.why}. {result.health.generator[0]}")
    return Gate(limit.text, value.held, measured.value, value.why)


def _measured(result: LoadResult, metric: str) -> _Measured | None:
    counts = _counts(result)
    if metric in counts:
        return _Measured(counts[metric], counts[metric])
    if metric == "error_rate":
        ended = len(result) - int(outcomes.cut(result.columns).sum())
        return _Measured(counts["errors"] / ended, counts["errors"] / ended) if ended else None
    return _time(result, metric)


def _counts(result: LoadResult) -> dict[str, float]:
    # What was given up only because the load ended did not fail.
    failed = result.wrong & ~outcomes.cut(result.columns)
    return {
        "errors": float(failed.sum()),
        "throttled": float(result.throttled),
        "censored": float(result.censored.sum()),
        "unsent": float(result.unsent),
        "requests": float(len(result)),
        "rate": result.throughput_per_s,
    }


def _time(result: LoadResult, metric: str) -> _Measured | None:
    which = result.answered | result.censored
    values_ms = outcomes.response_ns(result.columns, which) / 1e6
    if not len(values_ms):
        return None
    given_up = result.censored[which]
    longest_ms = np.sort(np.where(given_up, np.inf, values_ms))
    values_ms = np.sort(values_ms)
    if metric == "mean":
        mean = float(values_ms.mean())
        return _Measured(mean, mean if given_up.mean() <= _FEW else np.inf)
    percent = {"min": 0.0, "max": _MOST_PERCENT}.get(metric, percent_of(metric))
    if percent is None:
        return None
    return _Measured(outcomes.percentile(values_ms, percent), outcomes.percentile(longest_ms, percent))


def _excused(result: LoadResult, limit: Threshold, value: float) -> bool:
    """Tell whether the generator may be why a limit on a time or a rate was missed."""
    if not result.health.generator:
        return False
    if limit.metric == "rate":
        return bool(examine(result.columns).generator)  # a floor delays answers, and takes none away
    if limit.unit != "ms":
        return False
    return result.generator_busy or limit.judge({limit.metric: _least_ms(result, value)}).held is True


def _least_ms(result: LoadResult, value: float) -> float:
    """Return how short a time may have been in truth, by what is known of the generator's disturbance."""
    lag, typical, seen = result.generator_lag_ms, result.response_ms, result.columns.surroundings
    # Whoever sends late reads late: each way it may have added as much.
    least = value - (result.floor_ms or 0.0) - (2 * lag.p99 if lag else 0.0)
    if seen and typical:
        # No request was held up for longer than the generator was in all, and the half of them hardly at all.
        held_up = ((seen.run_queue_ns or 0) + (seen.steal_ns or 0)) / 1e6
        least = min(least, max(value - held_up, typical.p50))
    return max(0.0, least)
