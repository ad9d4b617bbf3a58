"""What a gateway sends comes back as it was, and nothing else is taken for it."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.quality import Quality
from quartier.formats.uplink.batch import (
    MOST_BYTES,
    MOST_BYTES_INSIDE,
    MOST_COLUMNS,
    MOST_COMMAS,
    MOST_MEASUREMENTS,
    BadBatch,
    Batch,
    Column,
    Kind,
    Measurement,
    decode,
    encode,
)


def packed(data):
    """Without the time, so that a test has the same name each time."""
    return gzip.compress(data, mtime=0)


AT = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
NAMES = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._:*\-]{0,20}", fullmatch=True)
VALUES = st.decimals(-(10**9), 10**9, places=3).map(lambda one: one + 0)
QUALITIES = st.sampled_from([Quality.MEASURED, Quality.ESTIMATED, Quality.MANUAL])


def batch_of(*columns, first=1):
    count = sum(len(one.measurements) for one in columns)
    return Batch("gw-1", "ab" * 16, first, first + count - 1, AT, tuple(columns))


def column_of(*values, obis="1-1:1.8.0"):
    rows = (
        Measurement(AT + timedelta(minutes=15 * n), Decimal(one)) for n, one in enumerate(values)
    )
    return Column("z-a01", obis, Kind.REGISTER, tuple(rows), "SDM-40117")


@st.composite
def batches(draw):
    columns = []
    for _ in range(draw(st.integers(0, 4))):
        times = sorted(draw(st.lists(st.integers(10**12, 2 * 10**12), max_size=5)))
        rows = tuple(
            Measurement(
                datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000),
                draw(VALUES),
                draw(QUALITIES),
            )
            for ms in times
        )
        columns.append(
            Column(draw(NAMES), draw(NAMES), draw(st.sampled_from(Kind)), rows, draw(NAMES))
        )
    return batch_of(*columns, first=draw(st.integers(1, 2**40)))


@given(batches())
def test_a_batch_comes_back_exactly(batch):
    assert decode(encode(batch)) == batch


def test_a_day_of_forty_meters_is_small():
    columns = [
        Column(
            f"meter-{n:02}",
            "1-1:1.8.0",
            Kind.REGISTER,
            tuple(
                Measurement(AT + timedelta(minutes=15 * k), Decimal(10**7 + 100 * k + k * n % 37))
                for k in range(96)
            ),
        )
        for n in range(40)
    ]
    data = encode(batch_of(*columns))
    assert len(data) < 3 * 40 * 96, "three bytes a reading"


def written(**changes):
    content = json.loads(gzip.decompress(encode(batch_of(column_of("1000", "1020.5")))))
    column = changes.pop("column", {})
    content.update(changes)
    if content["columns"]:
        content["columns"][0].update(column)
    return packed(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "cut off"),
        (b"hello", "not gzip"),
        (packed(b"{}")[:-4], "cut off"),
        (packed(b"{}") + b"x", "something follows"),
        (packed(b"{"), "not JSON"),
        (packed(b"\xff"), "not JSON"),
        (packed(b"[" * 100_000), "not JSON"),
        (packed(b"[]"), "not an object"),
        (packed(b"{}"), "no version, gateway"),
        (packed(b" " * (MOST_BYTES_INSIDE + 1)), "unpacks to more"),
        (b"x" * (MOST_BYTES + 1), "bytes are more"),
        (packed(b"[" + b"[]," * 2_300_000 + b"[]]"), "more values than a batch"),
        (written(version=2), "version 2"),
        (written(version=True), "version True"),
        (written(version="x" * 1000), r"^version 'x{39} is not known; this program reads 1$"),
        (written(gateway="a b"), "gateway is not one"),
        (written(gateway=7), "gateway is not one"),
        (written(buffer="AB" * 16), "buffer is not one"),
        (written(first=0), "first is not"),
        (written(first=True), "first is not"),
        (written(last=1), "2 measurements, more than from 1 to 1"),
        (written(sent_ms=1), "clock is not set"),
        (written(sent_ms=10**30), "sent_ms is not"),
        (written(columns={}), "no list"),
        (written(columns=[{}]), "column 1 has no meter"),
        (written(column={"kind": "volts"}), "'volts' is no kind"),
        (written(column={"kind": []}), "is no kind"),
        (written(column={"ms": [10**12]}), "1 and 2 rows"),
        (written(column={"ms": [10**12, -1]}), "row 2: its instant"),
        (written(column={"ms": [5, 1]}), "row 1: its instant"),
        (written(column={"values": [1, 1.5]}), "1.5 is not a whole number"),
        (written(column={"values": [1, float("nan")]}), "NaN is not a whole number"),
        (written(column={"values": [1, "2"]}), "not a list of whole numbers"),
        (written(column={"values": [1, 10**18]}), "row 2: the value"),
        (written(column={"decimals": 19}), "19 decimals"),
        (written(column={"decimals": -1}), "decimals is not"),
        (written(column={"qualities": [1]}), "rows"),
        (written(column={"qualities": [1, 0]}), "row 2: 0 is no quality"),
        (written(column={"qualities": [9, 1]}), "row 1: 9 is no quality"),
        (written(column={"meter": "x" * 64}), "column 1: meter is not one"),
        (written(column={"serial": "a\nb"}), "serial"),
        (written(column={"serial": None}), "serial"),
    ],
)
def test_what_is_no_batch_says_where(data, says):
    with pytest.raises(BadBatch, match=says):
        decode(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_refused(data):
    for one in (data, packed(data)):
        try:
            decode(one)
        except BadBatch:
            continue


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
TOP = ["version", "gateway", "buffer", "first", "last", "sent_ms", "columns"]
INSIDE = ["meter", "obis", "kind", "decimals", "ms", "values", "qualities", "serial"]


@given(
    st.dictionaries(st.sampled_from(TOP), JSON, max_size=2),
    st.dictionaries(st.sampled_from(INSIDE), JSON, max_size=2),
)
def test_a_batch_with_anything_in_a_field_is_a_batch_or_refused(top, inside):
    content = json.loads(gzip.decompress(encode(batch_of(column_of("1000", "1020.5")))))
    content["columns"][0].update(inside)
    content.update(top)
    try:
        decode(packed(json.dumps(content).encode()))
    except BadBatch:
        return


def test_no_batch_that_is_sent_has_more_commas_than_one_can_have():
    column = replace(column_of(1, 2, 3), serial="," * 63)
    rows = tuple(replace(one, quality=Quality.ESTIMATED) for one in column.measurements)
    data = encode(batch_of(replace(column, measurements=rows)))
    most = MOST_COMMAS - 3 * (MOST_MEASUREMENTS - 3) - 72 * (MOST_COLUMNS - 1)
    assert gzip.decompress(data).split(b'"columns":')[1].count(b",") <= most


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e18"])
def test_what_would_be_refused_is_not_sent(value):
    with pytest.raises(BadBatch):
        encode(batch_of(column_of(value)))
