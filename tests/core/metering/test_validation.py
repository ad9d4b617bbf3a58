"""What is odd in a series."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from quartier.core.kernel.findings import Severity
from quartier.core.kernel.period import slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series
from quartier.core.metering.local_time import quarters_of_day
from quartier.core.metering.validation import (
    Thresholds,
    check_split,
    check_sum,
    validate,
    validate_production,
)

ZURICH = ZoneInfo("Europe/Zurich")
SLOT = slot_at(datetime(2026, 1, 5, 23, tzinfo=UTC))  # a local midnight


def series(values, first=SLOT):
    return Series.of(1, first, values)


def codes(values, **more):
    return [finding.code for finding in validate(series(values), where="m", **more)]


def test_a_plain_series_has_no_finding():
    assert codes([100, 0, 0, 0, 120] * 50, fuse_a=Decimal(25)) == []
    assert codes([]) == []


def test_each_kind_of_oddness():
    assert codes([1, None, None, 2]) == ["metering.gap"]
    assert codes([1, -1, 2]) == ["metering.negative"]
    assert codes([4_330, 4_331], fuse_a=Decimal(25)) == ["metering.over_fuse"]
    assert codes([70] * 31) == []
    assert codes([70] * 32) == ["metering.flat"]
    assert codes([19] * 500) == []  # an empty flat, not a meter that hangs
    assert codes([0] * 500) == []
    assert codes([2_000] * 3 + [1] + [2_000] * 3 + [40_000]) == []
    assert codes([2_000] * 3 + [1] + [2_000] * 3 + [40_001]) == ["metering.spike"]
    assert codes([1] * 3 + [2] + [20_000]) == []  # 20,000 times, but not above 20 kWh


def test_a_gap_names_its_place_and_stops_billing():
    (finding,) = validate(series([1, None, None, 2]), where="m")
    assert finding.severity is Severity.ERROR
    assert (finding.since, finding.until) == (slot_starts_at(SLOT + 1), slot_starts_at(SLOT + 3))
    assert finding.where == "m"


def test_a_thousand_gaps_are_eleven_findings():
    findings = validate(series([1, None] * 1000 + [1]), where="m")
    assert len(findings) == 11
    assert "in 990 more places" in findings[-1].message


def test_thresholds_are_data():
    assert codes([7] * 4, thresholds=Thresholds(flat_slots=4, flat_wh=1)) == ["metering.flat"]


def test_estimates_are_neither_flat_nor_spikes():
    even = Series.of(1, SLOT, [70] * 500, Quality.ESTIMATED)
    assert validate(even, where="m") == []
    high = Series.of(1, SLOT, [100] * 9 + [90_000], Quality.SUBSTITUTED)
    assert validate(high, where="m") == []
    assert codes([100] * 9 + [90_000]) == ["metering.spike"]


@pytest.mark.parametrize(("month", "offset"), [(1, 1), (7, 2)])
def test_production_by_night_follows_the_local_clock(month, offset):
    first = slot_at(datetime(2026, month, 6, tzinfo=UTC)) - 4 * offset
    day = [0] * 24 + [500] * 64 + [0] * 8
    assert validate_production(series(day, first), ZURICH, where="pv") == []
    wrong = [
        finding.code for finding in validate_production(series(day, first - 24), ZURICH, where="pv")
    ]
    assert wrong == ["metering.produces_by_night"]


def test_a_little_energy_by_night_is_no_finding():
    first = slot_at(datetime(2026, 1, 5, 23, tzinfo=UTC))
    day = [20] * 4 + [0] * 20 + [500] * 64 + [0] * 8
    assert validate_production(series(day * 9, first), ZURICH, where="pv") == []


def test_many_noons_without_production():
    bright, dark = [0] * 28 + [100] * 40 + [0] * 28, [0] * 96
    assert validate_production(series(dark * 30 + bright * 3), ZURICH, where="pv") == []
    assert validate_production(series(bright + dark * 6 + bright), ZURICH, where="pv") == []
    (finding,) = validate_production(series(bright + dark * 7 + bright), ZURICH, where="pv")
    assert (finding.code, finding.severity) == ("metering.dark_noon", Severity.WARNING)
    assert "7 days" in finding.message
    assert finding.since == slot_starts_at(SLOT + 96 + 40)
    assert validate_production(series(bright + [None] * 9 * 96), ZURICH, where="pv") == []


def test_a_total_is_its_parts_to_2_wh():
    total = series([10, 10, 10, None])
    parts = series([6, 6, 6, 1]), series([4, 2, 1, 1])
    (finding,) = check_split(total, *parts, where="m")
    assert (finding.code, finding.since) == ("metering.split", slot_starts_at(SLOT + 2))


@pytest.mark.parametrize(
    ("parts", "severity"),
    [
        (([500] * 4, [500] * 4), None),
        (([500] * 4, [495] * 4), None),
        (([500] * 4, [494] * 4), Severity.WARNING),
        (([500] * 4, [480] * 4), Severity.WARNING),
        (([500] * 4, [479] * 4), Severity.ERROR),
        (([500] * 4, [None] * 4), None),
        ((), Severity.ERROR),
    ],
)
def test_meters_behind_the_main_one_sum_to_it(parts, severity):
    main = series([1_000] * 4)
    findings = check_sum(main, [series(part) for part in parts], where="site")
    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def test_local_quarters_over_both_changes_of_the_clock():
    spring = slot_at(datetime(2026, 3, 28, 23, tzinfo=UTC))
    at = quarters_of_day(range(spring, spring + 92), ZURICH).tolist()
    assert at == [*range(8), *range(12, 96)]
    autumn = slot_at(datetime(2026, 10, 24, 22, tzinfo=UTC))
    at = quarters_of_day(range(autumn, autumn + 100), ZURICH).tolist()
    assert at == [*range(12), *range(8, 96)]
