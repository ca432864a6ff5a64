"""A histogram of times in HdrHistogram's layout, its V2 encoding, and logs of them that HdrHistogram's tools read.

Values are whole microseconds, recorded in batches, not one by one. Counts add up bit by bit: recording in parts and merging
is the same as recording all.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from deployer_lib.load import outcomes
from deployer_lib.load.codec import Encoded, decoded, encoded
from deployer_lib.load.layout import AN_HOUR_US, Layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.load.result import LoadResult

__all__ = ["Histogram", "Interval", "Layout", "log_of", "log_text", "read_log"]

Values = npt.NDArray[np.int64]

_BATCH: Final = 1 << 15  # values at a time: their intermediate arrays stay in the processor's cache
_VERSION: Final = "#[Histogram log format version 1.3]"
_UNITS: Final = "#[Values are microseconds, Interval_Max is milliseconds]"
_LEGEND: Final = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
_NO_TAG: Final = re.compile(r"[\s,]")
_LINE: Final = re.compile(
    r"(?:Tag=(?P<tag>[^,]*),)?(?P<start>[\d.]+),(?P<length>[\d.]+),(?P<max>[\d.]+),(?P<data>\S+)"
)
_BASE: Final = re.compile(r"#\[BaseTime: *([\d.]+) ")


@dataclass(slots=True, eq=False)
class Histogram:
    """Counts of values in microseconds; each value is known to ``digits`` digits.

    A value above the highest that has a slot counts in the last slot, and in :attr:`saturated`; one below ``lowest``
    counts in its slot, a negative one in the first, and in :attr:`too_low`. So the counts always add up to what was
    recorded. These two are not part of the encoded form, which has no place for them.
    """

    lowest: int = 1
    highest: int = AN_HOUR_US
    digits: int = 3
    layout: Layout = field(init=False, repr=False)
    counts: Values = field(init=False, repr=False)  # one a slot
    saturated: int = field(default=0, init=False)  # values above the limit
    too_low: int = field(default=0, init=False)  # values below the lowest

    def __post_init__(self) -> None:
        self.layout = Layout(self.lowest, self.highest, self.digits)
        self.counts = np.zeros(self.layout.slots, dtype=np.int64)

    def __len__(self) -> int:
        return int(self.counts.sum())

    def __eq__(self, other: object) -> bool:
        """Tell whether both have the same layout and the same counts."""
        if not isinstance(other, Histogram):
            return NotImplemented
        return self.layout == other.layout and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def record_many(self, values_us: npt.ArrayLike) -> None:
        """Count values in whole microseconds, in any number and order."""
        values = np.asarray(values_us, dtype=np.int64).reshape(-1)
        for start in range(0, len(values), _BATCH):
            self._record(values[start : start + _BATCH])

    def _record(self, values: Values) -> None:
        limit = self.layout.limit
        if values.max() > limit:
            self.saturated += int((values > limit).sum())
            values = np.minimum(values, limit)
        if values.min() < self.lowest:
            self.too_low += int((values < self.lowest).sum())
            values = np.maximum(values, 0)
        counted = np.bincount(self.layout.indices(values))
        self.counts[: len(counted)] += counted

    def merge(self, other: Histogram) -> None:
        """Add what another histogram counted: the result is as if all had been recorded here.

        Raises:
            ValueError: the other has another layout, so that counts cannot be added slot by slot.
        """
        if self.layout != other.layout:
            raise ValueError(
                f"Histograms of different layouts are not merged: {self.layout} and {other.layout}."
            )
        self.counts += other.counts
        self.saturated += other.saturated
        self.too_low += other.too_low

    def value_at(self, percentile: float) -> int | None:
        """Return the value in microseconds that this share of values does not exceed, by nearest rank.

        It is the largest value of the slot, as in HdrHistogram: at least what was recorded, and within the layout's
        precision of it. None of nothing; the smallest value's slot begins at percentile 0.

        Args:
            percentile: 0 to 100.

        Raises:
            ValueError: the percentile is outside of that.
        """
        if not 0 <= percentile <= 100:  # noqa: PLR2004  (percent)
            raise ValueError(f"A percentile is from 0 to 100, not {percentile}.")
        total = np.cumsum(self.counts)
        if not total[-1]:
            return None
        # One double less, as in the reference implementation: 99.9 % of 1,000 is computed as a little over 999.
        rank = max(1, math.ceil(math.nextafter(percentile, -math.inf) * int(total[-1]) / 100))
        index = int(np.searchsorted(total, rank))
        first = int(self.layout.lower(index))
        return first + int(self.layout.width(index)) - 1 if percentile else first

    @property
    def mean_us(self) -> float | None:
        """Return the mean in microseconds, each value taken for the middle of its slot; None of nothing."""
        used = np.flatnonzero(self.counts)
        if not len(used):
            return None
        middle = self.layout.lower(used) + (self.layout.width(used) >> 1)
        return float(np.average(middle.astype(np.float64), weights=self.counts[used]))

    @property
    def max_us(self) -> int | None:
        """Return the largest value of the last slot that counted something; None of nothing."""
        return self.value_at(100)

    def encode(self) -> bytes:
        """Return HdrHistogram's compressed V2 encoding, as its ``encodeIntoCompressedByteBuffer`` writes it."""
        return encoded(Encoded(self.lowest, self.highest, self.digits, self.counts))

    def encode_text(self) -> str:
        """Return the same in base64, as it stands in logs (``HISTFAAAA…``)."""
        return base64.b64encode(self.encode()).decode("ascii")

    @classmethod
    def decode(cls, data: bytes | str) -> Histogram:
        """Return the histogram that was encoded, from bytes or from base64 text.

        Raises:
            ValueError: it is none, is cut off or damaged, or counts what its layout has no slot for.
        """
        if isinstance(data, str):
            try:
                data = base64.b64decode(data, validate=True)
            except binascii.Error as error:
                raise ValueError(f"Not base64: {error}.") from error
        read = decoded(data)
        made = cls(read.lowest, read.highest, read.digits)
        if len(read.counts) > len(made.counts):
            raise ValueError(f"{len(read.counts)} counts do not fit into {len(made.counts)} slots.")
        made.counts[: len(read.counts)] = read.counts
        return made


@dataclass(frozen=True, slots=True)
class Interval:
    """One line of a histogram log: what was recorded within a time."""

    start_s: float  # since 1970
    length_s: float
    histogram: Histogram
    tag: str = ""  # what kind of values these are, where a log holds several; no comma and no space


def log_of(intervals: Iterable[Interval], *, started_s: float) -> str:
    """Return a histogram log, version 1.3, as ``HistogramLogWriter`` of HdrHistogram writes it.

    Args:
        intervals: its lines, in order of time.
        started_s: when the recording began, in seconds since 1970; times of lines count from then.

    Raises:
        ValueError: a tag has a comma or white space in it.
    """
    at = datetime.fromtimestamp(started_s, UTC).isoformat(timespec="milliseconds")
    lines = [
        _VERSION,
        _UNITS,
        f"#[BaseTime: {started_s:.3f} (seconds since epoch)]",
        f"#[StartTime: {started_s:.3f} (seconds since epoch), {at}]",
        _LEGEND,
        *(_line(interval, started_s) for interval in intervals),
    ]
    return "\n".join(lines) + "\n"


def _line(interval: Interval, started_s: float) -> str:
    if _NO_TAG.search(interval.tag):
        raise ValueError(f"A tag of a histogram log has no comma and no white space: {interval.tag!r}.")
    tag = f"Tag={interval.tag}," if interval.tag else ""
    longest_ms = (interval.histogram.max_us or 0) / 1e3
    times = f"{interval.start_s - started_s:.3f},{interval.length_s:.3f},{longest_ms:.3f}"
    return f"{tag}{times},{interval.histogram.encode_text()}"


def log_text(result: LoadResult, *, step_s: float = 1.0, service: bool = False) -> str:
    """Return a load test's response times as a histogram log, one line for each interval in which requests ended.

    Requests that were given up count with the time that they had waited. Adding up all lines gives
    :attr:`~deployer_lib.load.result.LoadResult.response_histogram`.

    Args:
        result: what was measured.
        step_s: length of an interval in seconds.
        service: add lines of service times, with the tag ``service``.
    """
    columns = result.columns
    started_s, which = columns.started_unix_ns / 1e9, result.answered | result.censored
    start_ns = columns.start_ns or int(columns.intended_ns.min(initial=0))
    ended_ns, step_ns = outcomes.ended_ns(columns), int(step_s * 1e9)
    kinds = [("", which, columns.intended_ns)]
    if service:
        kinds.append(("service", which & (columns.sent_ns > 0), columns.sent_ns))
    found = [
        (at, Interval(started_s + at * step_s, step_s, made, tag))
        for tag, rows, since_ns in kinds
        for at, made in _by_interval(
            (ended_ns - start_ns)[rows] // step_ns, (ended_ns - since_ns)[rows] // 1_000
        )
    ]
    return log_of((interval for _, interval in sorted(found, key=lambda pair: pair[0])), started_s=started_s)


def _by_interval(places: Values, values_us: Values) -> Iterator[tuple[int, Histogram]]:
    """Yield a histogram for each place that has values, in order."""
    order = np.argsort(places, kind="stable")
    names, starts = np.unique(places[order], return_index=True)
    for name, values in zip(names.tolist(), np.split(values_us[order], starts[1:]), strict=False):
        made = Histogram()
        made.record_many(values)
        yield name, made


def read_log(text: str) -> list[Interval]:
    """Return the intervals of a histogram log; comments and what is no interval are passed over.

    Raises:
        ValueError: an interval's histogram is none, is cut off or damaged.
    """
    base_s, found = 0.0, []
    for line in text.splitlines():
        if base := _BASE.match(line):
            base_s = float(base[1])
        elif match := _LINE.fullmatch(line.strip()):
            made = Histogram.decode(match["data"])
            found.append(
                Interval(base_s + float(match["start"]), float(match["length"]), made, match["tag"] or "")
            )
    return found
