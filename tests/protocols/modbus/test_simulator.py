"""Our client against pymodbus' simulator: Modbus TCP and RTU over TCP."""

import asyncio

import pytest

from quartier.protocols.modbus import pdu
from quartier.protocols.modbus.bus import Timing
from quartier.protocols.modbus.errors import (
    BadRequest,
    Garbled,
    NoAnswer,
    NoConnection,
    OtherAddress,
    Refused,
)
from quartier.protocols.modbus.rtu import crc16
from tests.protocols import clock
from tests.protocols.modbus.simulator import QUICK, coils, device, registers, simulated

BOTH = pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu_over_tcp"])
WORDS = [registers(100, [1, 2, 3, 0xFFFF])]


@BOTH
def test_every_function(rtu):
    async def run():
        bits = [True, False, True, True] + [False] * 12
        meter = device(9, holding=WORDS, inputs=[registers(5, [7, 8])], bits=[coils(0, bits)])
        async with simulated([meter], rtu=rtu) as bus:

            async def ask(request):
                return (await bus.ask(9, request)).values

            assert await ask(pdu.read(3, 100, 4)) == (1, 2, 3, 0xFFFF)
            assert await ask(pdu.read(4, 5, 2)) == (7, 8)
            assert await ask(pdu.read(1, 0, 4)) == (1, 0, 1, 1)
            assert await ask(pdu.read(2, 1, 3)) == (0, 1, 1)
            assert await ask(pdu.write(5, 1, [1])) == ()
            assert await ask(pdu.write(15, 2, [0, 0, 1])) == ()
            assert await ask(pdu.read(1, 0, 5)) == (1, 1, 0, 0, 1)
            assert await ask(pdu.write(6, 100, [42])) == ()
            assert await ask(pdu.write(16, 101, [43, 44])) == ()
            assert await ask(pdu.Request(23, 100, 4, (45,), 103)) == (42, 43, 44, 45)

    clock.run(run())


@BOTH
def test_a_register_that_is_not_there(rtu):
    async def run():
        async with simulated([device(9, holding=WORDS)], rtu=rtu) as bus:
            with pytest.raises(Refused, match="no such register"):
                await bus.ask(9, pdu.read(3, 104, 1))
            reply = await bus.ask(9, pdu.read(3, 100, 1))
            assert (reply.values, reply.findings, reply.tries) == ((1,), (), 1)

    clock.run(run())


@BOTH
def test_an_absent_device_and_the_next_one(rtu):
    async def run():
        async with simulated([device(9, holding=WORDS)], rtu=rtu) as bus:
            timing = Timing(timeout_s=0.03, tries=2)
            bus.timing = timing
            for _ in range(3):
                with pytest.raises(NoAnswer, match="device 8 does not answer"):
                    await bus.ask(8, pdu.read(3, 100, 1))
            assert (await bus.ask(9, pdu.read(3, 100, 1))).values == (1,)

    clock.run(run())


def test_a_converter_that_says_the_device_is_absent():
    async def run():
        async with simulated([device(9, holding=WORDS)], is_silent=False) as bus:
            with pytest.raises(Refused):
                await bus.ask(8, pdu.read(3, 100, 1))

    clock.run(run())


@BOTH
def test_many_who_ask_at_once_queue(rtu):
    """The simulator is a bus: never a second request before the first was answered."""
    under_way = []

    def trace(sending, packet):
        under_way.append(sending)
        return packet

    async def run():
        meters = [device(unit, holding=[registers(0, [unit])]) for unit in range(1, 21)]
        async with simulated(meters, rtu=rtu, trace=trace) as bus:
            asked = [bus.ask(unit, pdu.read(3, 0, 1)) for unit in range(1, 21)]
            replies = await asyncio.gather(*asked)
        assert [reply.values for reply in replies] == [(unit,) for unit in range(1, 21)]

    clock.run(run())
    assert under_way == [False, True] * 20


def test_the_pause_between_requests():
    async def run():
        async with simulated([device(9, holding=WORDS)]) as bus:
            loop = asyncio.get_running_loop()
            started = loop.time()
            for _ in range(4):
                await bus.ask(9, pdu.read(3, 100, 1), Timing(pause_s=0.02))
            assert loop.time() - started >= 0.06

    clock.run(run())


def spoil(answers):
    """A trace that sends ``answers[i](packet)`` in place of the i-th answer, then all as is."""
    queue = list(answers)

    def trace(sending, packet):
        return queue.pop(0)(packet) if sending and queue else packet

    return trace


def readdressed(packet, unit):
    body = bytes([unit]) + packet[1:-2]
    return body + crc16(body).to_bytes(2, "little")


def test_a_wrong_checksum_is_asked_again():
    async def run():
        trace = spoil([lambda p: p[:-1] + bytes([p[-1] ^ 1])])
        async with simulated([device(9, holding=WORDS)], rtu=True, trace=trace) as bus:
            bus.timing = Timing(timeout_s=0.05)
            reply = await bus.ask(9, pdu.read(3, 100, 2))
            assert (reply.values, reply.tries) == ((1, 2), 2)

    clock.run(run())


@pytest.mark.parametrize(
    "spoiled",
    [lambda p: p[:-1] + b"\0", lambda p: p[: len(p) // 2], lambda p: bytes(b ^ 0x55 for b in p)],
    ids=["checksum", "half a frame", "wrong baud rate"],
)
def test_answers_that_are_always_spoiled(spoiled):
    async def run():
        trace = spoil([spoiled] * 5)
        async with simulated([device(9, holding=WORDS)], rtu=True, trace=trace) as bus:
            with pytest.raises(Garbled, match="bytes came") as caught:
                await bus.ask(9, pdu.read(3, 100, 2), Timing(timeout_s=0.05, tries=2))
            assert "baud rate and parity" in caught.value.finding("meter 9").remedy

    clock.run(run())


def test_noise_before_an_answer():
    async def run():
        trace = spoil([lambda p: b"\x00\xff\x09\x03" + p])
        async with simulated([device(9, holding=WORDS)], rtu=True, trace=trace) as bus:
            reply = await bus.ask(9, pdu.read(3, 100, 2))
            assert reply.values == (1, 2)
            (finding,) = reply.findings
            assert (finding.code, finding.message[:15]) == ("modbus.noise", "4 stray bytes w")
            assert not (await bus.ask(9, pdu.read(3, 100, 2))).findings

    clock.run(run())


def test_another_device_answers():
    async def run():
        trace = spoil([lambda p: readdressed(p, 12)] * 2)
        async with simulated([device(9, holding=WORDS)], rtu=True, trace=trace) as bus:
            with pytest.raises(OtherAddress, match="device 9 was asked, but device 12 answered"):
                await bus.ask(9, pdu.read(3, 100, 2), Timing(timeout_s=0.05, tries=2))

    clock.run(run())


def test_two_devices_answer():
    async def run():
        trace = spoil([lambda p: readdressed(p, 12) + p])
        async with simulated([device(9, holding=WORDS)], rtu=True, trace=trace) as bus:
            reply = await bus.ask(9, pdu.read(3, 100, 2))
            assert reply.values == (1, 2)
            assert [finding.code for finding in reply.findings] == ["modbus.other_address"]

    clock.run(run())


def test_the_converter_was_restarted():
    """The connection is gone: the same question is answered over a new one."""

    async def run():
        async with simulated([device(9, holding=WORDS)]) as bus:
            assert (await bus.ask(9, pdu.read(3, 100, 1))).values == (1,)
            bus.link._transport.get_extra_info("socket").shutdown(2)
            assert (await bus.ask(9, pdu.read(3, 100, 1), QUICK)).values == (1,)

    clock.run(run())


def test_nobody_listens():
    async def run():
        async with simulated([device(9)]) as bus:
            port = bus.link.name
        with pytest.raises(NoConnection, match=port):
            await bus.ask(9, pdu.read(3, 0, 1))

    clock.run(run())


def test_an_address_that_no_device_has():
    async def run():
        async with simulated([device(9)]) as bus:
            for unit in (0, -1, 256):
                with pytest.raises(BadRequest):
                    await bus.ask(unit, pdu.read(3, 0, 1))

    clock.run(run())
