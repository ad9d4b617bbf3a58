"""A driver.toml with faults: each is named with its place; no bytes make the reader fall over."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.drivers import catalog
from quartier.drivers.settings import BadSetting

GOOD = """\
format = 1
family = "Test"
manufacturer = "Nobody"
medium = "electricity"
protocol = "modbus"
status = "unverified"

model = [{ name = "One", phases = 1 }]

register = [
    { obis = "1-1:1.8.0", address = 0, type = "u32", unit = "kWh", scale = 0.1, billing = true },
    { obis = "1-1:16.7.0", address = 2, type = "f32", unit = "W" },
]

[line]
baud = 9600
parity = "N"

[modbus]
function = 4
gap = 3

[source.one]
kind = "public"
title = "somebody/something, file"
revision = "abc"

[source.two]
kind = "public"
title = "another/thing, file"
revision = "def"
"""


def faults(text):
    data = text if isinstance(text, bytes) else text.encode()
    return [fault.in_file("driver.toml") for fault in catalog.parse(data, Path("test")).faults]


def test_a_good_file():
    loaded = catalog.parse(GOOD.encode(), Path("test"))
    assert loaded.faults == ()
    assert loaded.family.head.family == "Test"
    assert [register.name for register in loaded.family.part.registers] == [
        "1-1:1.8.0",
        "1-1:16.7.0",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 1", "format = 2", "driver.toml:1: format: 2 is not within 1 to 1."),
        ('family = "Test"', "", "driver.toml:1: the key 'family' is missing. Add it."),
        ('"electricity"', '"elektricity"', ":4: medium: 'elektricity' is not a choice here. Did"),
        ('"modbus"', '"profibus"', ":5: protocol: 'profibus' is not a choice here."),
        ('status = "unverified"', 'status = "verified"', ":6: status: verified needs a manual"),
        ("address = 0,", "address = -1,", ":11: register[1].address: -1 is not within 0 to 65535."),
        ("address = 0,", "adress = 0,", "there is no key 'adress' here. Did you mean 'address'?"),
        ("address = 0,", 'address = "0",', ":11: register[1].address: must be a whole number."),
        ("address = 0,", "address = 65535,", "2 registers from 65535 leave the address space."),
        ('"u32"', '"u33"', ":11: register[1].type: 'u33' is not a choice here. Did you mean 'u32'"),
        ('"u32"', '"text"', "register[1].type: a register is a number"),
        ('"kWh"', '"kwh"', ":11: register[1].unit: 'kwh' is not a choice here. Did you mean 'kWh'"),
        ('"kWh"', '"V"', "billing: only a counting register with an OBIS code is billed."),
        ("scale = 0.1", "scale = 0", "register[1].scale: must be above 0."),
        ("scale = 0.1", "scale = nan", "register[1].scale: NaN is not a number"),
        ("scale = 0.1", "scale = 1e99", "is not a number that can be meant."),
        ("1-1:1.8.0", "1.8", None),  # a short OBIS code is one too
        ("1-1:1.8.0", "power", ":11: register[1].obis: 'power' is not an OBIS code"),
        ('"1-1:16.7.0"', '"1-1:1.8.0"', ":12: register[2]: One has 1-1:1.8.0 twice. Remove one."),
        ("billing = true", "billing = 1", "register[1].billing: must be true or false."),
        ("billing = true", "low = 5, high = 5", "register[1].low: 5 is not below 5."),
        ("billing = true", 'models = ["Two"]', "the family has no model 'Two'."),
        ("billing = true", 'sources = ["one"]', "sources: rests on one public source alone."),
        ("billing = true", 'sources = ["six"]', "there is no source 'six'."),
        ("billing = true", 'name = "both"', "needs either an OBIS code or a name."),
        ("baud = 9600", "baud = 9601", "line.baud: 9601 baud is not one of"),
        ('parity = "N"', 'parity = "M"', ":17: line.parity: 'M' is not a choice here."),
        ("function = 4", "function = 6", ":20: modbus.function: 6 is not within 3 to 4."),
        ("gap = 3", "gap = 3\nunreadable = [{ first = 9, last = 1 }]", "1 is below 9."),
        ("gap = 3", "gap = 3\nunreadable = [{ first = 1, last = 9 }]", "said to be unreadable."),
        ("gap = 3", "gape = 3", "modbus.gape: there is no key 'gape' here. Did you mean 'gap'?"),
        ("[source.two]", "[source.one.two]", "needs a manual, or two public sources"),
        ('title = "another/thing, file"\n', "", ":28: source.two: the key 'title' is missing."),
        ('model = [{ name = "One", phases = 1 }]', "", "there is no [[model]]. Add one."),
        ('model = [{ name = "One", phases = 1 }]', "model = 3", ":8: model: must be a list"),
        ("phases = 1 }]", 'phases = 1 }, { name = "one" }]', ":8: model[2]: the model 'one' is"),
        ("register = [", "regster = [", "there is no key 'regster' here. Did you mean 'register'"),
        ("[line]", "[line", "driver.toml:15: this is not TOML:"),
    ],
)
def test_each_fault_is_named_with_its_place(old, new, said):
    assert old in GOOD
    found = faults(GOOD.replace(old, new, 1))
    if said is None:
        assert found == []
    else:
        assert any(said in fault for fault in found), found


def test_every_fault_at_once():
    text = GOOD.replace("address = 0", "address = -1").replace("u32", "u33").replace("9600", "1")
    assert len(faults(text)) == 3


@pytest.mark.parametrize("data", [b"\xff", b"a" + b".a" * 600 + b" = 1", b"x" * 300_000])
def test_what_is_no_file_of_ours(data):
    assert len(faults(data)) == 1


@given(st.binary(max_size=200))
def test_any_bytes_give_faults(data):
    assert faults(data)


@given(st.randoms(use_true_random=False))
def test_a_spoiled_file_gives_faults_or_a_family(random_):
    lines = GOOD.splitlines()
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(lines))
        line = lines[at]
        lines[at] = random_.choice(
            ["", line * 2, line[: len(line) // 2], line.replace('"', ""), _shuffled(line, random_)]
        )
    loaded = catalog.parse("\n".join(lines).encode(), Path("test"))
    assert (loaded.family is None) == bool(loaded.faults)


def _shuffled(line: str, random_: random.Random) -> str:
    words = line.split(" ")
    random_.shuffle(words)
    return " ".join(words)


class TestSettings:
    """The generic meter: what the installer fills in."""

    def test_an_empty_setting_leaves_its_register_out(self):
        family = catalog.family(
            "generic_modbus", {"import_register": "0x48", "energy_factor": "0.01"}
        )
        (register,) = family.part.registers
        assert (register.place.address, str(register.scale)) == (0x48, "0.01")

    def test_what_a_setting_says_is_checked_like_the_file(self):
        with pytest.raises(BadSetting, match="do not fit: 'f31' is not a choice here"):
            catalog.family("generic_modbus", {"import_register": "1", "energy_type": "f31"})

    @pytest.mark.parametrize(
        ("given_", "said"),
        [
            ({}, "'import_register' is missing: address of the energy drawn"),
            ({"import_register": "one"}, "import_register must be a whole number, not 'one'"),
            ({"import_register": "1", "power_factor": "NaN"}, "power_factor must be a number"),
            ({"import_register": "1", "reg": "1"}, "there is no setting 'reg'; there are: import"),
        ],
    )
    def test_settings_that_do_not_fit(self, given_, said):
        with pytest.raises(BadSetting, match=said):
            catalog.family("generic_modbus", given_)


def test_no_such_family():
    with pytest.raises(catalog.NoSuchFamily, match="there is no driver 'sdm999'; there are: abb"):
        catalog.family("sdm999")
