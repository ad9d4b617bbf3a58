"""Charging stations and their sessions, for pages and commands."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum

from quartier.apps.charging.models import (
    ChargingMessage,
    ChargingSession,
    ChargingStation,
    Connector,
    StationMeter,
)
from quartier.core.charging.session import Stage
from quartier.core.kernel.period import Period

SILENT = timedelta(minutes=1)
"""After that a field server that says nothing of a station has been killed."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Of sessions: how many there are, how many run, how many a person must look at."""

    sessions: int
    running: int
    unsound: int
    energy_wh: int


def is_connected(station: ChargingStation, now: datetime) -> bool:
    """Whether a field server holds it."""
    return bool(station.server and station.seen_at and now - station.seen_at < SILENT)


def sessions_of(stations: Sequence[ChargingStation]) -> QuerySet[ChargingSession]:
    """Those of ``stations``, which are of one site, the newest first."""
    sites = {one.site_id for one in stations}
    return ChargingSession.objects.filter(
        site_id__in=sites, station_id__in=[one.pk for one in stations]
    ).order_by("-begun_at", "station_id", "transaction_id")


def begun_in(sessions: QuerySet[ChargingSession], period: Period) -> QuerySet[ChargingSession]:
    """Those that began in ``period``."""
    return sessions.filter(begun_at__gte=period.starts_at, begun_at__lt=period.ends_at)


def totals_of(sessions: QuerySet[ChargingSession]) -> Totals:
    """In one query."""
    found = sessions.aggregate(
        sessions=Count("transaction_id", filter=~Q(stage=Stage.REFUSED)),
        running=Count("transaction_id", filter=Q(stage=Stage.RUNNING)),
        unsound=Count("transaction_id", filter=Q(is_sound=False)),
        energy_wh=Sum("energy_wh"),
    )
    return Totals(found["sessions"], found["running"], found["unsound"], found["energy_wh"] or 0)


def connectors_of(stations: Sequence[ChargingStation]) -> Mapping[int, list[Connector]]:
    """How the connectors stand, by station; in one query. EVSE 0, the whole station, is among
    them only while it tells a fault."""
    sites = {one.site_id for one in stations}
    rows = Connector.objects.filter(site_id__in=sites, station_id__in=[one.pk for one in stations])
    found: dict[int, list[Connector]] = defaultdict(list)
    for row in rows.order_by("station_id", "evse_id", "connector_id"):
        if row.evse_id or row.error or row.status != "Available":
            found[row.station_id].append(row)
    return found


def counting_of(station: ChargingStation) -> StationMeter | None:
    """The meter that counts what is charged at it; None where it counts for nobody."""
    return StationMeter.objects.filter(station=station).select_related("meter").first()


def messages_of(station: ChargingStation) -> QuerySet[ChargingMessage]:
    """All that it said, the newest first."""
    return ChargingMessage.objects.filter(site_id=station.site_id, station_id=station.pk).order_by(
        "-number"
    )
