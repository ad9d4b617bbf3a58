"""Whether the meters of a distribution zone can limit its current (system.md 6)."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from quartier.apps.equipment.models import Connection, DistributionZone, Medium, Meter


def faults_of(
    zone: DistributionZone, dlm_meters: Sequence[Meter], parent: DistributionZone | None
) -> Iterator[tuple[str, str]]:
    """(field, what is wrong) for a zone with these DLM meters within ``parent``."""
    head = zone.consumption_meter
    if head is not None and head.medium != Medium.ELECTRICITY:
        yield "consumption_meter", f"the meter {head.ref} measures no electricity"
    for meter in dlm_meters:
        if meter.medium != Medium.ELECTRICITY:
            yield "dlm_meters", f"the meter {meter.ref} measures no electricity"
        elif meter.source != Meter.Source.REGISTER:
            yield "dlm_meters", f"no gateway reads the meter {meter.ref}; it cannot limit a current"
        elif meter.fuse_a is None or meter.fuse_a <= Decimal(0):
            yield "dlm_meters", f"the meter {meter.ref} has no fuse; write its amperage first"
        if head is not None and meter.pk == head.pk:
            yield (
                "dlm_meters",
                f"the meter {meter.ref} measures the zone itself, and a DLM meter what else draws",
            )
    yield from _gateways(dlm_meters)
    above, seen = parent, {zone.pk}
    while above is not None:
        if above.pk in seen:
            yield "parent", f"the zone {zone.ref} would lie in itself"
            return
        seen.add(above.pk)
        above = above.parent


def _gateways(meters: Sequence[Meter]) -> Iterator[tuple[str, str]]:
    """The meters that limit a zone are read by one gateway, that which controls its stations."""
    rows = Connection.objects.filter(meter__in=meters, bus__isnull=False).select_related(
        "meter", "bus__gateway"
    )
    found: dict[str, str] = {}
    for row in rows.order_by("meter__ref"):
        assert row.bus is not None, "the query asks for those with a bus"
        found.setdefault(row.bus.gateway.name, row.meter.ref)
    if len(found) > 1:
        (first, one), (second, other) = sorted(found.items())[:2]
        yield (
            "dlm_meters",
            f"the meter {one} is read by {first} and {other} by {second}; one gateway has to",
        )
