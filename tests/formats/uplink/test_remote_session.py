"""The signatures of the remote connection: nothing that is changed, repeated or turned round is
taken."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.uplink.remote_session import (
    Seal,
    Side,
    answer_of,
    check_answer,
    check_request,
    request_of,
)
from quartier.formats.uplink.signature import NotSigned, signature_of
from quartier.formats.uplink.strict import BadMessage

KEY = bytes(range(32))
AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
REQUEST = request_of(KEY, "linde", now=AT, nonce="0a" * 16)
ANSWER = answer_of(KEY, REQUEST, now=AT, nonce="0b" * 16)


def seals(key=KEY, request=REQUEST, answer=ANSWER):
    return (Seal(key, request, answer, side) for side in (Side.GATEWAY, Side.PLATFORM))


def test_both_know_each_other_by_their_signatures():
    check_request(signature_of(REQUEST.headers), KEY, now=AT)
    check_answer(signature_of(ANSWER.headers), REQUEST, KEY, now=AT)


def test_the_frame_is_what_the_document_says():
    """Made here anew, from docs/uplink.md."""
    session = hmac.new(
        KEY, b"quartier remote session 1\n" + b"0a" * 16 + b"\n" + b"0b" * 16, hashlib.sha256
    ).digest()
    mac = hmac.new(session, b'platform\n1\n{"version":1}', hashlib.sha256).hexdigest()
    gateway, platform = seals()
    assert platform.close(b'{"version":1}') == mac + '{"version":1}'
    assert gateway.open(mac + '{"version":1}') == b'{"version":1}'


@pytest.mark.parametrize(
    ("signature", "says"),
    [
        (answer_of(bytes(32), REQUEST, now=AT, nonce="0b" * 16), "is not the gateway's"),
        (answer_of(KEY, REQUEST, now=AT - timedelta(hours=1), nonce="0b" * 16), "clock is"),
        (REQUEST, "sent back"),
        (
            answer_of(
                KEY, request_of(KEY, "ahorn", now=AT, nonce="0a" * 16), now=AT, nonce="0b" * 16
            ),
            "for another gateway",
        ),
        (
            answer_of(
                KEY, request_of(KEY, "linde", now=AT, nonce="0c" * 16), now=AT, nonce="0b" * 16
            ),
            "is not the gateway's",
        ),
    ],
)
def test_an_answer_of_somebody_else_is_refused(signature, says):
    with pytest.raises(NotSigned, match=says):
        check_answer(signature, REQUEST, KEY, now=AT)


@given(st.lists(st.text(max_size=50).map(str.encode), max_size=8))
def test_messages_arrive_in_their_order(messages):
    gateway, platform = seals()
    assert [platform.open(gateway.close(one)) for one in messages] == messages
    assert [gateway.open(platform.close(one)) for one in messages] == messages


def test_a_message_is_good_once_in_one_direction_of_one_connection():
    gateway, platform = seals()
    frame = gateway.close(b"{}")
    assert platform.open(frame) == b"{}"
    with pytest.raises(NotSigned):
        platform.open(frame)
    gateway, platform = seals()
    with pytest.raises(NotSigned):
        gateway.open(gateway.close(b"{}"))
    other = answer_of(KEY, REQUEST, now=AT, nonce="0c" * 16)
    _gateway, platform = seals(answer=other)
    with pytest.raises(NotSigned):
        platform.open(frame)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_frames_of_anybody_else_are_refused(frame):
    _gateway, platform = seals()
    with pytest.raises((NotSigned, BadMessage)):
        platform.open(frame)


@given(st.data())
def test_a_frame_with_another_letter_is_refused(data):
    gateway, platform = seals()
    frame = gateway.close(b'{"id":7,"state":"done"}')
    at = data.draw(st.integers(0, len(frame) - 1))
    letter = data.draw(st.characters().filter(lambda one: one != frame[at]))
    with pytest.raises((NotSigned, BadMessage)):
        platform.open(frame[:at] + letter + frame[at + 1 :])
