"""What ``quartier check`` finds in readings and intervals."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quartier.apps.equipment.models import Device
from quartier.apps.metering import store
from quartier.apps.metering.check import check
from quartier.apps.metering.models import IntervalBlock
from quartier.apps.metering.operations import IncomingReading, edit_intervals, receive_readings
from quartier.core.kernel.period import slot_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series

pytestmark = pytest.mark.db

T0 = datetime(2026, 1, 1, tzinfo=UTC)
SLOT = slot_at(T0)


@pytest.fixture
def counter(site, register):
    made = register("c")
    Device.objects.create(meter=made.meter, serial="A", installed_at=T0)
    readings = [
        IncomingReading(made.id, T0 + i * timedelta(hours=1), Decimal(100 * i), "s")
        for i in range(60)
    ]
    receive_readings(site, readings, received_at=T0)
    return made


def codes(site):
    return [finding.code for finding in check(site)]


def test_a_sound_site_has_no_finding(site, counter):
    assert codes(site) == []


def test_a_damaged_block_is_named(site, counter):
    IntervalBlock.objects.filter(day=SLOT // 96 + 1).update(total_wh=1)
    (finding,) = check(site)
    assert finding.code == "metering.damaged"
    assert "2026-01-02" in finding.message


def test_of_a_long_history_the_newest_readings_are_compared(site, register):
    made = register("long")
    Device.objects.create(meter=made.meter, serial="A", installed_at=T0)
    receive_readings(
        site,
        [
            IncomingReading(made.id, T0 + timedelta(days=day, minutes=7 * (day % 9)), value, "s")
            for day, value in ((day, Decimal(day * 1000)) for day in range(300))
        ],
        received_at=T0,
    )
    assert codes(site) == []
    IntervalBlock.objects.filter(day=SLOT // 96 + 290).delete()
    assert "metering.not_converted" in codes(site)
    with CaptureQueriesContext(connection) as context:
        codes(site)
    rows = [q["sql"] for q in context if '"value"' in q["sql"] and "metering_reading" in q["sql"]]
    assert len(rows) == 1
    with connection.cursor() as cursor:
        cursor.execute(rows[0])
        assert 92 <= len(cursor.fetchall()) <= 97


def test_the_oldest_boundary_that_is_compared_has_all_of_its_readings(site, register):
    """92 days before the last reading is 25:00 here, and three readings before that 15:45."""
    made = register("dense")
    Device.objects.create(meter=made.meter, serial="A", installed_at=T0)
    shown = [(0, 0), (880, 88), (925, 93), (945, 95), (1200, 120), (1300, 130), (1400, 140)]
    shown += [(1800, 180), (92 * 86_400 + 1500, 200_000)]
    receive_readings(
        site,
        [
            IncomingReading(made.id, T0 + timedelta(seconds=at), Decimal(value), "s")
            for at, value in shown
        ],
        received_at=T0,
    )
    assert codes(site) == []


def test_intervals_that_differ_from_their_registers_are_found(site, counter):
    store.write(site.id, [Series.of(counter.id, SLOT, [99])], source="elsewhere", known_at=T0)
    assert codes(site) == ["metering.register_sum"]


def test_what_a_person_edited_is_no_finding(site, counter):
    edit_intervals(
        site,
        [Series.of(counter.id, SLOT, [99], Quality.MANUAL)],
        method="by hand",
        reason="r",
        actor="a",
        at=T0,
    )
    assert codes(site) == []


def test_lost_blocks_of_a_counter_and_orphans_are_found(site, counter):
    IntervalBlock.objects.filter(day=SLOT // 96).delete()
    assert codes(site) == ["metering.not_converted"]
    IntervalBlock.objects.create(
        site_id=site.id, day=1, register_id=999, energy=bytes(384), quality=b"\1" * 96, total_wh=0
    )
    assert "metering.orphan" in codes(site)
