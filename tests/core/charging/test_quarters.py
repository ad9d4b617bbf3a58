"""Registers of a session to quarter-hours: whole, conserved, estimated only where not read."""

from decimal import Decimal
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from quartier.core.charging.quarters import quarters_of
from quartier.core.charging.record import Point
from quartier.core.kernel.quality import Quality
from tests.core.charging.told import SLOT, minute

M, E = Quality.MEASURED, Quality.ESTIMATED


def points(*pairs):
    return [Point(minute(at), Decimal(wh)) for at, wh in pairs]


def test_aligned_registers_are_measured():
    found = quarters_of(points((7, 1000), (15, 1100), (30, 1400), (38, 1500)))
    assert (found.first_slot, found.energies_wh) == (SLOT, [100, 300, 100])
    assert found.qualities == [M, M, M]


def test_what_was_not_read_is_spread_inside_the_session():
    found = quarters_of(points((5, 1000), (35, 1600)))
    assert found.energies_wh == [200, 300, 100]
    assert found.qualities == [E, E, E]


def test_only_the_quarter_hours_at_a_boundary_that_was_not_read_are_estimated():
    found = quarters_of(points((0, 0), (15, 10), (20, 20), (40, 100), (45, 110), (50, 120)))
    assert found.energies_wh == [10, 50, 50, 10]
    assert found.qualities == [M, E, E, M]


def test_a_register_near_the_boundary_counts_as_the_boundarys():
    found = quarters_of(points((7, 0), (15.4, 100), (20, 150)))
    assert found.energies_wh == [100, 50]
    assert found.qualities == [M, M]


def test_an_end_on_the_boundary_begins_no_quarter_hour():
    found = quarters_of(points((0, 0), (15, 100)))
    assert found.energies_wh == [100]


def test_one_register_is_a_session_without_energy():
    found = quarters_of(points((3, 5)))
    assert (found.energies_wh, found.qualities) == ([0], [M])


def test_what_is_finer_than_a_watt_hour_is_carried():
    found = quarters_of(points((0, "0.6"), (15, "1.5"), (30, "2.4"), (45, "3.2")))
    assert found.energies_wh == [1, 1, 1]


def test_of_two_registers_at_one_instant_the_one_next_to_the_boundary_counts():
    found = quarters_of(points((0, 0), (14.5, 0), (14.5, 10), (16, 10), (30, 20)))
    assert found.energies_wh == [10, 10]
    found = quarters_of(points((0, 0), (15.4, 5), (15.4, 10), (30, 20)))
    assert found.energies_wh == [5, 15]


@given(
    st.lists(
        st.tuples(
            st.floats(0, 600, allow_nan=False), st.decimals(0, 10**6, places=3, allow_nan=False)
        ),
        min_size=1,
        max_size=40,
    )
)
def test_each_watt_hour_is_in_one_quarter_hour(pairs):
    instants = sorted(at for at, _ in pairs)
    values = sorted(wh for _, wh in pairs)
    found = quarters_of(points(*zip(instants, values, strict=True)))
    assert sum(found.energies_wh) == floor(values[-1]) - floor(values[0])
    assert min(found.energies_wh) >= 0
    assert len(found.energies_wh) == len(found.qualities)
