"""Communication devices and distribution zones: from a site file to rows, and back."""

from collections.abc import Iterator, Mapping, Sequence

from quartier.apps.contracts.site_file.journal import Journal
from quartier.apps.equipment.models import CommunicationDevice, DistributionZone, Meter
from quartier.apps.sites.models import Site
from quartier.formats.site_toml import tree

_DEVICE = (
    "name", "kind", "state", "manufacturer", "model", "serial", "place", "host", "mac", "sim",
    "apn", "note",
)  # fmt: skip


def put_network(
    file: tree.SiteFile, site: Site, meters: Mapping[str, Meter], journal: Journal
) -> None:
    """All communication devices and zones of the file; which gateway a device serves is kept."""
    for one in file.communication_devices:
        values = {name: getattr(one, name) for name in _DEVICE}
        journal.put(
            CommunicationDevice,
            f"communication device {one.ref!r}",
            {"site": site, "ref": one.ref},
            {**values, "installed_date": one.installed},
        )
    zones: dict[str, DistributionZone] = {}
    for zone in _parents_first(file.distribution_zones):
        what = f"distribution zone {zone.ref!r}"
        row = journal.put(
            DistributionZone,
            what,
            {"site": site, "ref": zone.ref},
            {
                "name": zone.name,
                "max_current_a": zone.max_current_a,
                "phases": zone.phases,
                "parent": zones.get(zone.parent),
                "consumption_meter": meters.get(zone.consumption_meter),
            },
        )
        zones[zone.ref] = row
        wanted = {meters[ref].pk for ref in zone.dlm_meters}
        if wanted != set(row.dlm_meters.values_list("pk", flat=True)):
            row.dlm_meters.set(wanted)
            if what not in journal.created:
                journal.changed.append(f"{what}: dlm_meters")


def devices_of(site: Site) -> tuple[tree.CommunicationDevice, ...]:
    """The communication devices of ``site`` as they stand in a file."""
    return tuple(
        tree.CommunicationDevice(
            ref=row.ref,
            installed=row.installed_date,
            **{name: getattr(row, name) for name in _DEVICE},
        )
        for row in CommunicationDevice.objects.filter(site=site).order_by("ref")
    )


def zones_of(site: Site) -> tuple[tree.DistributionZone, ...]:
    """The distribution zones of ``site`` as they stand in a file."""
    rows = DistributionZone.objects.filter(site=site).select_related("parent", "consumption_meter")
    return tuple(
        tree.DistributionZone(
            ref=row.ref,
            name=row.name,
            max_current_a=row.max_current_a,
            phases=row.phases,
            parent=row.parent.ref if row.parent else "",
            consumption_meter=row.consumption_meter.ref if row.consumption_meter else "",
            dlm_meters=tuple(sorted(meter.ref for meter in row.dlm_meters.all())),
        )
        for row in rows.prefetch_related("dlm_meters").order_by("ref")
    )


def _parents_first(zones: Sequence[tree.DistributionZone]) -> Iterator[tree.DistributionZone]:
    """The zones, each after the one it lies in; the file was checked for circles."""
    waiting, done = list(zones), {""}
    while waiting:
        ready = [one for one in waiting if one.parent in done]
        assert ready, "a checked file has no circle of zones"
        yield from ready
        done |= {one.ref for one in ready}
        waiting = [one for one in waiting if one.ref not in done]
