"""Numbers of every type and order; what a float says; what says that there is nothing."""

import contextlib
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.protocols.modbus.errors import BadFrame
from quartier.protocols.modbus.values import (
    SIZES,
    NotAvailable,
    Order,
    Type,
    bits,
    number,
    text,
)


def words(data):
    data = bytes.fromhex(data) if isinstance(data, str) else data
    return tuple(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))


@pytest.mark.parametrize(
    ("data", "kind", "value"),
    [
        ("FFFE", "u16", "65534"),
        ("FFFE", "s16", "-2"),
        ("0001 0000", "u32", "65536"),
        ("FFFF FFFE", "s32", "-2"),
        ("0001 0000 0001", "u48", "4294967297"),
        ("0000 0001 0000 0000", "u64", "4294967296"),
        ("FFFF FFFF FFFF FFFF", "s64", "-1"),
        ("4366 3334", "f32", "230.20001"),
        ("4366 3333", "f32", "230.2"),
        ("C2C8 0000", "f32", "-100"),
        ("8000 0000", "f32", "0"),
        ("3F80 0001", "f32", "1.0000001"),
        ("40F0 0000 0000 0000", "f64", "65536"),
        ("3FB9 9999 9999 999A", "f64", "0.1"),
        ("1234", "bcd16", "1234"),
        ("0012 3456", "bcd32", "123456"),
        ("0000 0000 1234 5678", "bcd64", "12345678"),
        ("0001 270F", "mod10k_32", "19999"),
        ("0001 0000 0002", "mod10k_48", "100000002"),
        ("0000 0001 0000 0000", "mod10k_64", "100000000"),
    ],
)
def test_types(data, kind, value):
    assert number(words(data), Type(kind)) == Decimal(value)


@pytest.mark.parametrize(
    ("order", "data"),
    [
        ("big", "4366 3333"),
        ("words_swapped", "3333 4366"),
        ("bytes_swapped", "6643 3333"),
        ("little", "3333 6643"),
    ],
)
def test_orders(order, data):
    assert number(words(data), Type.F32, Order(order)) == Decimal("230.2")


def test_orders_of_four_words():
    data = words("0004 0003 0002 0001")
    assert number(data, Type.U64, Order.WORDS_SWAPPED) == 0x0001_0002_0003_0004


@pytest.mark.parametrize("data", ["7FC0 0000", "FFC0 0000", "7F80 0000", "FF80 0000", "FFFF FFFF"])
def test_what_is_no_number(data):
    with pytest.raises(NotAvailable):
        number(words(data), Type.F32)


def test_a_double_that_is_no_number():
    with pytest.raises(NotAvailable):
        number(words("7FF8 0000 0000 0000"), Type.F64)


def test_a_sign_that_there_is_no_value():
    """In the order of the value, not of the line: 0x80000000 sent low word first."""
    missing = frozenset({0x80000000})
    with pytest.raises(NotAvailable):
        number(words("0000 8000"), Type.S32, Order.WORDS_SWAPPED, missing)
    assert number(words("8000 0000"), Type.S32, Order.WORDS_SWAPPED, missing) == 0x8000


@pytest.mark.parametrize(
    ("data", "kind"),
    [("12A4", "bcd16"), ("2710 0000", "mod10k_32"), ("0001", "u32"), ("0001 0002", "u16")],
)
def test_words_that_are_no_such_number(data, kind):
    with pytest.raises(BadFrame):
        number(words(data), Type(kind))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_is_the_shortest_decimal_that_is_it(value):
    data = struct.pack(">f", value)
    found = number(words(data), Type.F32)
    assert struct.pack(">f", float(found)) == struct.pack(">f", value + 0.0)
    assert len(found.normalize().as_tuple().digits) <= 9


@given(st.integers(0, 9_999_999))
def test_what_a_float_meter_shows_is_what_is_read(hundredths):
    """Up to 99999.99 kWh a float keeps what the display shows to the hundredth, if it can."""
    shown = Decimal(hundredths).scaleb(-2)
    sent = struct.pack(">f", float(shown))
    found = number(words(sent), Type.F32)
    assert abs(found - shown) <= Decimal("0.005")
    if hundredths < 1_000_000:  # six digits are always exact
        assert found == shown


@given(
    st.sampled_from(sorted(SIZES)),
    st.sampled_from(sorted(Order)),
    st.lists(st.integers(0, 0xFFFF), max_size=6),
)
def test_any_words_give_a_number_or_a_named_reason(kind, order, data):
    with contextlib.suppress(BadFrame, NotAvailable):
        assert number(data, kind, order).is_finite()


def test_text_and_bits():
    assert text(words("4565 7374 0000 5858")) == "Eest"
    assert text(words("6545 7473"), Order.BYTES_SWAPPED) == "Eest"
    assert text(words("201B 4D20")) == "M"
    assert bits(words("8421"), 4, 8) == 0x42
    assert bits(words("0001 8000"), 15, 2) == 0b11


@given(st.lists(st.integers(0, 0xFFFF), max_size=20), st.sampled_from(sorted(Order)))
def test_any_words_give_a_text_that_can_be_printed(data, order):
    assert text(data, order).isprintable()
