"""What was used: interval matrices of a site, metered volumes, and who answers for which row."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from quartier.core.kernel.period import Dates
from quartier.core.rating.sheet import PriceSheet


class BadUsage(ValueError):
    """The usage cannot be rated as it is: wrong period, shape or overlap."""


@dataclass(frozen=True, eq=False, slots=True)
class Usage:
    """A site's energy over a period, int64 mWh [n, t], one row a metered place.

    ``first_slot`` is the slot of column 0. ``consumption_mwh`` is whole Wh (a multiple of 1000)
    by construction of the store; ``solar_mwh`` is what the sharing rule gave, between 0 and the
    consumption. What is drawn from the grid is the difference. ``estimated``, bool [n, t], marks
    intervals that rest on an estimated, substituted or manual value.
    Raises :class:`BadUsage`.
    """

    first_slot: int
    timezone: str
    consumption_mwh: NDArray[np.int64]
    solar_mwh: NDArray[np.int64]
    estimated: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        consumption, solar = self.consumption_mwh, self.solar_mwh
        if consumption.ndim != 2 or consumption.shape != solar.shape:
            raise BadUsage("consumption and solar must be matrices of the same shape [n, t]")
        if consumption.dtype != np.int64 or solar.dtype != np.int64:
            raise BadUsage("energy is int64 mWh")
        if self.estimated is not None and self.estimated.shape != consumption.shape:
            raise BadUsage("the marks of estimated intervals must have the consumption's shape")
        if solar.size and int(solar.min()) < 0:
            raise BadUsage("solar energy is negative")
        if bool((solar > consumption).any()):
            raise BadUsage("solar energy exceeds the consumption")


@dataclass(frozen=True, slots=True)
class Volume:
    """A metered quantity that is not a quarter-hour series: m3 of water, kWh of heat."""

    solution: str
    flow: str
    from_date: date
    to_date: date
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Participant:
    """Who is billed for which rows, over ``dates`` (their occupancy inside the period).

    ``rows`` are pairs of solution and row, e.g. (("electricity", 3), ("charging", 41)).
    ``sheets`` together price ``dates``. A change of tenant gives two participants on one row.
    """

    ref: str
    dates: Dates
    rows: tuple[tuple[str, int], ...]
    sheets: tuple[PriceSheet, ...]
    volumes: tuple[Volume, ...] = ()
    meters: int = 1
