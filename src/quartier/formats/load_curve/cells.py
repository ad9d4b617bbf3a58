"""Cells of a table: text, numbers and times, strictly read."""

import codecs
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from quartier.formats.load_curve.curves import BadCurves

Cell = str | int | float | datetime | date | None
Row = tuple[int, list[Cell]]
"""A line number from 1, and its cells."""

ROW_LIMIT = 5_000_000
COLUMN_LIMIT = 400
UNPACKED_LIMIT = 512 * 1024 * 1024
CELL_LENGTH_MAX = 1_000

_OPEN_FORMULA = re.compile(
    rb"<(?:\w+:)?f(?:\s[^<>]*)?(?:/>|>[^<>]*</(?:\w+:)?f>)\s*+"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*+</(?:\w+:)?c>"
)
"""A formula in a cell that ends without a value. Spaces are taken once (``*+``): a megabyte of
them, tried in all ways, would take an hour."""
_LONGEST_FORMULA = 64 * 1024
"""A formula has at most 8192 characters, and some are written as ``&amp;``."""

_NUMBER = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})", re.ASCII)


def decoded(data: bytes, encoding: str) -> str:
    """The text of a file, without its byte order mark; raises :class:`BadCurves`."""
    if not data.strip():
        raise BadCurves(["the file is empty"])
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) and "16" not in encoding:
        raise BadCurves(["the file is encoded as UTF-16; save it as CSV in UTF-8"])
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadCurves(
            [f"line {line}: the file is not encoded as {encoding}; say so in the profile"]
        ) from None
    if "\0" in text:
        raise BadCurves(["the file holds binary data; it is not a table of text"])
    return text


def csv_rows(text: str, delimiter: str) -> Iterator[Row]:
    """The rows of a CSV text; blank lines are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            if len(cells) > COLUMN_LIMIT:
                raise BadCurves(
                    [f"line {reader.line_num}: it has more than {COLUMN_LIMIT} columns"]
                )
            if any(cell.strip() for cell in cells):
                yield reader.line_num, list(cells)
    except csv.Error as error:
        raise BadCurves([f"line {reader.line_num}: {error}"]) from None


def xlsx_rows(data: bytes, sheet: str, row_limit: int = ROW_LIMIT) -> Iterator[Row]:
    """The rows of a sheet (the first, if none is named); raises :class:`BadCurves`.

    A sheet with anything below ``row_limit`` is refused there: a small file can name its last row.
    """
    _check_unpacked(data)
    try:
        yield from _sheet_rows(data, sheet, row_limit)
    except BadCurves:
        raise
    except Exception as error:  # noqa: BLE001  (openpyxl lets any kind escape for a damaged file)
        raise BadCurves(
            [
                f"the XLSX file is damaged ({type(error).__name__}: {_first_line(error)}); open it "
                "in a spreadsheet program and save it again"
            ]
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:120]


def _sheet_rows(data: bytes, sheet: str, row_limit: int) -> Iterator[Row]:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    if sheet and sheet not in book.sheetnames:
        raise BadCurves([f"there is no sheet {sheet!r}; there are: {', '.join(book.sheetnames)}"])
    page = book[sheet] if sheet else book.worksheets[0]
    width = min(page.max_column or COLUMN_LIMIT, COLUMN_LIMIT)
    for number, cells in enumerate(page.iter_rows(max_col=width, values_only=True), 1):
        if number > row_limit:
            raise BadCurves([f"the sheet has more than {row_limit} rows"])
        if any(cell is not None and cell != "" for cell in cells):
            yield number, [_plain(cell) for cell in cells]


def _check_unpacked(data: bytes) -> None:
    has_open_formula = False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked <= UNPACKED_LIMIT:
                has_open_formula = any(
                    _has_open_formula(archive, member.filename)
                    for member in archive.infolist()
                    if member.filename.startswith("xl/worksheets/")
                    and member.filename.endswith(".xml")
                )
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,  # encrypted, or packed in a way that is not known
        ValueError,
    ) as error:
        raise BadCurves([f"the file is not an XLSX file: {error}"]) from None
    if unpacked > UNPACKED_LIMIT:
        raise BadCurves([f"the XLSX file unpacks to more than {UNPACKED_LIMIT // 2**20} MiB"])
    if has_open_formula:
        raise BadCurves(
            [
                "the XLSX file has formulas whose results are not stored in it; open it in a "
                "spreadsheet program and save it again"
            ]
        )


def _has_open_formula(archive: zipfile.ZipFile, name: str) -> bool:
    """Whether a formula has no result: its cell would pass for an empty one."""
    before = b""
    with archive.open(name) as stream:
        while chunk := stream.read(1 << 20):
            if _OPEN_FORMULA.search(before + chunk):
                return True
            before = (before + chunk)[-_LONGEST_FORMULA:]
    return False


def _plain(cell: object) -> Cell:
    if cell is None or isinstance(cell, (str, int, float, datetime, date)):
        return cell
    return str(cell)


def text_of(cell: Cell) -> str:
    """The text of a cell, without blanks around it."""
    if cell is None:
        return ""
    text = cell if isinstance(cell, str) else str(cell)
    return text.strip()


def number_of(cell: Cell, decimal: str, thousands: str) -> Decimal | None:
    """The number in a cell, None if it is empty; raises ValueError that says what is wrong.

    A spreadsheet keeps numbers in binary; its shortest decimal form is what its cell shows.
    """
    if isinstance(cell, bool):
        raise ValueError(f"{cell} is not a number")  # noqa: TRY004  (a bad value of the file)
    if isinstance(cell, int):
        cell = str(cell)
    elif isinstance(cell, float):
        cell, decimal, thousands = f"{Decimal(repr(cell)):f}", ".", ""
    text = text_of(cell)
    if not text:
        return None
    if thousands:
        text = text.replace(thousands, "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "")
    if decimal == ",":
        if "." in text:
            raise ValueError(f"{text[:30]!r} has a point, but the decimal sign is a comma")
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        hint = "; the decimal sign is a point" if "," in text else ""
        raise ValueError(f"{text[:30]!r} is not a number{hint}")
    return Decimal(text)


def moment_of(cell: Cell, form: str) -> datetime:
    """The time in a cell, aware if it has an offset; 24:00 is midnight of the next day.

    Raises ValueError that says what is wrong.
    """
    if isinstance(cell, datetime):
        # Spreadsheets keep times as fractions of a day, a few microseconds off.
        return (cell + timedelta(microseconds=500_000)).replace(microsecond=0)
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001
    text = text_of(cell)
    if not text:
        raise ValueError("the time is empty")
    text = text[:60]
    midnight = re.sub(r"(?<!\d)24:00(:00)?(?!\d)", lambda m: "00:00" + (m[1] or ""), text)
    try:
        if form == "iso":
            moment = datetime.fromisoformat(midnight)
        else:
            moment = datetime.strptime(midnight, form)  # noqa: DTZ007
    except ValueError:
        wanted = "an ISO 8601 time" if form == "iso" else f"a time as {form}"
        raise ValueError(f"{text!r} is not {wanted}") from None
    try:
        return moment + timedelta(days=1) if midnight != text else moment
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None
