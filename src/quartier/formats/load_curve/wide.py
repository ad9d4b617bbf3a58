"""A row a day: which quarter-hour each of its cells is of (rules.md b.4)."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from quartier.core.kernel.period import Period, slot_at, slot_starts_at
from quartier.formats.load_curve.cells import Cell, text_of
from quartier.formats.load_curve.profile import Profile

NORMAL = 96
_WHOLE, _HALF = Decimal(1), Decimal("0.5")
Value = tuple[int, Cell, Decimal, bool]
"""Slot, cell, what share of the cell is the slot's, and whether that is derived."""


def wide_values(
    profile: Profile, day: date, tz: ZoneInfo, cells: Sequence[Cell]
) -> Iterator[Value]:
    """The slots of the local ``day`` with the cells they are of.

    Raises ValueError where the number of cells does not fit the day and the profile.
    """
    slots = Period.of_local_dates(day, day + timedelta(days=1), tz).slots
    count = len(slots)
    if count == NORMAL:
        yield from _in_order(slots, cells, day)
    elif profile.dst == "":
        raise ValueError(
            f"{day} has {count} quarter-hours; the profile's dst must say how the row shows them"
        )
    elif profile.dst == "actual":
        yield from _in_order(slots, cells, day)
    elif count < NORMAL:
        yield from _spring(slots, cells, day, tz)
    else:
        yield from _autumn(slots, cells, day, tz, is_doubled=profile.dst == "doubled")


def _in_order(slots: range, cells: Sequence[Cell], day: date) -> Iterator[Value]:
    if len(cells) < len(slots):
        raise ValueError(f"{day} has {len(slots)} quarter-hours, the row {len(cells)} values")
    _refuse_surplus(cells[len(slots) :], f"{day} has {len(slots)} quarter-hours, the row has more")
    for slot, cell in zip(slots, cells, strict=False):
        yield slot, cell, _WHOLE, False


def _spring(slots: range, cells: Sequence[Cell], day: date, tz: ZoneInfo) -> Iterator[Value]:
    """96 cells by the wall clock, those of the skipped hour empty."""
    _refuse_other_count(cells, day)
    for position, cell in enumerate(cells[:NORMAL]):
        moment = datetime(day.year, day.month, day.day) + timedelta(minutes=15 * position)  # noqa: DTZ001
        instant = moment.replace(tzinfo=tz)
        slot = slot_at(instant)
        if _wall(slot, tz) != moment:
            if text_of(cell):
                raise ValueError(f"{moment} is skipped by the clock and has a value")
            continue
        assert slot in slots
        yield slot, cell, _WHOLE, False


def _autumn(
    slots: range, cells: Sequence[Cell], day: date, tz: ZoneInfo, *, is_doubled: bool
) -> Iterator[Value]:
    """96 cells by the wall clock; those of the repeated hour are both hours added up, or the
    first of them, and then the second is a gap."""
    _refuse_other_count(cells, day)
    seen: set[datetime] = set()
    walls = [_wall(slot, tz) for slot in slots]
    repeated = {wall for wall in walls if walls.count(wall) == 2}
    for slot, wall in zip(slots, walls, strict=True):
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001
        position = int((wall - midnight).total_seconds()) // 900
        if wall not in repeated:
            yield slot, cells[position], _WHOLE, False
        elif is_doubled:
            yield slot, cells[position], _HALF, True
        else:
            yield slot, None if wall in seen else cells[position], _WHOLE, False
        seen.add(wall)


def _wall(slot: int, tz: ZoneInfo) -> datetime:
    return slot_starts_at(slot).astimezone(tz).replace(tzinfo=None)


def _refuse_other_count(cells: Sequence[Cell], day: date) -> None:
    if len(cells) < NORMAL:
        raise ValueError(f"the row of {day} has {len(cells)} values, not {NORMAL}")
    _refuse_surplus(cells[NORMAL:], f"the row of {day} has more than {NORMAL} values")


def _refuse_surplus(cells: Sequence[Cell], message: str) -> None:
    if any(text_of(cell) for cell in cells):
        raise ValueError(message)
