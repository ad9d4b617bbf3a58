"""From words to a value in its base unit, digit by digit."""

import struct
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.energy import Carry
from quartier.core.metering.registers import Reading
from quartier.drivers.modbus.registers import Implausible, Place, Register
from quartier.drivers.units import PLAUSIBLE
from quartier.drivers.values import Value
from quartier.protocols.modbus.values import SIZES, NotAvailable, Order, Type

WIDE = Decimal(10) ** 40


def register(kind, unit, scale="1", *, exponent=False, limits=None, missing=()):
    low, high = limits or (-WIDE, WIDE)
    place = Place(3, 0, SIZES[kind])
    return Register(
        "x",
        None,
        place,
        kind,
        Order.BIG,
        unit,
        Decimal(scale),
        low,
        high,
        missing=frozenset(missing),
        exponent=Place(3, 9, 1) if exponent else None,
    )


@given(st.integers(0, 2**64 - 1), st.sampled_from(["1", "0.1", "0.01", "0.001", "7.5"]))
def test_integers_are_scaled_exactly(raw, scale):
    words = tuple(raw >> shift & 0xFFFF for shift in (48, 32, 16, 0))
    value = register(Type.U64, "kWh", scale).value(words)
    assert Fraction(value.value) == raw * Fraction(scale) * 1000
    assert value.unit == "Wh"


@given(st.integers(-(2**15) + 1, 2**15 - 1), st.integers(-10, 10))
def test_a_scale_factor_of_the_device(raw, power):
    value = register(Type.S16, "W", exponent=True).value((raw & 0xFFFF,), (power & 0xFFFF,))
    assert Fraction(value.value) == raw * Fraction(10) ** power


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4))
def test_counters_of_tariffs_are_added_up_exactly(raw):
    first, *others = (tuple(one >> shift & 0xFFFF for shift in (16, 0)) for one in raw)
    value = register(Type.U32, "kWh", "0.1").value(first, plus=tuple(others))
    assert Fraction(value.value) == sum(raw) * 100


def test_a_sum_without_one_of_its_parts_is_no_value():
    summed = register(Type.U16, "Wh", missing=[0xFFFF])
    with pytest.raises(NotAvailable):
        summed.value((5,), plus=((0xFFFF,),))


def test_a_scale_factor_that_cannot_be():
    with pytest.raises(Implausible, match="10\\^11"):
        register(Type.S16, "W", exponent=True).value((1,), (11,))
    with pytest.raises(NotAvailable):
        register(Type.S16, "W", exponent=True).value((1,), (0x8000,))


@pytest.mark.parametrize(
    ("words", "kind", "unit"),
    [
        ((0x7149, 0xF2CA), Type.F32, "kWh"),  # 1e30 kWh
        ((0x3333, 0x4366), Type.F32, "V"),  # 230.2 with its words swapped
        ((0xC366, 0x3333), Type.F32, "V"),  # negative
        ((0xFFFF,), Type.S16, "Wh"),
        ((80,), Type.U16, "Hz"),
        ((101,), Type.U16, "%"),
    ],
)
def test_what_cannot_be(words, kind, unit):
    base = register(kind, unit).base
    with pytest.raises(Implausible):
        register(kind, unit, limits=PLAUSIBLE[base]).value(words)


@given(st.floats(1e-6, 1e9), st.floats(0, 1e3))
def test_a_float_of_64_bits_is_a_state_of_a_register_and_never_falls(state, more):
    def read(number):
        words = struct.unpack(">4H", struct.pack(">d", number))
        return register(Type.F64, "kWh").value(words).value

    value = read(state)
    assert Reading(datetime(2026, 1, 1, tzinfo=UTC), value).value == value
    assert 0 <= Decimal(repr(state)) * 1000 - value < Decimal("1e-9")
    assert read(state + more) >= value


@given(st.lists(st.decimals("0", "50", places=4), min_size=1, max_size=20))
def test_whole_wh_and_what_they_leave(steps):
    """The whole Wh of successive states, with their remainders, lose nothing."""
    state = Decimal("1234.5678")
    carry = Carry(Fraction(Value("x", None, state, "Wh").remainder))
    taken = Value("x", None, state, "Wh").whole
    for step in steps:
        state += step
        whole, carry = carry.take(step)
        taken += whole
        value = Value("x", None, state, "Wh")
        assert (value.whole, Fraction(value.remainder)) == (taken, carry.remainder_wh)
        assert value.whole + value.remainder == state
