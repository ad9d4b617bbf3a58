"""The number of a badge in all the ways in which readers write it (rules.md e.4).

Readers differ in byte order and notation: ``04A1B2C3``, ``C3:B2:A1:04`` and the decimals of either
are one badge. A number is kept in its normal form, upper-case hexadecimal as the card gives it,
and compared with whatever a reader says in each of the four notations. A UID can be copied with
cheap tools: it tells who is meant and proves nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_CASCADE = "88"
"""Cascade tag of ISO/IEC 14443-3: stands before a part of a longer UID and is none of its bytes."""
_BYTES = {4: 0, 7: 1, 10: 2}
"""Lengths of a UID, and the cascade tags that a reader may have left in."""
_SEPARATORS = re.compile(r"[\s:.\-]+")
_MOST_CHARACTERS = 64


class BadUid(ValueError):
    """The text is no number of a badge; it says why."""


class Notation(StrEnum):
    """How a reader writes a number."""

    HEX = "hex"
    HEX_REVERSED = "hex_reversed"
    DECIMAL = "decimal"
    DECIMAL_REVERSED = "decimal_reversed"


@dataclass(frozen=True, slots=True)
class Uid:
    """A badge's number in its normal form: 8, 14 or 20 upper-case hexadecimal digits."""

    hex: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(?:[0-9A-F]{2})+", self.hex) or len(self.hex) // 2 not in _BYTES:
            raise BadUid("a badge's number has 4, 7 or 10 bytes in hexadecimal digits")

    @property
    def reversed_hex(self) -> str:
        """The bytes in the other order."""
        return bytes.fromhex(self.hex)[::-1].hex().upper()

    @property
    def notations(self) -> dict[Notation, str]:
        """The four ways to write it, without leading zeros in decimals."""
        return {
            Notation.HEX: self.hex,
            Notation.HEX_REVERSED: self.reversed_hex,
            Notation.DECIMAL: str(int(self.hex, 16)),
            Notation.DECIMAL_REVERSED: str(int(self.reversed_hex, 16)),
        }

    @property
    def is_random(self) -> bool:
        """Whether the card makes a new number each time (four bytes, the first 08),
        as phones and passports do: it cannot be a badge."""
        return len(self.hex) == 8 and self.hex.startswith("08")

    @property
    def may_repeat(self) -> bool:
        """Whether another card may have the same number: those of four bytes are not unique."""
        return len(self.hex) == 8


def uid_of(text: str) -> Uid:
    """The number that ``text`` writes in hexadecimal, as the card gives its bytes.

    Separators, ``0x`` and lower case are allowed, cascade tags are taken out. Raises
    :class:`BadUid`.
    """
    digits = _bare(text).removeprefix("0X")
    if not re.fullmatch(r"[0-9A-F]+", digits) or len(digits) % 2:
        raise BadUid(f"{text!r:.40} is no hexadecimal number of whole bytes")
    for length, tags in _BYTES.items():
        if tags and len(digits) == 2 * (length + tags):
            digits = _without_tags(digits, tags)
    if len(digits) == 8 and digits.startswith(_CASCADE):
        raise BadUid(
            "the reader gave the first part of a longer number only; set it to read 7 bytes"
        )
    return Uid(digits)


def _without_tags(digits: str, tags: int) -> str:
    parts = [digits[start : start + 8] for start in range(0, 8 * tags, 8)]
    if not all(part.startswith(_CASCADE) for part in parts):
        raise BadUid("a badge's number has 4, 7 or 10 bytes in hexadecimal digits")
    return "".join(part[2:] for part in parts) + digits[8 * tags :]


def matching(text: str, badges: Iterable[Uid]) -> list[tuple[Uid, Notation]]:
    """Those of ``badges`` that ``text``, as a reader gave it, may be, and in which notation.

    More than one is a collision: who reads it must be told to use one notation, and nobody is let
    in on it. Raises :class:`BadUid` for what cannot be a number at all.
    """
    bare = _bare(text).removeprefix("0X")
    if not re.fullmatch(r"[0-9A-F]+", bare):
        raise BadUid(f"{text!r:.40} is no number of a badge")
    wanted = {bare, bare.lstrip("0")}
    try:
        wanted.add(uid_of(text).hex)  # without cascade tags
    except BadUid:  # decimal, or shortened by its leading zeros
        wanted.add(bare.zfill(8))
    found: list[tuple[Uid, Notation]] = []
    for badge in dict.fromkeys(badges):
        notation = next((n for n, written in badge.notations.items() if written in wanted), None)
        if notation is not None:
            found.append((badge, notation))
    return found


def _bare(text: str) -> str:
    if len(text) > _MOST_CHARACTERS:
        raise BadUid(f"{text[:40]!r}... is too long for the number of a badge")
    return _SEPARATORS.sub("", text).upper()
