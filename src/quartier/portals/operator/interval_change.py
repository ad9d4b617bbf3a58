"""A change of quarter-hours, shown before it is made.

The preview is the change itself, undone: what it shows is what will happen. If other values stand
there by then, it is shown again and nothing happens.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.metering.blocks import lock_site
from quartier.apps.metering.operations import BadEdit
from quartier.apps.metering.store import Locked, Written
from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import slot_starts_at
from quartier.core.metering.intervals import Intervals
from quartier.portals.operator.intervals import LONGEST, chart_around, frame
from quartier.portals.operator.quality import stretch_url
from quartier.portals.shared import formats
from quartier.portals.shared.gate import Visit
from quartier.portals.shared.printable import printable
from quartier.portals.shared.sentences.reader import read
from quartier.portals.shared.words import quality_word

_COMPARED = 12
_CHART_DAYS = 60


class ReasonForm(forms.Form):
    """Why; every change of a value says so."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        validators=[printable],
        help_text=gettext_lazy("Stays in the history of these quarter-hours."),
    )


@dataclass
class Done:
    """What a change did, or would do."""

    written: Written
    billed: list[str]
    findings: list[Finding] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What else the one who decides should know, in sentences."""


@dataclass(frozen=True)
class Proposal:
    """A change of ``slots``, or of those that ``bounds`` makes of what was asked for."""

    title: str
    intro: str
    slots: range
    change: Callable[[dict[str, Any], datetime], Done]
    bounds: Callable[[dict[str, Any]], range] | None = None

    def asked(self, answers: dict[str, Any]) -> "Proposal":
        """It, with the quarter-hours of ``answers``. Raises :class:`BadEdit`."""
        return self if self.bounds is None else replace(self, slots=self.bounds(answers))


@dataclass
class Tried:
    """A change with the values before and after it; ``sha256`` stands for both."""

    before: Intervals
    after: Intervals
    done: Done
    sha256: str
    is_kept: bool


def change_page(
    visit: Visit, register: Register, proposal: Proposal, form: ReasonForm
) -> HttpResponseBase:
    """Ask, show what will happen, do it."""
    now, step = timezone.now(), visit.request.POST.get("step", "")
    shown: dict[str, Any] = {}
    refused = ""
    if step in ("review", "commit") and form.is_valid():
        try:
            proposal = proposal.asked(form.cleaned_data)
            seen = visit.request.POST.get("seen", "") if step == "commit" else ""
            tried = _try(visit, register, proposal, form.cleaned_data, now, seen)
            if tried.is_kept:
                _say(visit, tried.done)
                start = proposal.slots.start
                end = min(proposal.slots.stop, start + LONGEST)
                return redirect(stretch_url(visit.site.ref, register.pk, start, end))
            if step == "commit":
                refused = _("Nothing was changed: other values stand here since. Look again.")
            shown = _shown(visit, register, proposal, tried)
        except (BadEdit, Locked) as problem:
            refused = str(problem)
    context = {
        **frame(visit, register, proposal.slots),
        "form": form,
        "title": proposal.title,
        "intro": proposal.intro,
        "refused": refused,
        "shown": shown,
        "chart": shown.get("chart"),
    }
    return visit.page("operator/interval_change.html", "quality", context)


def _try(
    visit: Visit,
    register: Register,
    proposal: Proposal,
    asked: dict[str, Any],
    now: datetime,
    seen: str,
) -> Tried:
    """The change, kept if it is the one that was ``seen``."""
    args = (visit.site.pk, [register.pk], proposal.slots.start, proposal.slots.stop)
    with transaction.atomic():
        lock_site(visit.site.pk)
        before = store.read(*args)
        done = proposal.change(asked, now)
        after = store.read(*args)
        parts = [part.tobytes() for one in (before, after) for part in (one.energy_wh, one.quality)]
        parts += [name.encode() for name in (*done.billed, *done.notes)]
        sha256 = hashlib.sha256(b"\n".join(parts)).hexdigest()
        is_kept = seen == sha256
        if not is_kept:
            transaction.set_rollback(True)
    return Tried(before, after, done, sha256, is_kept)


def _shown(visit: Visit, register: Register, proposal: Proposal, tried: Tried) -> dict[str, Any]:
    """What the review shows of a change that was tried."""
    shown = {**_compared(visit, tried.before, tried.after), "done": tried.done}
    shown["sha256"] = tried.sha256
    shown["billed"] = _named(tried.done.billed)
    if len(proposal.slots) <= _CHART_DAYS * 96:
        shown["chart"] = chart_around(visit, register, proposal.slots, tried.after)
    return shown


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
