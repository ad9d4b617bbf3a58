"""Pairing, reports and answers come back as they were; what is none is refused."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.findings import Severity
from quartier.formats.uplink import answers, pairing, reports
from quartier.formats.uplink.strict import BadMessage

AT = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
INSTANTS = st.integers(31_536_000_000, 4_102_444_799_999).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
LINES = st.text(max_size=63).filter(str.isprintable)
CODES = st.from_regex(r"[a-z][a-z0-9_]{0,9}\.[a-z][a-z0-9_]{0,9}", fullmatch=True)
NAMES = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._:*\-]{0,20}", fullmatch=True)
NONCE = "0f" * 16
READERS = [
    pairing.decode_request,
    pairing.decode_answer,
    reports.decode,
    lambda data: answers.decode(data, is_to_batch=True),
    lambda data: answers.decode(data, is_to_batch=False),
    answers.decode_refusal,
]


@given(st.integers(0, (1 << 60) - 1))
def test_a_code_is_read_as_a_person_types_it(number):
    code = pairing.code_from(number)
    assert pairing.code_of(code) == code
    assert pairing.code_of(f" {code.lower().replace('-', '')} ") == code
    assert pairing.code_of(code.replace("0", "o").replace("1", "l")) == code
    assert pairing.code_of(f"https://quartier.example/pair#{code}") == code


def test_two_numbers_have_two_codes():
    assert pairing.code_from(0) == "0000-0000-0000"
    assert pairing.code_from((1 << 60) - 1) == "ZZZZ-ZZZZ-ZZZZ"
    assert pairing.code_from(1) == "0000-0000-0001"
    with pytest.raises(ValueError, match="60 bits"):
        pairing.code_from(1 << 60)


@pytest.mark.parametrize("typed", ["", "4T7K-9QZM", "4T7K-9QZM-2XH0-1", "4T7K-9QZM-2XHU", "é" * 12])
def test_what_is_no_code_is_refused(typed):
    with pytest.raises(BadMessage, match="a code is 12 letters and digits"):
        pairing.code_of(typed)


@given(st.integers(0, (1 << 60) - 1), LINES)
def test_a_pairing_request_comes_back(number, serial):
    request = pairing.PairingRequest(pairing.code_from(number), NONCE, "0.1.0", serial)
    assert pairing.decode_request(pairing.encode_request(request)) == request


@given(NAMES, st.binary(min_size=32, max_size=32), INSTANTS)
def test_a_pairing_answer_comes_back(name, key, time):
    answer = pairing.PairingAnswer(name, key, time)
    assert pairing.decode_answer(pairing.encode_answer(answer)) == answer


def test_a_key_is_never_shown():
    answer = pairing.PairingAnswer("gw", b"\xab" * 32, AT)
    assert "ab" * 4 not in repr(answer)
    assert "xab" not in repr(answer)
    content = {"version": 1, "gateway": "gw", "key": "ab" * 31, "time_ms": 10**12}
    with pytest.raises(BadMessage) as refused:
        pairing.decode_answer(json.dumps(content).encode())
    assert "abab" not in str(refused.value)


@st.composite
def noticed(draw):
    return reports.Noticed(
        draw(CODES),
        draw(LINES),
        draw(st.sampled_from(Severity)),
        draw(INSTANTS),
        draw(st.one_of(st.just(""), NAMES)),
    )


@given(st.integers(0, 10**6), INSTANTS, INSTANTS, st.lists(noticed(), max_size=3))
def test_a_report_comes_back(waiting, started_at, oldest_at, found):
    oldest = oldest_at if waiting else None
    report = reports.Report("0.1.0", 17, started_at, waiting, oldest, 4096, tuple(found))
    assert reports.decode(reports.encode(report)) == report


def test_a_report_of_what_waits_since_never_is_refused():
    with pytest.raises(BadMessage, match="oldest_ms belongs to what is waiting"):
        reports.encode(reports.Report("0.1.0", 0, AT, 3, None, 0))


@given(
    INSTANTS,
    st.integers(0, 10**9),
    st.lists(st.builds(answers.Told, CODES, LINES), max_size=3),
    st.one_of(st.none(), st.integers(0, 10**12)),
)
def test_an_answer_comes_back(time, number, found, kept):
    answer = answers.Answer(time, number, tuple(found), kept)
    data = answers.encode(answer)
    assert answers.decode(data, is_to_batch=kept is not None) == answer
    with pytest.raises(BadMessage):
        answers.decode(data, is_to_batch=kept is None)


def test_a_refusal_is_one_sentence():
    assert answers.decode_refusal(answers.encode_refusal("Not now.")) == "Not now."
    with pytest.raises(BadMessage, match="error is not a text"):
        answers.encode_refusal("two\nlines")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("data", [b"", b"{}", b'{"version":1}', b"[" * 90_000, b"\0" * (2 << 20)])
def test_hostile_bytes_are_refused(reader, data):
    with pytest.raises(BadMessage):
        reader(data)


FIELDS = [
    *("version", "code", "nonce", "software", "serial", "gateway", "key", "time_ms", "findings"),
    *("configuration", "kept", "buffer", "started_ms", "error"),
]
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=9), st.lists(st.integers())
)


@given(st.sampled_from(READERS), st.dictionaries(st.sampled_from(FIELDS), ODD))
def test_odd_fields_are_refused_in_one_sentence(reader, content):
    content["version"] = 1
    content["x"] = 1
    with pytest.raises(BadMessage) as refused:
        reader(json.dumps(content).encode())
    assert "\n" not in str(refused.value)
