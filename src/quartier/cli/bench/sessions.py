"""Charging sessions: what a minute of a station costs the worker, also with a long history."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from quartier.apps.charging.folding import fact_in, fold
from quartier.apps.charging.models import ChargingMessage, ChargingSession, ChargingStation
from quartier.apps.charging.operations import add
from quartier.apps.charging.queries import messages_of
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from quartier.cli.bench._counts import Counts
from quartier.cli.bench._figure import Figure, timed_each
from quartier.ocpp.versions import Version

_BEGUN_AT = datetime(2026, 1, 1, 18, tzinfo=UTC)
_EVERY, _HOUR = timedelta(seconds=10), timedelta(hours=1)
_A_MINUTE = 6
_WH = 30
"""At 11 kW in ten seconds."""
_BEFORE = 10
_ACCEPTED = {"idTagInfo": {"status": "Accepted"}}


def measure(folder: Path, counts: Counts) -> Iterator[Figure]:
    """``fold_minute_ms`` and ``fold_growth_ratio``."""
    del folder
    organisation = Organisation.objects.create(ref="charging", name="Charging")
    site = Site.objects.create(
        organisation=organisation, ref="charging", name="C", starts_date=_BEGUN_AT.date()
    )
    small, large = (
        _station(site, f"s{sessions}", sessions)
        for sessions in (counts.sessions, counts.sessions * _BEFORE)
    )
    found = [timed_each(_minutes(one, counts.runs), warm=2) for one in (small, large)]
    floor = timed_each(_read(small, counts.runs), warm=2)
    yield found[0].figure(
        "fold_minute_ms",
        "ms",
        1e3,
        f"the {_A_MINUTE} MeterValues of a minute joined with the session that runs, its "
        f"{counts.sessions} before it untouched; one station, in one transaction",
        floor=floor.median_s * 1e3,
        floor_what="the same messages read, decoded, and nothing made of them",
    )
    yield Figure(
        "fold_growth_ratio",
        found[1].median_s / found[0].median_s,
        "",
        f"the same with {_BEFORE} times the sessions before it",
        floor=1.0,
        floor_what="no slower",
    )


def _station(site: Site, identity: str, sessions: int) -> ChargingStation:
    """A station with ``sessions`` that have ended and one that runs."""
    station, _ = add(
        site,
        identity,
        identity,
        needs_password=False,
        is_free=True,
        at=_BEGUN_AT,
        actor="bench",
    )
    told = []
    for number in range(1, sessions + 1):
        begun_at = _BEGUN_AT - number * timedelta(hours=5)
        told.append(_begin(begun_at, number))
        stop = {"transactionId": number, "meterStop": 5000, "timestamp": _at(begun_at + _HOUR)}
        told.append((begun_at + _HOUR, "StopTransaction", stop, {}))
    _keep(station, [*told, _begin(_BEGUN_AT, sessions + 1)])
    while fold(site.pk, station.pk):
        pass
    assert ChargingSession.objects.filter(station_id=station.pk).count() == sessions + 1
    return station


def _minutes(station: ChargingStation, runs: int) -> Iterator[Any]:
    number = ChargingSession.objects.filter(station_id=station.pk).count()
    for minute in range(runs + 2):
        first = minute * _A_MINUTE + 1
        _keep(station, [_values(number, n) for n in range(first, first + _A_MINUTE)])
        yield lambda: fold(station.site_id, station.pk)


def _read(station: ChargingStation, runs: int) -> Iterator[Any]:
    def read() -> None:
        for one in messages_of(station)[:_A_MINUTE]:
            fact_in(one)

    for _ in range(runs + 2):
        yield read


def _begin(at: datetime, number: int) -> Any:
    asked = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": _at(at)}
    return at, "StartTransaction", asked, {"transactionId": number, **_ACCEPTED}


def _values(number: int, step: int) -> Any:
    at = _BEGUN_AT + step * _EVERY
    sampled = [{"value": str(step * _WH), "unit": "Wh"}]
    value = {"timestamp": _at(at), "sampledValue": sampled}
    return at, "MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [value]}, {}


def _keep(station: ChargingStation, told: list[Any]) -> None:
    last = messages_of(station).values_list("number", flat=True).first() or 0
    ChargingMessage.objects.bulk_create(
        ChargingMessage(
            site_id=station.site_id,
            station_id=station.pk,
            number=number,
            received_at=at,
            version=Version.V16.value,
            action=action,
            asked=json.dumps(asked),
            answer=json.dumps(answer),
        )
        for number, (at, action, asked, answer) in enumerate(told, last + 1)
    )


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
