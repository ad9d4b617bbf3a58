"""Controllers that ask a page for each badge, over real sockets, and whoever else speaks there."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartier.formats.uplink.badge_readers import ReaderKind, ReaderSettings
from quartier.gateway.readers import http as door
from quartier.gateway.readers import listening
from tests.gateway.readers.doors import AT, Watched
from tests.servers.ports import free_port

SECRET = "correct-horse"
HTTP = ReaderSettings(
    "laundry", ReaderKind.HTTP, listen="127.0.0.1", source="127.0.0.0/8", card_field="card"
)


async def sent(port, data, *, ends=True):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    if ends:
        writer.write_eof()
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def post(body, content_type, path="/"):
    data = body.encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def talk(what, data, *more):
    """The first line of each answer, and everything that came of it."""

    async def scenario():
        async with Watched(replace(what, port=free_port())) as watched:
            port = watched.settings.port
            answers = [await sent(port, one) for one in (data, *more)]
            first = [one.partition(b"\r\n")[0].decode() for one in answers]
            return [one[9:12] for one in first], watched.presented, watched.codes()

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    "request_",
    [
        get("/badge?card=04:a1:b2:c3&reader=1"),
        post("card=04A1B2C3&x=1", "application/x-www-form-urlencoded"),
        post('{"card": "04a1b2c3", "door": 1.5, "more": {}}', "application/json; charset=utf-8"),
    ],
)
def test_a_badge_by_address_form_or_json(request_):
    assert talk(HTTP, request_) == (["200"], [("04A1B2C3", "")], [])


def test_a_number_in_json_and_keys_beside_it():
    what = replace(HTTP, notation="decimal", keys="after", keys_field="pin")
    said = post('{"card": 77705923, "pin": "12#"}', "application/json")
    assert talk(what, said) == (["200"], [("04A1B2C3", "12")], [])


def test_keys_in_requests_of_their_own():
    what = replace(HTTP, keys="after", keys_field="pin")
    asked = [get("/?card=04A1B2C3"), get("/?pin=1"), get("/?pin=2%23")]
    assert talk(what, *asked) == (["200"] * 3, [("04A1B2C3", "12")], [])


def test_only_with_the_secret():
    what = replace(HTTP, secret=SECRET, source="")
    status, presented, codes = talk(what, get("/?card=04A1B2C3"), get("/?card=04A1B2C3&key=x"))
    assert (status, presented, codes) == (["403"] * 2, [], ["reader.secret"])
    good = get(f"/?card=04A1B2C3&key={SECRET}")
    assert talk(what, get("/?card=04A1B2C3"), good) == (["403", "200"], [("04A1B2C3", "")], [])


def test_a_stranger_is_cut_off_before_a_byte_is_read():
    async def scenario():
        what = replace(HTTP, port=free_port(), source="192.0.2.0/24")
        async with Watched(what) as watched:
            answer = await sent(what.port, get("/?card=04A1B2C3"))
            await watched.noticed("reader.stranger")
            return answer, watched.presented

    assert asyncio.run(scenario()) == (b"", [])


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get("/"), "400"),
        (get("/?card="), "400"),
        (get("/?card=04A1B2"), "200"),
        (get("/?card=hello"), "400"),
        (get("/?card=" + "A" * 3000), "400"),
        (get("/?" + "&".join(f"a{n}=1" for n in range(50))), "400"),
        (get("/?card=" + "A" * 20_000), "431"),
        (post("{" * 3000, "application/json"), "400"),
        (post("[1]", "application/json"), "400"),
        (post('{"card": ' + "1" * 4000 + "}", "application/json"), "400"),
        (post('{"card": true}', "application/json"), "400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999\r\n\r\n", "413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        (b"PUT / HTTP/1.1\r\n\r\n", "405"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", "400"),
        (b"GET", ""),
    ],
)
def test_what_is_no_badge_is_refused_and_the_next_is_heard(request_, status):
    statuses, presented, codes = talk(HTTP, request_, get("/?card=04A1B2C3"))
    assert statuses == [status, "200"]
    assert presented[-1] == ("04A1B2C3", "")
    assert codes == []


def test_a_number_is_in_no_finding():
    async def scenario():
        what = replace(HTTP, port=free_port(), notation="decimal")
        async with Watched(what) as watched:
            await sent(what.port, get("/?card=04A1B2C3"))
            return [one.text for one in watched.ledger.current(AT)]

    (text,) = asyncio.run(scenario())
    assert "decimal" in text
    assert "04A1B2C3" not in text


def test_one_who_speaks_slowly_is_hung_up_and_keeps_nobody_out(monkeypatch):
    monkeypatch.setattr(door, "PATIENCE_S", 0.1)

    async def scenario():
        what = replace(HTTP, port=free_port())
        async with Watched(what) as watched:
            slow = asyncio.create_task(
                sent(what.port, b"GET /?card=04A1B2C3 HTTP/1.1\r\n", ends=False)
            )
            await sent(what.port, get("/?card=04112233445566"))
            assert await slow == b""
            return watched.presented

    assert asyncio.run(scenario()) == [("04112233445566", "")]


def test_many_connections_that_say_nothing_keep_nobody_out():
    async def scenario():
        what = replace(HTTP, port=free_port())
        async with Watched(what) as watched:
            idle = [
                await asyncio.open_connection("127.0.0.1", what.port)
                for _ in range(listening.MOST_CONNECTIONS * 3)
            ]
            await sent(what.port, get("/?card=04A1B2C3"))
            for _, writer in idle:
                writer.close()
            return watched.presented

    assert asyncio.run(scenario()) == [("04A1B2C3", "")]


def test_a_port_that_is_taken_is_a_finding():
    async def scenario():
        async with Watched(replace(HTTP, port=free_port())) as first:
            second = Watched(first.settings)
            second.task = asyncio.create_task(second.reader.run(second._present))
            await second.noticed("reader.shut")
            await second.__aexit__()

    asyncio.run(scenario())


def test_it_listens_at_its_address_alone():
    async def scenario():
        what = replace(HTTP, port=free_port())
        async with Watched(what):
            with pytest.raises(OSError):
                await asyncio.open_connection("127.0.0.2", what.port)

    asyncio.run(scenario())


@given(st.binary(max_size=400))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_bytes_are_answered_or_hung_up(data):
    statuses, presented, _ = talk(HTTP, data, get("/?card=04A1B2C3"))
    assert statuses[-1] == "200"
    assert presented[-1] == ("04A1B2C3", "")
