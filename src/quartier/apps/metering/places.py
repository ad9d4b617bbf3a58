"""Where what a gateway sends belongs: from its meter, OBIS code and serial to a register."""

from collections import defaultdict
from dataclasses import dataclass, replace

from quartier.apps.equipment.models import Device, Meter, Register
from quartier.apps.metering.models import Unplaced
from quartier.core.kernel.obis import NotObis, Obis
from quartier.formats.uplink.batch import Kind


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
        meters: dict[str, int],
        registers: dict[tuple[int, str], int],
        serials: dict[int, set[str]],
    ) -> None:
        self._meters = meters
        self._registers = registers
        self._serials = serials

    @classmethod
    def of(cls, site_id: int) -> "Places":
        """Read in three queries."""
        meters = dict(Meter.objects.filter(site=site_id).order_by().values_list("ref", "pk"))
        rows = Register.objects.filter(site=site_id, part=Register.Part.TOTAL).order_by("-pk")
        registers = {
            (meter_id, _key(obis)): pk
            for pk, meter_id, obis in rows.values_list("pk", "meter_id", "obis")
        }
        serials: dict[int, set[str]] = defaultdict(set)
        devices = Device.objects.filter(meter__site=site_id).order_by()
        for meter_id, serial in devices.values_list("meter_id", "serial"):
            serials[meter_id].add(serial)
        return cls(meters, registers, serials)

    def find(self, place: Place) -> Found:
        """Where it belongs. A device that gives no serial is the one that is installed."""
        meter_id = self._meters.get(place.meter)
        if meter_id is None:
            return Found(reason=Unplaced.Reason.METER)
        if place.kind == Kind.POWER:
            return Found(meter_id)
        register_id = self._registers.get((meter_id, _key(place.obis)))
        if register_id is None:
            return Found(reason=Unplaced.Reason.REGISTER)
        serials = self._serials.get(meter_id, set())
        if not serials or (place.serial and place.serial not in serials):
            return Found(reason=Unplaced.Reason.DEVICE)
        return Found(meter_id, register_id)


def _key(obis: str) -> str:
    """Codes that mean the same: 1-0:1.8.0 and 1.8.0 are 1-1:1.8.0."""
    try:
        code = Obis.parse(obis)
    except NotObis:
        return obis
    return str(replace(code, channel=1) if code.medium == 1 and code.channel == 0 else code)
