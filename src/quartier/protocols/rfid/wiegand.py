"""Wiegand: the bits that most wall readers give for a badge and for each key [GK].

26 bits: even parity over the first half, 24 bits of data, odd parity over the second. 34 bits: the
same with 32, which are the whole number of a badge of four bytes; 58 bits with 56, of seven bytes;
37 bits with 35, both parities over the one in the middle. Of 26 bits only three bytes of a number
arrive, so that badges may be mistaken: set the reader to 34 bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

DATA_BITS = {26: 24, 34: 32, 37: 35, 58: 56}
"""How many bits of a frame are the number."""
_KEYS = {**{number: str(number) for number in range(10)}, 10: "*", 11: "#"}


class BadBits(ValueError):
    """The bits are no frame; the text says why."""


@dataclass(frozen=True, slots=True)
class Card:
    """A badge that was held to the reader; ``data`` are ``bits`` long."""

    data: int
    bits: int

    @property
    def hex(self) -> str:
        """The data in upper-case hexadecimal digits."""
        return f"{self.data:0{-(-self.bits // 4)}X}"

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole number of a badge, not three bytes of it."""
        return self.bits in (32, 56)


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was pressed: ``0`` to ``9``, ``*`` or ``#``."""

    key: str


def decode(bits: Sequence[int]) -> Card | Key:
    """What ``bits`` (0 or 1, the first one first) mean: 26, 34, 37 or 58 of a card, 4 or 8 of a
    key.

    Raises :class:`BadBits`.
    """
    if any(bit not in (0, 1) for bit in bits):
        raise BadBits("a bit is 0 or 1")
    if len(bits) in (4, 8):
        return _key(bits)
    size = DATA_BITS.get(len(bits))
    if size is None:
        raise BadBits(f"{len(bits)} bits came; a badge gives 26, 34, 37 or 58, a key 4 or 8")
    half = -(-len(bits) // 2)
    if sum(bits[:half]) % 2 != 0 or sum(bits[-half:]) % 2 != 1:
        raise BadBits("the parity is wrong; check the wires D0 and D1 and their shield")
    return Card(_number(bits[1:-1]), size)


def _key(bits: Sequence[int]) -> Key:
    if len(bits) == 8:  # the complement goes before the key
        if any(a == b for a, b in zip(bits[:4], bits[4:], strict=True)):
            raise BadBits("the two halves of a key do not go together")
        bits = bits[4:]
    number = _number(bits)
    if number not in _KEYS:
        raise BadBits(f"there is no key {number}")
    return Key(_KEYS[number])


def _number(bits: Sequence[int]) -> int:
    return sum(bit << place for place, bit in enumerate(reversed(bits)))
