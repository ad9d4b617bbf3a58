"""OBIS codes ``A-B:C.D.E*F`` (IEC 62056-6-1 [GK]; rules.md b.2): what a register measures."""

import re
from dataclasses import dataclass

_CODE = re.compile(
    r"(?:(?P<a>\d{1,3})-(?P<b>\d{1,3}):)?(?P<c>\d{1,3})\.(?P<d>\d{1,3})(?:\.(?P<e>\d{1,3}))?(?:\*(?P<f>\d{1,3}))?"
)


class NotObis(ValueError):
    """The text is not an OBIS code."""


@dataclass(frozen=True, slots=True, order=True)
class Obis:
    """One OBIS code. ``medium`` 1 is electricity, 6 heat, 8 and 9 water ([GK])."""

    medium: int
    channel: int
    quantity: int
    processing: int
    tariff: int

    @classmethod
    def parse(cls, text: str) -> "Obis":
        """``text`` as a code; medium 1 and channel 1 are understood where it leaves them out.

        Raises :class:`NotObis`.
        """
        match = _CODE.fullmatch(text.strip())
        if match is None:
            raise NotObis(f"{text!r} is not an OBIS code; example: 1-1:1.8.0")
        values = [int(match[name]) if match[name] else None for name in "abcde"]
        if any(value is not None and value > 255 for value in values):
            raise NotObis(f"{text!r} has a part above 255")
        a, b, c, d, e = values
        assert c is not None
        assert d is not None
        return cls(1 if a is None else a, 1 if b is None else b, c, d, 0 if e is None else e)

    @property
    def is_import(self) -> bool:
        """Energy drawn through the meter, in its own counting direction."""
        return self.medium == 1 and self.quantity == 1

    @property
    def is_export(self) -> bool:
        """Energy fed back through the meter."""
        return self.medium == 1 and self.quantity == 2

    @property
    def total(self) -> "Obis":
        """The same register over all tariffs."""
        return Obis(self.medium, self.channel, self.quantity, self.processing, 0)

    def __str__(self) -> str:
        return f"{self.medium}-{self.channel}:{self.quantity}.{self.processing}.{self.tariff}"


IMPORT_REGISTER = Obis(1, 1, 1, 8, 0)
EXPORT_REGISTER = Obis(1, 1, 2, 8, 0)
IMPORT_PROFILE = Obis(1, 1, 1, 29, 0)
EXPORT_PROFILE = Obis(1, 1, 2, 29, 0)
