"""A plan made real: what the site lacks of it is added, all or nothing; nothing is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.bulk import Door, insert
from quartier.apps.equipment.gateways import BadSetUp, add_bus, add_gateway
from quartier.apps.equipment.models import (
    Assignment,
    Bus,
    CommunicationDevice,
    Gateway,
    Meter,
)
from quartier.apps.equipment.planning import Dwelling, Plan
from quartier.apps.sites.models import BillingPoint, Site
from quartier.formats.meter_table.draft import Draft


@dataclass(frozen=True, slots=True)
class Added:
    """What was added, by reference."""

    gateway: str
    buses: tuple[str, ...]
    devices: tuple[str, ...]
    meters: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many things that is."""
        return bool(self.gateway) + len(self.buses) + len(self.devices) + len(self.meters)


def dwellings_of(site: Site) -> tuple[Dwelling, ...]:
    """The billing points of ``site`` in their order."""
    rows = BillingPoint.objects.filter(site=site, is_active=True).order_by("position", "ref")
    return tuple(Dwelling(one.name, one.ref) for one in rows)


def lacking(site: Site, plan: Plan) -> Plan:
    """What of ``plan`` the site does not have; a dwelling that a meter of the same medium counts
    for has its meter, and a site with a router has one. In five queries."""
    refs = set(Meter.objects.filter(site=site).values_list("ref", flat=True))
    rows = Assignment.objects.filter(meter__site=site, billing_point__isnull=False)
    served = set(rows.values_list("billing_point__ref", "meter__medium"))
    has_entry = Meter.objects.filter(site=site, mode=Meter.Mode.GRID).exists()
    devices = list(CommunicationDevice.objects.filter(site=site))
    taken = {one.ref for one in devices}
    has_router = any(
        one.kind in CommunicationDevice.ROUTERS and one.state != CommunicationDevice.State.REMOVED
        for one in devices
    )
    buses = set(Bus.objects.filter(gateway__site=site).values_list("name", flat=True))
    meters = [
        one
        for one in plan.meters
        if one.ref not in refs
        and (one.billing_point, one.medium) not in served
        and not (one.mode == Meter.Mode.GRID and has_entry)
    ]
    needed = plan.of(meters)
    return Plan(
        meters,
        [one for one in needed.buses if one.name not in buses],
        [
            one
            for one in needed.devices
            if one.ref not in taken and not (has_router and one.kind in CommunicationDevice.ROUTERS)
        ],
    )


def realize(
    door: Door, plan: Plan, names: Mapping[str, str], *, from_date: date | None = None
) -> Added:
    """Add what the site lacks of ``plan``: gateway, buses, devices, meters with their buses.

    ``names`` are those of the devices, by reference; ``from_date``: from when the meters of
    dwellings count for them. Raises ``bulk.Refused`` and ``gateways.BadSetUp``; then nothing is
    added.
    """
    site = door.site
    with transaction.atomic():
        Site.objects.select_for_update().get(pk=site.pk)
        missing = lacking(site, plan)
        gateway, is_new = _gateway(door, missing)
        for bus in missing.buses:
            assert gateway is not None
            place: dict[str, str | int] = {"host": bus.host, "port": bus.port}
            add_bus(gateway, bus.name, bus.kind, place, at=door.at, actor=door.actor)
        CommunicationDevice.objects.bulk_create(
            CommunicationDevice(
                site=site,
                ref=one.ref,
                name=names.get(one.ref, one.ref)[:120],
                kind=one.kind,
                host=one.host,
                gateway=gateway,
            )
            for one in missing.devices
        )
        drafts = _drafts(site, missing, from_date)
        outcome = insert(door, drafts) if drafts else None
        added = Added(
            gateway.name if gateway is not None and is_new else "",
            tuple(one.name for one in missing.buses),
            tuple(one.ref for one in missing.devices),
            tuple(one.ref for one in outcome.new) if outcome is not None else (),
        )
        if added.count:
            record(
                "site.plan",
                door.actor,
                at=door.at,
                organisation_id=site.organisation_id,
                site_id=site.pk,
                subject=site.ref,
                data={"buses": added.buses, "devices": added.devices, "meters": added.meters},
            )
    return added


def _gateway(door: Door, missing: Plan) -> tuple[Gateway | None, bool]:
    """The first gateway of the site; a new one where there is none and one is needed."""
    found = Gateway.objects.filter(site=door.site).order_by("name").first()
    if found is not None or not (missing.buses or missing.meters):
        return found, False
    name = f"{door.site.ref}-gateway"[:63]
    return add_gateway(door.site, name, at=door.at, actor=door.actor), True


def _drafts(site: Site, missing: Plan, from_date: date | None) -> Sequence[Draft]:
    buses = dict(Bus.objects.filter(gateway__site=site).values_list("name", "gateway__name"))
    drafts = []
    for row, one in enumerate(missing.meters, 1):
        if one.bus and one.bus not in buses:
            raise BadSetUp("the gateway has no bus of this name; add it first")
        drafts.append(
            Draft(
                row=row,
                ref=one.ref,
                name=one.name[:120],
                medium=one.medium,
                mode=one.mode,
                fuse_a=Decimal(one.fuse_a) if one.fuse_a else None,
                gateway=buses.get(one.bus, ""),
                bus=one.bus,
                driver=one.driver,
                model=one.model,
                address=one.address if one.bus else "",
                billing_point=one.billing_point if from_date is not None else "",
                from_date=from_date if one.billing_point else None,
            )
        )
    return drafts
