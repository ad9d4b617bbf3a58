"""OBIS codes in the spellings that meters and grid operators use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.obis import NotObis, Obis


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1-1:1.8.0", "1-1:1.8.0"),
        ("1.8.0", "1-1:1.8.0"),
        ("1-0:2.8.1*255", "1-0:2.8.1"),
        ("1-1:1.29", "1-1:1.29.0"),
        (" 6-0:1.0.0 ", "6-0:1.0.0"),
    ],
)
def test_spellings(text, canonical):
    assert str(Obis.parse(text)) == canonical


@pytest.mark.parametrize("bad", ["", "1", "a.b.c", "1-1:1.8.0.0.0", "1-1:999.8.0", "1.8.0; DROP"])
def test_what_is_not_a_code_is_refused(bad):
    with pytest.raises(NotObis):
        Obis.parse(bad)


@given(st.tuples(*[st.integers(0, 255)] * 5))
def test_a_code_reads_back(parts):
    code = Obis(*parts)
    assert Obis.parse(str(code)) == code


def test_directions():
    assert Obis.parse("1-1:1.8.2").is_import
    assert Obis.parse("1-1:2.29.0").is_export
    assert not Obis.parse("8-0:1.0.0").is_import
    assert Obis.parse("1-1:1.8.2").total == Obis.parse("1.8.0")
