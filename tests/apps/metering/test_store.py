"""The interval store: what goes in comes out, what was known stays known, locks hold."""

import threading
from datetime import UTC, date, datetime, timedelta
from itertools import count

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartier.apps.equipment.models import Meter, Register
from quartier.apps.metering import store
from quartier.apps.metering.models import IntervalBlock, IntervalRevision, Lock
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import slot_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH, Series

pytestmark = pytest.mark.db

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SLOT = slot_at(datetime(2025, 10, 25, 22, tzinfo=UTC))  # a local midnight inside a UTC day


def put(site, register_id, first_slot, values, *, at=NOW, quality=Quality.MEASURED, **more):
    series = Series.of(register_id, first_slot, values, quality)
    return store.write(site.id, [series], source="test", known_at=at, **more)


def energies(site, register_id, first_slot, end_slot, **more):
    read = store.read(site.id, [register_id], first_slot, end_slot, **more)
    return [None if e == MISSING_WH else int(e) for e in read.energy_wh[0]]


def test_what_is_written_is_read_and_the_rest_is_missing(site, register):
    a, b = register("a").id, register("b").id
    written = put(site, a, SLOT, [1, None, 0, -5])
    assert (written.filled, written.revised, written.unchanged) == (3, 0, 0)
    read = store.read(site.id, [b, a], SLOT - 1, SLOT + 5)
    assert read.slots == range(SLOT - 1, SLOT + 5)
    assert read.energy_wh.tolist() == [
        [MISSING_WH] * 6,
        [MISSING_WH, 1, MISSING_WH, 0, -5, MISSING_WH],
    ]
    assert read.quality.tolist() == [[0] * 6, [0, 1, 0, 1, 1, 0]]
    assert store.read(site.id, [], SLOT, SLOT + 4).energy_wh.shape == (0, 4)
    assert store.read(site.id, [a], SLOT, SLOT).energy_wh.shape == (1, 0)


def test_the_same_again_changes_nothing(site, register):
    a = register().id
    put(site, a, SLOT, range(300))
    before = list(IntervalBlock.objects.values_list())
    written = put(site, a, SLOT, range(300), at=NOW + timedelta(days=1))
    assert (written.changed, written.unchanged, written.revised_slots) == (0, 300, [])
    assert list(IntervalBlock.objects.values_list()) == before
    assert not IntervalRevision.objects.exists()


def test_a_missing_slot_erases_nothing(site, register):
    a = register().id
    put(site, a, SLOT, [1, 2, 3])
    assert put(site, a, SLOT, [None, None, None]).changed == 0
    assert energies(site, a, SLOT, SLOT + 3) == [1, 2, 3]


def test_filling_is_no_revision_and_changing_is(site, register):
    a = register().id
    put(site, a, SLOT, [1, None, 3])
    later = NOW + timedelta(days=2)
    written = put(site, a, SLOT, [1, 2, 4], at=later, reason="the operator corrected it")
    assert (written.filled, written.revised, written.unchanged) == (1, 1, 1)
    assert written.revised_slots == [(a, SLOT + 2, SLOT + 3)]
    revision = IntervalRevision.objects.get()
    assert (revision.known_at, revision.reason) == (later, "the operator corrected it")
    assert energies(site, a, SLOT, SLOT + 3) == [1, 2, 4]
    assert energies(site, a, SLOT, SLOT + 3, as_of=later) == [1, 2, 4]
    just_before = later - timedelta(microseconds=1)
    assert energies(site, a, SLOT, SLOT + 3, as_of=just_before) == [1, 2, 3]


def test_a_change_of_quality_alone_is_a_revision(site, register):
    a = register().id
    put(site, a, SLOT, [7], quality=Quality.TEMPORARY)
    later = NOW + timedelta(hours=1)
    assert put(site, a, SLOT, [7], at=later).revised == 1
    assert store.read(site.id, [a], SLOT, SLOT + 1, as_of=NOW).quality.tolist() == [[6]]
    assert store.coverage(site.id, [a], SLOT, SLOT + 2) == {
        a: {Quality.MISSING: 1, Quality.MEASURED: 1}
    }


def test_runs_of_revised_slots_join_over_midnight(site, register):
    a = register().id
    put(site, a, SLOT, [1] * 300)
    assert put(site, a, SLOT, [2] * 200 + [1] * 50 + [3] * 50).revised_slots == [
        (a, SLOT, SLOT + 200),
        (a, SLOT + 250, SLOT + 300),
    ]


def test_fill_only_keeps_what_is_known(site, register):
    a = register().id
    put(site, a, SLOT, [1, None])
    written = put(site, a, SLOT, [5, 6], fill_only=True)
    assert (written.filled, written.revised, written.kept) == (1, 0, 1)
    assert [finding.code for finding in written.findings] == ["metering.kept"]
    assert energies(site, a, SLOT, SLOT + 2) == [1, 6]


def test_a_later_series_of_one_write_counts(site, register):
    a, b = register("a").id, register("b").id
    series = [
        Series.of(b, SLOT, [9]),
        Series.of(a, SLOT, [1, 2, 3]),
        Series.of(a, SLOT + 1, [20, None]),
        Series.of(a, SLOT + 2, [30]),
        Series.of(a, SLOT, []),
    ]
    assert store.write(site.id, series, source="test", known_at=NOW).filled == 4
    assert energies(site, a, SLOT, SLOT + 3) == [1, 20, 30]
    assert energies(site, b, SLOT, SLOT + 1) == [9]


def test_series_years_apart_need_no_years_of_memory(site, register):
    a = register().id
    series = [Series.of(a, 0, [1]), Series.of(a, 4_500_000, [2])]
    store.write(site.id, series, source="test", known_at=NOW)
    assert IntervalBlock.objects.count() == 2


def test_digest_follows_value_quality_and_place(site, register):
    a, b = register("a").id, register("b").id
    put(site, a, SLOT, [1, 2])
    put(site, b, SLOT, [1, 2])
    first = store.digests(site.id, [a, b], SLOT, SLOT + 2)
    assert first[a] == first[b]
    assert store.digests(site.id, [a], SLOT, SLOT + 1)[a] != first[a]
    put(site, b, SLOT + 1, [2], quality=Quality.MANUAL)
    assert store.digests(site.id, [b, a], SLOT, SLOT + 2)[b] != first[b]
    assert store.digests(site.id, [a], SLOT, SLOT + 2)[a] == first[a]


def test_one_site_knows_nothing_of_another(site, register):
    a = register().id
    other = Site.objects.create(organisation=site.organisation, ref="other", name="Other")
    with pytest.raises(store.UnknownRegister, match=rf"no register {a}\b"):
        put(other, a, SLOT, [1])
    put(site, a, SLOT, [1])
    assert energies(other, a, SLOT, SLOT + 1) == [None]


def test_nothing_is_half_written(site, register):
    a = register().id
    series = [Series.of(a, SLOT, [1]), Series.of(a + 1, SLOT, [1])]
    with pytest.raises(store.UnknownRegister):
        store.write(site.id, series, source="test", known_at=NOW)
    assert not IntervalBlock.objects.exists()


def lock(site, day, medium="electricity"):
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=2)
    Lock.objects.create(site=site, medium=medium, lock_date=day, first_open_slot=slot_at(at))


def test_a_lock_refuses_changes_before_its_date(site, register):
    a, water = register("a").id, register("w", medium="cold_water").id
    put(site, a, SLOT - 4, [1, 1, 1, None])
    lock(site, date(2025, 10, 26))
    with pytest.raises(store.Locked) as refused:
        put(site, a, SLOT - 2, [2])
    message = str(refused.value)
    assert "a 1-1:1.8.0" in message
    assert "2025-10-25T21:30Z" in message
    assert "2025-10-26" in message
    with pytest.raises(store.Locked):
        put(site, a, SLOT - 1, [2])  # also filling changes what was frozen
    with pytest.raises(store.Locked):
        put(site, a, SLOT - 1000, [2])
    assert put(site, a, SLOT - 4, [1, 1, 1, None, 5]).filled == 1
    assert put(site, water, SLOT - 2, [2]).filled == 1


def refused(sql, parameters=()):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def test_the_database_keeps_locked_days_and_revisions(site, register):
    a = register().id
    put(site, a, SLOT - 96, [1] * 96)
    put(site, a, SLOT - 96, [2], at=NOW)
    refused("UPDATE metering_intervalrevision SET reason = 'other'")
    refused("DELETE FROM metering_intervalrevision")
    lock(site, date(2025, 10, 26))
    day = (SLOT - 96) // 96
    refused("UPDATE metering_intervalblock SET total_wh = 0 WHERE day = %s", [day])
    refused("DELETE FROM metering_intervalblock WHERE day = %s", [day])
    refused(
        "INSERT INTO metering_intervalblock SELECT site_id, %s, register_id, energy, quality, "
        "total_wh FROM metering_intervalblock WHERE day = %s",
        [day - 1, day],
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [("total_wh", 6), ("energy", bytes(383)), ("quality", b""), ("quality", bytes(96))],
)
def test_a_damaged_block_is_never_read(site, register, column, value):
    a = register().id
    put(site, a, SLOT, [1] * 5)
    assert IntervalBlock.objects.update(**{column: value}) == 1
    with pytest.raises(store.DamagedBlock, match=r"2025-10-25.*restore"):
        store.read(site.id, [a], SLOT, SLOT + 1)
    with pytest.raises(store.DamagedBlock):
        put(site, a, SLOT + 1, [5])


# -- against a model that keeps every value it ever saw ------------------------------------------

values = st.one_of(st.none(), st.integers(-3, 3))
writes = st.lists(
    st.tuples(
        st.integers(0, 1),  # register
        st.integers(88, 200),  # first slot: around two UTC midnights
        st.lists(values, min_size=1, max_size=8),
        st.sampled_from([Quality.MEASURED, Quality.ESTIMATED]),
        st.integers(-1, 2),  # minutes since the write before it: clocks stand and go back
        st.booleans(),  # fill only
    ),
    max_size=12,
)
numbers = count()


@given(writes)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_as_of_is_what_a_plain_log_says(db, log):
    organisation = Organisation.objects.create(ref=f"o{next(numbers)}", name="O")
    site = Site.objects.create(organisation=organisation, ref="s", name="S")
    meters = [Meter.objects.create(site=site, ref=f"m{i}", name="M") for i in range(2)]
    ids = [Register.objects.create(site=site, meter=m, obis="1-1:1.8.0").id for m in meters]
    history = {}  # (register, slot) -> [(known_at, energy, quality)], the first always known
    latest = {}  # (register, day) -> known_at of the last revision
    at, instants = NOW, [NOW - timedelta(days=1)]
    for which, first, energies_wh, quality, minutes, fill_only in log:
        at += timedelta(minutes=minutes)
        instants.append(at)
        revised = set()
        for slot, energy in enumerate(energies_wh, first):
            if energy is None:
                continue
            past = history.setdefault((ids[which], slot), [])
            if not past:
                past.append((None, energy, quality))
            elif past[-1][1:] != (energy, quality) and not fill_only:
                block = (ids[which], slot // 96)
                if block not in revised:
                    latest[block] = max(latest.get(block, at), at)
                    revised.add(block)
                past.append((latest[block], energy, quality))
        series = Series.of(ids[which], first, energies_wh, quality)
        store.write(site.id, [series], source="test", known_at=at, fill_only=fill_only)
    for as_of in [*instants, None]:
        read = store.read(site.id, ids, 80, 220, as_of=as_of)
        for row, register_id in enumerate(ids):
            for slot in read.slots:
                past = history.get((register_id, slot), [(None, MISSING_WH, 0)])
                known = [p for p in past if p[0] is None or as_of is None or p[0] <= as_of]
                got = read.energy_wh[row, slot - 80], read.quality[row, slot - 80]
                assert got == known[-1][1:], (as_of, slot)


# -- two writers ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_writers_of_one_block_lose_nothing():
    organisation = Organisation.objects.create(ref="north", name="North")
    site = Site.objects.create(organisation=organisation, ref="elm-12", name="Elm")
    meter = Meter.objects.create(site=site, ref="m", name="M")
    register_id = Register.objects.create(site=site, meter=meter, obis="1-1:1.8.0").id
    writers, rounds = 3, 32
    failures = []

    def run(number):
        try:
            for i in range(rounds):
                slot = i * writers + number
                put(site, register_id, slot, [slot])
        except Exception as error:  # noqa: BLE001  (reported below, in the test's own thread)
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert energies(site, register_id, 0, 96) == list(np.arange(96))
