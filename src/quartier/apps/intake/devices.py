"""Whose the counters of a reading file are: known meters and devices, and new ones."""

from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from quartier.apps.equipment.models import Device, Meter
from quartier.apps.intake.counters import State
from quartier.apps.intake.mapping import Meters
from quartier.apps.intake.reconcile import curve_of_counter
from quartier.apps.intake.report import Report
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import error, info

Counter = tuple[str, str]
"""A counter of a file: the name of its meter and its serial number."""


class Devices:
    """Finds meters and devices; makes devices for a meter that has none, and, if
    ``create_meters``, meters for unknown counters.

    ``meter`` names the meter of files that hold one counter only, ``factor`` is the CT/VT factor
    of devices that are made.
    """

    def __init__(
        self, site: Site, report: Report, create_meters: bool, meter: str, factor: Decimal
    ) -> None:
        self._site = site
        self._report = report
        self._create_meters = create_meters
        self._meter = meter
        self._factor = factor
        self._meters = Meters(site)

    def of(self, states: list[State]) -> dict[Counter, tuple[Meter, Device | None]]:
        """The meter and device of each counter that is known or may be made."""
        by_identity: dict[str, dict[str, list[State]]] = {}
        for state in states:
            by_identity.setdefault(state.identity, {}).setdefault(state.serial, []).append(state)
        electric = {state.identity for state in states if state.medium == "electricity"}
        out: dict[Counter, tuple[Meter, Device | None]] = {}
        for identity, by_serial in by_identity.items():
            is_named = self._meter and (len(by_identity) == 1 or electric == {identity})
            name = self._meter if is_named else identity
            meters = {serial: self._known(name, serial) for serial in by_serial}
            if self._create_meters and not any(meters.values()):
                meters = dict.fromkeys(by_serial, self._created(identity, by_serial))
            for meter in {one.pk: one for one in meters.values() if one is not None}.values():
                if not meter.devices.exists():
                    self._chain(
                        meter,
                        {s: own for s, own in by_serial.items() if s and meters[s] == meter},
                    )
            for serial, one in meters.items():
                if one is not None:
                    device = one.devices.filter(serial=(serial or identity)[:40]).first()
                    out[identity, serial] = one, device
        return out

    def _known(self, identity: str, serial: str) -> Meter | None:
        return (self._meters.find(serial) if serial else None) or self._meters.find(identity)

    def _created(self, identity: str, by_serial: dict[str, list[State]]) -> Meter:
        own = [state for some in by_serial.values() for state in some]
        points = {
            direction: [(s.read_at, s.value) for s in own if s.direction == direction]
            for direction in ("import", "export")
        }
        is_one = len(by_serial) == 1 and own[0].medium == "electricity"
        proven = curve_of_counter(self._site, points) if is_one else None
        if proven is not None:
            meter, factor = proven
            self._device(meter, own[0].serial or identity, own, Decimal(factor))
            self._report.findings.append(
                info(
                    "intake.counter_matched",
                    f"the readings of {identity} times {factor} equal the quarter-hours of this "
                    "meter in every complete period: made it its device with that factor.",
                    where=meter.ref,
                )
            )
            return meter
        flows = {state.direction for state in own if state.value}
        meter = Meter.objects.create(
            site=self._site,
            ref=self._meters.free_ref(f"m{identity}"),
            name=f"Meter {identity}",
            medium=own[0].medium,
            mode=Meter.Mode.GRID if flows == {"import", "export"} else Meter.Mode.CONSUMPTION,
            source=Meter.Source.REGISTER,
        )
        self._meters.learn(meter)
        self._report.created_meters.append(meter.ref)
        if not any(by_serial):
            self._device(meter, identity, own)
        return meter

    def _chain(self, meter: Meter, by_serial: dict[str, list[State]]) -> None:
        """Make the devices of a file, each gone at its last reading when the next one came."""
        chain = sorted(by_serial.items(), key=lambda item: min(s.read_at for s in item[1]))
        last = len(chain) - 1
        for (old, before), (new, after) in pairwise(chain):
            ends_at = max(s.read_at for s in before)
            if ends_at > min(s.read_at for s in after) or ends_at == min(s.read_at for s in before):
                self._report.findings.append(
                    error(
                        "intake.two_devices",
                        f"the readings of the devices {old} and {new} do not tell when one was "
                        "exchanged for the other; no device was made.",
                        where=meter.ref,
                        remedy="Enter the devices with their dates, then import the file again.",
                    )
                )
                return
        for number, (serial, own) in enumerate(chain):
            removed_at = max(s.read_at for s in own) if number < last else None
            self._device(meter, serial, own, removed_at=removed_at)

    def _device(
        self,
        meter: Meter,
        serial: str,
        own: list[State],
        factor: Decimal | None = None,
        removed_at: datetime | None = None,
    ) -> None:
        told = next((state.factor for state in own if state.factor is not None), None)
        Device.objects.create(
            meter=meter,
            serial=serial[:40],
            installed_at=min(state.read_at for state in own),
            removed_at=removed_at,
            factor=factor or told or self._factor,
        )
