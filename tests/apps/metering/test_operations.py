"""Receiving readings, editing intervals, moving the lock."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import Device
from quartier.apps.metering import store
from quartier.apps.metering.models import IntervalRevision, Lock, Reading
from quartier.apps.metering.operations import (
    BadEdit,
    IncomingReading,
    edit_intervals,
    fill_gaps,
    receive_readings,
    set_lock,
)
from quartier.core.kernel.period import slot_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH, Series

pytestmark = pytest.mark.db

T0 = datetime(2026, 1, 1, tzinfo=UTC)
SLOT = slot_at(T0)
NOW = datetime(2026, 2, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def at(register, quarters, value, source="gateway", **more):
    return IncomingReading(register.id, T0 + quarters * QUARTER, Decimal(value), source, **more)


def receive(site, *readings, now=NOW):
    return receive_readings(site, readings, received_at=now)


def energies(site, register, slots=6):
    read = store.read(site.id, [register.id], SLOT, SLOT + slots)
    return [None if e == MISSING_WH else int(e) for e in read.energy_wh[0]]


def qualities(site, register, slots):
    return store.read(site.id, [register.id], SLOT, SLOT + slots).quality[0].tolist()


@pytest.fixture
def counter(register):
    """A meter with one device, installed long ago, that was read before."""
    made = register("c")
    installed = datetime(2025, 1, 1, tzinfo=UTC)
    Device.objects.create(
        meter=made.meter, serial="A", installed_at=installed, factor=Decimal(2), digits=6
    )
    return made


def old(counter):
    return IncomingReading(counter.id, datetime(2025, 1, 1, tzinfo=UTC), Decimal(0), "gateway")


def test_readings_become_intervals(site, counter):
    got = receive(site, at(counter, 0, 100), at(counter, 1, 110), at(counter, 3, 130), old(counter))
    assert (got.stored, got.known, got.findings) == (4, 0, [])
    assert energies(site, counter) == [20, 20, 20, None, None, None]
    assert qualities(site, counter, 3) == [Quality.MEASURED, Quality.ESTIMATED, Quality.ESTIMATED]


def test_the_same_again_changes_nothing(site, counter):
    readings = [old(counter), at(counter, 0, 100), at(counter, 1, "110.5")]
    receive(site, *readings)
    got = receive(site, *readings, readings[0])
    assert (got.stored, got.known) == (0, 4)
    assert Reading.objects.count() == 3
    assert not IntervalRevision.objects.exists()


def test_one_at_a_time_gives_what_all_at_once_gives(site, register, counter):
    other = register("d")
    Device.objects.create(
        meter=other.meter, serial="B", installed_at=T0 - QUARTER, factor=Decimal("0.4")
    )
    values = [0, 3, 4, 9, 16, 16, 21]
    for i, value in enumerate(values):
        receive(site, at(other, i - 1, value))
    one_by_one = energies(site, other)
    third = register("e")
    Device.objects.create(
        meter=third.meter, serial="B", installed_at=T0 - QUARTER, factor=Decimal("0.4")
    )
    receive(site, *(at(third, i - 1, value) for i, value in reversed(list(enumerate(values)))))
    assert energies(site, third) == one_by_one
    assert not IntervalRevision.objects.exists()


@pytest.mark.parametrize("most_minutes", [3, 40])
def test_readings_near_the_boundaries_give_the_same_in_any_order(site, register, rng, most_minutes):
    """However dense, early or late they are: the nearest to a boundary counts for it."""
    readings, read_at, value = [], T0, Decimal(0)
    while read_at < T0 + 12 * QUARTER:
        readings.append((read_at, value))
        near = read_at + timedelta(minutes=rng.randint(1, most_minutes))
        if rng.random() < 0.5:
            near = T0 + (slot_at(near) + 1 - SLOT) * QUARTER
        read_at = max(
            read_at + timedelta(seconds=5), near + timedelta(seconds=rng.randint(-40, 40))
        )
        value += rng.randint(0, 60)
    found = []
    for ref in ("all", "one"):
        made = register(ref)
        Device.objects.create(meter=made.meter, serial=ref, installed_at=T0)
        incoming = [IncomingReading(made.id, at, value, "gateway") for at, value in readings]
        if ref == "all":
            assert receive(site, *incoming).findings == []
        else:
            rng.shuffle(incoming)
            for one in incoming:
                receive(site, one)
        found.append((energies(site, made, 14), qualities(site, made, 14)))
    assert found[0] == found[1]
    assert Quality.MEASURED in found[0][1]


def test_a_later_reading_leaves_the_nearest_of_an_earlier_boundary(site, register):
    """14:40 is nearer to the boundary than 15:25; that the few readings looked at around a new one
    begin at 15:45 must not leave it out."""
    made = register("d")
    Device.objects.create(meter=made.meter, serial="D", installed_at=T0)

    def shown(minutes, seconds, value):
        read_at = T0 + timedelta(minutes=minutes, seconds=seconds)
        return IncomingReading(made.id, read_at, Decimal(value), "gateway")

    receive(
        site,
        *(shown(0, 0, 0), shown(14, 40, 88), shown(15, 25, 93), shown(15, 45, 95)),
        *(shown(20, 0, 120), shown(25, 0, 150), shown(30, 0, 180)),
    )
    assert energies(site, made, 3) == [88, 92, None]
    receive(site, shown(45, 0, 270))
    assert energies(site, made, 3) == [88, 92, 90]
    assert not IntervalRevision.objects.exists()


def test_a_reading_in_between_sharpens_what_was_estimated(site, counter):
    receive(site, old(counter), at(counter, 0, 100), at(counter, 2, 120))
    assert energies(site, counter, 2) == [20, 20]
    got = receive(site, at(counter, 1, 115), now=NOW + QUARTER)
    assert energies(site, counter, 2) == [30, 10]
    assert qualities(site, counter, 2) == [Quality.MEASURED] * 2
    assert got.written.revised_slots == [(counter.id, SLOT, SLOT + 2)]


def test_a_later_batch_does_not_start_the_device_at_zero_again(site, counter):
    receive(site, old(counter), at(counter, 0, 100))
    receive(site, at(counter, 1, 110))
    receive(site, *(at(counter, i, 100 + 10 * i) for i in range(2, 6)))
    receive(site, at(counter, 6, 160))
    assert energies(site, counter) == [20] * 6
    assert IntervalRevision.objects.count() == 0


def test_an_exchange_never_counts_across(site, register):
    made = register("x")
    exchanged = T0 + 2 * QUARTER
    Device.objects.create(
        meter=made.meter, serial="A", installed_at=T0 - QUARTER, removed_at=exchanged
    )
    Device.objects.create(meter=made.meter, serial="B", installed_at=exchanged)
    got = receive(
        site,
        at(made, -1, 0),
        at(made, 0, 10),
        at(made, 2, 30, serial="A", source="fitter, old device"),
        at(made, 2, 9_000, serial="B", source="fitter, new device"),
        at(made, 3, 9_010),
    )
    assert got.findings == []
    assert energies(site, made, 3) == [10, 10, 10]


def test_another_value_for_a_reading_is_an_error_and_not_stored(site, counter):
    receive(site, at(counter, 0, 100))
    got = receive(site, at(counter, 0, 101))
    assert [finding.code for finding in got.findings] == ["metering.reading_differs"]
    assert Reading.objects.get().value == 100
    got = receive(site, at(counter, 0, 101, source="person", quality=Quality.MANUAL))
    assert (got.stored, got.findings) == (1, [])


def test_a_register_that_runs_backwards_is_found(site, counter):
    got = receive(site, old(counter), *(at(counter, i, v) for i, v in enumerate([50, 60, 7, 17])))
    assert [finding.code for finding in got.findings] == ["metering.backwards"]
    assert energies(site, counter, 3) == [20, None, 20]


def test_readings_of_a_curve_meter_are_kept_for_checking_only(site, register):
    made = register("dso", source="curve")
    assert receive(site, at(made, 0, 0), at(made, 1, 5)).stored == 2
    assert energies(site, made, 1) == [None]


@pytest.mark.parametrize(
    ("reading", "code"),
    [
        ({"value": Decimal("NaN")}, "metering.bad_value"),
        ({"value": Decimal("1E+30")}, "metering.bad_value"),
        ({"read_at": datetime(9999, 1, 1, tzinfo=UTC)}, "metering.misdated"),
        ({"read_at": datetime(1, 1, 1, tzinfo=UTC)}, "metering.misdated"),
        ({"serial": "Q"}, "metering.no_device"),
        ({"value": Decimal("1.00049")}, "metering.reading_rounded"),
    ],
)
def test_bad_readings_are_findings(site, counter, reading, code):
    fields = {"read_at": T0, "value": Decimal(1), "source": "s", **reading}
    got = receive(site, IncomingReading(counter.id, **fields))
    assert [finding.code for finding in got.findings] == [code]
    assert got.stored == (code == "metering.reading_rounded")


def test_a_register_of_another_site_takes_no_reading(site, counter):
    stranger = IncomingReading(counter.id + 1, T0, Decimal(1), "s")
    with pytest.raises(store.UnknownRegister):
        receive(site, at(counter, 0, 1), stranger)
    assert not Reading.objects.exists()


def test_values_keep_15_digits(site, register):
    made = register("big", source="curve")
    value = Decimal("999999999999.999")
    receive(site, at(made, 0, value))
    assert Reading.objects.get().value == value


def test_the_database_keeps_readings(site, counter):
    receive(site, at(counter, 0, 100))
    for sql in ("UPDATE metering_reading SET value = 1", "DELETE FROM metering_reading"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


def lock(site, day, **more):
    return set_lock(site, "electricity", day, actor="anna@example.org", at=NOW, **more)


def test_before_the_lock_readings_are_kept_and_intervals_too(site, counter):
    receive(site, old(counter), at(counter, -8, 0), at(counter, 4, 120))
    lock(site, date(2026, 1, 1))  # 23:00 UTC, slot -4
    got = receive(site, at(counter, -6, 80), now=NOW + QUARTER)
    assert [finding.code for finding in got.findings] == ["metering.locked"]
    read = store.read(site.id, [counter.id], SLOT - 8, SLOT + 4).energy_wh[0].tolist()
    assert read == [20] * 4 + [8] * 8
    assert Reading.objects.count() == 4


def test_the_lock_moves_with_a_trail(site):
    assert lock(site, date(2026, 4, 1)).first_open_slot == slot_at(
        datetime(2026, 3, 31, 22, tzinfo=UTC)
    )
    lock(site, date(2026, 7, 1))
    with pytest.raises(BadEdit, match="needs a reason"):
        lock(site, date(2026, 4, 1))
    lock(site, date(2026, 4, 1), reason="the invoice was credited")
    assert Lock.objects.get().lock_date == date(2026, 4, 1)
    trail = list(Event.objects.order_by("id").values_list("action", "data__to"))
    assert trail == [("intervals.lock", day) for day in ("2026-04-01", "2026-07-01", "2026-04-01")]


def edit(site, register, values, quality=Quality.MANUAL, **more):
    fields = {"method": "by hand", "reason": "meter was off", "actor": "anna@example.org", **more}
    return edit_intervals(site, [Series.of(register.id, SLOT, values, quality)], at=NOW, **fields)


def test_an_edit_leaves_a_revision_with_its_reason(site, counter):
    receive(site, old(counter), at(counter, 0, 100), at(counter, 1, 110))
    written = edit(site, counter, [25, 30])
    assert (written.revised, written.filled) == (1, 1)
    revision = IntervalRevision.objects.get()
    assert (revision.method, revision.reason, revision.actor) == (
        "by hand",
        "meter was off",
        "anna@example.org",
    )
    assert qualities(site, counter, 2) == [Quality.MANUAL] * 2
    event = Event.objects.get()
    assert (event.action, event.data["reason"]) == ("intervals.edit", "meter was off")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"reason": " "}, "a reason"),
        ({"actor": ""}, "a user"),
        ({"method": ""}, "a method"),
        ({"quality": Quality.MEASURED}, "not measured"),
        ({"quality": Quality.TEMPORARY}, "not temporary"),
    ],
)
def test_an_edit_that_cannot_be_traced_is_refused(site, counter, more, says):
    with pytest.raises(BadEdit, match=says):
        edit(site, counter, [1], **more)
    assert energies(site, counter, 1) == [None]


def fill(site, register, slots):
    return fill_gaps(site, register, slots, actor="anna@example.org", reason="outage", at=NOW)


def test_gaps_are_filled_and_say_so(site, counter):
    store.write(
        site.id,
        [Series.of(counter.id, SLOT, [10, None, None, 40, None, None, None, None, 5])],
        source="test",
        known_at=NOW,
    )
    receive_only = [(3, 1000), (9, 1100)]  # x 2 = 200 Wh over six quarter-hours
    for quarters, value in receive_only:
        Reading.objects.create(
            site_id=site.id,
            register_id=counter.id,
            read_at=T0 + quarters * QUARTER,
            source="s",
            value=value,
            quality=1,
            received_at=NOW,
        )
    written, findings = fill(site, counter, range(SLOT, SLOT + 9))
    got = energies(site, counter, 9)
    assert got[:4] == [10, 20, 30, 40]
    assert sum(got[3:9]) == 200
    assert (written.filled, written.revised, findings) == (6, 0, [])
    assert qualities(site, counter, 9)[4:8] == [Quality.ESTIMATED] * 4
    methods = [event.data["method"] for event in Event.objects.order_by("id")]
    assert methods == ["linear", "register"]


def test_what_has_not_happened_is_not_estimated(site, counter):
    now = slot_at(NOW)
    receive(site, at(counter, now - SLOT - 4, 100), at(counter, now - SLOT - 2, 120))
    fill(site, counter, range(now - 2, now + 96))
    read = store.read(site.id, [counter.id], now - 2, now + 96)
    assert (read.quality[0, 2:] == Quality.MISSING).all()
    with pytest.raises(BadEdit, match="not happened"):
        fill(site, counter, range(now, now + 1))


def test_a_gap_that_no_method_fills_is_named(site, counter):
    written, findings = fill(site, counter, range(SLOT, SLOT + 9))
    assert written.changed == 0
    assert [finding.code for finding in findings] == ["metering.edge"]
    with pytest.raises(BadEdit):
        fill_gaps(site, counter, range(SLOT, SLOT + 1), actor="", reason="r", at=NOW)
