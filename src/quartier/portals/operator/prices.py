"""Price sheets, readable: components in the order of the invoice, windows as a week."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language

from quartier.apps.access.permissions import Permission
from quartier.apps.contracts.mapping import sheet_of
from quartier.apps.contracts.models import PriceSheet, ReferenceTariff
from quartier.core.rating import sheet as rating
from quartier.core.rating.price import NoPrice, price_of
from quartier.core.rating.windows import Windows
from quartier.portals.shared.gate import Visit, site_page

_MONDAY = date(2024, 1, 1)


@site_page(Permission.MONEY)
def prices(visit: Visit) -> HttpResponseBase:
    """The sheets of the site, the newest first."""
    today = timezone.now().date()
    rows: list[Any] = list(
        visit.scope.queryset(PriceSheet)
        .filter(site=visit.site)
        .prefetch_related("billing_points")
        .order_by("-starts_date", "ref")
    )
    for row in rows:
        row.is_current = row.starts_date <= today < row.ends_date
        row.count = len(row.content.get("components", ()))
    tariffs = visit.scope.queryset(ReferenceTariff).filter(site=visit.site).order_by("-starts_date")
    context = {"sheets": rows, "tariffs": tariffs}
    return visit.page("operator/prices.html", "prices", context)


def components_of(sheet: rating.PriceSheet) -> list[dict[str, Any]]:
    """The components as lines of a table; a price that is missing says so."""
    language = get_language() or "de"
    rows = []
    for component in sheet.components:
        share = component.price if isinstance(component.price, rating.Share) else None
        try:
            price: Decimal | None = price_of(component, sheet)
        except NoPrice:
            price = None
        rows.append(
            {
                "ref": component.ref,
                "label": rating.text_in(component.label, language) or component.ref,
                "flow": component.flow,
                "color": component.flow if component.flow in ("solar", "grid", "heat") else "",
                "slot": component.slot.value if component.flow else "",
                "windows": component.windows,
                "unit": component.unit.value,
                "price": price,
                "percent": share.percent if share else None,
                "vat": component.vat.value,
                "includes_vat": component.price_includes_vat,
                "internal": component.is_internal,
                "pro_rata": component.pro_rata.value if component.pro_rata else "",
                "season": component.season,
            }
        )
    return rows


def week_of(windows: Windows) -> list[dict[str, Any]]:
    """Each season of ``windows`` as a week of 7 x 24 hours, true where standard time holds for
    most of the hour."""
    seasons = list(dict.fromkeys(window.season for window in windows.standard))
    grids = []
    for season in seasons:
        minutes = [[0] * 24 for _ in range(7)]
        for window in windows.standard:
            if window.season not in (None, season):
                continue
            for weekday in window.weekdays:
                _fill(minutes, weekday, window.from_minute, window.to_minute)
        days = [
            {
                "name": date_format(_MONDAY.replace(day=1 + weekday), "D"),
                "hours": [minute >= 30 for minute in minutes[weekday]],
            }
            for weekday in range(7)
        ]
        grids.append({"season": season, "days": days})
    return grids


def _fill(minutes: list[list[int]], weekday: int, first: int, end: int) -> None:
    length = (end - first) % (24 * 60) or 24 * 60
    for minute in range(first, first + length, 15):
        day, rest = divmod(minute, 24 * 60)
        minutes[(weekday + day) % 7][rest // 60] += 15


@site_page(Permission.MONEY)
def sheet(visit: Visit, sheet_ref: str) -> HttpResponseBase:
    """One price sheet."""
    rows = visit.scope.queryset(PriceSheet).prefetch_related("billing_points")
    row = get_object_or_404(rows, site=visit.site, ref=sheet_ref)
    value = sheet_of(row)
    context = {
        "row": row,
        "sheet": value,
        "components": components_of(value),
        "weeks": [(windows, week_of(windows)) for windows in value.windows],
        "hours": range(24),
    }
    return visit.page("operator/sheet.html", "prices", context)
