"""Shelly drivers: a device on a port, made from its captures, read as a gateway reads it."""

import asyncio
import dataclasses
import json
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.drivers import catalog
from quartier.drivers.replay import BadCapture, captures_in, read_capture
from quartier.drivers.shelly.live import read_once
from quartier.drivers.shelly.reading import decode
from quartier.drivers.shelly.replay import replay
from quartier.formats.uplink.configuration import BusKind, BusSettings, MeterSettings, Plan
from quartier.gateway.lines import opener
from quartier.gateway.ports import BadMeter
from tests.protocols.shelly.device import Device

PLUG = catalog.family("shelly_plus_1pm")
FOUR = catalog.family("shelly_pro_4pm")
THREE = catalog.family("shelly_pro_3em")
CAPTURES = {
    path.stem: read_capture(path)
    for family in (PLUG, FOUR, THREE)
    for path in captures_in(family.folder)
}


def status_of(name):
    return json.loads(CAPTURES[name].raw["status"])


def meter_of(port, driver, address="0", given=None):
    bus = opener(time.monotonic)(BusSettings("plug", BusKind.SHELLY, "127.0.0.1", port))
    plan = Plan.QUARTER_HOUR
    return bus.meter(MeterSettings("w1", "plug", driver, "", address, "", plan, given or {}))


def taken(device, driver, what, **how):
    async def asked():
        async with device.listening() as port:
            return await getattr(meter_of(port, driver, **how), what)()

    return asyncio.run(asked())


def numbers(found):
    return {value.name: value.value for value in found.values}


def test_the_gateway_reads_a_plug_with_a_password():
    device = Device(status_of("plus_plug_s"), "secret")
    found = taken(device, "shelly_plus_1pm", "registers", given={"password": "secret"})
    assert numbers(found) == {"1-1:1.8.0": Decimal("7258.589")}
    assert (found.serial, found.is_reached, found.findings) == ("AABBCCDDEEFF", True, ())


def test_power_and_what_is_shown_of_an_instant():
    device = Device(status_of("triphase"))
    assert numbers(taken(device, "shelly_pro_3em", "power")) == {"1-1:16.7.0": Decimal("558.965")}
    shown = numbers(taken(device, "shelly_pro_3em", "momentary"))
    assert shown["1-1:72.7.0"] == Decimal("229.2")
    assert "1-1:1.8.0" not in shown


def test_each_channel_is_a_meter_of_its_own():
    status = status_of("channel_0")
    status["switch:2"]["aenergy"]["total"] = 1234.5
    found = taken(Device(status), "shelly_pro_4pm", "registers", address="2")
    assert numbers(found) == {"1-1:1.8.0": Decimal("1234.5")}
    assert found.serial == "AABBCCDDEEFF-2"


def test_a_channel_that_the_device_does_not_have():
    with pytest.raises(BadMeter, match="0 to 3"):
        meter_of(80, "shelly_pro_4pm", "4")
    with pytest.raises(BadMeter, match="is of modbus"):
        meter_of(80, "eastron_sdm630")


def test_a_wrong_password_is_a_finding_that_does_not_tell_it():
    device = Device(status_of("plus_1pm"), "secret")
    found = taken(device, "shelly_plus_1pm", "registers", given={"password": "mistyped"})
    assert [one.code for one in found.findings] == ["shelly.password"]
    assert not found.is_reached
    assert "mistyped" not in str(found.findings)
    family = catalog.family("shelly_plus_1pm", {"password": "mistyped"})
    assert "mistyped" not in repr(family)


@pytest.mark.parametrize(
    ("total", "code"),
    [
        (None, "shelly.missing"),
        (-1, "shelly.implausible"),
        (True, "shelly.implausible"),
        ("12", "shelly.implausible"),
        (1e30, "shelly.implausible"),
        ({}, "shelly.implausible"),
    ],
)
def test_a_register_that_cannot_be_meant(total, code):
    status = status_of("plus_1pm")
    status["switch:0"]["aenergy"]["total"] = total
    found = taken(Device(status), "shelly_plus_1pm", "registers")
    assert found.values == ()
    assert [one.code for one in found.findings] == [code]


def test_what_flowed_back_is_no_consumption():
    status = status_of("plus_plug_s")
    status["switch:0"]["ret_aenergy"] = {"total": 258.5}
    found = taken(Device(status), "shelly_plus_1pm", "registers")
    assert numbers(found) == {"1-1:1.8.0": Decimal("7000.089"), "1-1:2.8.0": Decimal("258.5")}


@pytest.mark.parametrize("returned", [7300, -1, "5", True])
def test_what_flowed_back_cannot_be_meant(returned):
    status = status_of("plus_plug_s")
    status["switch:0"]["ret_aenergy"] = {"total": returned}
    found = taken(Device(status), "shelly_plus_1pm", "registers")
    assert "1-1:1.8.0" not in numbers(found)
    assert {one.code for one in found.findings} == {"shelly.implausible"}


def test_the_device_is_found():
    async def scanned():
        async with Device({}).listening() as port:
            bus = opener(time.monotonic)(BusSettings("plug", BusKind.SHELLY, "127.0.0.1", port))
            return [one async for one in bus.scan()]

    (found,) = asyncio.run(scanned())
    assert (found.address, found.about) == ("0", "Plus1PM, AABBCCDDEEFF")


def test_a_person_reads_it_at_an_address():
    async def read():
        async with Device(status_of("plus_1pm")).listening() as port:
            at = f"127.0.0.1:{port}"
            return await read_once(PLUG, PLUG.head.models[0], at, 0, line=None)

    assert len(asyncio.run(read()).values) == 4


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text(max_size=5)
    | st.just({"total": Decimal("1e-99999")}),
    lambda inner: st.dictionaries(st.sampled_from(["total", "apower", "aenergy"]), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["switch:0", "sys", "x"]), ANYTHING))
@settings(max_examples=100)
def test_any_status_gives_values_or_findings(status):
    found = decode(status, PLUG.part, PLUG.part.registers, 0, "w1")
    optional = sum(one.is_optional for one in PLUG.part.registers)
    assert 0 <= len(PLUG.part.registers) - len(found.values) - len(found.findings) <= optional


@pytest.mark.parametrize(
    "changed",
    [{"channel": 1}, {"channel": "a"}, {"status": "{"}, {"status": "[]"}, {"status": 1}],
)
def test_a_capture_that_is_none(changed):
    capture = CAPTURES["plus_1pm"]
    broken = dataclasses.replace(capture, raw={**capture.raw, **changed})
    with pytest.raises(BadCapture):
        replay(PLUG, broken)


HEAD = (PLUG.folder / "driver.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("switch:{channel}.apower", "Switch 0", "no place in a status"),
        ('minus = "switch:', 'minus = "Switch 0', "no place in a status"),
        ('"1-1:32.7.0"', '"1-1:31.7.0"', "twice"),
        ('"1-1:16.7.0"', '"power"', "power"),
        ('unit = "W" }', 'unit = "W", billing = true }', "only a register of energy"),
        ("channels = 1", "channels = 9", "within 1 to 8"),
        ("channels = 1", "canals = 1", "there is no key 'canals'"),
    ],
)
def test_a_fault_of_the_file(old, new, said):
    assert old in HEAD
    loaded = catalog.parse(HEAD.replace(old, new).encode(), Path("test"))
    assert loaded.family is None
    assert any(said in fault.message for fault in loaded.faults)
