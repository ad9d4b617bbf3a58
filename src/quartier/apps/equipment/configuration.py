"""What a gateway is told to read, made from the rows of its buses and meters."""

import hashlib
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from quartier.apps.equipment.models import Bus, Connection, Device, Gateway
from quartier.formats.uplink.configuration import (
    BusKind,
    BusSettings,
    Configuration,
    MeterSettings,
    Plan,
    encode,
)

POWER_EVERY_S = 60


def newest(gateway: Gateway, *, has: int = 0, at: datetime | None = None) -> tuple[int, bytes]:
    """Number and bytes of the newest configuration; 0 and nothing before there is a bus.

    The number counts up by one when the content has changed since it was last asked for. ``has``
    is the number that the gateway says it uses: one that is higher than the platform's, as after
    a restored backup, is counted up from, since no gateway takes a lower one. Only an
    inspection that is not over at ``at`` is in it.

    Raises :class:`~quartier.formats.uplink.strict.BadMessage` where the rows give none.
    """
    with transaction.atomic():
        row = Gateway.objects.select_for_update().select_related("site").get(pk=gateway.pk)
        content = content_of(row)
        if at is not None and row.inspect_until is not None and row.inspect_until > at:
            content = replace(content, inspect_until=row.inspect_until)
        if not content.buses and not row.configuration_number:
            return 0, b""
        sha256 = hashlib.sha256(encode(content)).hexdigest()
        if sha256 != row.configuration_sha256 or has > row.configuration_number:
            row.configuration_number = max(row.configuration_number, has) + 1
            row.configuration_sha256 = sha256
            row.save(update_fields=["configuration_number", "configuration_sha256"])
    return row.configuration_number, encode(replace(content, number=row.configuration_number))


def content_of(gateway: Gateway) -> Configuration:
    """The configuration as the rows are now, with the number 1; in three queries."""
    buses = list(Bus.objects.filter(gateway=gateway).order_by("name"))
    connections = list(
        Connection.objects.filter(bus__in=buses, meter__is_enabled=True)
        .select_related("meter", "bus")
        .order_by("meter__ref")
    )
    serials = dict(
        Device.objects.filter(meter__in=[one.meter_id for one in connections], removed_at=None)
        .order_by()
        .values_list("meter_id", "serial")
    )
    return Configuration(
        gateway.name,
        1,
        gateway.site.timezone,
        tuple(BusSettings(bus.name, BusKind(bus.kind), **bus.parameters) for bus in buses),
        tuple(
            MeterSettings(
                name=one.meter.ref,
                bus=one.bus.name,
                driver=one.driver,
                model=one.model,
                address=one.address,
                serial=serials.get(one.meter_id, ""),
                plan=Plan(one.plan),
                settings=dict(one.settings),
            )
            for one in connections
            if one.bus is not None
        ),
        POWER_EVERY_S,
    )
