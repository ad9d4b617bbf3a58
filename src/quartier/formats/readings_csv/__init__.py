"""Register readings as CSV: columns meter, obis, read_at, value, and optional ones.

| column | what it is |
|---|---|
| meter | the meter's ref, the serial number of its device, or its metering point |
| obis | which register, e.g. 1-1:1.8.0; without it 1-1:1.8.0 |
| read_at | ISO 8601; without an offset it is local time of the site |
| value | what the register showed, before the CT/VT factor |
| unit | kWh (default for energy), Wh, MWh, m3 (default for water), l |
| serial | of the device that was read |
| factor | its CT/VT factor, used where the device is made from this file |
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from quartier.core.kernel.obis import NotObis, Obis
from quartier.formats.load_curve.cells import Cell, csv_rows, decoded, moment_of, number_of, text_of
from quartier.formats.load_curve.curves import BadCurves

__all__ = ["COLUMNS", "BadReadings", "CsvReading", "read_readings"]

COLUMNS = ("meter", "obis", "read_at", "value", "unit", "serial", "factor")
_NEEDED = ("meter", "read_at", "value")
_DELIMITERS = ",;\t"
_UNITS = {
    "kwh": (Decimal(1000), "wh"),
    "wh": (Decimal(1), "wh"),
    "mwh": (Decimal(1_000_000), "wh"),
    "m3": (Decimal(1000), "l"),
    "m³": (Decimal(1000), "l"),
    "l": (Decimal(1), "l"),
}
_WATER = (8, 9)
_LIMIT = Decimal(10) ** 12  # as many whole digits as a reading is stored with


class BadReadings(BadCurves):
    """The file cannot be used; ``errors`` names each bad row with its line."""


@dataclass(frozen=True, slots=True)
class CsvReading:
    """One row. ``value`` is in Wh, or litres for water; ``read_at`` is aware if the file says."""

    line: int
    meter: str
    obis: Obis
    read_at: datetime
    value: Decimal
    unit: str
    serial: str
    factor: Decimal | None


def read_readings(data: bytes, *, decimal: str = ".", encoding: str = "utf-8") -> list[CsvReading]:
    """The rows of a file; the delimiter (comma, semicolon or tab) is seen from the header.

    Raises :class:`BadReadings`, which names every bad row: then nothing of the file may be used.
    """
    try:
        text = decoded(data, encoding)
        head = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=head.count)
        rows = list(csv_rows(text, delimiter))
    except BadCurves as error:
        raise BadReadings(error.errors) from None
    titles = [text_of(cell).casefold() for cell in rows[0][1]]
    for name in _NEEDED:
        if titles.count(name) != 1:
            raise BadReadings(
                [f"line 1: there must be one column {name!r}; there are: {head[:200]}"]
            )
    places = {name: titles.index(name) for name in COLUMNS if name in titles}
    out: list[CsvReading] = []
    errors: list[str] = []
    for line, cells in rows[1:]:
        values = {
            name: cells[place] if place < len(cells) else None for name, place in places.items()
        }
        try:
            out.append(_reading(line, values, decimal))
        except (ValueError, NotObis) as error:
            errors.append(f"line {line}: {error}")
    if errors:
        raise BadReadings(errors)
    if not out:
        raise BadReadings(["the file has a header and no reading: nothing was read"])
    return out


def _reading(line: int, cells: dict[str, Cell], decimal: str) -> CsvReading:
    meter = text_of(cells["meter"])
    if not meter:
        raise ValueError("the meter is empty")
    obis = Obis.parse(text_of(cells.get("obis")) or "1-1:1.8.0")
    read_at = moment_of(cells["read_at"], "iso")
    if not 1990 <= read_at.year < 2100:
        raise ValueError(f"the year {read_at.year} cannot be right")
    number = number_of(cells["value"], decimal, "'")
    if number is None:
        raise ValueError("the value is empty")
    default = "m3" if obis.medium in _WATER else "kWh"
    word = text_of(cells.get("unit")) or default
    if word.casefold() not in _UNITS:
        raise ValueError(f"{word[:20]!r} is not a unit; one of kWh, Wh, MWh, m3, l")
    scale, unit = _UNITS[word.casefold()]
    if (unit == "l") != (obis.medium in _WATER):
        raise ValueError(f"{word} does not fit the register {obis}")
    if number < 0:
        raise ValueError(f"the value {number} is negative")
    if number * scale >= _LIMIT:
        raise ValueError(f"the value {number} {word} is too large")
    factor = number_of(cells.get("factor"), decimal, "'")
    if factor is not None and not 0 < factor <= 100_000:
        raise ValueError(f"the factor {factor} is not between 0 and 100000")
    return CsvReading(
        line,
        meter[:120],
        obis,
        read_at,
        number * scale,
        unit,
        text_of(cells.get("serial"))[:40],
        factor,
    )
