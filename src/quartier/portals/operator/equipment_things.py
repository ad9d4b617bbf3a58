"""Adding, changing and removing what is no meter: communication devices, plants, batteries, zones.

A kind is one form (:mod:`equipment_thing_forms`); the pages are the same for all.
"""

from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.audit.operations import record
from quartier.apps.equipment.removing import InUse, uses_of
from quartier.portals.operator.equipment_thing_forms import FORMS, ThingForm
from quartier.portals.operator.equipment_undo import take_away
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.sentences.reader import read


@site_page(Permission.EQUIP)
def thing(visit: Visit, kind: str, item_ref: str = "") -> HttpResponseBase:
    """A form for one more of ``kind``, or for the one called ``item_ref``."""
    if kind not in FORMS:
        raise Http404
    made, title = FORMS[kind]
    model = made._meta.model
    row: Any = None
    if item_ref:
        rows = visit.scope.queryset(model).select_related("site")
        row = get_object_or_404(rows, site=visit.site, ref=item_ref)
    action = visit.request.POST.get("action", "")
    if row is not None and action == "remove":
        try:
            take_away(visit, row)
        except InUse as problem:
            messages.error(visit.request, read(problem))
            return redirect("site-thing", visit.site.ref, kind, row.ref)
        return redirect("site-equipment", visit.site.ref)
    form = made(visit, visit.request.POST if action else None, instance=row)
    if action and form.is_valid() and _keep(visit, form, is_new=row is None):
        messages.success(visit.request, _("Added.") if row is None else _("Saved."))
        return redirect("site-equipment", visit.site.ref)
    context = {"form": form, "title": row.name if row else title, "kind": kind, "row": row}
    context["uses"] = uses_of(row) if row is not None else ()
    return visit.page("operator/equipment_form.html", "equipment", context)


def _keep(visit: Visit, form: ThingForm, *, is_new: bool) -> bool:
    """Store what a valid form says; False where somebody else was faster, which the form says."""
    if not is_new and not form.changed_data:
        return True
    try:
        _store(visit, form, is_new=is_new)
    except IntegrityError:
        form.add_error(None, _("Somebody has just added the same; choose another reference."))
        return False
    return True


def _store(visit: Visit, form: ThingForm, *, is_new: bool) -> None:
    with transaction.atomic():
        row: Any = form.save()
        record(
            "equipment.add" if is_new else "equipment.change",
            visit.by,
            at=timezone.now(),
            organisation_id=visit.site.organisation_id,
            site_id=visit.site.pk,
            subject=f"{row._meta.model_name} {row.ref}",
            data={name: str(form.cleaned_data[name]) for name in form.changed_data},
        )
