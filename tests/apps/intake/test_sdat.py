"""The version rule, quarantine, archive and findings of SDAT-CH imports."""

import io
import random
import tarfile
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartier.apps.equipment.models import Meter, Register
from quartier.apps.intake import archive, billed, merging
from quartier.apps.intake.models import IntakeFile, IntakeFinding, Provenance, Quarantine
from quartier.apps.intake.operations import release_quarantine
from quartier.apps.metering import store
from quartier.apps.metering.models import IntervalBlock, IntervalRevision, Lock
from quartier.core.kernel.period import slot_at
from tests.apps.intake.letters import NOW, import_letters, stored
from tests.counts import examples
from tests.formats.sdat.messages import COMMUNITY, POINT, RESIDUAL, TOTAL, Block, Letter

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 5, 23, tzinfo=UTC)
SLOT = slot_at(START)
DAY0 = datetime(2026, 2, 1, tzinfo=UTC)


def letter(*values, hours=0, status=9, start=START, reason="E88", **block):
    created_at = DAY0 + timedelta(hours=hours)
    return Letter([Block(start, values, **block)], created_at, status, reason)


# -- versions -----------------------------------------------------------------------------------


def test_the_newest_message_wins_in_either_order(site):
    import_letters(site, letter("2", hours=2), letter("1", hours=1))
    assert stored(site, SLOT, 1) == [(2000, "measured")]
    import_letters(site, letter("0.5", hours=0))
    assert stored(site, SLOT, 1) == [(2000, "measured")]


def test_replace_wins_over_original_of_the_same_creation(site):
    import_letters(site, letter("2", status=5), letter("1"))
    assert stored(site, SLOT, 1) == [(2000, "corrected")]


def test_a_value_beats_condition_21_whatever_the_times(site):
    import_letters(site, letter("1", hours=1))
    report = import_letters(site, letter(("0.000", "21"), hours=9))
    assert stored(site, SLOT, 1) == [(1000, "measured")]
    assert not report.needs_attention


def test_condition_21_is_no_value_and_named_with_its_day(site):
    report = import_letters(site, letter("1", ("0.000", "21")))
    assert stored(site, SLOT, 2) == [(1000, "measured"), (None, "missing")]
    (finding,) = [f for f in report.findings if f.code == "intake.temporary"]
    assert "2026-01-06" in finding.message
    (result,) = report.meters.values()
    assert (result.new, result.temporary) == (1, 1)


def test_filling_condition_21_later_is_no_revision(site):
    import_letters(site, letter(("0.000", "21")))
    report = import_letters(site, letter("3", hours=1))
    assert stored(site, SLOT, 1) == [(3000, "measured")]
    assert report.revised_slots == []
    assert not IntervalRevision.objects.exists()


def test_a_calculated_split_is_a_value_and_the_newest_wins(site):
    import_letters(
        site,
        letter("1", reason="C40", product=COMMUNITY),
        letter(("2", "21"), hours=1, reason="C40", product=COMMUNITY),
    )
    assert stored(site, SLOT, 1, part="community") == [(2000, "measured")]


def test_estimated_values_are_stored_as_such(site):
    import_letters(site, letter(("2", "56")))
    assert stored(site, SLOT, 1) == [(2000, "estimated")]


def test_messages_of_equal_rank_that_differ_are_an_error_and_the_result_is_the_same(site):
    one, two = letter("1"), letter("2")
    first = import_letters(site, one, two)
    assert [f.code for f in first.findings if f.severity == "error"] == ["intake.clash"]
    value = stored(site, SLOT, 1)
    IntervalBlock.objects.all().delete()
    Provenance.objects.all().delete()
    IntakeFile.objects.all().delete()
    second = import_letters(site, two)
    third = import_letters(site, one)
    assert stored(site, SLOT, 1) == value
    assert [f.code for f in (*second.findings, *third.findings)] == ["intake.clash"]


def test_a_correction_makes_a_revision_and_names_what_was_billed(site, monkeypatch):
    monkeypatch.setattr(billed, "_sources", [])
    billed.register(
        lambda site_id, registers, first, end: [f"invoice 7 ({first - SLOT}:{end - SLOT})"]
    )
    import_letters(site, letter("1", "1"))
    report = import_letters(site, letter("1", "4", hours=1), at=NOW + timedelta(days=1))
    register = Register.objects.get(site=site)
    assert report.revised_slots == [(register.pk, SLOT + 1, SLOT + 2)]
    assert report.billed == ["invoice 7 (1:2)"]
    before = store.read(site.pk, [register.pk], SLOT, SLOT + 2, as_of=NOW + timedelta(hours=1))
    assert before.energy_wh[0].tolist() == [1000, 1000]
    assert stored(site, SLOT, 2) == [(1000, "measured"), (4000, "measured")]


def test_a_cancellation_takes_older_values_out_of_billing(site):
    cancel = letter("1", "1", hours=5, status=1)
    report = import_letters(site, letter("1", "2"), cancel)
    assert stored(site, SLOT, 2) == [(1000, "temporary"), (2000, "temporary")]
    assert "intake.cancelled" in {f.code for f in report.findings}
    import_letters(site, letter("7", hours=6))
    assert stored(site, SLOT, 2) == [(7000, "measured"), (2000, "temporary")]


def test_values_finer_than_1_wh_carry_their_remainder(site):
    import_letters(site, letter("0.0006", "0.0006", "0.0006", "0.0006", "0.0006"))
    energies = [energy for energy, _ in stored(site, SLOT, 5)]
    assert sum(energies) == 3
    assert max(energies) == 1


VERSION = st.tuples(
    st.integers(0, 3),  # hours
    st.sampled_from([9, 9, 5]),
    st.integers(0, 5),  # where it starts
    st.lists(
        st.sampled_from(["1", "2", "3.0004", ("0.000", "21"), ("4", "56"), None]),
        min_size=1,
        max_size=6,
    ),
)


@settings(
    max_examples=examples(12),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(versions=st.lists(VERSION, min_size=2, max_size=24), data=st.data())
def test_any_order_and_any_number_of_runs_give_the_same(site, versions, data):
    letters = [
        letter(*values, hours=hours, status=status, start=START + timedelta(minutes=15 * offset))
        for hours, status, offset, values in versions
        if any(value is not None for value in values)
    ]
    results = []
    for runs in (1, 3):
        IntervalBlock.objects.all().delete()
        Provenance.objects.all().delete()
        IntakeFile.objects.all().delete()
        shuffled = data.draw(st.permutations(letters))
        for number in range(runs):
            import_letters(site, *shuffled[number::runs])
        results.append(stored(site, SLOT, 12) if Register.objects.filter(site=site) else [])
    assert results[0] == results[1]


def test_24_versions_of_a_month_in_any_order(site):
    rng = random.Random(1)
    letters = []
    for hour in range(24):
        values = [
            (f"{rng.randrange(9)}.{hour:03d}", rng.choice([None, None, "56"])) for _ in range(96)
        ]
        letters.append(letter(*values, hours=hour))
    import_letters(site, *letters)
    first = stored(site, SLOT, 96)
    assert all(energy % 1000 == 23 for energy, _ in first)
    rng.shuffle(letters)
    IntervalBlock.objects.all().delete()
    Provenance.objects.all().delete()
    IntakeFile.objects.all().delete()
    for one in letters:
        import_letters(site, one)
    assert stored(site, SLOT, 96) == first


# -- files --------------------------------------------------------------------------------------


def test_the_same_file_twice_changes_nothing(site):
    import_letters(site, letter("1"))
    blocks = list(IntervalBlock.objects.values_list("energy", "quality"))
    report = import_letters(site, letter("1"), letter("1"))
    assert [file.outcome for file in report.files] == ["known", "known"]
    assert list(IntervalBlock.objects.values_list("energy", "quality")) == blocks
    assert IntakeFile.objects.count() == 1
    assert not report.needs_attention


def test_files_are_archived_as_they_came(site):
    data = letter("1").xml()
    import_letters(site, data)
    assert archive.fetch(IntakeFile.objects.get().sha256) == data


def test_a_damaged_archive_is_noticed(site):
    import_letters(site, letter("1"))
    path = archive.path_of(IntakeFile.objects.get().sha256)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(archive.ArchiveDamaged):
        archive.fetch(IntakeFile.objects.get().sha256)


def test_a_bad_file_stops_no_other_and_leaves_nothing_of_itself(site):
    half = Letter([Block(START, ["9"]), Block(START, ["9"], unit="MWH", direction="Production")])
    report = import_letters(site, letter("1"), half, b"<x")
    assert [file.outcome for file in report.files] == ["rejected", "rejected", "imported"]
    assert stored(site, SLOT, 1) == [(1000, "measured")]
    assert Register.objects.count() == 1
    assert IntakeFile.objects.filter(state="rejected").count() == 2
    assert IntakeFinding.objects.filter(severity="error").count() == 2


def test_a_rejected_file_is_tried_again(site):
    import_letters(site, b"<x")
    assert import_letters(site, b"<x").count("rejected") == 1
    assert IntakeFile.objects.count() == 1


def test_a_lock_date_refuses_a_change_and_lets_the_other_files_in(site):
    import_letters(site, letter("1"))
    lock_at = START + timedelta(days=1)
    Lock.objects.create(
        site=site, medium="electricity", lock_date=lock_at.date(), first_open_slot=slot_at(lock_at)
    )
    report = import_letters(site, letter("5", hours=1), letter("3", start=lock_at))
    assert report.count("rejected") == 1
    assert "locked" in report.findings[0].message
    assert stored(site, SLOT, 1) == [(1000, "measured")]
    assert stored(site, slot_at(lock_at), 1) == [(3000, "measured")]


# -- quarantine and meters ----------------------------------------------------------------------


def test_an_unknown_point_waits_until_a_meter_has_it(site):
    report = import_letters(site, letter("1"), create=False)
    assert report.quarantined == {POINT: 1}
    assert report.needs_attention
    assert not IntervalBlock.objects.exists()
    Meter.objects.create(site=site, ref="m", name="M", source="curve", metering_point=POINT)
    report = release_quarantine(site, by="test", at=NOW)
    assert report.released == 1
    assert stored(site, SLOT, 1) == [(1000, "measured")]
    assert not Quarantine.objects.filter(released_at=None).exists()
    assert release_quarantine(site, by="test", at=NOW).released == 0


def test_importing_again_with_new_meters_empties_the_quarantine(site):
    import_letters(site, letter("1"), create=False)
    report = import_letters(site, letter("1"), create=True)
    assert report.created_meters == [POINT]
    assert stored(site, SLOT, 1) == [(1000, "measured")]
    assert report.quarantined == {}


@pytest.mark.parametrize(
    ("directions", "mode"),
    [
        (["Consumption"], "consumption"),
        (["Production"], "production"),
        (["Consumption", "Production"], "grid"),
    ],
)
def test_the_mode_of_a_new_meter_follows_from_its_directions(site, directions, mode):
    for direction in directions:
        import_letters(site, letter("1", direction=direction))
    import_letters(site, *(letter("1", direction=one, hours=3) for one in directions))
    if len(directions) == 1:
        assert Meter.objects.get().mode == mode
    Meter.objects.all().delete()
    IntakeFile.objects.all().delete()
    import_letters(site, *(letter("1", direction=one) for one in directions))
    assert Meter.objects.get().mode == mode


def test_the_export_may_have_a_point_of_its_own(site):
    Meter.objects.create(
        site=site,
        ref="m",
        name="M",
        source="curve",
        metering_point="A" * 33,
        export_metering_point="B" * 33,
    )
    import_letters(
        site,
        letter("1", point="A" * 33),
        letter("2", point="B" * 33, direction="Production"),
        create=False,
    )
    assert stored(site, SLOT, 1) == [(1000, "measured")]
    assert stored(site, SLOT, 1, direction="export") == [(2000, "measured")]


def test_two_meters_with_one_point_are_refused(site):
    for ref in ("a", "b"):
        Meter.objects.create(site=site, ref=ref, name=ref, source="curve", metering_point=POINT)
    report = import_letters(site, letter("1"), create=False)
    assert "intake.ambiguous_point" in {f.code for f in report.findings}
    assert report.quarantined == {POINT: 1}


def test_total_is_community_plus_residual(site):
    parts = {TOTAL: ("1.000", "2.000"), COMMUNITY: ("0.401", "0.5"), RESIDUAL: ("0.600", "0.5")}
    blocks = [Block(START, values, product=product) for product, values in parts.items()]
    report = import_letters(site, Letter(blocks, reason="C40"))
    (finding,) = [f for f in report.findings if f.code == "intake.identity"]
    assert "in 1 quarter-hours" in finding.message
    assert "1.000 kWh" in finding.message


# -- keys ---------------------------------------------------------------------------------------


def test_keys_are_stored_as_they_were(site):
    import_letters(site, letter("1", ("0", "21")))
    (row,) = Provenance.objects.all()
    (again,) = merging._packed(merging._unpacked([bytes(row.keys)]), 1)
    assert again == bytes(row.keys)


# -- the real building --------------------------------------------------------------------------


def test_the_real_building_in_any_order(site, real_data):
    path = real_data / "sdat" / "building_2018-12_2020-03.tar.gz"
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as tar:
        files = [tar.extractfile(m).read() for m in tar if m.isfile() and "e66" in m.name]
    assert len(files) == 1284
    results = []
    for seed in (1, 2):
        IntervalBlock.objects.all().delete()
        Provenance.objects.all().delete()
        IntakeFile.objects.all().delete()
        Meter.objects.all().delete()
        random.Random(seed).shuffle(files)
        half = len(files) // seed
        import_letters(site, *files[:half])
        report = import_letters(site, *files)
        rows = IntervalBlock.objects.order_by("day", "register_id")
        directions = dict(Register.objects.values_list("pk", "direction"))
        results.append(
            {
                (row.day, directions[row.register_id]): (bytes(row.energy), bytes(row.quality))
                for row in rows
            }
        )
        if seed == 2:
            days = {f.values[0][1] for f in report.findings if f.code == "intake.temporary"}
            assert days == {"2020-02-09"}
    assert results[0] == results[1]
