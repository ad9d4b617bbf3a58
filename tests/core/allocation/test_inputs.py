"""Energies that cannot be: each is named with its row and column."""

import numpy as np
import pytest

from quartier.core.allocation import BadEnergy, allocate

ONE = np.ones((2, 3), np.int64)


def share(consumption=ONE, production=ONE, **given):
    return allocate(consumption, production, "proportional", slots=given.pop("slots", 0), **given)


def with_value(value, dtype=np.int64):
    values = np.ones((2, 3), dtype)
    values[1, 2] = value
    return values


@pytest.mark.parametrize(
    ("given", "words", "row", "column"),
    [
        ({"consumption": with_value(-5)}, "consumption is negative .-5 mWh.* row 1", 1, 2),
        ({"production": with_value(-5)}, "production is negative", 1, 2),
        ({"consumption": with_value(np.nan, float)}, "consumption is nan in row 1", 1, 2),
        ({"production": with_value(np.inf, float)}, "production is inf", 1, 2),
        ({"consumption": with_value(1.5, float)}, "array of float64", None, None),
        ({"consumption": np.ones(3, np.int64)}, "1 dimensions, not 2", None, None),
        ({"consumption": np.full((2, 3), "x")}, "array of <U1", None, None),
        ({"production": np.ones((1, 4), np.int64)}, "4 intervals and consumption 3", None, None),
        ({"consumption": with_value(2**63 - 1)}, "consumption sums to more than", None, 2),
        ({"production": with_value(2**63 - 1)}, "production sums to more than", None, 2),
        ({"slots": np.arange(4)}, "slots has the shape", None, None),
        ({"consumers": ["a"]}, "1 names for 2 consumers", None, None),
        ({"is_member": np.ones((2, 2), bool)}, "is_member has the shape", None, None),
        (
            {"charge_mwh": np.array([0, -1, 0]), "discharge_mwh": np.zeros(3, np.int64)},
            "charge is negative",
            None,
            1,
        ),
        (
            {"charge_mwh": np.zeros(2, np.int64), "discharge_mwh": np.zeros(3, np.int64)},
            "charge has the shape",
            None,
            None,
        ),
    ],
)
def test_refused(given, words, row, column):
    with pytest.raises(BadEnergy, match=words) as caught:
        share(**given)
    assert (caught.value.row, caught.value.column) == (row, column)


def test_the_input_is_left_as_it_was():
    generator = np.random.default_rng(1)
    consumption = generator.integers(0, 1000, (5, 50))
    production = generator.integers(0, 2000, (2, 50))
    copies = consumption.copy(), production.copy()
    result = share(consumption, production)
    result.solar_mwh[:] = -1
    result.used_mwh[:] = -1
    assert np.array_equal(consumption, copies[0])
    assert np.array_equal(production, copies[1])


def test_large_but_possible():
    """The largest total that fits: 9e18 mWh in one interval."""
    consumption = np.array([[4 * 10**18], [5 * 10**18]])
    result = share(consumption, np.array([[9 * 10**18 - 1]]))
    assert int(result.solar_mwh.sum()) == 9 * 10**18 - 1
