"""Slow converters: a late answer never becomes that of another question. With a socket server
that answers when, and what, a test says."""

import asyncio
import contextlib

import pytest

from quartier.protocols.modbus import pdu
from quartier.protocols.modbus.bus import Bus, Timing
from quartier.protocols.modbus.errors import BadFrame, Garbled, ModbusError, NoAnswer, NoConnection
from quartier.protocols.modbus.framing import RtuFraming, TcpFraming
from quartier.protocols.modbus.rtu import crc16
from quartier.protocols.wire.link import TcpLink
from tests.protocols import clock

TIMEOUT = 0.06
TIMING = Timing(timeout_s=TIMEOUT, tries=1)


@contextlib.asynccontextmanager
async def answering(script, framing):
    """A bus whose far end sends, for the i-th request, ``script[i]``: pairs (delay, bytes)."""
    turn = iter(script)
    seen = []
    tasks = set()

    async def serve(reader, writer):
        async def send(parts):
            for delay, data in parts:
                await asyncio.sleep(delay)
                writer.write(data)

        while data := await reader.read(300):
            seen.append(data)
            task = asyncio.ensure_future(send(next(turn, [])))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    bus = Bus(TcpLink(host, port), framing, TIMING)
    try:
        yield bus, seen
    finally:
        bus.close()
        server.close()
        await server.wait_closed()


def rtu(unit, *words):
    data = b"".join(word.to_bytes(2, "big") for word in words)
    body = bytes([unit, 3, len(data)]) + data
    return body + crc16(body).to_bytes(2, "little")


def tcp(transaction, unit, *words):
    data = b"".join(word.to_bytes(2, "big") for word in words)
    head = transaction.to_bytes(2, "big") + b"\0\0" + (len(data) + 3).to_bytes(2, "big")
    return head + bytes([unit, 3, len(data)]) + data


def test_rtu_waits_for_what_is_owed():
    """The answer to register 0 comes during the question for register 10, same shape."""

    async def run():
        script = [[(TIMEOUT * 1.5, rtu(9, 111))], [(0, rtu(9, 222))]]
        async with answering(script, RtuFraming()) as (bus, seen):
            with pytest.raises(NoAnswer):
                await bus.ask(9, pdu.read(3, 0, 1))
            reply = await bus.ask(9, pdu.read(3, 10, 1))
            assert reply.values == (222,)
            assert [finding.code for finding in reply.findings] == ["modbus.late_answer"]
            assert len(seen) == 2

    clock.run(run())


def test_rtu_after_a_retry_one_answer_more_is_owed():
    async def run():
        script = [
            [(TIMEOUT * 1.3, rtu(9, 111))],
            [(TIMEOUT * 0.8, rtu(9, 112))],
            [(TIMEOUT * 0.8, rtu(9, 222))],
        ]
        async with answering(script, RtuFraming()) as (bus, _):
            first = await bus.ask(9, pdu.read(3, 0, 1), Timing(timeout_s=TIMEOUT, tries=2))
            assert first.values == (111,)
            assert (await bus.ask(9, pdu.read(3, 10, 1))).values == (222,)

    clock.run(run())


def test_rtu_another_device_does_not_wait():
    """Only the device that owes an answer is waited for; its late answer is known by its
    address."""

    async def run():
        script = [[(TIMEOUT * 1.2, rtu(8, 111))], [(TIMEOUT * 0.5, rtu(9, 222))]]
        async with answering(script, RtuFraming()) as (bus, _):
            with pytest.raises(NoAnswer):
                await bus.ask(8, pdu.read(3, 0, 1))
            reply = await bus.ask(9, pdu.read(3, 0, 1))
            assert reply.values == (222,)
            assert [finding.code for finding in reply.findings] == ["modbus.late_answer"]

    clock.run(run())


def test_rtu_what_never_comes_is_not_waited_for_long():
    async def run():
        script = [[], [(0, rtu(9, 222))]]
        async with answering(script, RtuFraming()) as (bus, _):
            with pytest.raises(NoAnswer):
                await bus.ask(9, pdu.read(3, 0, 1))
            started = asyncio.get_running_loop().time()
            assert (await bus.ask(9, pdu.read(3, 10, 1))).values == (222,)
            assert asyncio.get_running_loop().time() - started < 2.5 * TIMEOUT

    clock.run(run())


def test_tcp_drops_the_answer_of_an_earlier_request():
    async def run():
        script = [[(TIMEOUT * 1.2, tcp(1, 9, 111))], [(TIMEOUT * 0.6, tcp(2, 9, 222))]]
        async with answering(script, TcpFraming()) as (bus, _):
            with pytest.raises(NoAnswer):
                await bus.ask(9, pdu.read(3, 0, 1))
            reply = await bus.ask(9, pdu.read(3, 10, 1))
            assert reply.values == (222,)
            assert [finding.code for finding in reply.findings] == ["modbus.late_answer"]

    clock.run(run())


def test_rtu_byte_by_byte_and_a_foreign_answer_first():
    async def run():
        late = rtu(9, 1, 2, 3)  # of a question for three registers
        script = [[(0, late), *((0.001, bytes([byte])) for byte in rtu(9, 222))]]
        async with answering(script, RtuFraming()) as (bus, _):
            assert (await bus.ask(9, pdu.read(3, 10, 1))).values == (222,)

    clock.run(run())


def test_a_web_server_on_the_port():
    async def run():
        async with answering([[(0, b"HTTP/1.1 400 Bad Request\r\n")]], TcpFraming()) as (bus, _):
            with pytest.raises(BadFrame, match="not Modbus TCP"):
                await bus.ask(9, pdu.read(3, 10, 1))
            assert not bus.link.is_open

    clock.run(run())


@pytest.mark.parametrize("framing", [RtuFraming, TcpFraming])
def test_any_bytes_end_in_an_answer_or_a_named_error(framing, rng):
    async def run():
        for _ in range(12):
            noise = rng.randbytes(rng.choice([1, 20, 3000]))
            async with answering([[(0, noise)]], framing()) as (bus, _):
                with pytest.raises(ModbusError):
                    await bus.ask(9, pdu.read(3, 10, 1), Timing(timeout_s=0.01, tries=1))

    clock.run(run())


def test_a_flood_is_kept_only_in_part_and_the_answer_behind_it_found():
    async def run():
        flood = bytes.fromhex("09 03 FA") * 20_000  # each could begin a long answer
        async with answering([[(0, flood), (0.02, rtu(9, 222))]], RtuFraming()) as (bus, _):
            reply = await bus.ask(9, pdu.read(3, 10, 1), Timing(timeout_s=5, tries=1))
            assert reply.values == (222,)
            assert [finding.code for finding in reply.findings] == ["modbus.noise"]

        async with answering([[(0, flood)]], RtuFraming()) as (bus, _):
            with pytest.raises(Garbled):
                await bus.ask(9, pdu.read(3, 10, 1), Timing(timeout_s=0.1, tries=1))
            assert len(bus._buffer) <= 1024

    clock.run(run())


def test_somebody_who_babbles_on_does_not_hold_the_bus():
    async def run():
        babble = [(TIMEOUT / 50, b"\x55\xaa")] * 1000
        async with answering([babble], RtuFraming()) as (bus, _):
            started = asyncio.get_running_loop().time()
            for expected in (1.1, 5.2):  # the second waits for what the first left owed
                with pytest.raises(Garbled):
                    await bus.ask(9, pdu.read(3, 10, 1))
                assert asyncio.get_running_loop().time() - started < expected * TIMEOUT

    clock.run(run())


def test_who_stops_waiting_leaves_the_bus_usable():
    async def run():
        script = [[(TIMEOUT * 0.5, rtu(9, 111))], [(0, rtu(9, 222))]]
        async with answering(script, RtuFraming()) as (bus, _):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(bus.ask(9, pdu.read(3, 0, 1)), TIMEOUT / 4)
            assert (await bus.ask(9, pdu.read(3, 10, 1))).values == (222,)

    clock.run(run())


def test_a_name_that_is_nowhere():
    async def run():
        bus = Bus(TcpLink("nowhere.invalid"), TcpFraming(), TIMING)
        with pytest.raises(NoConnection, match=r"nowhere\.invalid:502"):
            await bus.ask(1, pdu.read(3, 0, 1))

    clock.run(run())
