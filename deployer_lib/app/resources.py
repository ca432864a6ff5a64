"""What an application used over time: CPU, memory, descriptors, threads, processes; and how each of them went.

:func:`deployer_lib.app.watching.watch` takes the samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from deployer_lib.check import JSONValue

__all__ = ["Course", "Fullest", "Limits", "Measure", "Resources", "Span"]

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

Measure = Literal["rss_bytes", "uss_bytes", "descriptors", "threads", "processes"]

#: How a measure went: about the same; more than before, and then the same; more and more until the end; too few samples.
Course = Literal["steady", "rose", "grows", "unknown"]

_SHORTEST_NS: Final = 100_000_000  # of an interval for CPU, which is counted in hundredths of a second
_FEW: Final = 8  # samples from which on a course is told
_SHARE: Final = 0.05  # of what there was; less is no growth
_SLOWER: Final = 0.5  # of the growth before: less is a curve that flattens out
#: What is too little to be called growth, whatever there was.
_LEAST: Final[dict[Measure, float]] = {
    "rss_bytes": 4e6,
    "uss_bytes": 4e6,
    "descriptors": 8,
    "threads": 4,
    "processes": 2,
}


@dataclass(frozen=True, slots=True)
class Fullest:
    """The process that had more descriptors open than any other, at that moment."""

    process: str  # name and pid
    used: int
    limit: int | None  # its soft limit (RLIMIT_NOFILE); None: none


@dataclass(frozen=True, slots=True)
class Limits:
    """What the watched processes may use at most."""

    cores: float  # by affinity and control group
    memory_bytes: int | None = None  # by control group; None: as much as there is
    descriptors: Fullest | None = None  # which are limited process by process; None: not to be known


@dataclass(frozen=True, slots=True)
class Span:
    """One measure over time, in short."""

    first: float
    last: float
    peak: float
    course: Course

    def to_json(self) -> dict[str, JSONValue]:
        """Return its JSON shape, in whole numbers."""
        return {
            "first": round(self.first),
            "last": round(self.last),
            "peak": round(self.peak),
            "course": self.course,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Resources:
    """What processes used, with everything below them: arrays of one length, one entry a sample, in order of time."""

    at_ns: Int64  # by the clock of time.monotonic_ns, as in a load's columns
    cpu_s: Float64  # user and system time since the first sample, of those that have ended too; never falls
    rss_bytes: Int64  # resident memory; what processes share counts in each
    uss_bytes: (
        Float64  # memory that would be free if all ended; nan: not read in this sample, or not readable
    )
    descriptors: Float64  # open files, sockets and the like; nan: not readable
    threads: Int64
    processes: Int64  # that run; those that ended and were not collected are left out
    limits: Limits
    watched: tuple[str, ...] = ()  # name and pid of each process that was given
    notes: tuple[str, ...] = ()  # what was not seen, and why; one sentence each
    watching_cpu_s: float = 0.0  # processor time that sampling itself took

    def __len__(self) -> int:
        return len(self.at_ns)

    @property
    def duration_s(self) -> float:
        """Return the time from the first sample to the last."""
        return float(self.at_ns[-1] - self.at_ns[0]) / 1e9 if len(self) else 0.0

    @property
    def cpu_edges_ns(self) -> Int64:
        """Return the times between which :attr:`cpu_cores` are counted: those of samples at least 0.1 s apart."""
        return np.asarray(self.at_ns[self._apart()], dtype=np.int64)

    @property
    def cpu_cores(self) -> Float64:
        """Return the cores in use in each interval, one entry fewer than :attr:`cpu_edges_ns`."""
        kept = self._apart()
        if len(kept) < 2:  # noqa: PLR2004  (an interval has two ends)
            return np.zeros(0, np.float64)
        return np.asarray(np.diff(self.cpu_s[kept]) * 1e9 / np.diff(self.at_ns[kept]), dtype=np.float64)

    @property
    def cpu_mean_cores(self) -> float | None:
        """Return the cores in use over the whole time; None where it was too short to tell."""
        if self.duration_s * 1e9 < _SHORTEST_NS:
            return None
        return float(self.cpu_s[-1] - self.cpu_s[0]) / self.duration_s

    @property
    def memory(self) -> Literal["rss_bytes", "uss_bytes"]:
        """Return which measure of memory says most: of several processes resident memory counts what they share twice."""
        several = len(self) > 0 and int(self.processes.max()) > 1
        return "uss_bytes" if several and self.span("uss_bytes") else "rss_bytes"

    def span(self, measure: Measure) -> Span | None:
        """Return a measure's first and last value, its peak and course; None where it was never read."""
        values = np.asarray(getattr(self, measure), dtype=np.float64)
        known = ~np.isnan(values)
        if not known.any():
            return None
        values, at_ns = values[known], self.at_ns[known]
        course = _course(values, at_ns, _LEAST[measure])
        return Span(float(values[0]), float(values[-1]), float(values.max()), course)

    @property
    def growing(self) -> tuple[Measure, ...]:
        """Return what grew until the end; resident memory only where unshared memory does not say it already."""
        found = [
            measure
            for measure in get_args(Measure)
            if (span := self.span(measure)) and span.course == "grows"
        ]
        return tuple(measure for measure in found if measure != "rss_bytes" or "uss_bytes" not in found)

    def to_json(self) -> dict[str, JSONValue]:
        """Return a summary, without the samples; null is what was not seen."""
        cores, mean, fullest = self.cpu_cores, self.cpu_mean_cores, self.limits.descriptors
        spans = {measure: self.span(measure) for measure in get_args(Measure)}
        return {
            "watched": list(self.watched),
            "samples": len(self),
            "duration_s": round(self.duration_s, 3),
            "cpu_s": round(float(self.cpu_s[-1]), 3) if len(self) else None,
            "cpu_cores": {
                "mean": None if mean is None else round(mean, 3),
                "peak": round(float(cores.max()), 3) if len(cores) else None,
                "of": self.limits.cores,
            },
            **{measure: span.to_json() if span else None for measure, span in spans.items()},
            "growing": list(self.growing),
            "most_descriptors": {"process": fullest.process, "used": fullest.used, "limit": fullest.limit}
            if fullest
            else None,
            "memory_limit_bytes": self.limits.memory_bytes,
            "watching_cpu_s": round(self.watching_cpu_s, 3),
            "notes": list(self.notes),
        }

    def _apart(self) -> Int64:
        """Return the places of samples that are far enough apart to count CPU between them."""
        kept: list[int] = []
        for place, at_ns in enumerate(self.at_ns.tolist()):
            if not kept or at_ns - self.at_ns[kept[-1]] >= _SHORTEST_NS:
                kept.append(place)
        return np.array(kept, dtype=np.int64)


def _course(values: Float64, at_ns: Int64, least: float) -> Course:
    """Tell how values went, by the lowest of each quarter of the time.

    The lowest, since memory that is collected now and then goes up and down: what stays after each collection is what
    counts. Growth is growth from quarter to quarter, and the last step at least half of the one before: caches and pools
    that fill up take smaller and smaller steps.
    """
    if len(values) < _FEW:
        return "unknown"
    quarter = np.minimum((at_ns - at_ns[0]) * 4 // max(1, int(at_ns[-1] - at_ns[0])), 3)
    if len(np.unique(quarter)) < 4:  # noqa: PLR2004  (a quarter without a sample)
        return "unknown"
    lows = [float(values[quarter == number].min()) for number in range(4)]
    enough = max(least, _SHARE * lows[1])
    before, after = lows[2] - lows[1], lows[3] - lows[2]
    if before > 0 and after >= _SLOWER * before and before + after >= enough:
        return "grows"
    return "rose" if lows[3] - float(values[0]) >= enough else "steady"
