"""The pages that change quarter-hours: estimate a gap, set values by hand, take a change back."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django import forms
from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from quartier.apps.access.permissions import Permission
from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import Register
from quartier.apps.intake.billed import billed_on
from quartier.apps.intake.by_hand import set_by_hand
from quartier.apps.metering import store
from quartier.apps.metering.by_hand import instant_of, local_text
from quartier.apps.metering.fills import fills_at
from quartier.apps.metering.operations import fill_gaps
from quartier.apps.metering.undoing import Newer, newer_changes, undo_change, values_before
from quartier.core.kernel.energy import INTERVAL_LIMIT_WH
from quartier.core.kernel.period import on_grid, slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.portals.operator.interval_change import Done, Proposal, ReasonForm, change_page
from quartier.portals.operator.intervals import END_AT, LONGEST, register_of, slots_in
from quartier.portals.operator.quality import until
from quartier.portals.shared import formats
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.units import unit_of

_KNOWN_AFTER = 31 * 96
_NAMED = 5


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

    proposal = Proposal(
        _("Estimate the gap"),
        _("Known values stay; only missing quarter-hours get a value, marked as estimated."),
        slots,
        change,
    )
    return change_page(visit, register, proposal, ReasonForm(visit.request.POST or None))


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
        initial={
            "start": local_text(slot_starts_at(slots.start), tz),
            "end": local_text(slot_starts_at(slots.stop), tz),
        },
    )
    form.fields["start"].help_text = _("On the clock of the site, like 2026-03-01 14:15")
    form.fields["kwh"].help_text = {
        "m³": _("in m³ of water"),
        "kWh": _("in kWh"),
    }.get(unit_of(register), unit_of(register))

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

    proposal = Proposal(
        _("Set by hand"),
        _("Each quarter-hour of the range gets the value. What stood there stays in the history."),
        slots,
        change,
        bounds,
    )
    return change_page(visit, register, proposal, form)


@site_page(Permission.IMPORT)
def undo(visit: Visit, pk: int) -> HttpResponseBase:
    """Put back what a change replaced."""
    register = register_of(visit, pk)
    try:
        known_at = datetime.fromisoformat(visit.request.GET.get("of", "")[:40])
    except ValueError:
        raise Http404("no change") from None
    if known_at.tzinfo is None or not 1970 <= known_at.year < END_AT.year:
        raise Http404("no change")
    replaced, erased = values_before(visit.site, register, known_at)
    fills = fills_at(visit.site, register, known_at)
    touched = [one.slots for one in (*replaced, *erased)] + fills
    if not touched:
        raise Http404("no change")
    slots = range(min(one.start for one in touched), max(one.stop for one in touched))

    def change(asked: dict[str, Any], now: datetime) -> Done:
        newer = newer_changes(visit.site, register, known_at, replaced)
        written = undo_change(
            visit.site, register, known_at, reason=asked["reason"], actor=visit.by, at=now
        )
        notes = [*_overwritten(newer, visit.site.timezone), *_kept(written.kept)]
        return Done(written, billed_on(visit.site.pk, written.revised_slots), notes=notes)

    if not fills:
        intro = _(
            "The values from before the change of %(when)s stand again; both stay in the history."
        )
    elif replaced or erased:
        intro = _(
            "The values from before the change of %(when)s stand again, and what it filled is "
            "missing again; both stay in the history."
        )
    else:
        intro = _("What filled a gap on %(when)s is missing again; its values stay in the history.")
    when = {"when": formats.moment(known_at, visit.site.timezone)}
    proposal = Proposal(_("Undo a change"), intro % when, slots, change)
    return change_page(visit, register, proposal, ReasonForm(visit.request.POST or None))


def _overwritten(newer: Sequence[Newer], timezone: str) -> list[str]:
    """That ``newer`` changes go too, and which quarter-hours they changed when."""
    if not newer:
        return []
    count = len(newer)
    named = "; ".join(
        _("%(from)s – %(until)s (changed on %(when)s)")
        % {
            "from": formats.moment(slot_starts_at(one.first_slot), timezone),
            "until": until(one.end_slot, timezone),
            "when": formats.moment(one.known_at, timezone),
        }
        for one in newer[:_NAMED]
    )
    text = ngettext(
        "%(n)d newer change of these quarter-hours is overwritten too: %(named)s",
        "%(n)d newer changes of these quarter-hours are overwritten too: %(named)s",
        count,
    )
    more = ngettext("and %(n)s more", "and %(n)s more", count - _NAMED) if count > _NAMED else ""
    return [
        text % {"n": count, "named": named}
        + (f"; {more % {'n': count - _NAMED}}." if more else ".")
    ]


def _kept(count: int) -> list[str]:
    if not count:
        return []
    text = ngettext(
        "%(n)d quarter-hour has had another value since and stays as it is.",
        "%(n)d quarter-hours have had other values since and stay as they are.",
        count,
    )
    return [text % {"n": count}]
