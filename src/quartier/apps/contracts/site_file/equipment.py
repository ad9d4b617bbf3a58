"""Writing meters with devices, registers and assignments; plants and batteries."""

from datetime import date

from quartier.apps.contracts.protection import refuse_billed
from quartier.apps.contracts.site_file.chains import put_chain
from quartier.apps.contracts.site_file.journal import Journal
from quartier.apps.contracts.site_file.network import put_network
from quartier.apps.contracts.site_file.places import Parties, keep_named
from quartier.apps.equipment.models import (
    Assignment,
    Battery,
    CommunicationDevice,
    Device,
    DistributionZone,
    Meter,
    Plant,
    Register,
)
from quartier.apps.equipment.registers import IMPLIED, obis_of, unit_of
from quartier.apps.sites.models import BillingPoint, Site
from quartier.formats.site_toml import tree
from quartier.formats.site_toml.check_meters import instant_of, plain_point


def put_equipment(file: tree.SiteFile, site: Site, parties: Parties, journal: Journal) -> None:
    """All that measures, produces and stores."""
    points = {row.ref: row for row in BillingPoint.objects.filter(site=site)}
    for one in file.meters:
        meter = _meter(one, site, journal)
        _devices(one, meter, site, journal)
        _registers(one, meter, journal)
        _assignments(one, meter, points, journal)
    meters = {row.ref: row for row in Meter.objects.filter(site=site)}
    for plant in file.plants:
        journal.put(
            Plant,
            f"plant {plant.ref!r}",
            {"site": site, "ref": plant.ref},
            {
                "name": plant.name,
                "meter": meters[plant.meter],
                "owner": parties[plant.owner],
                "power_kwp": plant.power_kwp,
                "commissioned_date": plant.commissioned,
            },
        )
    for battery in file.batteries:
        journal.put(
            Battery,
            f"battery {battery.ref!r}",
            {"site": site, "ref": battery.ref},
            {
                "name": battery.name,
                "meter": meters[battery.meter],
                "owner": parties[battery.owner],
                "capacity_wh": battery.capacity_wh,
                "power_w": battery.power_w,
            },
        )
    put_network(file, site, meters, journal)
    keep_named(journal, "meter", meters, file.meters)
    for what, model, told in (
        ("plant", Plant, file.plants),
        ("battery", Battery, file.batteries),
        ("communication device", CommunicationDevice, file.communication_devices),
        ("distribution zone", DistributionZone, file.distribution_zones),
    ):
        refs = model._default_manager.filter(site=site).values_list("ref", flat=True)
        keep_named(journal, what, refs, told)


def _meter(one: tree.Meter, site: Site, journal: Journal) -> Meter:
    row = journal.put(
        Meter,
        f"meter {one.ref!r}",
        {"site": site, "ref": one.ref},
        {
            "name": one.name,
            "medium": one.medium,
            "mode": one.mode,
            "source": one.source,
            "metering_point": plain_point(one.metering_point),
            "export_metering_point": plain_point(one.export_metering_point),
            "rule": one.rule,
            "fuse_a": one.fuse_a,
            "is_enabled": one.enabled,
            "is_swapped": one.swapped,
            "is_isolated": one.isolated,
        },
    )
    assert isinstance(row, Meter)
    return row


def _devices(one: tree.Meter, meter: Meter, site: Site, journal: Journal) -> None:
    zone = site.timezone
    ordered = sorted(one.devices, key=lambda device: instant_of(device.installed, zone))
    for device in ordered:
        journal.put(
            Device,
            f"device {device.serial!r} of {one.ref!r}",
            {"meter": meter, "serial": device.serial},
            {
                "installed_at": instant_of(device.installed, zone),
                "removed_at": instant_of(device.removed, zone) if device.removed else None,
                "factor": device.factor,
                "digits": device.digits,
            },
        )
    told = {device.serial for device in one.devices}
    for serial in meter.devices.values_list("serial", flat=True):
        if serial not in told:
            journal.kept.append(f"device {serial!r} of {one.ref!r}")


def _registers(one: tree.Meter, meter: Meter, journal: Journal) -> None:
    for name in one.registers or IMPLIED[one.mode]:
        direction, _, part = name.partition(" ")
        keys = {"meter": meter, "direction": direction, "part": part or "total"}
        if not Register.objects.filter(**keys).exists():
            obis = obis_of(one.medium, one.source, direction)
            unit = unit_of(one.medium)
            Register.objects.create(**keys, site_id=meter.site_id, obis=obis, unit=unit)
            journal.created.append(f"register {name!r} of {one.ref!r}")


def register_name(row: Register) -> str:
    """How a register stands in a file."""
    return row.direction if row.part == "total" else f"{row.direction} {row.part}"


def _assignments(
    one: tree.Meter, meter: Meter, points: dict[str, BillingPoint], journal: Journal
) -> None:
    if not one.assignments:
        for row in meter.assignments.all():
            journal.kept.append(f"assignment of {one.ref!r} from {row.starts_date}")
        return
    rows = Assignment.objects.filter(meter=meter)
    touched = set(rows.exclude(billing_point=None).values_list("billing_point_id", flat=True))
    touched |= {points[part.billing_point].pk for part in one.assignments if part.billing_point}

    def guard(day: date) -> None:
        refuse_billed(touched, day, f"A change of what meter {one.ref!r} counts for")

    put_chain(
        journal,
        rows,
        f"assignment of {one.ref!r}",
        {
            part.from_date: {"billing_point": points.get(part.billing_point)}
            for part in one.assignments
        },
        {"meter": meter},
        {part.from_date: part.path for part in one.assignments},
        guard,
    )
