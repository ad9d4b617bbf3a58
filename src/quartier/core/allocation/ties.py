"""Who comes first when the remainders are equal: another one in every interval.

A slot number is mixed into 31 bits that look random, and each position multiplies them by a
number of its own. So the order of the tied is different in every interval, does not fall into
step with a day, a week or the number of households, and depends on nothing but the slot and the
position: a period computed in two parts gives the same result as in one.

A cyclic order ((position - slot) mod n) would not do: of two tied neighbors it prefers the same
one in all intervals but one of n, and where n divides 96 in the same intervals of every day.
"""

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

_BITS_31 = np.uint64(0x7FFF_FFFF)
_BITS_32 = np.uint64(0xFFFF_FFFF)
_ONE = np.uint64(1)


def slot_multiplier(slots: Int64) -> UInt64:
    """An odd 32-bit number for each slot, the same on every machine (splitmix64)."""
    mixed = slots.astype(np.uint64) + np.uint64(0x9E37_79B9_7F4A_7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58_476D_1CE4_E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D0_49BB_1331_11EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed & _BITS_32) | _ONE


def position_multiplier(count: int) -> UInt64:
    """An odd 32-bit number for each of ``count`` positions, all different.

    Every step is a bijection of 31 bits, so two positions never share a number.
    """
    assert count < 2**31
    mixed = np.arange(1, count + 1, dtype=np.uint64)
    for shift, factor in ((15, 0x2C1B_3C6D), (12, 0x297A_2D39), (15, 0x5A2D_39C5)):
        mixed ^= mixed >> np.uint64(shift)
        mixed = (mixed * np.uint64(factor)) & _BITS_31
    mixed ^= mixed >> np.uint64(16)
    return (mixed << _ONE) | _ONE


def tie_keys(count: int, slots: Int64) -> UInt64:
    """32-bit keys[count, t], different within each interval; the greater comes first.

    An odd number times different numbers modulo 2**32 gives different numbers.
    """
    keys = position_multiplier(count)[:, None] * slot_multiplier(slots)[None, :]
    keys &= _BITS_32
    return keys
