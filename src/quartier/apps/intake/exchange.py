"""The exchange of a device on its measuring place, as one action (rules.md f.2).

The old device's final reading and the new one's start reading stand at one instant; never is a
delta built across the two. The preview is the exchange itself, undone: what it shows is what will
happen, and if anything differs by then, it is shown again and nothing happens.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.gateways import How, Wanted, connect
from quartier.apps.equipment.models import Connection, Device, Meter, Register
from quartier.apps.intake.billed import billed_on
from quartier.apps.intake.exchange_check import BadExchange, Known, check, last_readings
from quartier.apps.metering import store
from quartier.apps.metering.blocks import lock_site
from quartier.apps.metering.fills import as_bounds
from quartier.apps.metering.models import Reading
from quartier.apps.metering.operations import IncomingReading, convert_readings, receive_readings
from quartier.apps.metering.store import Written
from quartier.apps.metering.taken_back import Stored
from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import slot_at, utc
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Intervals, runs
from quartier.core.metering.registers import LONGEST_GAP

ACTION = "meter.exchange"


@dataclass(frozen=True, slots=True)
class Counter:
    """What a register showed at the exchange, in its unit (Wh, litres) before the factor:
    ``final`` on the old device, ``start`` on the new one. None where nobody read it, which only a
    meter with delivered curves may have."""

    register: Register
    final: Decimal | None
    start: Decimal | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One device for another at ``at``. ``old_serial`` names the old one where no device was
    entered so far. ``how`` and ``address``: how the new one is read where the meter is on a bus;
    None: as before."""

    at: datetime
    serial: str
    counters: tuple[Counter, ...]
    factor: Decimal = Decimal(1)
    digits: int | None = None
    old_serial: str = ""
    how: How | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """One register of an exchange: ``gap_wh`` flowed from its ``last`` reading to the final one,
    ``later`` readings after the exchange count for the new device; the energies (None where
    nothing is known) are those of the quarter-hours that may change."""

    register: Register
    last: Stored | None
    counter: Counter
    gap_wh: Decimal | None
    later: int
    before_wh: int | None
    after_wh: int | None
    changed: int


@dataclass
class Outcome:
    """What an exchange did or, unless ``is_kept``, would do; ``sha256`` stands for all of it."""

    old: Device | None
    new: Device
    counted: list[Counted] = field(default_factory=list)
    written: Written = field(default_factory=Written)
    billed: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    sha256: str = ""
    is_kept: bool = False


def counters_of(meter: Meter) -> list[Register]:
    """The registers of ``meter`` that a person reads on its display."""
    rows = Register.objects.filter(meter=meter, part=Register.Part.TOTAL).select_related("meter")
    return list(rows.order_by("direction"))


def exchange(meter: Meter, asked: Exchange, *, at: datetime, actor: str, seen: str = "") -> Outcome:
    """Exchange the device of ``meter``; kept only if it is what was ``seen`` (``sha256``).

    The old device is removed and the new one installed at ``asked.at``, both readings are entered
    as *manual*, the quarter-hours around follow, and so does the configuration of the gateway
    that reads it. A meter without device and reading gets its first one. One transaction.

    Raises :class:`BadExchange`, and ``equipment.gateways.BadSetUp`` where the new device cannot be
    read as said.
    """
    with transaction.atomic():
        lock_site(meter.site_id)
        outcome = _do(meter, asked, at, actor)
        outcome.is_kept = bool(seen) and seen == outcome.sha256
        if not outcome.is_kept:
            transaction.set_rollback(True)
    return outcome


def _do(meter: Meter, asked: Exchange, at: datetime, actor: str) -> Outcome:
    registers = [one.register for one in asked.counters]
    old = Device.objects.filter(meter=meter, removed_at=None).first()
    is_entered = old is not None
    known = last_readings(meter, registers, old, asked.at)
    if old is None and any(one.last for one in known.values()):
        old = _unentered(meter, asked, known)
    finals = {one.register.pk: one.final for one in asked.counters}
    starts = {one.register.pk: one.start for one in asked.counters}
    warnings = check(meter, old, asked, finals, starts, known, at)
    span = _span(asked.at, old, known)
    before = _read(meter, registers, span)
    new = _replace(meter, old, asked)
    outcome = Outcome(old, new, warnings=warnings)
    _enter(meter, old, new, asked, known, outcome, at, actor)
    reached = _reconnect(meter, asked, at, actor)
    after = _read(meter, registers, span)
    outcome.counted = [
        _counted(number, one, old, known[one.register.pk], before, after)
        for number, one in enumerate(asked.counters)
    ]
    outcome.billed = billed_on(meter.site_id, outcome.written.revised_slots)
    outcome.sha256 = _sha256(outcome, asked, before, after)
    record(
        ACTION,
        actor,
        at=at,
        organisation_id=meter.site.organisation_id,
        site_id=meter.site_id,
        subject=meter.ref,
        data={
            "at": utc(asked.at).isoformat(),
            "old": old.serial if old else "",
            "new": new.serial,
            "final": {one.register.obis: one.final for one in asked.counters},
            "start": {one.register.obis: one.start for one in asked.counters},
            "factor": asked.factor,
            "entered_before": is_entered,
            "device": new.pk,
            "read_as": reached,
            "filled": {
                str(one.register.pk): as_bounds(_filled(number, before, after))
                for number, one in enumerate(asked.counters)
            },
        },
    )
    return outcome


def _unentered(meter: Meter, asked: Exchange, known: Mapping[int, Known]) -> Device:
    """The device that was read so far and never entered, from its first reading on."""
    if not asked.old_serial:
        raise BadExchange("type the number of the old device; it was never entered")
    first = Reading.objects.filter(site_id=meter.site_id, register_id__in=list(known))
    first_at = first.order_by("read_at").values_list("read_at", flat=True)[0]
    return Device.objects.create(meter=meter, serial=asked.old_serial, installed_at=first_at)


def _replace(meter: Meter, old: Device | None, asked: Exchange) -> Device:
    if old is not None:
        old.removed_at = utc(asked.at)
        old.save(update_fields=["removed_at"])
    return Device.objects.create(
        meter=meter,
        serial=asked.serial,
        installed_at=utc(asked.at),
        factor=asked.factor,
        digits=asked.digits,
    )


def _enter(
    meter: Meter,
    old: Device | None,
    new: Device,
    asked: Exchange,
    known: Mapping[int, Known],
    outcome: Outcome,
    at: datetime,
    actor: str,
) -> None:
    """Both readings of each register, and the quarter-hours that follow."""
    rows = []
    for one in asked.counters:
        for device, value, name in ((old, one.final, "final"), (new, one.start, "start")):
            if device is not None and value is not None:
                rows.append(
                    IncomingReading(
                        one.register.pk,
                        utc(asked.at),
                        value,
                        f"exchange {new.pk} {name}",
                        Quality.MANUAL,
                        device.serial,
                    )
                )
    received = receive_readings(meter.site, rows, received_at=at, actor=actor)
    parts = [received]
    later = {pk: one.later for pk, one in known.items() if one.later}
    if later:  # they are of the new device now, which may have another factor
        parts.append(convert_readings(meter.site, later, received_at=at, actor=actor))
    for part in parts:
        for finding in part.findings:
            if finding.code == "metering.locked":
                raise BadExchange(finding.message.partition(". The readings")[0])
            if finding not in outcome.findings:
                outcome.findings.append(finding)
    outcome.written = Written(
        filled=sum(one.written.filled for one in parts),
        revised=sum(one.written.revised for one in parts),
        revised_slots=sorted({run for one in parts for run in one.written.revised_slots}),
    )


def _reconnect(meter: Meter, asked: Exchange, at: datetime, actor: str) -> dict[str, str]:
    """Where another model or address is read from now on; how it was read before, if it is."""
    row = Connection.objects.filter(meter=meter).select_related("bus__gateway__site").first()
    if row is None or row.bus is None or asked.how is None:
        return {}
    now = How(row.driver, row.model, row.plan, dict(row.settings))
    address = asked.address or row.address
    if asked.how != now or address != row.address:
        connect(row.bus, [Wanted(meter, address)], asked.how, at=at, actor=actor)
        return {"driver": row.driver, "model": row.model, "address": row.address}
    return {}


# -- what changes -----------------------------------------------------------------------------


def _span(at: datetime, old: Device | None, known: Mapping[int, Known]) -> range:
    """The quarter-hours that may change: from the reading before, or the 0 at the installation, to
    the last one after."""
    first = [one.last.read_at for one in known.values() if one.last is not None]
    if old is not None and any(one.last is None for one in known.values()):
        first.append(old.installed_at)
    last = [one.later[-1] for one in known.values() if one.later]
    earliest = max(min([*first, at]), at - LONGEST_GAP - timedelta(days=1))
    return range(slot_at(earliest) - 1, slot_at(max([*last, at])) + 2)


def _read(meter: Meter, registers: Sequence[Register], span: range) -> Intervals:
    return store.read(meter.site_id, [one.pk for one in registers], span.start, span.stop)


def _counted(
    number: int,
    one: Counter,
    old: Device | None,
    known: Known,
    before: Intervals,
    after: Intervals,
) -> Counted:
    gap = None
    if old is not None and known.last is not None and one.final is not None:
        gap = (known.delta if known.delta is not None else one.final - known.last.value) * (
            old.factor
        )
    had, has = before.quality[number] != 0, after.quality[number] != 0
    old_wh, new_wh = before.energy_wh[number], after.energy_wh[number]
    differs = (before.quality[number] != after.quality[number]) | (had & (old_wh != new_wh))
    return Counted(
        one.register,
        known.last,
        one,
        gap,
        len(known.later),
        int(old_wh[had].sum()) if had.any() else None,
        int(new_wh[has].sum()) if has.any() else None,
        int(np.count_nonzero(differs)),
    )


def _filled(number: int, before: Intervals, after: Intervals) -> list[range]:
    mask = (before.quality[number] == 0) & (after.quality[number] != 0)
    return [range(after.first_slot + a, after.first_slot + b) for a, b in runs(mask)]


def _sha256(outcome: Outcome, asked: Exchange, before: Intervals, after: Intervals) -> str:
    old = outcome.old
    said = [
        utc(asked.at).isoformat(),
        asked.serial,
        str(asked.factor),
        str(asked.digits),
        asked.address,
        str(asked.how),
        f"{old.serial} {old.installed_at} {old.factor}" if old else "",
        *(f"{one.register.pk} {one.final} {one.start}" for one in asked.counters),
        *(f"{one.last} {one.later}" for one in outcome.counted),
        *outcome.billed,
    ]
    arrays = [part.tobytes() for one in (before, after) for part in (one.energy_wh, one.quality)]
    return hashlib.sha256(b"\n".join([*(text.encode() for text in said), *arrays])).hexdigest()
