"""An import holds the one write lock of SQLite while it writes a file, and not while it reads or
reckons: between two files another writer gets through."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from quartier.apps.intake import archive, sdat, whole_curve
from quartier.apps.intake.load_curves import LoadCurveImport
from quartier.apps.intake.models import IntakeFile
from quartier.apps.intake.readings import ReadingsImport
from quartier.apps.intake.sdat import SdatImport
from quartier.apps.intake.sources import Source
from quartier.apps.metering.blocks import lock_site
from quartier.apps.metering.models import IntervalBlock, Reading
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from tests.apps.intake.letters import NOW
from tests.formats.sdat.messages import Block, Letter

START = datetime(2026, 1, 5, 23, tzinfo=UTC)
DAYS = [START + timedelta(days=n) for n in range(3)]


@pytest.fixture
def committed(transactional_db):
    """A site that other connections see. What is kept for good could not be cleared afterwards:
    such tests import without the audit log, and no readings."""
    organisation = Organisation.objects.create(ref="org", name="Org")
    return Site.objects.create(organisation=organisation, ref="site", name="Site")


def curve(number):
    rows = "".join(
        f"A;2026-01-{5 + number:02d} {n // 4:02d}:{n % 4 * 15:02d};0.10007;0\n" for n in range(96)
    )
    return Source(f"{number}.csv", f"meter;timestamp;import_kwh;export_kwh\n{rows}".encode())


def letter(number):
    return Source(f"{number}.xml", Letter([Block(DAYS[number], ["0.100"] * 96)]).xml())


def reading(number):
    text = f"meter,obis,read_at,value\nA,1-1:1.8.0,2026-01-{5 + number:02d}T12:00Z,{number}\n"
    return Source(f"{number}.csv", text.encode())


def write_elsewhere(site, name):
    """Another writer, in a thread and connection of its own; raises what it runs into."""
    failures = []

    def run():
        try:
            with transaction.atomic():
                lock_site(site.pk)
                Site.objects.filter(pk=site.pk).update(name=name)
        except Exception as error:  # noqa: BLE001  (raised below, in the test's own thread)
            failures.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert failures == []


@pytest.mark.parametrize(("importer", "source"), [(LoadCurveImport, curve), (SdatImport, letter)])
def test_between_two_files_another_writer_gets_through(committed, monkeypatch, importer, source):
    monkeypatch.setattr(sdat, "CHUNK_FILES", 1)
    monkeypatch.setattr(sdat, "BATCH_FILES", 1)
    written = []

    def on_file():
        write_elsewhere(committed, f"after {len(written) + 1}")
        written.append(IntervalBlock.objects.count())

    run = importer(committed, NOW, "test", create_meters=True, on_file=on_file)
    run.run(source(number) for number in range(3))
    assert sorted(set(written)) == written, "every file is stored before the next is read"
    assert Site.objects.get().name == "after 3"
    assert IntakeFile.objects.filter(state="imported").count() == 3


def test_nothing_is_reckoned_or_archived_while_the_lock_is_held(site, monkeypatch):
    outside = len(connection.savepoint_ids)  # of the transaction of this test
    seen = []

    def watched(module, name):
        real = getattr(module, name)

        def spy(*words):
            seen.append((name, len(connection.savepoint_ids) > outside))
            return real(*words)

        monkeypatch.setattr(module, name, spy)

    watched(sdat, "whole_wh")
    watched(sdat, "read_message")
    watched(whole_curve, "whole_wh")
    watched(archive, "keep")
    SdatImport(site, NOW, "test", create_meters=True).run([letter(0)])
    # The second goes on with the remainder that the first left.
    LoadCurveImport(site, NOW, "test", create_meters=True).run([curve(0), curve(1)])
    ReadingsImport(site, NOW, "test", create_meters=True).run([reading(0), reading(1)])
    assert Reading.objects.count() == 2
    assert {name for name, _ in seen} == {"whole_wh", "read_message", "keep"}
    assert [name for name, was_locked in seen if was_locked] == []


def test_a_file_is_in_whole_or_not_at_all(site, monkeypatch):
    """What fails at the very end of a file leaves nothing of it, and what came before stays."""
    LoadCurveImport(site, NOW, "test", create_meters=True).run([curve(0)])
    before = list(IntervalBlock.objects.values_list("day", "energy", "quality"))
    monkeypatch.setattr("quartier.apps.intake.load_curves.billed_on", lambda *words: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        LoadCurveImport(site, NOW, "test").run([curve(1)])
    assert list(IntervalBlock.objects.values_list("day", "energy", "quality")) == before
    assert IntakeFile.objects.count() == 1
