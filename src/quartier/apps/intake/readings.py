"""Importing register readings: archive, read, find the meter and its device, store."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from django.db import transaction

from quartier.apps.equipment.models import Device, Medium, Meter, Register
from quartier.apps.intake import archive, counters, files
from quartier.apps.intake.billed import billed_on
from quartier.apps.intake.contributions import Import, of_readings
from quartier.apps.intake.counters import State
from quartier.apps.intake.devices import Devices
from quartier.apps.intake.files import Received
from quartier.apps.intake.models import Contribution, IntakeFile, Quarantine
from quartier.apps.intake.report import FileResult, MeterResult, Report
from quartier.apps.intake.sources import Source
from quartier.apps.metering.models import Reading
from quartier.apps.metering.operations import IncomingReading, receive_readings
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.obis import Obis
from quartier.core.kernel.period import slot_at, timezone_of, utc
from quartier.formats.esl import EslError, looks_like_esl, read_billing_data
from quartier.formats.load_curve import BadCurves
from quartier.formats.load_curve.curves import ERRORS_NAMED
from quartier.formats.readings_csv import read_readings
from quartier.formats.sdat import looks_like_sdat

_KIND = IntakeFile.Kind.READINGS
_WATER = {Medium.COLD_WATER, Medium.HOT_WATER}

_Known = dict[tuple[int, datetime], dict[int | None, Decimal]]
"""Values by register and instant, then by device (None: not said)."""


@dataclass(frozen=True)
class _Mapped:
    """A state of a file, whose register it is of and which device showed it."""

    state: State
    register: Register
    device: Device | None
    file: IntakeFile


@dataclass
class ReadingsImport:
    """One run. ``meter`` names the meter of files that hold one counter only, ``factor`` the
    CT/VT factor of devices that are made."""

    site: Site
    at: datetime
    actor: str
    create_meters: bool = False
    meter: str = ""
    factor: Decimal = Decimal(1)
    decimal: str = "."
    report: Report = field(default_factory=Report)
    on_file: Callable[[], None] = lambda: None
    _registers: dict[tuple[int, str], Register] = field(default_factory=dict, repr=False)

    def run(self, sources: Iterable[Source]) -> Report:
        """Import every source; a bad one does not stop the others."""
        read: list[tuple[Source, str, list[State]]] = []
        for source in sources:
            one = self._read(source)
            self.on_file()
            if one is not None:
                read.append((source, *one))
        if read:
            archive.keep([source.data for source, _, _ in read])
            with transaction.atomic():
                self._store(read)
        self.report.sum_up_others()
        return self.report

    def _read(self, source: Source) -> tuple[str, list[State]] | None:
        if source.problem:
            self._reject(source, [source.problem])
            return None
        if looks_like_sdat(source.data):
            self.report.leave_out(source.name, "sdat")
            return None
        sha256 = archive.sha256_of(source.data)
        row = files.known(self.site, _KIND, "", [sha256]).get(sha256)
        if (
            row is not None
            and row.state == IntakeFile.State.IMPORTED
            and not row.quarantine.filter(released_at=None).exists()
        ):
            self.report.files.append(FileResult(source.name, "known", "imported before"))
            return None
        tz = timezone_of(self.site.timezone)
        try:
            if looks_like_esl(source.data):
                readings, noticed = read_billing_data(source.data)
                raws = counters.of_esl(readings, tz)
            else:
                noticed = ()
                raws = counters.of_csv(read_readings(source.data, decimal=self.decimal), tz)
            states, wrong = counters.states(raws)
        except EslError as problem:
            self._reject(source, [str(problem)])
            return None
        except counters.BadTime as problem:
            hidden = len(problem.errors) - ERRORS_NAMED
            more = [f"and {hidden} more errors"] if hidden > 0 else []
            self._reject(source, [*problem.errors[:ERRORS_NAMED], *more])
            return None
        except BadCurves as problem:
            hidden = problem.error_count - len(problem.errors)
            self._reject(
                source, [*problem.errors, *([f"and {hidden} more errors"] if hidden else [])]
            )
            return None
        if not states:
            reasons = "; ".join(finding.message.rstrip(".") for finding in wrong)
            why = "no register of energy or water could be read"
            self._reject(source, [f"{why}: {reasons}" if reasons else why])
            return None
        self.report.findings += [*noticed, *wrong]
        return sha256, states

    def _reject(self, source: Source, reasons: list[str]) -> None:
        findings = [error("intake.rejected", f"{why}.", where=source.name) for why in reasons]
        self.report.findings += findings
        self.report.files.append(FileResult(source.name, "rejected", reasons[0]))
        if source.data:
            archive.keep([source.data])
            received = Received(
                source.name,
                archive.sha256_of(source.data),
                len(source.data),
                IntakeFile.State.REJECTED,
                findings,
            )
            with transaction.atomic():
                files.save(self.site, _KIND, "", [received], self.at, self.actor)

    # -- storing --------------------------------------------------------------------------------

    def _store(self, read: list[tuple[Source, str, list[State]]]) -> None:
        everything = [state for _, _, states in read for state in states]
        finder = Devices(self.site, self.report, self.create_meters, self.meter, self.factor)
        devices = finder.of(everything)
        received = [
            Received(source.name, sha256, len(source.data), IntakeFile.State.IMPORTED)
            for source, sha256, _ in read
        ]
        unique = {one.sha256: one for one in received}
        files.save(self.site, _KIND, "", unique.values(), self.at, self.actor)
        waiting: list[Quarantine] = []
        mapped: list[_Mapped] = []
        strange: dict[tuple[str, str], list[_Mapped]] = {}
        for source, sha256, states in read:
            row = unique[sha256].row
            assert row is not None
            row.quarantine.filter(released_at=None).delete()
            unknown: dict[str, list[State]] = {}
            for state in states:
                meter, device = devices.get((state.identity, state.serial), (None, None))
                if meter is None:
                    unknown.setdefault(state.identity, []).append(state)
                    continue
                one = _Mapped(state, self._register(meter, state), device, row)
                if device is None and state.serial:
                    unknown.setdefault(f"{state.identity} {state.serial}", []).append(state)
                    strange.setdefault((meter.ref, state.serial), []).append(one)
                else:
                    mapped.append(one)
            for name, own in sorted(unknown.items()):
                waiting.append(self._quarantine(row, name, own))
                self.report.quarantined[name] = self.report.quarantined.get(name, 0) + 1
            outcome = "quarantined" if unknown else "imported"
            self.report.files.append(FileResult(source.name, outcome))
        Quarantine.objects.bulk_create(waiting, batch_size=500)
        self.report.findings += [_no_device(own) for own in strange.values()]
        self._write(mapped)

    def _quarantine(self, row: IntakeFile, name: str, own: list[State]) -> Quarantine:
        slots = [slot_at(state.read_at) for state in own]
        return Quarantine(
            site=self.site,
            file=row,
            point=name[:120],
            direction="",
            part="",
            first_slot=min(slots),
            end_slot=max(slots) + 1,
            since=self.at,
        )

    def _register(self, meter: Meter, state: State) -> Register:
        found = self._registers.get((meter.pk, state.direction))
        if found is not None:  # a file has thousands of readings of few registers
            return found
        register, _ = Register.objects.get_or_create(
            meter=meter,
            direction=state.direction,
            part=Register.Part.TOTAL,
            defaults={
                "site": self.site,
                "obis": str(Obis(state.obis.medium, state.obis.channel, state.obis.quantity, 8, 0)),
                "unit": Register.Unit.LITRE if meter.medium in _WATER else Register.Unit.WH,
            },
        )
        register.meter = meter
        self._registers[meter.pk, state.direction] = register
        return register

    def _write(self, mapped: list[_Mapped]) -> None:
        registers = {one.register.pk: one.register for one in mapped}
        # At the exchange of a device there are two readings at one instant, one of each.
        known: _Known = {}
        for row in Reading.objects.filter(site_id=self.site.pk, register_id__in=list(registers)):
            there = known.setdefault((row.register_id, utc(row.read_at)), {})
            there[row.device_id] = row.value
        new: list[IncomingReading] = []
        given: dict[tuple[int, int], list[_Mapped]] = {}
        differing: dict[int, list[tuple[_Mapped, Decimal]]] = {}
        for one in mapped:
            state, register, device = one.state, one.register, one.device
            there = known.setdefault((register.pk, state.read_at), {})
            result = self._result(register, state)
            value = state.value.quantize(Decimal("0.001"))
            before = _value_of(there, device)
            if before is not None:
                if before == value:
                    result.unchanged += 1
                else:
                    result.kept += 1
                    differing.setdefault(register.pk, []).append((one, before))
                continue
            serial = device.serial if device else ""
            source = f"file, device {serial}" if there else "file"
            there[device.pk if device else None] = value
            result.new += 1
            new.append(IncomingReading(register.pk, state.read_at, value, source, serial=serial))
            given.setdefault((one.file.pk, register.pk), []).append(one)
        self.report.findings += [_differs(own) for own in differing.values()]
        received = receive_readings(self.site, new, received_at=self.at, actor=self.actor)
        self.report.findings += received.findings
        self.report.revised_slots += received.written.revised_slots
        self.report.billed += billed_on(self.site.pk, received.written.revised_slots)
        Contribution.objects.bulk_create(
            of_readings(
                Import(own[0].file, self.at, self.actor),
                self.site.pk,
                register_id,
                [(one.state.read_at, one.state.line) for one in own],
            )
            for (_, register_id), own in given.items()
        )
        # Of a meter that counts, metering itself says so when it builds quarter-hours.
        curves = {
            pk: register
            for pk, register in registers.items()
            if register.meter.source == Meter.Source.CURVE
        }
        self.report.findings += _backwards(curves, known)

    def _result(self, register: Register, state: State) -> MeterResult:
        slot = slot_at(state.read_at)
        result = self.report.meters.setdefault(
            register.pk,
            MeterResult(register.meter.ref, register.direction, register.part, slot, slot),
        )
        result.first_slot = min(result.first_slot, slot)
        result.end_slot = max(result.end_slot, slot)
        return result


def _value_of(there: dict[int | None, Decimal], device: Device | None) -> Decimal | None:
    """What ``there``, the readings of one instant, says of ``device``; None if nothing.

    A reading without a device is of whichever was there.
    """
    if device is None or not there:
        return next(iter(there.values()), None)
    return there.get(device.pk, there.get(None))


def _differs(own: list[tuple[_Mapped, Decimal]]) -> Finding:
    """One finding for all readings of a register that are known with another value."""
    one, known = own[0]
    register, state = one.register, one.state
    found = (
        f"{_shown(state.value, register)} at {state.read_at:%Y-%m-%dT%H:%MZ} differs from the "
        f"stored reading of {_shown(known, register)}"
    )
    if len(own) == 1:
        message = f"{found}, which is kept."
    else:
        message = (
            f"{len(own)} readings differ from the stored ones, which are kept; first, {found}."
        )
    return error(
        "intake.reading_differs",
        message,
        where=f"{register.meter.ref} {register.direction}, {_lines([m for m, _ in own])}",
        remedy="Enter a manual reading if the stored one is wrong.",
    )


def _no_device(own: list[_Mapped]) -> Finding:
    """One finding for all readings of a device that the meter does not have."""
    times = sorted(one.state.read_at for one in own)
    state, meter = own[0].state, own[0].register.meter
    span = f"at {times[0]:%Y-%m-%dT%H:%MZ}"
    if len(own) > 1:
        span = f"from {times[0]:%Y-%m-%dT%H:%MZ} to {times[-1]:%Y-%m-%dT%H:%MZ}"
    return error(
        "metering.no_device",
        f"the meter has no device {state.serial}; {len(own)} of its readings {span} are not used.",
        where=f"{meter.ref}, {_lines(own)}",
        remedy="Enter the device with its dates, then import the file again.",
    )


def _lines(own: list[_Mapped]) -> str:
    lines = [one.state.line for one in own]
    if len(lines) == 1:
        return f"line {lines[0]}"
    return f"lines {min(lines)} to {max(lines)}"


def _shown(value: Decimal, register: Register) -> str:
    """A stored reading as its counter shows it."""
    unit = "m3" if register.unit == Register.Unit.LITRE else "kWh"
    return f"{(value / 1000).normalize():f} {unit}"


def _backwards(registers: dict[int, Register], known: _Known) -> list[Finding]:
    """Registers that run backwards, if no exchange of the device lies between."""
    points: dict[int, list[tuple[datetime, Decimal]]] = {}
    installed = {
        register_id: {device.pk: device.installed_at for device in register.meter.devices.all()}
        for register_id, register in registers.items()
    }
    for (register_id, at), there in known.items():
        if register_id in registers and there:
            since = installed[register_id]
            # Of two readings at an exchange the new device's goes on.
            newest = max(there, key=lambda pk: (pk in since, since.get(pk or 0, at)))
            points.setdefault(register_id, []).append((at, there[newest]))
    out: list[Finding] = []
    for register_id, row in points.items():
        register = registers[register_id]
        for (begun, start), (ended, end) in pairwise(sorted(row)):
            exchanges = installed[register_id].values()
            if end < start and not any(begun < at <= ended for at in exchanges):
                out.append(
                    error(
                        "intake.backwards",
                        f"the register runs backwards, from {_shown(start, register)} at "
                        f"{begun:%Y-%m-%dT%H:%MZ} to {_shown(end, register)} at "
                        f"{ended:%Y-%m-%dT%H:%MZ}.",
                        where=f"{register.meter.ref} {register.direction}",
                        remedy="Enter the exchange of the device or its number of digits.",
                    )
                )
    return out
