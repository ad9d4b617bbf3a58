"""A serial port: a pseudo-terminal of the kernel, whose far end is pymodbus' RTU server code."""

import asyncio
import os
import pty
import termios

import pytest

from quartier.protocols.modbus import pdu
from quartier.protocols.modbus.bus import Bus, Timing
from quartier.protocols.modbus.errors import NoAnswer, NoConnection
from quartier.protocols.modbus.framing import RtuFraming
from quartier.protocols.wire.serial_port import SerialLink, SerialSettings

PATIENT = Timing(timeout_s=30, tries=1)
"""The clock is real here: nobody knows when the kernel moves the bytes of a terminal on."""
ANSWER = bytes.fromhex("01 03 02 12 34 B5 33")


def test_a_question_over_a_serial_port():
    async def run():
        ours, theirs = pty.openpty()
        heard = []

        def answer():
            heard.append(os.read(ours, 100))
            os.write(ours, ANSWER)

        loop = asyncio.get_running_loop()
        loop.add_reader(ours, answer)
        link = SerialLink(os.ttyname(theirs), SerialSettings(19200, "E", 1))
        bus = Bus(link, RtuFraming(), PATIENT)
        reply = await bus.ask(1, pdu.read(3, 0, 1))
        assert reply.values == (0x1234,)
        assert heard == [bytes.fromhex("01 03 00 00 00 01 84 0A")]
        attributes = termios.tcgetattr(theirs)
        assert attributes[4:6] == [termios.B19200, termios.B19200]
        assert attributes[0] == attributes[1] == attributes[3] == 0  # raw
        loop.remove_reader(ours)
        with pytest.raises(NoAnswer):
            await bus.ask(1, pdu.read(3, 0, 1), Timing(timeout_s=0.02, tries=1))
        bus.close()
        os.close(theirs)
        os.close(ours)

    asyncio.run(run())


def test_the_adapter_was_pulled_out():
    async def run():
        ours, theirs = pty.openpty()
        link = SerialLink(os.ttyname(theirs))
        bus = Bus(link, RtuFraming(), PATIENT)
        await link.open()
        asyncio.get_running_loop().call_later(0.02, os.close, ours)
        with pytest.raises(NoConnection, match="is gone"):
            await bus.ask(1, pdu.read(3, 0, 1))
        assert not link.is_open
        bus.close()
        os.close(theirs)

    asyncio.run(run())


def test_a_port_that_is_not_there():
    async def run():
        with pytest.raises(NoConnection, match="/dev/ttyNONE cannot be opened"):
            await Bus(SerialLink("/dev/ttyNONE"), RtuFraming()).ask(1, pdu.read(3, 0, 1))

    asyncio.run(run())


@pytest.mark.parametrize("settings", [(9601, "N", 1), (9600, "X", 1), (9600, "N", 3)])
def test_settings_that_no_port_has(settings):
    with pytest.raises(ValueError):
        SerialSettings(*settings)


def test_how_long_silence_is():
    assert SerialSettings(9600, "N", 1).silence_s == pytest.approx(35 / 9600)
    assert SerialSettings(9600, "E", 1).silence_s == pytest.approx(38.5 / 9600)
    assert SerialSettings(115200).silence_s == 0.00175
    assert str(SerialSettings(2400, "E", 1)) == "2400 8E1"
