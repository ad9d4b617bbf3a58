"""The charging stations of the demo building: what they said in the last weeks, as the field server
keeps it; their sessions are made of that by the worker's own job."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from quartier.apps.charging.folding import fold_waiting
from quartier.apps.charging.models import ChargingMessage, ChargingStation
from quartier.apps.charging.operations import add
from quartier.apps.sites.models import Site
from quartier.core.charging.facts import REGISTER
from quartier.core.kernel.period import slot_at, slot_starts_at
from quartier.ocpp.versions import Version

WEEKS = 6
_MINUTE = timedelta(minutes=1)
_QUARTER = timedelta(minutes=15)
_W = 11_000
_ACCEPTED = {"idTagInfo": {"status": "Accepted"}}

Message = tuple[datetime, str, dict[str, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Parked:
    """A station at a parking space. ``stays``: its car is there now; ``forgets``: it loses the end
    of a session."""

    identity: str
    name: str
    badge: str
    a_week: int
    stays: bool = False
    forgets: bool = False


STATIONS = (
    Parked("TACW1121T0417", "Parkplatz 3", "04A1B2C3", 3, stays=True),
    Parked("TACW1121T0418", "Parkplatz 4", "8421A3EE", 4),
    Parked("TACW1121T0502", "Parkplatz 7", "1F2D3A4F5506C7", 2, forgets=True),
)


def add_stations(site: Site, *, at: datetime, actor: str) -> None:
    """Stations with six weeks of sessions up to ``at``."""
    for number, parked in enumerate(STATIONS):
        begun_at = at - timedelta(weeks=WEEKS)
        station, _ = add(
            site,
            parked.identity,
            parked.name,
            needs_password=True,
            is_free=False,
            tags=[parked.badge],
            at=begun_at,
            actor=actor,
        )
        said = sorted(_said(parked, Random(number), begun_at, at), key=lambda one: one[0])  # noqa: S311
        ChargingMessage.objects.bulk_create(
            ChargingMessage(
                site_id=site.pk,
                station_id=station.pk,
                number=count,
                received_at=told_at + timedelta(seconds=1),
                version=Version.V16.value,
                action=action,
                asked=json.dumps(asked),
                answer=json.dumps(answer),
            )
            for count, (told_at, action, asked, answer) in enumerate(said, 1)
        )
        ChargingStation.objects.filter(pk=station.pk).update(version=Version.V16.value, seen_at=at)
    fold_waiting()


def _said(parked: Parked, draw: Random, first: datetime, last: datetime) -> Iterator[Message]:
    about = {
        "chargePointVendor": "ABB",
        "chargePointModel": "TAC-W11-G5-R-0",
        "chargePointSerialNumber": parked.identity,
        "firmwareVersion": "1.8.33",
    }
    boot = {"status": "Accepted", "currentTime": _stamp(first), "interval": 300}
    yield first, "BootNotification", about, boot
    yield _stands(first + _MINUTE, "Available")
    wh, number = draw.randint(100_000, 900_000), 0
    day = first + timedelta(days=1)
    while day < last - timedelta(days=1):
        if draw.random() < parked.a_week / 7:
            number += 1
            begun_at = day.replace(hour=17, minute=0) + draw.randint(0, 150) * _MINUTE
            needed_wh = draw.randint(4_000, 32_000)
            loses_end = parked.forgets and number == 4
            yield from _charge(parked, number, begun_at, wh, needed_wh, loses_end=loses_end)
            wh += needed_wh
        day += timedelta(days=1)
    if parked.stays:
        begun_at = last - timedelta(minutes=100)
        yield from _charge(parked, number + 1, begun_at, wh, 30_000, until=last)


def _charge(
    parked: Parked,
    number: int,
    begun_at: datetime,
    wh: int,
    needed_wh: int,
    *,
    loses_end: bool = False,
    until: datetime | None = None,
) -> Iterator[Message]:
    """A car that charges with 11 kW, and is driven away in the morning."""
    yield _stands(begun_at - _MINUTE, "Preparing")
    asked = {
        "connectorId": 1,
        "idTag": parked.badge,
        "meterStart": wh,
        "timestamp": _stamp(begun_at),
    }
    yield begun_at, "StartTransaction", asked, {"transactionId": number, **_ACCEPTED}
    yield _stands(begun_at + _MINUTE, "Charging")
    full_at = begun_at + needed_wh / _W * timedelta(hours=1)
    at = slot_starts_at(slot_at(begun_at) + 1)
    while at < min(full_at, until or full_at):
        flowed_wh = int((at - begun_at) / timedelta(hours=1) * _W)
        yield _values(at, wh + flowed_wh, number)
        at += _QUARTER
    if until is not None:
        return
    yield _stands(full_at, "SuspendedEV")
    yield _values(full_at, wh + needed_wh, number)
    left_at = (begun_at + timedelta(days=1)).replace(hour=6, minute=20)
    if not loses_end:
        stop = {
            "transactionId": number,
            "meterStop": wh + needed_wh,
            "timestamp": _stamp(left_at),
            "idTag": parked.badge,
            "reason": "EVDisconnected",
        }
        yield left_at, "StopTransaction", stop, {}
        yield _stands(left_at + _MINUTE, "Available")


def _stands(at: datetime, status: str) -> Message:
    told = {"connectorId": 1, "status": status, "errorCode": "NoError", "timestamp": _stamp(at)}
    return at, "StatusNotification", told, {}


def _values(at: datetime, wh: int, number: int) -> Message:
    sample = {"value": str(wh), "measurand": REGISTER, "unit": "Wh", "context": "Sample.Clock"}
    value = {"timestamp": _stamp(at), "sampledValue": [sample]}
    return at, "MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [value]}, {}


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
