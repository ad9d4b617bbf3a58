"""Values set by hand: what is refused, what stays in the trail, and the way back."""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import Meter, Register
from quartier.apps.intake.by_hand import set_by_hand
from quartier.apps.metering import store
from quartier.apps.metering.by_hand import instant_of, local_text, slots_by_hand
from quartier.apps.metering.models import IntervalRevision
from quartier.apps.metering.operations import BadEdit, set_lock
from quartier.apps.metering.undoing import NoSuchChange, undo_change
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import QUARTER, slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH, Series
from quartier.portals.shared.sentences import said

pytestmark = pytest.mark.db

T0 = datetime(2026, 1, 1, tzinfo=UTC)
SLOT = slot_at(T0)
NOW = datetime(2026, 2, 1, tzinfo=UTC)
ZURICH = ZoneInfo("Europe/Zurich")
WHO = {"reason": "display read", "actor": "anna@example.org"}


def by_hand(site, register, energy_wh=7, *, starts_at=T0, ends_at=T0 + QUARTER, at=NOW, **more):
    return set_by_hand(site, register, starts_at, ends_at, energy_wh, at=at, **{**WHO, **more})


def stored(site, register, slots=4, **more):
    read = store.read(site.pk, [register.pk], SLOT, SLOT + slots, **more)
    return list(zip(read.energy_wh[0].tolist(), read.quality[0].tolist(), strict=True))


def test_a_run_is_set_with_its_revision_and_trail(site, register):
    made = register()
    measured = Series.of(made.pk, SLOT, [1, 2])
    store.write(site.pk, [measured], source="test", known_at=T0 + timedelta(days=1))
    edited = by_hand(site, made, ends_at=T0 + 3 * QUARTER, reason="  display\n read ")
    assert (edited.written.revised, edited.written.filled, edited.billed) == (2, 1, [])
    assert stored(site, made) == [(7, Quality.MANUAL)] * 3 + [(MISSING_WH, 0)]
    before = stored(site, made, 2, as_of=NOW - timedelta(seconds=1))
    assert before == [(1, Quality.MEASURED), (2, Quality.MEASURED)]
    revision = IntervalRevision.objects.get()
    said = (revision.reason, revision.actor, revision.method, revision.source)
    assert said == ("display read", "anna@example.org", "by hand", "edit")
    event = Event.objects.get()
    assert (event.action, event.actor, event.at) == ("intervals.edit", "anna@example.org", NOW)
    assert event.data == {
        "from": "2026-01-01T00:00:00+00:00",
        "to": "2026-01-01T00:45:00+00:00",
        "total": "21",
        "filled": [["2026-01-01T00:30:00+00:00", "2026-01-01T00:45:00+00:00"]],
        "method": "by hand",
        "reason": "display read",
    }


def test_setting_the_former_value_appends_again(site, register):
    made = register()
    for minute, energy_wh in enumerate([5, 9, 5, 5]):
        by_hand(site, made, energy_wh, at=NOW + timedelta(minutes=minute))
    assert stored(site, made, 1) == [(5, Quality.MANUAL)]
    assert IntervalRevision.objects.count() == 2
    assert Event.objects.count() == 3  # the last one changed nothing
    assert stored(site, made, 1, as_of=NOW + timedelta(minutes=1)) == [(9, Quality.MANUAL)]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"energy_wh": -1}, "negative"),
        ({"energy_wh": 2_000_000_001}, "too much .* 2000000000 Wh"),
        ({"energy_wh": 10**5000}, "too much"),
        ({"starts_at": T0 + timedelta(minutes=1)}, "quarter-hour; give minutes"),
        ({"ends_at": T0 + timedelta(seconds=899)}, "quarter-hour; give minutes"),
        ({"ends_at": T0}, "not after the start 2026-01-01 01:00"),
        ({"ends_at": T0 - QUARTER}, "not after"),
        ({"ends_at": NOW + QUARTER}, "until 2026-02-01 01:15 are not over"),
        ({"starts_at": T0 - timedelta(days=365)}, "366 days at once"),
        ({"starts_at": datetime(1969, 12, 31, tzinfo=UTC)}, "before 1970"),
        ({"reason": " \t"}, "a reason"),
        ({"reason": "x" * 501}, "500 characters"),
        ({"reason": "a\x00b"}, "plain text"),
        ({"actor": ""}, "a user"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(site, register, more, says):
    made = register()
    ends_at = more.pop("ends_at", T0 + 2 * timedelta(days=1))
    with pytest.raises(BadEdit, match=says):
        by_hand(site, made, ends_at=ends_at, **more)
    assert stored(site, made) == [(MISSING_WH, 0)] * 4
    assert not Event.objects.exists()


def back(site, register, of, at):
    return undo_change(site, register, of, reason="wrong", actor="bea@example.org", at=at)


def minutes_later(minutes):
    return NOW + timedelta(minutes=minutes)


def test_what_filled_a_gap_goes_with_what_was_replaced_there_and_back(site, register):
    made = register()
    measured = Series.of(made.pk, SLOT, [1, None, 3, None])
    store.write(site.pk, [measured], source="test", known_at=T0 + timedelta(days=1))
    before = stored(site, made)
    by_hand(site, made, ends_at=T0 + 4 * QUARTER)
    for number in range(4):
        went = back(site, made, NOW + timedelta(minutes=2 * number), minutes_later(2 * number + 1))
        assert (went.revised, went.erased, went.filled, went.kept) == (2, 2, 0, 0)
        assert stored(site, made) == before
        came = back(site, made, minutes_later(2 * number + 1), minutes_later(2 * number + 2))
        assert (came.revised, came.erased, came.filled, came.kept) == (2, 0, 2, 0)
        assert stored(site, made) == [(7, Quality.MANUAL)] * 4
    back(site, made, NOW, minutes_later(20))
    assert stored(site, made) == before, "the first change can still be taken back"
    nothing = back(site, made, NOW, minutes_later(21))
    assert (nothing.changed, nothing.kept) == (0, 0)


def test_what_came_since_stays_though_it_is_the_same_number(site, register):
    made = register()
    by_hand(site, made, ends_at=T0 + 6 * QUARTER)
    store.write(  # a late file
        site.pk, [Series.of(made.pk, SLOT, [7])], source="test", known_at=minutes_later(1)
    )
    for minutes, energy_wh in ((2, 9), (3, 7)):  # corrected, and set to the number again
        at = minutes_later(minutes)
        by_hand(site, made, energy_wh, starts_at=T0 + QUARTER, ends_at=T0 + 2 * QUARTER, at=at)
    third = {"starts_at": T0 + 2 * QUARTER, "ends_at": T0 + 3 * QUARTER}
    by_hand(site, made, 9, at=minutes_later(4), **third)  # corrected, and the correction undone
    back(site, made, minutes_later(4), minutes_later(5))
    went = back(site, made, NOW, minutes_later(6))
    assert (went.erased, went.kept) == (4, 2)
    manual, gap = (7, Quality.MANUAL), (MISSING_WH, 0)
    assert stored(site, made, 6) == [(7, Quality.MEASURED), manual, gap, gap, gap, gap]
    by_hand(site, made, at=minutes_later(7), **third)  # somebody enters it anew
    assert back(site, made, NOW, minutes_later(8)).changed == 0
    assert stored(site, made, 6)[2] == manual
    came = back(site, made, minutes_later(6), minutes_later(9))
    assert (came.filled, came.revised) == (3, 0)
    assert stored(site, made, 6)[2:] == [manual] * 4


def test_what_filled_a_gap_stays_before_the_lock(site, register):
    made = register()
    late = T0 + timedelta(hours=23)
    by_hand(site, made, starts_at=late - QUARTER, ends_at=late + QUARTER)
    set_lock(site, "electricity", date(2026, 1, 2), actor="a", at=NOW)
    with pytest.raises(store.Locked):
        back(site, made, NOW, minutes_later(1))
    assert stored(site, made, 96)[-5:-3] == [(7, Quality.MANUAL)] * 2
    assert not Event.objects.filter(action="intervals.undo").exists()


def test_an_edit_that_filled_nothing_and_changed_nothing_is_no_change(site, register):
    made = register()
    by_hand(site, made)
    by_hand(site, made, at=minutes_later(1))
    with pytest.raises(NoSuchChange):
        back(site, made, minutes_later(1), minutes_later(2))
    assert stored(site, made, 1) == [(7, Quality.MANUAL)]


def test_before_the_lock_and_on_another_site_nothing_is_set(site, register):
    made = register()
    set_lock(site, "electricity", date(2026, 1, 2), actor="a", at=NOW)
    with pytest.raises(store.Locked, match="locked before 2026-01-02; move the lock date"):
        by_hand(site, made, starts_at=T0 + timedelta(hours=22), ends_at=T0 + timedelta(hours=24))
    assert stored(site, made, 96) == [(MISSING_WH, 0)] * 96
    by_hand(site, made, starts_at=T0 + timedelta(hours=23), ends_at=T0 + timedelta(hours=24))
    assert stored(site, made, 96)[-5:] == [(MISSING_WH, 0)] + [(7, Quality.MANUAL)] * 4
    other = Site.objects.create(organisation=site.organisation, ref="oak", name="Oak")
    with pytest.raises(store.UnknownRegister):
        by_hand(other, made)


@pytest.mark.parametrize(
    ("starts", "ends", "says"),
    [
        ("00:15Z", "00:07Z", "2025-10-26 02:07+02:00 is not the bound"),
        ("00:15Z", "01:07Z", "2025-10-26 02:07+01:00 is not the bound"),
        (
            "01:00Z",
            "00:15Z",
            "end 2025-10-26 02:15+02:00 is not after the start 2025-10-26 02:00+01:00;",
        ),
        (
            "02:00Z",
            "01:45Z",
            "end 2025-10-26 02:45+01:00 is not after the start 2025-10-26 03:00;",
        ),
        ("00:00Z", "01:45Z", "until 2025-10-26 02:45+01:00 are not over yet"),
    ],
)
def test_a_time_that_is_there_twice_is_named_with_its_offset(starts, ends, says):
    """In every language too; the clocks go back from 03:00 to 02:00 at 01:00Z."""
    instants = [datetime.fromisoformat(f"2025-10-26T{one}") for one in (starts, ends)]
    now = datetime(2025, 10, 26, 1, 30, tzinfo=UTC)
    with pytest.raises(BadEdit) as problem:
        slots_by_hand(Site(timezone="Europe/Zurich"), *instants, now)
    assert says in str(problem.value)
    times = re.findall(r"\d\d:\d\d(?:\+\d\d:\d\d)?", says)
    for language in ("de", "fr", "it"):
        text = said(str(problem.value), language)
        assert text != str(problem.value)
        assert all(f"2025-10-26 {one}" in text for one in times), text
    assert times


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)))
def test_a_time_that_is_named_can_be_typed(moment):
    instant = moment.replace(second=0, microsecond=0, tzinfo=UTC)
    assert instant_of(local_text(instant, ZURICH), ZURICH) == instant


@given(st.integers(1970, 2100), st.integers(0, 8 * 60))
def test_a_time_of_the_night_of_the_clock_change_can_be_typed(year, minutes):
    last = max(day for day in range(25, 32) if date(year, 10, day).weekday() == 6)
    instant = datetime(year, 10, last, tzinfo=UTC) + timedelta(minutes=minutes - 120)
    assert instant_of(local_text(instant, ZURICH), ZURICH) == instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01T14:15", "2026-03-01T13:15Z"),
        (" 2026-07-01 14:15", "2026-07-01T12:15Z"),
        ("2026-07-01", "2026-06-30T22:00Z"),
        ("2025-10-26T02:30+01:00", "2025-10-26T01:30Z"),
        ("2025-10-26T02:30+02:00", "2025-10-26T00:30Z"),
        ("2025-10-26T03:00", "2025-10-26T02:00Z"),
        ("2026-03-29T03:00", "2026-03-29T01:00Z"),
    ],
)
def test_local_times_are_instants(text, instant):
    assert instant_of(text, ZURICH) == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-03-29T02:30", "skipped by the clock change"),
        ("2025-10-26T02:30", r"write 2025-10-26T02:30\+02:00 or 2025-10-26T02:30\+01:00"),
        ("01.03.2026 14:15", "not a time; write"),
        ("2026-03-01T25:00", "not a time"),
        ("0001-01-01T00:00", "not a time"),
        ("", "not a time"),
    ],
)
def test_a_time_that_is_none_or_two_is_refused(text, says):
    with pytest.raises(BadEdit, match=says):
        instant_of(text, ZURICH)


edits = st.lists(
    st.tuples(
        st.integers(-6, 6),  # first quarter-hour, around a UTC midnight
        st.integers(1, 8),  # how many
        st.integers(0, 3),
        st.integers(1, 2),  # minutes after the edit before it
    ),
    max_size=10,
)
numbers = count()


@given(edits)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_as_of_reads_give_every_former_state(db, sequence):
    organisation = Organisation.objects.create(ref=f"h{next(numbers)}", name="H")
    site = Site.objects.create(organisation=organisation, ref="s", name="S")
    meter = Meter.objects.create(site=site, ref="m", name="M")
    register = Register.objects.create(site=site, meter=meter, obis="1-1:1.8.0")
    # A slot reads as its first value before that (decision 6): so all are there from the start.
    state = [100] * 20
    first = Series.of(register.pk, SLOT - 6, state)
    store.write(site.pk, [first], source="test", known_at=T0)
    at, former = NOW, [(NOW - timedelta(days=1), list(state))]
    for start, length, energy_wh, minutes in sequence:
        at += timedelta(minutes=minutes)
        starts_at = slot_starts_at(SLOT + start)
        ends_at = starts_at + length * QUARTER
        by_hand(site, register, energy_wh, starts_at=starts_at, ends_at=ends_at, at=at)
        state[start + 6 : start + 6 + length] = [energy_wh] * length
        former.append((at, list(state)))
    for as_of, known in former:
        read = store.read(site.pk, [register.pk], SLOT - 6, SLOT + 14, as_of=as_of)
        assert read.energy_wh[0].tolist() == known
    assert store.read(site.pk, [register.pk], SLOT - 6, SLOT + 14).energy_wh[0].tolist() == state
