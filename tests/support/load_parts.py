"""A target that is simulated: a plan's requests go through a queue whose capacity is known, in no time at all."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from deployer_lib.load.columns import ERRORS, Columns

if TYPE_CHECKING:
    from deployer_lib.load.plan import Plan

__all__ = ["Queue", "columns_of"]

Row = tuple[float, float, float, int, int, str]  # intended_s, sent_s, done_s, status, connection, error


def columns_of(
    rows: list[Row], *, connections: int = 10, unsent: int = 0, stopped: str = "", waited: bool = True
) -> Columns:
    """Return the columns of rows whose times are in seconds.

    Args:
        rows: one a request.
        connections: at most so many at a time.
        unsent: planned and not tried.
        stopped: why it ended early.
        waited: whether what was sent late waited for a connection; else the generator was late.
    """
    rows = sorted(rows, key=lambda row: row[0])
    begin_ns = 1_000_000_000

    def times(place: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([round(float(row[place]) * 1e9) + begin_ns for row in rows], dtype=np.int64)

    intended, sent, done = times(0), times(1), times(2)
    count = len(rows)
    return Columns(
        intended_ns=intended,
        seen_ns=intended.copy(),
        sent_ns=sent,
        first_byte_ns=done.copy(),
        done_ns=done,
        status=np.array([row[3] for row in rows], dtype=np.int16),
        size_bytes=np.full(count, 2, dtype=np.int64),
        connection=np.array([row[4] for row in rows], dtype=np.int32),
        stage=np.zeros(count, dtype=np.int16),
        spec=np.zeros(count, dtype=np.int16),
        error=np.array([ERRORS.index(row[5]) for row in rows], dtype=np.int8),
        waited=sent > intended if waited else np.zeros(count, dtype=np.bool_),
        planned=count + unsent,
        unsent=unsent,
        connections=connections,
        client_cpu_ns=1_000_000,
        duration_ns=int(done.max() - intended.min()) if count else 0,
        stopped=stopped,
    )


@dataclass
class Queue:
    """So many servers with a fixed service time, and one queue before them; ``now_s`` is its clock."""

    service_s: float = 0.002
    servers: int = 1
    unresponsive_at: int = 1_000_000  # so many connections, and nobody is answered
    recovers: bool = True
    late_above_per_s: float = float("inf")  # the generator sends late where more is due
    interrupted_at: int = 0  # which run somebody interrupts
    hiccups: dict[int, float] = field(
        default_factory=dict
    )  # run → seconds for which it stands still in its middle
    now_s: float = 0.0
    runs: list[Plan] = field(default_factory=list)
    dead: bool = False

    @property
    def capacity_per_s(self) -> float:
        """Return how many requests it can answer in a second."""
        return self.servers / self.service_s

    def clock(self) -> float:
        """Return the time, which passes while a plan is carried out."""
        return self.now_s

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    def __call__(self, plan: Plan, *, connections: int, timeout_s: float) -> Columns:
        """Carry out a plan."""
        self.runs.append(plan)
        if connections >= self.unresponsive_at and plan.requests != 1:
            self.dead = not self.recovers
            made = self._silence(plan, connections, timeout_s)
        elif self.dead:
            made = self._silence(plan, connections, timeout_s)
        else:
            made = self._closed(plan, connections) if plan.mode == "closed" else self._open(plan, connections)
        self.now_s += made.duration_ns / 1e9
        return replace(made, stopped="interrupted") if len(self.runs) == self.interrupted_at else made

    def _silence(self, plan: Plan, connections: int, timeout_s: float) -> Columns:
        count = min(connections, plan.requests or connections)
        rows: list[Row] = [(0.0, 0.0, timeout_s, 0, number, "timeout") for number in range(count)]
        return columns_of(rows, connections=connections)

    def _served(self, free: list[float], at_s: float, stall: tuple[float, float]) -> float:
        begin = max(at_s, heapq.heappop(free))
        if stall[0] <= begin < stall[1]:
            begin = stall[1]
        heapq.heappush(free, begin + self.service_s)
        return begin + self.service_s

    def _stall(self, plan: Plan) -> tuple[float, float]:
        middle = plan.duration_ns / 2e9
        return middle, middle + self.hiccups.get(len(self.runs), 0.0)

    def _closed(self, plan: Plan, connections: int) -> Columns:
        end_s = plan.duration_ns / 1e9 or float("inf")
        ready = [(0.0, number) for number in range(connections)]
        free, rows = [0.0] * self.servers, list[Row]()
        while ready and len(rows) < (plan.requests or 10**9):
            at_s, number = heapq.heappop(ready)
            if at_s >= end_s:
                break
            done = self._served(free, at_s, self._stall(plan))
            rows.append((at_s, at_s, done, 200, number, ""))
            heapq.heappush(ready, (done, number))
        return columns_of(rows, connections=connections)

    def _open(self, plan: Plan, connections: int) -> Columns:
        ready = [(0.0, number) for number in range(connections)]
        free, rows = [0.0] * self.servers, list[Row]()
        late_s = 1.0 if len(plan.due_ns) > self.late_above_per_s * plan.duration_ns / 1e9 else 0.0
        for due_s in (plan.due_ns / 1e9).tolist():
            at_s, number = heapq.heappop(ready)
            sent = max(due_s + late_s, at_s)
            done = self._served(free, sent, self._stall(plan))
            rows.append((due_s, sent, done, 200, number, ""))
            heapq.heappush(ready, (done, number))
        return columns_of(rows, connections=connections, waited=not late_s)
