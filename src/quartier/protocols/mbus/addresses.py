"""Who a device is: identification number, manufacturer, version and medium (EN 13757-3).

The four together are its secondary address. In a selection each may be left open: F stands for
any digit of the number.
"""

import re
from dataclasses import dataclass
from typing import Final

from quartier.protocols.mbus.errors import BadRequest

MEDIA: Final[dict[int, str]] = {
    0x00: "other",
    0x01: "oil",
    0x02: "electricity",
    0x03: "gas",
    0x04: "heat (return)",
    0x05: "steam",
    0x06: "hot water (30 to 90 °C)",
    0x07: "water",
    0x08: "heat cost allocator",
    0x09: "compressed air",
    0x0A: "cooling (return)",
    0x0B: "cooling (flow)",
    0x0C: "heat (flow)",
    0x0D: "heat and cooling",
    0x0E: "bus",
    0x0F: "unknown",
    0x14: "calorific value",
    0x15: "hot water (above 90 °C)",
    0x16: "cold water",
    0x17: "hot and cold water",
    0x18: "pressure",
    0x19: "A/D converter",
    0x1A: "smoke detector",
    0x1B: "room sensor",
    0x1C: "gas detector",
    0x20: "breaker",
    0x21: "valve",
    0x25: "display",
    0x28: "waste water",
    0x29: "garbage",
    0x2A: "carbon dioxide",
    0x31: "communication controller",
    0x32: "unidirectional repeater",
    0x33: "bidirectional repeater",
    0x36: "radio converter (system)",
    0x37: "radio converter (meter)",
}
"""Flow and return say where the flow sensor sits."""

_NUMBER = re.compile(r"[0-9A-F]{8}")
_NO_MANUFACTURER = 0xFFFF


def medium_name(medium: int) -> str:
    """``medium`` in words."""
    return MEDIA.get(medium, f"medium {medium:02X} hex")


def manufacturer_name(code: int) -> str:
    """Three letters of 5 bits each (IEC 62056-21, FLAG)."""
    return "".join(chr((code >> shift & 0x1F) + 64) for shift in (10, 5, 0))


def manufacturer_code(name: str) -> int:
    """The number of three letters; raises :class:`BadRequest`."""
    if not re.fullmatch(r"[@-_]{3}", name):
        raise BadRequest(f"{name!r} is not a manufacturer; three capital letters, such as KAM")
    first, second, third = (ord(letter) - 64 for letter in name)
    return first << 10 | second << 5 | third


@dataclass(frozen=True, slots=True, order=True)
class Secondary:
    """A secondary address, or a mask of several: F in ``number``, and ``None``, mean any.

    ``number`` has 8 digits as they are printed on the meter. Raises :class:`BadRequest`.
    """

    number: str = "FFFFFFFF"
    manufacturer: str | None = None
    version: int | None = None
    medium: int | None = None

    def __post_init__(self) -> None:
        if not _NUMBER.fullmatch(self.number):
            raise BadRequest(f"{self.number!r} is not the number of a meter; it has 8 digits")
        if self.manufacturer is not None:
            manufacturer_code(self.manufacturer)
        for value in (self.version, self.medium):
            if value is not None and not 0 <= value <= 0xFE:
                raise BadRequest(f"version and medium are 0 to 254, not {value}")

    @classmethod
    def parse(cls, text: str) -> "Secondary":
        """``94158192`` as printed, or all 16 digits in the order of the wire
        (``92811594FFFFFFFF``), as converters and other systems write it.

        Raises :class:`BadRequest`.
        """
        digits = text.strip().upper()
        if len(digits) == 16 and re.fullmatch(r"[0-9A-F]{16}", digits):
            return cls.from_bytes(bytes.fromhex(digits))
        return cls(digits.zfill(8) if digits.isdecimal() else digits)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Secondary":
        """The 8 bytes of a selection or of a header."""
        assert len(data) == 8, "a secondary address has 8 bytes"
        code = int.from_bytes(data[4:6], "little")
        return cls(
            data[3::-1].hex().upper(),
            None if code == _NO_MANUFACTURER else manufacturer_name(code),
            None if data[6] == 0xFF else data[6],
            None if data[7] == 0xFF else data[7],
        )

    def to_bytes(self) -> bytes:
        """The 8 bytes of a selection."""
        code = _NO_MANUFACTURER
        if self.manufacturer is not None:
            code = manufacturer_code(self.manufacturer)
        return (
            bytes.fromhex(self.number)[::-1]
            + code.to_bytes(2, "little")
            + bytes([_or_any(self.version), _or_any(self.medium)])
        )

    def matches(self, other: "Secondary") -> bool:
        """Whether ``other``, a device, is among those selected."""
        return (
            all(
                mine in ("F", theirs)
                for mine, theirs in zip(self.number, other.number, strict=True)
            )
            and self.manufacturer in (None, other.manufacturer)
            and self.version in (None, other.version)
            and self.medium in (None, other.medium)
        )

    def __str__(self) -> str:
        parts = [self.number]
        if self.manufacturer is not None:
            parts.append(self.manufacturer)
        if self.version is not None:
            parts.append(f"version {self.version}")
        if self.medium is not None:
            parts.append(medium_name(self.medium))
        return ", ".join(parts)


def _or_any(value: int | None) -> int:
    return 0xFF if value is None else value
