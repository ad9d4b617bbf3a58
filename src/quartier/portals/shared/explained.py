"""An explanation in words, and the chart of the quarter-hours behind a line."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from quartier.apps.billing.explain import Explanation
from quartier.portals.shared import formats
from quartier.portals.shared.charts import Chart, Series, chart_of, with_ranges
from quartier.portals.shared.span import CUSTOM, BadSpan, Span, custom, span_of
from quartier.portals.shared.words import word_of

COLORS = {"solar": "solar", "grid": "grid", "total": "total"}
_DAY = timedelta(days=1)


def words_of(found: Explanation) -> dict[str, Any]:
    """The line in plain sentences."""
    line, document = found.line, found.document
    language = get_language() or "de"
    first, last = formats.day(line.from_date), formats.day(line.to_date - _DAY)
    energy = {
        "solar": _("What you used while the roof delivered: your share of the solar energy."),
        "grid": _("What the roof could not cover: bought from the grid."),
        "total": _("All that was used, from the roof and from the grid."),
    }.get(line.flow, "")
    if line.unit == "kW" and found.peak:
        at, mwh = found.peak
        energy = _("The highest quarter-hour, times four: %(power)s kW on %(when)s.") % {
            "power": formats.number(Decimal(mwh).scaleb(-6) * 4, 3, language),
            "when": formats.moment(at, document.place.timezone),
        }
    fixed = {
        "day": _("A fixed amount a day."),
        "month": _("A fixed amount a month."),
        "year": _("A fixed amount a year, billed by months."),
        "billing_point": _("A fixed amount on each invoice."),
    }.get(line.unit, "")
    slot = ""
    if line.slot in ("standard", "reduced") and line.flow:
        slot = _("Only the quarter-hours in %(slot)s count.") % {"slot": _in_a_sentence(line.slot)}
    return {
        "what": energy if line.flow else fixed,
        "when": _("From %(first)s to %(last)s.") % {"first": first, "last": last},
        "slot": slot,
        "is_rounded": found.sum_wh is not None
        and line.quantity_wh is not None
        and found.sum_wh != line.quantity_wh,
    }


def _in_a_sentence(slot: str) -> str:
    """The slot's name within a sentence; German writes nouns with a capital."""
    name = word_of(slot)
    return name if (get_language() or "de").startswith("de") else name.lower()


def chart_of_line(request: HttpRequest, found: Explanation) -> Chart | None:
    """The line's energy over its dates, or within them at what the URL names; None for a line
    that is not energy."""
    if found.counted_mwh is None or found.quality is None:
        return None
    line, tz = found.line, ZoneInfo(found.document.place.timezone)
    span = _within(request, found, tz)
    slots = span.slots
    window = slice(slots.start - found.first_slot, slots.stop - found.first_slot)
    name = {"solar": _("Solar"), "grid": _("Bought from the grid")}.get(line.flow, _("Energy"))
    series = [Series(line.flow, name, COLORS[line.flow], found.counted_mwh[window])]
    caption = _("%(name)s, %(span)s") % {"name": line.label, "span": span.title}
    chart = chart_of(
        "line", span, series, found.quality[window], now=timezone.now(), caption=caption
    )
    with_ranges(chart, span, request.GET)
    chart.pick = None  # only dates of the line can be chosen
    whole = request.path
    chart.ranges = [
        {"title": _("All of it"), "link": whole, "active": span.kind == CUSTOM},
        *(one for one in chart.ranges if one["link"] and _fits(found, one)),
    ]
    return chart


def _fits(found: Explanation, one: dict[str, Any]) -> bool:
    days = (found.line.to_date - found.line.from_date).days
    return bool(
        str(one["link"]).find("range=day") >= 0 or (days > 7 and "range=week" in one["link"])
    )


def _within(request: HttpRequest, found: Explanation, tz: ZoneInfo) -> Span:
    """The day or week in the URL, clipped to the line's dates; else all of them."""
    line = found.line
    whole = custom(line.from_date, line.to_date, tz)
    kind, at = request.GET.get("range", ""), request.GET.get("at", "")
    if kind not in ("day", "week"):
        return whole
    try:
        span = span_of(kind, date.fromisoformat(at), tz)
    except (BadSpan, ValueError):
        return whole
    first, end = max(span.from_date, line.from_date), min(span.to_date, line.to_date)
    if first >= end:
        return whole
    return Span(kind, first, end, tz)
