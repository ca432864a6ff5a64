"""Plans: when each request of a load test is due, as nanoseconds from its start.

An open loop has a schedule that the target cannot slow down: the request numbered k is due when the integral of the rate
reaches k. A closed loop has none: each of its connections asks again as soon as it was answered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from deployer_lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MAX_RATE_PER_S",
    "MAX_REQUESTS",
    "Plan",
    "closed",
    "constant",
    "poisson",
    "ramp",
    "spike",
    "stages",
]

#: No network client sends more; such a rate is a slip of the pen.
MAX_RATE_PER_S: Final = 1_000_000.0
#: What is kept of a request takes about 120 bytes until the test is evaluated.
MAX_REQUESTS: Final = 20_000_000
_MAX_DURATION_S: Final = 7 * 86_400.0
_NS: Final = 1_000_000_000

Due = npt.NDArray[np.int64]
Stage = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is to be sent, and when."""

    mode: Literal["open", "closed"]
    due_ns: Due  # open: due time of each request from the start, ascending; closed: empty
    stage: Stage  # open: the stage that each request belongs to; closed: empty
    duration_ns: int  # how long requests are sent; 0: until `requests` were sent
    connections: int  # at most so many at a time; 0: as many as run() thinks fit
    requests: int | None  # how many in all; None: as many as the duration allows


def constant(rate: float, duration_s: float) -> Plan:
    """Return a plan of ``rate`` requests a second, evenly spaced.

    Raises:
        UsageError: rate or duration is not a positive number, or there are too many requests to hold.
    """
    return _piecewise([(_rate(rate), _rate(rate), _duration(duration_s))])


def ramp(start: float, end: float, duration_s: float) -> Plan:
    """Return a plan whose rate goes in a straight line from ``start`` to ``end`` requests a second.

    Raises:
        UsageError: as :func:`constant`; one of both rates may be 0.
    """
    least = 0.0 if max(start, end) > 0 else 1.0
    return _piecewise([(_rate(start, least), _rate(end, least), _duration(duration_s))])


def stages(steps: Sequence[tuple[float, float]], *, start: float = 0.0, flat: bool = False) -> Plan:
    """Return a plan of ``(rate, duration_s)`` stages, numbered from 0.

    Each stage goes in a straight line from the rate before it to its own, as k6's ramping-arrival-rate does.

    Args:
        steps: rate in requests a second (0 allowed) and length in seconds of each stage.
        start: rate before the first stage.
        flat: whether each stage keeps its own rate from its beginning.

    Raises:
        UsageError: there is no stage, none has a rate above 0, or as :func:`constant`.
    """
    if not steps:
        raise UsageError("There is no stage.", hint='Write for example "50:10s,200:30s".')
    rates = [_rate(start, 0.0), *(_rate(rate, 0.0) for rate, _ in steps)]
    lengths = [_duration(length) for _, length in steps]
    if not max(rates[1:] if flat else rates):
        raise UsageError("No stage has a rate above 0.", hint="Give at least one stage a rate.")
    pairs = [(after if flat else before, after) for before, after in pairwise(rates)]
    return _piecewise(
        [(before, after, length) for (before, after), length in zip(pairs, lengths, strict=True)]
    )


def spike(base: float, peak: float, at_s: float, length_s: float, duration_s: float) -> Plan:
    """Return a plan of ``base`` requests a second with a stretch of ``peak`` in it; its stages are 0, 1 and 2.

    Args:
        base: rate outside the spike, in requests a second; may be 0.
        peak: rate within it.
        at_s: when it begins, in seconds from the start.
        length_s: how long it lasts.
        duration_s: how long the whole lasts.

    Raises:
        UsageError: the spike does not end before the whole does, or as :func:`constant`.
    """
    rest_s = duration_s - at_s - length_s
    if not (rest_s > 0 and at_s > 0):
        raise UsageError(
            f"A spike from {at_s:g} s to {at_s + length_s:g} s does not lie within {duration_s:g} s.",
            hint="Let it begin after the start and end before the end.",
        )
    return stages([(base, at_s), (_rate(peak), length_s), (base, rest_s)], flat=True)


def poisson(rate: float, duration_s: float, seed: int) -> Plan:
    """Return a plan of requests that come independently of each other, ``rate`` a second on average.

    The same seed gives the same plan.

    Raises:
        UsageError: as :func:`constant`.
    """
    rate, duration_s = _rate(rate), _duration(duration_s)
    expected = rate * duration_s
    _holdable(expected)
    random = np.random.default_rng(seed)
    parts: list[npt.NDArray[np.float64]] = []
    last = 0.0
    while last < duration_s:
        gaps = random.exponential(1 / rate, int(expected + 6 * math.sqrt(expected)) + 10)
        parts.append(last + np.cumsum(gaps))
        last = float(parts[-1][-1])
    at_s = np.concatenate(parts)
    due = (at_s[at_s < duration_s] * _NS).astype(np.int64)
    return _open(due, np.zeros(len(due), np.int16), duration_s)


def closed(connections: int, duration_s: float | None = None, requests: int | None = None) -> Plan:
    """Return a plan of connections that each ask again once they were answered.

    Args:
        connections: how many at a time.
        duration_s: for how many seconds; None needs ``requests``.
        requests: how many in all; with a duration, whichever ends first.

    Raises:
        UsageError: a number is not positive, or neither duration nor requests are given.
    """
    if connections < 1:
        raise UsageError(f"{connections} connections cannot ask anything.", hint="Give at least 1.")
    if duration_s is None and requests is None:
        raise UsageError(
            "A closed loop without duration or number of requests has no end.",
            hint="Give --duration or --requests.",
        )
    if requests is not None and requests < 1:
        raise UsageError(f"{requests} requests are no load.", hint="Give at least 1.")
    _holdable(requests or 0)
    length_ns = 0 if duration_s is None else round(_duration(duration_s) * _NS)
    return Plan("closed", np.zeros(0, np.int64), np.zeros(0, np.int16), length_ns, connections, requests)


def _piecewise(pieces: Sequence[tuple[float, float, float]]) -> Plan:
    """Return the plan of ``(rate at the beginning, rate at the end, seconds)`` pieces."""
    total = sum((before + after) / 2 * length for before, after, length in pieces)
    _holdable(total)
    due: list[Due] = []
    stage: list[Stage] = []
    counted, elapsed_s = 0.0, 0.0
    for number, (before, after, length_s) in enumerate(pieces):
        area = (before + after) / 2 * length_s
        end = _snapped(counted + area)
        wanted = np.arange(math.ceil(counted), math.ceil(end), dtype=np.float64) - counted
        due.append(np.rint((elapsed_s + _reached(wanted, before, after, length_s)) * _NS).astype(np.int64))
        stage.append(np.full(len(wanted), number, np.int16))
        counted, elapsed_s = end, elapsed_s + length_s
    return _open(np.concatenate(due), np.concatenate(stage), elapsed_s)


def _reached(
    area: npt.NDArray[np.float64], before: float, after: float, length_s: float
) -> npt.NDArray[np.float64]:
    """Return when a rate that goes from ``before`` to ``after`` has an integral of ``area``, in seconds."""
    if before == after:  # so that 1,000/s is due at whole milliseconds to the nanosecond
        return area / before if before else area
    slope = (after - before) / length_s
    root = before + np.sqrt(np.maximum(before * before + 2 * slope * area, 0.0))
    # 2c / (b + root) instead of (root - b) / a: no cancellation where the slope is small. At 0 of a rate of 0, it is now.
    return np.divide(2 * area, root, out=np.zeros_like(area), where=root > 0)


def _snapped(count: float) -> float:
    """Return the count without what floating point left of a whole number: 0.1 s of 30/s are 3 requests."""
    nearest = float(round(count))
    return nearest if math.isclose(count, nearest, rel_tol=1e-12, abs_tol=1e-9) else count


def _open(due: Due, stage: Stage, duration_s: float) -> Plan:
    due.setflags(write=False)
    stage.setflags(write=False)
    return Plan("open", due, stage, round(duration_s * _NS), 0, len(due))


def _rate(rate: float, least: float = 1e-6) -> float:
    if not (least <= rate and math.isfinite(rate)):
        raise UsageError(f"A rate of {rate:g} requests a second is no load.", hint="Give a rate above 0.")
    if rate > MAX_RATE_PER_S:
        raise UsageError(
            f"A rate of {rate:g} requests a second is beyond any client.",
            hint=f"Give at most {MAX_RATE_PER_S:,.0f}; one core sends some 50,000 a second.",
        )
    return float(rate)


def _duration(duration_s: float) -> float:
    if not 0 < duration_s <= _MAX_DURATION_S:
        raise UsageError(
            f"A duration of {duration_s:g} s is not possible.", hint="Give more than 0 s, and at most 7 days."
        )
    return float(duration_s)


def _holdable(count: float) -> None:
    if count > MAX_REQUESTS:
        raise UsageError(
            f"{count:,.0f} requests are too many to keep.",
            hint=f"At most {MAX_REQUESTS:,} fit: lower the rate or shorten the duration.",
        )
