"""Where what a gateway sends belongs: from its meter, OBIS code and serial to a register."""

from collections import defaultdict
from dataclasses import dataclass

from quartier.apps.equipment.models import Device, Medium, Meter, Register
from quartier.apps.metering.models import Unplaced
from quartier.core.kernel.obis import NotObis, Obis
from quartier.formats.uplink.batch import Kind

_MEDIA = {
    1: Medium.ELECTRICITY,
    5: Medium.COOLING,
    6: Medium.HEAT,
    8: Medium.COLD_WATER,
    9: Medium.HOT_WATER,
}
_COUNTED = (0, 8, 29)
"""How a total is processed: OBIS group D of heat and water, of a register, of a load profile."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a column says of itself."""

    meter: str
    obis: str
    kind: str
    serial: str


@dataclass(frozen=True, slots=True)
class Found:
    """The register (of power only the meter) it belongs to, or the reason why there is none."""

    meter_id: int = 0
    register_id: int = 0
    reason: str = ""


class Places:
    """The meters, registers and devices of one site."""

    def __init__(
        self,
        meters: dict[str, tuple[int, str]],
        registers: dict[tuple[int, str], int],
        serials: dict[int, set[str]],
    ) -> None:
        self._meters = meters
        self._registers = registers
        self._serials = serials

    @classmethod
    def of(cls, site_id: int) -> "Places":
        """Read in three queries."""
        meters = {
            ref: (pk, medium)
            for pk, ref, medium in Meter.objects.filter(site=site_id)
            .order_by()
            .values_list("pk", "ref", "medium")
        }
        rows = Register.objects.filter(site=site_id, part=Register.Part.TOTAL).order_by()
        registers = {
            (meter_id, name): pk
            for pk, meter_id, *names in rows.values_list("pk", "meter_id", "obis", "direction")
            for name in names
        }
        serials: dict[int, set[str]] = defaultdict(set)
        devices = Device.objects.filter(meter__site=site_id).order_by()
        for meter_id, serial in devices.values_list("meter_id", "serial"):
            serials[meter_id].add(serial)
        return cls(meters, registers, serials)

    def find(self, place: Place) -> Found:
        """Where it belongs. A device that gives no serial is the one that is installed."""
        meter_id, medium = self._meters.get(place.meter, (0, ""))
        if not meter_id:
            return Found(reason=Unplaced.Reason.METER)
        if place.kind in (Kind.POWER, Kind.MOMENTARY):
            return Found(meter_id)
        register_id = self._registers.get((meter_id, _name(place.obis, medium)))
        if register_id is None:
            return Found(reason=Unplaced.Reason.REGISTER)
        serials = self._serials.get(meter_id, set())
        if not serials or (place.serial and place.serial not in serials):
            return Found(reason=Unplaced.Reason.DEVICE)
        return Found(meter_id, register_id)


def _name(obis: str, medium: str) -> str:
    """The direction of a total of the meter's own medium, however the code says it is counted
    (1.8.0 of a register is what 1.29.0 of a load profile sums up to); else the code itself."""
    try:
        code = Obis.parse(obis)
    except NotObis:
        return obis
    is_total = code.processing in _COUNTED and not code.tariff
    if is_total and _MEDIA.get(code.medium) == medium:
        if code.quantity == 1:
            return Register.Direction.IMPORT
        if code.is_export:
            return Register.Direction.EXPORT
    return obis
