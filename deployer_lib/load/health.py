"""How far a measurement may be believed: was it the target that was measured, or the generator?

Three verdicts: *valid*, *degraded* (true in what it says, with a reservation that is named) and *invalid* (it says nothing
about the target). What the target does, however slow or wrong, never speaks against the generator: requests that had to
wait for a connection are left out of the generator's lag.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from deployer_lib.load import outcomes
from deployer_lib.load.outcomes import Times

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from deployer_lib.load.columns import Columns
    from deployer_lib.load.surroundings import Surroundings

__all__ = ["Blame", "Health", "LoadVerdict", "Reason", "busy", "examine"]

#: Above this share of one core for each worker the generator itself is what was measured.
_BUSY_SHARE: Final = 0.9
#: Requests sent later than this at the 99th percentile, and later than this share of the response time, are late.
_LAG_MS: Final = 2.0
_LAG_SHARE: Final = 0.1
#: Later than this at the 95th percentile, the generator doesn't do what was planned, however slow the target is.
_LATE_MS: Final = 10.0
#: From this share of the median response time on, the generator's lateness is most of what was measured.
_MOSTLY: Final = 0.5
#: Share of the time that the generator waited for a processor: certainly harmful, and harmful where answers are quick.
_STARVED_SHARE: Final = 0.25
_WAITED_SHARE: Final = 0.05
_WAITED_MS: Final = 0.25  # each time that it was to run
_OF_RESPONSE: Final = 0.02  # waits below this share of the median response time change nothing
#: Share of its cores' time that others used: no room was left.
_CROWDED_SHARE: Final = 0.9
_STEAL_SHARE: Final = 0.05
#: Requests that this machine could not send for want of descriptors or ports: more than these and nothing is known.
_UNABLE_SHARE: Final = 0.05
#: Below this share of the planned rate, the rate at which requests could be sent is worth a word.
_BEHIND_SHARE: Final = 0.95
#: From this share of all response times on, the waits for a connection are worth a word.
_WORTH_A_WORD: Final = 0.1


class LoadVerdict(StrEnum):
    """How far a measurement may be believed."""

    VALID = "valid"
    DEGRADED = "degraded"
    INVALID = "invalid"


class Blame(StrEnum):
    """Whose doing it is."""

    GENERATOR = "generator"  # the program or the machine that sends
    TARGET = "target"
    PLAN = "plan"  # what was asked for, or its early end


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks against a measurement."""

    blame: Blame
    text: str  # one sentence for whoever decides about the release
    fatal: bool = False  # nothing can be said at all


@dataclass(frozen=True, slots=True)
class Health:
    """A verdict on a measurement, and what it rests on."""

    reasons: tuple[Reason, ...]  # worst first
    notes: tuple[str, ...] = ()  # what is worth knowing, and does not speak against it

    @property
    def verdict(self) -> LoadVerdict:
        """Return valid where nothing speaks against it, invalid where something makes it worthless."""
        if any(reason.fatal for reason in self.reasons):
            return LoadVerdict.INVALID
        return LoadVerdict.DEGRADED if self.reasons else LoadVerdict.VALID

    @property
    def generator(self) -> tuple[str, ...]:
        """Return what is the generator's doing, or its machine's: empty where the target alone was measured."""
        return tuple(reason.text for reason in self.reasons if reason.blame is Blame.GENERATOR)


def examine(columns: Columns, *, floor_ms: float | None = None) -> Health:
    """Return how far the measurement may be believed.

    Args:
        columns: what was measured.
        floor_ms: median response time of a server that does nothing (:mod:`~deployer_lib.load.floor`), where it was measured.
    """
    if not len(columns):
        return Health((Reason(Blame.PLAN, "No request was sent.", fatal=True),))
    response = Times.of(outcomes.response_ns(columns, outcomes.timed(columns)) / 1e6)
    typical_ms = response.p50 if response else 0.0
    found = [
        *_answers(columns),
        *_end(columns),
        *_lag(columns, response),
        *_own_limits(columns),
        *_processor(columns),
        *(_machine(columns.surroundings, typical_ms) if columns.surroundings else ()),
        *_skew(columns, typical_ms),
        *_floor(typical_ms, floor_ms),
    ]
    return Health(tuple(sorted(found, key=lambda reason: not reason.fatal)), tuple(_notes(columns)))


def busy(columns: Columns) -> bool:
    """Tell whether the generator used so much of its cores that it was part of what was measured.

    Processor time that it spent waiting awake for the next due time doesn't count: it was free to send.
    """
    lasted_ns = _lasted_ns(columns)
    worked_ns = columns.client_cpu_ns - columns.spun_ns
    return lasted_ns > 0 and worked_ns > _BUSY_SHARE * lasted_ns * columns.workers


def _lasted_ns(columns: Columns) -> int:
    return int(outcomes.ended_ns(columns).max() - columns.intended_ns.min()) if len(columns) else 0


def _answers(columns: Columns) -> Iterator[Reason]:
    total = len(columns)
    if not outcomes.answered(columns).any():
        text = "No request was answered as expected, so no response time is known."
        yield Reason(Blame.TARGET, text, fatal=True)
    if throttled := int(outcomes.throttled(columns).sum()):
        yield Reason(
            Blame.TARGET, f"{throttled:,} of {total:,} answers were 429: a rate limit was measured too."
        )
    if given_up := int(outcomes.censored(columns).sum()):
        yield Reason(
            Blame.TARGET,
            f"{_requests(given_up)} given up without an answer: their times are lower bounds.",
        )


def _end(columns: Columns) -> Iterator[Reason]:
    if columns.stopped or columns.unsent:
        yield Reason(
            Blame.PLAN,
            f"{columns.unsent:,} of {columns.planned:,} requests were not sent: {columns.stopped or 'it ended early'}.",
        )


def _lag(columns: Columns, response: Times | None) -> Iterator[Reason]:
    lag = Times.of(outcomes.generator_lag_ms(columns))
    if lag is None:
        return
    share, typical_ms = (lag.p99 / response.p99, response.p50) if response and response.p99 else (1.0, 0.0)
    if lag.p50 > _LAG_MS and lag.p50 > _MOSTLY * typical_ms:
        yield Reason(
            Blame.GENERATOR,
            f"The generator sent late: half of the requests {lag.p50:.1f} ms after their due time or more, which is most of "
            f"the median response time ({typical_ms:.1f} ms).",
            fatal=True,
        )
    elif lag.p95 > _LATE_MS:
        yield Reason(
            Blame.GENERATOR,
            f"The generator sent late: {lag.p95:.0f} ms after the due time at the 95th percentile.",
        )
    elif lag.p99 > _LAG_MS and share > _LAG_SHARE:
        yield Reason(
            Blame.GENERATOR,
            f"The generator sent late: {lag.p99:.1f} ms after the due time at the 99th percentile, "
            f"{share:.0%} of the response time there.",
        )


def _own_limits(columns: Columns) -> Iterator[Reason]:
    unable = int(outcomes.of_kind(columns, "no descriptors").sum())
    if unable:
        yield Reason(
            Blame.GENERATOR,
            f"{_requests(unable)} not sent because this machine had no file descriptors or ports left.",
            fatal=unable > _UNABLE_SHARE * len(columns),
        )


def _processor(columns: Columns) -> Iterator[Reason]:
    if busy(columns):
        cpu_s, lasted_s = (columns.client_cpu_ns - columns.spun_ns) / 1e9, _lasted_ns(columns) / 1e9
        cores = f" on each of {columns.workers} cores" if columns.workers > 1 else ""
        yield Reason(
            Blame.GENERATOR,
            f"The generator itself was busy ({cpu_s:.1f} s of processor in {lasted_s:.1f} s{cores}): "
            "response times are upper bounds.",
        )


def _machine(seen: Surroundings, typical_ms: float) -> Iterator[Reason]:
    if _starved(seen, typical_ms):
        waited_s, wall_s = (seen.run_queue_ns or 0) / 1e9, seen.wall_ns / 1e9
        yield Reason(
            Blame.GENERATOR,
            f"The generator had to wait for a processor ({waited_s:.2f} s of {wall_s:.1f} s): "
            "something else runs on its core, and response times are upper bounds.",
        )
    elif seen.core_ns and (others := (seen.others_ns or 0) / seen.core_ns) > _CROWDED_SHARE:
        yield Reason(
            Blame.GENERATOR,
            f"Other programs used {others:.0%} of the processors on which the generator runs: "
            "response times are upper bounds.",
        )
    if seen.core_ns and (stolen := (seen.steal_ns or 0) / seen.core_ns) > _STEAL_SHARE:
        yield Reason(
            Blame.GENERATOR,
            f"The host of this virtual machine took {stolen:.0%} of its processor time away: "
            "response times are upper bounds.",
        )


def _starved(seen: Surroundings, typical_ms: float) -> bool:
    if seen.run_queue_ns is None or not seen.wall_ns:
        return False
    share = seen.run_queue_ns / seen.wall_ns
    each_ms = seen.run_queue_ns / max(1, seen.runs or 1) / 1e6
    noticeable = each_ms > _OF_RESPONSE * typical_ms
    return share > _STARVED_SHARE or (noticeable and (share > _WAITED_SHARE or each_ms > _WAITED_MS))


def _skew(columns: Columns, typical_ms: float) -> Iterator[Reason]:
    """Compare how well a cluster's workers kept time together with the response times."""
    late = max(columns.shares, key=lambda share: share.late_ns, default=None)
    unsure = max(columns.shares, key=lambda share: share.offset.uncertainty_ns, default=None)
    for share, skew_ms, what in (
        (late, late.late_ns / 1e6 if late else 0.0, "began {:.1f} ms after the others"),
        (
            unsure,
            unsure.offset.uncertainty_ns / 1e6 if unsure else 0.0,
            "has a clock that is known to ± {:.1f} ms only",
        ),
    ):
        if share and skew_ms > _LAG_MS and skew_ms > _LAG_SHARE * typical_ms:
            yield Reason(
                Blame.GENERATOR,
                f"The worker at {share.address} {what.format(skew_ms)}, with a median response time of {typical_ms:.1f} ms: "
                "requests of different workers came closer together, or further apart, than planned.",
            )


def _floor(typical_ms: float, floor_ms: float | None) -> Iterator[Reason]:
    if floor_ms is not None and 0 < typical_ms < floor_ms / _MOSTLY:
        yield Reason(
            Blame.GENERATOR,
            f"A server that does nothing is measured with {floor_ms:.2f} ms, this one with {typical_ms:.2f} ms: "
            "most of that is sending and receiving, whoever answers.",
        )


def _notes(columns: Columns) -> Iterator[str]:
    ended_ns, waited = outcomes.ended_ns(columns), columns.waited
    until_ns = np.where(columns.sent_ns > 0, columns.sent_ns, ended_ns)
    waits_ns = int((until_ns - columns.intended_ns)[waited].sum())
    times_ns = int((ended_ns - columns.intended_ns).sum())
    if waits_ns > _WORTH_A_WORD * times_ns and outcomes.answered(columns).any():
        offered, achieved = (_rate(times) for times in (columns.intended_ns, columns.sent_ns))
        rates = f" ({achieved:,.0f}/s of {offered:,.0f}/s)" if achieved < _BEHIND_SHARE * offered else ""
        free = 0 < columns.opened < columns.connections
        waits = "until a connection was open" if free else f"for one of {columns.connections:,} connections"
        slow = "" if free and not rates else f": the target was slower than the plan{rates}"
        yield (
            f"{_requests(int(waited.sum()), 'had', 'had')} to wait {waits}{slow}. "
            "Response times contain that, service times do not."
        )


def _rate(times_ns: npt.NDArray[np.int64]) -> float:
    """Return how many a second these were, from the first to the last."""
    known = times_ns[times_ns > 0]
    lasted_ns = int(np.ptp(known)) if len(known) else 0
    return (len(known) - 1) / lasted_ns * 1e9 if lasted_ns else 0.0


def _requests(count: int, one: str = "was", many: str = "were") -> str:
    return f"{count:,} request{f's {many}' if count != 1 else f' {one}'}"
