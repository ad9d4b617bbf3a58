"""Records: DIF, DIFE, VIF, VIFE and data, one after the other (EN 13757-3, variable structure).

A record that cannot be read is kept without a value, with a finding. A record that is cut off ends
the telegram: where the next one would begin is not known.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from enum import Enum
from typing import Final

from quartier.core.kernel.findings import Finding, error, info, warning
from quartier.protocols.mbus import dates, numbers, qualifiers, units
from quartier.protocols.mbus.units import Form, Unit

Value = Decimal | str | bytes | date | datetime | time | None
_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN, traps=[Inexact])
_MOST_EXTENSIONS = 10


class Function(Enum):
    """What a value is of the time since the last reset."""

    INSTANTANEOUS = 0
    MAXIMUM = 1
    MINIMUM = 2
    ERROR_STATE = 3
    """The value while the meter is in error: not to be used."""


@dataclass(frozen=True, slots=True)
class Record:
    """One value of a telegram.

    ``value`` in ``unit`` (Wh, l, W, l/h, °C, s...) is a Decimal, text, bytes, a date or time of
    the meter's own clock, or ``None`` where there is none. ``qualifiers`` are the words of its
    VIFE: a record with any is not the plain quantity. ``step`` is what the last digit sent counts.
    ``dib``, ``vib`` and ``data`` are the bytes as they came.
    """

    function: Function
    storage: int
    tariff: int
    subunit: int
    quantity: str
    unit: str
    value: Value
    qualifiers: tuple[str, ...] = ()
    is_summer_time: bool | None = None
    step: Decimal = Decimal(1)
    dib: bytes = b""
    vib: bytes = b""
    data: bytes = b""


@dataclass
class Records:
    """The records of one telegram, in order. ``is_more``: the meter has a further telegram."""

    records: list[Record] = field(default_factory=list)
    manufacturer_data: bytes = b""
    is_more: bool = False
    findings: list[Finding] = field(default_factory=list)


def read_records(data: bytes, *, is_high_first: bool = False) -> Records:
    """All records in ``data``; bytes of numbers are lowest first unless ``is_high_first``."""
    found = Records()
    place = 0
    while place < len(data):
        dif = data[place]
        if dif == _FILLER:
            place += 1
        elif dif in _MANUFACTURER_DATA:
            found.manufacturer_data, found.is_more = data[place + 1 :], dif == _MORE
            return found
        elif dif & 0x0F == 0x0F:
            found.findings.append(
                _cut(len(found.records), f"begins with DIF {dif:02X} hex, which has no meaning")
            )
            return found
        else:
            try:
                place = _record(data, place, found, is_high_first=is_high_first)
            except _CutOffError as reason:
                found.findings.append(_cut(len(found.records), str(reason)))
                return found
    return found


_FILLER: Final = 0x2F
_MORE: Final = 0x1F
_MANUFACTURER_DATA: Final = frozenset({0x0F, _MORE})
_EXTENSION: Final = 0x80
_TEXT, _ANY, _OWN, _FB, _FD, _EF = 0x7C, 0x7E, 0x7F, 0xFB, 0xFD, 0xEF


class _CutOffError(Exception):
    """The rest of the telegram cannot be read."""


def _record(data: bytes, start: int, found: Records, *, is_high_first: bool) -> int:
    """Read the record at ``start`` into ``found``; the place behind it."""
    number = len(found.records) + 1
    dib, place = _block(data, start, "DIFE")
    text, vib, place = _value_block(data, place)
    unit, words, trouble = _meaning(vib, text)
    kind = dib[0] & 0x0F
    lvar = 0
    if kind == numbers.VARIABLE:
        lvar = _byte(data, place)
        place += 1
        length = numbers.variable_length(lvar)
        if length is None:
            raise _CutOffError(f"has a length of {lvar:02X} hex, which has no meaning")
    else:
        length = numbers.FIXED_LENGTHS[kind]
    if place + length > len(data):
        raise _CutOffError(f"needs {length} bytes of data, and {len(data) - place} are left")
    raw = data[place : place + length]
    storage, tariff, subunit = _counts(dib)
    low_first = raw[::-1] if is_high_first else raw
    value: Value = None
    if trouble:
        found.findings.append(_of_record(number, trouble))
    else:
        value = _value(kind, lvar, low_first, unit, number, found.findings)
    if unit.quantity == units.UNKNOWN.quantity:
        found.findings.append(
            info(
                "mbus.unknown_quantity",
                f"Record {number} has the unit {vib.hex(' ').upper()} hex, not known here.",
            )
        )
    is_date = unit.form is Form.DATE and isinstance(value, datetime)
    found.records.append(
        Record(
            function=Function(dib[0] >> 4 & 3),
            storage=storage,
            tariff=tariff,
            subunit=subunit,
            quantity=unit.quantity,
            unit=unit.unit,
            value=value,
            qualifiers=words,
            is_summer_time=dates.is_summer_time(low_first) if is_date else None,
            step=unit.factor,
            dib=dib,
            vib=vib,
            data=raw,
        )
    )
    return place + length


def _byte(data: bytes, place: int) -> int:
    if place >= len(data):
        raise _CutOffError("ends within its head")
    return data[place]


def _block(data: bytes, start: int, name: str) -> tuple[bytes, int]:
    """A byte and those that extend it, and the place behind them."""
    place = start
    while _byte(data, place) & _EXTENSION:
        place += 1
        if place - start > _MOST_EXTENSIONS:
            raise _CutOffError(f"has more than {_MOST_EXTENSIONS} {name}")
    return data[start : place + 1], place + 1


def _value_block(data: bytes, start: int) -> tuple[str | None, bytes, int]:
    """The text of a unit in plain text, the VIF with its VIFE, and the place behind.

    The text stands behind the VIFE by the standard, and right behind the VIF in meters of before:
    of the two places only one has letters.
    """
    vif = _byte(data, start)
    if vif & 0x7F != _TEXT:
        vib, place = _block(data, start, "VIFE")
        return None, vib, place
    text, place = _text(data, start + 1)
    if not vif & _EXTENSION:
        if text is None:
            raise _CutOffError("has no name of its unit")
        return text, bytes([vif]), place
    if text is not None:
        more, place = _block(data, place, "VIFE")
        return text, bytes([vif]) + more, place
    vib, place = _block(data, start, "VIFE")
    text, place = _text(data, place)
    if text is None:
        raise _CutOffError("has no name of its unit")
    return text, vib, place


def _text(data: bytes, start: int) -> tuple[str | None, int]:
    """The letters whose count stands at ``start``, and the place behind; ``None`` if there are
    none."""
    place = start + 1 + _byte(data, start)
    letters = data[start + 1 : place][::-1].decode("latin-1")
    if place > len(data) or not letters.isprintable():
        return None, place
    return letters.strip(), place


def _counts(dib: bytes) -> tuple[int, int, int]:
    """Storage number, tariff and subunit: each DIFE adds 4, 2 and 1 bits, lowest first."""
    storage, tariff, subunit = dib[0] >> 6 & 1, 0, 0
    for n, dife in enumerate(dib[1:]):
        storage |= (dife & 0x0F) << (1 + 4 * n)
        tariff |= (dife >> 4 & 3) << (2 * n)
        subunit |= (dife >> 6 & 1) << n
    return storage, tariff, subunit


def _meaning(vib: bytes, text: str | None) -> tuple[Unit, tuple[str, ...], str]:
    """Unit and qualifiers of a record, and what the meter reports in place of its value."""
    vif, rest = vib[0], vib[1:]
    if text is not None:
        unit = Unit("plain_text", text)
    elif vif & 0x7F == _OWN:
        return units.MANUFACTURER, (), ""
    elif vif in {_FB, _FD}:
        table = units.FB if vif == _FB else units.FD
        unit, rest = table.get(rest[0] & 0x7F, units.UNKNOWN), rest[1:]
    elif vif == _EF:
        return units.UNKNOWN, (), ""
    else:
        unit = units.PRIMARY.get(vif & 0x7F, units.UNKNOWN)
    words: list[str] = []
    for vife in rest:
        code = vife & 0x7F
        if code in qualifiers.RECORD_ERRORS:
            return unit, tuple(words), qualifiers.RECORD_ERRORS[code]
        if not code:
            continue  # no error
        unit, word = qualifiers.qualify(unit, code)
        if word:
            words.append(word)
        if word == qualifiers.MANUFACTURER:
            break  # what follows is the manufacturer's
    return unit, tuple(words), ""


def _value(
    kind: int, lvar: int, low_first: bytes, unit: Unit, number: int, findings: list[Finding]
) -> Value:
    try:
        if kind == numbers.VARIABLE:
            value = numbers.variable(lvar, low_first)
        elif unit.form is Form.DATE:
            return dates.date_of(low_first) if low_first else None
        else:
            value = numbers.fixed(kind, low_first, is_signed=unit.form is Form.SIGNED)
    except dates.NotADate as reason:
        # A date that was never set is all 0 or all 1: many meters send some.
        make = info if set(low_first) in ({0x00}, {0xFF}) else warning
        findings.append(
            make(
                "mbus.impossible_date",
                f"Record {number} has an impossible date: {reason}.",
                remedy="Set the clock and the key date of the meter.",
            )
        )
        return None
    except numbers.NotAvailable as reason:
        findings.append(_of_record(number, str(reason)))
        return None
    return scaled(value, unit.factor) if isinstance(value, Decimal) else value


def scaled(number: Decimal, factor: Decimal) -> Decimal:
    """The exact product, written without an exponent."""
    product = _EXACT.multiply(number, factor)
    exponent = product.as_tuple().exponent
    assert isinstance(exponent, int), "only numbers are scaled"
    return product if exponent <= 0 else _EXACT.quantize(product, Decimal(1))


def _of_record(number: int, why: str) -> Finding:
    return warning(
        "mbus.no_value",
        f"Record {number} has no value: {why}.",
        remedy="Compare with the display of the meter.",
    )


def _cut(count: int, why: str) -> Finding:
    return error(
        "mbus.cut_record",
        f"Record {count + 1} {why}; it and what follows were not read.",
        remedy="Read the meter again; if it stays, note the model and the telegram.",
    )
