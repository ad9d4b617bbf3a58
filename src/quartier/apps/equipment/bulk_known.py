"""What a site has already, as far as it matters to meters that are to be added."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from zoneinfo import ZoneInfo

from django.db.models import Prefetch

from quartier.apps.equipment.models import Assignment, Bus, Connection, Device, Gateway, Meter
from quartier.apps.sites.models import BillingPoint, Site
from quartier.core.metering.virtual import BadRule, Term, parse_rule
from quartier.formats.meter_table.draft import Draft

BilledUntil = Callable[[Collection[int]], Mapping[int, date]]
"""Ids of billing points to the first day after what was billed to each."""


@dataclass
class Known:
    """Rows of one site; made by :func:`known_of` in a constant number of queries."""

    zone: ZoneInfo
    meters: dict[str, Meter]
    gateways: dict[str, list[Bus]]
    points: dict[str, BillingPoint]
    billed_until: Mapping[int, date] = field(default_factory=dict)

    def buses_of(self, gateway: str) -> list[Bus]:
        """The buses of the gateway with that name; none where there is no such gateway."""
        return self.gateways.get(gateway, [])

    def bus(self, gateway: str, name: str) -> Bus | None:
        """That bus of that gateway."""
        return next((one for one in self.buses_of(gateway) if one.name == name), None)

    @cached_property
    def taken(self) -> dict[tuple[int, str], str]:
        """Bus and address to the ref of the meter that has it."""
        return {
            (row.bus_id, row.address): ref
            for ref, meter in self.meters.items()
            if (row := connection_of(meter)) is not None and row.bus_id is not None
        }

    @cached_property
    def metering_points(self) -> dict[str, str]:
        """Metering point to the ref of its meter."""
        return {
            point: ref
            for ref, meter in self.meters.items()
            for point in (meter.metering_point, meter.export_metering_point)
            if point
        }

    def rules(self) -> Iterator[tuple[str, tuple[Term, ...]]]:
        """The rules of the computed meters; one that cannot be read is no matter of a new meter."""
        for ref, meter in self.meters.items():
            try:
                if meter.rule:
                    yield ref, parse_rule(meter.rule)
            except BadRule:
                continue

    def differences(self, draft: Draft, stored: Meter) -> list[str]:
        """The columns in which ``draft`` says something else than the site has."""
        said = {
            "name": stored.name,
            "medium": stored.medium,
            "mode": stored.mode,
            "source": stored.source,
            "metering_point": stored.metering_point,
            "export_metering_point": stored.export_metering_point,
            "rule": stored.rule,
            "fuse_a": stored.fuse_a,
        }
        columns = [name for name, value in said.items() if getattr(draft, name) != value]
        if draft.serial:
            columns += self._device_differs(draft, stored)
        row = connection_of(stored)
        if draft.driver:
            on_bus = row.bus if row is not None else None
            placed = (on_bus.gateway.name, on_bus.name) if on_bus is not None else ("", "")
            if row is None or (row.driver, row.model) != (draft.driver, draft.model):
                columns.append("driver")
            elif row.address != draft.address:
                columns.append("address")
            elif placed != (draft.gateway, draft.bus):
                columns.append("bus")
            elif row.plan != draft.plan:
                columns.append("plan")
        if draft.billing_point and not any(
            one.billing_point is not None and one.billing_point.ref == draft.billing_point
            for one in stored.assignments.all()
        ):
            columns.append("billing_point")
        return columns

    def _device_differs(self, draft: Draft, stored: Meter) -> list[str]:
        device = next((one for one in stored.devices.all() if one.serial == draft.serial), None)
        if device is None:
            return ["serial"]
        said = {
            "installed": device.installed_at.astimezone(self.zone).date(),
            "factor": device.factor,
            "digits": device.digits,
        }
        return [name for name, value in said.items() if getattr(draft, name) != value]


def known_of(site: Site, billed_until: BilledUntil) -> Known:
    """What ``site`` has, in a constant number of queries."""
    meters = Meter.objects.filter(site=site).prefetch_related(
        Prefetch("devices", Device.objects.order_by("installed_at")),
        Prefetch(
            "assignments",
            Assignment.objects.select_related("billing_point").order_by("starts_date"),
        ),
        Prefetch("connection", Connection.objects.select_related("bus__gateway")),
    )
    gateways = Gateway.objects.filter(site=site).prefetch_related("buses")
    points = {row.ref: row for row in BillingPoint.objects.filter(site=site)}
    return Known(
        ZoneInfo(site.timezone),
        {row.ref: row for row in meters},
        {row.name: list(row.buses.all()) for row in gateways},
        points,
        billed_until([row.pk for row in points.values()]),
    )


def connection_of(meter: Meter) -> Connection | None:
    """How the meter is read, or was or shall be; prefetched or selected."""
    try:
        return meter.connection
    except Connection.DoesNotExist:
        return None
