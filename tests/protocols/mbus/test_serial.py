"""The bus on a serial port: a pseudo-terminal of the kernel with a meter at its far end."""

import asyncio
import os
import pty
import termios

import pytest

from quartier.protocols.mbus.bus import Bus
from quartier.protocols.mbus.exchange import Timing
from quartier.protocols.wire.serial_port import SerialLink, SerialSettings
from tests.protocols.mbus.captures import CAPTURES
from tests.protocols.mbus.slaves import Device

PATIENT = Timing(answer_s=30)
"""The clock is real here: nobody knows when the kernel moves the bytes of a terminal on."""


@pytest.mark.parametrize("baud", [300, 2400])
def test_a_meter_on_a_serial_port(baud):
    async def asked():
        ours, theirs = pty.openpty()
        device = Device(7, [CAPTURES["oms_frame2"].frame])
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, lambda: os.write(ours, device.answer(os.read(ours, 300))))
        bus = Bus(SerialLink(os.ttyname(theirs), SerialSettings(baud, "E", 1)), PATIENT)
        answer = await bus.read(7)
        attributes = termios.tcgetattr(theirs)
        bus.close()
        loop.remove_reader(ours)
        os.close(theirs)
        os.close(ours)
        return answer, attributes

    answer, attributes = asyncio.run(asked())
    assert answer.telegrams[0].records[0].value == 2850427
    assert answer.findings == ()
    assert attributes[4] == getattr(termios, f"B{baud}")
