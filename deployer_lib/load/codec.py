"""HdrHistogram's V2 encoding of counts: ZigZag LEB128 numbers, a run of zeros as one negative number.

The format is that of the reference implementation (HdrHistogram 2.x, ``AbstractHistogram.encodeIntoByteBuffer`` and
``ZigZagEncoding``): numbers of at most 64 bits in at most nine bytes, of which the ninth holds eight bits; inside of a
header, compressed with zlib, behind a header of its own.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Encoded", "decoded", "encoded"]

Counts = npt.NDArray[np.int64]

_COOKIE: Final = 0x1C849303 | 0x10  # V2; the word size says "numbers of variable length"
_COMPRESSED_COOKIE: Final = 0x1C849304 | 0x10
_WORD_SIZE: Final = 0xF0  # bits of a cookie that a reader leaves out of account
_OUTER: Final = struct.Struct(">II")  # cookie, bytes that follow
#: cookie, bytes of counts, normalizing offset, digits, lowest, highest, ratio of integers to doubles
_INNER: Final = struct.Struct(">IIIIqqd")
_LAST_BYTE: Final = 8  # index of the byte that has no continuation bit
_MOST_SLOTS: Final = 1 << 23  # five digits over all of int64 have less
_MOST_BYTES: Final = 9 * _MOST_SLOTS


@dataclass(frozen=True, slots=True)
class Encoded:
    """What an encoded histogram holds."""

    lowest: int
    highest: int
    digits: int
    counts: Counts  # from the first slot on; slots that are missing at the end are empty


def encoded(histogram: Encoded) -> bytes:
    """Return the compressed V2 encoding, both headers included."""
    counts = _packed(histogram.counts)
    inner = _INNER.pack(_COOKIE, len(counts), 0, histogram.digits, histogram.lowest, histogram.highest, 1.0)
    body = zlib.compress(inner + counts)
    return _OUTER.pack(_COMPRESSED_COOKIE, len(body)) + body


def decoded(data: bytes) -> Encoded:
    """Return what a compressed V2 encoding holds.

    Raises:
        ValueError: it is none, is cut off, or is damaged.
    """
    if len(data) < _OUTER.size:
        raise ValueError(f"An encoded histogram has at least {_OUTER.size} bytes, this has {len(data)}.")
    cookie, length = _OUTER.unpack_from(data)
    if cookie & ~_WORD_SIZE != _COMPRESSED_COOKIE & ~_WORD_SIZE:
        raise ValueError(f"Not a compressed V2 histogram: it begins with {cookie:#010x}.")
    if length > len(data) - _OUTER.size:
        raise ValueError(f"The histogram is cut off: {len(data) - _OUTER.size} of {length} bytes are there.")
    return _unpacked_whole(_decompressed(data[_OUTER.size : _OUTER.size + length]))


def _decompressed(body: bytes) -> bytes:
    machine = zlib.decompressobj()
    try:
        whole = machine.decompress(body, _INNER.size + _MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"The histogram is damaged: {error}.") from error
    if machine.unconsumed_tail or not machine.eof:
        raise ValueError("The histogram is damaged: its compressed part does not end where it should.")
    return whole


def _unpacked_whole(whole: bytes) -> Encoded:
    if len(whole) < _INNER.size:
        raise ValueError("The histogram is cut off inside of its header.")
    cookie, length, offset, digits, lowest, highest, _ = _INNER.unpack_from(whole)
    if cookie & ~_WORD_SIZE != _COOKIE & ~_WORD_SIZE:
        raise ValueError(f"Not a V2 histogram: its counts begin with {cookie:#010x}.")
    if offset:
        raise ValueError("A histogram whose values were shifted (normalizing offset) is not read.")
    if length > len(whole) - _INNER.size:
        raise ValueError("The histogram is cut off inside of its counts.")
    return Encoded(lowest, highest, digits, _unpacked(whole[_INNER.size : _INNER.size + length]))


def _packed(counts: Counts) -> bytes:
    """Return counts up to the last that is not zero; of many zeros on end their number, negated."""
    packed = bytearray()
    following = 0
    for place in np.flatnonzero(counts).tolist():
        if place > following:
            zeros = place - following
            packed += _number(-zeros if zeros > 1 else 0)
        packed += _number(int(counts[place]))
        following = place + 1
    return bytes(packed)


def _unpacked(data: bytes) -> Counts:
    places, values = [], []
    at = place = 0
    while at < len(data):
        value, at = _read_number(data, at)
        if value > 0:
            places.append(place)
            values.append(value)
        place += -value if value < 0 else 1
        if place > _MOST_SLOTS:
            raise ValueError("The histogram is damaged: it has more slots than any histogram.")
    counts = np.zeros(place, dtype=np.int64)
    counts[places] = values
    return counts


def _number(value: int) -> bytes:
    left = (value << 1) ^ (value >> 63)
    packed = bytearray()
    while left > 0x7F and len(packed) < _LAST_BYTE:  # noqa: PLR2004  (seven bits a byte)
        packed.append(left & 0x7F | 0x80)
        left >>= 7
    packed.append(left)
    return bytes(packed)


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(_LAST_BYTE + 1):
        if at + index >= len(data):
            raise ValueError("The histogram is damaged: it ends inside of a number.")
        byte = data[at + index]
        if index == _LAST_BYTE or byte < 0x80:  # noqa: PLR2004  (the continuation bit)
            value |= byte << (7 * index)
            break
        value |= (byte & 0x7F) << (7 * index)
    return (value >> 1) ^ -(value & 1), at + index + 1
