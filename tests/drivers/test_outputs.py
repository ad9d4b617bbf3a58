"""Relays: switched over pymodbus' own simulator and over a Shelly device, as a gateway does."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.drivers import catalog
from quartier.drivers.modbus.replay import replay
from quartier.drivers.outputs import NotSwitched
from quartier.drivers.readers import BadDevice, LineSettings, open_line
from quartier.drivers.replay import read_capture
from quartier.drivers.settings import BadSetting
from tests.drivers.test_shelly import FOUR, THREE, status_of
from tests.protocols.modbus.simulator import coils, device, registers, simulated
from tests.protocols.shelly.device import Device

WAVESHARE = catalog.family("waveshare_relay")
BY_REGISTER = {"relays": "2", "first": "1", "write": "6", "read": "3", "on": "256", "off": "512"}


def line_to(bus, timeout_s=1.0):
    host, _, port = bus.link.name.partition(":")
    settings = LineSettings(host=host, port=int(port), timeout_s=timeout_s)
    return open_line("modbus", settings, time.monotonic)


async def switched(bus, family, address="3", channel=1):
    """What the relay says before, after it was closed, and after it was opened."""
    line = line_to(bus)
    try:
        output = line.output(family, address, channel, "boiler")
        said = [await output.is_on()]
        for is_on in (True, False):
            await output.switch(is_on, 180)
            said.append(await output.is_on())
        return said
    finally:
        line.close()


def test_a_coil_is_switched_and_read_back():
    async def scenario():
        async with simulated([device(3, bits=[coils(0, [False] * 16)])]) as bus:
            return await switched(bus, WAVESHARE)

    assert asyncio.run(scenario()) == [False, True, False]


def test_a_relay_of_a_register_is_switched_by_the_numbers_of_its_manual():
    async def scenario():
        async with simulated([device(3, holding=[registers(0, [0, 512, 512])])]) as bus:
            return await switched(bus, catalog.family("generic_relays", BY_REGISTER))

    assert asyncio.run(scenario()) == [False, True, False]


def test_a_number_that_is_neither_on_nor_off_is_said():
    async def scenario():
        async with simulated([device(3, holding=[registers(0, [0, 7, 7])])]) as bus:
            await switched(bus, catalog.family("generic_relays", BY_REGISTER))

    with pytest.raises(NotSwitched) as problem:
        asyncio.run(scenario())
    assert problem.value.finding.code == "output.unknown_state"
    assert problem.value.finding.where == "boiler"


def test_a_module_that_is_silent_is_said():
    async def scenario():
        async with simulated([device(4, bits=[coils(0, [False] * 16)])]) as bus:
            line = line_to(bus, timeout_s=0.05)
            try:
                await line.output(WAVESHARE, "3", 0, "boiler").switch(True, 180)
            finally:
                line.close()

    with pytest.raises(NotSwitched) as problem:
        asyncio.run(scenario())
    assert problem.value.finding.code.startswith("modbus.no_")


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_shelly_closes_for_a_while_only_and_opens_for_good(password):
    status = {f"switch:{channel}": {"id": channel, "output": False} for channel in range(4)}
    there = Device(status, password)

    async def scenario():
        async with there.listening() as port:
            family = catalog.family(FOUR.head.key, {"password": password} if password else {})
            line = open_line("shelly", LineSettings(host="127.0.0.1", port=port), time.monotonic)
            output = line.output(family, "", 2, "pump")
            said = [await output.is_on()]
            await output.switch(True, 180)
            said += [await output.is_on(), dict(there.holds)]
            await output.switch(False, 180)
            return [*said, await output.is_on(), there.holds]

    assert asyncio.run(scenario()) == [False, True, {2: 180}, False, {2: 0}]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + b'{"output":"on"}', "output.unknown"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "shelly.answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "shelly.answer"),
    ],
)
def test_a_device_that_is_none_is_said(raw, code):
    there = Device(status_of("plus_plug_s"), raw=raw)

    async def scenario():
        async with there.listening() as port:
            line = open_line("shelly", LineSettings(host="127.0.0.1", port=port), time.monotonic)
            await line.output(FOUR, "", 0, "pump").is_on()

    with pytest.raises(NotSwitched) as problem:
        asyncio.run(scenario())
    assert problem.value.finding.code.startswith(code)


@pytest.mark.parametrize(
    ("protocol", "family", "address", "channel"),
    [
        ("modbus", WAVESHARE, "1", 8),
        ("modbus", WAVESHARE, "248", 0),
        ("modbus", WAVESHARE, "x", 0),
        ("modbus", catalog.family("eastron_sdm630"), "1", 0),
        ("shelly", FOUR, "", 4),
        ("shelly", THREE, "", 0),
        ("mbus", catalog.family("mbus_meter"), "1", 0),
    ],
)
def test_what_has_no_such_relay_is_refused(protocol, family, address, channel):
    line = open_line(protocol, LineSettings(host="127.0.0.1", port=9), time.monotonic)
    with pytest.raises(BadDevice):
        line.output(family, address, channel, "boiler")


@settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.integers(-5, 70_000).map(str) | st.text(max_size=5)
            for name in ("relays", "first", "write", "read", "on", "off", "pause_ms")
        },
    )
)
def test_settings_give_relays_that_can_be_switched_or_are_refused(given_settings):
    try:
        family = catalog.family("generic_relays", given_settings)
    except BadSetting:
        return
    outputs = family.part.outputs
    assert outputs.write in (5, 6, 16)
    assert outputs.first + outputs.channels <= 0x10000
    assert outputs.on != outputs.off


def test_a_capture_that_switches_otherwise_differs():
    path = WAVESHARE.folder / "captures" / "four_relays.toml"
    capture = read_capture(path)
    capture.raw["switched"].append("5 on")
    assert [one.where for one in replay(WAVESHARE, capture).findings] == ["relay 5"]
