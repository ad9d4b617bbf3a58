"""Lists as a spreadsheet: text stays text, whatever it begins with."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.http import HttpResponse

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CONTROL = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0xFFFE, 0xFFFF])
"""What XML cannot hold, or a spreadsheet refuses."""


def xlsx_response(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """An XLSX file with one sheet. No cell is a formula."""
    import openpyxl
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = openpyxl.Workbook()
    sheet = book.active
    widths = [len(title) for title in head]
    for number, row in enumerate([head, *rows], 1):
        for place, value in enumerate(row, 1):
            cell = sheet.cell(number, place)
            if isinstance(value, int | float | Decimal | date | datetime) or value is None:
                cell.value = value
            else:
                cell.value = str(value).translate(_CONTROL)
                cell.data_type = "s"
            if number == 1:
                cell.font = Font(bold=True)
            widths[place - 1] = max(widths[place - 1], len(str(value or "")))
    for place, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(place)].width = min(60, width + 3)
    sheet.freeze_panes = "A2"
    out = BytesIO()
    book.save(out)
    return file_response(f"{name}.xlsx", out.getvalue())


def file_response(name: str, content: bytes) -> HttpResponse:
    """The bytes of a workbook as a download."""
    response = HttpResponse(content, content_type=XLSX)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
