"""Importing load curves: preview, skip or overwrite, refusals whole."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quartier.apps.equipment.models import Meter
from quartier.apps.intake.models import IntakeFile, Quarantine
from quartier.apps.intake.operations import import_load_curves
from quartier.apps.intake.sources import Source
from quartier.apps.metering.models import IntervalBlock
from quartier.core.kernel.period import slot_at
from quartier.formats.load_curve import shipped_profiles
from tests.apps.intake.letters import NOW, stored
from tests.formats.sdat.messages import Letter

pytestmark = pytest.mark.django_db
SLOT = slot_at(datetime(2025, 12, 31, 23, tzinfo=UTC))
HEAD = "meter;timestamp;import_kwh;export_kwh\n"


def run(site, text, **options):
    options = {"create_meters": True, **options}
    data = text if isinstance(text, bytes) else (HEAD + text).encode()
    return import_load_curves(site, [Source("curve.csv", data)], by="test", at=NOW, **options)


def test_curves_are_stored_and_shown(site):
    report, previews = run(site, "A;2026-01-01 00:00;1.5;0\nA;2026-01-01 00:15;2;0\n")
    assert stored(site, SLOT, 2) == [(1500, "measured"), (2000, "measured")]
    assert report.created_meters == ["A"]
    assert Meter.objects.get().mode == "consumption"
    assert [p.energy_kwh for p in previews] == [0, 3.5]
    assert not report.needs_attention


def test_a_dry_run_writes_nothing(site):
    report, previews = run(site, "A;2026-01-01 00:00;1.5;0\n", is_dry=True)
    assert len(previews) == 2
    assert not report.needs_attention
    for model in (Meter, IntakeFile, IntervalBlock, Quarantine):
        assert not model.objects.exists()


def test_known_values_are_kept_unless_overwriting_is_asked_for(site):
    run(site, "A;2026-01-01 00:00;1;0\n")
    report, _ = run(site, "A;2026-01-01 00:00;2;0\nA;2026-01-01 00:15;3;0\n")
    assert stored(site, SLOT, 2) == [(1000, "measured"), (3000, "measured")]
    assert report.needs_attention
    assert sum(result.kept for result in report.meters.values()) == 1
    report, _ = run(site, "A;2026-01-01 00:00;2;0\nA;2026-01-01 00:15;3;0\n", overwrite=True)
    assert stored(site, SLOT, 2) == [(2000, "measured"), (3000, "measured")]
    assert len(report.revised_slots) == 1


def test_the_same_file_twice_changes_nothing(site):
    run(site, "A;2026-01-01 00:00;1;0\n")
    report, _ = run(site, "A;2026-01-01 00:00;1;0\n")
    assert report.count("known") == 1
    assert not report.needs_attention


def test_a_file_with_one_bad_row_leaves_nothing(site):
    report, _ = run(site, "A;2026-01-01 00:00;1;0\nA;2026-01-01 00:15;x;0\nA;?;1;0\n")
    assert report.count("rejected") == 1
    assert [f.message.split(":")[0] for f in report.findings if f.severity == "error"] == [
        "line 3",
        "line 4",
    ]
    assert not IntervalBlock.objects.exists()
    assert not Meter.objects.exists()


def test_a_finer_source_carries_its_remainder(site):
    rows = "".join(f"A;2026-01-01 0{n // 4}:{n % 4 * 15:02};0.0004;0\n" for n in range(10))
    run(site, rows)
    assert sum(energy for energy, _ in stored(site, SLOT, 10)) == 4


def test_gaps_are_said(site):
    report, _ = run(site, "A;2026-01-01 00:00;1;0\nA;2026-01-01 00:15;;0\nA;2026-01-01 00:30;1;0\n")
    assert [f.code for f in report.findings if f.severity == "warning"] == ["intake.gap"]
    assert stored(site, SLOT, 3)[1] == (None, "missing")


def test_unknown_meters_wait(site):
    report, _ = run(site, "A;2026-01-01 00:00;1;0\n", create_meters=False)
    assert report.quarantined == {"A": 1}
    assert not IntervalBlock.objects.exists()
    Meter.objects.create(site=site, ref="A", name="A", source="curve")
    report, _ = run(site, "A;2026-01-01 00:00;1;0\n", create_meters=False)
    assert stored(site, SLOT, 1) == [(1000, "measured")]
    assert not Quarantine.objects.exists()


def test_a_wrong_profile_is_refused(site):
    report, _ = run(site, "A;2026-01-01 00:00;1;0\n", profile=shipped_profiles()["wide-local"])
    assert report.count("rejected") == 1
    assert "no column" in report.findings[0].message


def test_a_file_that_no_profile_fits_names_them(site):
    report, _ = run(site, b"x,y\n1,2\n")
    assert "--profile" in report.findings[0].message
    assert "wide-local" in report.findings[0].message


def test_a_meter_that_was_made_is_found_again(site):
    run(site, "Flat 3, left;2026-01-01 00:00;1;0\n")
    report, _ = run(site, "Flat 3, left;2026-01-01 00:15;1;0\n")
    assert report.created_meters == []
    assert Meter.objects.get().ref == "Flat-3-left"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (Letter([]).xml(), "import it with quartier import sdat"),
        (b"\xef\xbb\xbf <ESLBillingData/>", "quartier import readings"),
        ((HEAD + "A;2026-01-01 00:00;1;0\n").encode("utf-16"), "encoded as UTF-16"),
        ((HEAD + "A;2026-01-01 00:00;1;0\n").encode("utf-16-le"), "binary data"),
        (b"PK\3\4" + bytes(50), "not an XLSX file"),
        (b"\n\n \n", "the file is empty"),
    ],
)
def test_what_is_no_table_is_said_by_name(site, data, words):
    report, _ = run(site, data)
    assert report.count("rejected") == 1
    assert words in report.findings[0].message


def test_two_names_of_one_meter_in_a_file_are_refused(site):
    meter = Meter.objects.create(site=site, ref="A", name="B", source="curve")
    report, _ = run(site, "A;2026-01-01 00:00;1;0\nB;2026-01-01 00:00;2;0\n")
    assert report.count("rejected") == 1
    assert "A and B are the same meter A" in report.findings[-1].message
    assert not meter.registers.exists()
    assert not IntervalBlock.objects.exists()


def test_many_meters_are_found_and_read_in_a_bounded_number_of_questions(site):
    def questions(number, hour):
        text = "".join(f"M{n};2026-01-01 {hour:02}:00;1;0\n" for n in range(number))
        with CaptureQueriesContext(connection) as context:
            report, _ = run(site, text)
        assert report.count("imported") == 1
        return len(context)

    questions(60, 0)  # they are made
    assert questions(60, 1) <= questions(5, 2) + 4
