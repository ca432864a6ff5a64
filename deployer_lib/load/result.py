"""What a load test measured, and every view derived from its raw columns.

Response time counts from *intended* (when the request was due), service time from *sent*. Only answers as expected (below
400 where nothing else was asked for) count as answered in time: an error or a 429 is often fast, and would flatter the
mean. What did not finish is censored: it counts with the time it had waited when it was given up, which is a lower bound,
so it is never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from deployer_lib.load import outcomes
from deployer_lib.load.columns import ERRORS, Columns
from deployer_lib.load.health import Health, LoadVerdict, busy, examine
from deployer_lib.load.histogram import Histogram
from deployer_lib.load.outcomes import CENSORED, Times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from deployer_lib.app.resources import Resources
    from deployer_lib.check import JSONValue

__all__ = ["CENSORED", "LoadResult", "LoadVerdict", "Part", "Series", "Times"]

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_RAW_TIMES: Final = ("intended_ns", "seen_ns", "sent_ns", "first_byte_ns", "done_ns")
_UNEXPECTED: Final = ERRORS.index("unexpected status")


@dataclass(frozen=True, slots=True)
class Series:
    """Counts over time: arrays of one length, one entry an interval."""

    at_s: Floats  # where the interval begins, from the first request's due time
    step_s: float  # how long an interval is
    due: Integers  # requests that were due in it
    answered: Integers  # requests that were answered as expected in it, whenever they were due
    throttled: Integers  # answers 429 in it
    errors: Integers  # requests that failed, or were given up, in it


@dataclass(frozen=True, slots=True)
class Part:
    """Requests of one stage of the plan, or of one request of the mix."""

    number: int
    name: str  # empty where it has none
    requests: int
    errors: int
    throttled: int
    duration_s: float  # from the first one's due time to the last one's end
    throughput_per_s: float  # answered as expected, over that duration
    response_ms: Times | None  # None: nothing was answered
    service_ms: Times | None
    errors_by_kind: Mapping[str, int]  # of its errors, most frequent first

    def to_json(self) -> dict[str, JSONValue]:
        """Return its JSON shape."""
        by_kind: dict[str, JSONValue] = dict(self.errors_by_kind)
        return {
            "number": self.number,
            "name": self.name,
            "requests": self.requests,
            "errors": self.errors,
            "errors_by_kind": by_kind,
            "throttled": self.throttled,
            "throughput_per_s": round(self.throughput_per_s, 2),
            "response_ms": _json(self.response_ms),
            "service_ms": _json(self.service_ms),
        }


@dataclass(frozen=True, eq=False)  # no slots: what is derived once is kept in the instance
class LoadResult:
    """A load test: its columns, in order of intended time, and the views on them."""

    columns: Columns
    plan_name: str = ""  # in a person's words: "200/s for 30 s"
    spec_names: Sequence[str] = ()  # of the mix, in its order: "GET /products"
    floor_ms: float | None = None  # median response time of a server that does nothing; None: not measured
    resources: Resources | None = None  # of the application meanwhile; None: not watched

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def planned(self) -> int:
        """Return how many requests were to be sent."""
        return self.columns.planned

    @property
    def stopped(self) -> str:
        """Return why it ended before the plan did; empty where it did not."""
        return self.columns.stopped

    @property
    def client_cpu_s(self) -> float:
        """Return the processor time of the generator, all of its processes together."""
        return self.columns.client_cpu_ns / 1e9

    @cached_property
    def answered(self) -> Mask:
        """Tell for each request whether it was answered as expected: below 400 where nothing else was asked for."""
        return outcomes.answered(self.columns)

    @cached_property
    def censored(self) -> Mask:
        """Tell for each request whether it was given up before its end."""
        return outcomes.censored(self.columns)

    @cached_property
    def wrong(self) -> Mask:
        """Tell for each request whether it failed: an unexpected answer other than 429, or no whole answer."""
        return outcomes.wrong(self.columns)

    @cached_property
    def errors(self) -> int:
        """Count failed requests, those given up included; 429 is counted in :attr:`throttled`."""
        return int(self.wrong.sum())

    @cached_property
    def throttled(self) -> int:
        """Count answers 429 that nobody expected."""
        return int(outcomes.throttled(self.columns).sum())

    @property
    def unsent(self) -> int:
        """Count requests that were planned and never tried."""
        return self.columns.unsent

    @property
    def errors_by_kind(self) -> dict[str, int]:
        """Count failed requests by kind: ``status 500``, ``reset``, ``timeout`` …, most frequent first."""
        return _by_kind(self.columns)

    @property
    def by_status(self) -> dict[str, int]:
        """Count answers by status, in order of status; requests without an answer are left out."""
        status = self.columns.status
        values, counts = np.unique(status[status > 0], return_counts=True)
        return {str(value): int(count) for value, count in zip(values.tolist(), counts.tolist(), strict=True)}

    @cached_property
    def response_ms(self) -> Times | None:
        """Return response times (intended to last byte) of what was answered or given up; None of nothing."""
        return Times.of(outcomes.response_ns(self.columns, self.answered | self.censored) / 1e6)

    @cached_property
    def service_ms(self) -> Times | None:
        """Return service times (sent to last byte) of what was answered or given up; None of nothing."""
        return Times.of(outcomes.service_ns(self.columns, self.answered | self.censored) / 1e6)

    @cached_property
    def generator_lag_ms(self) -> Times | None:
        """Return how much later than intended requests were sent where a connection was free; None of nothing."""
        return Times.of(outcomes.generator_lag_ms(self.columns))

    @property
    def response_times_ms(self) -> Floats:
        """Return the response time of each request, in order of intended time; of whatever became of it."""
        return np.asarray(
            (outcomes.ended_ns(self.columns) - self.columns.intended_ns) / 1e6, dtype=np.float64
        )

    @property
    def response_histogram(self) -> Histogram:
        """Return the response times, in microseconds, in HdrHistogram's layout; given-up ones by their lower bound."""
        return _histogram(outcomes.response_ns(self.columns, self.answered | self.censored))

    @property
    def service_histogram(self) -> Histogram:
        """Return the service times, in microseconds, in HdrHistogram's layout; given-up ones by their lower bound."""
        return _histogram(outcomes.service_ns(self.columns, self.answered | self.censored))

    @cached_property
    def duration_s(self) -> float:
        """Return the time from the first request's due time to the last one's end."""
        return _duration_s(self.columns)

    @property
    def throughput_per_s(self) -> float:
        """Return answers as expected per second, over the whole duration."""
        return float(self.answered.sum()) / self.duration_s if self.duration_s else 0.0

    @property
    def offered_per_s(self) -> float:
        """Return requests that were due per second, over the whole duration."""
        return len(self) / self.duration_s if self.duration_s else 0.0

    @cached_property
    def health(self) -> Health:
        """Return how far the measurement may be believed, and whose doing it is where it may not."""
        return examine(self.columns, floor_ms=self.floor_ms)

    @property
    def verdict(self) -> LoadVerdict:
        """Return how far the measurement may be believed; :attr:`reasons` says why."""
        return self.health.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return what speaks against the measurement, one sentence each, worst first; empty where nothing does."""
        return tuple(reason.text for reason in self.health.reasons)

    @property
    def generator_busy(self) -> bool:
        """Tell whether the generator used so much of its cores that it was part of what was measured."""
        return busy(self.columns)

    def series(self, step_s: float = 1.0) -> Series:
        """Return counts over time, in intervals of ``step_s`` seconds; arrays of nothing where nothing was sent."""
        columns, step_ns = self.columns, int(step_s * 1e9)
        first = int(columns.intended_ns.min()) if len(self) else 0
        due = (columns.intended_ns - first) // step_ns
        ended = (outcomes.ended_ns(columns) - first) // step_ns
        length = int(max(due.max(), ended.max())) + 1 if len(self) else 0

        def counted(at: Integers) -> Integers:
            return np.bincount(at, minlength=length).astype(np.int64)

        return Series(
            np.arange(length, dtype=np.float64) * step_s,
            step_s,
            counted(due),
            counted(ended[self.answered]),
            counted(ended[outcomes.throttled(columns)]),
            counted(ended[self.wrong]),
        )

    def stages(self) -> tuple[Part, ...]:
        """Return each stage of the plan by itself, in order; stages without a request are left out."""
        return tuple(
            _part(self.columns.picked(self.columns.stage == number), int(number), "")
            for number in np.unique(self.columns.stage)
        )

    def specs(self) -> tuple[Part, ...]:
        """Return each request of the mix by itself, in the mix's order; what was never sent is left out."""
        names = dict(enumerate(self.spec_names))
        return tuple(
            _part(self.columns.picked(self.columns.spec == number), int(number), names.get(int(number), ""))
            for number in np.unique(self.columns.spec)
        )

    @property
    def _is_mix(self) -> bool:
        return len(self.spec_names) > 1 or _mixed(self.columns.spec)

    def to_json(self) -> dict[str, JSONValue]:
        """Return the JSON shape of SCHEMA.md (``load``); times are null where nothing was answered."""
        by_status: dict[str, JSONValue] = dict(self.by_status)
        by_kind: dict[str, JSONValue] = dict(self.errors_by_kind)
        return {
            "schema": "load/1",
            "plan": self.plan_name,
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "notes": list(self.health.notes),
            "requests": len(self),
            "planned": self.planned,
            "unsent": self.unsent,
            "concurrent": self.columns.connections,
            "errors": self.errors,
            "errors_by_kind": by_kind,
            "throttled": self.throttled,
            "censored": int(self.censored.sum()),
            "waited": int(self.columns.waited.sum()),
            "by_status": by_status,
            "duration_s": round(self.duration_s, 3),
            "throughput_per_s": round(self.throughput_per_s, 2),
            "offered_per_s": round(self.offered_per_s, 2),
            "response_ms": _json(self.response_ms),
            "service_ms": _json(self.service_ms),
            "generator_lag_ms": _json(self.generator_lag_ms),
            "floor_ms": None if self.floor_ms is None else round(self.floor_ms, 3),
            "client_cpu_s": round(self.client_cpu_s, 3),
            "workers": [share.to_json() for share in self.columns.shares],
            "stages": [part.to_json() for part in self.stages()] if _mixed(self.columns.stage) else [],
            "specs": [part.to_json() for part in self.specs()] if self._is_mix else [],
            "gates": [],
            "resources": None if self.resources is None else self.resources.to_json(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row a request: when it was due in seconds since the first, its times, and all raw columns.

        ``first_byte_ms`` counts from sent. Times of what never was sent, or had no first byte, are not a number.
        """
        import pandas as pd  # noqa: PLC0415  (most of a second, and only people who look at rows need it)

        columns = self.columns
        first = int(columns.intended_ns.min()) if len(self) else 0
        ended_ns = outcomes.ended_ns(columns)
        sent, began = columns.sent_ns > 0, columns.first_byte_ns > 0
        return pd.DataFrame(
            {
                "at_s": (columns.intended_ns - first) / 1e9,
                "response_ms": (ended_ns - columns.intended_ns) / 1e6,
                "service_ms": np.where(sent, ended_ns - columns.sent_ns, np.nan) / 1e6,
                "first_byte_ms": np.where(sent & began, columns.first_byte_ns - columns.sent_ns, np.nan)
                / 1e6,
                "status": columns.status,
                "size_bytes": columns.size_bytes,
                "error": pd.Categorical.from_codes(columns.error, categories=pd.Index(ERRORS)),
                "answered": self.answered,
                "censored": self.censored,
                "waited": columns.waited,
                "connection": columns.connection,
                "stage": columns.stage,
                "spec": columns.spec,
                **{name: getattr(columns, name) for name in _RAW_TIMES},
            }
        )


def _histogram(values_ns: Integers) -> Histogram:
    made = Histogram()
    made.record_many(values_ns // 1_000)
    return made


def _duration_s(columns: Columns) -> float:
    if not len(columns):
        return 0.0
    return float(outcomes.ended_ns(columns).max() - columns.intended_ns.min()) / 1e9


def _part(columns: Columns, number: int, name: str) -> Part:
    lasted_s, answered = _duration_s(columns), int(outcomes.answered(columns).sum())
    which = outcomes.timed(columns)
    return Part(
        number=number,
        name=name,
        requests=len(columns),
        errors=int(outcomes.wrong(columns).sum()),
        throttled=int(outcomes.throttled(columns).sum()),
        duration_s=lasted_s,
        throughput_per_s=answered / lasted_s if lasted_s else 0.0,
        response_ms=Times.of(outcomes.response_ns(columns, which) / 1e6),
        service_ms=Times.of(outcomes.service_ns(columns, which) / 1e6),
        errors_by_kind=_by_kind(columns),
    )


def _by_kind(columns: Columns) -> dict[str, int]:
    wrong = outcomes.wrong(columns)
    error, status = columns.error[wrong], columns.status[wrong]
    pairs = np.stack([error.astype(np.int64), np.where(error == _UNEXPECTED, status, 0)])
    kinds, numbers = np.unique(pairs, axis=1, return_counts=True)
    counts = {
        f"status {code}" if kind == _UNEXPECTED else ERRORS[kind] or "no answer": count
        for kind, code, count in zip(*kinds.tolist(), numbers.tolist(), strict=True)
    }
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _mixed(numbers: npt.NDArray[np.int16]) -> bool:
    """Tell whether there is more than one part: of one, the whole says it all."""
    return len(numbers) > 0 and bool((numbers != numbers[0]).any())


def _json(times: Times | None) -> JSONValue:
    return times.to_json() if times else None
