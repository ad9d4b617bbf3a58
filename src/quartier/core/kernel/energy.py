"""Energy as integers (architecture.md, house rule 4).

Stored intervals are whole Wh, allocated energy is whole mWh. Nothing here knows floats: a value
in kWh enters as a string or a Decimal, and what does not fit a whole Wh is carried forward by
:class:`Carry`, so that intervals always sum to the delta of their source.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from fractions import Fraction

WH_PER_KWH = 1_000
MWH_PER_WH = 1_000  # milliwatt-hours: the unit of allocated energy
MWH_PER_KWH = WH_PER_KWH * MWH_PER_WH

# int64 products of two energies in mWh are exact below 3 MWh an interval and pool (stack.md).
POOL_LIMIT_MWH = 3_000_000_000

# A 15-minute value of a building cannot be this large; it also keeps int32 blocks safe.
INTERVAL_LIMIT_WH = 2_000_000_000


class NotEnergy(ValueError):
    """The text or number is not an energy."""


def decimal_of(value: str | Decimal | int) -> Decimal:
    """The exact decimal value of ``value``.

    Raises :class:`NotEnergy` for floats (they are never exact), infinities, NaN and text that is
    not a number.
    """
    if isinstance(value, float):
        raise NotEnergy(f"{value!r} is a float; energy and money are never floats")
    try:
        number = Decimal(value.strip()) if isinstance(value, str) else Decimal(value)
    except InvalidOperation:
        raise NotEnergy(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise NotEnergy(f"{value!r} is not a finite number")
    return number


def wh_of_kwh(energy_kwh: str | Decimal | int) -> int:
    """``energy_kwh`` in whole Wh; raises :class:`NotEnergy` if it is finer than 1 Wh."""
    energy_wh = decimal_of(energy_kwh) * WH_PER_KWH
    if energy_wh != energy_wh.to_integral_value():
        raise NotEnergy(f"{energy_kwh} kWh is finer than 1 Wh; carry its remainder forward")
    return int(energy_wh)


def kwh_of_wh(energy_wh: int) -> Decimal:
    """``energy_wh`` as kWh with three decimals, exactly."""
    return Decimal(energy_wh).scaleb(-3)


def kwh_of_mwh(energy_mwh: int) -> Decimal:
    """``energy_mwh`` (milliwatt-hours) as kWh with six decimals, exactly."""
    return Decimal(energy_mwh).scaleb(-6)


@dataclass(frozen=True, slots=True)
class Carry:
    """The part of a source finer than 1 Wh that has not yet reached an interval.

    ``remainder_wh`` is in [0, 1). A gap in the source does not reset it: energy is not lost in a
    gap, only unknown, and the next register reading accounts for it.
    """

    remainder_wh: Fraction = Fraction(0)

    def take(self, energy_wh: Decimal | Fraction | int) -> tuple[int, "Carry"]:
        """The whole Wh that ``energy_wh`` completes, and what is carried on."""
        total = self.remainder_wh + Fraction(energy_wh)
        whole = total.numerator // total.denominator
        return whole, Carry(total - whole)


def whole_wh(
    energies_kwh: Iterable[Decimal | None], remainder_wh: Decimal = Decimal(0)
) -> list[int | None]:
    """A series in kWh as whole Wh whose partial sums differ from the source's by less than 1 Wh.

    ``remainder_wh`` in [0, 1) is what the source's earlier intervals left. ``None`` is a missing
    interval and stays missing; the remainder is carried over it.
    """
    remainder = remainder_wh
    out: list[int | None] = []
    for energy_kwh in energies_kwh:
        if energy_kwh is None:
            out.append(None)
            continue
        total = energy_kwh * WH_PER_KWH + remainder
        whole = total.to_integral_value(rounding=ROUND_FLOOR)
        remainder = total - whole
        out.append(int(whole))
    return out


def remainder_after(
    energies_kwh: Iterable[Decimal | None], remainder_wh: Decimal = Decimal(0)
) -> Decimal:
    """What :func:`whole_wh` of the same series leaves for the next intervals, in [0, 1) Wh;
    energies are not negative."""
    remainder = remainder_wh
    for energy_kwh in energies_kwh:
        if energy_kwh is not None:
            remainder = (remainder + energy_kwh * WH_PER_KWH) % 1
    return remainder


def largest_remainder(whole: int, weights: Sequence[int], first: int = 0) -> list[int]:
    """``whole`` split in proportion to ``weights``, exactly (rules.md a.3 Rounding, [S27]).

    The parts are non-negative integers that sum to ``whole``. Each is its exact share rounded
    down; the units that are left go to the largest remainders. Among equal remainders the one
    at or after position ``first`` (cyclically) comes first: callers pass the interval's number,
    so that ties rotate. With all weights 0, ``whole`` must be 0.
    """
    assert whole >= 0
    assert all(weight >= 0 for weight in weights)
    total = sum(weights)
    if total == 0:
        if whole:
            raise NotEnergy(f"{whole} cannot be split: every weight is 0")
        return [0] * len(weights)
    parts = [whole * weight // total for weight in weights]
    left = whole - sum(parts)
    if left:
        count = len(weights)
        order = sorted(
            (i for i in range(count) if weights[i]),
            key=lambda i: (-(whole * weights[i] % total), (i - first) % count),
        )
        for i in order[:left]:
            parts[i] += 1
    return parts
