"""Messages of a station as the field server keeps them, for tests."""

import json
from datetime import UTC, datetime, timedelta

from quartier.apps.charging import operations
from quartier.apps.charging.models import ChargingMessage
from quartier.ocpp.schemas import check_answer, check_asked
from quartier.ocpp.versions import Version

T0 = datetime(2026, 3, 1, 10, tzinfo=UTC)
ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
REGISTER = "Energy.Active.Import.Register"


def minute(minutes):
    return T0 + timedelta(minutes=minutes)


def stamp(minutes):
    return minute(minutes).isoformat().replace("+00:00", "Z")


def station(site, identity="TACW*1", **more):
    wanted = {"needs_password": False, "is_free": True, "at": T0, "actor": "test", **more}
    found, _ = operations.add(site, identity, identity, **wanted)
    return found


def begin(minutes, wh, number=1, *, evse=1, tag="04A1B2C3", status="Accepted"):
    asked = {"connectorId": evse, "idTag": tag, "meterStart": wh, "timestamp": stamp(minutes)}
    answer = {"transactionId": number, "idTagInfo": {"status": status}}
    return minutes, "StartTransaction", asked, answer


def values(minutes, wh, number=1, *, evse=1, told_at=None):
    sampled = [{"value": str(wh), "measurand": REGISTER, "unit": "Wh"}]
    at = stamp(minutes if told_at is None else told_at)
    asked = {"connectorId": evse, "meterValue": [{"timestamp": at, "sampledValue": sampled}]}
    if number is not None:
        asked["transactionId"] = number
    return minutes, "MeterValues", asked, {}


def end(minutes, wh, number=1, *, told_at=None):
    at = stamp(minutes if told_at is None else told_at)
    asked = {"transactionId": number, "meterStop": wh, "timestamp": at, "reason": "Local"}
    return minutes, "StopTransaction", asked, {}


def stands(minutes, status, evse=1):
    asked = {
        "connectorId": evse,
        "status": status,
        "errorCode": "NoError",
        "timestamp": stamp(minutes),
    }
    return minutes, "StatusNotification", asked, {}


def keep(station, *messages, version=Version.V16, late_s=1):
    """Store ``messages`` as the next ones of ``station``, in the order in which they are given."""
    own = ChargingMessage.objects.filter(site_id=station.site_id, station_id=station.pk)
    last = own.order_by("-number").values_list("number", flat=True).first() or 0
    rows = []
    for number, (minutes, action, asked, answer) in enumerate(messages, last + 1):
        check_asked(version, action, asked)
        check_answer(version, action, answer)
        rows.append(
            ChargingMessage(
                site_id=station.site_id,
                station_id=station.pk,
                number=number,
                received_at=minute(minutes) + timedelta(seconds=late_s),
                version=version.value,
                action=action,
                asked=json.dumps(asked),
                answer=json.dumps(answer),
            )
        )
    ChargingMessage.objects.bulk_create(rows)
