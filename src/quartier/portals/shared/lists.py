"""Lists: order and filter in the URL, pages, CSV."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse

PER_PAGE = 50
LONGEST_QUERY = 300
"""No name is longer; what is searched for and longer is nowhere. A database refuses some of it."""

_FORMULA = re.compile(r"(\A|[;\t\r\n])(?=[=+\-@\t\r])")


def paged(request: HttpRequest, rows: Any, per_page: int = PER_PAGE) -> Page[Any]:
    """The page of ``rows`` that the URL names; the nearest there is where it names none."""
    return Paginator(rows, per_page).get_page(request.GET.get("page"))


def order_of(request: HttpRequest, columns: Iterable[str], default: str) -> str:
    """The column in the URL's ``sort``, with its minus; ``default`` if it is not one."""
    wanted = request.GET.get("sort", "")
    return wanted if wanted.removeprefix("-") in set(columns) else default


def csv_response(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """A CSV file in UTF-8 with its mark, so that a spreadsheet reads it.

    What a spreadsheet would run as a formula gets a leading apostrophe: at the start of a cell, and
    after what a spreadsheet set to another separator (in Switzerland the semicolon) takes for one.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_harmless(cell) for cell in head])
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    response = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _harmless(cell: Any) -> Any:
    if isinstance(cell, str):
        return _FORMULA.sub(r"\1'", cell)
    return "" if cell is None else cell
