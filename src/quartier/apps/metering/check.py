"""What ``quartier check`` looks at: checksums of blocks, readings against quarter-hours, and what
is odd in the quarter-hours of the last three months."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db.models import Max, Min

from quartier.apps.equipment.models import Device, Meter, Register
from quartier.apps.metering import blocks, store
from quartier.apps.metering.mapping import core_device
from quartier.apps.metering.models import IntervalBlock, Reading
from quartier.apps.metering.queries import BadRule
from quartier.apps.metering.taken_back import FIELDS, Stored, standing
from quartier.apps.metering.validation import validated
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, error, warning
from quartier.core.kernel.period import Dates, date_of_day_number, slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering import registers as core
from quartier.core.metering.boundaries import rivals

_DAYS_AT_ONCE = 92
_MOST_DAMAGED = 20
_AROUND = 3
_FROM_READINGS = {Quality.MEASURED, Quality.ESTIMATED}


def check(site: Site) -> Iterator[Finding]:
    """The findings of one site."""
    damaged = False
    for finding in _blocks(site):
        damaged = True
        yield finding
    if not damaged:
        yield from _registers(site)
        yield from _odd(site)


def _blocks(site: Site) -> Iterator[Finding]:
    """Blocks that do not match their checksum, or belong to no register of the site."""
    mine = IntervalBlock.objects.filter(site_id=site.pk)
    stored = set(mine.order_by().values_list("register_id", flat=True).distinct())
    known = set(Register.objects.filter(site=site).values_list("pk", flat=True))
    for register_id in sorted(stored - known):
        yield error(
            "metering.orphan",
            f"there are intervals of register {register_id}, which the site does not have.",
            where=site.ref,
            remedy="Restore the last backup.",
        )
    span = mine.aggregate(first=Min("day"), last=Max("day"))
    if span["first"] is None:
        return
    found = 0
    for first in range(span["first"], span["last"] + 1, _DAYS_AT_ONCE):
        end = min(first + _DAYS_AT_ONCE, span["last"] + 1)
        try:
            blocks.read(site.pk, sorted(stored), first, end)
        except store.DamagedBlock:
            # One by one, to name each; a damaged day is rare.
            for register_id in sorted(stored):
                for day in range(first, end):
                    try:
                        blocks.read(site.pk, [register_id], day, day + 1)
                    except store.DamagedBlock as problem:
                        yield error("metering.damaged", f"{problem}.", where=site.ref)
                        found += 1
                        if found == _MOST_DAMAGED:
                            return


def _odd(site: Site) -> Iterator[Finding]:
    """What is odd in the newest quarter-hours; older ones were looked at when they were new."""
    last = IntervalBlock.objects.filter(site_id=site.pk).aggregate(last=Max("day"))["last"]
    if last is None:
        return
    first = date_of_day_number(max(last - _DAYS_AT_ONCE + 1, 0))
    dates = Dates(first, date_of_day_number(last + 2))  # a UTC day ends on the next local date
    try:
        yield from validated(site, dates, is_complete=False)
    except BadRule as problem:
        yield error(
            "metering.bad_rule",
            f"a virtual meter cannot be computed: {problem}.",
            where=site.ref,
            remedy="Correct its rule.",
        )


def _registers(site: Site) -> Iterator[Finding]:
    """Meters that count: the sum of their newest quarter-hours against what the readings say;
    older ones were looked at when they were new."""
    registers = Register.objects.filter(
        site=site, meter__source=Meter.Source.REGISTER
    ).select_related("meter")
    for register in registers.order_by("pk"):
        rows = Reading.objects.filter(site_id=site.pk, register_id=register.pk)
        last_at = rows.aggregate(at=Max("read_at"))["at"]
        if last_at is None:
            continue
        begins_at = last_at - timedelta(days=_DAYS_AT_ONCE)
        # Readings before them tell what can be told from the first ones (conversion.py).
        before = rows.filter(read_at__lte=begins_at).order_by("-read_at")
        earlier = list(before.values_list("read_at", flat=True)[: _AROUND + 1])
        earlier_at = earlier.pop() if len(earlier) > _AROUND else None
        if earlier_at is not None:
            # All of those near one boundary, since the nearest of them counts for it.
            rows = rows.filter(read_at__gte=rivals(earlier_at)[0])
        devices = list(Device.objects.filter(meter=register.meter))
        serials = {device.pk: device.serial for device in devices}
        hours, _ = core.intervals(
            [
                core.Reading(
                    row.read_at,
                    row.value,
                    Quality(row.quality),
                    serials.get(row.device_id or 0, ""),
                )
                for row in standing(
                    [Stored(*one) for one in rows.order_by("read_at").values_list(*FIELDS)]
                )
            ],
            [core_device(device, earlier_at) for device in devices],
            fuse_a=register.meter.fuse_a,
        )
        cut = max(slot_at(begins_at) - hours.first_slot, 0)
        energies_wh = hours.energies_wh[cut:]
        if energies_wh:
            yield from _compare(site, register, hours.first_slot + cut, energies_wh)


def _compare(
    site: Site, register: Register, first_slot: int, energies_wh: Sequence[int | None]
) -> Iterator[Finding]:
    """What people edited is left out; the rest sums to the registers."""
    stored = store.read(site.pk, [register.pk], first_slot, first_slot + len(energies_wh))
    counted = interval_wh = absent = 0
    pairs = zip(stored.energy_wh[0].tolist(), stored.quality[0].tolist(), strict=True)
    for energy, (value, code) in zip(energies_wh, pairs, strict=True):
        if energy is None:
            continue
        if code == Quality.MISSING:
            absent += 1
        elif Quality(code) in _FROM_READINGS:
            counted += energy
            interval_wh += value
    where = f"{site.ref}, {register}"
    if absent:
        yield warning(
            "metering.not_converted",
            f"{absent} quarter-hours that the readings give are not stored.",
            where=where,
            remedy="Import the readings again.",
        )
    if counted != interval_wh:
        yield error(
            "metering.register_sum",
            f"the quarter-hours from {slot_starts_at(first_slot):%Y-%m-%dT%H:%MZ} sum to "
            f"{interval_wh} Wh, the register counted {counted} Wh.",
            where=where,
            remedy="Look for an edit that was marked measured, or import the readings again.",
        )
