"""Which record is the register: on real meters, and where it must not be guessed."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.obis import Obis
from quartier.protocols.mbus import frames, telegram
from quartier.protocols.mbus.errors import MBusError, OtherDevice
from quartier.protocols.mbus.frames import Long
from quartier.protocols.mbus.meter import read_meter
from quartier.protocols.mbus.picks import BadPick, Chosen, Meaning, Pick
from quartier.protocols.mbus.records import Function
from tests.protocols.mbus.captures import CAPTURES

HEAT, COLD, WATER, HOT = "6-0:1.0.0", "5-0:1.0.0", "8-0:1.0.0", "9-0:1.0.0"


def captured(name):
    (frame,), _, _ = frames.decode(CAPTURES[name].frame)
    return telegram.read(frame)[0]


def made(medium, *records):
    """A telegram of a meter of ``medium`` with ``records`` in hex."""
    header = bytes.fromhex("78 56 34 12 2D 2C 01") + bytes([medium]) + bytes.fromhex("05 00 00 00")
    return telegram.read(Long(8, 1, 0x72, header + bytes.fromhex("".join(records))))[0]


def states(got):
    return [
        (str(one.obis), one.value, one.unit, one.key_date)
        for one in got.registers
        if one.is_billing
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ACW_Itron-BM-plus-m", [(WATER, 54321, "l", None)]),
        ("siemens_water", [(HOT, 101, "l", None)]),
        ("oms_frame2", [(WATER, 2850427, "l", None), (WATER, 1445419, "l", date(2007, 12, 31))]),
        ("svm_f22_telegram1", [(HEAT, 28014000, "Wh", None)]),
        ("sen_pollusonic_2", [(HEAT, 6531000, "Wh", None)]),
        ("manual_frame2", [(WATER, 1, "l", None)]),
        (
            "abb_f95",
            [
                (HEAT, 0, "Wh", None),
                (HEAT, 0, "Wh", datetime(2011, 4, 30, 23, 59)),
                (HEAT, 0, "Wh", datetime(2011, 12, 31, 23, 59)),
            ],
        ),
        (
            "REL-Relay-Padpuls2",
            [
                ("7-0:3.0.0", 28760810, "l", None),
                ("7-0:3.0.0", 25973820, "l", date(2014, 12, 31)),
            ],
        ),
        (
            "gmc_emmod206",
            [("1-1:1.8.1", 103880, "Wh", None), ("1-1:1.8.2", 150000, "Wh", None)],
        ),
        ("filler", [("1-1:1.8.0", 5000, "Wh", None)]),
    ],
)
def test_registers_of_real_meters(name, expected):
    got, findings = read_meter([captured(name)])
    assert states(got) == expected
    assert all(finding.severity == "info" for finding in findings)


def test_the_volume_of_a_heat_meter_is_read_and_not_billed():
    got, _ = read_meter([captured("svm_f22_telegram1")])
    volume = got.current[Obis.parse("6-0:2.0.0")]
    assert (volume.value, volume.unit, volume.is_billing) == (640581, "l", False)


def test_the_clock_of_the_meter():
    got, _ = read_meter([captured("svm_f22_telegram1")])
    assert (got.clock, got.is_summer_time) == (datetime(2021, 2, 8, 21, 12), False)
    assert read_meter([captured("REL-Relay-Padpuls2")])[0].clock is None  # it says: invalid
    # The key date of storage number 0 is no clock, and a date to come is not the meter's.
    assert read_meter([made(7, "01 13 05", "02 6C BF 1C")])[0].clock is None
    assert read_meter([made(7, "01 13 05", "04 ED 7E 17 2E CC 13")])[0].clock is None


def test_registers_in_a_second_telegram():
    got, findings = read_meter([made(4, "01 5B 20 1F"), made(4, "01 06 07")])
    assert states(got) == [(HEAT, 7000, "Wh", None)]
    assert findings == ()


def test_two_devices_in_one_answer_are_refused():
    with pytest.raises(OtherDevice, match="meter 12345678"):
        read_meter([made(4, "01 06 07"), captured("oms_frame2")])


@pytest.mark.parametrize(
    ("medium", "records", "expected"),
    [
        (0x0D, ["01 06 07", "01 86 3C 02"], [(HEAT, 7000, "Wh", None), (COLD, 2000, "Wh", None)]),
        (0x0D, ["01 86 3B 07", "01 86 3C 02"],
         [(HEAT, 7000, "Wh", None), (COLD, 2000, "Wh", None)]),
        (0x0A, ["01 06 07"], [(COLD, 7000, "Wh", None)]),
        (0x04, ["01 06 07", "01 86 3B 08"], [(HEAT, 7000, "Wh", None)]),
        (0x04, ["01 FB 01 36", "04 06 70 D3 00 00"], [(HEAT, 54128000, "Wh", None)]),
        (0x04, ["01 0E 09"], [(HEAT, Decimal("2500"), "Wh", None)]),
        (0x04, ["01 0D 01"], [(HEAT, Decimal("27.777777"), "Wh", None)]),
        (0x04, ["01 FB 09 01"], [(HEAT, Decimal("277777.777777"), "Wh", None)]),
        (0x02, ["01 83 3B 07", "01 83 3C 02"],
         [("1-1:1.8.0", 7, "Wh", None), ("1-1:2.8.0", 2, "Wh", None)]),
        (0x07, ["0C 13 05 00 00 F0"], [(WATER, -5, "l", None)]),
        (0x16, ["02 12 0F 00"], [(WATER, Decimal("1.5"), "l", None)]),
        (0x08, ["02 6E 10 00"], [("4-0:1.0.0", 16, "1", None)]),
    ],
)  # fmt: skip
def test_rules(medium, records, expected):
    got, findings = read_meter([made(medium, *records)])
    assert states(got) == expected
    assert findings == ()


@pytest.mark.parametrize(
    "record",
    [
        "11 13 05",
        "21 13 05",
        "81 10 13 05",
        "81 40 13 05",
        "01 90 28 05",
        "01 FF 13 05",
        "01 3B 05",
    ],
    ids=["maximum", "minimum", "tariff", "subunit", "per pulse", "maker's", "flow"],
)
def test_what_is_not_the_plain_register_is_not_taken_for_it(record):
    got, (finding,) = read_meter([made(7, record)])
    assert got.registers == ()
    assert finding.code == "mbus.no_register"
    assert "None of the records is a register of water" in finding.message


@pytest.mark.parametrize(
    ("records", "why"),
    [
        (["31 06 07"], "is in a state of error"),
        (["0C 06 DD B4 EB DD"], "has no number"),
        (["01 06 07", "01 06 09"], "is there with two values that differ"),
        (["01 FB 01 36", "04 06 F0 D6 00 00"], "is there with two values that differ"),
    ],
)
def test_a_register_that_cannot_be_used_is_a_finding(records, why):
    got, (finding,) = read_meter([made(4, *records)])
    assert got.registers == ()
    assert finding.severity == "error"
    assert finding.message == f"The register {HEAT} {why}, and is not used."


def test_a_stored_value_without_a_date_is_not_used():
    got, (finding,) = read_meter([made(7, "01 13 09", "41 13 05", "42 6C 00 00")])
    assert states(got) == [(WATER, 9, "l", None)]
    assert finding.message == (
        f"The stored value 1 of {WATER} has no date, or several, and is not used."
    )
    two = made(7, "01 13 09", "41 13 05", "42 6C E1 01", "42 6C 01 11")
    assert states(read_meter([two])[0]) == [(WATER, 9, "l", None)]


def test_a_stored_value_alone_is_no_register():
    _, findings = read_meter([made(7, "41 13 05")])
    assert [finding.code for finding in findings] == ["mbus.undated", "mbus.no_register"]


def test_a_pulse_counter_that_names_no_medium_is_picked():
    pulses = captured("rel_padpuls2")
    got, (finding,) = read_meter([pulses])
    assert got.registers == ()
    assert finding.code == "mbus.no_rule"
    obis = Obis.parse(WATER)
    got, findings = read_meter(
        [made(0, "0C 13 27 04 85 02", "81 40 13 05")], Chosen({obis: Pick.parse("81 40", "13")})
    )
    assert states(got) == [(WATER, 5, "l", None)]
    assert findings == ()


@pytest.mark.parametrize(
    ("pick", "why"),
    [
        (Pick.parse("04", "06"), "is not there"),
        (Pick.parse("01", "13"), "is there twice"),
        (Pick.parse("0A", "13"), "has no number"),
    ],
)
def test_a_pick_that_does_not_fit(pick, why):
    sent = made(0, "01 13 05", "01 13 06", "0A 13 DD DD")
    got, (finding,) = read_meter([sent], Chosen({Obis.parse(WATER): pick}))
    assert got.registers == ()
    assert finding.message == f"The record with {pick}, chosen for {WATER}, {why}."


def test_a_register_by_what_its_record_says():
    sent = made(4, "04 06 6E 6D 00 00", "44 06 05 00 00 00", "81 40 13 05", "11 2B 07")
    chosen = {
        Obis.parse(HEAT): Meaning("energy", storage=1),
        Obis.parse(WATER): Meaning("volume", subunit=1),
    }
    got, findings = read_meter([sent], Chosen(chosen, by_medium=False))
    assert states(got) == [(HEAT, 5000, "Wh", None), (WATER, 5, "l", None)]
    assert findings == ()
    power = Meaning("power", Function.MAXIMUM)
    got, (finding,) = read_meter([sent], Chosen({Obis.parse(HEAT): power}, by_medium=False))
    assert got.registers == ()
    assert finding.message == (
        f"The record with power, maximum, chosen for {HEAT}, counts power, neither energy nor "
        "volume."
    )


@pytest.mark.parametrize(
    ("dib", "vib", "why"),
    [
        ("", "06", "has 0 bytes"),
        ("0g", "06", "is not in hexadecimal"),
        ("84", "06", "is not whole"),
        ("04 10", "06", "is not whole"),
        ("04", "06" * 41, "has 41 bytes"),
    ],
)
def test_bytes_that_name_no_record(dib, vib, why):
    with pytest.raises(BadPick, match=why):
        Pick.parse(dib, vib)


@given(st.binary(max_size=120), st.integers(0, 255))
def test_any_records_are_registers_or_findings(data, medium):
    header = bytes.fromhex("78 56 34 12 2D 2C 01") + bytes([medium]) + bytes.fromhex("05 00 00 00")
    got, findings = read_meter([telegram.read(Long(8, 1, 0x72, header + data))[0]])
    assert findings or any(one.key_date is None for one in got.registers)
    assert all(one.unit in {"Wh", "l", "1"} for one in got.registers)


@given(st.sampled_from(sorted(CAPTURES)), st.data())
def test_a_damaged_telegram_never_breaks_the_meter(name, data):
    body = bytearray(CAPTURES[name].frame[7:-2])
    for _ in range(3):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        got = telegram.read(Long(8, 1, CAPTURES[name].frame[6], bytes(body)))[0]
    except MBusError:
        return
    read_meter([got])
