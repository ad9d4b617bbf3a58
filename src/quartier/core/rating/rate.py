"""Usage x prices to lines, for all participants of a site at once.

Participants with the same dates, sheets and solutions share one plan; their quantities are
NumPy reductions over atoms (``atoms.py``), rounded over all of them at once (``whole.py``), and
Python loops run over participants x components only. Pass all participants of the site: the atoms
are cut where any of them begins or ends, and the whole Wh add up to the site.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from quartier.core.kernel.energy import MWH_PER_WH
from quartier.core.kernel.money import product
from quartier.core.kernel.period import Dates, timezone_of
from quartier.core.rating.atoms import atoms_of
from quartier.core.rating.components.item import Bits, Group, Scope
from quartier.core.rating.components.volume import VolumeItem
from quartier.core.rating.masks import Mask, season_mask, standard_mask
from quartier.core.rating.parts import Parts, energy_of, parts_of
from quartier.core.rating.plan import Plan, plan_of
from quartier.core.rating.price import NoPrice, PriceGap
from quartier.core.rating.rated import Rated, RatedLine, RatedSegment
from quartier.core.rating.sheet import GRID, SOLAR, PriceSheet
from quartier.core.rating.usage import BadUsage, Participant, Usage
from quartier.core.rating.whole import whole_wh


def rate(
    usage: Usage,
    period: Dates,
    participants: Sequence[Participant],
    cut_dates: Sequence[date] = (),
    *,
    grid_elsewhere: bool = False,
) -> tuple[Rated, ...]:
    """Rated lines of each of ``participants``, in their order.

    ``usage`` covers exactly the local dates of ``period``; ``cut_dates`` are dates at which a VAT
    rate changes. Sheets are validated ones (``check.validate``). ``grid_elsewhere``: grid energy
    that no sheet prices is billed by the grid operator, as in a LEG (rules.md a.4). Raises
    :class:`NoPrice` listing everything used that has no price (architecture.md, house rule 3), and
    :class:`BadUsage` for usage of another period or shape, for participants that overlap on a row,
    and for two sheets that price one solution on the same day.
    """
    _check(usage, period, participants)
    sheets = {id(sheet): sheet for one in participants for sheet in one.sheets}
    bits, masks = _masks(usage, period, sheets.values())
    cuts = set(cut_dates)
    for one in participants:
        for dates in (one.dates, *(sheet.valid for sheet in one.sheets)):
            cuts.add(dates.from_date)
            if dates.to_date is not None:
                cuts.add(dates.to_date)
    atoms = atoms_of(usage, period, sorted(cuts), masks)

    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, one in enumerate(participants):
        solutions = tuple(solution for solution, _ in one.rows)
        groups[one.dates, solutions, tuple(map(id, one.sheets))].append(number)

    plots = [
        _plot(
            numbers,
            [participants[number] for number in numbers],
            Scope(
                usage,
                period,
                participants[numbers[0]].dates,
                tuple(solution for solution, _ in participants[numbers[0]].rows),
                atoms,
                bits,
                grid_elsewhere,
            ),
            cut_dates,
        )
        for numbers in groups.values()
    ]
    gaps = [gap for plot in plots for gap in _gaps(plot)]
    if gaps:
        raise NoPrice(gaps)
    shares = [
        part.share(plot.scope, plot.rows, np.array(plot.numbers, dtype=np.int64))
        for plot in plots
        for part in plot.parts
    ]
    whole = iter(whole_wh(shares, usage.first_slot))
    by_number: dict[int, Rated] = {}
    for plot in plots:
        rounded = [(part, next(whole)) for part in plot.parts]
        energy = energy_of(rounded, plot.scope, plot.rows)
        group = Group(plot.scope, plot.members, plot.rows, energy)
        by_number.update(zip(plot.numbers, _rate_group(plot.plan, group), strict=True))
    return tuple(by_number[number] for number in range(len(participants)))


@dataclass(frozen=True, eq=False, slots=True)
class _Plot:
    """Participants with the same dates, sheets and solutions, and their plan."""

    numbers: list[int]
    members: list[Participant]
    rows: NDArray[np.int64]
    scope: Scope
    plan: Plan
    parts: tuple[Parts, ...]


def _plot(
    numbers: list[int], members: list[Participant], scope: Scope, cut_dates: Sequence[date]
) -> _Plot:
    rows = np.array([[row for _, row in one.rows] for one in members], dtype=np.int64)
    plan = plan_of(scope, members[0].sheets, cut_dates)
    shape = (len(members), len(scope.solutions))
    return _Plot(numbers, members, rows.reshape(shape), scope, plan, tuple(parts_of(plan, scope)))


def _rate_group(plan: Plan, group: Group) -> list[Rated]:
    lines: list[list[RatedLine]] = [[] for _ in group.members]
    numbers: list[dict[int, int]] = [{} for _ in group.members]
    for item_number, item in enumerate(plan.items):
        head = item.head
        to_date = head.dates.to_date
        assert to_date is not None
        for m, quantity in enumerate(item.quantities(group)):
            if quantity is None:
                continue
            numbers[m][item_number] = len(lines[m])
            lines[m].append(
                RatedLine(
                    head.component,
                    head.sheet,
                    head.dates.from_date,
                    to_date,
                    quantity[0],
                    head.unit,
                    head.price,
                    product(quantity[0], head.price),
                    quantity[1],
                )
            )
    segments: list[list[RatedSegment]] = [[] for _ in group.members]
    for one in plan.segments:
        solar = group.wh(SOLAR, one.solution, one.columns).tolist()
        charged = [
            (item_number, group.wh(SOLAR, one.solution, columns).tolist())
            for item_number, columns in one.charged
        ]
        assert one.dates.to_date is not None
        for m in range(len(group.members)):
            segments[m].append(
                RatedSegment(
                    one.sheet,
                    one.solution,
                    one.slot,
                    one.dates.from_date,
                    one.dates.to_date,
                    solar[m],
                    one.price,
                    tuple((numbers[m][item_number], wh[m]) for item_number, wh in charged),
                )
            )
    none = np.zeros(len(group.members), dtype=np.int64)
    consumption = sum((one.consumption_wh.sum(axis=1) for one in group.energy.values()), none)
    solar = sum((one.solar_wh.sum(axis=1) for one in group.energy.values()), none)
    return [
        Rated(one, tuple(lines[m]), tuple(segments[m]), int(consumption[m]), int(solar[m]))
        for m, one in enumerate(group.members)
    ]


def _gaps(plot: _Plot) -> list[PriceGap]:
    gaps: list[PriceGap] = []
    dates, atoms = plot.scope.dates, plot.scope.atoms
    for hole in plot.plan.holes:
        cells = np.ix_(plot.rows[:, hole.place], hole.columns)
        used_mwh = atoms.solar_mwh[cells]
        if hole.flow == GRID:
            used_mwh = atoms.consumption_wh[cells] * MWH_PER_WH - used_mwh
        gaps.extend(
            PriceGap(hole.what, one.ref, dates)
            for one, energy_mwh in zip(plot.members, used_mwh.sum(axis=1).tolist(), strict=True)
            if energy_mwh
        )
    volumes = [item for item in plot.plan.items if isinstance(item, VolumeItem)]
    for one in plot.members:
        for volume in one.volumes:
            if not any(item.prices(volume) for item in volumes):
                what = f"{volume.flow} ({volume.solution})"
                gaps.append(PriceGap(what, one.ref, Dates(volume.from_date, volume.to_date)))
    return gaps


def _masks(usage: Usage, period: Dates, sheets: Iterable[PriceSheet]) -> tuple[Bits, list[Mask]]:
    slots = period.period(timezone_of(usage.timezone)).slots
    bits: Bits = {}
    masks: list[Mask] = []
    for sheet in sheets:
        for windows in sheet.windows:
            if windows not in bits:
                bits[windows] = len(masks)
                masks.append(standard_mask(windows, slots.start, slots.stop, usage.timezone))
        for one in sheet.components:
            if one.season is not None and one.season not in bits:
                bits[one.season] = len(masks)
                masks.append(season_mask(one.season, slots.start, slots.stop, usage.timezone))
    return bits, masks


def _check(usage: Usage, period: Dates, participants: Sequence[Participant]) -> None:
    count = usage.consumption_mwh.shape[0]
    by_row: dict[int, list[Participant]] = defaultdict(list)
    for one in participants:
        if one.dates.intersection(period) != one.dates:
            raise BadUsage(f"{one.ref} is billed for {one.dates}, outside of {period}")
        for sheet in one.sheets:
            if sheet.timezone != usage.timezone:
                raise BadUsage(
                    f"the price sheet {sheet.ref!r} is in {sheet.timezone}, "
                    f"the usage in {usage.timezone}"
                )
        for _, row in one.rows:
            if not 0 <= row < count:
                raise BadUsage(f"{one.ref} is billed for row {row} of {count}")
            by_row[row].append(one)
    for row, sharing in by_row.items():
        sharing.sort(key=lambda one: one.dates.from_date)
        for before, after in pairwise(sharing):
            if before.dates.intersection(after.dates) is not None:
                raise BadUsage(f"{before.ref} and {after.ref} are both billed for row {row}")
