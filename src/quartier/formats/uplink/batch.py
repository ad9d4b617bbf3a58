"""A batch of measurements: columns of instants and exact values, as gzipped JSON.

Columns, and differences in them, because that is four times smaller than an object a reading and
seventy times faster to read (stack.md, *ingest of history*). Base only: no NumPy.
"""

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Any, NoReturn

from quartier.core.kernel.period import utc
from quartier.core.kernel.quality import Quality

VERSION = 1
MOST_BYTES = 4 << 20
"""Of a batch as sent."""
MOST_BYTES_INSIDE = 64 << 20
MOST_COLUMNS = 10_000
MOST_MEASUREMENTS = 500_000
MOST_COMMAS = 3 * MOST_MEASUREMENTS + 72 * MOST_COLUMNS
"""What a batch can have: of instants, values and qualities, of fields, and 63 in a serial."""
MOST_DIGITS = 18
"""Of a value, before and after its point: more than any register shows."""

SENT = (Quality.MEASURED, Quality.ESTIMATED, Quality.MANUAL)
"""The qualities that a measurement can have."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = 31_536_000_000  # 1971: before is a clock that was never set
_END_MS = 4_102_444_800_000  # 2100
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:*\-]{0,62}")
_SENT = [int(one) for one in SENT]
_BUFFER = re.compile(r"[0-9a-f]{32}")


class BadBatch(ValueError):
    """The bytes are no batch; nothing of them may be used. The text names the place."""


class Kind(StrEnum):
    """What a column holds."""

    REGISTER = "register"
    """States of a counting register in Wh (litres), before a CT/VT factor."""
    POWER = "power"
    """Power at an instant in W; import is positive. Never billed (architecture.md, rule 6)."""
    MOMENTARY = "momentary"
    """Voltage, current, power (V, A, W) and power factor of a phase or of all at an instant, by
    OBIS code; sent only while the configuration asks for an inspection. Only the last is kept."""
    SWITCH = "switch"
    """When an appliance was switched, and why (``appliances.switch_code``): ``meter`` is its name.
    Sent only by a gateway whose configuration has appliances."""


class BadMeasurement(ValueError):
    """No batch can hold it; the text says why."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """``value`` at ``measured_at``, which is kept to the millisecond."""

    measured_at: datetime
    value: Decimal
    quality: Quality = Quality.MEASURED

    def check(self) -> None:
        """Raises :class:`BadMeasurement` unless it can be sent."""
        if not _FIRST_MS <= _milliseconds(self.measured_at) < _END_MS:
            raise BadMeasurement(f"{self.measured_at:%Y-%m-%d} is no date; set the clock")
        exponent = self.value.as_tuple().exponent
        if not isinstance(exponent, int):
            raise BadMeasurement(f"{self.value} is not a number")
        if -exponent > MOST_DIGITS or self.value.adjusted() + max(-exponent, 0) >= MOST_DIGITS:
            raise BadMeasurement(f"{self.value} has more than {MOST_DIGITS} digits")
        if self.quality not in SENT:
            raise BadMeasurement(f"{self.quality.word} is no quality that is sent")


@dataclass(frozen=True, slots=True)
class Column:
    """The measurements of one ``obis`` of one ``meter``, in order of time.

    ``serial`` is the number that the device itself gives, empty where it gives none: so an
    exchange that nobody entered is noticed.
    """

    meter: str
    obis: str
    kind: Kind
    measurements: tuple[Measurement, ...]
    serial: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Measurements ``first`` to ``last`` (inclusive) of the buffer ``buffer_id`` of ``gateway``.

    A buffer numbers what it stores from 1 and gets a new id when it is made, so that the same
    batch sent twice is known as the same. Numbers may be left out: what the gateway had to drop,
    oldest first, has none. ``sent_at`` is the gateway's clock, for its drift.
    """

    gateway: str
    buffer_id: str
    first: int
    last: int
    sent_at: datetime
    columns: tuple[Column, ...]


def encode(batch: Batch) -> bytes:
    """The bytes to send; raises :class:`BadBatch` for what :func:`decode` would refuse."""
    content = {
        "version": VERSION,
        "gateway": batch.gateway,
        "buffer": batch.buffer_id,
        "first": batch.first,
        "last": batch.last,
        "sent_ms": _milliseconds(batch.sent_at),
        "columns": [_written(column) for column in batch.columns],
    }
    _batch(content)
    packer = zlib.compressobj(6, wbits=31)
    data = packer.compress(json.dumps(content, separators=(",", ":")).encode()) + packer.flush()
    if len(data) > MOST_BYTES:
        raise BadBatch(f"{len(data)} bytes are more than {MOST_BYTES}")
    return data


def decode(data: bytes) -> Batch:
    """The batch in ``data``; raises :class:`BadBatch`."""
    if len(data) > MOST_BYTES:
        raise BadBatch(f"{len(data)} bytes are more than {MOST_BYTES}")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        inside = unpacker.decompress(data, MOST_BYTES_INSIDE)
    except zlib.error:
        raise BadBatch("it is not gzip") from None
    if unpacker.unconsumed_tail:
        raise BadBatch(f"it unpacks to more than {MOST_BYTES_INSIDE} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise BadBatch("the gzip is cut off, or something follows it")
    if inside.count(b",") > MOST_COMMAS:  # millions of empty lists take gigabytes
        raise BadBatch("it has more values than a batch can have")
    try:
        content = json.loads(inside, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as problem:
        why = problem if isinstance(problem, BadBatch) else "it is not JSON inside"
        raise BadBatch(f"{why}") from None
    return _batch(content)


def _written(column: Column) -> dict[str, Any]:
    times = [_milliseconds(one.measured_at) for one in column.measurements]
    for one in column.measurements:
        try:
            one.check()
        except BadMeasurement as problem:
            raise BadBatch(f"{column.meter} {column.obis}: {problem}") from None
    decimals = max((_decimals(one.value) for one in column.measurements), default=0)
    values = [int(one.value.scaleb(decimals)) for one in column.measurements]
    written: dict[str, Any] = {
        "meter": column.meter,
        "obis": column.obis,
        "kind": column.kind.value,
        "decimals": decimals,
        "ms": _differences(times),
        "values": _differences(values),
    }
    if any(one.quality is not Quality.MEASURED for one in column.measurements):
        written["qualities"] = [int(one.quality) for one in column.measurements]
    if column.serial:
        written["serial"] = column.serial
    return written


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(-exponent, 0)


def _differences(numbers: Sequence[int]) -> list[int]:
    return [*numbers[:1], *(b - a for a, b in pairwise(numbers))]


def _milliseconds(instant: datetime) -> int:
    return (utc(instant) - _EPOCH) // _MILLISECOND


def _no_float(text: str) -> NoReturn:
    raise BadBatch(f"{text[:40]} is not a whole number")


def _batch(content: Any) -> Batch:
    fields = _fields(content, "it", ("version", "gateway", "buffer", "first", "last", "sent_ms"))
    version = fields["version"]
    if type(version) is not int or version != VERSION:
        raise BadBatch(f"version {version!r:.40} is not known; this program reads {VERSION}")
    first, last = _whole(fields, "first", "it", 1), _whole(fields, "last", "it", 0)
    columns = content.get("columns")
    if not isinstance(columns, list) or len(columns) > MOST_COLUMNS:
        raise BadBatch(f"it has no list of at most {MOST_COLUMNS} columns")
    left = MOST_MEASUREMENTS
    read = []
    for number, one in enumerate(columns, 1):
        column = _column(one, f"column {number}", left)
        left -= len(column.measurements)
        read.append(column)
    if MOST_MEASUREMENTS - left > last - first + 1:
        raise BadBatch(
            f"it has {MOST_MEASUREMENTS - left} measurements, more than from {first} to {last}"
        )
    return Batch(
        _text(fields, "gateway", "it", NAME),
        _text(fields, "buffer", "it", _BUFFER),
        first,
        last,
        _instant(_whole(fields, "sent_ms", "it", None)),
        tuple(read),
    )


def _column(raw: Any, where: str, most: int) -> Column:
    fields = _fields(raw, where, ("meter", "obis", "kind", "decimals", "ms", "values"))
    if fields["kind"] not in [kind.value for kind in Kind]:
        raise BadBatch(f"{where}: {str(fields['kind'])[:40]!r} is no kind of column")
    times, values = _wholes(fields, "ms", where, most), _wholes(fields, "values", where, most)
    qualities = [int(Quality.MEASURED)] * len(times)
    if "qualities" in raw:
        qualities = _wholes(raw, "qualities", where, most)
    if not len(times) == len(values) == len(qualities):
        raise BadBatch(f"{where}: its columns have {len(times)} and {len(values)} rows")
    decimals = _whole(fields, "decimals", where, 0)
    if decimals > MOST_DIGITS:
        raise BadBatch(f"{where}: {decimals} decimals are more than {MOST_DIGITS}")
    limit = 10**MOST_DIGITS
    measurements = []
    before = _FIRST_MS
    for row, (at, value, quality) in enumerate(
        zip(accumulate(times), accumulate(values), qualities, strict=True), 1
    ):
        if not before <= at < _END_MS:
            raise BadBatch(f"{where}, row {row}: its instant is not in order of time")
        if abs(value) >= limit:
            raise BadBatch(f"{where}, row {row}: the value has more than {MOST_DIGITS} digits")
        if quality not in _SENT:
            raise BadBatch(f"{where}, row {row}: {quality} is no quality that is sent")
        before = at
        scaled = Decimal(value).scaleb(-decimals)
        measurements.append(Measurement(_instant(at), scaled, Quality(quality)))
    serial = raw.get("serial", "")
    if not isinstance(serial, str) or len(serial) > 63 or not serial.isprintable():
        raise BadBatch(f"{where}: its serial is not a text of at most 63 characters")
    return Column(
        _text(fields, "meter", where, NAME),
        _text(fields, "obis", where, NAME),
        Kind(fields["kind"]),
        tuple(measurements),
        serial,
    )


def _instant(ms: int) -> datetime:
    if not _FIRST_MS <= ms < _END_MS:
        raise BadBatch("its clock is not set: it says a time before 1971 or after 2099")
    return _EPOCH + timedelta(milliseconds=ms)


def _fields(raw: Any, where: str, names: Sequence[str]) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise BadBatch(f"{where} is not an object")
    missing = [name for name in names if name not in raw]
    if missing:
        raise BadBatch(f"{where} has no {', '.join(missing)}")
    return raw


def _whole(fields: dict[str, Any], name: str, where: str, least: int | None) -> int:
    value = fields[name]
    if type(value) is not int or abs(value) >= 1 << 63 or (least is not None and value < least):
        raise BadBatch(f"{where}: {name} is not a whole number that it can be")
    return value


def _wholes(fields: dict[str, Any], name: str, where: str, most: int) -> list[int]:
    values = fields[name]
    if not isinstance(values, list) or any(type(one) is not int for one in values):
        raise BadBatch(f"{where}: {name} is not a list of whole numbers")
    if len(values) > most:
        raise BadBatch(f"{where}: more than {MOST_MEASUREMENTS} measurements")
    return values


def _text(fields: dict[str, Any], name: str, where: str, shape: re.Pattern[str]) -> str:
    value = fields[name]
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise BadBatch(f"{where}: {name} is not one")
    return value
