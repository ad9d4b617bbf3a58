"""How a reader writes what was held to it, and the number behind that.

Controllers with Wiegand readers give hexadecimal or decimal digits, a facility code and a card
number, or the bits of the frame, in either order of bytes. What comes out is one writing: the
upper-case hexadecimal digits of the number, 8, 14 or 20 of them where it is the whole UID of a
badge (:mod:`quartier.protocols.rfid.uid`). The refusals never quote a number: it is as good as a
key.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from quartier.protocols.rfid.uid import BadUid, uid_of
from quartier.protocols.rfid.wiegand import DATA_BITS, BadBits, Key, decode

_SEPARATORS = re.compile(r"[\s:.\-]+")
_PAIR = re.compile(r"([0-9]{1,5})[\s,;:/\-]+([0-9]{1,6})")
_PLAIN_PAIR = re.compile(r"([0-9]{3})([0-9]{5})")
_CARD_BITS = {26: 16, 34: 16, 37: 19}
"""How many of the data bits are the card's number; the facility code stands before (formats H10301,
34 bits in halves, H10304)."""
_MOST_CHARACTERS = 64
_MOST_DECIMAL = 20
_PART_DIGITS = 6


class Notation(StrEnum):
    """What a reader sends for a badge."""

    HEX = "hex"
    DECIMAL = "decimal"
    FACILITY_CARD = "facility_card"
    BITS = "bits"


class BadWriting(ValueError):
    """The text is no badge in this notation; the message says why, without the text."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How one reader writes. ``bits`` of the Wiegand frame (26, 34, 37, 58) say how long a decimal
    number or a pair is. ``is_reversed``: its last byte comes first."""

    notation: Notation = Notation.HEX
    bits: int = 34
    is_reversed: bool = False

    def read(self, text: str) -> str | Key:
        """The number in upper-case hexadecimal digits, or a key; raises :class:`BadWriting`."""
        if len(text) > _MOST_CHARACTERS or not text.isascii():
            raise BadWriting("what the reader sends is too long for a badge, or no plain text")
        match self.notation:
            case Notation.HEX:
                return self._hexadecimal(_SEPARATORS.sub("", text).upper().removeprefix("0X"))
            case Notation.DECIMAL:
                bare = text.strip()
                if not re.fullmatch(rf"[0-9]{{1,{_MOST_DECIMAL}}}", bare):
                    raise BadWriting("what the reader sends is no decimal number")
                return self._sized(int(bare))
            case Notation.FACILITY_CARD:
                return self._pair(text.strip())
            case Notation.BITS:
                return self._frame(_SEPARATORS.sub("", text))

    def _hexadecimal(self, digits: str) -> str:
        if not re.fullmatch(r"(?:[0-9A-F]{2}){3,12}", digits):
            raise BadWriting("what the reader sends is no hexadecimal number of whole bytes")
        digits = self._ordered(digits)
        if len(digits) == _PART_DIGITS:
            return digits
        try:
            return uid_of(digits).hex
        except BadUid:
            raise BadWriting(
                "a badge's number has 4, 7 or 10 bytes; the reader sends others"
            ) from (None)

    def _pair(self, text: str) -> str:
        pair = _PAIR.fullmatch(text) or (self.bits == 26 and _PLAIN_PAIR.fullmatch(text))
        if not pair:
            raise BadWriting("what the reader sends is no facility code with a card number")
        card_bits = _CARD_BITS[self.bits]
        facility, card = int(pair[1]), int(pair[2])
        if card >> card_bits:
            raise BadWriting(f"the card number is longer than a frame of {self.bits} bits has it")
        return self._sized(facility << card_bits | card)

    def _frame(self, text: str) -> str | Key:
        if not re.fullmatch("[01]+", text):
            raise BadWriting("what the reader sends are no bits")
        try:
            found = decode([int(bit) for bit in text])
        except BadBits as problem:
            raise BadWriting(f"{problem}") from None
        return found if isinstance(found, Key) else self._hexadecimal_of(found.data, found.bits)

    def _sized(self, number: int) -> str:
        size = DATA_BITS[self.bits]
        if number >> size:
            raise BadWriting(f"the number is longer than a frame of {self.bits} bits has it")
        return self._hexadecimal_of(number, size)

    def _hexadecimal_of(self, number: int, size: int) -> str:
        digits = f"{number:0{-(-size // 4)}X}"
        return self._ordered(digits) if size % 8 == 0 else digits

    def _ordered(self, digits: str) -> str:
        return bytes.fromhex(digits)[::-1].hex().upper() if self.is_reversed else digits
