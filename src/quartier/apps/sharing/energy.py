"""The shared energy of a site: stored intervals in, who used whose solar energy out.

The same function serves the charts of the portals (now) and the billing run (as of an instant).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from quartier.apps.contracts.models import Community
from quartier.apps.contracts.queries import communities_in
from quartier.apps.equipment.models import Meter, Register
from quartier.apps.metering.queries import EXPORT, IMPORT, BadRule, MeterEnergy, meter_intervals
from quartier.apps.sharing.gate import balance_of, gaps_of
from quartier.apps.sharing.rule import allocate_part, community_input
from quartier.apps.sharing.sources import Sources, sources_in
from quartier.apps.sites.models import Site
from quartier.core.allocation import AllocationError
from quartier.core.invoicing.document import Input
from quartier.core.kernel.energy import MWH_PER_WH
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import Dates, local_midnight, slot_at, timezone_of
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH, Energies, Qualities, digests

_FROM_BEST = (
    Quality.MEASURED,
    Quality.CORRECTED,
    Quality.MANUAL,
    Quality.SUBSTITUTED,
    Quality.ESTIMATED,
    Quality.TEMPORARY,
    Quality.MISSING,
)
"""Qualities by how far they are from a measurement; the worst of several sources counts."""
_BY_RANK = np.array(_FROM_BEST, dtype=np.uint8)
_RANK = np.argsort(_BY_RANK).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class SharedEnergy:
    """The energy of a site in the quarter-hours ``slots``; everything int64 mWh.

    Rows of ``consumption_mwh``, ``solar_mwh`` and ``quality`` are ``points`` (billing point ids);
    rows of ``production_mwh``, ``used_mwh`` and ``surplus_mwh`` are ``plants`` (meter ids).
    Where ``quality`` is missing the consumption and solar energy read 0 and count for nothing: a
    chart shows a gap, a bill stops. Series of the site are None where it has no such meter.
    """

    dates: Dates
    timezone: str
    first_slot: int
    points: tuple[int, ...]
    consumption_mwh: Energies
    solar_mwh: Energies
    quality: Qualities
    has_meter: NDArray[np.bool_]
    plants: tuple[int, ...]
    production_mwh: Energies
    used_mwh: Energies
    surplus_mwh: Energies
    grid_in_mwh: Energies | None
    grid_out_mwh: Energies | None
    charge_mwh: Energies | None
    discharge_mwh: Energies | None
    site_quality: Qualities
    """uint8 [t]: the worst quality of all meters that the sharing rests on."""
    inputs: tuple[Input, ...]

    @property
    def slots(self) -> range:
        """The quarter-hours of every row."""
        return range(self.first_slot, self.first_slot + self.consumption_mwh.shape[1])

    def row(self, point_id: int) -> int:
        """The row of a billing point."""
        return self.points.index(point_id)


def shared_energy(
    site: Site, dates: Dates, *, as_of: datetime | None = None
) -> tuple[SharedEnergy, tuple[Finding, ...]]:
    """The shared energy of ``site`` over the local ``dates``, and every defect of its data."""
    slots = dates.period(timezone_of(site.timezone)).slots
    sources, found = sources_in(site, dates)
    findings = list(found)
    try:
        energy = meter_intervals(site, sources.meters, slots.start, slots.stop, as_of=as_of)
    except BadRule as problem:
        findings.append(_bad_rule(site, problem))
        physical = [one for one in sources.meters if one.source != Meter.Source.VIRTUAL]
        energy = meter_intervals(site, physical, slots.start, slots.stop, as_of=as_of)
    findings.extend(energy.findings)
    communities = communities_in(site, dates)
    needs_grid = any(one.is_balanced or one.rule == "balance" for _, one in communities)

    def span_of(part: Dates) -> slice:
        return _span(part, site.timezone, slots)

    point_rows, quality, has_meter = _consumption(sources, energy, slots, site.timezone)
    production, qualities = _production(sources.production, energy, len(slots))
    qualities += [quality[row] for row in np.flatnonzero(has_meter)]
    grid_in, grid_out, grid_quality = _both(sources.grid, energy)
    charge, discharge, battery_quality = _both(sources.batteries, energy)
    qualities += battery_quality + (grid_quality if needs_grid else [])
    # One gap anywhere moves everybody's share: nothing is shared in that quarter-hour.
    site_quality = _worst(qualities, len(slots))
    known = site_quality != Quality.MISSING

    solar = np.zeros_like(point_rows)
    used, surplus = np.zeros_like(production), production.copy()
    inputs = _inputs(energy)
    if production.any() and not communities:
        findings.append(_no_community(site, dates))
    for part, community in communities:
        span = span_of(part)
        inputs.append(community_input(community))
        if community.kind == Community.Kind.LEG:
            # The grid operator's split is authoritative (rules.md a.4, Settlement data [S41]).
            solar[:, span] = _of_operator(sources, energy, slots, site.timezone)[:, span]
            used[:, span] = _community_part(sources.production, energy, len(slots))[:, span]
            surplus[:, span] = production[:, span] - used[:, span]
            continue
        try:
            solar[:, span], used[:, span], surplus[:, span] = allocate_part(
                community,
                sources.points,
                (point_rows * known)[:, span],
                (production * known)[:, span],
                slots.start + span.start,
                grid_in_mwh=None if grid_in is None else (grid_in * known)[span],
                charge_mwh=None if charge is None else (charge * known)[span],
                discharge_mwh=None if discharge is None else (discharge * known)[span],
            )
        except AllocationError as problem:
            findings.append(_unusable(site, community, problem))
    findings.extend(gaps_of(site, sources, energy, slots, span_of, needs_grid=needs_grid))
    shared = SharedEnergy(
        dates=dates,
        timezone=site.timezone,
        first_slot=slots.start,
        points=tuple(point.pk for point in sources.points),
        consumption_mwh=point_rows,
        solar_mwh=solar,
        quality=quality,
        has_meter=has_meter,
        plants=tuple(meter.pk for meter in sources.production),
        production_mwh=production,
        used_mwh=used,
        surplus_mwh=surplus,
        grid_in_mwh=grid_in,
        grid_out_mwh=grid_out,
        charge_mwh=charge,
        discharge_mwh=discharge,
        site_quality=site_quality,
        inputs=tuple(inputs),
    )
    if grid_in is not None and grid_out is not None:
        came_in = [grid_in, *production, *([] if discharge is None else [discharge])]
        went_out = [grid_out, *point_rows, *([] if charge is None else [charge])]
        sure = known & (_worst(grid_quality, len(slots)) != Quality.MISSING)
        findings.extend(balance_of(site, came_in, went_out, sure))
    return shared, tuple(findings)


def _consumption(
    sources: Sources, energy: MeterEnergy, slots: range, timezone: str
) -> tuple[Energies, Qualities, NDArray[np.bool_]]:
    """Consumption [n, t] in mWh (0 where missing), the worst quality of its meters, and which
    billing points have a meter at all."""
    shape = (len(sources.points), len(slots))
    consumption = np.zeros(shape, np.int64)
    worst = np.zeros(shape, np.uint8)
    has_meter = np.zeros(len(sources.points), np.bool_)
    for row, point in enumerate(sources.points):
        for feed in sources.feeds.get(point.pk, ()):
            span = _span(feed.dates, timezone, slots)
            has_meter[row] = True
            energy_wh, quality = energy.series(feed.meter, IMPORT)
            consumption[row, span] += np.where(energy_wh == MISSING_WH, 0, energy_wh)[span]
            worst[row, span] = np.maximum(worst[row, span], _RANK[quality[span]])
    quality = _BY_RANK[worst]
    quality[~has_meter] = Quality.MISSING
    consumption[quality == Quality.MISSING] = 0
    consumption *= MWH_PER_WH
    return consumption, quality, has_meter


def _of_operator(sources: Sources, energy: MeterEnergy, slots: range, timezone: str) -> Energies:
    """What each billing point got from its community, as the grid operator delivered it."""
    solar = np.zeros((len(sources.points), len(slots)), np.int64)
    for row, point in enumerate(sources.points):
        for feed in sources.feeds.get(point.pk, ()):
            span = _span(feed.dates, timezone, slots)
            energy_wh, _ = energy.series(feed.meter, IMPORT, Register.Part.COMMUNITY)
            solar[row, span] += np.where(energy_wh == MISSING_WH, 0, energy_wh)[span]
    return solar * MWH_PER_WH


def _production(
    meters: Sequence[Meter], energy: MeterEnergy, length: int
) -> tuple[Energies, list[Qualities]]:
    """Production [m, t] in mWh: what a production meter counts as export, or as import where it
    has no other register."""
    out = np.zeros((len(meters), length), np.int64)
    qualities = []
    for row, meter in enumerate(meters):
        energy_wh, quality = energy.series(meter, production_direction(meter, energy))
        out[row] = np.where(energy_wh == MISSING_WH, 0, energy_wh) * MWH_PER_WH
        qualities.append(quality)
    return out, qualities


def production_direction(meter: Meter, energy: MeterEnergy) -> str:
    """The direction in which a production meter counts what it produces."""
    return EXPORT if energy.has(meter, EXPORT) or not energy.has(meter, IMPORT) else IMPORT


def _community_part(meters: Sequence[Meter], energy: MeterEnergy, length: int) -> Energies:
    out = np.zeros((len(meters), length), np.int64)
    for row, meter in enumerate(meters):
        energy_wh, _ = energy.series(meter, EXPORT, Register.Part.COMMUNITY)
        out[row] = np.where(energy_wh == MISSING_WH, 0, energy_wh) * MWH_PER_WH
    return out


def _both(
    meters: Sequence[Meter], energy: MeterEnergy
) -> tuple[Energies, Energies, list[Qualities]] | tuple[None, None, list[Qualities]]:
    """Import and export of several meters together, in mWh; None without a meter. A direction
    that no meter counts is 0: a grid meter without export register feeds nothing in."""
    if not meters:
        return None, None, []
    totals = []
    qualities: list[Qualities] = []
    for direction in (IMPORT, EXPORT):
        total = np.zeros(len(energy.slots), np.int64)
        for meter in meters:
            if energy.has(meter, direction):
                energy_wh, quality = energy.series(meter, direction)
                total += np.where(energy_wh == MISSING_WH, 0, energy_wh)
                qualities.append(quality)
        totals.append(total * MWH_PER_WH)
    return totals[0], totals[1], qualities


def _worst(rows: Sequence[Qualities], length: int) -> Qualities:
    """uint8 [length]: the worst quality of ``rows``; measured without any."""
    worst = np.zeros(length, np.uint8)
    for row in rows:
        np.maximum(worst, _RANK[row], out=worst)
    quality: Qualities = _BY_RANK[worst]
    return quality


def _span(dates: Dates, timezone: str, slots: range) -> slice:
    """The columns of ``dates`` among ``slots``."""
    tz = timezone_of(timezone)
    first = slot_at(local_midnight(dates.from_date, tz)) - slots.start
    end = len(slots)
    if dates.to_date is not None:
        end = min(slot_at(local_midnight(dates.to_date, tz)) - slots.start, end)
    return slice(max(first, 0), end)


def _inputs(energy: MeterEnergy) -> list[Input]:
    """The exact quarter-hours read, a register each."""
    refs = {
        pk: f"{meter} {obis} {part}"
        for pk, meter, obis, part in Register.objects.filter(
            pk__in=energy.stored.register_ids
        ).values_list("pk", "meter__ref", "obis", "part")
    }
    return [Input("intervals", refs[pk], sha) for pk, sha in digests(energy.stored).items()]


def _bad_rule(site: Site, problem: BadRule) -> Finding:
    return error(
        "sharing.virtual",
        f"A virtual meter cannot be computed: {problem}.",
        where=site.ref,
        remedy="Correct its rule.",
    )


def _no_community(site: Site, dates: Dates) -> Finding:
    return error(
        "sharing.no_community",
        f"The site produces solar energy, but no sharing agreement holds from {dates}.",
        where=site.ref,
        remedy="Add a community with its sharing rule.",
    )


def _unusable(site: Site, community: Community, problem: AllocationError) -> Finding:
    return error(
        "sharing.rule",
        f"The sharing rule {community.rule!r} cannot be used: {problem}.",
        where=f"{site.ref}, community from {community.starts_date}",
        remedy="Correct the community's rule or its parameters.",
    )
