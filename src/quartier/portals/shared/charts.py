"""Charts: quarter-hours summed to the parts of a span, and all that the page needs to draw them.

Never more points than a screen has pixels; a part without any value is a gap, never 0; a part
with an estimated quarter-hour says so. Behind each chart is its table and its CSV.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from quartier.core.kernel.period import local_midnight, slot_at
from quartier.core.kernel.quality import Quality
from quartier.portals.shared import formats
from quartier.portals.shared.lists import csv_response
from quartier.portals.shared.picked import NAMES, Pick, pick_of, span_in_query
from quartier.portals.shared.span import CUSTOM, LONGEST_DAYS, Parts, Span, parts_of

Energies = NDArray[np.int64]
Qualities = NDArray[np.uint8]

KIND_TITLES: Mapping[str, str | Promise] = {
    "day": gettext_lazy("Day"),
    "week": gettext_lazy("Week"),
    "month": gettext_lazy("Month"),
    "quarter": gettext_lazy("Quarter"),
    "year": gettext_lazy("Year"),
}
STEPS = {
    "quarter": [1, 4, 8, 12, 16, 24, 48],
    "hour": [6, 12, 24, 48],
    "day": [1, 2, 5, 7, 10, 14, 28],
    "month": [1, 2, 3, 6, 12],
}
_ESTIMATES = (Quality.ESTIMATED, Quality.SUBSTITUTED, Quality.MANUAL, Quality.TEMPORARY)


@dataclass(frozen=True)
class Series:
    """One series in mWh over the span's quarter-hours; ``color`` is its meaning."""

    id: str
    name: str | Promise
    color: str
    energy_mwh: Energies
    side: str = "up"
    """``up``: stacked upwards; ``down``: stacked downwards; ``line``: drawn over the others."""


@dataclass
class Chart:
    """All that ``shared/parts/chart.html`` shows."""

    key: str
    title: str
    caption: str
    series: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    data: dict[str, Any]
    has_estimates: bool
    has_gaps: bool
    unit: str = "kWh"
    ranges: list[dict[str, Any]] = field(default_factory=list)
    previous: str = ""
    following: str = ""
    csv: str = ""
    low: bool = False
    pick: Pick | None = None
    region: str = ""
    """The element that another range replaces; the chart itself where the page has no figures of
    the same range."""


def span_in(
    request: HttpRequest,
    tz: ZoneInfo,
    latest: date,
    kind: str = "month",
    most_days: int = LONGEST_DAYS,
) -> Span:
    """The span that the URL names (see :mod:`picked`); the ``kind`` that contains ``latest`` where
    it names none that can be shown, which ``with_ranges`` says."""
    return span_in_query(request.GET, tz, latest, kind, _today(tz), most_days)[0]


def _today(tz: ZoneInfo) -> date:
    return timezone.now().astimezone(tz).date()


def sums(values: Energies, edges: Sequence[int]) -> Energies:
    """Sums of ``values`` (one a slot from ``edges[0]`` on) between ``edges``."""
    at = np.asarray(edges[:-1]) - edges[0]
    return np.add.reduceat(values, at) if len(values) else np.zeros(len(at), np.int64)


def gaps(quality: Qualities, edges: Sequence[int], due_slot: int) -> tuple[Any, Any, Any]:
    """By part: whether a slot before ``due_slot`` is missing (values of today may still come),
    whether all of them are, and whether one is estimated."""
    at = np.asarray(edges[:-1]) - edges[0]
    past = np.arange(edges[0], edges[-1]) < due_slot
    missing = (quality == Quality.MISSING).astype(np.int64)
    known = np.add.reduceat(1 - missing, at)
    lost = np.add.reduceat(missing * past, at)
    estimated = np.add.reduceat(np.isin(quality, _ESTIMATES).astype(np.int64), at)
    return lost > 0, known == 0, estimated > 0


def chart_of(
    key: str,
    span: Span,
    series: Sequence[Series],
    quality: Qualities,
    *,
    now: datetime,
    caption: str,
    unit: str = "kWh",
    low: bool = False,
) -> Chart:
    """The chart of ``series``, whose quarter-hours have ``quality``, over ``span``; ``unit`` is
    that of a million of their values."""
    parts = parts_of(span)
    language = get_language() or "de"
    due = slot_at(local_midnight(now.astimezone(span.tz).date(), span.tz))
    is_lost, is_empty, is_estimated = gaps(quality, parts.edges, due)
    digits = 3 if span.step == "quarter" else 1
    shown = []
    for one in series:
        wh = sums(one.energy_mwh, parts.edges) / 1_000_000
        values = [
            None if empty else round(float(v), 3) for v, empty in zip(wh, is_empty, strict=True)
        ]
        shown.append(
            {
                "id": one.id,
                "name": str(one.name),
                "color": one.color,
                "swatch": f"{one.color} down" if one.side == "down" else one.color,
                "side": one.side,
                "values": values,
                "total": round(int(one.energy_mwh.sum()) / 1_000_000, 3),
            }
        )
    data = {
        "labels": parts.labels,
        "titles": parts.titles,
        "title": span.title,
        "up": [one for one in shown if one["side"] == "up"],
        "down": [one for one in shown if one["side"] == "down"],
        "lines": [one for one in shown if one["side"] == "line"],
        "missing": [bool(one) for one in is_lost],
        "estimated": [bool(one) for one in is_estimated],
        "unit": unit,
        "digits": digits,
        "group": formats.group_of(language),
        "steps": STEPS[span.step],
        "label_width": 54 if span.step in ("quarter", "hour") else 44,
    }
    return Chart(
        key,
        span.title,
        caption,
        shown,
        _rows(parts, shown, is_lost, is_estimated, digits, language),
        data,
        bool(is_estimated.any()),
        bool(is_lost.any()),
        unit,
        low=low,
    )


def _rows(
    parts: Parts,
    shown: list[dict[str, Any]],
    is_lost: Any,
    is_estimated: Any,
    digits: int,
    language: str,
) -> list[dict[str, Any]]:
    rows = []
    for i, title in enumerate(parts.titles):
        values = [one["values"][i] for one in shown]
        rows.append(
            {
                "title": title,
                "starts_at": parts.starts_at[i],
                "raw": values,
                "values": [
                    formats.NOTHING
                    if value is None
                    else formats.number(Decimal(str(value)), digits, language)
                    for value in values
                ],
                "quality": _("no data")
                if is_lost[i]
                else _("estimated")
                if is_estimated[i]
                else "",
            }
        )
    return rows


def with_ranges(
    chart: Chart, span: Span, query: QueryDict, path: str = "", most_days: int = LONGEST_DAYS
) -> Chart:
    """``chart`` with its range picker; links keep the rest of the query. Where the query names no
    span that can be shown the picker says why."""
    today = _today(span.tz)
    _span, fault = span_in_query(query, span.tz, today, "month", today, most_days)
    chart.pick = pick_of(span, fault, query, today, path)

    def link(**changes: str) -> str:
        changed = query.copy()
        for name in (*NAMES, "format"):
            changed.pop(name, None)
        for name, value in changes.items():
            changed[name] = value
        return f"{path}?{changed.urlencode()}"

    at = span.from_date.isoformat()
    chart.ranges = [
        {"title": title, "link": link(range=kind, at=at), "active": kind == span.kind}
        for kind, title in KIND_TITLES.items()
    ]
    if span.kind == CUSTOM:
        days = span.to_date - span.from_date
        chart.previous = link(**{"from": str(span.from_date - days), "to": at})
        chart.following = link(**{"from": str(span.to_date), "to": str(span.to_date + days)})
        chart.csv = link(**{"from": at, "to": str(span.to_date), "format": "csv"})
    else:
        chart.previous = link(range=span.kind, at=str(span.moved(-1)))
        chart.following = link(range=span.kind, at=str(span.moved(1)))
        chart.csv = link(range=span.kind, at=at, format="csv")
    return chart


def chart_csv(name: str, chart: Chart) -> HttpResponse:
    """The numbers behind ``chart``: start in UTC, energies in its unit, quality."""
    head = ["start", *(f"{one['name']} ({chart.unit})" for one in chart.series), _("Quality")]
    rows = (
        [f"{row['starts_at']:%Y-%m-%dT%H:%M:%SZ}", *row["raw"], row["quality"]]
        for row in chart.rows
    )
    return csv_response(name, head, rows)
