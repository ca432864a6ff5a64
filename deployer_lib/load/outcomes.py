"""What became of each request, and how long it took: masks and times over the columns of a load test.

Every request is exactly one of answered (as expected), throttled (429 that nobody expected) and wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from deployer_lib.load.columns import ERRORS

if TYPE_CHECKING:
    from deployer_lib.check import JSONValue
    from deployer_lib.load.columns import Columns

__all__ = [
    "CENSORED",
    "Times",
    "answered",
    "censored",
    "cut",
    "ended_ns",
    "generator_lag_ms",
    "of_kind",
    "percentile",
    "response_ns",
    "service_ns",
    "throttled",
    "timed",
    "wrong",
]

Column = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Milliseconds = npt.NDArray[np.float64]

#: Error kinds of requests that were given up before their end: their true time is longer than what was measured.
CENSORED: Final = ("timeout", "stopped")
_TOO_MANY: Final = 429


def of_kind(columns: Columns, *kinds: str) -> Mask:
    """Tell for each request whether its error is one of these kinds."""
    return np.isin(columns.error, [ERRORS.index(kind) for kind in kinds])


def answered(columns: Columns) -> Mask:
    """Tell for each request whether its answer was whole and as expected: below 400 where nothing else was asked for."""
    return np.asarray((columns.status > 0) & (columns.error == 0), dtype=np.bool_)


def throttled(columns: Columns) -> Mask:
    """Tell for each request whether it was answered 429 and nobody expected that."""
    return np.asarray((columns.status == _TOO_MANY) & of_kind(columns, "unexpected status"), dtype=np.bool_)


def censored(columns: Columns) -> Mask:
    """Tell for each request whether it was given up before its end."""
    return of_kind(columns, *CENSORED)


def cut(columns: Columns) -> Mask:
    """Tell for each request whether it was given up only because the load test ended."""
    return of_kind(columns, "stopped")


def wrong(columns: Columns) -> Mask:
    """Tell for each request whether it failed: an answer that is not as expected, other than 429, or no whole answer."""
    return ~answered(columns) & ~throttled(columns)


def timed(columns: Columns) -> Mask:
    """Tell for each request whether its time counts: it was answered as expected, or given up.

    Errors and 429 are often fast, and would flatter the mean.
    """
    return answered(columns) | censored(columns)


def ended_ns(columns: Columns) -> Column:
    """Return when each request ended; what has no end yet ended with the last thing that is known to have happened."""
    if not len(columns) or columns.done_ns.all():
        return columns.done_ns
    latest = max(int(columns.done_ns.max()), int(columns.sent_ns.max()), int(columns.intended_ns.max()))
    return np.where(columns.done_ns > 0, columns.done_ns, latest)


def response_ns(columns: Columns, which: Mask) -> Column:
    """Return response times, from when requests were due to their last byte, in nanoseconds."""
    return np.asarray((ended_ns(columns) - columns.intended_ns)[which], dtype=np.int64)


def service_ns(columns: Columns, which: Mask) -> Column:
    """Return service times, from first byte sent to last byte received, in nanoseconds; what was never sent has none."""
    sent = which & (columns.sent_ns > 0)
    return np.asarray((ended_ns(columns) - columns.sent_ns)[sent], dtype=np.int64)


def generator_lag_ms(columns: Columns) -> Milliseconds:
    """Return how late the generator was with each request, in milliseconds.

    Where a connection was free, that is from intended to sent. A request that had to wait for a connection was late by
    the target's doing, or the plan's; of these only the time counts until the generator saw that they were due.
    """
    began_ns = np.where(columns.waited, columns.seen_ns, columns.sent_ns)
    known = began_ns > 0
    return np.asarray((began_ns - columns.intended_ns)[known] / 1e6, dtype=np.float64)


def percentile(sorted_values: Milliseconds, percent: float) -> float:
    """Return the value that this share of the values does not exceed, by nearest rank: one that was measured.

    Args:
        sorted_values: ascending, at least one.
        percent: 0 to 100.
    """
    # One double less: 99.9 % of 1,000 is computed as a little over 999.
    rank = int(np.ceil(np.nextafter(percent, -np.inf) * len(sorted_values) / 100))
    return float(sorted_values[max(rank, 1) - 1])


@dataclass(frozen=True, slots=True)
class Times:
    """Statistics of times in milliseconds; percentiles by nearest rank, so each one is a time that was measured."""

    count: int  # requests that they are of
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    p99_9: float
    max: float

    @classmethod
    def of(cls, values_ms: Milliseconds) -> Times | None:
        """Return the statistics, None of no values."""
        if not len(values_ms):
            return None
        ordered = np.sort(values_ms)
        p50, p90, p95, p99, p99_9 = (percentile(ordered, percent) for percent in (50, 90, 95, 99, 99.9))
        return cls(len(ordered), float(ordered.mean()), p50, p90, p95, p99, p99_9, float(ordered[-1]))

    def to_json(self) -> dict[str, JSONValue]:
        """Return the JSON shape of SCHEMA.md, in milliseconds with three places."""
        names = ("mean", "p50", "p90", "p95", "p99", "p99_9", "max")
        return {name: round(float(getattr(self, name)), 3) for name in names}
