"""One charging session: its energy by quarter-hour, its times, and what a person must look at."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.charging.counting import CannotCount, decide
from quartier.apps.charging.mapping import record_of
from quartier.apps.charging.models import ChargingSession, ChargingStation, Decision
from quartier.apps.charging.queries import sessions_of
from quartier.core.kernel.period import slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.portals.operator.charging import describe, station_of
from quartier.portals.operator.charging_words import findings_for
from quartier.portals.shared.charts import Chart, Series, chart_of
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import csv_response
from quartier.portals.shared.span import custom, span_of

_MOST_DAYS = 32


@site_page(Permission.VIEW)
def session(visit: Visit, identity: str) -> HttpResponseBase:
    """That of ``?transaction=``, which may be any text."""
    station = station_of(visit, identity)
    wanted = visit.request.GET.get("transaction", "")[:36]
    row = get_object_or_404(sessions_of([station]), transaction_id=wanted)
    refused = ""
    if visit.request.method == "POST":
        refused = _decide(visit, station, row)
        if not refused:
            return redirect(visit.request.get_full_path())
    if visit.request.GET.get("format") == "csv":
        return csv_response(
            f"{station.identity}-{row.begun_at:%Y-%m-%d-%H%M}",
            ("starts_at", "energy_wh", "quality"),
            (
                (slot_starts_at(row.first_slot + i).isoformat(), energy_wh, Quality(quality).word)
                for i, (energy_wh, quality) in enumerate(
                    zip(row.energies_wh, row.qualities, strict=True)
                )
            ),
        )
    describe(visit, [row], [station])
    context = {
        "station": station,
        "session": row,
        "refused": refused,
        "reason": visit.request.POST.get("reason", ""),
        "chart": _chart(visit, row),
        "findings": findings_for(row.findings),
        "signed": record_of(row).signed,
        "charging": _length(row.charging_s),
        "held": _length(row.held_s),
        "idle": _length(row.idle_s),
    }
    return visit.page("operator/charging_session.html", "charging", context)


def _decide(visit: Visit, station: ChargingStation, row: ChargingSession) -> str:
    """Does what the button says; what was refused."""
    if not visit.may(Permission.BILL):
        raise PermissionDenied
    posted = visit.request.POST
    try:
        decision = Decision(posted.get("action", ""))
    except ValueError:
        raise PermissionDenied from None
    reason = posted.get("reason", "")
    try:
        decide(row, decision, reason, station=station, at=timezone.now(), actor=visit.by)
    except CannotCount as problem:
        return str(problem)
    messages.success(visit.request, _("Saved. It is counted so within some minutes."))
    return ""


def _chart(visit: Visit, row: ChargingSession) -> Chart | None:
    """Of the local days of the session; outside of it nothing flowed."""
    if not row.energies_wh:
        return None
    zone = ZoneInfo(visit.site.timezone)
    first, end = row.first_slot, row.first_slot + len(row.energies_wh)
    first_date = slot_starts_at(first).astimezone(zone).date()
    last_date = slot_starts_at(end - 1).astimezone(zone).date()
    if (last_date - first_date).days > _MOST_DAYS:
        return None
    span = span_of("day", first_date, zone)
    if last_date > first_date:
        span = custom(first_date, last_date + timedelta(days=1), zone)
    slots = span.slots
    energy = np.zeros(len(slots), np.int64)
    quality = np.full(len(slots), Quality.MEASURED, np.uint8)
    here = slice(first - slots.start, end - slots.start)
    energy[here] = np.array(row.energies_wh, np.int64) * 1000
    quality[here] = row.qualities
    caption = _("Energy of the charging session, %(span)s") % {"span": span.title}
    series = [Series("ev", _("Charging"), "ev", energy)]
    return chart_of("session", span, series, quality, now=timezone.now(), caption=caption, low=True)


def _length(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    minutes_text = f"{minutes}\N{THIN SPACE}min"
    return f"{hours}\N{THIN SPACE}h {minutes_text}" if hours else minutes_text
