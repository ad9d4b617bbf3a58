"""What is wrong with the communication devices and distribution zones of a site file."""

from quartier.formats.site_toml import tree
from quartier.formats.site_toml.faults import Faults


def check_equipment(file: tree.SiteFile, faults: Faults) -> None:
    """Adds to ``faults`` what is wrong with them."""
    for device in file.communication_devices:
        if device.kind in ("router_4g", None):
            continue
        for name in ("sim", "apn"):
            if getattr(device, name):
                faults.add((*device.path, name), "only a 4G router has one.", "Remove it.")
    parents = {one.ref: one.parent for one in file.distribution_zones}
    meters = {one.ref: one for one in file.meters}
    for zone in file.distribution_zones:
        if zone.phases == 2:
            faults.add((*zone.path, "phases"), "a zone has 1 or 3 phases.")
        _meters(zone, meters, faults)
        seen = {zone.ref}
        above: str | None = zone.parent
        while above:
            if above in seen:
                faults.add((*zone.path, "parent"), "leads back to the zone itself.")
                break
            seen.add(above)
            above = parents.get(above)


def _meters(zone: tree.DistributionZone, meters: dict[str, tree.Meter], faults: Faults) -> None:
    """A DLM meter has a fuse, measures electricity, and is not at the head of the zone."""
    for index, ref in enumerate(zone.dlm_meters or ()):
        here = (*zone.path, "dlm_meters", index)
        meter = meters.get(ref)
        if ref == zone.consumption_meter:
            faults.add(
                here,
                f"{ref!r} measures the zone itself.",
                "A DLM meter measures what else draws from the same line.",
            )
        if meter is None:
            continue
        if meter.medium not in ("electricity", None):
            faults.add(here, f"the meter {ref!r} measures {meter.medium}.")
        if not meter.fuse_a:
            faults.add(here, f"the meter {ref!r} has no fuse.", "Add its fuse_a.")
