"""The grid discount of a LEG as dated values (StromVV Art. 19h; rules.md a.4 [S5][S38])."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from quartier.core.kernel.period import Dates


@dataclass(frozen=True, slots=True)
class GridDiscount:
    """Percent off the grid-use tariff, without and with a transformer between the members."""

    valid: Dates
    same_level_percent: Decimal
    transformed_percent: Decimal
    article: str


GRID_DISCOUNTS: tuple[GridDiscount, ...] = (
    GridDiscount(Dates(date(2026, 1, 1)), Decimal(40), Decimal(20), "StromVV Art. 19h"),
)


class NoGridDiscount(LookupError):
    """No LEG could exist on this day."""


def grid_discount_on(day: date) -> GridDiscount:
    """The values in force on ``day``; raises :class:`NoGridDiscount` before 2026."""
    for one in GRID_DISCOUNTS:
        if day in one.valid:
            return one
    raise NoGridDiscount(f"there were no LEG on {day}; they exist since 2026-01-01")
