"""Registers to few requests, within every limit, for any registers and limits."""

from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.obis import Obis
from quartier.drivers.modbus.part import Limits, Span
from quartier.drivers.modbus.plan import plan
from quartier.drivers.modbus.registers import Place, Register
from quartier.drivers.units import PLAUSIBLE
from quartier.protocols.modbus.values import Order, Type

WORDS = {Type.U16: 1, Type.U32: 2, Type.U64: 4}


def register(address, kind=Type.U32, function=3, group="", exponent=None):
    low, high = PLAUSIBLE["1"]
    return Register(
        f"r{function}_{address}",
        Obis.parse("1-1:1.8.0"),
        Place(function, address, WORDS[kind]),
        kind,
        Order.BIG,
        "1",
        low.from_float(1.0),
        low,
        high,
        group=group,
        exponent=None if exponent is None else Place(function, exponent, 1),
    )


def spans(registers, limits):
    return [(block.function, block.address, block.count) for block in plan(registers, limits)]


def test_neighbors_are_read_together():
    registers = [register(0), register(2), register(10), register(4, function=4)]
    assert spans(registers, Limits(0, 125, ())) == [(3, 0, 4), (3, 10, 2), (4, 4, 2)]
    assert spans(registers, Limits(6, 125, ())) == [(3, 0, 12), (4, 4, 2)]


def test_at_most_so_many_at_once():
    registers = [register(address) for address in range(0, 20, 2)]
    assert spans(registers, Limits(0, 8, ())) == [(3, 0, 8), (3, 8, 8), (3, 16, 4)]


def test_never_across_what_may_not_be_read():
    registers = [register(0), register(8)]
    assert spans(registers, Limits(20, 125, (Span(3, 4, 4),))) == [(3, 0, 2), (3, 8, 2)]
    assert spans(registers, Limits(20, 125, (Span(4, 4, 4),))) == [(3, 0, 10)]
    assert spans(registers, Limits(20, 125, (Span(3, 10, 90),))) == [(3, 0, 10)]


def test_groups_stay_apart_and_scales_come_along():
    registers = [
        register(0, group="a"),
        register(2, group="b"),
        register(20, Type.U16, exponent=21),
    ]
    assert spans(registers, Limits(5, 125, ())) == [(3, 0, 2), (3, 2, 2), (3, 20, 2)]


def test_a_value_is_never_cut_in_two():
    """Two ways to read the same words stay one request, whatever the limit."""
    registers = [register(0, Type.U64), register(2, Type.U64), register(6)]
    (block,) = plan(registers, Limits(0, 125, ()))
    assert [(part.address, part.count) for part in block.parts()] == [(0, 6), (6, 2)]
    assert spans(registers, Limits(0, 4, ())) == [(3, 0, 6), (3, 6, 2)]


REGISTERS = st.lists(
    st.builds(
        register,
        st.integers(0, 300),
        st.sampled_from(list(WORDS)),
        st.sampled_from([3, 4]),
        st.sampled_from(["", "a"]),
        st.none() | st.integers(0, 300),
    ),
    max_size=25,
)
LIMITS = st.builds(
    Limits,
    st.integers(0, 40),
    st.integers(4, 125),
    st.lists(
        st.builds(
            lambda f, a, n: Span(f, a, a + n),
            st.sampled_from([3, 4]),
            st.integers(0, 300),
            st.integers(0, 9),
        ),
        max_size=3,
    ).map(tuple),
)


@given(REGISTERS, LIMITS)
def test_every_place_is_fetched_once_and_no_limit_is_passed(registers, limits):
    wanted = [one.place for one in registers] + [one.exponent for one in registers if one.exponent]
    blocks = plan(registers, limits)
    assert {place for block in blocks for place in block.places} == set(wanted)
    for block in blocks:
        covered = set(range(block.address, block.address + block.count))
        for place in block.places:
            assert place.function == block.function
            assert set(range(place.address, place.end)) <= covered
        # What overlaps is one piece, longer than the limit if the file says so.
        asked_for = {at for place in block.places for at in range(place.address, place.end)}
        if len(covered) > limits.longest:
            assert covered == asked_for
        for span in limits.unreadable:
            if span.function == block.function:
                assert not covered - asked_for & set(range(span.first, span.last + 1))
        for part in block.parts():
            assert set(range(part.address, part.address + part.count)) <= asked_for


@given(REGISTERS, LIMITS)
def test_the_order_of_the_file_does_not_matter(registers, limits):
    assert set(spans(registers, limits)) == set(spans(registers[::-1], limits))
