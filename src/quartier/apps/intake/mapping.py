"""From a metering point and direction to a register of a site, and meters for unknown points."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from quartier.apps.equipment.models import Device, Medium, Meter, Register
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, error, info
from quartier.core.kernel.obis import EXPORT_PROFILE, IMPORT_PROFILE
from quartier.formats.sdat import masked, normal_point

_OBIS = {"import": IMPORT_PROFILE, "export": EXPORT_PROFILE}


@dataclass(frozen=True, order=True)
class Wanted:
    """The series of a message: which point, in which direction, what part."""

    point: str
    direction: str
    part: str


class Mapping:
    """The registers of one site by metering point; makes a register that a known meter lacks.

    ConsumptionMeteringPoint is the import, ProductionMeteringPoint the export of the meter that
    has the id: for a grid entry that is what is drawn and fed in, for a plant's own meter its
    export is its production. The export may have an id of its own (rules.md b.1, series start).
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.findings: list[Finding] = []
        self.created: list[Meter] = []
        self._registers = {
            (register.meter_id, register.direction, register.part): register
            for register in Register.objects.filter(site=site).select_related("meter")
        }
        self._meters: dict[tuple[str, str], list[Meter]] = {}
        for meter in Meter.objects.filter(site=site, medium=Medium.ELECTRICITY).order_by("ref"):
            self._learn(meter)

    def _learn(self, meter: Meter) -> None:
        own, export = normal_point(meter.metering_point), normal_point(meter.export_metering_point)
        for direction, point in (("import", own or export), ("export", export or own)):
            if point:
                self._meters.setdefault((point, direction), []).append(meter)

    def register(self, wanted: Wanted) -> Register | None:
        """The register, or None where no meter of the site has the point."""
        meters = self._meters.get((wanted.point, wanted.direction), [])
        if not meters:
            return None
        if len(meters) > 1:
            self._say_once(
                error(
                    "intake.ambiguous_point",
                    f"several meters have the metering point {masked(wanted.point)} "
                    f"({wanted.direction}): {', '.join(meter.ref for meter in meters)}.",
                    remedy="Give the point to one of them and import again.",
                )
            )
            return None
        meter = meters[0]
        if meter.source == Meter.Source.VIRTUAL:
            self._say_once(
                error(
                    "intake.virtual_meter",
                    "the meter is computed from others and takes no curve.",
                    where=meter.ref,
                    remedy="Give the metering point to a real meter.",
                )
            )
            return None
        key = (meter.pk, wanted.direction, wanted.part)
        if key not in self._registers:
            self._registers[key] = Register.objects.create(
                site=self.site,
                meter=meter,
                obis=str(_OBIS[wanted.direction]),
                direction=wanted.direction,
                part=wanted.part,
            )
        return self._registers[key]

    def create_meters(self, wanted: Iterable[Wanted]) -> None:
        """A meter for each point that no meter has.

        Its mode follows from the directions in the files: consumption only, production only, or
        both, which is taken for the grid entry. It can be changed later.
        """
        directions: dict[str, set[str]] = {}
        for one in wanted:
            directions.setdefault(one.point, set()).add(one.direction)
        mine = {meter.pk: meter for meter in self.created}
        for point, seen in sorted(directions.items()):
            known = self._meters.get((point, "import"), []) + self._meters.get(
                (point, "export"), []
            )
            if known:
                for meter in known:
                    if meter.pk in mine:
                        self._set_mode(meter, point, seen)
                continue
            self._create(point, seen)

    def _create(self, point: str, seen: set[str]) -> None:
        meter = Meter(
            site=self.site,
            ref=free_ref(self.site, point),
            name=f"Metering point {point[-6:]}",
            source=Meter.Source.CURVE,
            mode=_mode(seen),
        )
        set_point(meter, point)
        meter.save()
        self.created.append(meter)
        self._learn(meter)
        self.findings.append(
            info(
                "intake.meter_created",
                f"made a meter with mode {meter.mode} for the metering point {masked(point)}.",
                where=meter.ref,
                remedy="Change its name and mode, and assign it to a billing point.",
            )
        )

    def _set_mode(self, meter: Meter, point: str, seen: set[str]) -> None:
        """A meter of this run whose other direction came in a later file."""
        had = {direction for (meter_id, direction, _) in self._registers if meter_id == meter.pk}
        mode = _mode(had | seen)
        if mode != meter.mode:
            meter.mode = mode
            set_point(meter, point)
            meter.save()

    def _say_once(self, finding: Finding) -> None:
        if finding not in self.findings:
            self.findings.append(finding)


class Meters:
    """The meters of a site by everything that a person or a table calls them."""

    def __init__(self, site: Site) -> None:
        self._refs = set(Meter.objects.filter(site=site).values_list("ref", flat=True))
        self._by_ref: dict[str, Meter] = {}
        self._by_serial: dict[str, Meter] = {}
        self._by_point: dict[str, Meter] = {}
        self._by_name: dict[str, list[Meter]] = {}
        meters = Meter.objects.filter(site=site).exclude(source=Meter.Source.VIRTUAL)
        for meter in meters:
            self.learn(meter)
        devices = Device.objects.filter(meter__in=meters).order_by("installed_at")
        for serial, ref in devices.values_list("serial", "meter__ref"):
            self._by_serial[serial] = self._by_ref[ref]

    def learn(self, meter: Meter) -> None:
        """A meter that was made."""
        self._refs.add(meter.ref)
        self._by_ref[meter.ref] = meter
        for point in (meter.metering_point, meter.export_metering_point):
            if normal_point(point):
                self._by_point.setdefault(normal_point(point), meter)
        self._by_name.setdefault(meter.name, []).append(meter)

    def find(self, identity: str) -> Meter | None:
        """The meter that is called so.

        That is its ref, the serial number of a device on it (the newest counts), its metering
        point, or its name if no other has it. Computed meters take no data and are never found.
        """
        found = (
            self._by_ref.get(identity)
            or self._by_serial.get(identity)
            or self._by_point.get(normal_point(identity))
        )
        named = self._by_name.get(identity, [])
        return found or (named[0] if len(named) == 1 else None)

    def free_ref(self, name: str) -> str:
        """A ref made of ``name`` that no meter of the site has."""
        return _free_ref(name, self._refs)


def profile_registers(
    site: Site, wanted: Iterable[tuple[Meter, str]]
) -> dict[tuple[int, str], Register]:
    """The registers that curves are stored in, by meter id and direction; made where they lack."""
    pairs = {(meter.pk, direction): meter for meter, direction in wanted}
    own = Register.objects.filter(site=site, part=Register.Part.TOTAL).select_related("meter")
    found = {
        (one.meter_id, one.direction): one for one in own if (one.meter_id, one.direction) in pairs
    }
    for (meter_id, direction), meter in pairs.items():
        if (meter_id, direction) not in found:
            found[meter_id, direction] = Register.objects.create(
                site=site,
                meter=meter,
                direction=direction,
                part=Register.Part.TOTAL,
                obis=str(_OBIS[direction]),
            )
    return found


def free_ref(site: Site, name: str) -> str:
    """A ref made of ``name`` that no meter of the site has."""
    return _free_ref(name, set(Meter.objects.filter(site=site).values_list("ref", flat=True)))


def _free_ref(name: str, taken: set[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:50] or "meter"
    ref, number = base, 2
    while ref in taken:
        ref, number = f"{base}-{number}", number + 1
    return ref


def _mode(directions: set[str]) -> str:
    if directions == {"export"}:
        return Meter.Mode.PRODUCTION
    return Meter.Mode.GRID if len(directions) == 2 else Meter.Mode.CONSUMPTION


def set_point(meter: Meter, point: str) -> None:
    """The point's id, in the field of its direction."""
    is_production = meter.mode == Meter.Mode.PRODUCTION
    meter.metering_point = "" if is_production else point[:40]
    meter.export_metering_point = point[:40] if is_production else ""
