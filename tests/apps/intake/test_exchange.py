"""A device exchanged for another: not a watt-hour is lost or made, whatever the instant."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as _TestCase

from quartier.apps.audit.models import Event
from quartier.apps.equipment.configuration import content_of
from quartier.apps.equipment.gateways import How, Wanted, add_bus, add_gateway, connect
from quartier.apps.equipment.models import Device, Meter, Register
from quartier.apps.intake.exchange import Counter, Exchange, exchange
from quartier.apps.intake.exchange_check import BadExchange
from quartier.apps.intake.exchange_undo import undo_exchange
from quartier.apps.metering import store
from quartier.apps.metering.check import check as check_site
from quartier.apps.metering.models import Reading
from quartier.apps.metering.operations import IncomingReading, receive_readings, set_lock
from quartier.core.kernel.period import slot_at
from quartier.core.kernel.quality import Quality

pytestmark = [pytest.mark.django_db, pytest.mark.db]

T0 = datetime(2026, 11, 2, 9, tzinfo=UTC)
NOW = T0 + timedelta(days=3)
QUARTER = timedelta(minutes=15)


def site_with_meter(ref="elm", **fields):
    from quartier.apps.parties.models import Organisation
    from quartier.apps.sites.models import Site

    organisation, _ = Organisation.objects.get_or_create(ref="north", defaults={"name": "North"})
    site = Site.objects.create(organisation=organisation, ref=ref, name=ref)
    meter = Meter.objects.create(site=site, ref="m1", name="Flat 1", **fields)
    register = Register.objects.create(site=site, meter=meter, obis="1-1:1.8.0")
    return meter, register


@pytest.fixture
def meter(db):
    meter, register = site_with_meter()
    Device.objects.create(meter=meter, serial="old", installed_at=T0 - timedelta(days=30))
    read(register, [(T0, 1_000_000), (T0 + QUARTER, 1_000_100)])
    return meter


def read(register, points, serial=""):
    rows = [
        IncomingReading(register.pk, at, Decimal(value), "gateway g", serial=serial)
        for at, value in points
    ]
    return receive_readings(register.site, rows, received_at=NOW)


def asked(meter, at, final, start=0, serial="new", **more):
    register = meter.registers.get()
    counter = Counter(register, Decimal(final), Decimal(start))
    return Exchange(at, serial, (counter,), **more)


def done(meter, one, at=NOW):
    """Reviewed, then done."""
    seen = exchange(meter, one, at=at, actor="t")
    assert not seen.is_kept
    kept = exchange(meter, one, at=at, actor="t", seen=seen.sha256)
    assert kept.is_kept
    return kept


def hours(meter, first, count):
    register = meter.registers.get()
    got = store.read(meter.site_id, [register.pk], slot_at(first), slot_at(first) + count)
    return [int(e) if q else None for e, q in zip(got.energy_wh[0], got.quality[0], strict=True)]


def test_a_review_changes_nothing_and_what_was_seen_is_done(meter):
    at = T0 + QUARTER + timedelta(minutes=5)
    seen = exchange(meter, asked(meter, at, 1_000_150), at=NOW, actor="t")
    assert (seen.counted[0].gap_wh, seen.counted[0].last.value) == (50, 1_000_100)
    assert Device.objects.filter(meter=meter).count() == 1
    assert not Event.objects.filter(action="meter.exchange").exists()
    done(meter, asked(meter, at, 1_000_150, 7))
    old, new = Device.objects.filter(meter=meter).order_by("installed_at")
    assert (old.removed_at, new.installed_at, new.serial) == (at, at, "new")
    rows = Reading.objects.filter(read_at=at).order_by("source")
    assert [(r.value, r.device_id, r.quality) for r in rows] == [
        (1_000_150, old.pk, Quality.MANUAL),
        (7, new.pk, Quality.MANUAL),
    ]
    assert Event.objects.get(action="meter.exchange").data["new"] == "new"
    read(meter.registers.get(), [(T0 + 2 * QUARTER, 57)])
    assert hours(meter, T0, 2) == [100, 50 + 50]  # an exchange inside a quarter-hour


def test_what_changed_since_it_was_seen_is_not_done(meter):
    at = T0 + 3 * QUARTER
    seen = exchange(meter, asked(meter, at, 1_000_150), at=NOW, actor="t")
    read(meter.registers.get(), [(T0 + 2 * QUARTER, 1_000_120)])
    again = exchange(meter, asked(meter, at, 1_000_150), at=NOW, actor="t", seen=seen.sha256)
    assert not again.is_kept
    assert again.sha256 != seen.sha256
    assert not Device.objects.filter(serial="new").exists()


def test_readings_that_the_new_device_sent_before_it_was_entered_count_for_it(meter):
    register = meter.registers.get()
    read(register, [(T0 + 2 * QUARTER, 30), (T0 + 3 * QUARTER, 90)])
    assert hours(meter, T0, 3) == [100, None, 60]
    kept = done(meter, asked(meter, T0 + QUARTER + timedelta(minutes=6), 1_000_120))
    assert kept.counted[0].later == 2
    assert hours(meter, T0, 3) == [100, 20 + 30, 60]


def test_another_factor_counts_for_what_was_read_since(meter):
    register = meter.registers.get()
    more = [(T0 + n * QUARTER, 10 * n) for n in range(2, 12)]
    read(register, more)
    done(meter, asked(meter, T0 + QUARTER, 1_000_100, factor=Decimal(40)))
    assert hours(meter, T0, 11) == [100, 800] + [400] * 9


def test_twice_in_one_day(meter):
    first, second = T0 + timedelta(hours=1), T0 + timedelta(hours=2)
    done(meter, asked(meter, first, 1_000_200))
    done(meter, asked(meter, second, 40, serial="newer"))
    read(meter.registers.get(), [(T0 + timedelta(hours=3), 60)])
    assert sum(hours(meter, T0, 12)) == 200 + 40 + 60
    assert Device.objects.filter(meter=meter, removed_at=None).get().serial == "newer"


def test_what_cannot_be_is_refused(meter):
    at = T0 + 2 * QUARTER
    good = asked(meter, at, 1_000_150)

    def refused(one, says, meter=meter, now=NOW):
        with pytest.raises(BadExchange, match=says):
            exchange(meter, one, at=now, actor="t")

    refused(asked(meter, at, 999_999), "below the last one")
    refused(asked(meter, NOW + QUARTER, 1_000_150), "in the future")
    refused(asked(meter, T0 - timedelta(days=30), 5), "not installed yet")
    refused(asked(meter, T0, 1_000_000), "not the new device's")
    refused(asked(meter, at, 1_000_150, serial="old"), "already")
    refused(asked(meter, at, 1_000_150, serial=" \n"), "1 to 40")
    refused(asked(meter, at, 1_000_150, start=-1), "no counter shows")
    refused(asked(meter, at, 10**13), "no counter shows")
    refused(asked(meter, at, 1_000_150, factor=Decimal(0)), "factor")
    refused(asked(meter, at, 1_000_150, factor=Decimal("NaN")), "factor")
    refused(asked(meter, at, 1_000_150, digits=99), "digits")
    meter.fuse_a = Decimal(25)
    refused(asked(meter, at, 2_000_000), "more than the fuse")
    meter.fuse_a = None
    assert exchange(meter, asked(meter, at, 2_000_000), at=NOW, actor="t").warnings
    assert not exchange(meter, good, at=NOW, actor="t").warnings
    set_lock(meter.site, "electricity", (T0 + timedelta(days=1)).date(), actor="t", at=NOW)
    refused(good, "locked")
    meter.source = Meter.Source.VIRTUAL
    refused(good, "computed")


def test_a_counter_that_rolled_over_before_it_was_removed(meter):
    Device.objects.filter(meter=meter).update(digits=4)
    Meter.objects.filter(pk=meter.pk).update(fuse_a=63)
    meter.refresh_from_db()
    register = meter.registers.get()
    read(register, [(T0 + 2 * QUARTER, 9_999_900)])
    kept = done(meter, asked(meter, T0 + 3 * QUARTER, 100))
    assert kept.counted[0].gap_wh == 200
    assert hours(meter, T0, 3)[2] == 200


def test_a_device_without_a_reading_counts_from_its_installation():
    meter, _register = site_with_meter("ash")
    Device.objects.create(meter=meter, serial="old", installed_at=T0)
    seen = exchange(meter, asked(meter, T0 + 4 * QUARTER, 400), at=NOW, actor="t")
    assert (seen.counted[0].changed, seen.counted[0].after_wh) == (4, 400)
    assert "from 0" in seen.warnings[0]


def test_an_exchange_is_taken_back_and_entered_again(meter):
    register = meter.registers.get()
    old = Device.objects.get()
    at = T0 + 2 * QUARTER + timedelta(minutes=4)
    before = hours(meter, T0 - QUARTER, 6)
    done(meter, asked(meter, at, 1_000_300), NOW)
    assert hours(meter, T0 - QUARTER, 6) != before
    undo_exchange(meter, at=NOW + QUARTER, actor="t")
    assert hours(meter, T0 - QUARTER, 6) == before
    assert Device.objects.get() == old
    assert Device.objects.get().removed_at is None
    with pytest.raises(BadExchange, match="since the exchange"):
        undo_exchange(meter, at=NOW + QUARTER, actor="t")
    seen = exchange(meter, asked(meter, at, 1_000_200), at=NOW + 2 * QUARTER, actor="t")
    assert seen.counted[0].last.value == 1_000_100
    done(meter, asked(meter, at, 1_000_300), NOW + 2 * QUARTER)
    read(register, [(T0 + 3 * QUARTER, 70)])
    assert sum(hours(meter, T0, 3)) == 300 + 70
    assert [one.code for one in check_site(meter.site)] == []
    with pytest.raises(BadExchange, match="since the exchange"):
        undo_exchange(meter, at=NOW + 3 * QUARTER, actor="t")
    actions = Event.objects.filter(subject="m1").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["meter.exchange", "meter.exchange_undone", "meter.exchange"]


def test_what_was_read_after_an_undone_exchange_is_of_the_old_device(meter):
    done(meter, asked(meter, T0 + 2 * QUARTER, 5_000_000), NOW)  # another meter's display
    undo_exchange(meter, at=NOW + QUARTER, actor="t")
    got = read(meter.registers.get(), [(T0 + 3 * QUARTER, 1_000_220)])
    assert got.findings == []
    assert sum(hours(meter, T0, 3)) == 220


def test_the_gateway_is_told_the_new_device(meter):
    gateway = add_gateway(meter.site, "elm-cellar", at=T0, actor="t")
    place = {"host": "10.0.0.2", "port": 502}
    bus = add_bus(gateway, "b", "modbus_rtu_tcp", place, at=T0, actor="t")
    how = How("eastron_sdm630", "SDM630-Modbus")
    connect(bus, [Wanted(meter, "11")], how, at=T0, actor="t")
    assert [one.serial for one in content_of(gateway).meters] == ["old"]
    done(meter, asked(meter, T0 + 2 * QUARTER, 1_000_150, how=how, address="12"))
    (told,) = content_of(gateway).meters
    assert (told.serial, told.address, told.driver) == ("new", "12", "eastron_sdm630")
    undo_exchange(meter, at=NOW + QUARTER, actor="t")
    (told,) = content_of(gateway).meters
    assert (told.serial, told.address) == ("old", "11")


def test_a_meter_gets_its_first_device():
    meter, register = site_with_meter("ash")
    one = Exchange(T0, "first", (Counter(register, None, Decimal(12)),))
    assert done(meter, one).old is None
    read(register, [(T0 + QUARTER, 40)])
    assert hours(meter, T0, 1) == [28]


def test_a_device_that_was_never_entered_needs_its_number():
    meter, register = site_with_meter("ash")
    read(register, [(T0, 500), (T0 + QUARTER, 600)])
    one = asked(meter, T0 + 2 * QUARTER, 650)
    with pytest.raises(BadExchange, match="number of the old device"):
        exchange(meter, one, at=NOW, actor="t")
    done(meter, asked(meter, T0 + 2 * QUARTER, 650, old_serial="was"))
    assert Device.objects.get(serial="was").installed_at == T0
    assert hours(meter, T0, 2) == [100, 50]


DAYS = st.sampled_from(
    [
        datetime(2026, 3, 28, 23, tzinfo=UTC),
        datetime(2026, 10, 24, 22, tzinfo=UTC),
        datetime(2026, 11, 1, 23, tzinfo=UTC),
    ]
)
FACTORS = st.sampled_from([Decimal(1), Decimal(40), Decimal("0.333333"), Decimal("12.5")])
WATTS = st.lists(st.integers(0, 9_000), min_size=60, max_size=60)


class TestSums(_TestCase):
    """Whatever the day, the instants, the factors and the remainders."""

    @settings(max_examples=8, deadline=None)
    @given(
        day=DAYS,
        steps=st.lists(st.integers(0, 30_000), min_size=8, max_size=24),
        minutes=st.lists(st.integers(61, 340), min_size=1, max_size=2, unique=True),
        factors=st.tuples(FACTORS, FACTORS, FACTORS),
        odd=st.sampled_from([Decimal(0), Decimal("0.25"), Decimal("0.999")]),
    )
    def test_the_quarter_hours_sum_to_what_the_devices_counted(
        self, day, steps, minutes, factors, odd
    ):
        meter, register = site_with_meter(f"s{Meter.objects.count()}")
        Device.objects.create(meter=meter, serial="d0", installed_at=day, factor=factors[0])
        count = Decimal("123.456") + odd
        read(register, [(day, count)], "d0")
        begun, total, number = count, 0, 0
        changes = [day + timedelta(minutes=one) for one in sorted(minutes)]
        at, last = day, day
        for step in steps:
            at += QUARTER
            while number < len(changes) and changes[number] <= at:
                final, start = count + step // 3, odd * number
                one = Exchange(
                    changes[number],
                    f"d{number + 1}",
                    (Counter(register, final, start),),
                    factor=factors[number + 1],
                )
                done(meter, one, day + timedelta(days=400))
                total += floor(final * factors[number]) - floor(begun * factors[number])
                last = changes[number]
                begun, count, number = start, start, number + 1
            count += step + odd
            read(register, [(at, count)], f"d{number}")
            last = at
        total += floor(count * factors[number]) - floor(begun * factors[number])
        slots = slot_at(last) - slot_at(day) + 1
        assert sum(one or 0 for one in hours(meter, day, slots)) == total
