"""Data quality: where quarter-hours are missing, estimated, substituted or entered by hand."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.metering.models import Lock
from quartier.apps.metering.stretches import QUESTIONED, Stretch, stretches_in
from quartier.core.kernel.period import local_midnight, slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.portals.shared import formats
from quartier.portals.shared.charts import Chart, span_in, with_ranges
from quartier.portals.shared.energy import days_at_once, latest_day
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import csv_response, paged
from quartier.portals.shared.span import span_of
from quartier.portals.shared.units import UNITS, unit_of
from quartier.portals.shared.words import quality_word, word_of

LONGEST_DAYS = 366
_NAMED = 4
COLORS = {Quality.MISSING: "danger", Quality.TEMPORARY: "warning"}


def stretch_url(site_ref: str, register_id: int, first_slot: int, end_slot: int) -> str:
    """The page of the quarter-hours ``[first_slot, end_slot)`` of a register."""
    return f"{reverse('site-intervals', args=[site_ref, register_id])}?" + urlencode(
        {"start": stamp(first_slot), "end": stamp(end_slot)}
    )


def stamp(slot: int) -> str:
    """A slot's start in UTC, for links."""
    return f"{slot_starts_at(slot):%Y-%m-%dT%H:%MZ}"


def until(end_slot: int, timezone_name: str) -> str:
    """The end of a stretch as people say it: midnight is 24:00 of the day before."""
    end = formats.local(slot_starts_at(end_slot), timezone_name)
    if (end.hour, end.minute) == (0, 0):
        return f"{formats.day(end.date() - timedelta(days=1))}{formats.THIN}24:00"
    return formats.moment(end, timezone_name)


def row_of(visit: Visit, one: Stretch) -> dict[str, Any]:
    """A stretch for the list."""
    name = visit.site.timezone
    return {
        "query": urlencode({"start": stamp(one.first_slot), "end": stamp(one.end_slot)}),
        "stretch": one,
        "from": formats.moment(slot_starts_at(one.first_slot), name),
        "until": until(one.end_slot, name),
        "word": quality_word(one.quality),
        "color": COLORS.get(one.quality, ""),
        "unit": unit_of(one.register),
        "link": stretch_url(visit.site.ref, one.register.pk, one.first_slot, one.end_slot),
    }


def due_slot(site_timezone: str, now: datetime) -> int:
    """The first quarter-hour of today: values of today may still come."""
    tz = ZoneInfo(site_timezone)
    return slot_at(local_midnight(now.astimezone(tz).date(), tz))


@site_page(Permission.VIEW)
def quality(visit: Visit) -> HttpResponseBase:
    """The stretches of the chosen days, of all qualities or of one."""
    request, site, now = visit.request, visit.site, timezone.now()
    tz = ZoneInfo(site.timezone)
    most_days = days_at_once(site)
    span = span_in(request, tz, latest_day(site), most_days=most_days)
    picker = Chart("quality", "", "", [], [], {}, has_estimates=False, has_gaps=False)
    too_long = (span.to_date - span.from_date).days > LONGEST_DAYS
    if too_long:
        span = span_of("month", latest_day(site), tz)
    picker.title = span.title
    with_ranges(picker, span, request.GET, request.path, most_days)
    found = stretches_in(site, span.slots, due_slot=due_slot(site.timezone, now))
    every = [one for one in found if one.since_slot is None]
    silent = [one for one in found if one.since_slot is not None]
    codes = {one.word: one for one in QUESTIONED}
    wanted = codes.get(request.GET.get("quality", ""))
    rows = [one for one in every if wanted is None or one.quality == wanted]
    if request.GET.get("format") == "csv":
        if wanted in (None, Quality.MISSING):
            rows = sorted(rows + silent, key=lambda one: one.first_slot)
        return _csv(visit, rows, f"{span.from_date}-{span.to_date - timedelta(days=1)}")
    page = paged(request, rows)
    filters = [
        {
            "key": one.word,
            "title": quality_word(one),
            "count": sum(1 for row in every if row.quality == one),
        }
        for one in QUESTIONED
    ]
    context = {
        "ranges": picker,
        "fault": _("This page shows at most a year at once; choose a shorter range.")
        if too_long
        else "",
        "page": page,
        "rows": [row_of(visit, one) for one in page],
        "units": " / ".join(sorted({unit_of(one.register) for one in page})),
        "all": len(every),
        "filters": [one for one in filters if one["count"]],
        "wanted": wanted.word if wanted is not None else "",
        "missing": sum(one.length for one in every if one.quality == Quality.MISSING),
        "silent": _silent(visit, silent),
        "locks": visit.scope.queryset(Lock).filter(site=site),
    }
    return visit.page("operator/quality.html", "quality", context)


def _silent(visit: Visit, stretches: list[Stretch]) -> list[dict[str, Any]]:
    """The meters without newer data, those that ended at the same time in one row, the one that
    ended first at the head."""
    groups: dict[int, list[Stretch]] = {}
    for one in stretches:
        groups.setdefault(one.since_slot or 0, []).append(one)
    return [
        {
            "since": until(slot, visit.site.timezone),
            "count": len(group),
            "left": max(0, len(group) - _NAMED),
            "meters": [row_of(visit, one) for one in group[:_NAMED]],
        }
        for slot, group in sorted(groups.items())
    ]


def _csv(visit: Visit, rows: list[Stretch], days: str) -> HttpResponseBase:
    head = [
        _("Meter"),
        _("Reference"),
        _("Direction"),
        _("Quality"),
        _("From"),
        _("Until"),
        _("Quarter-hours"),
        *UNITS,
    ]
    lines = (
        (
            one.meter.name,
            one.meter.ref,
            word_of(one.register.direction),
            quality_word(one.quality),
            stamp(one.first_slot),
            stamp(one.end_slot),
            one.length,
            *(
                one.energy_wh / 1000
                if one.energy_wh is not None and unit == unit_of(one.register)
                else None
                for unit in UNITS
            ),
        )
        for one in rows
    )
    return csv_response(f"{visit.site.ref}-quality-{days}", head, lines)
