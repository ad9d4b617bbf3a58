"""Who is on the bus: pymodbus' simulator with meters of several makers, and noise."""

import pytest
from pymodbus.simulator import DataType, SimData

from quartier.drivers import catalog
from quartier.drivers.modbus.scan import QUICK, scan
from quartier.protocols.modbus.errors import NoConnection
from quartier.protocols.modbus.rtu import crc16
from tests.drivers.maps import INVERTER, sdm630, sunspec
from tests.protocols import clock
from tests.protocols.modbus.simulator import device, registers, simulated

FAMILIES = catalog.families()


def who(devices, units, **more):
    async def run():
        async with simulated(devices, **more) as bus:
            return [present async for present in scan(bus, units, FAMILIES)]

    return clock.run(run())


def em24():
    """An EM24 by its code, with the grid of an EM340 where both have it."""
    volts = SimData(0, values=[2300, 2301, 2302], datatype=DataType.REGISTERS)
    return [volts, registers(11, [71]), registers(0x33, [500])]


@pytest.mark.parametrize("rtu", [False, True])
def test_a_bus_of_several_makers(rtu):
    abb = [registers(0, [0, 0]), registers(0x8960, [0x4232, 0x3420])]
    devices = [
        device(3, inputs=sdm630()),
        device(7, holding=abb),
        device(8, inputs=em24()),
        device(9, holding=sunspec(40000, (103, INVERTER))),
        device(40, holding=[registers(9, [1])]),
    ]
    found = who(devices, range(1, 42), rtu=rtu)
    assert [present.unit for present in found] == [3, 7, 8, 9, 40]
    fits = {present.unit: present.families for present in found}
    assert "eastron_sdm630" in fits[3]
    assert fits[7] == ("abb_b2x",)
    assert fits[8][0] == "carlogavazzi_em24"
    assert fits[9] == ("sunspec",)
    assert fits[40] == ()


def test_a_meter_without_voltage_is_not_guessed():
    (present,) = who([device(3, inputs=sdm630(voltage=0.0))], [3])
    assert present.families == ()


def test_a_converter_that_answers_for_nobody():
    def trace(is_sent, packet):
        if is_sent and packet[6] == 5:  # "the device did not answer"
            return packet[:4] + b"\0\3" + packet[6:7] + bytes([packet[7] | 0x80, 11])
        return packet

    found = who([device(4), device(5), device(6)], range(4, 7), trace=trace)
    assert [present.unit for present in found] == [4, 6]


def test_two_devices_at_one_address():
    """They speak at once: what arrives is no frame, and a finding says why."""

    def trace(is_sent, packet):
        return bytes(byte ^ 0x5A for byte in packet) if is_sent else packet

    (present,) = who([device(5, inputs=sdm630())], [5], rtu=True, trace=trace)
    (finding,) = present.findings
    assert (present.unit, present.families) == (5, ())
    assert finding.code == "modbus.garbled"
    assert "no two devices have the same address" in finding.remedy


def test_a_device_that_answers_for_another():
    def trace(is_sent, packet):
        if not is_sent:
            return packet
        body = bytes([6]) + packet[1:-2]
        return body + crc16(body).to_bytes(2, "little")

    (present,) = who([device(5, inputs=sdm630())], [5], rtu=True, trace=trace)
    assert [finding.code for finding in present.findings] == ["modbus.other_address"]


def test_a_line_that_is_not_there():
    async def run():
        async with simulated([device(5)]) as bus:
            pass
        with pytest.raises(NoConnection):
            [present async for present in scan(bus, [5], FAMILIES, QUICK)]

    clock.run(run())
