"""Nothing that was stored is lost or numbered twice, until the platform has it."""

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from quartier.core.kernel.quality import Quality
from quartier.formats.uplink.batch import BadMeasurement, Kind, Measurement, decode, encode
from quartier.gateway.buffer import Buffer, DiskFull, Source
from tests.counts import examples

AT = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
ENERGY = Source("z-a01", "1-1:1.8.0", Kind.REGISTER, "40117")
POWER = Source("z-a01", "1-1:1.7.0", Kind.POWER, "40117")


def at(minutes, value="1000.5", quality=Quality.MEASURED):
    return Measurement(AT + timedelta(minutes=minutes), Decimal(value), quality)


def contents(buffer, most=3):
    """All that waits, source and measurement, in the order in which it is sent."""
    found = []
    while batch := buffer.batch("gw-1", now=AT, most=most):
        assert decode(encode(batch)) == batch
        found += [
            (Source(one.meter, one.obis, one.kind, one.serial), row)
            for one in batch.columns
            for row in one.measurements
        ]
        assert buffer.acknowledge(batch.buffer_id, batch.last)
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "buffer.sqlite3"


def test_what_is_stored_is_there_after_a_restart_exactly(path):
    rows = [
        (ENERGY, at(0, "123456789012345.678")),
        (POWER, at(0, "-12.50")),
        (ENERGY, at(15, "0E-3", Quality.ESTIMATED)),
    ]
    first = Buffer(path)
    first.append(rows)
    first.close()
    again = Buffer(path)
    assert again.id == first.id
    assert again.findings == []
    assert again.waiting().count == 3
    assert again.waiting().oldest_at == AT
    found = contents(again)
    assert sorted(map(str, found)) == sorted(map(str, rows)), "to the digit"
    assert again.batch("gw-1", now=AT) is None


def test_a_batch_is_the_same_until_it_is_acknowledged(path):
    buffer = Buffer(path)
    buffer.append([(ENERGY, at(15 * n)) for n in range(5)])
    batch = buffer.batch("gw-1", now=AT, most=3)
    assert batch == buffer.batch("gw-1", now=AT, most=3)
    assert (batch.first, batch.last) == (1, 3)
    assert buffer.acknowledge("0" * 32, 3) == 0, "an answer about another buffer"
    assert buffer.acknowledge(buffer.id, 99) == 0, "an answer about what was never sent"
    assert buffer.acknowledge(buffer.id, 3) == 3
    assert buffer.acknowledge(buffer.id, 3) == 0, "the same answer again"
    assert buffer.batch("gw-1", now=AT).first == 4


def test_no_number_is_given_twice_even_when_nothing_is_left(path):
    buffer = Buffer(path)
    buffer.append([(ENERGY, at(0))])
    buffer.acknowledge(buffer.id, 1)
    buffer.close()
    buffer = Buffer(path)
    buffer.append([(ENERGY, at(15))])
    assert buffer.batch("gw-1", now=AT).first == 2


def test_a_clock_that_was_set_back_leaves_a_batch_that_can_be_sent(path):
    buffer = Buffer(path)
    buffer.append([(ENERGY, at(30)), (ENERGY, at(0)), (ENERGY, at(15))])
    times = [row.measured_at for _, row in contents(buffer)]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("source", "measurement", "says"),
    [
        (ENERGY, Measurement(datetime(1970, 1, 1, tzinfo=UTC), Decimal(1)), "set the clock"),
        (ENERGY, at(0, "NaN"), "not a number"),
        (ENERGY, at(0, "1e18"), "digits"),
        (ENERGY, at(0, "1e-19"), "digits"),
        (ENERGY, at(0, quality=Quality.MISSING), "missing is no quality"),
    ],
)
def test_what_could_never_be_sent_is_refused_and_stores_nothing(path, source, measurement, says):
    buffer = Buffer(path)
    with pytest.raises(BadMeasurement, match=says):
        buffer.append([(source, at(0)), (source, measurement)])
    assert buffer.waiting().count == 0
    buffer.append([(source, at(0))])
    assert buffer.waiting().count == 1, "it goes on"


def test_values_of_digits_that_no_column_holds_together_keep_nothing_back(path):
    buffer = Buffer(path)
    rows = [
        (ENERGY, at(0, "123456789012")),
        (ENERGY, at(15, "0.00000001")),
        (ENERGY, at(30, "123456789013")),
        (POWER, at(45, "1.5")),
        (POWER, at(45, "2")),
    ]
    buffer.append(rows)
    batch = buffer.batch("gw-1", now=AT)
    assert [len(column.measurements) for column in batch.columns] == [2, 1, 2]
    assert sorted(map(str, contents(buffer, most=9))) == sorted(map(str, rows))


@pytest.mark.parametrize(("meter", "serial"), [("a b", ""), ("", ""), ("a", "x" * 64), ("a", "\n")])
def test_a_source_has_a_name(meter, serial):
    with pytest.raises(BadMeasurement):
        Source(meter, "1-1:1.8.0", Kind.REGISTER, serial)


def test_the_oldest_goes_first_and_power_before_what_is_billed(path):
    buffer = Buffer(path, most_bytes=600 << 10)
    count = 15_000
    for first in range(0, count, 5000):
        rows = [(ENERGY, at(n)) for n in range(first, first + 5000)]
        buffer.append([*rows, *((POWER, at(n)) for n in range(first, first + 5000))])
    (finding,) = buffer.prune()
    assert finding.code == "gateway.dropped"
    assert finding.severity == "warning"
    assert "values of power" in finding.message
    assert finding.since == AT
    assert buffer.waiting().file_bytes <= buffer.most_bytes
    kinds = [source.kind for source, _ in contents(buffer, most=20_000)]
    assert kinds.count(Kind.REGISTER) == count

    buffer.append([(ENERGY, at(n)) for n in range(60_000)])
    (finding,) = buffer.prune()
    assert finding.severity == "error"
    assert "readings" in finding.message
    left = buffer.batch("gw-1", now=AT, most=1).columns[0].measurements[0].measured_at
    assert left > finding.until, "the oldest went"
    assert buffer.prune() == []


def test_a_full_disk_stores_nothing_and_the_buffer_goes_on(path):
    buffer = Buffer(path)
    buffer.append([(ENERGY, at(0))])
    (pages,) = buffer._connection.execute("PRAGMA page_count").fetchone()
    buffer._connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    with pytest.raises(DiskFull, match="make room"):
        buffer.append([(POWER, at(n)) for n in range(1000)])
    assert buffer.waiting().count == 1
    buffer._connection.execute(f"PRAGMA max_page_count = {pages + 100}").fetchall()
    buffer.append([(POWER, at(n)) for n in range(1000)])
    assert buffer.waiting().count == 1001


@pytest.mark.parametrize("damage", ["rubbish", "a page"])
def test_a_damaged_file_is_kept_aside_and_said(path, damage):
    buffer = Buffer(path)
    buffer.append([(ENERGY, at(n)) for n in range(2000)])
    was = buffer.id
    buffer.close()
    data = bytearray(path.read_bytes())
    if damage == "rubbish":
        data = bytearray(b"not a database" * 1000)
    else:
        data[len(data) // 2 : len(data) // 2 + 4096] = b"\xaa" * 4096
    path.write_bytes(data)
    again = Buffer(path)
    (finding,) = again.findings
    assert finding.code == "gateway.damaged_buffer"
    (aside,) = path.parent.glob("*.damaged-????????")
    assert aside.name in finding.message
    kept = aside.read_bytes()
    assert len(kept) == len(data)
    assert kept[4096:] == data[4096:], "as it was, but for the header of the file"
    assert again.id != was, "its numbers begin anew"
    again.append([(ENERGY, at(0))])
    assert again.batch("gw-1", now=AT).first == 1


def test_a_file_that_another_holds_is_not_taken_for_damaged(path):
    Buffer(path).close()
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError):
        Buffer(path, timeout_s=0.01)
    other.close()
    assert not list(path.parent.glob("*.damaged-*"))


class Model(RuleBasedStateMachine):
    """Whatever happens in whatever order: the buffer holds what was stored and not acknowledged."""

    @initialize()
    def begin(self):
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "b.sqlite3"
        self.buffer = Buffer(self.path)
        self.stored = []

    @rule(
        rows=st.lists(st.tuples(st.sampled_from([ENERGY, POWER]), st.integers(0, 99)), max_size=4)
    )
    def append(self, rows):
        measured = [(source, at(minutes)) for source, minutes in rows]
        self.buffer.append(measured)
        self.stored += measured

    @rule(refused=st.integers(0, 2))
    def append_with_a_bad_one(self, refused):
        rows = [(ENERGY, at(1)) for _ in range(3)]
        rows[refused] = (ENERGY, at(1, "Infinity"))
        with pytest.raises(BadMeasurement):
            self.buffer.append(rows)

    @rule(most=st.integers(1, 5), arrives=st.booleans())
    def send(self, most, arrives):
        batch = self.buffer.batch("gw-1", now=AT, most=most)
        sent = self.stored[:most]
        assert (batch is None) == (not sent)
        if batch is None:
            return
        rows = [
            (Source(one.meter, one.obis, one.kind, one.serial), row)
            for one in batch.columns
            for row in one.measurements
        ]
        assert sorted(map(str, rows)) == sorted(map(str, sent))
        if arrives:
            self.buffer.acknowledge(batch.buffer_id, batch.last)
            self.stored = self.stored[most:]

    @rule()
    def restart(self):
        self.buffer.close()
        self.buffer = Buffer(self.path)

    @invariant()
    def counts(self):
        if hasattr(self, "buffer"):
            assert self.buffer.waiting().count == len(self.stored)

    def teardown(self):
        if hasattr(self, "buffer"):
            self.buffer.close()
            self.folder.cleanup()


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=examples(15), stateful_step_count=20, deadline=None)


def test_what_a_newer_version_stored_is_dropped_and_said_and_readings_stay(path):
    buffer = Buffer(path)
    buffer.append([(ENERGY, at(0)), (POWER, at(1))])
    buffer.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE source SET kind = 'aura' WHERE kind = 'power'")
    connection.close()
    again = Buffer(path)
    (finding,) = again.findings
    assert finding.message.startswith("1 values that a newer version had stored were dropped")
    (column,) = again.batch("gw-1", now=AT).columns
    assert column.kind is Kind.REGISTER
    again.append([(POWER, at(2))])
    again.close()
    assert Buffer(path).findings == []
