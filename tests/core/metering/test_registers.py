"""Two readings to a delta, and readings to quarter-hours."""

import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.energy import NotEnergy
from quartier.core.kernel.period import slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.registers import Device, Reading, delta_wh, intervals

T0 = datetime(2026, 3, 1, tzinfo=UTC)
SLOT = int(T0.timestamp()) // 900
QUARTER = timedelta(minutes=15)
M, E, X = Quality.MEASURED, Quality.ESTIMATED, Quality.MISSING


def at(quarters, value, quality=M, serial=""):
    return Reading(T0 + quarters * QUARTER, Decimal(value), quality, serial)


def device(serial="A", installed=0, removed=None, **more):
    more.setdefault("is_new", False)
    return Device(
        serial,
        T0 + installed * QUARTER,
        None if removed is None else T0 + removed * QUARTER,
        **more,
    )


def codes(findings):
    return [finding.code for finding in findings]


# -- delta ----------------------------------------------------------------------------------------


def delta(start, end, quarters=1, fuse="25", **fields):
    return delta_wh(at(0, start), at(quarters, end), device(**fields), fuse and Decimal(fuse))


def test_delta_is_the_difference_times_the_factor():
    assert delta(1000, "1234.5") == (Fraction(469, 2), [])
    assert delta(1000, 1234, factor=Decimal("1.5")) == (351, [])


def test_roll_over_needs_digits_fuse_and_a_plausible_amount():
    assert delta(999_999_500, 250, digits=6) == (750, [])
    for fields in ({"digits": None}, {"digits": 6, "fuse": None}, {"digits": 7}):
        energy, findings = delta(999_999_500, 250, **fields)
        assert energy is None
        assert codes(findings) == ["metering.backwards"]
    # 25 A let 4.3 kWh through in a quarter-hour: 5 kWh over the roll-over were a reset
    assert delta(999_999_500, 4_500, digits=6)[0] is None
    assert delta(999_999_500, 4_500, quarters=2, digits=6) == (5_000, [])


def test_more_than_the_fuse_allows_is_no_delta():
    energy, findings = delta(0, 90_000)
    assert energy is None
    assert codes(findings) == ["metering.over_fuse"]
    assert delta(0, 90_000, fuse=None) == (90_000, [])


# -- quarter-hours --------------------------------------------------------------------------------


def hours(readings, *devices, **more):
    return intervals(readings, devices, **more)


def test_readings_on_the_boundaries_are_measured():
    got, findings = hours([at(2, 130), at(0, 100), at(1, 110), at(1, 110)])
    assert (got.first_slot, got.energies_wh, got.qualities) == (SLOT, [10, 20], [M, M])
    assert findings == []


def test_a_reading_inside_a_measured_quarter_hour_changes_nothing():
    got, _ = hours([at(0, 100), at(0.5, 104), at(1, 110)])
    assert (got.energies_wh, got.qualities) == ([10], [M])


def off(quarters, seconds, value, quality=M):
    return Reading(T0 + quarters * QUARTER + timedelta(seconds=seconds), Decimal(value), quality)


@pytest.mark.parametrize("seconds", [-30, -12, 0, 12, 30])
def test_a_reading_near_a_boundary_counts_as_read_on_it(seconds):
    got, findings = hours([off(0, seconds, 0), off(1, -seconds, 900), off(2, seconds, 1000)])
    assert (got.first_slot, got.energies_wh, got.qualities) == (SLOT, [900, 100], [M, M])
    assert findings == []


def test_further_off_it_is_interpolated_and_estimated():
    got, _ = hours([at(0, 0), off(1, 31, 931), at(2, 1800)])
    assert got.energies_wh == [900, 900]
    assert got.qualities == [E, E]


def test_the_nearest_to_a_boundary_counts_and_of_two_the_earlier():
    near, _ = hours([at(0, 0), off(1, -20, 880), off(1, 5, 905), off(1, 25, 925), at(2, 1800)])
    assert near.energies_wh == [905, 895]
    assert near.qualities == [M, M]
    equal, _ = hours([at(0, 0), off(1, -10, 890), off(1, 10, 910), at(2, 1800)])
    assert equal.energies_wh == [890, 910]


def test_what_a_new_device_counted_in_its_first_seconds_is_not_lost():
    new = device(installed=0, is_new=True)
    got, _ = hours([off(0, 20, 7), at(1, 300), at(2, 600)], new)
    assert got.energies_wh == [300, 300]


def test_no_reading_is_moved_over_the_edge_of_its_device():
    late = Device("A", T0 + timedelta(seconds=10), is_new=False)
    got, _ = hours([off(0, 10, 100), off(0, 25, 125), at(1, 990)], late)
    assert got.energies_wh == [890], "all that it counted since it is there"
    early = Device("A", T0 - QUARTER, T0 + QUARTER - timedelta(seconds=10), is_new=False)
    got, _ = hours([at(-1, 0), at(0, 900), off(1, -25, 1775), off(1, -10, 1790)], early)
    assert got.energies_wh == [900, 890]


@given(
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 50)), min_size=1, max_size=40),
    st.integers(0, 899),
)
def test_however_far_from_the_boundaries_no_wh_is_lost(steps, start):
    """From one boundary that was read to another: the sum is the difference of their readings,
    and each quarter-hour is within power x 30 s of what was there."""
    readings, seconds, value = [], start, 0
    for step, energy in steps:
        readings.append(off(0, seconds, value))
        seconds += step * 9
        value += energy
    got, findings = hours(readings)
    assert findings == []
    assert all(energy is None or energy >= 0 for energy in got.energies_wh)
    measured = [n for n, quality in enumerate(got.qualities) if quality is M]
    if measured:
        first, end = got.first_slot + measured[0], got.first_slot + measured[-1] + 1
        states = {
            slot: min(
                readings,
                key=lambda one: (abs(one.read_at - slot_starts_at(slot)), one.read_at),
            )
            for slot in (first, end)
        }
        whole = sum(e for e in got.energies_wh[measured[0] : measured[-1] + 1] if e is not None)
        assert None not in got.energies_wh[measured[0] : measured[-1] + 1]
        assert whole == states[end].value - states[first].value


def test_between_two_readings_the_energy_is_known_and_its_spread_estimated():
    got, _ = hours([at(0, 100), at(4, 110), at(5, 111)])
    assert got.energies_wh == [2, 3, 2, 3, 1]
    assert got.qualities == [E, E, E, E, M]


def test_nothing_is_extrapolated_over_the_edges():
    got, findings = hours([at(0.5, 0), at(1.5, 100), at(2.5, 300)])
    assert (got.first_slot, got.energies_wh, got.qualities) == (SLOT + 1, [150], [E])
    assert findings == []
    assert hours([at(0.2, 0), at(0.8, 5)])[0].qualities == []
    assert hours([at(0, 5)])[0].qualities == []
    assert hours([])[0].qualities == []


def test_a_reading_of_lower_quality_passes_it_on():
    got, _ = hours([at(0, 0), at(1, 5, Quality.MANUAL), at(2, 9), at(3, 12)])
    assert got.qualities == [Quality.MANUAL, Quality.MANUAL, M]


def test_at_one_instant_a_person_outranks_and_equals_must_agree():
    got, findings = hours([at(0, 0), at(1, 9_999), at(1, 5, Quality.MANUAL), at(2, 9)])
    assert (got.energies_wh, findings) == ([5, 4], [])
    got, findings = hours([at(0, 0), at(1, 5), at(1, 6), at(2, 9)])
    assert (got.energies_wh, got.qualities) == ([4, 5], [E, E])
    assert codes(findings) == ["metering.contradiction"]


def test_a_finer_source_carries_its_remainder():
    got, _ = hours([at(i, Decimal("0.4") * i) for i in range(11)])
    assert got.energies_wh == [0, 0, 1, 0, 1, 0, 0, 1, 0, 1]
    assert sum(got.energies_wh) == 4


def test_exchange_counts_both_devices_and_never_across():
    devices = [device("A", 0, 2.4), device("B", 2.4)]
    readings = [
        at(0, 5_000),
        at(2, 5_020),
        at(2.4, 5_024, serial="A"),
        at(2.4, 90_000, serial="B"),
        at(3, 90_006),
        at(4, 90_016),
    ]
    got, findings = hours(readings, *devices)
    assert findings == []
    assert got.energies_wh == [10, 10, 10, 10]
    assert got.qualities == [E, E, M, M]


def test_exchange_without_final_reading_leaves_a_gap():
    devices = [device("A", 0, 3), device("B", 3)]
    got, findings = hours([at(0, 0), at(2, 20), at(3, 900), at(5, 920)], *devices)
    assert got.energies_wh == [10, 10, None, 10, 10]
    assert codes(findings) == ["metering.no_final_reading"]


def test_a_final_reading_is_missed_only_when_data_reach_the_removal():
    devices = [device("A", 0, 3), device("B", 3)]
    got, findings = hours([at(0, 0), at(2, 20)], *devices)
    assert (got.energies_wh, findings) == ([10, 10], [])
    _, findings = hours([at(0, 0), at(2, 20), at(4, 900, serial="B")], *devices)
    assert codes(findings) == ["metering.no_final_reading"]


def test_between_removal_and_installation_nothing_is_known():
    devices = [device("A", 0, 1.5), device("B", 3.5)]
    readings = [at(0, 0), at(1.5, 15, serial="A"), at(3.5, 500, serial="B"), at(5, 515)]
    got, _ = hours(readings, *devices)
    assert got.energies_wh == [10, None, None, None, 10]
    devices = [device("A", 0, 1.2), device("B", 1.8)]  # idle for a moment inside one
    readings = [at(0, 0), at(1.2, 12, serial="A"), at(1.8, 500, serial="B"), at(2, 502)]
    assert hours(readings, *devices)[0].energies_wh == [10, 4]


def test_a_new_factor_counts_from_its_instant():
    devices = [device("A", 0, 2), device("A", 2, factor=Decimal(3))]
    got, findings = hours([at(0, 0), at(2, 20), at(3, 30)], *devices)
    assert (got.energies_wh, findings) == ([10, 10, 30], [])


def test_a_new_device_starts_at_zero():
    got, findings = hours([at(3, 30), at(4, 40)], device("A", 0.5, is_new=True))
    assert (got.first_slot, findings) == (SLOT, [])
    assert sum(got.energies_wh) == 40
    assert got.qualities == [E, E, E, M]
    used, _ = hours([at(0.5, 1_000), at(2, 1_015)], device("A", 0.5, is_new=True))
    assert used.energies_wh == [5, 10]


def test_a_used_device_taken_for_new_is_found_by_its_fuse():
    got, findings = hours(
        [at(1, 80_000_000), at(2, 80_000_100)], device("A", is_new=True), fuse_a=Decimal(25)
    )
    assert got.energies_wh == [100]
    assert codes(findings) == ["metering.over_fuse"]


def test_readings_without_device_are_named():
    got, findings = hours([at(-1, 0), at(0, 5), at(1, 7), at(1, 7, serial="Z")], device("A"))
    assert got.energies_wh == [2]
    assert codes(findings) == ["metering.no_device", "metering.no_device"]


def test_readings_of_a_device_that_was_gone_are_one_finding_with_their_span():
    readings = [at(0, 0, serial="A"), *(at(i, i, serial="A") for i in range(5, 9))]
    _, findings = hours(readings, device("A", 0, 2), device("B", 2))
    no_device = [f for f in findings if f.code == "metering.no_device"]
    assert len(no_device) == 1
    assert "4 readings from 2026-03-01T01:15:00Z to 2026-03-01T02:00:00Z" in no_device[0].message
    assert no_device[0].since == T0 + 5 * QUARTER


@pytest.mark.parametrize(
    ("values", "energies"),
    [
        ([0, 10, 20, 3, 40, 50], [10, 10, None, None, 10]),  # one too low
        ([0, 10, 900, 30, 40], [10, None, None, 10]),  # one too high
        ([500, 510, 520, 3, 13, 23], [10, 10, None, 10, 10]),  # a reset
    ],
)
def test_a_register_that_runs_backwards_leaves_what_may_be_wrong_missing(values, energies):
    got, findings = hours([at(i, value) for i, value in enumerate(values)])
    assert got.energies_wh == energies
    assert codes(findings) == ["metering.backwards"]
    assert findings[0].since is not None


def test_hostile_values_and_instants():
    for value in ("NaN", "Infinity", "1E+400000", "1E-400000"):
        with pytest.raises(NotEnergy):
            at(0, value)
    far = Reading(datetime(9999, 12, 31, tzinfo=UTC), Decimal(10))
    got, findings = hours([at(0, 0), at(1, 5), far])
    assert got.energies_wh == [5]
    assert codes(findings) == ["metering.gap_too_long"]
    assert hours([at(0, 0), at(1, 5 * 10**15)])[1] != []


decimals = st.decimals(0, 500, places=4)


@given(
    st.lists(st.tuples(st.integers(1, 5_000), decimals), min_size=1, max_size=20),
    st.sampled_from(["1", "1.5", "0.333333", "40"]),
    decimals,
)
def test_quarter_hours_sum_to_the_register(steps, factor, start):
    """Over any run of quarter-hours between two readings that stand on boundaries."""
    instant, value = T0, start
    readings = [Reading(instant, value)]
    for i, (seconds, step) in enumerate(steps):
        instant += timedelta(seconds=900 if i == len(steps) - 1 else seconds)
        value += step
        readings.append(Reading(instant, value))
    end = T0 + (-(-(instant - T0) // QUARTER)) * QUARTER
    readings.append(Reading(end, value))
    one = device(factor=Decimal(factor))
    got, findings = intervals(readings, [one])
    assert findings == []
    assert None not in got.energies_wh
    exact = [Fraction(v) * Fraction(factor) for v in (start, value)]
    assert sum(got.energies_wh) == floor(exact[1]) - floor(exact[0])
    assert min(got.energies_wh) >= 0
    # Cut anywhere but among readings near one boundary, the parts give the same quarter-hours.
    cut = len(readings) // 2
    at = readings[cut].read_at
    near = [one for one in readings if abs(one.read_at - at) <= timedelta(minutes=1)]
    for part in (readings[: cut + 1], readings[cut:]) if len(near) == 1 else ():
        some, _ = intervals(part, [one])
        at_slot = some.first_slot - got.first_slot
        for i, energy in enumerate(some.energies_wh):
            assert energy is None or energy == got.energies_wh[at_slot + i]


@given(st.lists(st.tuples(st.integers(-10, 4_000), st.integers(-100, 500)), max_size=12))
def test_whatever_the_readings_no_energy_is_invented(pairs):
    readings, instant, value = [], T0, 1_000
    for seconds, step in pairs:
        instant += timedelta(seconds=seconds)
        value += step
        readings.append(Reading(instant, Decimal(value)))
    random.Random(0).shuffle(readings)
    got, _ = intervals(readings)
    assert len(got.energies_wh) == len(got.qualities)
    assert [energy is None for energy in got.energies_wh] == [q is X for q in got.qualities]
    values = [reading.value for reading in readings]
    known = [energy for energy in got.energies_wh if energy is not None]
    if known and not any(step < 0 or seconds < 0 for seconds, step in pairs):
        assert 0 <= sum(known) <= max(values) - min(values) + 1


def test_many_readings_in_a_row_lose_nothing():
    readings = [at(i, Decimal(i) * 250 + Decimal("0.25")) for i in range(8_833)]
    got, findings = hours(readings)
    assert not findings
    assert len(got.energies_wh) == 8_832
    assert sum(got.energies_wh) == 8_832 * 250


def test_needs_the_base_alone():
    code = (
        "import sys; import quartier.core.metering.registers; "
        "assert not {'numpy', 'django'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
