"""What a load test measured: one row a request, kept raw, and every view derived from it.

Response time counts from *intended* (when the request was due), service time from *sent*. Only answers below 400 count
as answered in time: an error or a 429 is often fast, and would flatter the mean. What did not finish is censored: it
counts with the time it had waited when it was given up, which is a lower bound, so it is never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from deployer_lib.check import JSONValue

__all__ = ["CENSORED", "LoadResult", "LoadVerdict", "Request", "Times"]

Column = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: Error kinds of requests that were given up before their end: their true time is longer than what was measured.
CENSORED: Final = ("timeout", "stopped")
_TOO_MANY: Final = 429
_FIRST_ERROR: Final = 400
#: Above this share of one core the generator itself, one Python process, is what was measured.
_BUSY_SHARE: Final = 0.9
_LAG_MS: Final = 10.0  # a generator that sends later than this does not do what was planned


class LoadVerdict(StrEnum):
    """How far a measurement may be believed."""

    VALID = "valid"
    DEGRADED = "degraded"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the engine saw it; times in nanoseconds of one monotonic clock."""

    intended_ns: int  # when it was due
    sent_ns: int  # when its first byte was handed to the system
    done_ns: int  # when its last byte came, or when it was given up
    status: int = 0  # 0: no whole answer
    size_bytes: int = 0  # of the body
    error: str = ""  # kind of failure (refused, reset, timeout, stopped …); empty where an answer came


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
    def of(cls, values_ms: npt.NDArray[np.float64]) -> Times | None:
        """Return the statistics, None of no values."""
        if not len(values_ms):
            return None
        ranks = np.percentile(values_ms, [50, 90, 95, 99, 99.9], method="inverted_cdf")
        p50, p90, p95, p99, p99_9 = (float(rank) for rank in ranks)
        mean, maximum = float(values_ms.mean()), float(values_ms.max())
        return cls(len(values_ms), mean, p50, p90, p95, p99, p99_9, maximum)

    def to_json(self) -> dict[str, JSONValue]:
        """Return the JSON shape of SCHEMA.md, in milliseconds with three places."""
        names = ("mean", "p50", "p90", "p95", "p99", "p99_9", "max")
        return {name: round(float(getattr(self, name)), 3) for name in names}


@dataclass(frozen=True, slots=True, eq=False)
class LoadResult:
    """The columns of a load test, in the order in which requests were sent."""

    intended_ns: Column
    sent_ns: Column
    done_ns: Column
    status: Column
    size_bytes: Column
    error: tuple[str, ...]
    planned: int  # requests that were to be sent
    concurrent: int  # at a time
    client_cpu_s: float  # processor time of the generator's process
    stopped: str = ""  # why it ended before the plan did

    @classmethod
    def of(
        cls,
        requests: Iterable[Request],
        *,
        planned: int,
        concurrent: int,
        client_cpu_s: float,
        stopped: str = "",
    ) -> LoadResult:
        """Return the columns of these requests, which are put in order of sending."""
        rows = sorted(requests, key=lambda r: (r.sent_ns, r.done_ns))

        def column(values: list[int]) -> Column:
            made = np.array(values, dtype=np.int64)
            made.setflags(write=False)
            return made

        return cls(
            column([r.intended_ns for r in rows]),
            column([r.sent_ns for r in rows]),
            column([r.done_ns for r in rows]),
            column([r.status for r in rows]),
            column([r.size_bytes for r in rows]),
            tuple(r.error for r in rows),
            planned,
            concurrent,
            client_cpu_s,
            stopped,
        )

    def __len__(self) -> int:
        return len(self.sent_ns)

    @property
    def answered(self) -> Mask:
        """Tell for each request whether it was answered below 400."""
        return np.asarray((self.status > 0) & (self.status < _FIRST_ERROR), dtype=np.bool_)

    @property
    def censored(self) -> Mask:
        """Tell for each request whether it was given up before its end."""
        return np.array([kind in CENSORED for kind in self.error], dtype=np.bool_)

    @property
    def wrong(self) -> Mask:
        """Tell for each request whether it failed: a status from 400 on other than 429, or no whole answer."""
        refused = (self.status >= _FIRST_ERROR) & (self.status != _TOO_MANY)
        return np.asarray(refused | (self.status == 0), dtype=np.bool_)

    @property
    def errors(self) -> int:
        """Count failed requests, those given up included; 429 is counted in :attr:`throttled`."""
        return int(self.wrong.sum())

    @property
    def throttled(self) -> int:
        """Count answers 429."""
        return int((self.status == _TOO_MANY).sum())

    @property
    def unsent(self) -> int:
        """Count requests that were planned and never sent."""
        return self.planned - len(self)

    @property
    def errors_by_kind(self) -> dict[str, int]:
        """Count failed requests by kind: ``status 500``, ``reset``, ``timeout`` …, most frequent first."""
        counts: dict[str, int] = {}
        for status, kind, wrong in zip(self.status.tolist(), self.error, self.wrong.tolist(), strict=True):
            if wrong:
                name = kind or f"status {status}"
                counts[name] = counts.get(name, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @property
    def by_status(self) -> dict[str, int]:
        """Count answers by status, in order of status; requests without an answer are left out."""
        values, counts = np.unique(self.status[self.status > 0], return_counts=True)
        return {str(value): int(count) for value, count in zip(values.tolist(), counts.tolist(), strict=True)}

    @property
    def response_ms(self) -> Times | None:
        """Return response times (intended to last byte) of what was answered or given up; None of nothing."""
        return Times.of(self._times_ms(self.intended_ns))

    @property
    def service_ms(self) -> Times | None:
        """Return service times (sent to last byte) of what was answered or given up; None of nothing."""
        return Times.of(self._times_ms(self.sent_ns))

    @property
    def generator_lag_ms(self) -> Times | None:
        """Return how much later than intended requests were sent; None of nothing."""
        return Times.of((self.sent_ns - self.intended_ns) / 1e6)

    @property
    def duration_s(self) -> float:
        """Return the time from the first request's due time to the last one's end."""
        return float(self.done_ns.max() - self.intended_ns.min()) / 1e9 if len(self) else 0.0

    @property
    def throughput_per_s(self) -> float:
        """Return answers below 400 per second, over the whole duration."""
        return float(self.answered.sum()) / self.duration_s if self.duration_s else 0.0

    @property
    def offered_per_s(self) -> float:
        """Return requests sent per second, over the whole duration."""
        return len(self) / self.duration_s if self.duration_s else 0.0

    @property
    def verdict(self) -> LoadVerdict:
        """Return how far the measurement may be believed; :attr:`reasons` says why."""
        if not self.answered.any():
            return LoadVerdict.INVALID
        return LoadVerdict.DEGRADED if self.reasons else LoadVerdict.VALID

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return what speaks against the measurement, one sentence each; empty where nothing does."""
        if not len(self):
            return ("No request was sent.",)
        found = []
        if not self.answered.any():
            found.append("No request was answered below 400, so no response time is known.")
        if self.stopped or self.unsent:
            found.append(
                f"{self.unsent} of {self.planned} requests were not sent: {self.stopped or 'it ended early'}."
            )
        if self.throttled:
            found.append(f"{self.throttled} of {len(self)} answers were 429: a rate limit was measured too.")
        if given_up := int(self.censored.sum()):
            found.append(f"{given_up} requests were given up: their times are lower bounds.")
        return (*found, *self._generator_reasons())

    def _generator_reasons(self) -> list[str]:
        found = []
        lag = self.generator_lag_ms
        if lag and lag.p95 > _LAG_MS:
            found.append(
                f"The generator sent late: {lag.p95:.0f} ms after the due time at the 95th percentile."
            )
        if self.generator_busy:
            found.append(
                f"The generator itself was busy ({self.client_cpu_s:.1f} s of processor in {self.duration_s:.1f} s): "
                "response times are upper bounds."
            )
        return found

    @property
    def generator_busy(self) -> bool:
        """Tell whether the generator used so much of a core that it was part of what was measured."""
        return self.duration_s > 0 and self.client_cpu_s > _BUSY_SHARE * self.duration_s

    def _times_ms(self, since: Column) -> npt.NDArray[np.float64]:
        counted = self.answered | self.censored
        times: npt.NDArray[np.float64] = (self.done_ns - since)[counted] / 1e6
        return times

    def to_json(self) -> dict[str, JSONValue]:
        """Return the JSON shape of SCHEMA.md (``load``); times are null where nothing was answered."""
        by_status: dict[str, JSONValue] = dict(self.by_status)
        by_kind: dict[str, JSONValue] = dict(self.errors_by_kind)
        return {
            "schema": "load/1",
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "requests": len(self),
            "planned": self.planned,
            "concurrent": self.concurrent,
            "errors": self.errors,
            "errors_by_kind": by_kind,
            "throttled": self.throttled,
            "censored": int(self.censored.sum()),
            "by_status": by_status,
            "duration_s": round(self.duration_s, 3),
            "throughput_per_s": round(self.throughput_per_s, 2),
            "offered_per_s": round(self.offered_per_s, 2),
            "response_ms": _json(self.response_ms),
            "service_ms": _json(self.service_ms),
            "generator_lag_ms": _json(self.generator_lag_ms),
            "client_cpu_s": round(self.client_cpu_s, 3),
            "gates": [],
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row a request: start in seconds since the first, response and service time, status, outcome."""
        import pandas as pd  # noqa: PLC0415  (most of a second, and only people who look at rows need it)

        first = int(self.intended_ns.min()) if len(self) else 0
        return pd.DataFrame(
            {
                "at_s": (self.intended_ns - first) / 1e9,
                "response_ms": (self.done_ns - self.intended_ns) / 1e6,
                "service_ms": (self.done_ns - self.sent_ns) / 1e6,
                "status": self.status,
                "size_bytes": self.size_bytes,
                "error": list(self.error),
                "censored": self.censored,
            }
        )


def _json(times: Times | None) -> JSONValue:
    return times.to_json() if times else None
