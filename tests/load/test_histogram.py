"""Histograms: slot by slot what the hdrhistogram package counts, and logs that HdrHistogram's tools read."""

from __future__ import annotations

import base64
import functools
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st
from made_columns import Request, result_of

from deployer_lib.load.histogram import Histogram, Interval, Layout, log_of, log_text, read_log

_GOLDEN = json.loads((Path(__file__).parent / "golden" / "hdrhistogram.json").read_text())["histograms"]
_MS = 1_000_000
_TIMES = st.lists(st.integers(0, 5_000_000_000), max_size=200)
_LAYOUTS = st.builds(
    lambda lowest, times, digits: Layout(lowest, lowest * times, digits),
    st.integers(1, 10_000),
    st.integers(2, 10**12),
    st.integers(1, 5),
)


def _values(count: int, highest: int) -> npt.NDArray[np.int64]:
    """Return the values from which the golden histograms were made: of every magnitude, the same everywhere."""
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    small = (mixed >> np.uint64(32)) >> (mixed & np.uint64(31))
    return np.minimum(small, np.uint64(highest)).astype(np.int64)


def _of(values: Any, **layout: int) -> Histogram:
    made = Histogram(**layout)
    made.record_many(values)
    return made


def _golden(case: dict[str, Any]) -> Histogram:
    layout = {name: case[name] for name in ("lowest", "highest", "digits")}
    return _of(_values(case["values"], case["highest"]), **layout)


@pytest.mark.parametrize("case", _GOLDEN, ids=lambda case: f"{case['values']} values")
def test_counts_are_those_of_the_hdrhistogram_package(case: dict[str, Any]) -> None:
    """A million values of every magnitude: the same count in every slot, the same percentiles and mean."""
    made, theirs = _golden(case), Histogram.decode(case["encoded"])
    assert theirs.layout == made.layout
    assert theirs.counts.tolist() == made.counts.tolist()
    assert case["percentiles"] == {name: made.value_at(float(name)) for name in case["percentiles"]}
    assert case["mean"] == pytest.approx(made.mean_us, rel=1e-12)


@pytest.mark.parametrize("case", _GOLDEN, ids=lambda case: f"{case['values']} values")
def test_the_encoding_is_that_of_the_reference_implementation(case: dict[str, Any]) -> None:
    """Byte by byte what Java's HdrHistogram writes for the same values, and compressed behind the same cookie."""
    made = _golden(case).encode()
    assert b"\x1c\x84\x93\x14" == made[:4]
    assert len(made) - 8 == int.from_bytes(made[4:8], "big")
    assert base64.b64decode(case["payload"]) == zlib.decompress(made[8:])


def test_the_package_itself_reads_what_is_written() -> None:
    """It decodes the text, and counts the same values the same way."""
    values = _values(5_000, 3_600_000_000)
    theirs = HdrHistogram(1, 3_600_000_000, 3)
    for value in values.tolist():
        theirs.record_value(value)
    read = HdrHistogram.decode(_of(values).encode_text())
    assert theirs.get_total_count() == read.get_total_count()
    assert all(
        theirs.get_count_at_index(at) == read.get_count_at_index(at) for at in range(theirs.counts_len)
    )


@given(_TIMES, _TIMES)
def test_merging_is_recording_together(some: list[int], others: list[int]) -> None:
    """Bit by bit, and whatever does not fit is counted in both ways."""
    merged, both = _of(some), _of(some + others)
    merged.merge(_of(others))
    assert both == merged
    assert (both.saturated, both.too_low) == (merged.saturated, merged.too_low)


@given(_TIMES)
def test_what_is_encoded_is_decoded(values: list[int]) -> None:
    """From bytes and from base64 text."""
    made = _of(values)
    assert made == Histogram.decode(made.encode())
    assert made == Histogram.decode(made.encode_text())


@given(_LAYOUTS, st.lists(st.integers(0, 2**61), min_size=1, max_size=50))
def test_a_slot_holds_its_values_within_the_precision(layout: Layout, values: list[int]) -> None:
    """Each value lies in its slot, and a slot is at most one unit, or 1/10^digits of its values, wide."""
    held = np.minimum(np.array(values, dtype=np.int64), layout.limit)
    slots = layout.indices(held)
    lower, width = layout.lower(slots), layout.width(slots)
    assert ((lower <= held) & (held < lower + width)).all()
    assert ((width <= 1 << layout.unit_bits) | (width <= held / 10**layout.digits)).all()
    assert int(slots.max()) < layout.slots


@given(st.lists(st.integers(1, 3_600_000_000), min_size=1, max_size=300), st.floats(0, 100))
def test_a_percentile_is_the_nearest_rank_within_the_precision(values: list[int], percentile: float) -> None:
    rank = max(1, int(np.ceil(np.nextafter(percentile, -1.0) * len(values) / 100)))
    exact, shown = sorted(values)[rank - 1], _of(values).value_at(percentile)
    assert shown is not None
    assert abs(shown - exact) <= exact / 1_000 + 1


@given(_TIMES)
def test_no_value_is_lost(values: list[int]) -> None:
    """Counts add up to what was recorded, in whatever batches."""
    made = _of(values)
    by_one = Histogram()
    for value in values:
        by_one.record_many([value])
    assert len(values) == len(made)
    assert made == by_one


def test_values_out_of_range_are_counted_and_named() -> None:
    """Above the last slot they count in it, below the lowest in the first: neither is lost, and each is told."""
    made = _of([-5, 0, 999, 5_000, 3_599_999_999, 5_000_000_000, 2**62], lowest=1_000)
    assert (len(made), made.saturated, made.too_low) == (7, 2, 3)
    assert made.layout.limit == made.max_us
    assert 2 == made.counts[-1]


def test_values_are_told_apart_up_to_the_highest() -> None:
    """The last slots reach somewhat over the highest value; nothing up to there is saturated."""
    made = _of([3_600_000_000, Layout().limit])
    assert (made.saturated, len(np.flatnonzero(made.counts))) == (0, 2)


def test_of_nothing_nothing_is_known() -> None:
    made = Histogram()
    assert (0, None, None, None) == (len(made), made.value_at(50), made.mean_us, made.max_us)
    assert made == Histogram.decode(made.encode())


@pytest.mark.parametrize(
    "layout", [{"digits": 0}, {"digits": 6}, {"lowest": 0}, {"highest": 1}, {"highest": 2**62}]
)
def test_an_impossible_layout_is_refused(layout: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"digits|highest|64 bits"):
        Histogram(**layout)


def test_different_layouts_are_not_merged() -> None:
    with pytest.raises(ValueError, match="different layouts"):
        Histogram().merge(Histogram(digits=2))


@pytest.mark.parametrize("percentile", [-1, 100.5, float("nan")])
def test_a_percentile_is_within_a_hundred(percentile: float) -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        Histogram().value_at(percentile)


@functools.cache
def _damaged() -> dict[str, bytes | str]:
    whole = _of([1, 5, 10**6]).encode()
    inner = zlib.decompress(whole[8:])

    def wrapped(body: bytes) -> bytes:
        packed = zlib.compress(body)
        return whole[:4] + len(packed).to_bytes(4, "big") + packed

    def with_counts(counts: bytes) -> bytes:
        return wrapped(inner[:4] + len(counts).to_bytes(4, "big") + inner[8:40] + counts)

    return {
        "nothing": b"",
        "text": "no base64 at all!",
        "another cookie": b"\x1c\x84\x93\x02" + whole[4:],
        "cut off": whole[:-3],
        "bits flipped": whole[:12] + b"\xff\xff\xff" + whole[15:],
        "a bomb": wrapped(bytes(80_000_000)),
        "header cut off": wrapped(inner[:20]),
        "V1 inside": wrapped(b"\x1c\x84\x93\x01" + inner[4:]),
        "shifted values": wrapped(inner[:8] + b"\x00\x00\x00\x01" + inner[12:]),
        "more counts than there are": wrapped(inner[:4] + (10**6).to_bytes(4, "big") + inner[8:]),
        "a number without end": with_counts(b"\x80\x80"),
        "more slots than the layout": with_counts(b"\xff\xff\x7f\x02"),
        "more slots than any layout": with_counts(b"\xff\xff\xff\xff\xff\x0f"),
        "ten digits": wrapped(inner[:12] + (10).to_bytes(4, "big") + inner[16:]),
    }


@pytest.mark.parametrize("name", _damaged())
def test_what_is_damaged_is_refused(name: str) -> None:
    """No crash, no endless memory: one error that says what is wrong."""
    with pytest.raises(ValueError, match=r"\w"):
        Histogram.decode(_damaged()[name])


@given(st.binary(max_size=60))
def test_no_bytes_do_harm(noise: bytes) -> None:
    body = zlib.compress(noise)
    for data in (noise, b"\x1c\x84\x93\x14" + len(body).to_bytes(4, "big") + body):
        with pytest.raises(ValueError, match=r"\w"):
            Histogram.decode(data)


def test_a_log_is_written_as_hdrhistogram_writes_it() -> None:
    """Version, times in seconds with three places, a tag in front; and it is read back."""
    first, second = _of([1_000, 2_000]), _of([5_000])
    text = log_of(
        [Interval(1_700_000_000.0, 1.0, first), Interval(1_700_000_001.0, 1.0, second, "service")],
        started_s=1_700_000_000.0,
    )
    lines = text.splitlines()
    assert "#[Histogram log format version 1.3]" == lines[0]
    assert "#[StartTime: 1700000000.000 (seconds since epoch), 2023-11-14T22:13:20.000+00:00]" in lines
    assert lines[-2].startswith("0.000,1.000,2.000,HISTFAAAA")
    assert lines[-1].startswith("Tag=service,1.000,1.000,5.003,HISTFAAAA")
    read = read_log(text)
    assert [("", 1_700_000_000.0), ("service", 1_700_000_001.0)] == [
        (line.tag, line.start_s) for line in read
    ]
    assert [first, second] == [line.histogram for line in read]


@pytest.mark.parametrize("tag", ["a,b", "a b", "a\nb"])
def test_a_tag_that_would_break_the_log_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="comma"):
        log_of([Interval(0.0, 1.0, Histogram(), tag)], started_s=0.0)


def test_the_lines_of_a_load_add_up_to_its_histogram() -> None:
    """A line for each second in which something ended; a reader that adds them all counts every request once."""
    rows = [Request(i * 100 * _MS, (i * 100 + 1) * _MS, (i * 100 + 30 + i) * _MS, 200) for i in range(35)]
    result = result_of(*rows)
    read = read_log(log_text(result))
    together = Histogram()
    for line in read:
        together.merge(line.histogram)
    assert [0.0, 1.0, 2.0, 3.0] == [line.start_s for line in read]
    assert result.response_histogram == together
    both = read_log(log_text(result, service=True))
    assert ["", "service"] * 4 == [line.tag for line in both]
    assert 35 == sum(len(line.histogram) for line in both if line.tag)


def test_a_load_without_a_request_has_an_empty_log() -> None:
    assert [] == read_log(log_text(result_of(planned=1)))
