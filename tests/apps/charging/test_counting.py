"""What was charged at a station, as quarter-hours of a meter that count for a billing point."""

from datetime import date, timedelta

import pytest

from quartier.apps.audit.models import Event
from quartier.apps.charging.counting import CannotCount, count_for, count_waiting, decide
from quartier.apps.charging.folding import fold_waiting
from quartier.apps.charging.models import (
    ChargingSession,
    ChargingStation,
    Decision,
    StationMeter,
)
from quartier.apps.equipment.models import Assignment, Meter, Register
from quartier.apps.equipment.removing import InUse, remove, uses_of
from quartier.apps.metering import store
from quartier.apps.metering.models import IntervalRevision, Lock
from quartier.apps.sites.models import BillingPoint
from quartier.core.kernel.period import slot_at
from quartier.core.kernel.quality import Quality
from tests.apps.charging.messages import T0, begin, end, keep, minute, stands, station, values

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DAY = date(2026, 3, 1)
WHO = {"at": T0, "actor": "i@example.ch"}
SLOT = slot_at(T0)
WHOLE = (begin(5, 1000), values(15, 2000), values(30, 5000), end(40, 6500))
M, E, X = Quality.MEASURED, Quality.ESTIMATED, Quality.MISSING


@pytest.fixture
def garage(small):
    row = station(small.site)
    count_for(row, small.flat, DAY, **WHO)
    return row


def fold_and_count(minutes):
    fold_waiting()
    return count_waiting(minute(minutes))


def counted(garage, first=SLOT, slots=6):
    """Energies and qualities from the hour of the sessions on."""
    register = Register.objects.get(meter=garage.counting.meter)
    found = store.read(garage.site_id, [register.pk], first, first + slots)
    qualities = [Quality(int(one)) for one in found.quality[0]]
    pairs = zip(found.energy_wh[0].tolist(), qualities, strict=True)
    return [None if quality is X else wh for wh, quality in pairs], qualities


def test_a_meter_is_made_that_counts_for_the_flat(garage, small):
    meter = garage.counting.meter
    assert (meter.source, meter.mode, meter.name) == ("sessions", "consumption", "TACW*1")
    assert Assignment.objects.get(meter=meter).billing_point == small.flat
    assert Register.objects.get(meter=meter).direction == "import"
    assert Event.objects.get(action="station.count").data["billing_point"] == "w1"


def test_what_was_charged_is_in_its_quarter_hours_and_the_rest_is_nothing(garage):
    keep(garage, *WHOLE, stands(90, "Available"))
    assert fold_and_count(120).stations
    assert counted(garage) == ([1000, 3000, 1500, 0, 0, None], [M, M, M, M, M, X])
    day, _ = counted(garage, SLOT - 40, 40)
    assert day == [0] * 40, "from local midnight on"
    assert not fold_and_count(121).stations


def test_while_a_session_runs_only_whole_quarter_hours_count(garage):
    keep(garage, *WHOLE[:3])
    ChargingStation.objects.update(seen_at=minute(300), connected_at=minute(0))
    fold_and_count(300)
    assert counted(garage)[0] == [1000, 3000, None, None, None, None]
    keep(garage, WHOLE[3])
    fold_and_count(301)
    assert counted(garage)[0] == [1000, 3000, 1500, 0, 0, 0]


def test_a_station_that_is_away_may_have_more_to_tell(garage):
    keep(garage, *WHOLE)
    fold_and_count(5000)
    assert counted(garage)[0] == [1000, None, None, None, None, None]
    ChargingStation.objects.update(seen_at=minute(200), connected_at=minute(190))
    fold_and_count(200)
    before = counted(garage)[0]
    assert before[3] is None, "what it kept comes first"
    fold_and_count(206)
    assert counted(garage)[0] == [1000, 3000, 1500, 0, 0, 0]


def test_what_comes_late_is_counted_with_a_revision(garage):
    keep(garage, *WHOLE[:2], end(40, 6500))
    keep(garage, stands(120, "Available"))
    fold_and_count(140)
    assert counted(garage)[0][:3] == [1000, 2700, 1800]
    assert counted(garage)[1][:3] == [M, E, E]
    keep(garage, values(141, 5000, told_at=30))
    fold_and_count(142)
    assert counted(garage)[0][:3] == [1000, 3000, 1500]
    assert counted(garage)[1][:3] == [M, M, M]
    assert IntervalRevision.objects.filter(site_id=garage.site_id).exists()


def test_a_begin_that_comes_late_takes_back_what_was_counted_as_nothing(garage):
    keep(garage, stands(120, "Available"))
    fold_and_count(140)
    assert counted(garage)[0] == [0, 0, 0, 0, 0, 0]
    keep(garage, *((141, *one[1:]) for one in WHOLE[:3]))
    fold_and_count(142)
    assert counted(garage)[0] == [1000, 3000, None, None, None, None]
    keep(garage, (143, *WHOLE[3][1:]))
    fold_and_count(160)
    assert counted(garage)[0] == [1000, 3000, 1500, 0, 0, 0]


def test_one_that_is_not_sound_leaves_a_hole_until_a_person_decides(garage):
    keep(garage, *WHOLE, end(50, 6500, 1), stands(120, "Available"))
    fold_and_count(140)
    assert counted(garage)[0] == [None, None, None, None, 0, 0]
    row = ChargingSession.objects.get()
    assert not row.is_sound
    decide(row, Decision.COUNTED, "both ends are right", station=garage, **WHO)
    fold_and_count(140)
    assert counted(garage)[0] == [1000, 3000, 1500, 0, 0, 0]
    decide(row, Decision.LEFT_OUT, "a test drive", station=garage, **WHO)
    fold_and_count(140)
    assert counted(garage)[0] == [0, 0, 0, 0, 0, 0]
    assert Event.objects.filter(action="session.decide").count() == 2
    keep(garage, values(141, 5000, told_at=31))
    fold_and_count(142)
    assert counted(garage)[0] == [0, 0, 0, 0, 0, 0], "the decision stays"


def test_one_that_was_sound_before_is_taken_back(garage):
    keep(garage, *WHOLE, stands(120, "Available"))
    fold_and_count(140)
    keep(garage, end(141, 6500, 1, told_at=50))
    fold_and_count(142)
    assert counted(garage)[0][:4] == [None] * 4


def test_what_cannot_be_decided(garage):
    keep(garage, *WHOLE, begin(100, 7000, 2), end(130, 6000, 2))
    fold_waiting()
    sound, fallen = ChargingSession.objects.order_by("begun_at")
    for row, decision, reason, says in (
        (sound, Decision.LEFT_OUT, "x", "nothing is wrong"),
        (fallen, Decision.LEFT_OUT, " ", "say why"),
        (fallen, Decision.COUNTED, "x", "not known"),
    ):
        with pytest.raises(CannotCount, match=says):
            decide(row, decision, reason, station=garage, **WHO)
    assert not ChargingSession.objects.exclude(decision="").exists()


def test_what_is_locked_stays(garage):
    keep(garage, *WHOLE, stands(120, "Available"))
    fold_and_count(140)
    first_open = SLOT + 2
    Lock.objects.create(
        site=garage.site, medium="electricity", lock_date=DAY, first_open_slot=first_open
    )
    keep(garage, end(141, 7000, 1, told_at=50), values(142, 4000, told_at=20))
    fold_and_count(143)
    assert counted(garage)[0][:5] == [1000, 3000, None, None, 0]
    assert StationMeter.objects.get().locked_slot is not None


def test_refused_and_earlier_ones_count_for_nobody(garage):
    early = -60 * 24
    keep(garage, begin(early, 0, 9), end(early + 30, 900, 9))
    keep(garage, begin(0, 900, 1, status="Invalid"), end(2, 900, 1), stands(60, "Available"))
    fold_and_count(100)
    assert counted(garage)[0][:3] == [0, 0, 0]
    assert sum(one or 0 for one in counted(garage, SLOT - 140, 140)[0]) == 0


def test_from_a_later_day_on_it_counts_for_another(garage, small):
    count_for(garage, small.other_flat, DAY + timedelta(days=3), **WHO)
    rows = Assignment.objects.filter(meter=garage.counting.meter).order_by("starts_date")
    assert [one.billing_point.ref for one in rows] == ["w1", "w2"]
    assert Meter.objects.filter(source="sessions").count() == 1
    with pytest.raises(CannotCount, match="from 2026-03-04 on"):
        count_for(garage, small.flat, DAY, **WHO)
    theirs = BillingPoint(site_id=garage.site_id + 1, ref="x")
    with pytest.raises(CannotCount, match="another site"):
        count_for(garage, theirs, DAY + timedelta(days=9), **WHO)


def test_its_meter_stays_what_it_is(garage):
    (use,) = uses_of(garage.counting.meter)
    assert use == "the charging station TACW*1 counts with it"
    with pytest.raises(InUse, match="it stays"):
        remove([garage.counting.meter], **WHO)


def test_energy_counted_is_that_of_the_sessions(garage):
    at, wh = 0, 0
    told = []
    for number in range(1, 20):
        told.append(begin(at, wh, number))
        for _ in range(number % 5):
            at, wh = at + 11, wh + 137 * number
            told.append(values(at, wh, number))
        told.append(end(at + 2, wh, number))
        at += 20
    keep(garage, *told, stands(at + 60, "Available"))
    fold_and_count(at + 90)
    slots = (at + 45) // 15
    assert sum(counted(garage, SLOT, slots)[0]) == wh
