"""What the field server and the gateway make of strangers, forgers, fools and floods."""

import asyncio
import contextlib
import json
import logging
import secrets
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from quartier.field.session import BROKEN_OFF, BUSY, TOO_MUCH
from quartier.field.storage.sqlite import SqliteDatabase
from quartier.field.strangers import MOST_SILENT
from quartier.formats.uplink.remote import (
    MOST_COLUMNS,
    MOST_ROWS_OF_ALL,
    MOST_TEXT,
    NOT_ANSWERED,
    NOT_TAKEN,
)
from tests.counts import is_drill
from tests.drivers.maps import sdm630
from tests.field.house import (
    PATH,
    Platform,
    a_gateway,
    connected,
    hand_made,
    headers,
    now,
    until,
)
from tests.field.test_remote import configuration


@pytest.fixture
def platform(tmp_path):
    made = Platform(tmp_path / "platform")
    yield made
    made.close()


def with_server(platform, scenario, **more):
    async def run():
        async with platform.serving(**more) as service:
            await scenario(service)

    asyncio.run(run())


async def refused(port, sent, path=PATH):
    """Status and text of a refusal."""
    with pytest.raises(InvalidStatus) as caught:
        async with connect(f"ws://127.0.0.1:{port}{path}", additional_headers=sent, proxy=None):
            pass
    answer = caught.value.response
    assert not {name for name in answer.headers if name.startswith("Quartier-")}
    return answer.status_code, answer.body.decode()


def test_who_does_not_sign_well_is_refused_in_a_sentence(platform):
    key = platform.pair("linde")
    platform.pair("ahorn", b"")

    async def scenario(service):
        nonce = secrets.token_hex(16)
        later = now() + timedelta(minutes=6)
        for sent, says in (
            ({}, "it has no Quartier-Gateway"),
            (headers(key, "nobody"), "no gateway of that name is paired"),
            (headers(key, "ahorn"), "no gateway of that name is paired"),
            (headers(bytes(32)), "its signature is not the gateway's"),
            (headers(key, what=f"POST {PATH}"), "its signature is not the gateway's"),
            (headers(key, at=later), "s ahead; set its clock"),
            (headers(key, nonce="x" * 32), "its Quartier-Nonce is not one"),
            (headers(key) | {"Quartier-Gateway": "linde'; DROP"}, "is not one"),
        ):
            status, said = await refused(service.port, sent)
            assert (status, says in said) == (401, True), said
        assert platform.presence("linde") is None
        async with hand_made(service.port, key):
            pass
        sent = headers(key, nonce=nonce)
        async with connect(
            f"ws://127.0.0.1:{service.port}{PATH}", additional_headers=sent, proxy=None
        ):
            pass
        assert await refused(service.port, sent) == (
            401, "the request came before; sign it anew\n",
        )  # fmt: skip
        assert (await refused(service.port, headers(key), "/field/other"))[0] == 404

    with_server(platform, scenario)


@pytest.mark.drill
def test_ten_thousand_who_never_say_who_they_are_keep_no_gateway_out(platform):
    key, other = platform.pair("linde"), platform.pair("ahorn", bytes(32))

    async def scenario(service):
        async with contextlib.AsyncExitStack() as opened:
            good = await opened.enter_async_context(hand_made(service.port, key))
            ends = []
            for number in range(9_000 if is_drill() else 900):
                reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
                opened.callback(writer.close)
                if number % 2:
                    writer.write(b"GET /field/gateway HTTP/1.1\r\nHost: x\r\n")
                ends.append(asyncio.create_task(reader.read(1)))
            ended, held = await asyncio.wait(ends, timeout=1)
            async with asyncio.timeout(5):
                async with hand_made(service.port, other, "ahorn"):
                    number = platform.ask("linde", "status")
                    assert (await good.receive())["id"] == number
            assert len(held) == MOST_SILENT
            for one in held:
                one.cancel()
            await asyncio.gather(*ended, *held, return_exceptions=True)

    with_server(platform, scenario)


@pytest.mark.parametrize(
    "frames",
    [
        [b"bytes"],
        ["short"],
        ["0" * 64 + "{}"],
        ["f" * 3_000_000],
        ["{" * 10_000],
        ["\ud7ff" * 64],
    ],
    ids=["bytes", "short", "forged", "oversized", "nested", "letters"],
)
def test_garbage_ends_the_connection_and_harms_no_other(platform, frames):
    key, other = platform.pair("linde"), platform.pair("ahorn", bytes(32))

    async def scenario(service):
        async with (
            hand_made(service.port, other, "ahorn") as good,
            hand_made(service.port, key) as bad,
        ):
            await until(lambda: platform.presence("linde"))
            with contextlib.suppress(ConnectionClosed):
                for frame in frames:
                    await bad.connection.send(frame)
            await asyncio.wait_for(bad.connection.wait_closed(), 5)
            assert bad.connection.close_code in (1008, 1009)
            await until(lambda: platform.presence("linde")["ended_at"])
            number = platform.ask("ahorn", "status")
            assert (await good.receive())["id"] == number

    with_server(platform, scenario)


@given(st.lists(st.text(max_size=300) | st.binary(max_size=300), min_size=1, max_size=2))
def test_no_frame_of_a_stranger_is_believed(tmp_path_factory, frames):
    platform = Platform(tmp_path_factory.mktemp("platform"))
    key = platform.pair("linde")

    async def scenario(service):
        async with hand_made(service.port, key) as bad:
            with contextlib.suppress(ConnectionClosed):
                for frame in frames:
                    await bad.connection.send(frame)
            await asyncio.wait_for(bad.connection.wait_closed(), 5)
            assert bad.connection.close_code == 1008

    with_server(platform, scenario)
    platform.close()


def test_a_gateway_answers_its_own_commands_only(platform):
    key, other = platform.pair("linde"), platform.pair("ahorn", bytes(32))

    async def scenario(service):
        async with (
            hand_made(service.port, other, "ahorn") as victim,
            hand_made(service.port, key) as bad,
        ):
            number = platform.ask("ahorn", "status")
            assert (await victim.receive())["id"] == number
            rows = [["clock", "forged"]]
            await bad.send({"version": 1, "id": number, "state": "done", "rows": rows})
            await asyncio.wait_for(bad.connection.wait_closed(), 5)
            assert platform.command(number)["state"] == "taken"
            assert platform.command(number)["rows"] == []

    with_server(platform, scenario)


def test_who_speaks_no_http_leaves_nothing_in_the_log(platform, caplog):
    async def scenario(service):
        for said in (b"\x16\x03\x01\x02\x00\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n", b"\0" * 99_999):
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            with contextlib.suppress(ConnectionError):
                writer.write(said)
                writer.write_eof()
                await asyncio.wait_for(reader.read(), 5)
            writer.close()

    with_server(platform, scenario)
    assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_who_connects_and_says_nothing_is_hung_up(platform):
    async def scenario(service):
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        slow, drip = await asyncio.open_connection("127.0.0.1", service.port)
        drip.write(b"GET /field/gateway HTTP/1.1\r\nHost: x\r\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        await asyncio.wait_for(slow.read(), 5)
        writer.close()
        drip.close()

    with_server(platform, scenario, patience_s=0.1)


def test_what_cannot_be_done_ends_in_a_sentence(platform):
    key = platform.pair("linde")

    async def scenario(service):
        platform.rows.execute("UPDATE equipment_gateway SET serial = ''")
        lost = platform.ask("linde", "status")
        old = str((now() - timedelta(seconds=31)).replace(tzinfo=None))
        platform.rows.execute("UPDATE equipment_remotecommand SET asked_at = ?", (old,))
        assert (await platform.answered(lost))["text"] == NOT_TAKEN
        async with hand_made(service.port, key) as gateway:
            numbers = [platform.ask("linde", "status") for _ in range(25)]
            for _ in range(20):
                await gateway.receive()
            busy = [await platform.answered(number) for number in numbers[20:]]
            assert {one["text"] for one in busy} == {BUSY}
            platform.rows.execute(
                "UPDATE equipment_remotecommand SET ends_at = ? WHERE id = ?", (old, numbers[0])
            )
            assert (await platform.answered(numbers[0]))["text"] == NOT_ANSWERED
            late = {"version": 1, "id": numbers[0], "state": "done", "rows": [["late"]]}
            await gateway.send(late)
            some = {"version": 1, "id": numbers[1], "state": "running", "rows": [["a"]]}
            await gateway.send(some)
        broken = await platform.answered(numbers[1])
        assert (broken["state"], broken["text"], broken["rows"]) == ("failed", BROKEN_OFF, [["a"]])
        assert platform.command(numbers[0])["rows"] == []

    with_server(platform, scenario, beat_s=0.05)


def test_a_gateway_that_never_stops_answering_is_stopped(platform):
    key = platform.pair("linde")

    async def scenario(service):
        async with hand_made(service.port, key) as gateway:
            number = platform.ask("linde", "status")
            await gateway.receive()
            piece = {"version": 1, "id": number, "state": "running", "rows": [["x"]] * 100}
            with contextlib.suppress(ConnectionClosed):
                for _ in range(MOST_ROWS_OF_ALL // 100 + 1):
                    await gateway.send(piece)
            flooded = await platform.answered(number)
            assert (flooded["text"], flooded["rows"]) == (TOO_MUCH, [])
            await asyncio.wait_for(gateway.connection.wait_closed(), 5)

    with_server(platform, scenario)


def test_what_a_refusal_says_is_one_line_of_the_gateways_log(platform, tmp_path):
    key = platform.pair("linde")

    def refuse(connection, _request):
        return connection.respond(403, "no\nERROR all meters are lost\x1b[2J\u202e")

    async def scenario():
        async with (
            serve(lambda _: None, "127.0.0.1", 0, process_request=refuse) as server,
            a_gateway(tmp_path, key, configuration, sdm630()) as one,
        ):
            client = one.client_of(server.sockets[0].getsockname()[1])
            async with connected(client):
                problem = await until(lambda: client.problem)
                assert problem.isprintable()
                assert "refuses (403): no ERROR all meters" in problem

    asyncio.run(scenario())


def test_a_gateway_that_answers_with_much_text_takes_no_memory(platform):
    key = platform.pair("linde")

    async def scenario(service):
        async with hand_made(service.port, key) as gateway:
            await until(lambda: platform.presence("linde"))
            number = platform.ask("linde", "scan_bus", bus="b")
            await gateway.receive()
            row = ["x" * MOST_TEXT] * MOST_COLUMNS
            piece = {"version": 1, "id": number, "state": "running", "rows": [row] * 100}
            with contextlib.suppress(ConnectionClosed):
                for _ in range(20):
                    await gateway.send(piece)
            flooded = await platform.answered(number)
            assert (flooded["text"], flooded["rows"]) == (TOO_MUCH, [])
            await asyncio.wait_for(gateway.connection.wait_closed(), 5)

    with_server(platform, scenario)


def test_the_server_outlives_a_database_that_is_away(platform):
    key = platform.pair("linde")

    async def health(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /field/health HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
        return answer.split()[1], answer.rpartition("\r\n\r\n")[2]

    async def scenario(service):
        async with hand_made(service.port, key) as gateway:
            await until(lambda: platform.presence("linde"))
            assert await health(service.port) == ("200", "gateways 1, database up\n")
            platform.rows.execute("ALTER TABLE equipment_remotecommand RENAME TO away")
            while (await health(service.port))[0] != "503":
                await asyncio.sleep(0.01)
            platform.rows.execute("ALTER TABLE away RENAME TO equipment_remotecommand")
            number = platform.ask("linde", "status")
            assert (await gateway.receive())["id"] == number

    with_server(platform, scenario, beat_s=0.05, looks_s=0.05)


def test_two_servers_never_take_the_same_command(platform):
    key = platform.pair("linde")

    async def scenario(service):
        from quartier.field.storage.remote import StoredCommands

        async with hand_made(service.port, key):
            await until(lambda: platform.presence("linde"))
        await until(lambda: platform.presence("linde")["ended_at"])  # this one takes no more
        session = platform.presence("linde")["session"]
        numbers = [platform.ask("linde", "status") for _ in range(50)]
        databases = [SqliteDatabase(platform.path) for _ in range(4)]
        takers = [StoredCommands(one, f"server {n}") for n, one in enumerate(databases)]
        taken = await asyncio.gather(*(one.take([session], now()) for one in takers * 3))
        assert sorted(one.command.number for some in taken for one in some) == numbers
        for one in databases:
            await one.close()

    with_server(platform, scenario)


def test_a_gateway_obeys_its_own_platform_only(platform, tmp_path):
    """Somebody who answers in its place, with a certificate even, is hung up on."""
    heard = []

    async def impostor(connection):
        with contextlib.suppress(ConnectionClosed):
            await connection.send("0" * 64 + json.dumps({"version": 1, "id": 1, "kind": "restart"}))
            heard.append(await connection.recv())

    def sign(_connection, request, response):
        for name, value in request.headers.raw_items():
            if name.startswith("Quartier-"):
                response.headers[name] = value  # its own signature, sent back

    async def scenario():
        async with (
            a_gateway(tmp_path / "gateway", platform.pair("linde"), configuration, sdm630()) as one,
            serve(impostor, "127.0.0.1", 0, process_response=sign) as server,
        ):
            client = one.client_of(server.sockets[0].getsockname()[1])
            async with connected(client):
                await until(lambda: "sent back" in client.problem)
            assert one.restarts == heard == []

    asyncio.run(scenario())
