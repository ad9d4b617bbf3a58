"""Register readings as CSV."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.readings_csv import BadReadings, read_readings

GOOD = (
    b"meter,obis,read_at,value,serial,factor\n"
    b"m1,1-1:1.8.0,2026-01-01T00:00:00Z,1234.5,S1,3\n"
    b"m1,8-1:1.8.0,2026-01-01,12.25,,\n"
)


def test_rows_are_read_in_wh_and_litres():
    energy, water = read_readings(GOOD)
    assert (energy.meter, str(energy.obis), energy.value) == ("m1", "1-1:1.8.0", Decimal("1234500"))
    assert energy.read_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert (energy.serial, energy.factor) == ("S1", 3)
    assert (water.value, water.unit, water.read_at) == (12250, "l", datetime(2026, 1, 1))


def test_semicolon_decimal_comma_thousands_and_units():
    data = b"meter;read_at;value;unit\nm;2026-01-01 00:00;1'234,5;MWh\nm;2026-01-02;7;Wh\n"
    first, second = read_readings(data, decimal=",")
    assert (first.value, second.value) == (Decimal("1234500000"), 7)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n", "column 'meter'"),
        (b"meter,read_at,value\n", "nothing was read"),
        (b"meter,read_at,value\nm,2026-01-01,-1\n", "line 2: the value -1 is negative"),
        (b"meter,read_at,value\nm,2026-01-01,\n", "the value is empty"),
        (b'meter,read_at,value\nm,2026-01-01,"1,5"\n', "decimal sign is a point"),
        (b"meter,read_at,value\nm,1.1.26,1\n", "not an ISO 8601 time"),
        (b"meter,read_at,value,unit\nm,2026-01-01,1,m3\n", "does not fit"),
        (b"meter,read_at,value,unit\nm,2026-01-01,1,BTU\n", "not a unit"),
        (b"meter,obis,read_at,value\nm,x,2026-01-01,1\n", "not an OBIS code"),
        (b"meter,read_at,value,factor\nm,2026-01-01,1,0\n", "factor"),
        (b"meter,read_at,value\nm,2026-01-01,9999999999999\n", "too large"),
    ],
)
def test_refusals_say_why(data, says):
    with pytest.raises(BadReadings) as problem:
        read_readings(data)
    assert says in problem.value.errors[0]


@given(st.integers(0, len(GOOD)), st.integers(0, 20), st.binary(max_size=10))
def test_a_damaged_file_gives_a_named_error_or_readings(start, length, patch):
    try:
        rows = read_readings(GOOD[:start] + patch + GOOD[start + length :])
    except BadReadings as problem:
        assert problem.errors  # noqa: PT017  (either outcome is right)
    else:
        assert all(row.value >= 0 for row in rows)
