"""What an installer takes to the meter room: the wiring overview, and labels for the meters."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.access.scope import Scope
from quartier.apps.documents.files import file_name
from quartier.apps.documents.labels import Paper, labels_of, labels_pdf
from quartier.apps.documents.printing import CannotPrint
from quartier.apps.documents.wiring import wiring_of, wiring_pdf
from quartier.apps.equipment.models import Meter
from quartier.core.kernel.period import timezone_of
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.sentences.reader import read

_SHEET = 24


class LabelForm(forms.Form):
    """On what, and of which meters."""

    paper = forms.ChoiceField(
        label=gettext_lazy("Paper"),
        choices=(
            (Paper.SHEET.value, gettext_lazy("A4 sheet, 24 labels of 70 × 37 mm")),
            (Paper.TAPE.value, gettext_lazy("Tape of 62 mm")),
        ),
    )
    skip = forms.IntegerField(
        label=gettext_lazy("Labels already used on the sheet"),
        min_value=0,
        max_value=_SHEET - 1,
        initial=0,
    )


@site_page(Permission.EQUIP)
def wiring(visit: Visit) -> HttpResponseBase:
    """The wiring on a page."""
    return visit.page("operator/wiring.html", "equipment", {"wiring": wiring_of(visit.site)})


@site_page(Permission.EQUIP)
def wiring_print(visit: Visit) -> HttpResponseBase:
    """The wiring as a PDF."""
    made = wiring_of(visit.site)
    return _pdf(visit, "wiring", lambda: wiring_pdf(made, _language(), _today(visit)))


@site_page(Permission.EQUIP)
def labels(visit: Visit) -> HttpResponseBase:
    """Which meters get a label."""
    found = labels_of(wiring_of(visit.site), _url())
    form = LabelForm()
    context = {"labels": found, "form": form}
    return visit.page("operator/labels.html", "equipment", context)


@site_page(Permission.EQUIP)
def labels_print(visit: Visit) -> HttpResponseBase:
    """The labels as a PDF: of the meters that are asked for, of all where none is."""
    asked = visit.request.GET
    form = LabelForm({"paper": asked.get("paper", Paper.SHEET.value), "skip": asked.get("skip", 0)})
    found = labels_of(wiring_of(visit.site), _url())
    chosen = set(asked.getlist("meter"))
    if chosen:
        found = [one for one in found if one.meter.ref in chosen]
    if not form.is_valid() or not found:
        messages.error(visit.request, _("Choose at least one meter, and from 0 to 23 used labels."))
        return redirect("site-labels", visit.site.ref)
    told = form.cleaned_data
    paper = Paper(told["paper"])
    return _pdf(
        visit,
        "labels",
        lambda: labels_pdf(found, visit.site.name, _language(), paper, _today(visit), told["skip"]),
    )


@login_required
def scanned(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The meter whose label was scanned, for who may see it."""
    rows: Any = Scope.of(request.user).queryset(Meter)
    meter = get_object_or_404(rows.select_related("site"), pk=pk)
    return redirect("site-meter", meter.site.ref, meter.ref)


def _url() -> str:
    """Short, so that its code is coarse and a phone reads it in a dark room."""
    return settings.PUBLIC_URL.rstrip("/") + "/m/{pk}"


def _language() -> str:
    return (get_language() or "de")[:2]


def _today(visit: Visit) -> date:
    return timezone.now().astimezone(timezone_of(visit.site.timezone)).date()


def _pdf(visit: Visit, name: str, make: Callable[[], bytes]) -> HttpResponseBase:
    try:
        pdf = make()
    except CannotPrint as problem:
        messages.error(visit.request, read(problem))
        return redirect("site-equipment", visit.site.ref)
    answer = HttpResponse(pdf, content_type="application/pdf")
    title = file_name(f"{visit.site.ref}-{name}")
    answer.headers["Content-Disposition"] = f'inline; filename="{title}"'
    return answer
