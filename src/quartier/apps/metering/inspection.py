"""Meter inspection of a site: what each meter shows now, with the verdicts of ``core``."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, Q, Subquery

from quartier.apps.equipment.gateways import is_unverified
from quartier.apps.equipment.models import Connection, Device, Medium, Meter, Register
from quartier.apps.metering.comparing import not_compared
from quartier.apps.metering.models import Momentary, Reading
from quartier.apps.metering.momentary import last_at, values_of
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import error
from quartier.core.kernel.obis import Obis
from quartier.core.metering.inspection import (
    FRESH,
    Check,
    Phase,
    Role,
    Shown,
    State,
    Verdict,
    inspect,
)
from quartier.core.metering.momentary import phases_of, power_of
from quartier.formats.uplink.configuration import Plan

FRESH_A_DAY = timedelta(hours=25)
"""Of a meter that is read once a day; an hour for the day on which the clock goes back."""
FRESH_A_QUARTER = timedelta(minutes=20)
"""Of a meter that tells no power, and so is read each quarter-hour only."""

_ROLES = {
    Meter.Mode.CONSUMPTION: Role.CONSUMPTION,
    Meter.Mode.GRID: Role.ENTRY,
    Meter.Mode.PRODUCTION: Role.PRODUCTION,
    Meter.Mode.BATTERY: Role.BATTERY,
}
_WORST = (State.FAULT, State.WATCH, State.UNKNOWN, State.GOOD)


@dataclass(frozen=True, slots=True)
class Inspected:
    """One meter. Indexes are those of its counters times its factor, in Wh (litres), None where
    nothing was read. ``waits``: an unverified driver that was not compared with the display."""

    meter: Meter
    connection: Connection | None
    serial: str
    shown: Shown
    import_index: Decimal | None
    export_index: Decimal | None
    verdicts: tuple[Verdict, ...]
    waits: bool

    @property
    def state(self) -> State:
        """The worst of its verdicts; a comparison that is missing is to be watched."""
        found = {one.state for one in self.verdicts} | ({State.WATCH} if self.waits else set())
        if found == {State.GOOD, State.UNKNOWN}:
            return State.GOOD
        return next((one for one in _WORST if one in found), State.UNKNOWN)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """What it shows of each phase now."""
        return self.shown.phases


@dataclass(frozen=True, slots=True)
class Inspection:
    """The meters of a site that a gateway reads or should read, at ``at``."""

    at: datetime
    meters: tuple[Inspected, ...]

    @property
    def open(self) -> tuple[tuple[Inspected, Verdict], ...]:
        """What is not good."""
        bad = (State.FAULT, State.WATCH)
        return tuple((one, v) for one in self.meters for v in one.verdicts if v.state in bad)


def inspect_site(site: Site, *, at: datetime, is_sun_off: bool = False) -> Inspection:
    """What the meters of ``site`` show at ``at``, and the verdicts. Six queries, however many."""
    meters = list(
        Meter.objects.filter(site=site, is_enabled=True)
        .filter(Q(source=Meter.Source.REGISTER) | Q(source=Meter.Source.CURVE))
        .select_related("connection__bus__gateway", "momentary")
        .order_by("ref")
    )
    inspected = [one for one in meters if one.source == Meter.Source.REGISTER]
    devices = {
        one.meter_id: one for one in Device.objects.filter(meter__in=inspected, removed_at=None)
    }
    registers = _registers(site, inspected)
    waits = {one.meter_id for one in not_compared(site, at)}
    shown = {
        one.pk: _shown(one, devices.get(one.pk), registers[one.pk], at=at) for one in inspected
    }
    electric = [one for one in inspected if one.medium == Medium.ELECTRICITY]
    others = [one for one in inspected if one.medium != Medium.ELECTRICITY]
    verdicts: dict[str, list[Verdict]] = defaultdict(list)
    # What is no electricity has no part in the balance.
    for some in (electric, others):
        for verdict in inspect([shown[one.pk] for one in some], now=at, is_sun_off=is_sun_off):
            verdicts[verdict.meter].append(verdict)
    is_whole = len(electric) == sum(one.medium == Medium.ELECTRICITY for one in meters)
    return Inspection(
        at,
        tuple(
            Inspected(
                one,
                _connection(one),
                devices[one.pk].serial if one.pk in devices else "",
                shown[one.pk],
                *_indexes(one, devices.get(one.pk), registers[one.pk]),
                tuple(_balanced(verdicts[one.ref], is_whole=is_whole))
                if _connection(one)
                else (_not_connected(one),),
                one.pk in waits,
            )
            for one in inspected
        ),
    )


def _not_connected(meter: Meter) -> Verdict:
    found = error(
        "inspection.not_connected",
        "No gateway reads the meter.",
        where=meter.ref,
        remedy="Connect it on the page of its gateway.",
    )
    return Verdict(meter.ref, Check.COMMUNICATION, State.FAULT, found)


def _balanced(verdicts: Iterable[Verdict], *, is_whole: bool) -> Iterable[Verdict]:
    """Where a meter is known by its curve only, the sum of the others says nothing."""
    for one in verdicts:
        is_told = is_whole or one.check is not Check.BALANCE
        yield one if is_told else replace(one, state=State.UNKNOWN, finding=None)


def _registers(site: Site, meters: list[Meter]) -> dict[int, list[Any]]:
    """The registers by meter, each with its last reading of a gateway (``last``, ``last_at``)."""
    readings = Reading.objects.filter(
        site_id=site.pk, register_id=OuterRef("pk"), source__startswith="gateway "
    ).order_by("-read_at")
    rows = (
        Register.objects.filter(meter__in=meters, part=Register.Part.TOTAL)
        .annotate(
            last=Subquery(readings.values("value")[:1]),
            last_at=Subquery(readings.values("read_at")[:1]),
        )
        .order_by("direction")
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.meter_id].append(row)
    return found


def _connection(meter: Meter) -> Connection | None:
    connection = getattr(meter, "connection", None)
    return connection if connection is not None and connection.bus_id else None


def _shown(meter: Meter, device: Device | None, registers: list[Any], *, at: datetime) -> Shown:
    connection = _connection(meter)
    if connection is None:
        return Shown(meter.ref, _ROLES[Meter.Mode(meter.mode)])
    row: Momentary | None = getattr(meter, "momentary", None)
    times = [one.last_at for one in registers if one.last_at is not None]
    told: dict[Obis, Decimal] = {}
    fresh = FRESH_A_QUARTER if connection.plan == Plan.QUARTER_HOUR else FRESH_A_DAY
    if row is not None:
        told = values_of(row, since=at - FRESH)
        seen_at = last_at(row)
        times += [seen_at] if seen_at is not None else []
        fresh = FRESH if connection.plan == Plan.QUARTER_HOUR else fresh
    factor = Decimal(1) if device is None else device.factor
    signed = -factor if meter.is_swapped else factor
    _, export = _indexes(meter, device, registers)
    return Shown(
        meter.ref,
        _ROLES[Meter.Mode(meter.mode)],
        max(times) if times else None,
        phases_of(told, factor=signed),
        power_of(told, factor=signed),
        None if export is None or meter.medium != Medium.ELECTRICITY else int(export),
        fresh,
    )


def _indexes(
    meter: Meter, device: Device | None, registers: list[Any]
) -> tuple[Decimal | None, Decimal | None]:
    """Import and export; they change places where the meter is wired the wrong way round."""
    factor = Decimal(1) if device is None else device.factor
    by_direction = {
        one.direction: None if one.last is None else one.last * factor for one in registers
    }
    names = [Register.Direction.IMPORT, Register.Direction.EXPORT]
    if meter.is_swapped:
        names.reverse()
    imported, exported = (by_direction.get(name) for name in names)
    return imported, exported


def has_unverified(inspection: Inspection) -> bool:
    """Whether a driver of the site is one to compare with displays."""
    return any(
        one.connection and is_unverified(one.connection.driver, one.connection.settings)
        for one in inspection.meters
    )
