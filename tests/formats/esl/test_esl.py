"""ESLBillingData: readings before the factor, and named errors."""

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.esl import EslError, looks_like_esl, read_billing_data

GOOD = b"""<?xml version="1.0"?>
<ESLBillingData><Header version="1.0"/>
<Meter factoryNo="1"><TimePeriod end="2019-11-01T00:00:00">
<ValueRow obis="1-1:1.6.1" value="5.5" status="V"/>
<ValueRow obis="1-1:1.8.1" value="8592.6000" status="V"/>
<ValueRow obis="1-1:1.8.2" value="21286.1000" status="V"/>
</TimePeriod></Meter></ESLBillingData>"""


def test_counters_are_read_and_peaks_left_out():
    readings, findings = read_billing_data(GOOD)
    assert looks_like_esl(GOOD)
    assert findings == ()
    assert [(str(r.obis), r.value) for r in readings] == [
        ("1-1:1.8.1", Decimal("8592.6")),
        ("1-1:1.8.2", Decimal("21286.1")),
    ]
    assert readings[0].read_at == datetime(2019, 11, 1)
    assert readings[0].line == 5


def test_a_reading_that_is_not_valid_is_not_used():
    readings, findings = read_billing_data(
        GOOD.replace(b'"8592.6000" status="V"', b'"1" status="X"')
    )
    assert len(readings) == 1
    assert findings[0].code == "esl.status"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"ESLBillingData", b"Other", "not ESLBillingData"),
        (b'factoryNo="1"', b"", "factoryNo"),
        (b"2019-11-01T00:00:00", b"soon", "not a time"),
        (b"2019-11-01T00:00:00", b"0001-01-01T00:00:00", "year"),
        (b"8592.6000", b"-1", "not a reading"),
        (b"8592.6000", b"1,5", "not a reading"),
        (b"1-1:1.8.1", b"energy", "not an OBIS code"),
        (b".8.", b".7.", "nothing was read"),
        (b"</ESLBillingData>", b"", "well-formed"),
        (b"<ESLBillingData>", b'<!DOCTYPE a [<!ENTITY x "y">]><ESLBillingData>', "document type"),
    ],
)
def test_what_cannot_be_read_says_why(old, new, says):
    with pytest.raises(EslError, match=says):
        read_billing_data(GOOD.replace(old, new))


@given(st.integers(0, len(GOOD)), st.integers(0, 40), st.binary(max_size=10))
def test_a_damaged_file_gives_a_named_error_or_readings(start, length, patch):
    try:
        readings, findings = read_billing_data(GOOD[:start] + patch + GOOD[start + length :])
    except EslError as problem:
        assert str(problem)  # noqa: PT017  (either outcome is right)
    else:
        assert readings or findings


def test_the_real_exports(real_data):
    import tarfile

    with tarfile.open(real_data / "sdat" / "building_2018-12_2020-03.tar.gz") as tar:
        files = [tar.extractfile(m).read() for m in tar if m.isfile() and "registers" in m.name]
    assert len(files) == 20
    readings = [one for data in files for one in read_billing_data(data)[0]]
    assert {one.serial for one in readings} == {"38157930", "5442313"}
