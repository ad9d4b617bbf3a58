"""A stretch of quarter-hours of one register: its values, its history, and what may change it.

Each change is shown before it is made. The preview is the change itself, undone: what it shows is
what will happen. If other values stand there by then, it is shown again and nothing happens.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from quartier.apps.access.permissions import Permission
from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import Register
from quartier.apps.intake.billed import billed_on
from quartier.apps.intake.by_hand import set_by_hand
from quartier.apps.metering import store
from quartier.apps.metering.blocks import lock_site
from quartier.apps.metering.by_hand import instant_of
from quartier.apps.metering.operations import BadEdit, fill_gaps
from quartier.apps.metering.store import Locked, Written
from quartier.apps.metering.undoing import changes_at, old_values, undo_change
from quartier.core.kernel.energy import INTERVAL_LIMIT_WH
from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import on_grid, slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Intervals
from quartier.portals.operator.interval_history import history_of
from quartier.portals.operator.quality import stamp, stretch_url, until
from quartier.portals.shared import formats
from quartier.portals.shared.charts import Chart, Series, chart_of
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.printable import printable
from quartier.portals.shared.sentences.reader import read
from quartier.portals.shared.span import custom, span_of
from quartier.portals.shared.words import quality_word, word_of

LONGEST = 366 * 100
_SHOWN = 96
_COMPARED = 12
_AROUND = timedelta(hours=4)
_CHART_DAYS = 60
_KNOWN_AFTER = 31 * 96
_END = datetime(2201, 1, 1, tzinfo=UTC)


class ReasonForm(forms.Form):
    """Why; every change of a value says so."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        validators=[printable],
        help_text=gettext_lazy("Stays in the history of these quarter-hours."),
    )


class HandForm(ReasonForm):
    """Which quarter-hours, and the value of each."""

    start = forms.CharField(label=gettext_lazy("From"), max_length=40)
    end = forms.CharField(label=gettext_lazy("Until"), max_length=40)
    kwh = forms.DecimalField(
        label=gettext_lazy("Value of each quarter-hour"),
        min_value=0,
        max_value=Decimal(INTERVAL_LIMIT_WH) / 1000,
        decimal_places=3,
        max_digits=12,
        widget=forms.NumberInput(attrs={"step": "0.001", "min": "0", "inputmode": "decimal"}),
    )
    field_order = ("start", "end", "kwh", "reason")


@dataclass
class Done:
    """What a change did, or would do."""

    written: Written
    billed: list[str]
    findings: list[Finding] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)


def register_of(visit: Visit, pk: int) -> Register:
    """The register of this site; 404 for another."""
    rows = visit.scope.queryset(Register).select_related("meter")
    return get_object_or_404(rows, site=visit.site, pk=pk)


def slots_in(visit: Visit) -> range:
    """The stretch that the address names; 404 where it names none."""
    tz = ZoneInfo(visit.site.timezone)
    try:
        start = instant_of(visit.request.GET.get("start", "")[:40], tz)
        end = instant_of(visit.request.GET.get("end", "")[:40], tz)
    except BadEdit as problem:
        raise Http404(str(problem)) from None
    if not (on_grid(start) and on_grid(end) and start.year >= 1970 and start < end < _END):
        raise Http404("no quarter-hours")
    slots = range(slot_at(start), slot_at(end))
    if len(slots) > LONGEST:
        raise Http404("more than a year")
    return slots


def frame(visit: Visit, register: Register, slots: range) -> dict[str, Any]:
    """What each page of a stretch says at its head."""
    name = visit.site.timezone
    return {
        "register": register,
        "meter": register.meter,
        "unit": "kWh" if register.unit == "wh" else "m³",
        "from": formats.moment(slot_starts_at(slots.start), name),
        "until": until(slots.stop, name),
        "length": len(slots),
        "here": stretch_url(
            visit.site.ref, register.pk, slots.start, min(slots.stop, slots.start + LONGEST)
        ),
        "query": urlencode({"start": stamp(slots.start), "end": stamp(slots.stop)}),
    }


def chart_around(
    visit: Visit, register: Register, slots: range, after: Intervals | None = None
) -> Chart:
    """The days of ``slots`` with their neighbors; ``after`` takes the place of what is stored."""
    tz = ZoneInfo(visit.site.timezone)
    first = (slot_starts_at(slots.start) - _AROUND).astimezone(tz).date()
    last = (slot_starts_at(slots.stop) + _AROUND).astimezone(tz).date()
    if first == last:
        span = span_of("day", first, tz)
    else:
        span = custom(first, last + timedelta(days=1), tz)
    read = store.read(visit.site.pk, [register.pk], span.slots.start, span.slots.stop)
    energy_wh, quality = read.energy_wh[0].copy(), read.quality[0].copy()
    if after is not None:
        at = slice(slots.start - span.slots.start, slots.stop - span.slots.start)
        energy_wh[at], quality[at] = after.energy_wh[0], after.quality[0]
    color = {"production": "solar", "battery": "battery"}.get(register.meter.mode, "grid")
    known = np.where(quality == Quality.MISSING, 0, energy_wh) * 1000
    series = [Series("value", word_of(register.direction), color, known)]
    caption = _("Energy of %(name)s, %(span)s") % {"name": register.meter.name, "span": span.title}
    return chart_of("value", span, series, quality, now=timezone.now(), caption=caption, low=True)


@site_page(Permission.VIEW)
def intervals(visit: Visit, pk: int) -> HttpResponseBase:
    """The values of a stretch, what can be done, and what was done."""
    register, slots = register_of(visit, pk), slots_in(visit)
    shown = range(slots.start, min(slots.stop, slots.start + _SHOWN))
    read = store.read(visit.site.pk, [register.pk], slots.start, slots.stop)
    name = visit.site.timezone
    values = [
        {
            "from": formats.moment(slot_starts_at(slot), name),
            "wh": None if not code else int(wh),
            "quality": quality_word(int(code)),
            "link": stretch_url(visit.site.ref, register.pk, slot, slot + 1),
        }
        for slot, wh, code in zip(shown, read.energy_wh[0], read.quality[0], strict=False)
    ]
    context = {
        **frame(visit, register, slots),
        "chart": chart_around(visit, register, slots),
        "values": values,
        "more": max(0, len(slots) - _SHOWN),
        "gaps": int((read.quality == Quality.MISSING).sum()),
        "known_wh": int(read.energy_wh[read.quality != 0].sum()) if read.quality.any() else None,
        "history": history_of(visit, register, slots),
    }
    return visit.page("operator/intervals.html", "quality", context)


def _compared(visit: Visit, before: Intervals, after: Intervals) -> dict[str, Any]:
    """Before and after: sums, and the first quarter-hours that differ."""
    old, new = before.energy_wh[0], after.energy_wh[0]
    had, has = before.quality[0] != 0, after.quality[0] != 0
    differs = np.flatnonzero((old != new) | (before.quality[0] != after.quality[0]))
    rows = [
        {
            "from": formats.moment(slot_starts_at(before.first_slot + at), visit.site.timezone),
            "before": int(old[at]) if had[at] else None,
            "after": int(new[at]) if has[at] else None,
            "was": quality_word(int(before.quality[0][at])),
            "is": quality_word(int(after.quality[0][at])),
        }
        for at in differs[:_COMPARED].tolist()
    ]
    return {
        "rows": rows,
        "differing": len(differs),
        "left": max(0, len(differs) - _COMPARED),
        "before_wh": int(old[had].sum()) if had.any() else None,
        "after_wh": int(new[has].sum()) if has.any() else None,
    }


def change_page(
    visit: Visit,
    register: Register,
    slots: range,
    form: ReasonForm,
    title: str,
    intro: str,
    change: Callable[[dict[str, Any], datetime], Done],
    bounds: Callable[[dict[str, Any]], range] | None = None,
) -> HttpResponseBase:
    """Ask, show what will happen, do it."""
    now, step = timezone.now(), visit.request.POST.get("step", "")
    shown: dict[str, Any] = {}
    refused = ""
    if step in ("review", "commit") and form.is_valid():
        try:
            if bounds is not None:
                slots = bounds(form.cleaned_data)
            if step == "commit":
                seen = visit.request.POST.get("seen", "")
                tried = _try(visit, register, slots, form.cleaned_data, change, now, seen)
                if tried.is_kept:
                    _say(visit, tried.done)
                    end = min(slots.stop, slots.start + LONGEST)
                    return redirect(stretch_url(visit.site.ref, register.pk, slots.start, end))
                refused = _("Nothing was changed: other values stand here since. Look again.")
            shown = _preview(visit, register, slots, form.cleaned_data, change, now)
        except (BadEdit, Locked) as problem:
            refused = str(problem)
    context = {
        **frame(visit, register, slots),
        "form": form,
        "title": title,
        "intro": intro,
        "refused": refused,
        "shown": shown,
        "chart": shown.get("chart"),
    }
    return visit.page("operator/interval_change.html", "quality", context)


@dataclass
class Tried:
    """A change with the values before and after it; ``sha256`` stands for both."""

    before: Intervals
    after: Intervals
    done: Done
    sha256: str
    is_kept: bool


def _try(
    visit: Visit,
    register: Register,
    slots: range,
    asked: dict[str, Any],
    change: Callable[[dict[str, Any], datetime], Done],
    now: datetime,
    seen: str,
) -> Tried:
    """The change, kept if it is the one that was ``seen``."""
    args = (visit.site.pk, [register.pk], slots.start, slots.stop)
    with transaction.atomic():
        lock_site(visit.site.pk)
        before = store.read(*args)
        done = change(asked, now)
        after = store.read(*args)
        parts = [part.tobytes() for one in (before, after) for part in (one.energy_wh, one.quality)]
        parts += [name.encode() for name in done.billed]
        sha256 = hashlib.sha256(b"\n".join(parts)).hexdigest()
        is_kept = seen == sha256
        if not is_kept:
            transaction.set_rollback(True)
    return Tried(before, after, done, sha256, is_kept)


def _preview(
    visit: Visit,
    register: Register,
    slots: range,
    asked: dict[str, Any],
    change: Callable[[dict[str, Any], datetime], Done],
    now: datetime,
) -> dict[str, Any]:
    tried = _try(visit, register, slots, asked, change, now, seen="")
    shown = {**_compared(visit, tried.before, tried.after), "done": tried.done}
    shown["sha256"] = tried.sha256
    shown["billed"] = _named(tried.done.billed)
    if len(slots) <= _CHART_DAYS * 96:
        shown["chart"] = chart_around(visit, register, slots, tried.after)
    return shown


def _named(billed: list[str]) -> str:
    return ", ".join(read(one) for one in billed)


def _say(visit: Visit, done: Done) -> None:
    count = done.written.changed
    text = ngettext("%(n)d quarter-hour changed.", "%(n)d quarter-hours changed.", count)
    messages.success(visit.request, text % {"n": count})
    if done.billed:
        messages.warning(
            visit.request,
            _("Issued invoices rest on the old values: %(numbers)s. Credit and bill them again.")
            % {"numbers": _named(done.billed)},
        )


@site_page(Permission.IMPORT)
def estimate(visit: Visit, pk: int) -> HttpResponseBase:
    """Estimate the missing quarter-hours of the stretch, and of the gaps that reach beyond it."""
    register = register_of(visit, pk)
    slots = _with_whole_gaps(visit, register, slots_in(visit))

    def change(asked: dict[str, Any], now: datetime) -> Done:
        written, findings = fill_gaps(
            visit.site,
            register,
            _with_known_after(visit, register, slots),
            actor=visit.by,
            reason=asked["reason"],
            at=now,
        )
        notes = Event.objects.filter(
            site_id=visit.site.pk, action="intervals.estimate", at=now, actor=visit.by
        )
        methods = sorted({str(one.data["method"]) for one in notes})
        return Done(written, [], findings, methods)

    return change_page(
        visit,
        register,
        slots,
        ReasonForm(visit.request.POST or None),
        _("Estimate the gap"),
        _("Known values stay; only missing quarter-hours get a value, marked as estimated."),
        change,
    )


def _with_whole_gaps(visit: Visit, register: Register, slots: range) -> range:
    """``slots`` and what else is missing of the gaps at its ends: a gap is estimated as a whole,
    from what is known around it. One of which more than a month lies outside is left as it is."""
    first, end = max(slots.start - _KNOWN_AFTER, 0), slots.stop + _KNOWN_AFTER
    quality = store.read(visit.site.pk, [register.pk], first, end).quality[0]
    known = np.flatnonzero(quality != Quality.MISSING) + first
    inside = quality[slots.start - first : slots.stop - first] == Quality.MISSING
    before, after = known[known < slots.start], known[known >= slots.stop]
    start = int(before[-1]) + 1 if inside[0] and len(before) else slots.start
    stop = int(after[0]) if inside[-1] and len(after) else slots.stop
    return range(start, stop)


def _with_known_after(visit: Visit, register: Register, slots: range) -> range:
    """``slots`` and the known quarter-hours after them, between which a gap is estimated."""
    end = slots.stop + _KNOWN_AFTER
    after = store.read(visit.site.pk, [register.pk], slots.stop, end).quality[0]
    missing = np.flatnonzero(after == Quality.MISSING)
    return range(slots.start, slots.stop + int(missing[0]) if len(missing) else end)


@site_page(Permission.IMPORT)
def by_hand(visit: Visit, pk: int) -> HttpResponseBase:
    """Set quarter-hours to a value."""
    register, slots = register_of(visit, pk), slots_in(visit)
    tz = ZoneInfo(visit.site.timezone)
    form = HandForm(
        visit.request.POST or None,
        initial={"start": _typed(slots.start, tz), "end": _typed(slots.stop, tz)},
    )
    form.fields["start"].help_text = _("On the clock of the site, like 2026-03-01 14:15")
    form.fields["kwh"].help_text = _("in m³ of water") if register.unit == "l" else _("in kWh")

    def bounds(asked: dict[str, Any]) -> range:
        start, end = instant_of(asked["start"], tz), instant_of(asked["end"], tz)
        if not (on_grid(start) and on_grid(end) and start < end and start.year >= 1970):
            return slots  # what is wrong with it, the change says
        return range(slot_at(start), min(slot_at(end), slot_at(start) + LONGEST))

    def change(asked: dict[str, Any], now: datetime) -> Done:
        edited = set_by_hand(
            visit.site,
            register,
            instant_of(asked["start"], tz),
            instant_of(asked["end"], tz),
            int(asked["kwh"] * 1000),
            reason=asked["reason"],
            actor=visit.by,
            at=now,
        )
        return Done(edited.written, edited.billed)

    return change_page(
        visit,
        register,
        slots,
        form,
        _("Set by hand"),
        _("Each quarter-hour of the range gets the value. What stood there stays in the history."),
        change,
        bounds,
    )


def _typed(slot: int, tz: ZoneInfo) -> str:
    """A slot's start on local clocks; with its offset where that time is there twice."""
    here = slot_starts_at(slot).astimezone(tz)
    twice = here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset()
    return here.isoformat(timespec="minutes") if twice else f"{here:%Y-%m-%d %H:%M}"


@site_page(Permission.IMPORT)
def undo(visit: Visit, pk: int) -> HttpResponseBase:
    """Put back what a change replaced."""
    register = register_of(visit, pk)
    try:
        known_at = datetime.fromisoformat(visit.request.GET.get("of", "")[:40])
    except ValueError:
        raise Http404("no change") from None
    if known_at.tzinfo is None or not 1970 <= known_at.year < _END.year:
        raise Http404("no change")
    series = old_values(register.pk, changes_at(visit.site, register, known_at))
    if not series:
        raise Http404("no change")
    slots = range(min(one.slots.start for one in series), max(one.slots.stop for one in series))

    def change(asked: dict[str, Any], now: datetime) -> Done:
        written = undo_change(
            visit.site, register, known_at, reason=asked["reason"], actor=visit.by, at=now
        )
        return Done(written, billed_on(visit.site.pk, written.revised_slots))

    return change_page(
        visit,
        register,
        slots,
        ReasonForm(visit.request.POST or None),
        _("Undo a change"),
        _("The values from before the change of %(when)s stand again; both stay in the history.")
        % {"when": formats.moment(known_at, visit.site.timezone)},
        change,
    )
