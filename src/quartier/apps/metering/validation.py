"""What is odd in the stored quarter-hours of a site (rules.md f.3): for imports, pages, checks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from quartier.apps.equipment.models import Assignment, Device, Medium, Meter, Register
from quartier.apps.metering.queries import EXPORT, IMPORT, TOTAL, MeterEnergy, meter_intervals
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, Severity
from quartier.core.kernel.period import Dates, local_midnight, slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering import validation as core
from quartier.core.metering.intervals import MISSING_WH, Series
from quartier.core.metering.validation import PROPOSED, Thresholds

__all__ = ["Validated", "validated", "validated_by_meter"]

_MISSING = int(Quality.MISSING)
COMMUNITY, RESIDUAL = Register.Part.COMMUNITY, Register.Part.RESIDUAL


@dataclass(frozen=True, slots=True)
class Validated:
    """What is odd: ``by_meter`` has an entry for each meter that was looked at."""

    by_meter: Mapping[Meter, tuple[Finding, ...]]
    of_site: tuple[Finding, ...]


def validated(
    site: Site,
    dates: Dates,
    *,
    thresholds: Thresholds = PROPOSED,
    is_complete: bool = True,
) -> tuple[Finding, ...]:
    """What is odd in the quarter-hours of the enabled meters of ``site`` over the local ``dates``.

    By meter: gaps, negative energy, more than the fuse carries, values that stand still, spikes,
    the split of a community, and plants that produce by night or not by day. Of the site: what
    came in against what its meters counted. A gap is looked for from the installation of a
    meter's first device to the removal of its last, over all of ``dates``; with ``is_complete``
    off only between its first and last value, as where data still comes in; then a grid
    operator's curve that ends long before ``dates`` is late. Virtual meters are computed for
    the sum and not looked at themselves.

    The number of queries does not depend on the site. Raises what ``meter_intervals`` raises.
    """
    found = validated_by_meter(site, dates, thresholds=thresholds, is_complete=is_complete)
    return tuple(one for findings in found.by_meter.values() for one in findings) + found.of_site


def validated_by_meter(
    site: Site,
    dates: Dates,
    *,
    thresholds: Thresholds = PROPOSED,
    is_complete: bool = True,
) -> Validated:
    """What :func:`validated` says, apart by meter and for the whole site."""
    tz = ZoneInfo(site.timezone)
    slots = dates.period(tz).slots
    meters = list(Meter.objects.filter(site=site, is_enabled=True).order_by("ref"))
    energy = meter_intervals(site, meters, slots.start, slots.stop)
    expected = _expected(site, slots)
    by_meter: dict[Meter, tuple[Finding, ...]] = {}
    for meter in meters:
        if meter.source == Meter.Source.VIRTUAL:
            continue
        window = expected.get(meter.pk, slots)
        by_meter[meter] = tuple(
            _of_meter(site, meter, energy, window, tz, thresholds, is_complete=is_complete)
        )
    return Validated(by_meter, tuple(_sum(site, meters, energy, tz, thresholds)))


def _expected(site: Site, slots: range) -> dict[int, range]:
    """By meter id the part of ``slots`` in which a device was there to count."""
    spans: dict[int, tuple[int, int]] = {}
    rows = Device.objects.filter(meter__site=site).order_by()
    for meter_id, installed_at, removed_at in rows.values_list(
        "meter_id", "installed_at", "removed_at"
    ):
        first = -(-int(installed_at.timestamp()) // 900)
        end = slots.stop if removed_at is None else slot_at(removed_at)
        known = spans.get(meter_id, (first, end))
        spans[meter_id] = min(known[0], first), max(known[1], end)
    return {
        meter_id: range(max(first, slots.start), max(min(end, slots.stop), first, slots.start))
        for meter_id, (first, end) in spans.items()
    }


def _of_meter(
    site: Site,
    meter: Meter,
    energy: MeterEnergy,
    window: range,
    tz: ZoneInfo,
    thresholds: Thresholds,
    *,
    is_complete: bool,
) -> Iterator[Finding]:
    """The findings of one meter; where nothing ever came there is nothing to look at."""
    found: dict[tuple[str, str], Series] = {}
    for direction in (IMPORT, EXPORT):
        for part in (TOTAL, COMMUNITY, RESIDUAL):
            if energy.has(meter, direction, part):
                series = _series(energy, meter, direction, part)
                found[direction, part] = series
                where = _where(site, meter, direction, part)
                if is_complete:
                    looked_at = _cut(series, window)
                else:
                    looked_at = _between_values(series)
                    yield from _late(meter, looked_at, window, where, thresholds)
                yield from core.validate(
                    looked_at,
                    where=where,
                    # Amperes say nothing about water and heat; nor do kWh that are litres.
                    fuse_a=meter.fuse_a if meter.medium == Medium.ELECTRICITY else None,
                    thresholds=thresholds,
                )
        split = [found.get((direction, part)) for part in (TOTAL, COMMUNITY, RESIDUAL)]
        known = [one for one in split if one is not None]
        if len(known) == len(split):
            where = _where(site, meter, direction, TOTAL)
            yield from core.check_split(*known, where=where, thresholds=thresholds)
    if meter.mode == Meter.Mode.PRODUCTION and meter.medium == Medium.ELECTRICITY:
        direction = EXPORT if (EXPORT, TOTAL) in found else IMPORT
        made = found.get((direction, TOTAL))
        if made is not None:
            where = _where(site, meter, direction, TOTAL)
            yield from core.validate_production(made, tz, where=where, thresholds=thresholds)


def _series(energy: MeterEnergy, meter: Meter, direction: str, part: str = TOTAL) -> Series:
    energy_wh, quality = energy.series(meter, direction, part)
    return Series(meter.pk, energy.slots.start, energy_wh, quality)


def _where(site: Site, meter: Meter, direction: str, part: str) -> str:
    which = direction if part == TOTAL else f"{direction} {part}"
    return f"{site.ref}, meter {meter.ref} ({which})"


def _cut(series: Series, window: range) -> Series:
    first = window.start - series.first_slot
    part = slice(first, first + len(window))
    return Series(series.register_id, window.start, series.energy_wh[part], series.quality[part])


def _between_values(series: Series) -> Series:
    """``series`` from its first to its last value; empty where it has none."""
    known = np.flatnonzero(series.quality)
    if not len(known):
        return _cut(series, range(series.first_slot, series.first_slot))
    first, last = series.first_slot + int(known[0]), series.first_slot + int(known[-1])
    return _cut(series, range(first, last + 1))


def _late(
    meter: Meter, known: Series, window: range, where: str, thresholds: Thresholds
) -> Iterator[Finding]:
    """A curve that does not come any more; counters may be read as seldom as one likes."""
    missing = window.stop - known.slots.stop
    if meter.source == Meter.Source.CURVE and known.slots and missing > thresholds.late_slots:
        yield Finding(
            "metering.late",
            Severity.WARNING,
            f"nothing came for {missing // 96} days, while other meters of the site have values.",
            where,
            slot_starts_at(known.slots.stop),
            slot_starts_at(window.stop),
            "Ask the grid operator for the missing curve, or disable the meter.",
        )


def _sum(
    site: Site,
    meters: Sequence[Meter],
    energy: MeterEnergy,
    tz: ZoneInfo,
    thresholds: Thresholds,
) -> list[Finding]:
    """What came into the site against what was counted in it (rules.md a.3, losses [S7]).

    Counted are the meters that stand for a billing point, each while it does. Without a grid
    entry that counts both directions, or without such a meter, there is nothing to compare.
    """
    electric = [meter for meter in meters if meter.medium == Medium.ELECTRICITY]
    grid = [meter for meter in electric if meter.mode == Meter.Mode.GRID]
    if not grid or not all(energy.has(meter, d) for meter in grid for d in (IMPORT, EXPORT)):
        return []
    came_in = [_series(energy, meter, IMPORT) for meter in grid]
    went_out = [_series(energy, meter, EXPORT) for meter in grid]
    for meter in electric:
        if meter.mode == Meter.Mode.PRODUCTION:
            came_in.append(_series(energy, meter, EXPORT if energy.has(meter, EXPORT) else IMPORT))
        elif meter.mode == Meter.Mode.BATTERY:
            came_in.append(_series(energy, meter, EXPORT))
            went_out.append(_series(energy, meter, IMPORT))
    consumers = {m.pk: m for m in electric if m.mode == Meter.Mode.CONSUMPTION}
    spans = _assigned(site, consumers, energy.slots, tz)
    if not spans:
        return []
    for meter_id, parts in spans.items():
        series = _series(energy, consumers[meter_id], IMPORT)
        counts = np.zeros(len(energy.slots), bool)
        for first, end in parts:
            counts[first - energy.slots.start : end - energy.slots.start] = True
        energy_wh = np.where(counts, series.energy_wh, 0)
        quality = np.where(counts, series.quality, int(Quality.MEASURED)).astype(np.uint8)
        went_out.append(Series(meter_id, series.first_slot, energy_wh, quality))
    is_known = np.all([one.quality != _MISSING for one in came_in], axis=0)
    whole_wh = np.sum([one.energy_wh for one in came_in], axis=0)
    main = Series(
        0,
        energy.slots.start,
        np.where(is_known, whole_wh, MISSING_WH),
        np.where(is_known, int(Quality.MEASURED), _MISSING).astype(np.uint8),
    )
    return core.check_sum(main, went_out, where=site.ref, thresholds=thresholds)


def _assigned(
    site: Site, consumers: dict[int, Meter], slots: range, tz: ZoneInfo
) -> dict[int, list[tuple[int, int]]]:
    """By meter id the runs of ``slots`` in which it counts for a billing point."""
    chains: dict[int, list[tuple[int, bool]]] = {}
    rows = Assignment.objects.filter(meter__site=site).order_by("meter", "starts_date")
    for meter_id, point_id, starts_date in rows.values_list(
        "meter_id", "billing_point_id", "starts_date"
    ):
        if meter_id in consumers:
            first = slot_at(local_midnight(starts_date, tz))
            chains.setdefault(meter_id, []).append((first, point_id is not None))
    out: dict[int, list[tuple[int, int]]] = {}
    for meter_id, chain in chains.items():
        ends = [first for first, _ in chain[1:]] + [slots.stop]
        for (first, counts), end in zip(chain, ends, strict=True):
            first, end = max(first, slots.start), min(end, slots.stop)
            if counts and first < end:
                out.setdefault(meter_id, []).append((first, end))
    return out
