"""Our side of a connection: whose turn it is, what waits, what is refused and why."""

import itertools
import json

import pytest

from quartier.ocpp.frames import NO_ID
from quartier.ocpp.leniency import FAULTS
from quartier.ocpp.peer import MOST_WAITING, Answered, Asked, Odd, Peer, QueueFull
from quartier.ocpp.problems import BadPayload, Problem
from quartier.ocpp.schemas import actions
from quartier.ocpp.v16 import actions as v16
from quartier.ocpp.v201 import actions as v201
from quartier.ocpp.versions import Version

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
STOP = {"meterStop": 5, "timestamp": "2026-01-01T00:00:00Z", "transactionId": 1}


def peer(version=Version.V16, **more):
    numbers = itertools.count(1)
    made = Peer(version, lambda: f"m{next(numbers)}", **more)
    made.connected()
    return made


def sent(one, now_s=0.0):
    return [json.loads(text) for text in one.to_send(now_s)]


def call(action, payload, message_id="s1"):
    return json.dumps([2, message_id, action, payload])


def test_who_asks_is_answered():
    one = peer()
    asked = one.receive(call("BootNotification", BOOT))
    assert asked == Asked("s1", "BootNotification", BOOT)
    answer = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 300}
    one.answer(asked, answer)
    assert sent(one) == [[3, "s1", answer]]


@pytest.mark.parametrize(
    ("version", "action", "payload", "code"),
    [
        (Version.V16, "Boot", {}, "NotImplemented"),
        (
            Version.V16,
            "BootNotification",
            {"chargePointVendor": "V"},
            "OccurenceConstraintViolation",
        ),
        (Version.V16, "BootNotification", {**BOOT, "x": 1}, "FormationViolation"),
        (Version.V16, "BootNotification", [], "FormationViolation"),
        (Version.V16, "BootNotification", None, "FormationViolation"),
        (
            Version.V16,
            "BootNotification",
            {**BOOT, "chargePointModel": 1},
            "TypeConstraintViolation",
        ),
        (
            Version.V16,
            "BootNotification",
            {**BOOT, "chargePointModel": "x" * 21},
            "PropertyConstraintViolation",
        ),
        (
            Version.V16,
            "StopTransaction",
            {**STOP, "timestamp": "now"},
            "PropertyConstraintViolation",
        ),
        (Version.V201, "BootNotification", {"x": 1}, "OccurenceConstraintViolation"),
        (Version.V201, "BootNotification", 7, "FormatViolation"),
        (Version.V21, "BootNotification", {"reason": "PowerUp"}, "OccurrenceConstraintViolation"),
        (Version.V201, "BootNotified", {}, "NotImplemented"),
        (Version.V16, "Reset", {"type": "Soft"}, "NotSupported"),
        (Version.V201, "SetVariables", {}, "NotSupported"),
        (Version.V21, "SetVariables", {}, "NotSupported"),
    ],
)
def test_each_violation_has_the_code_of_its_version(version, action, payload, code):
    one = peer(version)
    assert isinstance(one.receive(call(action, payload)), Odd)
    ((kind, message_id, found, text, _),) = sent(one)
    assert (kind, message_id, found) == (4, "s1", code)
    assert 0 < len(text) <= 255


def test_both_spellings_of_the_unit_are_the_schemas_own():
    for unit in ("Celsius", "Celcius"):
        value = {"value": "21", "measurand": "Temperature", "unit": unit}
        data = [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [value]}]
        one = peer()
        assert isinstance(
            one.receive(call("StopTransaction", {**STOP, "transactionData": data})), Asked
        )


def test_faults_of_stations_are_put_right_only_where_they_are_named():
    odd = {**STOP, "timestamp": "2026-01-01T00:00:00.5", "meterStop": "5.4"}
    assert isinstance(peer().receive(call("StopTransaction", odd)), Odd)
    one = peer(lenient=("utc_without_zone", "registers_as_texts"))
    asked = one.receive(call("StopTransaction", odd))
    assert asked.payload == {**STOP, "timestamp": "2026-01-01T00:00:00.5Z", "meterStop": 5}
    values = {"connectorId": 1, "meterValue": [{"timestamp": STOP["timestamp"]}]}
    values["meterValue"][0]["sampledValue"] = [{"value": 7.25}]
    one = peer(lenient=tuple(FAULTS))
    asked = one.receive(call("MeterValues", values))
    assert asked.payload["meterValue"][0]["sampledValue"] == [{"value": "7.25"}]
    deep = call("DataTransfer", {"vendorId": "v", "data": "x"})
    assert isinstance(one.receive(deep), Asked)
    for levels in (300, 900, 3000):
        nested = "[" * levels + "]" * levels
        for lenient in ((), tuple(FAULTS)):
            one = peer(lenient=lenient)
            assert isinstance(one.receive(f'[2,"s","MeterValues",{nested}]'), Odd)
            assert sent(one)[0][2] == "FormationViolation"


def test_one_call_at_a_time_and_the_next_when_it_is_answered():
    one = peer()
    first = one.ask("Reset", {"type": "Soft"})
    second = one.ask("ClearCache", {})
    assert [frame[2] for frame in sent(one)] == ["Reset"]
    assert sent(one) == []
    assert one.receive('[3,"m2",{"status":"Accepted"}]') is None, "not asked yet"
    assert one.receive('[3,"m1",{"status":"Accepted"}]') == Answered(
        first, "Reset", {"status": "Accepted"}
    )
    assert one.receive('[3,"m1",{"status":"Accepted"}]') is None, "twice"
    assert [frame[2] for frame in sent(one)] == ["ClearCache"]
    refused = one.receive('[4,"m2","NotSupported","no cache",{}]')
    assert refused == Answered(second, "ClearCache", None, "NotSupported", "no cache")


def test_a_call_without_an_answer_is_given_up_and_the_next_goes():
    one = peer()
    first = one.ask("Reset", {"type": "Soft"}, timeout_s=10)
    one.ask("ClearCache", {})
    sent(one, 5.0)
    assert one.deadline_s == 15
    assert one.expire(14.9) is None
    assert one.expire(15) == Answered(first, "Reset", None, "Timeout", "no answer within 10 s")
    assert [frame[2] for frame in sent(one, 15)] == ["ClearCache"]
    assert one.receive('[3,"m1",{"status":"Accepted"}]') is None, "late"


def test_what_has_to_survive_the_connection_is_asked_again_in_its_place():
    one = peer()
    kept = one.ask("ChangeConfiguration", {"key": "a", "value": "1"}, survives=True)
    lost = one.ask("Reset", {"type": "Soft"})
    last = one.ask("ChangeConfiguration", {"key": "b", "value": "2"}, survives=True)
    sent(one)
    assert [(found.call_id, found.code) for found in one.disconnected()] == [(lost, "Lost")]
    assert sent(one) == [], "nobody is there"
    one.connected()
    ((_, message_id, _, payload),) = sent(one)
    assert (message_id, payload["key"]) == ("m1", "a")
    assert one.receive('[3,"m1",{"status":"Accepted"}]').call_id == kept
    ((*_, payload),) = sent(one)
    assert payload["key"] == "b"
    assert last


def test_what_we_say_is_checked_too():
    one = peer()
    with pytest.raises(BadPayload):
        one.ask("Reset", {"type": "Gentle"})
    asked = one.receive(call("Heartbeat", {}))
    with pytest.raises(BadPayload):
        one.answer(asked, {"currentTime": "soon"})
    assert sent(one) == [[4, "s1", "InternalError", "the answer could not be made", {}]]
    one.ask("Reset", {"type": "Soft"})
    sent(one)
    bad = one.receive('[3,"m1",{"status":"Perhaps"}]')
    assert (bad.payload, bad.code) == (None, "BadAnswer")


def test_no_more_waits_than_may():
    one = peer()
    for _ in range(MOST_WAITING):
        one.ask("ClearCache", {})
    with pytest.raises(QueueFull):
        one.ask("ClearCache", {})


def test_two_sides_never_answer_errors_with_errors():
    one = peer(Version.V201)
    assert isinstance(one.receive("nonsense"), Odd)
    ((kind, message_id, code, *_),) = sent(one)
    assert (kind, message_id, code) == (4, NO_ID, "RpcFrameworkError")
    assert isinstance(one.receive(json.dumps([4, NO_ID, "RpcFrameworkError", "", {}])), Odd)
    assert isinstance(one.receive("[4]"), Odd)
    assert sent(one) == []


@pytest.mark.parametrize(("version", "table"), [(Version.V16, v16), (Version.V201, v201)])
def test_every_action_is_asked_by_one_side_and_data_transfer_by_both(version, table):
    assert actions(version) == table.BY_STATION | table.TO_STATION
    assert {"DataTransfer"} == table.BY_STATION & table.TO_STATION


def test_we_refuse_in_words_of_the_version():
    one = peer()
    asked = one.receive(call("Heartbeat", {}))
    one.refuse(asked, Problem.NOT_SUPPORTED, "not here")
    assert sent(one)[0][2] == "NotSupported"
