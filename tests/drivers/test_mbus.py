"""M-Bus drivers: faults of their files, settings, captures with anything in them, and a line."""

import dataclasses
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.drivers import catalog
from quartier.drivers.mbus.replay import replay
from quartier.drivers.readers import BadDevice, LineSettings, open_line
from quartier.drivers.replay import BadCapture, captures_in, read_capture
from quartier.drivers.settings import BadSetting
from tests.protocols.clock import run
from tests.protocols.mbus.captures import CAPTURES
from tests.protocols.mbus.slaves import Converter, Device, closed

FAMILY = catalog.family("mbus_meter")
REAL = {path.stem: read_capture(path) for path in captures_in(FAMILY.folder)}
WATER = CAPTURES["oms_frame2"].frame
HEAT = CAPTURES["svm_f22_telegram1"].frame
CHOSEN = {"register": "8-0:1.0.0", "dib": "81 40", "vib": "13"}
HEAD = """\
format = 1
family = "Test"
manufacturer = "Nobody"
medium = "heat"
protocol = "mbus"
status = "unverified"
model = [{ name = "One" }, { name = "Two" }]
"""
SOURCE = """
[source.one]
kind = "manual"
title = "Manual"
revision = "1"
pages = "3"
"""


def parsed(middle, source=SOURCE):
    return catalog.parse((HEAD + middle + source).encode(), Path("test"))


def test_every_real_frame_is_here():
    names = {name.lower().replace("-", "_").replace(".", "_") for name in CAPTURES}
    assert names | {"rel_padpuls2_chosen"} == set(REAL)


def test_registers_by_meaning_and_by_bytes():
    loaded = parsed("""
register = [
    { obis = "6-0:1.0.0", quantity = "energy", storage = 1, billing = true },
    { obis = "5-0:1.0.0", dib = "84 10", vib = "06", billing = true, models = ["One"] },
    { obis = "5-0:1.0.0", quantity = "energy", tariff = 2, models = ["Two"] },
]
[line]
baud = 2400
parity = "E"
""")
    assert loaded.faults == ()
    one, two = loaded.family.head.models
    part = loaded.family.part
    assert [str(register.pick) for register in part.of_model(one)] == [
        "energy, storage 1",
        "DIB 84 10, VIB 06",
    ]
    assert [str(register.pick) for register in part.of_model(two)] == [
        "energy, storage 1",
        "energy, tariff 2",
    ]
    assert str(part.serial) == "2400 8E1"


@pytest.mark.parametrize(
    ("middle", "said"),
    [
        ("", "there is no [[register]]"),
        ('register = [{ obis = "x", quantity = "energy" }]', "is not an OBIS code"),
        ('register = [{ obis = "6-0:1.0.0", quantity = "power" }]', "counts energy or volume"),
        ('register = [{ obis = "6-0:1.0.0", quantity = "enrgy" }]', "Did you mean 'energy'?"),
        ('register = [{ obis = "6-0:1.0.0", dib = "04" }]', "the key 'vib' is missing"),
        ('register = [{ obis = "6-0:1.0.0", dib = "84", vib = "06" }]', "is not whole"),
        (
            'register = [{ obis = "6-0:1.0.0", quantity = "energy", qualifiers = ["new"] }]',
            "'new' is no word of a VIFE",
        ),
        ('register = [{ obis = "6-0:1.0.0", quantity = "energy", models = ["X"] }]', "no model"),
        (
            'register = [{ obis = "6-0:1.0.0", quantity = "energy" }, '
            '{ obis = "6-0:1.0.0", dib = "04", vib = "06", models = ["Two"] }]',
            "Two has 6-0:1.0.0 twice",
        ),
        ("mbus = { by_medium = 1 }", "must be true or false"),
        ("mbus = { by_medium = true, rule = 1 }", "there is no key 'rule'"),
        ("mbus = { by_medium = true }\nline = { baud = 2401, parity = 'E' }", "2401 baud"),
    ],
)
def test_faults(middle, said):
    loaded = parsed(middle)
    assert loaded.family is None
    assert said in " ".join(fault.in_file("driver.toml") for fault in loaded.faults)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_settings_are_a_family_or_a_refusal(register, dib, vib):
    given_ = {"register": register, "dib": dib, "vib": vib}
    try:
        family = catalog.family("mbus_meter", given_)
    except BadSetting:
        return
    assert len(family.part.registers) == all(given_.values())


def test_settings_choose_the_record_and_are_compared_before_they_are_billed():
    chosen = catalog.family("mbus", CHOSEN)
    part, (model,) = chosen.part, chosen.head.models
    assert [str(obis) for obis in part.chosen(model).picks] == ["8-0:1.0.0"]
    assert not part.chosen(model).by_medium
    assert chosen.head.is_unverified(CHOSEN)
    assert not FAMILY.head.is_unverified({})
    with pytest.raises(BadSetting, match="'dib' needs the setting 'register' too"):
        catalog.family("mbus_meter", {"dib": "04"})
    with pytest.raises(BadSetting, match="do not fit: DIB '0x' is not in hexadecimal"):
        catalog.family("mbus_meter", {**CHOSEN, "dib": "0x"})


def spoiled(name, telegrams):
    capture = REAL[name]
    listed = [one.hex() for one in telegrams]
    return dataclasses.replace(capture, raw={**capture.raw, "telegrams": listed})


@given(st.lists(st.binary(min_size=6, max_size=255), min_size=1, max_size=4))
def test_any_bytes_give_values_or_findings(telegrams):
    reading = replay(FAMILY, spoiled("oms_frame2", telegrams))
    assert reading.values or reading.findings


@given(st.sampled_from(sorted(REAL)), st.data())
def test_any_records_in_a_sound_frame(name, data):
    body = bytearray(bytes.fromhex(REAL[name].raw["telegrams"][0])[4:-2])
    for _ in range(3):
        body[data.draw(st.integers(3, len(body) - 1))] = data.draw(st.integers(0, 255))
    reading = replay(FAMILY, spoiled(name, [closed(bytes(body))]))
    assert reading.values or reading.findings
    assert all(value.value.is_finite() for value in reading.values)


@pytest.mark.parametrize(
    ("telegrams", "said"),
    [(None, "no telegrams"), (["6z"], "telegram 1 is not in hex"), (["68"], "too short")],
)
def test_captures_that_are_none(telegrams, said):
    capture = REAL["oms_frame2"]
    with pytest.raises(BadCapture, match=said):
        replay(FAMILY, dataclasses.replace(capture, raw={"telegrams": telegrams}))


def test_a_reader_of_a_line_by_both_addresses():
    async def read():
        async with Converter(Device(5, [HEAT]), Device(6, [WATER])) as far:
            at = LineSettings(host="127.0.0.1", port=far.port, timeout_s=0.05)
            line = open_line("mbus", at, time.monotonic)
            (model,) = FAMILY.head.models
            heat = await line.reader(FAMILY, model, "5", "h1").registers()
            water = line.reader(FAMILY, model, "92752244", "w1")
            with pytest.raises(BadDevice, match="is not the number of a meter"):
                line.reader(FAMILY, model, "12X", "w2")
            taken = await water.registers(), await water.power()
            line.close()
            return heat, *taken

    heat, water, power = run(read())
    assert [(value.name, value.value) for value in heat.values] == [("6-0:1.0.0", 28014000)]
    assert (heat.serial, heat.is_reached) == ("01006089", True)
    assert [(value.name, value.value) for value in water.values] == [("8-0:1.0.0", 2850427)]
    assert power.values == ()
