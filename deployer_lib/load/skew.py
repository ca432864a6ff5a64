"""Clocks of other machines: how far one is from ours, how well that is known, and times of it put on ours.

A round trip gives both: the other clock was read at some instant between asking and hearing, so half of the trip's length is the
most by which the middle can be wrong. The trip with the least length knows best, and no assumption about the network is made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer_lib.check import JSONValue
    from deployer_lib.load.columns import Columns
    from deployer_lib.load.histogram import Histogram

__all__ = ["SAME", "Offset", "Share", "Trip", "estimated", "on_our_clock"]

_TIMES: Final = ("intended_ns", "seen_ns", "sent_ns", "first_byte_ns", "done_ns")


@dataclass(frozen=True, slots=True)
class Trip:
    """One look at another clock; nanoseconds of the monotonic clocks."""

    asked_ns: int  # by ours
    told_ns: int  # by the other one
    heard_ns: int  # by ours


@dataclass(frozen=True, slots=True)
class Offset:
    """How far another clock is ahead of ours, in nanoseconds."""

    ahead_ns: int
    uncertainty_ns: int  # the truth lies no further away than this

    def and_then(self, later: Offset) -> Offset:
        """Return this offset with what it was off by in the end: clocks of two machines drift."""
        drifted_ns = abs(later.ahead_ns - self.ahead_ns) + later.uncertainty_ns
        return replace(self, uncertainty_ns=max(self.uncertainty_ns, drifted_ns))


#: Of a clock that is ours.
SAME: Final = Offset(0, 0)


def estimated(trips: Sequence[Trip]) -> Offset:
    """Return the offset by the shortest of these round trips.

    Raises:
        ValueError: there is none.
    """
    best = min(trips, key=lambda trip: trip.heard_ns - trip.asked_ns)
    # Rounded up on both sides, so that the truth stays within.
    return Offset(
        best.told_ns - (best.asked_ns + best.heard_ns) // 2, (best.heard_ns - best.asked_ns) // 2 + 1
    )


def on_our_clock(columns: Columns, ahead_ns: int) -> Columns:
    """Return columns of a machine whose clock is so far ahead, with our times; what never happened stays so.

    Every time moves by the same amount, so response times stay what they are, to the nanosecond.
    """
    if not ahead_ns:
        return columns
    moved: dict[str, Any] = {"start_ns": columns.start_ns - ahead_ns}
    for name in _TIMES:
        times = getattr(columns, name)
        moved[name] = np.where(times > 0, times - ahead_ns, 0)
        moved[name].setflags(write=False)
    return replace(columns, **moved)


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker on a cluster did of a load test, and how well its clock is known."""

    address: str  # of the worker
    requests: int
    offset: Offset  # of its monotonic clock against ours
    wall: Offset  # of its wall clock; no time is reckoned by it
    late_ns: int  # by so much it was told to start after the instant that was agreed; 0: in time
    response: Histogram  # its own response times, counted there

    @property
    def skew_ns(self) -> int:
        """Return by how much its requests may have come earlier or later than planned, beside the others'."""
        return self.offset.uncertainty_ns + self.late_ns

    def to_json(self) -> dict[str, JSONValue]:
        """Return its JSON shape: milliseconds, with null for percentiles of nothing."""
        return {
            "address": self.address,
            "requests": self.requests,
            "offset_ms": _ms(self.offset.ahead_ns),
            "uncertainty_ms": _ms(self.offset.uncertainty_ns),
            "wall_offset_ms": _ms(self.wall.ahead_ns),
            "late_ms": _ms(self.late_ns),
            "p50_ms": self._percentile_ms(50),
            "p99_ms": self._percentile_ms(99),
        }

    def _percentile_ms(self, percent: float) -> float | None:
        value_us = self.response.value_at(percent)
        return None if value_us is None else value_us / 1e3


def _ms(ns: int) -> float:
    return round(ns / 1e6, 3)
