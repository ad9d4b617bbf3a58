"""A load curve in whole Wh, and what it leaves over."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from quartier.apps.intake import whole_curve
from quartier.apps.intake.whole_curve import WholeCurve
from quartier.core.kernel.energy import remainder_after
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH
from quartier.formats.load_curve import Curve
from quartier.formats.load_curve.curves import Point

FIRST = 100
energies = st.lists(st.one_of(st.none(), st.decimals(0, 20, places=5)), min_size=1, max_size=40)
carried = st.decimals(0, "0.99", places=2)


def curve_of(values, quality=Quality.MEASURED):
    points = tuple(Point(FIRST + i, one, quality) for i, one in enumerate(values))
    return WholeCurve(Curve("A", "import", points, tuple(range(2, 2 + len(points)))))


@given(energies, carried)
def test_any_run_differs_from_the_curve_by_less_than_one_wh(values, carried_wh):
    series = curve_of(values).series(1, carried_wh)
    assert series.first_slot == FIRST
    exact, whole = carried_wh, 0
    for energy, got, quality in zip(values, series.energy_wh.tolist(), series.quality, strict=True):
        if energy is None:
            assert (got, quality) == (MISSING_WH, Quality.MISSING)
            continue
        exact += energy * 1000
        whole += got
        assert quality == Quality.MEASURED
        assert 0 <= exact - whole < 1


@given(energies, carried, st.data())
def test_the_remainders_of_its_parts_join(values, carried_wh, data):
    curve = curve_of(values)
    end = FIRST + len(values)
    middle = data.draw(st.integers(FIRST, end))
    before, after = curve.remainders(FIRST, end, carried_wh)
    assert (before, after) == (carried_wh, remainder_after(values, carried_wh))
    first = curve.remainders(FIRST, middle, carried_wh)
    second = curve.remainders(middle, end, carried_wh)
    assert (first[1], second[1]) == (second[0], after)


def test_what_was_worked_out_is_not_worked_out_again(monkeypatch):
    curve = curve_of([Decimal("0.0004"), None, Decimal("0.0007")])
    curve.work_out(Decimal("0.5"))
    monkeypatch.setattr(whole_curve, "whole_wh", lambda *_words: 1 / 0)
    series = curve.series(1, Decimal("0.5"))
    assert series.energy_wh.tolist() == [0, MISSING_WH, 1]
    real = whole_curve.remainder_after
    asked = []
    monkeypatch.setattr(
        whole_curve, "remainder_after", lambda run, left: asked.append(list(run)) or real([], left)
    )
    assert curve.remainders(FIRST, FIRST + 3, Decimal("0.5")) == (Decimal("0.5"), Decimal("0.6"))
    assert asked == [[]]  # before the curve there is nothing
