"""What participants with the same dates, sheets and solutions are billed for: items in the order
of their lines, segments for the cap, and the holes that no price covers."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from quartier.core.kernel.period import Dates
from quartier.core.rating.components.energy import EnergyItem
from quartier.core.rating.components.fixed import fixed_item
from quartier.core.rating.components.item import Head, Item, Scope, component_atoms
from quartier.core.rating.components.months import monthly_price
from quartier.core.rating.components.peak import PeakItem
from quartier.core.rating.components.volume import VolumeItem
from quartier.core.rating.masks import Mask
from quartier.core.rating.price import price_of, reference_price
from quartier.core.rating.sheet import (
    GRID,
    INTERVAL_FLOWS,
    SOLAR,
    TOTAL,
    Component,
    PriceSheet,
    Slot,
    Unit,
)
from quartier.core.rating.usage import BadUsage


@dataclass(frozen=True, eq=False, slots=True)
class Hole:
    """Atoms ``columns`` whose energy of ``flow`` at ``place`` has no price."""

    what: str
    flow: str
    place: int
    columns: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """One slot of the reference product over dates with one sheet and VAT rate; ``charged`` are
    (index of an internal solar item, atoms it has in common with the segment)."""

    sheet: PriceSheet
    solution: str
    slot: Slot
    dates: Dates
    price: Decimal
    columns: NDArray[np.int64]
    charged: tuple[tuple[int, NDArray[np.int64]], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """See the module."""

    items: tuple[Item, ...]
    segments: tuple[Segment, ...]
    holes: tuple[Hole, ...]


def plan_of(scope: Scope, sheets: Sequence[PriceSheet], cut_dates: Sequence[date]) -> Plan:
    """The plan of participants with the dates and solutions of ``scope``.

    Raises :class:`BadUsage` if two sheets price one solution on the same day.
    """
    items: list[Item] = []
    segments: list[Segment] = []
    in_force: list[tuple[PriceSheet, Dates]] = []
    for sheet in sorted(sheets, key=lambda one: one.valid.from_date):
        common = sheet.valid.intersection(scope.dates)
        if common is None:
            continue
        _refuse_overlap(sheet, common, in_force)
        in_force.append((sheet, common))
        ranges = list(_ranges(common, cut_dates))
        first = len(items)
        items.extend(
            _item(component, sheet, dates, scope)
            for component in sheet.components
            for dates in ranges
        )
        segments.extend(_segments(sheet, ranges, items, first, scope))
    return Plan(tuple(items), tuple(segments), tuple(_holes(in_force, items, scope)))


def _item(component: Component, sheet: PriceSheet, dates: Dates, scope: Scope) -> Item:
    price, unit = price_of(component, sheet), component.unit
    if unit is Unit.YEAR:
        head = Head(component, sheet, dates, Unit.MONTH, monthly_price(price))
    else:
        head = Head(component, sheet, dates, unit, price)
    if unit is Unit.KW:
        return PeakItem(head, scope.places(component.solution))
    if unit in (Unit.KWH, Unit.M3):
        if component.flow in INTERVAL_FLOWS:
            mask = component_atoms(component, sheet, dates, scope)
            return EnergyItem(head, mask)
        return VolumeItem(head)
    return fixed_item(head, scope)


def _ranges(dates: Dates, cut_dates: Sequence[date]) -> Iterator[Dates]:
    inside = sorted({day for day in cut_dates if day in dates and day != dates.from_date})
    bounds = [dates.from_date, *inside]
    for first, end in zip(bounds, [*inside, dates.to_date], strict=True):
        yield Dates(first, end)


def _refuse_overlap(
    sheet: PriceSheet, dates: Dates, earlier: Sequence[tuple[PriceSheet, Dates]]
) -> None:
    solutions = {one.solution for one in sheet.components}
    for other, others in earlier:
        common = others.intersection(dates)
        both = solutions & {one.solution for one in other.components}
        if common is not None and both:
            raise BadUsage(
                f"the price sheets {other.ref!r} and {sheet.ref!r} both price "
                f"{', '.join(sorted(both))} from {common}"
            )


def _segments(
    sheet: PriceSheet, ranges: Sequence[Dates], items: Sequence[Item], first: int, scope: Scope
) -> Iterator[Segment]:
    reference = sheet.reference
    if reference is None:
        return
    windows = sheet.windows_called(reference.windows)
    timed = reference_price(reference, Slot.STANDARD) is not None and windows is not None
    slots = (Slot.STANDARD, Slot.REDUCED) if timed else (Slot.ALL,)
    charges = [
        (number, item)
        for number, item in enumerate(items[first:], first)
        if isinstance(item, EnergyItem)
        and item.head.component.is_internal
        and item.head.component.flow == SOLAR
    ]
    for solution in dict.fromkeys(scope.solutions):
        if not any(one.solution == solution for one in sheet.components):
            continue
        for dates in ranges:
            for slot in slots:
                mask = scope.atoms.within(dates)
                if timed:
                    assert windows is not None
                    mask &= scope.atoms.where(scope.bits[windows], slot is Slot.STANDARD)
                price = reference_price(reference, slot)
                assert price is not None, "a sheet is validated before it is used"
                charged = tuple(
                    (number, np.flatnonzero(item.mask & mask))
                    for number, item in charges
                    if item.head.component.solution == solution and item.head.dates == dates
                )
                columns = np.flatnonzero(mask)
                yield Segment(sheet, solution, slot, dates, price, columns, charged)


def _holes(
    in_force: Sequence[tuple[PriceSheet, Dates]], items: Sequence[Item], scope: Scope
) -> Iterator[Hole]:
    atoms = scope.atoms
    alive = atoms.within(scope.dates)
    none = np.zeros(len(alive), dtype=np.bool_)
    covered: dict[tuple[str, str], Mask] = defaultdict(none.copy)
    parts: dict[tuple[int, str, str, str], Mask] = defaultdict(none.copy)
    for item in items:
        if isinstance(item, EnergyItem):
            one = item.head.component
            for flow in (SOLAR, GRID) if one.flow == TOTAL else (one.flow,):
                covered[one.solution, flow] |= item.mask
                parts[id(item.head.sheet), one.solution, flow, one.part] |= item.mask
    for place, solution in enumerate(scope.solutions):
        # The grid operator bills what nobody prices here, not what one of the sheets forgets.
        is_priced_here = covered[solution, GRID].any()
        needed = (SOLAR,) if scope.grid_elsewhere and not is_priced_here else (SOLAR, GRID)
        for flow in needed:
            missing = alive & ~covered[solution, flow]
            for sheet, dates in in_force:
                for (sheet_id, name, on, part), mask in parts.items():
                    if (sheet_id, name, on) == (id(sheet), solution, flow):
                        hole = atoms.within(dates) & ~mask
                        if hole.any() and not (hole & missing).any():
                            what = f"{flow} energy ({solution}, {part}) in every time slot"
                            yield Hole(what, flow, place, np.flatnonzero(hole))
            if missing.any():
                what = f"{flow} energy ({solution})"
                yield Hole(what, flow, place, np.flatnonzero(missing))
