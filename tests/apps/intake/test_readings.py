"""Importing register readings, and holding them against the quarter-hours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from quartier.apps.equipment.models import Device, Meter
from quartier.apps.intake.check import check
from quartier.apps.intake.operations import import_readings, import_sdat
from quartier.apps.intake.reconcile import agreements
from quartier.apps.intake.sources import Source, sources
from quartier.apps.metering.models import Reading
from quartier.core.kernel.period import slot_at
from tests.apps.intake.letters import NOW, import_letters, stored
from tests.formats.sdat.messages import Block, Letter

pytestmark = pytest.mark.django_db
HEAD = "meter,obis,read_at,value\n"


def run(site, text, **options):
    options = {"create_meters": True, **options}
    source = Source("readings.csv", text if isinstance(text, bytes) else (HEAD + text).encode())
    return import_readings(site, [source], by="test", at=NOW, **options)


def values():
    return list(Reading.objects.order_by("read_at").values_list("value", flat=True))


def test_tariff_registers_are_added_up(site):
    run(site, "m,1-1:1.8.1,2026-01-01,1\nm,1-1:1.8.2,2026-01-01,2.5\n")
    assert values() == [3500]


def test_a_tariff_that_is_missing_makes_no_total(site):
    report = run(
        site,
        "m,1-1:1.8.1,2026-01-01,1\nm,1-1:1.8.2,2026-01-01,2\nm,1-1:1.8.1,2026-02-01,5\n",
    )
    assert values() == [3000]
    assert [f.code for f in report.findings] == ["intake.tariff_missing"]


def test_times_without_offset_are_local(site):
    run(site, "m,1-1:1.8.0,2026-01-01,1\n")
    assert Reading.objects.get().read_at == datetime(2025, 12, 31, 23, tzinfo=UTC)


def test_known_readings_stay_and_a_contradiction_is_said(site):
    run(site, "m,1-1:1.8.0,2026-01-01,1\n")
    report = run(site, "m,1-1:1.8.0,2026-01-01,1\nm,1-1:1.8.0,2026-02-01,2\n")
    (result,) = report.meters.values()
    assert (result.new, result.unchanged) == (1, 1)
    report = run(site, "m,1-1:1.8.0,2026-01-01,9\n")
    assert "intake.reading_differs" in {f.code for f in report.findings}
    assert values() == [1000, 2000]


def test_a_register_that_runs_backwards_is_an_error(site):
    report = run(site, "m,1-1:1.8.0,2026-01-01,5\nm,1-1:1.8.0,2026-02-01,4\n")
    assert "metering.backwards" in {f.code for f in report.findings}
    assert report.needs_attention


def test_meters_are_found_by_ref_serial_and_point(site):
    meter = Meter.objects.create(site=site, ref="r", name="R", metering_point="CH" + "1" * 31)
    Device.objects.create(
        meter=meter, serial="S9", installed_at=NOW - timedelta(days=900), factor=3
    )
    for number, name in enumerate(("r", "S9", "CH" + "1" * 31), 1):
        report = run(site, f"{name},1-1:1.8.0,2026-0{number}-01,{number}\n", create_meters=False)
        assert report.count("imported") == 1
    assert values() == [1000, 2000, 3000]
    assert Meter.objects.count() == 1


def test_an_unknown_meter_waits(site):
    report = run(site, "m,1-1:1.8.0,2026-01-01,1\n", create_meters=False)
    assert report.quarantined == {"m": 1}
    assert run(site, "m,1-1:1.8.0,2026-01-01,1\n").created_meters == ["mm"]
    assert values() == [1000]


def test_bad_rows_are_all_named_and_nothing_is_stored(site):
    report = run(site, "m,1-1:1.8.0,2026-01-01,x\nm,1-1:1.8.0,?,1\nm,1-1:1.8.0,2026-01-01,1\n")
    assert [f.message.split(":")[0] for f in report.findings] == ["line 2", "line 3"]
    assert values() == []


def test_a_file_of_another_kind_says_which_command_reads_it(site):
    block = Block(datetime(2026, 1, 1, tzinfo=UTC), ["1"])
    report = run(site, Letter([block]).xml())
    assert "quartier import sdat" in report.findings[0].remedy
    assert report.needs_attention


def days(start, count, energy):
    """Letters of whole UTC days, each quarter-hour the same."""
    for number in range(count):
        yield Letter([Block(start + timedelta(days=number), [energy] * 96)])


def test_a_counter_is_recognised_by_its_energy(site):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    import_letters(site, *days(start, 4, "0.300"))
    rows = "".join(
        f"77,1-1:1.8.0,2026-01-0{n + 1}T00:00:00Z,{100 + n * 9.6:.1f}\n" for n in range(5)
    )
    report = run(site, rows)
    device = Device.objects.get()
    assert (device.serial, device.factor) == ("77", 3)
    assert "intake.counter_matched" in {f.code for f in report.findings}
    found = agreements(site, Meter.objects.get())
    assert [one.agrees and one.is_complete for one in found] == [True] * 4
    device.factor = Decimal(2)
    device.save()
    assert {f.code for f in check(site) if f.severity == "error"} == {"intake.registers_differ"}


def test_a_counter_that_does_not_agree_gets_a_meter_of_its_own(site):
    import_letters(site, *days(datetime(2026, 1, 1, tzinfo=UTC), 4, "0.300"))
    rows = "".join(f"77,1-1:1.8.0,2026-01-0{n + 1}T00:00:00Z,{100 + n * n * 9}\n" for n in range(5))
    assert run(site, rows).created_meters == ["m77"]


def test_the_real_building_agrees_with_its_registers(site, real_data):
    path = real_data / "sdat" / "building_2018-12_2020-03.tar.gz"
    import_sdat(site, sources([path]), by="test", at=NOW, create_meters=True)
    report = import_readings(site, sources([path]), by="test", at=NOW, create_meters=True)
    assert not report.needs_attention
    meter = Meter.objects.get(medium="electricity")
    assert meter.devices.get().factor == 3
    begin, end = datetime(2018, 12, 31, 23, tzinfo=UTC), datetime(2020, 3, 31, 22, tzinfo=UTC)
    months = [a for a in agreements(site, meter) if begin <= a.starts_at and a.ends_at <= end]
    assert len(months) == 30
    good = [a for a in months if a.is_complete]
    assert len(good) == 28
    assert all(abs(a.register_wh - a.interval_wh) <= 600 for a in good)
    assert all(a.agrees for a in good)
    assert {a.missing_days for a in months if not a.is_complete} == {("2020-02-09",)}
    texts = [str(finding) for finding in check(site)]
    assert any("28 of 28" in text for text in texts)
    assert sum("2020-02-09" in text for text in texts) == 2


def test_a_curve_meters_register_that_runs_backwards_is_an_error_too(site):
    Meter.objects.create(site=site, ref="m", name="M", source="curve")
    report = run(site, "m,1-1:1.8.0,2026-01-01,5\nm,1-1:1.8.0,2026-02-01,4\n")
    assert [f.code for f in report.findings] == ["intake.backwards"]


def test_a_serial_that_the_meter_does_not_have_is_refused(site):
    meter = Meter.objects.create(site=site, ref="r", name="R")
    Device.objects.create(meter=meter, serial="S9", installed_at=NOW - timedelta(days=900))
    text = b"meter,serial,read_at,value\nr,S8,2026-01-01,5\n"
    report = run(site, text)
    assert "metering.no_device" in {f.code for f in report.findings}
    assert values() == []


EXCHANGE = datetime(2026, 3, 15, 11, tzinfo=UTC)
WITH_SERIAL = "meter,serial,obis,read_at,value\n"


@pytest.fixture
def exchanged(site):
    """A meter whose device S1 was exchanged for S2 on 15 March."""
    meter = Meter.objects.create(site=site, ref="m", name="M", source="register")
    installed_at = NOW - timedelta(days=900)
    Device.objects.create(meter=meter, serial="S1", installed_at=installed_at, removed_at=EXCHANGE)
    Device.objects.create(meter=meter, serial="S2", installed_at=EXCHANGE)
    return meter


def run_serial(site, text, **options):
    return run(site, (WITH_SERIAL + text).encode(), **options)


def test_before_the_exchange_no_final_reading_is_missed(site, exchanged):
    report = run_serial(site, "m,S1,1-1:1.8.0,2026-01-01,1\nm,S1,1-1:1.8.0,2026-02-01,2\n")
    assert report.findings == []
    report = run_serial(site, "m,S2,1-1:1.8.0,2026-04-01,2\n")
    assert [f.code for f in report.findings] == ["metering.no_final_reading"]


def test_one_file_with_both_devices_of_an_exchange_gives_each_its_own(site, exchanged):
    report = run_serial(
        site,
        "m,S1,1-1:1.8.0,2026-03-01,1\n"
        "m,S1,1-1:1.8.0,2026-03-15T11:00:00Z,3\n"
        "m,S2,1-1:1.8.0,2026-03-15T11:00:00Z,0\n"
        "m,S2,1-1:1.8.0,2026-04-01,1\n",
    )
    assert report.findings == []
    first, second = (device.pk for device in exchanged.devices.order_by("installed_at"))
    assert list(Reading.objects.order_by("read_at", "value").values_list("device_id", "value")) == [
        (first, 1000),
        (second, 0),
        (first, 3000),
        (second, 1000),
    ]
    energies = stored(site, slot_at(datetime(2026, 2, 28, 23, tzinfo=UTC)), 31 * 96 - 4)
    assert sum(energy for energy, _ in energies) == 3000


def test_both_devices_of_an_unknown_meter_are_made(site):
    report = run_serial(
        site,
        "m,S1,1-1:1.8.0,2026-01-01,1\nm,S1,1-1:1.8.0,2026-02-01,2\n"
        "m,S2,1-1:1.8.0,2026-02-01,0\nm,S2,1-1:1.8.0,2026-03-01,1\n",
    )
    assert report.findings == []
    at = datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert list(Device.objects.values_list("serial", "removed_at").order_by("serial")) == [
        ("S1", at),
        ("S2", None),
    ]
    assert Device.objects.get(serial="S2").installed_at == at
    assert len(values()) == 4


def test_devices_that_overlap_are_not_made(site):
    text = (
        "m,S1,1-1:1.8.0,2026-01-01,1\nm,S1,1-1:1.8.0,2026-03-01,2\n"
        "m,S2,1-1:1.8.0,2026-02-01,0\nm,S2,1-1:1.8.0,2026-03-01,1\n"
    )
    report = run_serial(site, text)
    assert "intake.two_devices" in {f.code for f in report.findings}
    assert not Device.objects.exists()
    assert values() == []


def test_readings_of_an_unknown_device_are_one_finding_and_can_be_imported_later(site, exchanged):
    text = "".join(f"m,S3,1-1:1.8.0,2026-05-{day:02},{day}\n" for day in range(1, 11))
    report = run_serial(site, text)
    (finding,) = report.findings
    assert finding.code == "metering.no_device"
    assert "10 of its readings from 2026-04-30T22:00Z to 2026-05-09T22:00Z" in finding.message
    assert finding.where == "m, lines 2 to 11"
    removed_at = datetime(2026, 4, 30, 22, tzinfo=UTC)
    Device.objects.filter(serial="S2").update(removed_at=removed_at)
    Device.objects.create(meter=exchanged, serial="S3", installed_at=removed_at)
    assert run_serial(site, text).findings == []
    assert len(values()) == 10


def test_readings_that_differ_are_one_finding_with_their_unit(site):
    rows = "".join(f"m,1-1:1.8.0,2026-01-{day:02},{day}\n" for day in range(1, 11))
    run(site, rows)
    report = run(site, "".join(f"m,1-1:1.8.0,2026-01-{day:02},{day}.5\n" for day in range(1, 11)))
    (finding,) = report.findings
    assert finding.message.startswith("10 readings differ from the stored ones, which are kept")
    assert "1.5 kWh at 2025-12-31T23:00Z differs from the stored reading of 1 kWh" in (
        finding.message
    )
    assert finding.where == "mm import, lines 2 to 11"


def test_readings_a_quarter_of_an_hour_apart_become_intervals(site):
    rows = "".join(f"m,1-1:1.8.0,2026-01-01 00:{15 * n:02},{n * 0.25}\n" for n in range(4))
    run(site, rows)
    first = slot_at(datetime(2025, 12, 31, 23, tzinfo=UTC))
    assert stored(site, first, 4) == [(250, "measured")] * 3 + [(None, "missing")]


def test_local_times_of_a_clock_change_need_their_offset(site):
    report = run(
        site,
        "m,1-1:1.8.0,2026-03-29 02:30,1\nm,1-1:1.8.0,2026-10-25 02:30,2\n"
        "m,1-1:1.8.0,2026-10-25 03:00,3\n",
    )
    assert [f.message.split(", as")[0] for f in report.findings] == [
        "line 2: the local time 2026-03-29 02:30 does not exist",
        "line 3: the local time 2026-10-25 02:30 comes twice",
    ]
    assert values() == []
    run(site, "m,1-1:1.8.0,2026-10-25T02:30:00+02:00,1\nm,1-1:1.8.0,2026-10-25T02:30:00+01:00,2\n")
    assert values() == [1000, 2000]


def test_a_file_with_no_total_is_one_sentence(site):
    report = run(site, "m,1-1:1.8.1,2026-01-01,1\nm,1-1:1.8.1,2026-01-01,2\n")
    assert ".." not in report.findings[0].message
