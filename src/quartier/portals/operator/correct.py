"""Correcting an invoice: why, what would be issued and what differs, then issue it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quartier.apps.access.permissions import Permission
from quartier.apps.billing.correct import CannotBillAgain, Changed, Preview, correct, preview
from quartier.apps.billing.models import Invoice
from quartier.apps.documents.tasks import print_run
from quartier.core.invoicing.credit import NotCreditable
from quartier.core.invoicing.document import Document, Line
from quartier.core.invoicing.frozen import thaw
from quartier.portals.operator.places import today_at
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.printable import printable


class ReasonForm(forms.Form):
    """Why an invoice is corrected; it is printed on the credit note."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        validators=[printable],
        help_text=gettext_lazy("It stands on the credit note, for the recipient to read."),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A line before and after; None where it is on one side alone."""

    label: str
    before: Line | None
    after: Line | None

    @property
    def sides(self) -> tuple[Line | None, Line | None]:
        """Before and after."""
        return self.before, self.after

    @property
    def difference(self) -> Decimal:
        """What the recipient pays more, in the document's currency."""
        before = self.before.amount if self.before else Decimal(0)
        return (self.after.amount if self.after else Decimal(0)) - before


@site_page(Permission.BILL)
def correct_page(visit: Visit, pk: int) -> HttpResponseBase:
    """The steps: reason, review, issued."""
    request = visit.request
    rows = visit.scope.queryset(Invoice).filter(site=visit.site)
    row = get_object_or_404(rows.select_related("party", "billing_point", "site", "run"), pk=pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    cancelled_by = rows.filter(supersedes=row).first()
    context: dict[str, Any] = {"invoice": row, "form": form, "cancelled_by": cancelled_by}
    is_possible = row.kind == Invoice.Kind.INVOICE and cancelled_by is None
    if request.method == "POST" and form.is_valid() and is_possible:
        reason = form.cleaned_data["reason"]
        if request.POST.get("step") == "commit":
            done = _commit(visit, row, reason)
            if done is not None:
                return done
        try:
            found = preview(
                row, now=timezone.now(), issued_date=today_at(visit), actor=visit.by, reason=reason
            )
        except NotCreditable:  # by somebody else, since the page began
            return _cancelled(visit, row)
        context |= _reviewed(row, found)
    context["is_possible"] = is_possible
    return visit.page("operator/correct.html", "invoices", context)


def _cancelled(visit: Visit, row: Invoice) -> HttpResponseBase:
    messages.error(visit.request, _("This document is cancelled already."))
    return redirect("site-invoice", visit.site.ref, row.pk)


def _commit(visit: Visit, row: Invoice, reason: str) -> HttpResponseBase | None:
    """Where it leads; None where it has to be reviewed again."""
    try:
        note, invoices = correct(
            row,
            now=timezone.now(),
            issued_date=today_at(visit),
            actor=visit.by,
            reason=reason,
            bill_again=visit.request.POST.get("again") == "1",
            previewed_sha256=visit.request.POST.get("sha256", ""),
        )
    except NotCreditable:
        return _cancelled(visit, row)
    except (CannotBillAgain, Changed):
        text = _("Nothing was issued: something has changed since. Look at it again.")
        messages.error(visit.request, text)
        return None
    for run_id in sorted({note.run_id, *(one.run_id for one in invoices)}):
        print_run.enqueue(run_id)
    text = _("%(number)s is cancelled by the credit note %(note)s.")
    messages.success(visit.request, text % {"number": row.number, "note": note.number})
    new = next((one for one in invoices if one.billing_point_id == row.billing_point_id), note)
    return redirect("site-invoice", visit.site.ref, new.pk)


def _reviewed(row: Invoice, found: Preview) -> dict[str, Any]:
    before = thaw(bytes(row.document))
    drafts = found.prepared.drafts if found.prepared.can_issue else ()
    own = [draft for draft in drafts if draft.point.pk == row.billing_point_id]
    after = own[0].document if len(own) == 1 else None
    return {
        "review": found,
        "before": before,
        "after": after,
        "own": own,
        "others": [draft for draft in drafts if draft.point.pk != row.billing_point_id],
        "changes": changes(before, after) if after else (),
        "balance": sum((draft.document.total for draft in own), Decimal(0)) - before.total,
        "findings": found.prepared.findings,
    }


def changes(before: Document, after: Document) -> list[Change]:
    """The lines of both documents side by side, those of the first in its order."""
    old, new = _by_label(before.lines), _by_label(after.lines)
    keys = [*old, *(key for key in new if key not in old)]
    return [Change(key[0], old.get(key), new.get(key)) for key in keys]


def _by_label(lines: Iterable[Line]) -> dict[tuple[str, int], Line]:
    """Lines by label, and by their order among those of one label."""
    found: dict[tuple[str, int], Line] = {}
    for line in lines:
        n = sum(1 for label, _n in found if label == line.label)
        found[line.label, n] = line
    return found
