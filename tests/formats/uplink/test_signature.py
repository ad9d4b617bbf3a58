"""Only what the holder of the key signed just now, as what it is, passes."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.uplink.signature import (
    MOST_SKEW_SECONDS,
    NotSigned,
    check,
    sign,
    signature_of,
)

KEY = bytes(range(32))
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
POST = "POST /api/gateway/batches"


def signed(body=b"x", what=POST, key=KEY, now=NOW):
    return sign(key, gateway="gw-1", now=now, nonce="0" * 32, what=what, body=body)


def test_a_signature_is_that_of_its_description():
    text = f"gw-1\n{int(NOW.timestamp())}\n{'0' * 32}\n{POST}\n{hashlib.sha256(b'x').hexdigest()}"
    assert signed().value == hmac.new(KEY, text.encode(), "sha256").hexdigest()


def test_what_was_signed_passes_through_headers():
    lower = {name.lower(): value for name, value in signed().headers.items()}
    assert signature_of(lower) == signed()
    check(signature_of(lower), KEY, now=NOW, what=POST, body=b"x")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"key": bytes(32)}, "not the gateway's"),
        ({"body": b"y"}, "not the gateway's"),
        ({"what": "POST /api/gateway/config"}, "not the gateway's"),
        ({"now": NOW + timedelta(seconds=MOST_SKEW_SECONDS + 1)}, "301 s behind"),
        ({"now": NOW - timedelta(seconds=MOST_SKEW_SECONDS + 1)}, "301 s ahead"),
    ],
)
def test_another_key_body_purpose_or_time_is_refused(change, says):
    asked = {"key": KEY, "now": NOW, "what": POST, "body": b"x", **change}
    with pytest.raises(NotSigned, match=says):
        check(signed(), **asked)


@given(
    st.dictionaries(
        st.sampled_from(["Gateway", "Time", "Nonce", "Signature"]).map("Quartier-{}".format),
        st.text(max_size=70),
    )
)
def test_headers_with_anything_in_them_are_refused(headers):
    with pytest.raises(NotSigned):
        check(
            signature_of({**signed(what="other").headers, **headers}),
            KEY,
            now=NOW,
            what=POST,
            body=b"",
        )


@pytest.mark.parametrize("name", sorted(signed().headers))
def test_each_header_is_needed(name):
    headers = signed().headers
    del headers[name]
    with pytest.raises(NotSigned, match=name):
        signature_of(headers)
