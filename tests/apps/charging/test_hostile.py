"""Whatever a station says within the official schema, its later sessions arise."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartier.apps.charging.counting import count_for, count_waiting
from quartier.apps.charging.folding import fold_waiting
from quartier.apps.charging.models import ChargingMessage, ChargingSession, Folded, StatusChange
from quartier.ocpp.problems import BadPayload
from quartier.ocpp.schemas import check_asked
from quartier.ocpp.versions import Version
from tests.apps.charging.messages import T0, begin, end, keep, minute, station

pytestmark = [pytest.mark.django_db, pytest.mark.db]

TIMES = st.sampled_from(
    (
        "2026-03-01T10:00:00Z", "2026-03-01T10:07:30.123456789Z", "2026-03-01T11:00:00+14:00",
        "2026-03-01T23:59:60Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z", "2026-03-29T02:30:00+01:00", "2026-03-01T10:00:00.5Z",
    )
)  # fmt: skip
NUMBERS = st.sampled_from((0, 1, -1, 2**31 - 1, 2**31, 2**63, -(2**63), 10**30, 1.0, 1e300))
VALUES = st.sampled_from(
    (
        "0", "1", "-1", "NaN", "Infinity", "1e308", "1e-308", "1_000", "١٢", "1.000000000000001",
        "99999999999999999999", "", " 7 ", "0x10", "1,5", "\x00", "999999999999999", "-0.0",
    )
)  # fmt: skip
TEXTS = st.sampled_from(("A", "", "é" * 20, "\x00", "a" * 20, "\ud83d\ude00", "'; --", "<b>", " "))
UNITS = st.sampled_from(("Wh", "kWh", "A", "Celcius", "V"))


@st.composite
def told(draw):
    """A message of 1.6, often one that no honest station sends."""
    number, evse = draw(st.sampled_from((1, 2, 3))), draw(st.one_of(st.just(1), NUMBERS))
    kind = draw(st.integers(0, 4))
    if kind == 0:
        asked = {
            "connectorId": evse,
            "idTag": draw(TEXTS),
            "meterStart": draw(NUMBERS),
            "timestamp": draw(TIMES),
        }
        status = draw(st.sampled_from(("Accepted", "Invalid")))
        return "StartTransaction", asked, {"transactionId": number, "idTagInfo": {"status": status}}
    sampled = {"value": draw(VALUES), "unit": draw(UNITS)}
    meter = [{"timestamp": draw(TIMES), "sampledValue": [sampled]}]
    if kind == 1:
        asked = {"connectorId": evse, "meterValue": meter}
        return (
            "MeterValues",
            {**asked, **draw(st.sampled_from(({}, {"transactionId": number})))},
            {},
        )
    if kind == 2:
        asked = {"transactionId": draw(st.one_of(st.just(number), NUMBERS))}
        asked |= {"meterStop": draw(NUMBERS), "timestamp": draw(TIMES), "transactionData": meter}
        return "StopTransaction", asked, {}
    if kind == 3:
        asked = {"connectorId": evse, "errorCode": "NoError", "info": draw(TEXTS)}
        asked |= {"status": draw(st.sampled_from(("Available", "Charging", "Finishing")))}
        return "StatusNotification", {**asked, "timestamp": draw(TIMES)}, {}
    about = {"chargePointVendor": draw(TEXTS), "chargePointModel": draw(TEXTS)}
    return "BootNotification", about, {"status": "Accepted", "interval": 300, "currentTime": "x"}


@st.composite
def told_by_the_newer(draw):
    """A TransactionEvent of 2.0.1."""
    asked = {
        "eventType": draw(st.sampled_from(("Started", "Updated", "Ended"))),
        "timestamp": draw(TIMES),
        "triggerReason": "Trigger",
        "seqNo": draw(NUMBERS),
        "transactionInfo": {"transactionId": draw(TEXTS)},
    }
    if draw(st.booleans()):
        asked["evse"] = {"id": draw(NUMBERS), "connectorId": draw(NUMBERS)}
    if draw(st.booleans()):
        asked["idToken"] = {"idToken": draw(TEXTS), "type": "ISO14443"}
    measure = {"unit": "Wh", "multiplier": draw(NUMBERS)}
    value = draw(st.sampled_from((0, 1.5, -1, 1e300, 1e15, 0.1)))
    sampled = {"value": value, "unitOfMeasure": measure}
    asked["meterValue"] = [{"timestamp": draw(TIMES), "sampledValue": [sampled]}]
    return "TransactionEvent", asked, {}


def store(row, version, messages):
    """Those that the field server would have let pass: it checks the schema, and PostgreSQL keeps
    no NUL in a text of JSON as it stands, so it is escaped there."""
    last = ChargingMessage.objects.filter(station_id=row.pk).count()
    kept = []
    for action, asked, answer in messages:
        try:
            check_asked(version, action, asked)
        except BadPayload:
            continue
        kept.append((action, asked, answer))
    ChargingMessage.objects.bulk_create(
        ChargingMessage(
            site_id=row.site_id,
            station_id=row.pk,
            number=number,
            received_at=minute(number),
            version=version.value,
            action=action,
            asked=json.dumps(asked),
            answer=json.dumps(answer),
        )
        for number, (action, asked, answer) in enumerate(kept, last + 1)
    )
    return len(kept)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(told(), max_size=12), st.lists(told_by_the_newer(), max_size=6))
def test_later_sessions_arise_whatever_was_said(small, old, new):
    row = station(small.site)
    try:
        count_for(row, small.flat, T0.date(), at=T0, actor="test")
        store(row, Version.V16, old)
        store(row, Version.V201, new)
        keep(row, begin(60 * 24 * 90, 1000, 77), end(60 * 24 * 90 + 30, 2000, 77))
        assert fold_waiting().failed == []
        count_waiting(minute(60 * 24 * 91))
        found = ChargingSession.objects.get(station_id=row.pk, transaction_id="77")
        assert (found.energy_wh, found.stage) == (1000, "ended")
    finally:
        for model in (ChargingMessage, ChargingSession, Folded, StatusChange):
            model.objects.filter(station_id=row.pk).delete()
        meter = row.counting.meter
        row.delete()
        meter.delete()
