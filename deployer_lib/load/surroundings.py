"""What happened beside a load generator while it measured: its own processor time, its waits for one, and others' use.

A worker takes a :class:`Snapshot` before its loop and asks it for :class:`Surroundings` after; both cost well under a
millisecond, and nothing in between. Linux tells all of it in /proc; what a system does not tell is None, never zero.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Snapshot", "Surroundings"]

_PROC: Final = Path("/proc")
_IDLE, _IOWAIT, _STEAL = 3, 4, 7  # places in a line of /proc/stat, see proc_stat(5)
_COUNTED: Final = 8  # the places after these, guest times, are contained in the first two


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one worker, or all of them together, lived through; nanoseconds are summed over workers."""

    wall_ns: int  # from first to second look
    cpu_ns: int  # processor time of the generating thread
    run_queue_ns: int | None = None  # the thread was ready to run, and no processor was free for it
    runs: int | None = None  # how often it was given a processor
    core_ns: int | None = None  # processor time that there was on the cores on which it may run
    others_ns: int | None = None  # of that, what others than generating threads used
    steal_ns: int | None = None  # of that, what a virtual machine's host took away
    cores: frozenset[int] = frozenset()  # on which it may run

    @classmethod
    def merged(cls, parts: Sequence[Surroundings]) -> Surroundings:
        """Return what several workers lived through, as one; what one of them does not know is not known."""
        everyone_ns = sum(part.cpu_ns for part in parts)
        alone = not any(one.cores & another.cores for one, another in combinations(parts, 2))
        others_ns = _total(part.others_ns for part in parts)
        if others_ns is not None and not alone:
            # On shared cores each worker took its fellows for others.
            others_ns = max(0, others_ns - (len(parts) - 1) * everyone_ns)
        return cls(
            sum(part.wall_ns for part in parts),
            everyone_ns,
            _total(part.run_queue_ns for part in parts),
            _total(part.runs for part in parts),
            _total(part.core_ns for part in parts),
            others_ns,
            _total(part.steal_ns for part in parts),
            frozenset().union(*(part.cores for part in parts)),
        )


def _total(values: Iterable[int | None]) -> int | None:
    everything = list(values)
    known = [value for value in everything if value is not None]
    return sum(known) if len(known) == len(everything) else None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at the clocks of this thread and of its cores; counters since some earlier time."""

    wall_ns: int
    cpu_ns: int
    queue: tuple[int, int] | None  # nanoseconds waited for a processor, and how often it was given one
    core_ns: (
        tuple[int, int, int] | None
    )  # all, idle and stolen time of the cores on which this thread may run
    cores: frozenset[int]

    @classmethod
    def take(cls, proc: Path = _PROC) -> Snapshot:
        """Look now; from the thread that generates the load.

        Args:
            proc: where the system tells about itself.
        """
        # Where a system knows no affinity, a thread may run on every core.
        may_run_on = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
        cores = frozenset(may_run_on(0))
        return cls(time.monotonic_ns(), time.thread_time_ns(), _queue(proc), _cores_ns(proc, cores), cores)

    def since(self, proc: Path = _PROC) -> Surroundings:
        """Look again and return what happened in between."""
        now = Snapshot.take(proc)
        wall_ns, cpu_ns = now.wall_ns - self.wall_ns, now.cpu_ns - self.cpu_ns
        run_queue_ns = runs = core_ns = others_ns = stolen_ns = None
        if now.queue and self.queue:
            run_queue_ns, runs = (after - before for after, before in zip(now.queue, self.queue, strict=True))
        if now.core_ns and self.core_ns:
            spent = [after - before for after, before in zip(now.core_ns, self.core_ns, strict=True)]
            core_ns, idle_ns, stolen_ns = spent
            others_ns = max(0, core_ns - idle_ns - stolen_ns - cpu_ns)
        return Surroundings(wall_ns, cpu_ns, run_queue_ns, runs, core_ns, others_ns, stolen_ns, now.cores)


def _queue(proc: Path) -> tuple[int, int] | None:
    """Read what the scheduler counted of this thread (Linux's sched-stats.rst: fields two and three)."""
    try:
        _, waited_ns, runs = (proc / "thread-self" / "schedstat").read_text().split()
        return int(waited_ns), int(runs)
    except (OSError, ValueError):
        return None


def _cores_ns(proc: Path, cores: frozenset[int]) -> tuple[int, int, int] | None:
    names = {f"cpu{core}" for core in cores}
    try:
        lines = [line.split() for line in (proc / "stat").read_text().splitlines()]
        rows = [
            [int(value) for value in line[1 : 1 + _COUNTED]] for line in lines if line and line[0] in names
        ]
        idle, stolen = sum(row[_IDLE] + row[_IOWAIT] for row in rows), sum(row[_STEAL] for row in rows)
    except (OSError, ValueError, IndexError):
        return None
    tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return sum(map(sum, rows)) * tick_ns, idle * tick_ns, stolen * tick_ns
