"""HdrHistogram's layout: which of its counts a value belongs to.

Constant relative precision: a slot is never wider than a fixed part of the values that it counts. Names and formulas are
those of the reference implementation (http://hdrhistogram.org), so that its tools read what is written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["AN_HOUR_US", "Layout"]

Values = npt.NDArray[np.int64]

AN_HOUR_US: Final = 3_600_000_000
_MOST_DIGITS: Final = 5
_MOST_BITS: Final = 62  # of the highest value, so that the end of the last slot is still an int64
_EXACT_BITS: Final = 53  # whole numbers below two to this power are exact as doubles
_SIGNIFICANT_BITS: Final = 52  # of a double, behind the leading one
_EXPONENT_BIAS: Final = 1023


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a value is counted.

    The first ``2 * half`` slots are one unit wide each; every ``half`` slots after them are twice as wide as the ones
    before, so that a slot is never wider than 1/``half`` of its values.
    """

    lowest: int = 1  # smallest value that is told from 0
    highest: int = AN_HOUR_US  # largest value that must be told from others
    digits: int = 3  # decimal digits that are kept of each value

    def __post_init__(self) -> None:
        if not 1 <= self.digits <= _MOST_DIGITS:
            raise ValueError(f"A histogram keeps 1 to {_MOST_DIGITS} digits, not {self.digits}.")
        if self.lowest < 1 or self.highest < 2 * self.lowest:
            raise ValueError(
                f"Values from {self.lowest} to {self.highest}: the lowest is at least 1, the highest twice that."
            )
        if self.highest >= 1 << _MOST_BITS or self.unit_bits + self.half_bits + 1 >= _MOST_BITS:
            raise ValueError(
                f"Values up to {self.highest} with {self.digits} digits do not fit into 64 bits."
            )

    @property
    def unit_bits(self) -> int:
        """Return HdrHistogram's unit magnitude: the power of two that one unit is wide."""
        return self.lowest.bit_length() - 1

    @property
    def half_bits(self) -> int:
        """Return HdrHistogram's sub-bucket half count magnitude."""
        return int(2 * 10**self.digits - 1).bit_length() - 1

    @property
    def half(self) -> int:
        """Return HdrHistogram's sub-bucket half count: slots of one width."""
        return 1 << self.half_bits

    @property
    def buckets(self) -> int:
        """Return how many widths of slots there are."""
        return max(1, self.highest.bit_length() - self.unit_bits - self.half_bits)

    @property
    def slots(self) -> int:
        """Return how many counts there are."""
        return (self.buckets + 1) << self.half_bits

    @property
    def limit(self) -> int:
        """Return the largest value that has a slot; at least :attr:`highest`, and often above it."""
        return (1 << (self.unit_bits + self.half_bits + self.buckets)) - 1

    def indices(self, values: Values) -> Values:
        """Return the slot of each value from 0 to :attr:`limit`.

        A double's leading bits are its exponent and the first digits of its value, which is just what names a slot.
        """
        units = values >> self.unit_bits
        exact = units if self.limit >> self.unit_bits < 1 << _EXACT_BITS else _shortened(units)
        leading = exact.astype(np.float64).view(np.int64) >> (_SIGNIFICANT_BITS - self.half_bits)
        wide = leading - ((_EXPONENT_BIAS + self.half_bits - 1) << self.half_bits)
        return np.where(units < self.half, units, wide)

    def lower(self, index: Values | int) -> Values:
        """Return the smallest value of each slot."""
        at = np.asarray(index, dtype=np.int64)
        bucket = np.maximum((at >> self.half_bits) - 1, 0)
        return np.asarray((at - (bucket << self.half_bits)) << (bucket + self.unit_bits), dtype=np.int64)

    def width(self, index: Values | int) -> Values:
        """Return how many values share each slot."""
        bucket = np.maximum((np.asarray(index, dtype=np.int64) >> self.half_bits) - 1, 0)
        return np.asarray(np.int64(1) << (bucket + self.unit_bits), dtype=np.int64)


def _shortened(units: Values) -> Values:
    """Return the values with bits cut off that a double would round up into the next slot."""
    return np.where(units >> _EXACT_BITS, units & ~np.int64(0xFFF), units)
