"""What words mean: numbers of every kind that meters use, text, and "not available".

Modbus itself knows only 16-bit words, the high byte first (V1.1b3, section 4.2); the rest is each
maker's choice, so a driver names type and order. A float is given as the shortest decimal that is
this float: a meter that shows 1234.56 sends it so, and its binary expansion is nobody's reading.
"""

import struct
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final

from quartier.protocols.modbus.errors import BadFrame


class Order(StrEnum):
    """How words, and the bytes in each, are ordered; A is the highest byte of A B C D."""

    BIG = "big"
    """ABCD: what most meters do."""
    WORDS_SWAPPED = "words_swapped"
    """CDAB: low word first."""
    BYTES_SWAPPED = "bytes_swapped"
    """BADC."""
    LITTLE = "little"
    """DCBA."""


class Type(StrEnum):
    """The kinds of value. Their sizes in words are in :data:`SIZES`; ``text`` has its own."""

    U16 = "u16"
    S16 = "s16"
    U32 = "u32"
    S32 = "s32"
    U48 = "u48"
    U64 = "u64"
    S64 = "s64"
    F32 = "f32"
    F64 = "f64"
    BCD16 = "bcd16"
    BCD32 = "bcd32"
    BCD64 = "bcd64"
    MOD10K_32 = "mod10k_32"
    """Two words of 0 to 9999 each."""
    MOD10K_48 = "mod10k_48"
    MOD10K_64 = "mod10k_64"
    TEXT = "text"


SIZES: Final = {
    Type.U16: 1,
    Type.S16: 1,
    Type.U32: 2,
    Type.S32: 2,
    Type.U48: 3,
    Type.U64: 4,
    Type.S64: 4,
    Type.F32: 2,
    Type.F64: 4,
    Type.BCD16: 1,
    Type.BCD32: 2,
    Type.BCD64: 4,
    Type.MOD10K_32: 2,
    Type.MOD10K_48: 3,
    Type.MOD10K_64: 4,
}
_FLOATS = {Type.F32: (">f", 9), Type.F64: (">d", 17)}
_SIGNED = {Type.S16, Type.S32, Type.S64}
_BCD = {Type.BCD16, Type.BCD32, Type.BCD64}
_MOD10K = {Type.MOD10K_32, Type.MOD10K_48, Type.MOD10K_64}


class NotAvailable(Exception):
    """The device says that it has no such value: NaN, infinity, or its sign for it."""


def number(
    words: Sequence[int],
    kind: Type,
    order: Order = Order.BIG,
    missing: frozenset[int] = frozenset(),
) -> Decimal:
    """The number in ``words``, exactly.

    ``missing`` are the patterns, as unsigned integers, by which the device says that it has no
    value. Raises :class:`NotAvailable`, and :class:`BadFrame` for words that are no such number.
    """
    data = ordered(words, order)
    if len(words) != SIZES.get(kind):
        raise BadFrame(f"{len(words)} words are not a value of type {kind.value}")
    if missing and int.from_bytes(data, "big") in missing:
        raise NotAvailable("the device has no value")
    if kind in _FLOATS:
        return _decimal_of_float(data, *_FLOATS[kind])
    if kind in _BCD:
        digits = data.hex()
        if not digits.isdecimal():
            raise BadFrame(f"{digits} is not a number in BCD")
        return Decimal(digits)
    if kind in _MOD10K:
        return _mod10k(data)
    return Decimal(int.from_bytes(data, "big", signed=kind in _SIGNED))


def text(words: Sequence[int], order: Order = Order.BIG) -> str:
    """The text in ``words`` up to the first zero byte, without what cannot be printed."""
    data = ordered(words, order).split(b"\0", 1)[0]
    letters = data.decode("latin-1").strip()
    return "".join(letter for letter in letters if letter.isprintable())


def bits(words: Sequence[int], first: int, count: int, order: Order = Order.BIG) -> int:
    """``count`` bits of ``words`` from bit ``first``; bit 0 is the lowest."""
    whole = int.from_bytes(ordered(words, order), "big")
    return whole >> first & ((1 << count) - 1)


def ordered(words: Sequence[int], order: Order) -> bytes:
    """The bytes of ``words``, highest first."""
    if order in {Order.WORDS_SWAPPED, Order.LITTLE}:
        words = words[::-1]
    little = order in {Order.BYTES_SWAPPED, Order.LITTLE}
    return b"".join(word.to_bytes(2, "little" if little else "big") for word in words)


def _decimal_of_float(data: bytes, form: str, most_digits: int) -> Decimal:
    (value,) = struct.unpack(form, data)
    if value != value or value in {float("inf"), float("-inf")}:
        raise NotAvailable("the device sends no number (NaN)")
    if form == ">d":
        return Decimal(repr(value)) + 0
    for digits in range(6, most_digits + 1):
        shown = f"{value:.{digits}g}"
        if _packs_to(shown, data):
            return Decimal(shown) + 0  # there is no -0 on a display
    raise AssertionError("nine digits tell every float of 32 bits")


def _packs_to(shown: str, data: bytes) -> bool:
    try:
        return struct.pack(">f", float(shown)) == data
    except OverflowError:  # rounded up beyond the largest float
        return False


def _mod10k(data: bytes) -> Decimal:
    total = 0
    for place in range(0, len(data), 2):
        word = int.from_bytes(data[place : place + 2], "big")
        if word > 9999:
            raise BadFrame(f"a word of {word} in a number whose words end at 9999")
        total = total * 10_000 + word
    return Decimal(total)
