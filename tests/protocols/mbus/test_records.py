"""Records made by hand from the tables of the standard, and any bytes at all."""

import struct
from datetime import date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.protocols.mbus import telegram
from quartier.protocols.mbus.errors import BadTelegram, Encrypted, MBusError
from quartier.protocols.mbus.frames import Long
from quartier.protocols.mbus.records import Function, read_records, scaled
from tests.protocols.mbus.captures import CAPTURES

HEADER = bytes.fromhex("78 56 34 12 2D 2C 01 07 05 00 00 00")


def one(text):
    """The record in ``text``, and what was found."""
    found = read_records(bytes.fromhex(text))
    assert len(found.records) == 1
    return found.records[0], found.findings


@pytest.mark.parametrize(
    ("sent", "quantity", "value", "unit"),
    [
        ("04 06 6E 6D 00 00", "energy", 28014000, "Wh"),
        ("04 00 01 00 00 00", "energy", Decimal("0.001"), "Wh"),
        ("04 0F 36 00 00 00", "energy", 540000000, "J"),
        ("04 FB 01 36 00 00 00", "energy", 54000000, "Wh"),
        ("04 FB 00 36 00 00 00", "energy", 5400000, "Wh"),
        ("04 FB 08 02 00 00 00", "energy", 200000000, "J"),
        ("04 16 5C 16 01 00", "volume", 71260000, "l"),
        ("04 13 45 C6 09 00", "volume", 640581, "l"),
        ("0C 12 42 07 00 00", "volume", Decimal("74.2"), "l"),
        ("02 41 07 00", "volume_flow", Decimal("0.42"), "l/h"),
        ("02 4B 05 00", "volume_flow", 18000 * Decimal("0.001"), "l/h"),
        ("02 5A C9 00", "flow_temperature", Decimal("20.1"), "°C"),
        ("02 65 9C FF", "external_temperature", -1, "°C"),
        ("0A 5E 34 F2", "return_temperature", Decimal("-23.4"), "°C"),
        ("05 2E 33 73 66 43", "power", Decimal("230450"), "W"),
        ("05 2B CD CC CC 3D", "power", Decimal("0.1"), "W"),
        ("07 03 FF FF FF FF FF FF FF 7F", "energy", 2**63 - 1, "Wh"),
        ("0E 04 56 34 12 00 00 00", "energy", 1234560, "Wh"),
        ("01 17 FB", "volume", -50000, "l"),
        ("03 22 01 00 00", "on_time", 3600, "s"),
        ("02 FD 46 E6 00", "voltage", Decimal("0.230"), "V"),
        ("04 93 7D 05 00 00 00", "volume", 5000, "l"),
        ("04 93 74 05 00 00 00", "volume", Decimal("0.05"), "l"),
        ("0D 13 C3 56 34 12", "volume", 123456, "l"),
        ("0D 13 D2 34 12", "volume", -1234, "l"),
        ("0D 13 E2 34 12", "volume", 0x1234, "l"),
        ("0D FD 11 02 5A 41", "customer", "AZ", ""),
        ("02 FD 17 00 80", "error_flags", 0x8000, ""),
    ],
)
def test_values(sent, quantity, value, unit):
    record, findings = one(sent)
    assert (record.quantity, record.value, record.unit) == (quantity, value, unit)
    assert not findings
    assert "E" not in str(record.value)


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ("02 6C BF 1C", date(2013, 12, 31)),
        ("04 6D 17 2E CC 13", datetime(2014, 3, 12, 14, 23)),
        ("04 6D 17 8E CC 16", datetime(2014, 6, 12, 14, 23)),
        ("06 6D 2A 17 0E CC 13 00", datetime(2014, 3, 12, 14, 23, 42)),
        ("03 6D 2A 17 0E", time(14, 23, 42)),
        ("04 ED 39 17 2E CC 13", datetime(2014, 3, 12, 14, 23)),
        ("02 93 6A BF 1C", date(2013, 12, 31)),
    ],
)
def test_dates(sent, value):
    record, findings = one(sent)
    assert record.value == value
    assert not findings


def test_a_clock_says_whether_it_shows_summer_time():
    assert one("04 6D 17 8E CC 16")[0].is_summer_time is True
    assert one("04 6D 17 2E CC 13")[0].is_summer_time is False
    assert one("06 6D 2A 17 0E CC 13 00")[0].is_summer_time is None
    assert one("02 6C BF 1C")[0].is_summer_time is None


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("02 6C 00 00", "2000-00-00 is no date"),
        ("02 6C FF FF", "is no date"),
        ("02 6C 3E 02", "2001-02-30 is no date"),
        ("04 6D 3F 1F CC 13", "31:63:00 is no time"),
        ("04 6D 97 2E CC 13", "marks its time as invalid"),
        ("06 6D FF FF FF FF FF FF", "is no date"),
        ("01 6C 01", "1 bytes are no date"),
    ],
)
def test_an_impossible_date_is_a_finding_and_no_date(sent, why):
    record, (finding,) = one(sent)
    assert record.value is None
    assert finding.code == "mbus.impossible_date"
    assert why in finding.message
    was_never_set = sent[6:] in {"00 00", "FF FF", "FF FF FF FF FF FF"}
    assert finding.severity == ("info" if was_never_set else "warning")


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("0C 13 DD B4 EB DD", "its digits are DDEBB4DD"),
        ("0C 13 A0 00 00 00", "its digits are 000000A0"),
        ("04 13 00 00 00 80", "marks it as not available"),
        ("05 2B 00 00 C0 7F", "NaN"),
        ("05 2B 00 00 80 7F", "NaN"),
        ("04 93 15 00 00 00 00", "no data available"),
        ("00 93 18", "the value is wrong"),
    ],
)
def test_what_the_meter_marks_as_no_value_is_a_finding_and_never_0(sent, why):
    record, (finding,) = one(sent)
    assert record.value is None
    assert finding.code == "mbus.no_value"
    assert why in finding.message


@given(
    storage=st.integers(0, 2**41 - 1),
    tariff=st.integers(0, 2**20 - 1),
    subunit=st.integers(0, 2**10 - 1),
    function=st.integers(0, 3),
    number=st.integers(-(2**31) + 1, 2**31 - 1),
    exponent=st.integers(0, 7),
)
def test_every_storage_tariff_and_subunit(storage, tariff, subunit, function, number, exponent):
    dib = [4 | function << 4 | (storage & 1) << 6]
    s, t, u = storage >> 1, tariff, subunit
    while s or t or u:
        dib[-1] |= 0x80
        dib.append((s & 15) | (t & 3) << 4 | (u & 1) << 6)
        s, t, u = s >> 4, t >> 2, u >> 1
    found = read_records(bytes(dib) + bytes([0x10 | exponent]) + struct.pack("<i", number))
    (record,) = found.records
    assert (record.storage, record.tariff, record.subunit) == (storage, tariff, subunit)
    assert record.function is Function(function)
    assert record.value == Decimal(number) * Decimal(10) ** (exponent - 3)
    assert record.dib == bytes(dib)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_is_the_shortest_decimal_that_is_it(value):
    (record,) = read_records(b"\x05\x2b" + struct.pack("<f", value)).records
    assert struct.pack("<f", float(record.value) + 0.0) == struct.pack("<f", value + 0.0)
    assert len(record.value.normalize().as_tuple().digits) <= 9


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("04 13 01 02", "needs 4 bytes of data, and 2 are left"),
        ("84", "ends within its head"),
        ("04", "ends within its head"),
        ("04 FD", "ends within its head"),
        ("0D 13", "ends within its head"),
        ("0D 13 FF", "has a length of FF hex"),
        ("0D 13 05 41", "needs 5 bytes of data, and 1 are left"),
        ("02 7C 09 41", "has no name of its unit"),
        ("02 7C 02 41 00 05 05", "has no name of its unit"),
        ("02 FC 03 41 00 41 74 05 05", "has no name of its unit"),
        ("84" + "80" * 11 + "00 13", "more than 10 DIFE"),
        ("04" + "93" * 12 + "13", "more than 10 VIFE"),
        ("3F 00", "begins with DIF 3F hex"),
    ],
)
def test_a_record_that_is_cut_off_is_a_finding_and_what_was_before_is_kept(sent, why):
    found = read_records(bytes.fromhex("01 13 07" + sent))
    assert [record.value for record in found.records] == [7]
    (finding,) = found.findings
    assert finding.code == "mbus.cut_record"
    assert finding.message.startswith("Record 2 ")
    assert why in finding.message


@pytest.mark.parametrize("vib", ["FC 03 48 52 25 74", "FC 74 03 48 52 25"])
def test_a_unit_in_plain_text_before_or_behind_its_vife(vib):
    record, findings = one(f"02 {vib} 22 15")
    assert (record.quantity, record.unit, record.value) == ("plain_text", "%RH", Decimal("54.10"))
    assert not findings


def test_a_unit_that_is_not_known_keeps_its_number_and_is_a_finding():
    record, (finding,) = one("01 FB 70 07")
    assert (record.quantity, record.unit, record.value) == ("unknown", "", 7)
    assert "FB 70 hex" in finding.message


def test_the_highest_byte_first():
    found = read_records(bytes.fromhex("04 13 00 09 C6 45 0C 06 12 34 56 78"), is_high_first=True)
    assert [record.value for record in found.records] == [640581, 12345678000]
    low, _ = telegram.read(Long(8, 1, 0x72, HEADER + bytes.fromhex("02 13 39 30")))
    high_header = bytes.fromhex("12 34 56 78 2C 2D 01 07 05 00 00 00")
    high, _ = telegram.read(Long(8, 1, 0x76, high_header + bytes.fromhex("02 13 30 39")))
    assert low.header == high.header
    assert low.records[0].value == high.records[0].value == 12345


def test_the_fixed_structure_in_binary_and_of_the_key_date():
    body = bytes.fromhex("78 56 34 12 0A 03 2C 45 FF FF FF 7F 10 27 00 00")
    got, findings = telegram.read(Long(8, 1, 0x73, body))
    assert got.header.medium == 4
    assert [(r.value, r.unit, r.storage) for r in got.records] == [
        ((2**31 - 1) * 1000, "l", 1),
        (10_000_000, "Wh", 1),
    ]
    assert findings == ()
    high = bytes.fromhex("12 34 56 78 0A 03 2C 45 7F FF FF FF 00 00 27 10")
    assert [r.value for r in telegram.read(Long(8, 1, 0x77, high))[0].records] == [
        r.value for r in got.records
    ]


def test_a_meter_that_encrypts_says_so():
    encrypted = HEADER[:10] + bytes.fromhex("10 05") + bytes(16)
    with pytest.raises(Encrypted, match="meter 12345678 sends its records encrypted"):
        telegram.read(Long(8, 1, 0x72, encrypted))


def test_the_signature_of_an_old_meter_is_no_encryption():
    signed = HEADER[:10] + bytes.fromhex("FF FF 01 13 05")
    assert telegram.read(Long(8, 1, 0x72, signed))[0].records[0].value == 5


def test_the_fixed_structure_of_mode_2_names_its_medium():
    body = bytes.fromhex("78 56 34 12 0A 01 AC A5 0A 00 00 00 0B 00 00 00")
    assert telegram.read(Long(8, 1, 0x73, body))[0].header.medium_name == "gas"
    heat = body[:6] + bytes.fromhex("EC A5") + body[8:]
    assert telegram.read(Long(8, 1, 0x73, heat))[0].header.medium_name == "heat (return)"


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (Long(8, 1, 0x72, HEADER[:9]), "its header has 9 of 12 bytes"),
        (Long(8, 1, 0x73, bytes(15)), "its data have 15 bytes"),
        (Long(8, 1, 0x51, HEADER), "CI 51 hex"),
        (Long(0x53, 1, 0x72, HEADER), "control 53 hex is not an answer"),
    ],
)
def test_what_is_no_telegram(frame, why):
    with pytest.raises(BadTelegram, match=why):
        telegram.read(frame)


def told(frame):
    """The findings of a frame, or its named error as one."""
    try:
        return telegram.read(frame)[1]
    except MBusError as reason:
        return (reason.finding("meter x"),)


@given(st.sampled_from([0x70, 0x72, 0x73, 0x76, 0x77, 0x78]), st.binary(max_size=252))
def test_any_bytes_are_a_telegram_or_the_named_error(ci, data):
    assert all(finding.message for finding in told(Long(8, 1, ci, data)))


@given(st.sampled_from(sorted(CAPTURES)), st.data())
def test_a_real_telegram_with_changed_bytes(name, data):
    body = bytearray(CAPTURES[name].frame[7:-2])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(0, len(body))) :]
    frame = Long(8, 1, CAPTURES[name].frame[6], bytes(body))
    assert all(finding.message for finding in told(frame))


@given(st.integers(-(10**19), 10**19).map(Decimal), st.integers(-12, 8))
def test_scaling_is_exact(number, exponent):
    got = scaled(number, Decimal(1).scaleb(exponent))
    assert got == number.scaleb(exponent)
    assert "E" not in f"{got}" or got.adjusted() < -6
