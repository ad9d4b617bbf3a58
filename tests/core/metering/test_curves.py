"""Curves of grid operators."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.quality import Quality
from quartier.core.metering.curves import curve_series
from quartier.core.metering.intervals import MISSING_WH, BadSeries

energies = st.lists(st.one_of(st.none(), st.decimals(0, 20, places=5)), max_size=40)


@given(energies)
def test_any_run_differs_from_the_curve_by_less_than_one_wh(curve):
    series = curve_series(1, 100, curve)
    exact, whole = Decimal(0), 0
    for energy, got, quality in zip(curve, series.energy_wh.tolist(), series.quality, strict=True):
        if energy is None:
            assert (got, quality) == (MISSING_WH, Quality.MISSING)
            continue
        exact += energy * 1000
        whole += got
        assert quality == Quality.MEASURED
        assert 0 <= exact - whole < 1


def test_each_interval_may_have_its_quality():
    q = [Quality.ESTIMATED, Quality.TEMPORARY, Quality.MEASURED]
    series = curve_series(1, 0, [Decimal("0.0004"), None, Decimal("0.0006")], q)
    assert series.energy_wh.tolist() == [0, MISSING_WH, 1]
    assert series.quality.tolist() == [Quality.ESTIMATED, Quality.MISSING, Quality.MEASURED]


@pytest.mark.parametrize("energy", ["1E+9", "-1E+9", "1E+30"])
def test_what_no_quarter_hour_holds_is_refused(energy):
    with pytest.raises(BadSeries):
        curve_series(1, 0, [Decimal(energy)])
    with pytest.raises(BadSeries):
        curve_series(1, 0, [Decimal(1)], [])
