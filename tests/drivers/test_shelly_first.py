"""Shellys of the first generation: counters lost in a power cut, sums of clamps, their login."""

import asyncio
import json
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.drivers import catalog
from quartier.drivers.replay import captures_in, read_capture
from quartier.drivers.shelly.reading import decode
from quartier.formats.uplink.configuration import BusKind, BusSettings, MeterSettings, Plan
from quartier.gateway.lines import opener
from tests.protocols.shelly.device import Device
from tests.protocols.shelly.first import FirstDevice

RELAY, TWO, THREE = (catalog.family(name) for name in ("shelly_1pm", "shelly_em", "shelly_3em"))
CAPTURES = {
    path.stem: read_capture(path)
    for family in (RELAY, TWO, THREE)
    for path in captures_in(family.folder)
}


def status_of(name):
    return json.loads(CAPTURES[name].raw["status"])


def meter_of(port, driver, address="0", given=None):
    bus = opener(time.monotonic)(BusSettings("plug", BusKind.SHELLY, "127.0.0.1", port))
    plan = Plan.QUARTER_HOUR
    return bus.meter(MeterSettings("w1", "plug", driver, "", address, "", plan, given or {}))


def taken(device, driver, what="registers", **how):
    async def asked():
        async with device.listening() as port:
            return await getattr(meter_of(port, driver, **how), what)()

    return asyncio.run(asked())


def numbers(found):
    return {value.name: value.value for value in found.values}


def codes(found):
    return [one.code for one in found.findings]


def test_a_count_that_a_power_cut_empties_is_never_taken_and_it_is_said():
    device = FirstDevice(status_of("1pm"))
    found = taken(device, "shelly_1pm")
    assert (found.values, found.is_reached, codes(found)) == ((), True, ["shelly.forgetful"])
    assert numbers(taken(device, "shelly_1pm", "power")) == {"1-1:16.7.0": Decimal("12.46")}


def test_no_driver_can_bill_watt_minutes():
    text = (RELAY.folder / "driver.toml").read_text(encoding="utf-8")
    changed = text.replace('unit = "Wmin" }', 'unit = "Wmin", billing = true }')
    assert changed != text
    loaded = catalog.parse(changed.encode(), Path("test"))
    assert loaded.family is None
    assert [one.message for one in loaded.faults] == [
        "a counter of watt-minutes is lost in a power cut."
    ]


def test_watt_minutes_are_hours_after_all_rounded_down():
    total = next(one for one in RELAY.part.registers if one.unit == "Wmin")
    assert total.amount(Decimal(23_389)) == Decimal("389.816666666")
    assert total.amount(Decimal(60)) == 1


@given(st.integers(0, 10**14), st.integers(0, 10**6))
def test_more_watt_minutes_are_never_fewer_hours(count, more):
    total = next(one for one in RELAY.part.registers if one.unit == "Wmin")
    before, after = total.amount(Decimal(count)), total.amount(Decimal(count + more))
    assert before <= after
    assert abs(before * 60 - count) <= Decimal("6e-8")


def test_each_clamp_is_a_meter_of_its_own():
    found = taken(FirstDevice(status_of("second_clamp")), "shelly_em", address="1")
    assert numbers(found) == {"1-1:1.8.0": Decimal("2310.7"), "1-1:2.8.0": Decimal("812345.6")}
    assert (found.serial, found.findings) == ("AABBCCDDEEFF-1", ())


def test_the_clamps_of_a_three_phase_meter_are_summed_exactly():
    found = taken(FirstDevice(status_of("three_clamps")), "shelly_3em")
    assert numbers(found)["1-1:1.8.0"] == Decimal("1866106.7")
    assert found.serial == "AABBCCDDEEFF"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda clamps: clamps.pop(), ["shelly.missing"] * 2),
        (lambda clamps: clamps[1].pop("total"), ["shelly.missing"]),
        (lambda clamps: clamps[1].update(total=-1), ["shelly.implausible"]),
        (lambda clamps: clamps[1].update(total="5"), ["shelly.implausible"]),
        (lambda clamps: clamps[2].update(is_valid=False), ["shelly.doubted"]),
    ],
)
def test_no_sum_of_fewer_clamps_than_there_are(change, expected):
    status = status_of("three_clamps")
    change(status["emeters"])
    found = taken(FirstDevice(status), "shelly_3em")
    assert codes(found) == expected
    assert "1-1:1.8.0" not in numbers(found)


def test_the_password_goes_to_the_user_of_the_device():
    device = FirstDevice(status_of("second_clamp"), "geheim ü", "haus")
    found = taken(device, "shelly_em", given={"password": "geheim ü", "user": "haus"})
    assert len(found.values) == 2
    wrong = taken(device, "shelly_em", given={"password": "geheim ü"})
    assert (codes(wrong), wrong.is_reached) == (["shelly.password"], False)


def test_the_password_of_a_newer_device_never_goes_in_the_clear():
    old = FirstDevice(status_of("second_clamp"), "secret")
    found = taken(old, "shelly_plus_1pm", given={"password": "secret"})
    assert codes(found) == ["shelly.answer"]
    assert not any("Authorization" in head for head in old.asked)


def test_a_driver_of_the_other_generation():
    assert codes(taken(Device({}, "secret"), "shelly_em", given={"password": "secret"})) == [
        "shelly.answer"
    ]
    odd = FirstDevice({}, "secret", challenge="Digest x")
    assert codes(taken(odd, "shelly_em", given={"password": "secret"})) == ["shelly.answer"]


def test_the_device_is_found():
    async def scanned():
        async with FirstDevice({}, "secret").listening() as port:
            bus = opener(time.monotonic)(BusSettings("plug", BusKind.SHELLY, "127.0.0.1", port))
            return [one async for one in bus.scan()]

    (found,) = asyncio.run(scanned())
    assert found.about == "SHPLG-S, AABBCCDDEEFF"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["total", "power", "is_valid", "0"]), inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["emeters", "meters", "mac"]), ANYTHING))
def test_any_status_gives_values_or_findings(status):
    found = decode(status, THREE.part, THREE.part.registers, 0, "w1")
    assert len(found.values) + len(found.findings) <= len(THREE.part.registers) + 3
    assert found.values or found.findings


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("generation = 1", "generation = 3", "within 1 to 2"),
        ("generation = 1", "generation = 1\nrelays = true", "not switched"),
        ('example = "admin"', 'example = "ad:min"', "no name of a user"),
        ("emeters.0+1+2.power", "emeters.0+.power", "no place in a status"),
    ],
)
def test_a_fault_of_the_file(old, new, said):
    text = (THREE.folder / "driver.toml").read_text(encoding="utf-8")
    assert old in text
    loaded = catalog.parse(text.replace(old, new, 1).encode(), Path("test"))
    assert loaded.family is None
    assert any(said in fault.message for fault in loaded.faults)
