"""Public holidays by canton."""

from datetime import date

import pytest

from quartier.markets.ch.holidays import CANTONS, UnknownCanton, easter, holidays


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (1961, date(1961, 4, 2)),
        (2000, date(2000, 4, 23)),
        (2008, date(2008, 3, 23)),
        (2011, date(2011, 4, 24)),
        (2024, date(2024, 3, 31)),
        (2025, date(2025, 4, 20)),
        (2026, date(2026, 4, 5)),
        (2027, date(2027, 3, 28)),
        (2038, date(2038, 4, 25)),
    ],
)
def test_easter(year, day):
    assert easter(year) == day


def test_there_are_26_cantons_and_all_keep_the_common_days():
    assert len(set(CANTONS)) == 26
    for canton in CANTONS:
        days = {day for day, _ in holidays(canton, 2026)}
        assert {date(2026, 1, 1), date(2026, 5, 14), date(2026, 8, 1), date(2026, 12, 25)} <= days
        assert 7 <= len(days) <= 16


def test_days_that_move():
    assert (date(2026, 9, 10), "Geneva Fast") in holidays("GE", 2026)
    assert (date(2026, 9, 21), "Federal Fast Monday") in holidays("VD", 2026)
    assert (date(2026, 4, 9), "Näfelser Fahrt") in holidays(
        "GL", 2026
    )  # 2 April is Maundy Thursday
    assert (date(2025, 4, 3), "Näfelser Fahrt") in holidays("GL", 2025)
    assert date(2026, 6, 4) in dict(holidays("LU", 2026))
    assert date(2026, 4, 3) not in dict(holidays("TI", 2026))


def test_the_national_day_since_1994():
    assert date(1993, 8, 1) not in dict(holidays("ZH", 1993))


def test_an_unknown_canton_is_refused():
    with pytest.raises(UnknownCanton, match="one of: AG"):
        holidays("XX", 2026)
