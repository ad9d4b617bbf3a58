"""The shared energy of a site: stored intervals in, who used whose solar energy out.

The same function serves the charts of the portals (now) and the billing run (as of an instant).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from quartier.apps.contracts.models import Community
from quartier.apps.contracts.queries import communities_in
from quartier.apps.equipment.models import Meter
from quartier.apps.metering.queries import BadRule, MeterEnergy, meter_intervals
from quartier.apps.sharing.gate import balance_of, gaps_of, split_of
from quartier.apps.sharing.rows import (
    both_directions,
    consumption_rows,
    operators_production,
    operators_split,
    production_rows,
    span_of,
    unfed,
    worst_quality,
)
from quartier.apps.sharing.rule import allocate_part, community_input, without_quota
from quartier.apps.sharing.sources import Feed, meters_input, sources_in
from quartier.apps.sites.models import BillingPoint, Site
from quartier.core.allocation import AllocationError
from quartier.core.invoicing.document import Input
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import Dates, local_midnight, slot_at, timezone_of
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Energies, Qualities, digests

Parts = tuple[Energies, Energies, Energies]
"""Solar energy of the consumers, used and surplus energy of the plants; int64 mWh."""


@dataclass(frozen=True, eq=False)
class SharedEnergy:
    """The energy of a site in the quarter-hours ``slots``; everything int64 mWh.

    Rows of ``consumption_mwh``, ``solar_mwh`` and ``quality`` are ``points`` (billing point ids);
    rows of ``production_mwh``, ``used_mwh`` and ``surplus_mwh`` are ``plants`` (meter ids).
    Where ``quality`` is missing, also for want of a meter, the consumption and solar energy read 0
    and count for nothing: a chart shows a gap, a bill stops. Series of the site are None where it
    has no such meter.
    """

    dates: Dates
    timezone: str
    first_slot: int
    points: tuple[int, ...]
    billing_points: tuple[BillingPoint, ...]
    """Those of ``points``, with their buildings."""
    communities: tuple[tuple[Dates, Community], ...]
    """The agreements within ``dates``, in order of time."""
    consumption_mwh: Energies
    solar_mwh: Energies
    quality: Qualities
    has_meter: NDArray[np.bool_]
    feeds: Mapping[int, tuple[Feed, ...]]
    """The meters that count for a billing point, by its id; a point without one has no key."""
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

    def metering_points(self, point_id: int, dates: Dates) -> int:
        """The most meters that count for a billing point at once within ``dates``: one that
        takes the place of another is no second metering point."""
        parts = [
            part
            for feed in self.feeds.get(point_id, ())
            if (part := feed.dates.intersection(dates))
        ]
        return max((sum(one.from_date in other for other in parts) for one in parts), default=0)

    def unfed(self, point_id: int, dates: Dates) -> list[Dates]:
        """The parts of ``dates`` on which no meter counts for a billing point."""
        return dates.without(feed.dates for feed in self.feeds.get(point_id, ()))


def shared_energy(
    site: Site, dates: Dates, *, as_of: datetime | None = None, due_before: date | None = None
) -> tuple[SharedEnergy, tuple[Finding, ...]]:
    """The shared energy of ``site`` over the local ``dates``, and every defect of its data.

    With ``due_before`` nothing is found missing from that local date on: the data of a day that
    is not over is not due yet.
    """
    slots = dates.period(timezone_of(site.timezone)).slots
    due = slots
    if due_before is not None:
        end = slot_at(local_midnight(due_before, timezone_of(site.timezone)))
        due = range(slots.start, min(max(end, slots.start), slots.stop))
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
    needs_split = any(one.kind == Community.Kind.LEG for _, one in communities)
    needs_grid = any(one.is_balanced or one.rule == "balance" for _, one in communities)

    def columns(part: Dates) -> slice:
        return span_of(part, site.timezone, slots)

    point_rows, quality = consumption_rows(sources, energy, slots, site.timezone)
    production, qualities = production_rows(sources.production, energy, len(slots))
    if (quality != int(Quality.MEASURED)).any():
        qualities += list(quality)
    grid_in, grid_out, grid_quality = both_directions(sources.grid, energy)
    charge, discharge, battery_quality = both_directions(sources.batteries, energy)
    qualities += battery_quality + (grid_quality if needs_grid else [])
    # One gap anywhere moves everybody's share: nothing is shared in that quarter-hour.
    site_quality = worst_quality(qualities, len(slots))
    # A point without a meter stops nobody else: whether it may be billed is for billing to say.
    for row, span in unfed(sources, dates, slots, site.timezone):
        quality[row, span] = Quality.MISSING
    known = site_quality != int(Quality.MISSING)
    shareable_mwh = point_rows if known.all() else point_rows * known

    parts: list[tuple[slice, Parts]] = []
    inputs = [*_inputs(energy), meters_input(site, sources)]
    findings.extend(
        _no_community(site, part)
        for part in dates.without(part for part, _ in communities)
        if production[:, columns(part)].any()
    )
    for part, community in communities:
        span = columns(part)
        inputs.append(community_input(community, sources.points))
        if community.kind == Community.Kind.LEG:
            # The grid operator's split is authoritative (rules.md a.4, Settlement data [S41]).
            split = operators_split(sources, energy, slots, site.timezone)
            sold = operators_production(sources.production, energy, len(slots))
            findings.extend(split_of(site, split[:, span], point_rows[:, span]))
            solar = np.minimum(split, point_rows)[:, span]
            used = np.minimum(sold, production)[:, span]
            parts.append((span, (solar, used, production[:, span] - used)))
            continue
        try:
            part_energy = allocate_part(
                community,
                sources.points,
                shareable_mwh[:, span],
                (production * known)[:, span],
                slots.start + span.start,
                grid_in_mwh=None if grid_in is None else (grid_in * known)[span],
                charge_mwh=None if charge is None else (charge * known)[span],
                discharge_mwh=None if discharge is None else (discharge * known)[span],
            )
        except AllocationError as problem:
            findings.append(_unusable(site, community, problem))
        else:
            parts.append((span, part_energy))
            findings.extend(without_quota(site, community, sources))
    solar, used, surplus = _joined(parts, point_rows, production)
    findings.extend(
        gaps_of(site, sources, energy, due, columns, needs_grid=needs_grid, needs_split=needs_split)
    )
    shared = SharedEnergy(
        dates=dates,
        timezone=site.timezone,
        first_slot=slots.start,
        points=tuple(point.pk for point in sources.points),
        billing_points=sources.points,
        communities=communities,
        consumption_mwh=point_rows,
        solar_mwh=solar,
        quality=quality,
        has_meter=np.array([point.pk in sources.feeds for point in sources.points], np.bool_),
        feeds=sources.feeds,
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
        came_in = [grid_in, production, *([] if discharge is None else [discharge])]
        went_out = [grid_out, point_rows, *([] if charge is None else [charge])]
        sure = known & (worst_quality(grid_quality, len(slots)) != Quality.MISSING)
        findings.extend(balance_of(site, came_in, went_out, sure))
    return shared, tuple(findings)


def _joined(
    parts: Sequence[tuple[slice, Parts]], consumption: Energies, production: Energies
) -> Parts:
    """The agreements' parts, each over its columns; where none holds nothing is shared."""
    length = production.shape[1]
    if [span for span, _ in parts] == [slice(0, length)]:  # nothing to copy
        return parts[0][1]
    solar, used = np.zeros(consumption.shape, np.int64), np.zeros(production.shape, np.int64)
    surplus = production.copy()
    for span, one in parts:
        solar[:, span], used[:, span], surplus[:, span] = one
    return solar, used, surplus


def _inputs(energy: MeterEnergy) -> list[Input]:
    """The exact quarter-hours read, a register each."""
    return [Input("intervals", energy.names[pk], sha) for pk, sha in digests(energy.stored).items()]


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
