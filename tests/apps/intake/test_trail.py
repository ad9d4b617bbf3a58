"""From a stored quarter-hour to the file that gave it, whatever kind of file it was."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quartier.apps.equipment.models import Device, Meter, Register
from quartier.apps.intake.models import Contribution
from quartier.apps.intake.operations import import_load_curves, import_readings
from quartier.apps.intake.sources import Source
from quartier.apps.intake.trail import deliveries
from quartier.apps.metering.operations import (
    IncomingReading,
    edit_intervals,
    receive_readings,
)
from quartier.core.kernel.period import slot_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series
from tests.apps.intake.letters import NOW, import_letters
from tests.formats.sdat.messages import Block, Letter

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)
SLOT = slot_at(START)
CURVE = "meter;timestamp;import_kwh;export_kwh\n"
READINGS = "meter,obis,read_at,value\n"


def local(slot):
    """The local time of a slot in January."""
    return f"{START + timedelta(minutes=15 * (slot - SLOT)) + timedelta(hours=1):%Y-%m-%d %H:%M}"


def curve(site, name, slots, energy="1", minutes=0, **options):
    text = CURVE + "".join(f"A;{local(slot)};{energy};0\n" for slot in slots)
    at = NOW + timedelta(minutes=minutes)
    options = {"create_meters": True, "by": "ann@example.ch", **options}
    return import_load_curves(site, [Source(name, text.encode())], at=at, **options)


def readings(site, name, text, minutes=0):
    source = Source(name, (READINGS + text).encode())
    at = NOW + timedelta(minutes=minutes)
    return import_readings(site, [source], by="ben@example.ch", at=at, create_meters=True)


def behind(site, first, end, direction="import"):
    """``[(file, quarter-hours, lines)]`` of the one meter."""
    meter = Meter.objects.get(site=site)
    found = deliveries(site.pk, [meter.pk], first, end).get(meter.pk, [])
    return [(one.file.name, one.slots, one.lines) for one in found if one.direction == direction]


def test_a_load_curve_is_found_with_its_lines_and_who_imported_it(site):
    curve(site, "jan.csv", range(SLOT, SLOT + 8))
    assert behind(site, SLOT + 2, SLOT + 5) == [("jan.csv", 3, (2, 9))]
    meter = Meter.objects.get()
    (one,) = (
        d
        for d in deliveries(site.pk, [meter.pk], SLOT, SLOT + 8)[meter.pk]
        if d.direction == "import"
    )
    assert (one.by, one.at, one.file.received_by) == ("ann@example.ch", NOW, "ann@example.ch")
    assert len(one.file.sha256) == 64


def test_a_row_a_file_and_register_is_kept_however_many_quarter_hours(site):
    curve(site, "some.csv", [slot for slot in range(SLOT, SLOT + 2001) if slot % 3])
    curve(site, "all.csv", range(SLOT, SLOT + 2001), minutes=1)
    assert Contribution.objects.count() == 4  # two files, import and export
    assert behind(site, SLOT, SLOT + 2001) == [
        ("some.csv", 1334, (2, 1335)),
        ("all.csv", 667, (2, 2000)),
    ]
    assert max(len(row.slots) for row in Contribution.objects.all()) < 60


def test_what_was_kept_stays_with_the_first_file_and_a_correction_wins(site):
    curve(site, "first.csv", range(SLOT, SLOT + 4))
    curve(site, "kept.csv", range(SLOT, SLOT + 6), energy="2", minutes=1)
    assert behind(site, SLOT, SLOT + 6) == [("first.csv", 4, (2, 5)), ("kept.csv", 2, (6, 7))]
    curve(site, "right.csv", range(SLOT, SLOT + 3), energy="3", minutes=2, overwrite=True)
    assert behind(site, SLOT, SLOT + 6) == [
        ("right.csv", 3, (2, 4)),
        ("kept.csv", 2, (6, 7)),
        ("first.csv", 1, (2, 5)),
    ]
    curve(site, "same.csv", range(SLOT, SLOT + 2), energy="3", minutes=3, overwrite=True)
    assert behind(site, SLOT, SLOT + 3) == [("right.csv", 3, (2, 4))], "it changed nothing"


def test_what_a_person_edited_is_of_no_file(site):
    curve(site, "jan.csv", range(SLOT, SLOT + 4))
    register = Register.objects.get(direction="import")
    edit = Series(
        register.pk, SLOT + 1, np.array([7, 8]), np.full(2, int(Quality.MANUAL), np.uint8)
    )
    at = NOW + timedelta(minutes=1)
    edit_intervals(site, [edit], method="manual", reason="test", actor="ann", at=at)
    assert behind(site, SLOT, SLOT + 4) == [("jan.csv", 2, (2, 5))]
    curve(site, "again.csv", range(SLOT + 2, SLOT + 3), minutes=2, overwrite=True)
    assert behind(site, SLOT, SLOT + 4) == [("jan.csv", 2, (2, 5)), ("again.csv", 1, (2, 2))]


def test_a_message_that_came_after_an_edit_has_its_value_back(site):
    import_letters(site, Letter([Block(START, ["1"] * 96)]))
    register = Register.objects.get(direction="import")
    edit = Series(register.pk, SLOT, np.array([7]), np.full(1, int(Quality.MANUAL), np.uint8))
    at = NOW + timedelta(minutes=1)
    edit_intervals(site, [edit], method="manual", reason="test", actor="ann", at=at)
    assert behind(site, SLOT, SLOT + 96) == [("0.xml", 95, None)]
    newer = Letter([Block(START, ["2"] * 96)], created_at=datetime(2026, 2, 20, tzinfo=UTC))
    import_letters(site, newer, at=NOW + timedelta(minutes=2))
    assert behind(site, SLOT, SLOT + 96) == [("0.xml", 96, None)]


def test_messages_and_curves_of_one_register_do_not_both_count(site):
    import_letters(site, Letter([Block(START, ["1"] * 4)]))
    Meter.objects.update(ref="A")
    curve(site, "fills.csv", range(SLOT, SLOT + 8), minutes=1)
    assert behind(site, SLOT, SLOT + 8) == [("0.xml", 4, None), ("fills.csv", 4, (6, 9))]
    curve(site, "over.csv", range(SLOT, SLOT + 1), energy="5", minutes=2, overwrite=True)
    assert behind(site, SLOT, SLOT + 4) == [("0.xml", 3, None), ("over.csv", 1, (2, 2))]


def test_readings_stand_behind_the_quarter_hours_on_both_sides(site):
    readings(site, "jan.csv", "m,1-1:1.8.0,2026-01-01,0\n")
    readings(site, "feb.csv", "m,1-1:1.8.0,2026-02-01,31\n", minutes=1)
    readings(site, "mar.csv", "m,1-1:1.8.0,2026-03-01,59\n", minutes=2)
    january = slot_at(datetime(2025, 12, 31, 23, tzinfo=UTC))
    february = january + 31 * 96
    assert behind(site, january, february) == [("jan.csv", 2976, (2, 2)), ("feb.csv", 2976, (2, 2))]
    assert behind(site, february - 4, february + 4) == [
        ("feb.csv", 8, (2, 2)),
        ("jan.csv", 4, (2, 2)),
        ("mar.csv", 4, (2, 2)),
    ]


def test_a_reading_by_hand_takes_the_place_of_the_files(site):
    readings(site, "jan.csv", "m,1-1:1.8.0,2026-01-01,0\n")
    readings(site, "feb.csv", "m,1-1:1.8.0,2026-02-01,31\n", minutes=1)
    register = Register.objects.get()
    by_hand = IncomingReading(
        register.pk, datetime(2026, 1, 31, 23, tzinfo=UTC), Decimal(30000), "ann", Quality.MANUAL
    )
    receive_readings(site, [by_hand], received_at=NOW + timedelta(minutes=2), actor="ann")
    january = slot_at(datetime(2025, 12, 31, 23, tzinfo=UTC))
    assert behind(site, january, january + 2976) == [("jan.csv", 2976, (2, 2))]


def test_before_the_first_reading_of_a_new_device_its_file_counts(site):
    meter = Meter.objects.create(site=site, ref="m", name="M")
    Device.objects.create(meter=meter, serial="s", installed_at=START)
    readings(site, "first.csv", "m,1-1:1.8.0,2026-01-02T00:00:00Z,5\n")
    assert behind(site, SLOT, SLOT + 200) == [("first.csv", 96, (2, 2))]


def test_readings_of_a_meter_with_a_curve_give_no_quarter_hours(site):
    curve(site, "curve.csv", range(SLOT, SLOT + 8))
    readings(
        site, "r.csv", "A,1-1:1.8.0,2026-01-01T00:00:00Z,0\nA,1-1:1.8.0,2026-01-01T02:00:00Z,8\n", 1
    )
    assert behind(site, SLOT, SLOT + 8) == [("curve.csv", 8, (2, 9))]


def test_the_number_of_questions_does_not_grow_with_files_and_meters(site):
    def questions():
        meters = list(Meter.objects.values_list("pk", flat=True))
        with CaptureQueriesContext(connection) as context:
            deliveries(site.pk, meters, SLOT, SLOT + 960)
        return len(context)

    import_letters(site, Letter([Block(START, ["1"] * 4)]))
    curve(site, "0.csv", range(SLOT, SLOT + 4))
    readings(site, "m.csv", "m,1-1:1.8.0,2026-01-01,0\nm,1-1:1.8.0,2026-02-01,3\n")
    before = questions()
    for number in range(1, 6):
        curve(site, f"{number}.csv", range(SLOT + 4 * number, SLOT + 4 * number + 4))
        import_letters(site, Letter([Block(START + timedelta(days=number), ["1"] * 4)]))
        readings(
            site, "m.csv", f"m{number},1-1:1.8.0,2026-01-01,0\nm{number},1-1:1.8.0,2026-02-01,3\n"
        )
    assert questions() == before <= 9
