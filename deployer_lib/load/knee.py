"""Find a target's limits: how many connections it answers, and the highest rate that keeps an objective.

First a closed staircase (1, 2, 5, 10, 20, 50, 100 … connections, each sends its next request when its last one was answered):
where a step is not answered, the number between the last good and the first bad step is bisected, so that "unresponsive at
50" is found as 50. Its best throughput is a first guess of the capacity. Then an open bisection (requests are due at a rate,
whatever the answers do) around that guess, until the highest rate that was kept and the lowest that was not lie within 1 %.

Every step has a warm-up that is left out, a verdict on the measurement itself, and stays in the result.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from deployer_lib.load.plan import closed, constant
from deployer_lib.load.steps import Step, after_warm_up, closed_step, misses, open_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.check import JSONValue
    from deployer_lib.load.columns import Columns
    from deployer_lib.load.plan import Plan

__all__ = ["BUDGET_S", "MOST_CONNECTIONS", "Engine", "Knee", "find_knee"]

#: Seconds after which no step begins any more, and the last step of its staircase, where nobody says.
BUDGET_S: Final = 28.0
MOST_CONNECTIONS: Final = 200

_PRECISION: Final = 1.01  # lowest rate not kept to highest kept, where the search ends
_TOLD: Final = 1.03  # the same where the time was over before
_FIRST: Final = 0.985  # of the closed loop's best: most often just kept
_OUTWARD: Final = (1.025, 1.1, 1.5, 2.0, 4.0)  # from a rate that was kept
_INWARD: Final = (0.97, 0.85, 0.6, 0.3)  # from a rate that was not
_FIRST_REQUESTS: Final = 3
_LOWEST: Final = 1 / 200  # of the best throughput; below, the objective is out of reach
_STAIRCASE_SHARE: Final = 0.4  # of the time
_WARM_UP_S: Final = 0.25
_CLOSED_S: Final = 0.5
_OPEN_S: Final = 2.5
_OPEN_MOST_S: Final = 6.0
_FEWEST: Final = 100  # requests of an open step, where its time allows
_ROUNDS: Final = 3  # times that each connection should be answered in a closed step
_PATIENCE_S: Final = 1.6  # a connection that a full queue dropped is tried again after 1 s
_RECOVERY_S: Final = 5.0
_FAILED_MORE: Final = 0.01
_PAUSE_S: Final = 0.05
_LEVELLED: Final = 0.95  # of the best throughput
_ENOUGH_CONNECTIONS: Final = 10


class Engine(Protocol):
    """Whatever carries out a plan: :func:`deployer_lib.load.running.run` with its target, or a simulation."""

    def __call__(self, plan: Plan, *, connections: int, timeout_s: float) -> Columns:
        """Send the plan's requests and return what was measured."""


@dataclass(frozen=True, slots=True)
class Knee:
    """The limits that were found, and every step that led to them."""

    connections_cliff: (
        int | None
    )  # fewest connections that were not all answered, else those where it levels off
    cliff: (
        Literal["unresponsive", "levels off"] | None
    )  # which of both; None: throughput rose to the last step
    max_rate_per_s: float | None  # highest rate that was kept; None: none was, or none was tried
    above_per_s: (
        float | None
    )  # lowest rate that was not kept; None: none was found, so the true limit may be higher
    objective: str  # threshold that a rate must keep; empty: the target need only keep up
    steps: tuple[Step, ...]
    cliff_why: str = ""  # what was seen at an unresponsive cliff
    findings: tuple[str, ...] = ()  # why there is no rate that is kept, one sentence each
    reasons: tuple[str, ...] = ()  # what could not be told, one sentence each
    interrupted: bool = False

    @property
    def told(self) -> bool:
        """Tell whether the rate is known within some percent; else it is at most a lower bound."""
        both = self.max_rate_per_s is not None and self.above_per_s is not None
        return both and (self.above_per_s or 0.0) <= _TOLD * (self.max_rate_per_s or 0.0)

    def to_json(self) -> dict[str, JSONValue]:
        """Return the shape of SCHEMA.md's ``load --find-knee``."""
        return {
            "schema": "load-knee/1",
            "connections_cliff": self.connections_cliff,
            "cliff": self.cliff,
            "cliff_why": self.cliff_why,
            "max_rate_per_s": _rounded(self.max_rate_per_s),
            "above_per_s": _rounded(self.above_per_s),
            "objective": self.objective,
            "findings": list(self.findings),
            "reasons": list(self.reasons),
            "steps": [step.to_json() for step in self.steps],
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


class _InterruptedError(Exception):
    """End the search: the person did."""


@dataclass(slots=True)
class _Search:
    engine: Engine
    objective: str
    arrivals: Callable[[float, float], Plan]
    most_connections: int
    budget_s: float
    timeout_s: float
    clock: Callable[[], float]
    pause: Callable[[float], None]
    progress: Callable[[str], None]
    steps: list[Step] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    service_s: float = 0.0  # of one request at a time
    best_per_s: float = 0.0  # throughput of the best closed step
    unresponsive_at: int | None = None
    cliff_why: str = ""
    kept: dict[float, Step] = field(default_factory=dict)  # by rate
    missed: dict[float, Step] = field(default_factory=dict)  # by rate: not kept
    beyond: set[float] = field(default_factory=set)  # rates that the generator could not offer
    started: float = 0.0
    most_failed: float = 0.05  # share of a closed step's requests; then little more than of one connection's
    gone: bool = False  # the target no longer answers at all

    def left_s(self) -> float:
        return self.budget_s - (self.clock() - self.started)

    def measured(self, plan: Plan, connections: int, timeout_s: float) -> Columns:
        columns = self.engine(plan, connections=connections, timeout_s=timeout_s)
        if columns.stopped == "interrupted":
            raise _InterruptedError
        return columns

    # The staircase

    def begin(self) -> bool:
        """Ask a few times, one after the other, and tell whether the target answers at all."""
        self.progress("one request at a time")
        for count in (1, _FIRST_REQUESTS):
            columns = self.measured(closed(1, requests=count), 1, self.timeout_s)
            step = closed_step(columns, 1)
            if not step.kept or step.service_ms is None:
                self.steps.append(step)
                why = f"TLS: {columns.tls_error}." if columns.tls_error else step.why
                self.findings.append(f"The target does not answer one request at a time. {why}")
                return False
            self.service_s = step.service_ms.p50 / 1e3
        return True

    def staircase(self) -> None:
        good = 0
        for connections in _levels(self.most_connections):
            if good and self.needed_s(connections) > self.left_s() - (1 - _STAIRCASE_SHARE) * self.budget_s:
                self.reasons.append(f"More than {good} connections were not tried: the time was over.")
                return
            if not self.answered_twice(connections):
                self.bisect(good, connections)
                return
            good = connections

    def needed_s(self, connections: int) -> float:
        """Return how long a closed step must last so that each connection is answered a few times."""
        round_s = max(self.service_s, connections / self.best_per_s if self.best_per_s else 0.0)
        return _WARM_UP_S + max(_CLOSED_S, _ROUNDS * round_s)

    def answered_twice(self, connections: int) -> bool:
        """Make a closed step, once more if it is not kept: one hiccup is no limit."""
        return self.answered(connections) or (self.recovered() and self.answered(connections))

    def answered(self, connections: int) -> bool:
        self.progress(f"{connections} connections")
        length_s = self.needed_s(connections)
        patience_s = min(self.timeout_s, max(_PATIENCE_S, length_s, 10 * self.service_s))
        columns = self.measured(closed(connections, duration_s=length_s), connections, patience_s)
        step = closed_step(columns, connections, _WARM_UP_S, most_failed=self.most_failed)
        if connections == 1 and step.requests:
            self.most_failed = _FAILED_MORE + 2 * step.errors / step.requests
        self.steps.append(step)
        if connections == 1 and (missed := misses(after_warm_up(columns, _WARM_UP_S), self.objective)):
            self.findings.append(f"No rate can keep the objective: one request at a time misses it. {missed}")
        if step.kept:
            self.best_per_s = max(self.best_per_s, step.throughput_per_s)
        return bool(step.kept)

    def bisect(self, good: int, bad: int) -> None:
        """Narrow down where answers end; the number that was found is tried twice."""
        failed = {bad: 2}
        while not self.gone and (bad - good > 1 or failed[bad] == 1):
            middle = (good + bad) // 2 if bad - good > 1 else bad
            if self.recovered() and self.answered(middle):
                good = middle
                failed = {count: times for count, times in failed.items() if count > good}
            else:
                failed[middle] = failed.get(middle, 0) + 1
            bad = min(failed)
        if bad - good > 1:
            self.reasons.append(f"The limit lies above {good} and at or below {bad} connections.")
        self.unresponsive_at = bad
        self.cliff_why = next(s.why for s in reversed(self.steps) if s.connections == bad)

    def recovered(self) -> bool:
        """Wait until one request at a time is answered as fast as at first, at most some seconds."""
        self.progress("waiting until the target has recovered")
        until = self.clock() + _RECOVERY_S
        limit_s = max(3 * self.service_s, self.service_s + 0.02)
        answers = 0
        while self.clock() < until:
            step = closed_step(self.measured(closed(1, requests=1), 1, max(1.0, 10 * self.service_s)), 1)
            answers += bool(step.kept)
            if step.kept and step.service_ms and step.service_ms.max <= limit_s * 1e3:
                return True
            self.pause(_PAUSE_S)
        if not answers and not self.gone:
            self.gone = True
            self.findings.append(f"After {self.last()} it did not answer again within {_RECOVERY_S:.0f} s.")
        return not self.gone

    def last(self) -> str:
        step = self.steps[-1]
        return (
            f"{step.connections} connections"
            if step.rate_per_s is None
            else f"{step.rate_per_s:,.0f} a second"
        )

    # The rate

    def rates(self) -> None:
        """Bracket the highest rate that is kept, then halve the bracket; try its upper end again before it is believed."""
        rate: float | None = self.best_per_s * _FIRST
        again: set[float] = set()
        while rate is not None:
            if self.left_s() < self.open_s(rate) + _WARM_UP_S:
                self.reasons.append("The time was over before the limits of the rate lay within 1 %.")
                return
            self.open_once(rate)
            rate = self.next_rate()
            if rate is None and (upper := self.upper()) and upper in self.missed and upper not in again:
                again.add(upper)
                rate = upper if self.kept else None

    def open_s(self, rate: float) -> float:
        return min(_OPEN_MOST_S, max(_OPEN_S, _FEWEST / rate, 20 * self.service_s))

    def open_once(self, rate: float) -> None:
        self.progress(f"{rate:,.0f} requests a second")
        length_s, connections = self.open_s(rate), self.connections()
        plan = self.arrivals(rate, _WARM_UP_S + length_s)
        columns = after_warm_up(self.measured(plan, connections, self.timeout_s), _WARM_UP_S)
        step = open_step(columns, rate, connections, self.objective)
        self.steps.append(step)
        self.missed.pop(rate, None)
        self.beyond.discard(rate)
        if step.kept:
            self.kept[rate] = step
        else:
            self.missed[rate] = step
            if step.kept is None:
                self.beyond.add(rate)
            self.recovered()

    def connections(self) -> int:
        """Return so many connections that they are not what limits the rate, and fewer than the target bears."""
        levels = [s for s in self.steps if s.mode == "closed" and s.kept]
        wanted = max(_ENOUGH_CONNECTIONS, 4 * (self.levels_off() or self.most_connections))
        return min(wanted, max(step.connections for step in levels))

    def levels_off(self) -> int | None:
        """Return the fewest connections from which on the throughput no longer rises; None where it rose to the end."""
        levels = sorted(
            (s.connections, s.throughput_per_s) for s in self.steps if s.mode == "closed" and s.kept
        )
        if not levels:
            return None
        best = max(throughput for _, throughput in levels)
        first = next(count for count, throughput in levels if throughput >= _LEVELLED * best)
        return first if first < levels[-1][0] else None

    def lower(self) -> float | None:
        """Return the highest rate that was kept below the lowest that was not."""
        upper = self.upper()
        return max((rate for rate in self.kept if upper is None or rate < upper), default=None)

    def upper(self) -> float | None:
        """Return the lowest rate that was not kept; one that was kept since, above it, shows that it was a hiccup."""
        highest = max(self.kept, default=0.0)
        return min((rate for rate in self.missed if rate > highest), default=None)

    def next_rate(self) -> float | None:
        """Return what to try next, None where the bracket is narrow enough or nothing is kept at all."""
        lower, upper = self.lower(), self.upper()
        if upper is None:
            tried = sum(rate > self.best_per_s * _FIRST for rate in self.kept)
            return None if lower is None or tried >= len(_OUTWARD) else lower * _OUTWARD[tried]
        if lower is None:
            rate = upper * _INWARD[min(len(self.missed), len(_INWARD)) - 1]
            return rate if rate > self.best_per_s * _LOWEST else None
        return None if upper / lower <= _PRECISION else (lower * upper) ** 0.5

    # The result

    def found(self, *, interrupted: bool) -> Knee:
        lower, upper = self.lower(), self.upper()
        levels_off = self.levels_off()
        if upper is not None and upper in self.beyond:
            self.reasons.append(
                f"At {upper:,.0f} a second the generator was the limit: the target may bear more. {self.missed[upper].why}"
            )
            upper = None
        if self.missed and lower is None and upper is not None:
            self.findings.append(f"No rate was kept, down to {upper:,.1f} a second. {self.missed[upper].why}")
        cliff: Literal["unresponsive", "levels off"] | None = "levels off" if levels_off else None
        return Knee(
            connections_cliff=self.unresponsive_at or levels_off,
            cliff="unresponsive" if self.unresponsive_at else cliff,
            max_rate_per_s=lower,
            above_per_s=upper,
            objective=self.objective,
            steps=tuple(self.steps),
            cliff_why=self.cliff_why,
            findings=tuple(self.findings),
            reasons=tuple(self.reasons),
            interrupted=interrupted,
        )


def _levels(most: int) -> list[int]:
    levels = [digit * 10**power for power in range(7) for digit in (1, 2, 5)]
    return [*(level for level in levels if level < most), most]


def find_knee(
    engine: Engine,
    objective: str = "",
    *,
    arrivals: Callable[[float, float], Plan] = constant,
    most_connections: int = MOST_CONNECTIONS,
    budget_s: float = BUDGET_S,
    timeout_s: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
    progress: Callable[[str], None] = lambda _line: None,
) -> Knee:
    """Return the number of connections and the rate up to which a target keeps up.

    Args:
        engine: carries out each step's plan.
        objective: threshold that each open step must keep, ``p(99) < 50ms``; empty: the target need only keep up.
        arrivals: makes the plan of an open step of a rate per second and a length in seconds.
        most_connections: last step of the staircase.
        budget_s: no step begins that would end later.
        timeout_s: limit in seconds for one answer.
        clock: seconds, monotonic.
        pause: waits some seconds between looks whether the target has recovered.
        progress: gets a few words before each step.

    Raises:
        UsageError: the objective is no threshold.
        NotAllowed: the guard refused a step.
    """
    search = _Search(
        engine,
        objective,
        arrivals,
        most_connections,
        budget_s,
        timeout_s,
        clock,
        pause,
        progress,
        started=clock(),
    )
    interrupted = False
    try:
        if search.begin():
            search.staircase()
            if search.best_per_s and not search.gone and not search.findings:
                search.rates()
    except (_InterruptedError, KeyboardInterrupt):  # within a step, between two
        interrupted = True
    return search.found(interrupted=interrupted)
