"""Numbers and texts in a record's data (EN 13757-3, data types A to D and variable length).

Everything is a Decimal with all of its digits. What the meter marks as no value is
:class:`NotAvailable`, never 0.
"""

import struct
from decimal import Decimal
from typing import Final


class NotAvailable(Exception):
    """The bytes say that there is no value; the text says how."""


FIXED_LENGTHS: Final = {
    0: 0,
    1: 1,
    2: 2,
    3: 3,
    4: 4,
    5: 4,
    6: 6,
    7: 8,
    8: 0,
    0x9: 1,
    0xA: 2,
    0xB: 3,
    0xC: 4,
    0xE: 6,
}
"""Bytes by the data field of the DIF; D is variable, F is a special function."""
REAL: Final = 5
BCD_FIELDS: Final = frozenset({0x9, 0xA, 0xB, 0xC, 0xE})
VARIABLE: Final = 0xD
_MOST_BINARY = 8


def integer(low_first: bytes, *, is_signed: bool) -> Decimal:
    """A binary number. Raises :class:`NotAvailable` for the lowest signed one, which says so."""
    value = int.from_bytes(low_first, "little", signed=is_signed)
    if is_signed and value == -(1 << (8 * len(low_first) - 1)):
        raise NotAvailable("the meter marks it as not available")
    return Decimal(value)


def bcd(low_first: bytes) -> Decimal:
    """A number in BCD; F in its highest digit is a minus. Raises :class:`NotAvailable` for other
    digits above 9: a display would show dashes or letters there."""
    digits = low_first[::-1].hex()
    is_negative = digits[:1] == "f"
    shown = digits[1:] if is_negative else digits
    if not shown.isdecimal():
        raise NotAvailable(f"its digits are {digits.upper()}")
    value = Decimal(shown)
    return -value if is_negative and value else value


def real(low_first: bytes) -> Decimal:
    """A float of 32 bits as the shortest decimal that is this float."""
    (value,) = struct.unpack("<f", low_first)
    if value != value or value in {float("inf"), float("-inf")}:
        raise NotAvailable("the meter sends no number (NaN)")
    for digits in range(1, 10):
        shown = Decimal(f"{value:.{digits}g}")
        try:
            if struct.pack("<f", float(shown)) == low_first:
                return shown + 0  # there is no -0 on a display
        except OverflowError:
            continue  # rounded up beyond the largest float
    raise AssertionError("nine digits tell every float of 32 bits")


def fixed(field: int, low_first: bytes, *, is_signed: bool) -> Decimal | None:
    """The number in a field of fixed length; ``None`` where there is no data."""
    if not low_first:
        return None
    if field == REAL:
        return real(low_first)
    if field in BCD_FIELDS:
        return bcd(low_first)
    return integer(low_first, is_signed=is_signed)


def variable_length(lvar: int) -> int | None:
    """How many bytes follow ``lvar``; ``None`` for a reserved one."""
    if lvar <= 0xBF:
        return lvar
    if 0xC0 <= lvar <= 0xC9:
        return lvar - 0xC0
    if 0xD0 <= lvar <= 0xD9:
        return lvar - 0xD0
    if 0xE0 <= lvar <= 0xEF:
        return lvar - 0xE0
    if 0xF0 <= lvar <= 0xF4:
        return 4 * (lvar - 0xEC)
    return {0xF5: 48, 0xF6: 64}.get(lvar)


def variable(lvar: int, low_first: bytes) -> Decimal | str | bytes | None:
    """Text, a number in BCD or binary, or bytes (highest first) where a number would be longer
    than 8 bytes."""
    if lvar <= 0xBF:
        letters = low_first[::-1].decode("latin-1")
        return "".join(letter if letter.isprintable() else " " for letter in letters)
    if not low_first:
        return None
    if lvar <= 0xD9:
        value = bcd(low_first)
        return -value if lvar >= 0xD0 and value else value
    if len(low_first) > _MOST_BINARY:
        return low_first[::-1]
    return Decimal(int.from_bytes(low_first, "little", signed=True))
