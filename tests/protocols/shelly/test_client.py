"""Asking a Shelly over HTTP: its login, and answers that are none."""

import asyncio
import socket
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.protocols.shelly.client import IDENTITY, MOST_BYTES, STATUS, Client
from quartier.protocols.shelly.digest import authorization
from quartier.protocols.shelly.errors import BadAnswer, BadPassword, NoConnection, ShellyError
from tests.protocols.shelly.device import Device

SAID = {"switch:0": {"apower": 12.345678901234567, "id": 0}}


def ask(device, password="", path=STATUS, timeout_s=5):
    async def asked():
        async with device.listening() as port:
            return await Client("127.0.0.1", port, timeout_s).ask(path, password)

    return asyncio.run(asked())


@pytest.mark.parametrize("is_chunked", [False, True])
def test_the_status_with_exact_decimals(is_chunked):
    status = ask(Device(SAID, is_chunked=is_chunked))
    assert status["switch:0"]["apower"] == Decimal("12.345678901234567")


def test_the_password_is_proved_and_never_sent():
    device = Device(SAID, "geheim ü")
    assert ask(device, "geheim ü")["switch:0"]["id"] == 0
    assert len(device.asked) == 2
    assert not any("geheim" in head for head in device.asked)


@pytest.mark.parametrize(("typed", "said"), [("", "asks for"), ("other", "refuses")])
def test_a_wrong_password_is_named(typed, said):
    with pytest.raises(BadPassword, match=said):
        ask(Device(SAID, "secret"), typed)


def test_who_it_is_needs_no_password():
    assert ask(Device(SAID, "secret"), path=IDENTITY)["mac"] == "AABBCCDDEEFF"


def test_the_login_is_that_of_the_rfc():
    # computed once by the formula of RFC 7616, 3.4.1, outside of the program
    header = authorization(
        'Digest qop="auth", realm="r", nonce="n", algorithm=SHA-256', "/a", "p", "c"
    )
    assert header.endswith(
        'response="1cb775809d023b506dc4e771d7e1335be81388196d915c8bebfaac9058f83102"'
    )


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        'Basic realm="x"',
        'Digest qop="auth", realm="r", nonce="n", algorithm=MD5',
        'Digest qop="auth-int", realm="r", nonce="n", algorithm=SHA-256',
        'Digest qop="auth", realm="r", algorithm=SHA-256',
        'Digest qop="auth", realm="r\r\nX: y", nonce="n", algorithm=SHA-256',
    ],
)
def test_no_weaker_login(challenge):
    with pytest.raises(BadAnswer):
        authorization(challenge, STATUS, "secret")


BROKEN = [
    b"",
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000,
    b"HTTP/1.1 200 OK\r\n\r\n" + b'{"a":NaN}',
    b"HTTP/1.1 200 OK\r\n\r\n" + b'{"a":' + b"1" * 5000 + b"}",
    b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe",
    b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (MOST_BYTES + 1),
    b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000,
]


@pytest.mark.parametrize("raw", BROKEN, ids=range(len(BROKEN)))
def test_an_answer_that_is_none(raw):
    with pytest.raises(BadAnswer):
        ask(Device({}, raw=raw))


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_bytes_are_an_answer_or_an_error_of_ours(data, has_head):
    raw = b"HTTP/1.1 200 OK\r\n" * has_head + data
    try:
        said = ask(Device({}, raw=raw))
    except ShellyError as reason:
        said = {"error": f"{reason}"}
    assert isinstance(said, dict)
    assert "\n" not in said.get("error", "")


def test_nobody_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(NoConnection, match="cannot be reached"):
            asyncio.run(Client("127.0.0.1", port, 5).ask(STATUS))


def test_one_who_is_silent():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(NoConnection, match=r"within 0\.05 s"):
            asyncio.run(Client("127.0.0.1", port, 0.05).ask(STATUS))
