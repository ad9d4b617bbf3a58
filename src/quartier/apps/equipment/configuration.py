"""What a gateway is told to read, made from the rows of its buses and meters."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F

from quartier.apps.equipment.models import (
    Appliance,
    BadgeReader,
    Bus,
    Connection,
    Device,
    Gateway,
    GatewayPackage,
    Meter,
)
from quartier.formats.uplink.appliances import (
    ApplianceSettings,
    Grid,
    OutputSettings,
    Surplus,
    TimerWindow,
)
from quartier.formats.uplink.configuration import (
    BusKind,
    BusSettings,
    Configuration,
    MeterSettings,
    Plan,
    encode,
)
from quartier.formats.uplink.software import Software
from quartier.formats.uplink.stations import Charging, StationSettings

POWER_EVERY_S = 60
_UNLIKE_NAMES = re.compile(r"^[^0-9A-Za-z]|[^0-9A-Za-z._:*\-]")
"""Of an OCPP identity, what a name on the wire has not."""


def newest(gateway: Gateway, *, has: int = 0, at: datetime | None = None) -> tuple[int, bytes]:
    """Number and bytes of the newest configuration; 0 and nothing before there is a bus
    or a reader.

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
        has_any = content.buses or content.software or content.readers or content.charging
        if not (has_any or row.configuration_number):
            return 0, b""
        sha256 = hashlib.sha256(encode(content)).hexdigest()
        if sha256 != row.configuration_sha256 or has > row.configuration_number:
            row.configuration_number = max(row.configuration_number, has) + 1
            row.configuration_sha256 = sha256
            row.save(update_fields=["configuration_number", "configuration_sha256"])
    return row.configuration_number, encode(replace(content, number=row.configuration_number))


def content_of(gateway: Gateway) -> Configuration:
    """The configuration as the rows are now, with the number 1; a constant number of queries."""
    buses = list(Bus.objects.filter(gateway=gateway).order_by("name"))
    connections = list(
        Connection.objects.filter(bus__in=buses, meter__is_enabled=True)
        .select_related("meter", "bus")
        .order_by("meter__ref")
    )
    devices = {
        one.meter_id: one
        for one in Device.objects.filter(
            meter__in=[one.meter_id for one in connections], removed_at=None
        ).order_by()
    }
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
                serial=devices[one.meter_id].serial if one.meter_id in devices else "",
                plan=Plan(one.plan),
                settings=dict(one.settings),
            )
            for one in connections
            if one.bus is not None
        ),
        POWER_EVERY_S,
        software=_software(gateway),
        surplus=_surplus(gateway, [one.meter for one in connections], devices),
        charging=_charging(gateway),
        readers=tuple(
            one.settings for one in BadgeReader.objects.filter(gateway=gateway).order_by("name")
        ),
    )


def _charging(gateway: Gateway) -> Charging | None:
    """The stations that it serves; in one query."""
    rows = gateway.charging_stations.filter(is_enabled=True).order_by("identity")
    stations = tuple(
        StationSettings(
            name=_UNLIKE_NAMES.sub("-", one.identity),
            identity=one.identity,
            phases=one.phases,
            min_a=one.min_a,
            max_a=one.max_a,
            fallback_a=one.fallback_a,
            follows_sun=one.follows_sun,
            is_free=one.is_free,
            tags=tuple(sorted(set(one.tags))),
            password_sha256=one.password_sha256,
            priority=one.priority,
            on_s=one.on_s,
            off_s=one.off_s,
        )
        for one in rows
    )
    return Charging(stations) if stations else None


def grid_meters(gateway: Gateway) -> list[Meter]:
    """The meters at the grid entry that ``gateway`` reads; one where appliances follow the sun."""
    return list(
        Meter.objects.filter(
            connection__bus__gateway=gateway, mode=Meter.Mode.GRID, is_enabled=True
        ).order_by("ref")
    )


def _software(gateway: Gateway) -> Software | None:
    """The version that it is to run; in one query."""
    rows = GatewayPackage.objects.filter(renewals__gateway=gateway)
    names = ("version", "sha256", "size", "signature")
    found = rows.values(*names, attempt=F("renewals__attempt")).first()
    return None if found is None else Software(**found)


def _surplus(
    gateway: Gateway, read: Sequence[Meter], devices: Mapping[int, Device]
) -> Surplus | None:
    """What it switches; in one query."""
    rows = Appliance.objects.filter(bus__gateway=gateway).select_related("bus", "meter")
    # Others would have to be multiplied or turned, which the gateway does at the entry alone.
    as_shown = {
        one.pk
        for one in read
        if not one.is_swapped and (one.pk not in devices or devices[one.pk].factor == 1)
    }
    appliances = tuple(_appliance(one, as_shown) for one in rows.order_by("ref"))
    is_followed = gateway.charging_stations.filter(is_enabled=True, follows_sun=True)
    if not appliances and not is_followed.exists():
        return None
    entries = [meter for meter in read if meter.mode == Meter.Mode.GRID]
    grid = None
    if len(entries) == 1:
        (entry,) = entries
        factor = devices[entry.pk].factor if entry.pk in devices else Decimal(1)
        grid = Grid(entry.ref, factor.normalize(), entry.is_swapped)
    return Surplus(appliances, grid) if appliances or grid else None


def _appliance(one: Appliance, read: set[int]) -> ApplianceSettings:
    return ApplianceSettings(
        name=one.ref,
        power_w=one.power_w,
        mode=one.mode,
        output=OutputSettings(
            one.bus.name,
            one.driver,
            one.address,
            tuple(one.channels),
            one.output,
            one.sg_state,
            one.is_inverted,
            dict(one.settings),
        ),
        priority=one.priority,
        on_s=one.on_s,
        off_s=one.off_s,
        daily_s=one.daily_s,
        complete_by_minute=one.complete_by_minute,
        timer=tuple(
            TimerWindow(tuple(w["weekdays"]), w["from_minute"], w["to_minute"]) for w in one.timer
        ),
        meter=one.meter.ref if one.meter is not None and one.meter_id in read else "",
        is_pressed=one.is_pressed,
    )
