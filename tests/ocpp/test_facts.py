"""What stations say, in one set of words; stations' faults become findings, not guesses."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.charging.facts import (
    REGISTER,
    Booted,
    ChargingState,
    IdToken,
    Measured,
    Sample,
    SignedValue,
    Status,
    StatusTold,
    Step,
    TransactionTold,
)
from quartier.ocpp.facts import fact_of
from quartier.ocpp.peer import Asked, Peer
from quartier.ocpp.samples import Unreadable, instant
from quartier.ocpp.versions import Version

V16, V201, V21 = Version
NOW = "2026-01-01T12:00:00Z"
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = "2026-01-01T14:15:00+02:00"
LATER_AT = datetime(2026, 1, 1, 12, 15, tzinfo=UTC)
ACCEPTED = {"idTagInfo": {"status": "Accepted"}}


def read(version, action, payload, answer=None):
    """The fact, as a station's message on its way through the schema."""
    one = Peer(version, lambda: "m")
    one.connected()
    asked = one.receive(json.dumps([2, "s", action, payload]))
    assert isinstance(asked, Asked), one.to_send(0)
    return fact_of(version, action, asked.payload, answer or {})


def wh(value, at=AT, context="Sample.Periodic"):
    return Sample(at, REGISTER, Decimal(value), "Wh", context, "Outlet", "")


def test_a_start_of_1_6_gets_its_number_from_our_answer():
    start = {"connectorId": 2, "idTag": "04a1", "meterStart": 1500, "timestamp": NOW}
    told, findings = read(V16, "StartTransaction", start, {"transactionId": 7, **ACCEPTED})
    assert findings == []
    assert told == TransactionTold(
        AT,
        Step.STARTED,
        "7",
        2,
        1,
        IdToken("04a1"),
        samples=(wh(1500, context="Transaction.Begin"),),
    )
    refused = {"transactionId": 8, "idTagInfo": {"status": "ConcurrentTx"}}
    told, _ = read(V16, "StartTransaction", start, refused)
    assert (told.transaction_id, told.is_refused) == ("8", True)


@pytest.mark.parametrize("unit", ["Celcius", "Celsius"])
def test_a_stop_of_1_6_with_both_spellings_of_a_unit(unit):
    heat = {"value": "21.5", "measurand": "Temperature", "unit": unit, "location": "Body"}
    begin = {"value": "1.5", "unit": "kWh", "context": "Transaction.Begin"}
    signed = {"value": "OCMF|{}|{}", "format": "SignedData", "context": "Transaction.End"}
    stop = {
        "meterStop": 9000,
        "timestamp": LATER,
        "transactionId": 7,
        "reason": "EVDisconnected",
        "transactionData": [
            {"timestamp": NOW, "sampledValue": [begin, heat]},
            {"timestamp": LATER, "sampledValue": [signed]},
        ],
    }
    told, findings = read(V16, "StopTransaction", stop)
    assert findings == []
    assert told == TransactionTold(
        LATER_AT,
        Step.ENDED,
        "7",
        stopped="EVDisconnected",
        samples=(
            wh("1500", context="Transaction.Begin"),
            Sample(AT, "Temperature", Decimal("21.5"), "Celsius", "Sample.Periodic", "Body", ""),
            wh(9000, LATER_AT, "Transaction.End"),
        ),
        signed=(SignedValue(LATER_AT, "Transaction.End", "OCMF|{}|{}"),),
    )


def test_meter_values_of_1_6_belong_to_a_transaction_or_to_nobody():
    clock = {"value": " 12345.678 ", "context": "Sample.Clock"}
    power = {"value": "7.4", "measurand": "Power.Active.Import", "unit": "kW", "phase": "L1"}
    values = {"connectorId": 1, "meterValue": [{"timestamp": NOW, "sampledValue": [clock, power]}]}
    samples = (
        wh("12345.678", context="Sample.Clock"),
        Sample(AT, "Power.Active.Import", Decimal(7400), "W", "Sample.Periodic", "Outlet", "L1"),
    )
    assert read(V16, "MeterValues", values) == (Measured(1, samples), [])
    told, _ = read(V16, "MeterValues", {**values, "transactionId": 7})
    assert told == TransactionTold(AT, Step.UPDATED, "7", 1, 1, samples=samples)


@pytest.mark.parametrize(
    ("told", "status", "state"),
    [
        ("Available", Status.AVAILABLE, None),
        ("Preparing", Status.OCCUPIED, None),
        ("Charging", Status.OCCUPIED, ChargingState.CHARGING),
        ("SuspendedEV", Status.OCCUPIED, ChargingState.SUSPENDED_EV),
        ("SuspendedEVSE", Status.OCCUPIED, ChargingState.SUSPENDED_EVSE),
        ("Finishing", Status.OCCUPIED, ChargingState.EV_CONNECTED),
        ("Reserved", Status.RESERVED, None),
        ("Unavailable", Status.UNAVAILABLE, None),
        ("Faulted", Status.FAULTED, None),
    ],
)
def test_each_status_of_1_6(told, status, state):
    payload = {"connectorId": 1, "errorCode": "NoError", "status": told}
    assert read(V16, "StatusNotification", payload)[0] == StatusTold(None, 1, 1, status, state)
    whole = {"connectorId": 0, "errorCode": "GroundFailure", "status": told, "timestamp": NOW}
    expected = StatusTold(AT, 0, 0, status, state, "GroundFailure")
    assert read(V16, "StatusNotification", whole)[0] == expected


def event(**more):
    return {
        "eventType": "Started",
        "timestamp": NOW,
        "triggerReason": "Authorized",
        "seqNo": 3,
        "transactionInfo": {"transactionId": "a-b"},
        **more,
    }


@pytest.mark.parametrize("version", [V201, V21])
def test_a_transaction_of_2_0_1(version):
    value = {"value": 1.2345, "unitOfMeasure": {"unit": "kWh", "multiplier": 1.0}}
    signed = {
        "signedMeterData": "T0NNRg==", "signingMethod": "", "encodingMethod": "OCMF",
        "publicKey": "key",
    }  # fmt: skip
    both = {"value": 5, "signedMeterValue": signed, "context": "Transaction.Begin"}
    payload = event(
        evse={"id": 2, "connectorId": 1},
        idToken={"idToken": "04A1", "type": "ISO14443"},
        offline=True,
        seqNo=3.0,
        meterValue=[{"timestamp": NOW, "sampledValue": [value, both]}],
        transactionInfo={"transactionId": "a-b", "chargingState": "Charging", "remoteStartId": 4},
    )
    told, findings = read(version, "TransactionEvent", payload)
    assert findings == []
    assert told == TransactionTold(
        AT,
        Step.STARTED,
        "a-b",
        2,
        1,
        IdToken("04A1", "ISO14443"),
        "Authorized",
        ChargingState.CHARGING,
        "",
        3,
        is_offline=True,
        remote_start_id=4,
        samples=(wh("12345"), wh(5, context="Transaction.Begin")),
        signed=(SignedValue(AT, "Transaction.Begin", "T0NNRg==", "OCMF", "", "key"),),
    )
    refused, _ = read(version, "TransactionEvent", payload, {"idTokenInfo": {"status": "Blocked"}})
    assert refused.is_refused


def test_what_2_0_1_leaves_out_is_what_it_means_by_it():
    told, _ = read(V201, "TransactionEvent", event(eventType="Ended"))
    assert (told.stopped, told.evse_id, told.token) == ("Local", None, None)
    nobody = {"idToken": "", "type": "NoAuthorization"}
    assert read(V201, "TransactionEvent", event(idToken=nobody))[0].token is None
    status = {"timestamp": NOW, "connectorStatus": "Occupied", "evseId": 1, "connectorId": 2}
    assert read(V201, "StatusNotification", status)[0] == StatusTold(AT, 1, 2, Status.OCCUPIED)


def test_boots_of_both():
    old = {"chargePointVendor": "V", "chargePointModel": "M", "chargeBoxSerialNumber": "S"}
    assert read(V16, "BootNotification", old)[0] == Booted("V", "M", "S", "", "")
    new = {"reason": "Watchdog", "chargingStation": {"vendorName": "V", "model": "M"}}
    assert read(V201, "BootNotification", new)[0] == Booted("V", "M", "", "", "Watchdog")
    assert read(V16, "Heartbeat", {}) == (None, [])


@pytest.mark.parametrize(
    "odd",
    [
        {"value": "NaN"},
        {"value": "1e400"},
        {"value": "-Infinity"},
        {"value": ""},
        {"value": "1,5"},
        {"value": "7", "unit": "A"},
        {"value": "7", "unit": "kvarh"},
        {"value": "1" * 16},
    ],
)
def test_a_value_that_is_none_is_left_out_and_said(odd):
    good = {"value": "1"}
    values = {"connectorId": 1, "meterValue": [{"timestamp": NOW, "sampledValue": [odd, good]}]}
    told, (found,) = read(V16, "MeterValues", values)
    assert told == Measured(1, (wh(1),))
    assert found.code == "charging.no_number"
    values["meterValue"][0]["sampledValue"] = [odd]
    assert read(V16, "MeterValues", values)[0] is None


def test_a_multiplier_beyond_all_measure_is_no_number():
    for multiplier in (99, -(10**30)):
        value = {"value": 1, "unitOfMeasure": {"multiplier": multiplier}}
        payload = event(meterValue=[{"timestamp": NOW, "sampledValue": [value]}])
        told, (found,) = read(V201, "TransactionEvent", payload)
        assert (told.samples, found.code) == ((), "charging.no_number")


def test_a_date_that_no_calendar_has_is_said():
    start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "0000-01-01T00:00:00Z"}
    told, (found,) = read(V16, "StartTransaction", start, {"transactionId": 1})
    assert (told, found.code) == (None, "charging.no_date")
    for text in ("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"):
        with pytest.raises(Unreadable):
            instant(text)
    assert instant("2026-01-01t12:00:00z") == instant("2026-01-01T13:00:00.000000000+01:00") == AT


@given(st.decimals(0, 10**11, places=3), st.sampled_from(["", "Wh", "kWh"]))
def test_a_register_keeps_all_its_digits(value, unit):
    sampled = {"value": str(value)} | ({"unit": unit} if unit else {})
    values = {"connectorId": 1, "meterValue": [{"timestamp": NOW, "sampledValue": [sampled]}]}
    told, _ = fact_of(V16, "MeterValues", values, {})
    assert told.samples[0].value == value * (1000 if unit == "kWh" else 1)


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        ({"value": "1000000000000", "unit": "kWh"}, "charging.no_number"),
        ({"value": "1e15"}, "charging.no_number"),
    ],
)
def test_more_than_any_register_shows_is_left_out_and_said(sample, code):
    value = {"timestamp": NOW, "sampledValue": [sample, {"value": "5"}]}
    told, (found,) = fact_of(V16, "MeterValues", {"connectorId": 1, "meterValue": [value]}, {})
    assert [one.value for one in told.samples] == [5]
    assert found.code == code


@pytest.mark.parametrize("connector", [2**31, 10**30, -1])
def test_a_number_that_nothing_has_leaves_the_message_out_and_says_so(connector):
    values = {"connectorId": connector, "meterValue": [{"timestamp": NOW, "sampledValue": []}]}
    values["meterValue"][0]["sampledValue"] = [{"value": "5"}]
    told, (found,) = fact_of(V16, "MeterValues", values, {})
    assert (told, found.code) == (None, "charging.no_such_number")


def test_a_begin_without_a_possible_register_is_a_begin_still():
    asked = {"connectorId": 1, "idTag": "A\x00B", "meterStart": 10**30, "timestamp": NOW}
    told, (found,) = fact_of(V16, "StartTransaction", asked, {"transactionId": 7})
    assert (told.transaction_id, told.samples, told.token.text) == ("7", (), "A\ufffdB")
    assert found.code == "charging.no_number"


@pytest.mark.parametrize("folder", ["v201", "v21"])
def test_our_words_are_the_schemas_words(folder):
    def words(message, name):
        path = files("ocpp").joinpath(folder, "schemas", f"{message}Request.json")
        return set(json.loads(path.read_text("utf-8-sig"))["definitions"][name]["enum"])

    assert words("StatusNotification", "ConnectorStatusEnumType") == set(Status)
    assert words("TransactionEvent", "ChargingStateEnumType") == set(ChargingState)
    assert words("TransactionEvent", "TransactionEventEnumType") == set(Step)
