"""From the cells of a line to a draft of a meter."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from quartier.formats.load_curve.cells import Cell, number_of, text_of
from quartier.formats.meter_table.columns import CHOICES, choice_of, choices_in
from quartier.formats.meter_table.draft import Draft, Faults
from quartier.formats.meter_table.read import Line

REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_SWISS_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_LONGEST = {
    "ref": 63,
    "name": 120,
    "metering_point": 60,
    "export_metering_point": 60,
    "rule": 500,
    "serial": 40,
    "gateway": 63,
    "bus": 63,
    "driver": 130,
    "address": 16,
    "billing_point": 63,
}
FIRST_DATE, LAST_DATE = date(1950, 1, 1), date(2200, 1, 1)
_NUMBERS = {"fuse_a": (Decimal(99_999), 1), "factor": (Decimal(999_999), 6)}
"""The most, and how many decimals."""


def drafts_of(lines: Iterable[Line], faults: Faults, language: str = "en") -> tuple[Draft, ...]:
    """The drafts of ``lines``; what is wrong with a line goes to ``faults``, and it is left out.
    Words that a cell may hold are told in ``language``."""
    found = (_draft(line, faults, language) for line in lines)
    return tuple(draft for draft in found if draft is not None)


def _draft(line: Line, faults: Faults, language: str) -> Draft | None:
    before = len(faults.found)
    values: dict[str, object] = {"row": line.row}
    for key, cell in line.cells.items():
        try:
            values |= _value(key, cell, language)
        except ValueError as problem:
            faults.say(line.row, key, str(problem))
    for needed in ("ref", "name"):
        if needed not in line.cells:
            faults.say(line.row, needed, "it is empty; each meter needs one")
    if len(faults.found) > before:
        return None
    return Draft(**values)  # type: ignore[arg-type]  # each by its column, as _value made it


def _value(key: str, cell: Cell, language: str) -> dict[str, object]:
    """The fields that a cell fills; raises ValueError that says what is wrong."""
    if key in CHOICES:
        found = choice_of(key, text_of(cell))
        if found is None:
            there = ", ".join(choices_in(key, language))
            raise ValueError(f"{text_of(cell)[:40]!r} is none of: {there}")
        return {key: found}
    if key in ("installed", "from_date"):
        return {key: _day(cell)}
    if key in _NUMBERS:
        return {key: _number(cell, *_NUMBERS[key])}
    if key == "digits":
        number = _number(cell, Decimal(12), 0)
        if number < 1:
            raise ValueError("it has to be from 1 to 12")
        return {key: int(number)}
    text = _text(cell, _LONGEST[key])
    if key == "ref" and REF.fullmatch(text) is None:
        raise ValueError(
            f"{text[:40]!r} is no reference: letters, digits, dot, dash and underscore, beginning"
            " with a letter or digit"
        )
    if key in ("metering_point", "export_metering_point"):
        return {key: text.replace(" ", "").replace(".", "")}
    if key == "driver":
        driver, _slash, model = text.partition("/")
        return {"driver": driver.strip(), "model": model.strip()}
    return {key: text.upper() if key == "address" else text}


def _text(cell: Cell, longest: int) -> str:
    """A spreadsheet keeps 12 as 12.0, and people do not see it."""
    if isinstance(cell, bool):
        raise ValueError("it has to be a text")  # noqa: TRY004  (a bad value of the file)
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        cell = int(cell)
    text = " ".join(text_of(cell).split(" ")).strip()
    if _CONTROL.search(text):
        raise ValueError("it has to be one line without control characters")
    if text.startswith("="):
        raise ValueError("it is a formula; write its result")
    if len(text) > longest:
        raise ValueError(f"it has {len(text)} characters; {longest} are possible")
    return text


def _number(cell: Cell, most: Decimal, places: int) -> Decimal:
    number = number_of(cell.replace(",", ".") if isinstance(cell, str) else cell, ".", "'")
    assert number is not None, "empty cells are left out"
    if not 0 < number <= most:
        raise ValueError(f"it has to be above 0 and at most {most}")
    if round(number, places) != number:
        raise ValueError(f"it has more than {places} decimals")
    return number


def _day(cell: Cell) -> date:
    day = _read_day(cell)
    if not FIRST_DATE <= day < LAST_DATE:
        raise ValueError(f"the date has to be from {FIRST_DATE} on and before {LAST_DATE}")
    return day


def _read_day(cell: Cell) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = text_of(cell)[:40]
    swiss = _SWISS_DATE.fullmatch(text)
    try:
        if swiss:
            return date(int(swiss[3]), int(swiss[2]), int(swiss[1]))
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date; write it as 31.12.2026") from None
