"""Reading energy by meter: wiring set right, virtual meters computed, sums over local days."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from quartier.apps.equipment.models import Meter, Register
from quartier.apps.metering import store
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import Dates
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH, Energies, Intervals, Qualities
from quartier.core.metering.local_time import Step, step_edges
from quartier.core.metering.virtual import (
    BadRule,
    Term,
    combine,
    evaluation_order,
    parse_rule,
    worst,
)

IMPORT, EXPORT = Register.Direction.IMPORT, Register.Direction.EXPORT
TOTAL = Register.Part.TOTAL

__all__ = ["BadRule", "MeterEnergy", "Totals", "energy_by_step", "known_slots", "meter_intervals"]


@dataclass(frozen=True, eq=False)
class MeterEnergy:
    """Quarter-hours by meter, direction and part; missing where unknown.

    ``stored`` are the registers they come from, as stored (what a billing run hashes);
    ``findings`` what is wrong with computed ones.
    """

    stored: Intervals
    names: dict[int, str]
    """What a document calls each of these registers, by id."""
    findings: tuple[Finding, ...]
    _series: dict[tuple[int, str, str], tuple[Energies, Qualities]]
    is_sound: bool = False
    """Whether every quarter-hour of every series is measured and none below 0, as nearly always:
    what looks for defects need not look."""

    @property
    def slots(self) -> range:
        """The slots of every series."""
        return self.stored.slots

    def has(self, meter: Meter, direction: str, part: str = TOTAL) -> bool:
        """Whether the meter measures that."""
        return (meter.pk, direction, part) in self._series

    def series(self, meter: Meter, direction: str, part: str = TOTAL) -> tuple[Energies, Qualities]:
        """Energy int64[t] in Wh (litres) and quality uint8[t]; all missing if not measured."""
        found = self._series.get((meter.pk, direction, part))
        if found is not None:
            return found
        length = len(self.slots)
        return np.full(length, MISSING_WH, np.int64), np.zeros(length, np.uint8)

    def import_of(self, meter: Meter) -> Energies:
        """What flowed through the meter in its counting direction, int64[t]."""
        return self.series(meter, IMPORT)[0]

    def export_of(self, meter: Meter) -> Energies:
        """What flowed back, int64[t]."""
        return self.series(meter, EXPORT)[0]

    def quality_of(self, meter: Meter) -> Qualities:
        """The worse quality of the directions that the meter measures, uint8[t]."""
        found = [
            self.series(meter, direction)[1]
            for direction in (IMPORT, EXPORT)
            if self.has(meter, direction)
        ]
        if not found:
            return np.zeros(len(self.slots), np.uint8)
        return found[0] if len(found) == 1 else worst(found[0], found[1])


def meter_intervals(
    site: Site,
    meters: Iterable[Meter],
    first_slot: int,
    end_slot: int,
    as_of: datetime | None = None,
) -> MeterEnergy:
    """The quarter-hours ``[first_slot, end_slot)`` of ``meters``, in three queries at most.

    Of a meter that is wired the wrong way round import and export change places. A virtual meter
    is computed from the meters of its rule (``core.metering.virtual``); its result is its
    export if it stands for a production, else its import.

    Raises :class:`BadRule`, and what ``store.read`` raises.
    """
    wanted = list(meters)
    rules: dict[str, tuple[Term, ...]] = {}
    if any(meter.source == Meter.Source.VIRTUAL for meter in wanted):
        wanted, rules = _with_sources(site, wanted)
    by_pk = {meter.pk: meter for meter in wanted}
    registers = [
        row
        for row in Register.objects.filter(site=site)
        .order_by("id")
        .values_list("id", "meter_id", "direction", "part", "obis")
        if row[1] in by_pk  # a list of all meters of a site takes longer than their registers
    ]
    stored = store.read(
        site.pk, [register[0] for register in registers], first_slot, end_slot, as_of=as_of
    )
    series: dict[tuple[int, str, str], tuple[Energies, Qualities]] = {}
    names: dict[int, str] = {}
    for row, (pk, meter_id, direction, part, obis) in enumerate(registers):
        names[pk] = f"{by_pk[meter_id].ref} {obis} {part}"
        if by_pk[meter_id].is_swapped:
            direction = IMPORT if direction == EXPORT else EXPORT
        series[meter_id, direction, part] = stored.energy_wh[row], stored.quality[row]
    if not rules:
        return MeterEnergy(stored, names, (), series, _is_sound(stored))
    energy = MeterEnergy(stored, names, (), series)
    findings: list[Finding] = []
    by_ref = {meter.ref: meter for meter in wanted}
    for ref, terms in rules.items():
        virtual = by_ref[ref]
        sources = [
            (term.sign, *energy.series(source, term.direction or _own_direction(energy, source)))
            for term in terms
            for source in (by_ref[term.ref],)
        ]
        total_wh, quality, found = combine(sources, first_slot, ref)
        series[virtual.pk, _own_direction(energy, virtual), TOTAL] = total_wh, quality
        findings += found
    return MeterEnergy(stored, names, tuple(findings), series)


def _is_sound(stored: Intervals) -> bool:
    return not stored.energy_wh.size or bool(
        stored.energy_wh.min() >= 0 and (stored.quality == int(Quality.MEASURED)).all()
    )


def known_slots(site: Site, meters: Iterable[Meter], slots: range) -> dict[int, range]:
    """By meter id, the quarter-hours from the first to the last that is known of any of its
    registers within ``slots``; a meter without any has no key. Two queries at most."""
    registers = dict(
        Register.objects.filter(site=site, meter__in=[meter.pk for meter in meters])
        .order_by("id")
        .values_list("id", "meter_id")
    )
    found: dict[int, range] = {}
    stored = store.read(site.pk, list(registers), slots.start, slots.stop)
    for register_id, quality in zip(stored.register_ids, stored.quality, strict=True):
        known = np.flatnonzero(quality != int(Quality.MISSING))
        if len(known):
            first, end = int(known[0]) + slots.start, int(known[-1]) + 1 + slots.start
            other = found.get(registers[register_id], range(first, end))
            found[registers[register_id]] = range(min(first, other.start), max(end, other.stop))
    return found


def _own_direction(energy: MeterEnergy, meter: Meter) -> str:
    """The direction that a meter stands for where a rule names none."""
    if meter.mode != Meter.Mode.PRODUCTION:
        return IMPORT
    is_virtual = meter.source == Meter.Source.VIRTUAL
    return EXPORT if is_virtual or energy.has(meter, EXPORT) else IMPORT


def _with_sources(
    site: Site, wanted: list[Meter]
) -> tuple[list[Meter], dict[str, tuple[Term, ...]]]:
    """``wanted`` with all meters their rules need, and those rules in order of evaluation."""
    there = {meter.ref: meter for meter in Meter.objects.filter(site=site)}
    enabled = {ref for ref, meter in there.items() if meter.is_enabled}
    isolated = {ref for ref, meter in there.items() if meter.is_isolated}
    every = {
        ref: meter.rule for ref, meter in there.items() if meter.source == Meter.Source.VIRTUAL
    }
    rules: dict[str, tuple[Term, ...]] = {}
    waiting = [meter.ref for meter in wanted if meter.ref in every]
    needed = {meter.ref for meter in wanted}
    while waiting:
        ref = waiting.pop()
        if ref in rules:
            continue
        try:
            rules[ref] = parse_rule(every[ref])
        except BadRule as problem:
            raise BadRule(f"the rule of {ref}: {problem}") from None
        refs = {term.ref for term in rules[ref]}
        needed |= refs & there.keys()
        waiting += refs & every.keys()
    order = evaluation_order(rules, enabled, isolated)
    return [there[ref] for ref in sorted(needed)], {ref: rules[ref] for ref in order}


@dataclass(frozen=True, eq=False)
class Totals:
    """Energy by register and local day, month or year.

    ``register_ids`` n, ``starts`` the local dates of k steps; ``energy_wh`` int64[n, k] sums what
    is there, ``missing`` int64[n, k] counts the quarter-hours that are not.
    """

    register_ids: tuple[int, ...]
    dates: tuple[Dates, ...]
    energy_wh: npt.NDArray[np.int64]
    missing: npt.NDArray[np.int64]


def energy_by_step(site: Site, register_ids: Sequence[int], dates: Dates, step: Step) -> Totals:
    """Sums of registers over the local days, months or years of ``dates``, in one query.

    They come from the quarter-hours: totals of UTC days would be wrong by up to 17 % (stack.md).
    """
    tz = ZoneInfo(site.timezone)
    parts, edges = step_edges(dates, step, tz)
    slots = dates.period(tz).slots
    read = store.read(site.pk, register_ids, slots.start, slots.stop)
    is_missing = read.quality == Quality.MISSING
    known_wh = np.where(is_missing, 0, read.energy_wh)
    starts = np.array(edges[:-1]) - slots.start
    return Totals(
        read.register_ids,
        parts,
        np.add.reduceat(known_wh, starts, axis=1),
        np.add.reduceat(is_missing.astype(np.int64), starts, axis=1),
    )
