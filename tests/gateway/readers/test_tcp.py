"""Controllers that send a line for each badge, over real sockets."""

import asyncio
import contextlib
import socket
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartier.formats.uplink.badge_readers import ReaderKind, ReaderSettings
from quartier.gateway.readers import tcp as door
from quartier.gateway.readers.ports import Signalling
from tests.gateway.readers.doors import Watched
from tests.servers.ports import free_port

TCP = ReaderSettings(
    "bikes",
    ReaderKind.TCP,
    listen="127.0.0.1",
    source="127.0.0.1",
    template="{card}",
    repeat_s=0,
)
A, B = "04A1B2C3", "04112233445566"


def talk(what, *pieces, count=1):
    """What came of ``pieces``, each written by itself, on one connection."""

    async def scenario():
        async with Watched(replace(what, port=free_port())) as watched:
            _, writer = await asyncio.open_connection("127.0.0.1", watched.settings.port)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            presented = list(await watched.until(count))
            writer.close()
            return presented

    return asyncio.run(scenario())


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b"\x03", b"\x00"])
def test_lines_with_any_end(end):
    data = b"\x02" + A.encode() + end + B.encode() + end
    assert talk(TCP, data, count=2) == [(A, ""), (B, "")]


def test_a_line_in_pieces():
    assert talk(TCP, b"04A1", b"B2C3", b"\n") == [(A, "")]


@pytest.mark.parametrize(
    ("template", "line", "expected"),
    [
        ("CARD={card};", "CARD=04a1b2c3;", (A, "")),
        ("{any},{card},{keys}", "reader 1,04A1B2C3,12#", (A, "12")),
        ("{any},{card},{keys}", "reader 1,04A1B2C3,", (A, "")),
        ("{card} {any}", "04A1B2C3 2026-11-23 10:00:00", (A, "")),
        ("[{card}]", "[04:A1:B2:C3]", (A, "")),
    ],
)
def test_templates(template, line, expected):
    assert talk(replace(TCP, template=template), f"{line}\n".encode()) == [expected]


def test_keys_on_lines_of_their_own():
    what = replace(TCP, keys="after")
    assert talk(what, b"04A1B2C3\r\n", b"1\r\n", b"2\r\n", b"#\r\n") == [(A, "12")]


def test_keys_before():
    what = replace(TCP, keys="before")
    assert talk(what, b"12#\n04A1B2C3\n") == [(A, "12")]


def test_a_badge_without_its_keys_comes_when_its_time_is_over(monkeypatch):
    what = replace(TCP, keys="after", keys_s=0.05)
    assert talk(what, b"04A1B2C3\n1\n") == [(A, "1")]


def test_what_is_no_line_is_a_finding_until_a_good_one_comes():
    async def scenario():
        async with Watched(replace(TCP, port=free_port(), template="C{card}")) as watched:
            _, writer = await asyncio.open_connection("127.0.0.1", watched.settings.port)
            writer.write(b"hello\n")
            await watched.noticed("reader.no_line")
            writer.write(b"C04A1B2C\n")
            await watched.noticed("reader.unreadable")
            writer.write(b"C04A1B2C3\n")
            await watched.until(1)
            writer.close()
            return watched.codes()

    assert asyncio.run(scenario()) == []


def test_a_line_without_an_end_is_hung_up():
    async def scenario():
        async with Watched(replace(TCP, port=free_port())) as watched:
            reader, writer = await asyncio.open_connection("127.0.0.1", watched.settings.port)
            writer.write(b"0" * 10_000)
            await watched.noticed("reader.no_line")
            try:
                return await reader.read()
            except ConnectionError:
                return b""

    assert asyncio.run(scenario()) == b""


def test_one_who_stops_in_the_middle_is_hung_up_and_one_who_is_silent_is_not(monkeypatch):
    monkeypatch.setattr(door, "PATIENCE_S", 0.1)

    async def scenario():
        async with Watched(replace(TCP, port=free_port())) as watched:
            port = watched.settings.port
            _, silent = await asyncio.open_connection("127.0.0.1", port)
            reader, slow = await asyncio.open_connection("127.0.0.1", port)
            slow.write(b"04A1")
            assert await reader.read() == b""
            silent.write(b"04A1B2C3\n")
            return list(await watched.until(1))

    assert asyncio.run(scenario()) == [(A, "")]


def test_the_controller_is_told_whether_the_badge_was_accepted():
    async def scenario():
        what = replace(TCP, port=free_port(), accepted="GREEN", refused="RED")
        async with Watched(what) as watched:
            assert isinstance(watched.reader.door, Signalling)
            assert not await watched.reader.door.signal(is_accepted=True)
            reader, writer = await asyncio.open_connection("127.0.0.1", what.port)
            writer.write(b"04A1B2C3\n")
            await watched.until(1)
            assert await watched.reader.door.signal(is_accepted=True)
            assert await watched.reader.door.signal(is_accepted=False)
            lines = [await reader.readline() for _ in range(2)]
            writer.close()
            return lines

    assert asyncio.run(scenario()) == [b"GREEN\r\n", b"RED\r\n"]


def test_a_reader_that_floods_keeps_the_gateway_from_nothing():
    flood = f"{A}\n".encode() * 50_000

    def send(port):
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.settimeout(2)
            with contextlib.suppress(OSError):
                while True:
                    line.sendall(flood)

    async def scenario():
        async with Watched(replace(TCP, port=free_port())) as watched:
            sending = [asyncio.create_task(asyncio.to_thread(send, watched.settings.port))]
            await watched.until(1)
            late_s = []
            for _ in range(100):
                begun_s = time.monotonic()
                await asyncio.sleep(0.01)
                late_s.append(time.monotonic() - begun_s)
        await asyncio.gather(*sending)
        assert sorted(late_s)[90] < 0.2
        assert len(watched.presented) < 10_000

    asyncio.run(scenario())


@given(st.lists(st.binary(max_size=300), max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_bytes_are_lines_or_hung_up(pieces):
    async def scenario():
        async with Watched(replace(TCP, port=free_port())) as watched:
            _, wild = await asyncio.open_connection("127.0.0.1", watched.settings.port)
            wild.writelines(pieces)
            wild.write_eof()
            _, writer = await asyncio.open_connection("127.0.0.1", watched.settings.port)
            writer.write(b"\n04112233445566\n")
            async with asyncio.timeout(5):
                while (B, "") not in watched.presented:
                    await asyncio.sleep(0)
            wild.close()
            writer.close()

    asyncio.run(scenario())
