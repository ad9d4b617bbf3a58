"""Frames in and out; whatever comes is a frame or a refusal in the version's own words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.ocpp.frames import NO_ID, BadFrame, Call, Error, Result, decode, encode, refusal
from quartier.ocpp.problems import CODES, Problem
from quartier.ocpp.versions import Version

V16, V201, V21 = Version
IDS = st.text(min_size=1, max_size=36)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
)
OBJECTS = st.dictionaries(st.text(max_size=9), JSON, max_size=4)
FRAMES = (
    st.builds(Call, IDS, st.text(min_size=1, max_size=64), JSON)
    | st.builds(Result, IDS, JSON)
    | st.builds(Error, IDS, st.text(max_size=64), st.text(max_size=255), OBJECTS)
)


@given(FRAMES, st.sampled_from(list(Version)))
def test_they_come_back_as_they_were(frame, version):
    assert decode(encode(frame), version) == frame


BAD = [
    ("", Problem.FRAME, NO_ID, False),
    ("{}", Problem.FRAME, NO_ID, False),
    ("[]", Problem.FRAME, NO_ID, False),
    ('["2","a","Heartbeat",{}]', Problem.FRAME, NO_ID, False),
    ("[2.0]", Problem.FRAME, NO_ID, False),
    ("[true,1]", Problem.FRAME, NO_ID, False),
    ("[2]", Problem.FRAME, NO_ID, False),
    ('[2,"","Heartbeat",{}]', Problem.FRAME, NO_ID, False),
    (json.dumps([2, "x" * 37, "Heartbeat", {}]), Problem.FRAME, NO_ID, False),
    ('[2,7,"Heartbeat",{}]', Problem.FRAME, NO_ID, False),
    ('[2,"a","Heartbeat"]', Problem.FRAME, "a", False),
    ('[2,"a","Heartbeat",{},1]', Problem.FRAME, "a", False),
    ('[2,"a",7,{}]', Problem.FRAME, "a", False),
    ('[2,"a","",{}]', Problem.FRAME, "a", False),
    ('[3,"a"]', Problem.FRAME, NO_ID, True),
    ("[3]", Problem.FRAME, NO_ID, True),
    ("[4]", Problem.FRAME, NO_ID, True),
    ('[2,"a","Heartbeat",{"x":NaN}]', Problem.FRAME, NO_ID, False),
    ("[" * 100_000, Problem.FRAME, NO_ID, False),
    ('[2,"a","Heartbeat",' + '{"a":' * 100_000, Problem.FRAME, NO_ID, False),
    (b"\xff\xfe[", Problem.FRAME, NO_ID, False),
]


@pytest.mark.parametrize(("text", "problem", "message_id", "is_ignored"), BAD)
def test_what_is_none_is_refused_by_its_id_or_by_none(text, problem, message_id, is_ignored):
    with pytest.raises(BadFrame) as bad:
        decode(text, V16)
    found = bad.value
    assert (found.problem, found.message_id, found.is_ignored) == (problem, message_id, is_ignored)


def test_an_unknown_message_type_is_ignored_by_1_6_and_answered_by_the_others():
    for version, is_ignored in ((V16, True), (V201, False), (V21, False)):
        with pytest.raises(BadFrame) as bad:
            decode('[9,"a",{}]', version)
        assert (bad.value.problem, bad.value.is_ignored) == (Problem.MESSAGE_TYPE, is_ignored)
    for kind in (5, 6):
        with pytest.raises(BadFrame, match="not served yet"):
            decode(f'[{kind},"a","x",{{}}]', V21)


def test_each_problem_has_a_code_in_each_version_and_its_own_spelling():
    for version in Version:
        assert set(CODES[version]) == set(Problem)
    words = {version: {one.value: CODES[version][one] for one in Problem} for version in Version}
    assert [words[v]["occurrence"] for v in Version] == [
        "OccurenceConstraintViolation",
        "OccurenceConstraintViolation",
        "OccurrenceConstraintViolation",
    ]
    assert [words[v]["syntax"] for v in Version] == [
        "FormationViolation",
        "FormatViolation",
        "FormatViolation",
    ]
    assert words[V201]["frame"] == "RpcFrameworkError"
    assert {words[v]["unknown_action"] for v in Version} == {"NotImplemented"}
    assert {words[v]["not_supported"] for v in Version} == {"NotSupported"}
    told = refusal(V16, "a", Problem.VALUE, "x" * 999)
    assert json.loads(encode(told)) == [4, "a", "PropertyConstraintViolation", "x" * 255, {}]
