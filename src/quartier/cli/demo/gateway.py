"""The demo building's gateway: it sends what its meters show, as a real one does.

What it sends goes through the same door as the batches of a real gateway; only the wires are
missing. One meter is silent, so that there is an alarm.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from quartier.apps.equipment.configuration import newest
from quartier.apps.equipment.models import Connection, Device, Gateway, Register
from quartier.apps.equipment.reports import take_report
from quartier.apps.metering import reading_rows
from quartier.apps.metering.models import GatewayBuffer
from quartier.apps.metering.reading_rows import Row
from quartier.apps.metering.receive import receive_batch, source_of
from quartier.cli.demo.energy import Energy, Switched
from quartier.core.kernel.period import slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.formats.uplink.appliances import SWITCHED, switch_code
from quartier.formats.uplink.batch import Batch, Column, Kind, Measurement
from quartier.formats.uplink.reports import Report

BUFFER = "0" * 31 + "1"
SILENT = "z-b32"
_SILENT_AFTER = timedelta(hours=1)
"""So long after the first reading it says nothing any more."""
_POWER, _IMPORT, _EXPORT = "1-1:16.7.0", "1-1:1.8.0", "1-1:2.8.0"
_MINUTE = timedelta(minutes=1)
_NUMBERS = 1_000
"""Of its buffer, a minute."""
_RECENT_MIN = 5
"""Of so many minutes the powers of all meters are sent; of the grid entry of all."""
_VOLTS = (233.4, 231.9, 234.6)
_SHARES = ((0.5, 0.3, 0.2), (0.25, 0.45, 0.3), (0.3, 0.2, 0.5))
_COSINE = 0.97


class Sender:
    """Sends what was played by ``energy`` since it last did; readings from ``reads_from`` on."""

    def __init__(self, gateway: Gateway, energy: Energy, reads_from: datetime) -> None:
        self.gateway, self.energy, self.reads_from = gateway, energy, reads_from
        rows = Connection.objects.filter(bus__gateway=gateway).select_related("meter")
        self._meters = sorted(one.meter.ref for one in rows)
        devices = Device.objects.filter(meter__connection__bus__gateway=gateway, removed_at=None)
        self._serials = dict(devices.values_list("meter__ref", "serial"))

    @property
    def sent_minutes(self) -> int:
        """How many of the played minutes are on the platform."""
        row = GatewayBuffer.objects.filter(gateway=self.gateway, buffer_id=BUFFER).first()
        return row.last // _NUMBERS if row else 0

    def seed(self) -> None:
        """Keep the readings before ``reads_from``, whose quarter-hours are there already."""
        rows = []
        slots = range(self.energy.counted_from, slot_at(self.reads_from))
        instants = [slot_starts_at(slot) for slot in slots]
        devices = dict(
            Device.objects.filter(meter__ref__in=self._meters, removed_at=None)
            .filter(meter__site=self.gateway.site_id)
            .values_list("meter__ref", "pk")
        )
        for register in (
            Register.objects.filter(meter__ref__in=self._meters)
            .filter(site=self.gateway.site_id)
            .select_related("meter")
        ):
            counter = self.energy.counters[register.meter.ref, register.direction]
            source, device = source_of(self.gateway), devices[register.meter.ref]
            rows += [
                Row(register.pk, at, source, Decimal(value), device, int(Quality.MEASURED))
                for at, value in zip(instants, counter[: len(slots)].tolist(), strict=True)
            ]
        reading_rows.insert(self.gateway.site_id, rows, self.reads_from)

    def send(
        self,
        until: datetime,
        switches: Iterable[Switched] | None = None,
        drawn_w: Mapping[str, int] | None = None,
    ) -> None:
        """Everything before ``until``: ``switches`` and what the appliances draw now, else what
        was played."""
        first, end = self.sent_minutes, (until - self.energy.starts_at) // _MINUTE
        if end <= first:
            return
        told = self.energy.switches if switches is None else switches
        columns = [*self._readings(first, end), *self._powers(first, end, drawn_w)]
        columns += self._switches(first, end, told)
        batch = Batch(
            self.gateway.name,
            BUFFER,
            first * _NUMBERS + 1,
            end * _NUMBERS,
            until,
            tuple(columns),
        )
        receive_batch(self.gateway, batch, received_at=until)
        Gateway.objects.filter(pk=self.gateway.pk).update(seen_at=until)

    def report(self, software: str, at: datetime) -> None:
        """It uses the newest configuration, and nothing waits."""
        number, _ = newest(self.gateway, at=at)
        started_at = self.energy.starts_at
        take_report(self.gateway, Report(software, number, started_at, 0, None, 65_536), at=at)

    def _at(self, minute: int) -> datetime:
        return self.energy.starts_at + minute * _MINUTE

    def _is_silent(self, ref: str, at: datetime) -> bool:
        return ref == SILENT and at > self.reads_from + _SILENT_AFTER

    def _readings(self, first: int, end: int) -> Iterator[Column]:
        """The registers at each quarter-hour of the minutes ``[first, end)``."""
        begin = max(self._at(first), self.reads_from)
        slots = range(
            slot_at(begin - timedelta(microseconds=1)) + 1, slot_at(self._at(end - 1)) + 1
        )
        begun = self.energy.counted_from
        for (ref, direction), counter in self.energy.counters.items():
            measurements = tuple(
                Measurement(slot_starts_at(slot), Decimal(int(counter[slot - begun])))
                for slot in slots
                if not self._is_silent(ref, slot_starts_at(slot))
            )
            obis = _IMPORT if direction == "import" else _EXPORT
            if measurements:
                yield Column(ref, obis, Kind.REGISTER, measurements, self._serials.get(ref, ""))

    def _powers(self, first: int, end: int, drawn_w: Mapping[str, int] | None) -> Iterator[Column]:
        recent = range(max(first, end - _RECENT_MIN), end)
        found = {minute: self.energy.powers(minute, drawn_w) for minute in recent}
        entry = self.energy.grid_w(first, end)
        for ref in self._meters:
            minutes = range(first, end) if ref == "netz" else recent
            measurements = tuple(
                Measurement(
                    self._at(minute),
                    Decimal(
                        round(found[minute][ref] if minute in found else entry[minute - first])
                    ),
                )
                for minute in minutes
                if not self._is_silent(ref, self._at(minute))
            )
            if measurements and ref in found[end - 1]:
                yield Column(ref, _POWER, Kind.POWER, measurements)
        if self.gateway.inspect_until is not None and self.gateway.inspect_until > self._at(end):
            yield from self._phases(found[end - 1], self._at(end - 1), end)

    def _phases(self, powers: Mapping[str, float], at: datetime, minute: int) -> Iterator[Column]:
        """Voltage, current and power of each phase; the entry's are the sums of the others."""
        sums = [0.0, 0.0, 0.0]
        volts = [one + (minute * 7 % 11 - 5) / 10 for one in _VOLTS]
        shown = {}
        for number, ref in enumerate(one for one in self._meters if one in powers):
            shares = (1 / 3,) * 3 if powers[ref] < 0 else _SHARES[number % 3]
            if ref != "netz":
                shown[ref] = [powers[ref] * share for share in shares]
                sums = [whole + one for whole, one in zip(sums, shown[ref], strict=True)]
        shown["netz"] = sums
        for ref, watts in shown.items():
            if self._is_silent(ref, at):
                continue
            for phase, power_w in enumerate(watts):
                told = (
                    (32, Decimal(f"{volts[phase]:.1f}")),
                    (31, Decimal(f"{abs(power_w) / volts[phase] / _COSINE:.2f}")),
                    (36, Decimal(f"{power_w:.0f}")),
                )
                for code, value in told:
                    obis = f"1-1:{code + 20 * phase}.7.0"
                    yield Column(ref, obis, Kind.MOMENTARY, (Measurement(at, value),))

    def _switches(self, first: int, end: int, switches: Iterable[Switched]) -> Iterator[Column]:
        found: dict[str, list[Measurement]] = {}
        for one in switches:
            if self._at(first) <= one.at < self._at(end):
                code = switch_code(one.decision.is_on, one.decision.reason.value)
                found.setdefault(one.decision.name, []).append(Measurement(one.at, Decimal(code)))
        for name, measurements in found.items():
            yield Column(name, SWITCHED, Kind.SWITCH, tuple(measurements))
