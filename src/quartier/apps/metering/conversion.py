"""Readings in: appended as received, then turned into quarter-hours where a meter counts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from math import floor

from django.db import transaction

from quartier.apps.equipment.models import Device, Meter, Register
from quartier.apps.metering import reading_rows, store
from quartier.apps.metering.blocks import lock_site
from quartier.apps.metering.mapping import core_device
from quartier.apps.metering.models import Reading
from quartier.apps.metering.reading_rows import Row
from quartier.apps.metering.store import Locked, UnknownRegister, Written
from quartier.apps.metering.surroundings import Surroundings, surroundings
from quartier.apps.metering.taken_back import FIELDS, Stored, standing
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, error, info
from quartier.core.kernel.period import on_grid, slot_at, slot_starts_at, utc
from quartier.core.kernel.quality import Quality
from quartier.core.metering import registers as core
from quartier.core.metering.estimation import Delta
from quartier.core.metering.intervals import Series

_FIRST, _LAST = datetime(1971, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_STEP = Decimal("0.001")
_MOST = Decimal(10) ** 12


@dataclass(frozen=True)
class IncomingReading:
    """A register showed ``value`` (its unit: Wh, litres; before the factor) at ``read_at``.

    ``serial`` names the device where the instant does not tell, as at an exchange.
    """

    register_id: int
    read_at: datetime
    value: Decimal
    source: str
    quality: Quality = Quality.MEASURED
    serial: str = ""


@dataclass
class Received:
    """What became of readings: new ones, ones known already, and the intervals they gave."""

    stored: int = 0
    known: int = 0
    written: Written = field(default_factory=Written)
    findings: list[Finding] = field(default_factory=list)


def receive(
    site: Site, readings: Iterable[IncomingReading], *, received_at: datetime, actor: str = ""
) -> Received:
    """Append ``readings`` and bring the quarter-hours of their meters up to date, in one go.

    The same reading (register, instant, source) again changes nothing; another value for it is
    an error finding and not stored. Intervals follow only from meters that count
    (``Meter.Source.REGISTER``); for others the readings serve to check the delivered curve.
    Where a lock refuses a change, the reading is kept and a finding says so.

    Raises :class:`UnknownRegister` for a register that the site does not have.
    """
    received = Received()
    incoming = list(readings)
    with transaction.atomic():
        lock_site(site.pk)
        known = _Known.of(site, {one.register_id for one in incoming})
        new = _append(site, known, incoming, received_at, received)
        converted = _convert(site, known, new, received_at, actor)
    received.written = converted.written
    received.findings += converted.findings
    return received


def convert(
    site: Site,
    new: Mapping[int, Sequence[datetime]],
    *,
    received_at: datetime,
    actor: str = "",
) -> Received:
    """Write the quarter-hours that follow from stored readings.

    ``new`` names the instants of new readings by register id; what else they change around them
    is written too. Registers of meters that do not count (``Meter.Source``) are passed over.
    """
    with transaction.atomic():
        lock_site(site.pk)
        return _convert(site, _Known.of(site, new), new, received_at, actor)


@dataclass(frozen=True)
class _Known:
    """Registers of a site by id, with their meters, and the devices of these by meter id."""

    registers: dict[int, Register]
    devices: dict[int, list[Device]]

    @classmethod
    def of(cls, site: Site, register_ids: Iterable[int]) -> "_Known":
        rows = Register.objects.filter(site=site, pk__in=set(register_ids)).select_related("meter")
        registers = {register.pk: register for register in rows.order_by("pk")}
        devices: dict[int, list[Device]] = defaultdict(list)
        for one in Device.objects.filter(meter__in={r.meter_id for r in registers.values()}):
            devices[one.meter_id].append(one)
        return cls(registers, devices)


def _convert(
    site: Site,
    known: _Known,
    new: Mapping[int, Sequence[datetime]],
    received_at: datetime,
    actor: str,
) -> Received:
    received = Received()
    counting = {
        pk: register
        for pk, register in known.registers.items()
        if pk in new and register.meter.source == Meter.Source.REGISTER
    }
    around = dict(surroundings(site.pk, {pk: new[pk] for pk in counting}))
    series = []
    for pk, register in counting.items():
        series += _series(register, around[pk], known.devices[register.meter_id], received)
    _write(site, series, received_at, actor, counting, received)
    return received


def _append(
    site: Site,
    known: _Known,
    incoming: Iterable[IncomingReading],
    received_at: datetime,
    received: Received,
) -> dict[int, list[datetime]]:
    """Store what is new; returns the instants of new readings by register."""
    serials = {
        meter_id: {one.serial: one.pk for one in devices}
        for meter_id, devices in known.devices.items()
    }
    good: dict[tuple[int, datetime, str], Row] = {}
    for one in incoming:
        register = known.registers.get(one.register_id)
        if register is None:
            raise UnknownRegister(f"site {site.ref} has no register {one.register_id}")
        row = _row(register, one, serials.get(register.meter_id, {}), received)
        if row is None:
            continue
        if (before := good.setdefault(row.key, row)) is not row:
            _compare(register, row, before.value, received)
    if not good:
        return {}
    stored = reading_rows.values(
        site.pk,
        {key[0] for key in good},
        min(key[1] for key in good),
        max(key[1] for key in good),
    )
    new: dict[int, list[datetime]] = defaultdict(list)
    rows = []
    for key, row in good.items():
        if key in stored:
            _compare(known.registers[row.register_id], row, stored[key], received)
        else:
            rows.append(row)
            new[row.register_id].append(row.read_at)
    reading_rows.insert(site.pk, rows, utc(received_at))
    received.stored += len(rows)
    return new


def _row(
    register: Register, one: IncomingReading, devices: Mapping[str, int], received: Received
) -> Row | None:
    """The row of a reading, or None with a finding."""
    read_at = utc(one.read_at)
    if not _FIRST <= read_at <= _LAST:
        received.findings.append(
            error("metering.misdated", f"a reading at {read_at} is misdated.", where=str(register))
        )
        return None
    if not one.value.is_finite() or abs(one.value) >= _MOST:
        received.findings.append(
            error("metering.bad_value", f"no register shows {one.value}.", where=str(register))
        )
        return None
    if one.serial and one.serial not in devices:
        received.findings.append(
            error(
                "metering.no_device",
                f"the meter has no device {one.serial}.",
                where=str(register),
                remedy="Enter the device, then import the reading again.",
            )
        )
        return None
    value = one.value.quantize(_STEP, ROUND_HALF_EVEN)
    if value != one.value:
        received.findings.append(
            info(
                "metering.reading_rounded",
                f"the reading {one.value} at {read_at:%Y-%m-%dT%H:%M:%SZ} is kept as {value}.",
                where=str(register),
            )
        )
    return Row(
        register.pk, read_at, one.source[:200], value, devices.get(one.serial), int(one.quality)
    )


def _compare(register: Register, row: Row, stored: Decimal, received: Received) -> None:
    if row.value == stored:
        received.known += 1
        return
    received.findings.append(
        error(
            "metering.reading_differs",
            f"{row.source} gives {row.value} for {row.read_at:%Y-%m-%dT%H:%M:%SZ}, and gave "
            f"{stored} before; the first stays.",
            where=str(register),
            remedy="Enter a manual reading if the first is wrong.",
        )
    )


def _series(
    register: Register, around: Surroundings, devices: list[Device], received: Received
) -> list[Series]:
    """The quarter-hours that follow from readings: one series, or none."""
    serials = {device.pk: device.serial for device in devices}
    hours, findings = core.intervals(
        [
            core.Reading(
                one.read_at, one.value, Quality(one.quality), serials.get(one.device_id or 0, "")
            )
            for one in standing(around.readings)
        ],
        [core_device(one, around.earlier_at) for one in devices],
        fuse_a=register.meter.fuse_a,
        where=str(register),
    )
    received.findings += findings
    if not hours.qualities:
        return []
    series = Series.of(register.pk, hours.first_slot, hours.energies_wh)
    series.quality[:] = hours.qualities
    return [series]


def _write(
    site: Site,
    series: list[Series],
    received_at: datetime,
    actor: str,
    registers: Mapping[int, Register],
    received: Received,
) -> None:
    """Write ``series``; what a lock refuses is left out with a finding."""

    def write(some: list[Series]) -> None:
        written = store.write(
            site.pk,
            some,
            source="readings",
            known_at=received_at,
            method="registers",
            actor=actor,
        )
        total = received.written
        total.filled += written.filled
        total.revised += written.revised
        total.unchanged += written.unchanged
        total.revised_slots += written.revised_slots

    try:
        write(series)
    except Locked:
        for one in series:
            try:
                write([one])
            except Locked as refused:
                received.findings.append(
                    error(
                        "metering.locked",
                        f"{refused}. The readings are kept.",
                        where=str(registers[one.register_id]),
                        remedy="Move the lock date back and receive the readings again.",
                    )
                )
                write([_after(one, refused.first_open_slot)])


def _after(series: Series, first_slot: int) -> Series:
    keep = max(first_slot - series.first_slot, 0)
    return Series(
        series.register_id,
        series.first_slot + keep,
        series.energy_wh[keep:],
        series.quality[keep:],
    )


def deltas_of(site: Site, register: Register, first_slot: int, end_slot: int) -> list[Delta]:
    """What ``register`` counted between readings on the grid of one device, in whole Wh."""
    rows = Reading.objects.filter(
        site_id=site.pk,
        register_id=register.pk,
        read_at__gte=slot_starts_at(first_slot),
        read_at__lte=slot_starts_at(end_slot),
    ).order_by("read_at")
    readings = [
        core.Reading(one.read_at, one.value, Quality(one.quality))
        for one in standing([Stored(*row) for row in rows.values_list(*FIELDS)])
    ]
    devices = [core_device(one, None) for one in Device.objects.filter(meter=register.meter)]
    out = []
    for start, end in pairwise(readings):
        owners = [
            device
            for device in devices
            if device.installed_at <= start.read_at
            and (device.removed_at is None or end.read_at <= device.removed_at)
        ]
        is_usable = start.read_at < end.read_at and on_grid(start.read_at) and on_grid(end.read_at)
        if len(owners) != 1 or not is_usable:
            continue
        energy_wh, _ = core.delta_wh(start, end, owners[0], register.meter.fuse_a)
        if energy_wh is not None:
            slots = range(slot_at(start.read_at), slot_at(end.read_at))
            out.append(Delta(slots, floor(energy_wh)))
    return out
