"""What is known of a site, for the judging: a constant number of queries a site."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import OuterRef, Q, Subquery

from quartier.apps.equipment.models import Connection, Gateway, Medium, Meter, MqttSource, Register
from quartier.apps.equipment.publishing import DRIVER
from quartier.apps.metering import powers
from quartier.apps.metering.models import Reading
from quartier.apps.metering.validation import validated_by_meter
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import Dates, local_midnight
from quartier.core.metering.alarms import DayState, GatewayState, Kind, MeterState, Rules
from quartier.core.metering.registers import power_limit_w
from quartier.core.metering.validation import Thresholds
from quartier.formats.uplink.configuration import Plan

POWER_OF = timedelta(minutes=15)
"""Of how long back powers are looked at."""
IS_HEARD = Q(paired_at__isnull=False) | Q(mqtt__is_enabled=True, seen_at__isnull=False)
"""A gateway that is watched: paired, or it publishes and did so once."""
IS_READ = Q(bus__isnull=False) | Q(driver__startswith=DRIVER)
"""A connection that is watched."""
PUBLISHES_WITHIN = timedelta(days=1)
"""How long a gateway may publish nothing."""
_WHOLE_POWER = ("1.7.0", "2.7.0", "16.7.0")
"""Active power of all phases: drawn, fed in, and their difference (OBIS, C.D.E)."""


def gateways_of(site: Site, settling: frozenset[str], now: datetime) -> list[GatewayState]:
    """The gateways that are paired or publish; ``settling`` are the names of those that came back
    a moment ago."""
    found = []
    rows = Gateway.objects.filter(IS_HEARD, site=site)
    for row in rows.select_related("mqtt").order_by("name"):
        heard_at = _published_until(row, now) if row.paired_at is None else row.seen_at
        since = row.paired_at or heard_at
        assert since is not None
        found.append(
            GatewayState(row.name, since, heard_at, row.clock_ahead_ms, row.name in settling)
        )
    return found


def _published_until(row: Gateway, now: datetime) -> datetime | None:
    """Until when a gateway that publishes itself was heard: it says nothing between its messages,
    so its broker's connection stands for it, for a day."""
    source = row.mqtt
    is_held = source.held_until is not None and source.held_until >= now
    if is_held and source.connected_at and row.seen_at and now - row.seen_at <= PUBLISHES_WITHIN:
        return now
    return row.seen_at


def meters_of(site: Site, now: datetime) -> list[MeterState]:
    """The enabled meters that a gateway of the site reads, or publishes."""
    sources = MqttSource.objects.filter(gateway__site=site, is_enabled=True)
    published_by = list(sources.values_list("gateway__name", flat=True))
    rows = (
        Connection.objects.filter(
            Q(bus__gateway__site=site)
            | Q(driver__startswith=DRIVER, settings__gateway__in=published_by),
            meter__site=site,
            meter__is_enabled=True,
        )
        .select_related("meter", "bus__gateway")
        .order_by("meter__ref")
    )
    read_at = _last_readings(site)
    power_w = _powers(site, now)
    return [
        MeterState(
            row.meter.ref,
            row.bus.gateway.name if row.bus else row.settings["gateway"],
            # How often a meter is published nobody knows: one a day is enough.
            row.bus is None or row.plan == Plan.DAY,
            row.since,
            read_at.get(row.meter_id),
            power_w.get(row.meter_id),
            _limit(row.meter),
        )
        for row in rows
    ]


def day_of(site: Site, now: datetime, rules: Rules) -> DayState:
    """The last whole local day, looked at with the limits of ``rules``."""
    tz = ZoneInfo(site.timezone)
    today = now.astimezone(tz).date()
    dates = Dates(today - timedelta(days=1), today)
    warning, error = rules[Kind.RESIDUAL].limits
    thresholds = Thresholds(
        sum_warning=Decimal(warning).scaleb(-3), sum_error=Decimal(error).scaleb(-3)
    )
    found = validated_by_meter(site, dates, thresholds=thresholds)
    return DayState(
        dates.from_date,
        local_midnight(dates.from_date, tz),
        {meter.ref: findings for meter, findings in found.by_meter.items()},
        found.of_site,
        frozenset(one.ref for one in found.by_meter if one.medium == Medium.ELECTRICITY),
    )


def names_of(site: Site) -> dict[str, str]:
    """What people call the meters, by ref."""
    return dict(Meter.objects.filter(site=site).values_list("ref", "name"))


def _last_readings(site: Site) -> dict[int, datetime]:
    """By meter id the instant of the newest reading of any of its registers. Each register is
    looked up at the end of its index, however long its history."""
    newest = (
        Reading.objects.filter(site_id=site.pk, register_id=OuterRef("pk"))
        .order_by("-read_at")
        .values("read_at")[:1]
    )
    rows = (
        Register.objects.filter(site=site, meter__connection__isnull=False)
        .annotate(newest=Subquery(newest))
        .order_by()
        .values_list("meter_id", "newest")
    )
    found: dict[int, datetime] = {}
    for meter_id, at in rows:
        if at is not None:
            found[meter_id] = max(at, found.get(meter_id, at))
    return found


def _powers(site: Site, now: datetime) -> dict[int, Decimal]:
    """By meter id the largest power of the last minutes, without sign."""
    end_at = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    found: dict[int, Decimal] = {}
    for (meter_id, obis), power_w in powers.read(site.pk, None, end_at - POWER_OF, end_at).items():
        if obis.rpartition(":")[2] in _WHOLE_POWER:
            known_w = power_w[power_w != powers.MISSING_W]
            largest = Decimal(int(np.abs(known_w.astype(np.int64)).max()))
            found[meter_id] = max(largest, found.get(meter_id, largest))
    return found


def _limit(meter: Meter) -> Decimal | None:
    return power_limit_w(meter.fuse_a) if meter.medium == Medium.ELECTRICITY else None
