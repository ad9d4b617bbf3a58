"""Many meters at once, from a table or a pattern: looked at, then added, all of them or none."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.bulk import Outcome, Refused, insert, preview
from quartier.apps.equipment.models import Assignment, Medium, Meter
from quartier.apps.sites.models import BillingPoint
from quartier.formats.meter_table import template as templates
from quartier.formats.meter_table.columns import COLUMNS, heading
from quartier.formats.meter_table.draft import Draft, Fault, Faults
from quartier.formats.meter_table.lines import drafts_of
from quartier.formats.meter_table.pattern import Pattern, lines_of_pattern
from quartier.formats.meter_table.read import MOST_BYTES, MOST_ROWS, BadTable, Line, lines_of
from quartier.portals.operator import uploads
from quartier.portals.operator.equipment_list import model_name
from quartier.portals.operator.equipment_meters import (
    PLANS,
    bus_choices,
    door_of,
    model_choices,
    words,
)
from quartier.portals.operator.equipment_undo import offer_added
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.sentences.reader import read
from quartier.portals.shared.spreadsheet import file_response

_FAULTS_SHOWN = 100


class TableForm(forms.Form):
    """A file."""

    file = forms.FileField(label=gettext_lazy("Table (XLSX or CSV)"))

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(
                _("The file is larger than %(n)d MB; a table of meters is small.")
                % {"n": MOST_BYTES // 2**20}
            )
        return file


class PatternForm(forms.Form):
    """What the meters have in common, and how they are counted."""

    count = forms.IntegerField(
        label=gettext_lazy("How many"), min_value=1, max_value=MOST_ROWS, initial=10
    )
    ref = forms.CharField(
        label=gettext_lazy("References"),
        max_length=63,
        initial="m{n:03}",
        help_text=gettext_lazy("{n} is the number of the meter, {n:03} the same in three digits."),
    )
    name = forms.CharField(label=gettext_lazy("Names"), max_length=120)
    first_number = forms.IntegerField(
        label=gettext_lazy("First number"), min_value=0, max_value=99_999, initial=1
    )
    medium = forms.ChoiceField(label=gettext_lazy("Measures"))
    mode = forms.ChoiceField(label=gettext_lazy("Stands for"))
    driver = forms.ChoiceField(label=gettext_lazy("Model"), required=False)
    bus = forms.ChoiceField(label=gettext_lazy("Gateway and bus"), required=False)
    first_address = forms.IntegerField(
        label=gettext_lazy("First address"), min_value=0, max_value=99_999_999, required=False
    )
    address_step = forms.IntegerField(
        label=gettext_lazy("Step of the addresses"), min_value=1, max_value=100, initial=1
    )
    plan = forms.ChoiceField(label=gettext_lazy("How often"), choices=PLANS, required=False)
    billing_points = forms.BooleanField(
        label=gettext_lazy("One for each billing point without such a meter, in their order"),
        required=False,
    )
    from_date = forms.DateField(
        label=gettext_lazy("Counts from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, visit: Visit, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.visit = visit
        fields: Any = self.fields
        fields["medium"].choices = words(Medium.values)
        fields["mode"].choices = words(Meter.Mode.values)
        fields["driver"].choices = model_choices()
        fields["bus"].choices = bus_choices(visit)
        fields["name"].initial = _("Flat {n}")

    def pattern(self) -> Pattern:
        """The pattern of a valid form."""
        told = self.cleaned_data
        gateway, _slash, bus = told["bus"].partition("/")
        same = {name: told[name] for name in ("medium", "mode", "driver", "plan")}
        same |= {"gateway": gateway, "bus": bus}
        points = self._points(told["medium"]) if told["billing_points"] else None
        if told["billing_points"] and told["from_date"] is not None:
            same["from_date"] = told["from_date"]
        return Pattern(
            told["count"],
            told["ref"],
            told["name"],
            told["first_number"],
            told["first_address"],
            told["address_step"],
            points,
            {name: value for name, value in same.items() if value},
        )

    def _points(self, medium: str) -> Sequence[str]:
        """The billing points that no meter of the medium ever counted for."""
        taken = Assignment.objects.filter(
            meter__site=self.visit.site, meter__medium=medium, billing_point__isnull=False
        ).values("billing_point")
        rows = BillingPoint.objects.filter(site=self.visit.site, is_active=True)
        rows = rows.exclude(pk__in=taken).order_by("building__ref", "position", "ref")
        return list(rows.values_list("ref", flat=True))


@site_page(Permission.EQUIP)
def meter_template(visit: Visit) -> HttpResponseBase:
    """The empty table, in the language of the page."""
    content = templates.template(_language())
    return file_response(f"{visit.site.ref}-meters-template.xlsx", content)


@site_page(Permission.EQUIP)
def meter_table(visit: Visit) -> HttpResponseBase:
    """Upload a table, look at what it would add, add it."""
    form = TableForm()
    key = f"meter-table-{visit.site.pk}"
    step = visit.request.POST.get("step", "")
    token = visit.request.session.get(key, "")
    lines: Sequence[Line] | None = None
    if step == "preview":
        form = TableForm(visit.request.POST, visit.request.FILES)
        if form.is_valid():
            uploads.drop(token)
            token = uploads.keep([form.cleaned_data["file"]], timezone.now().timestamp())
            visit.request.session[key] = token
    if step and token and (step != "preview" or form.is_valid()):
        paths = uploads.paths(token)
        if not paths:
            form.add_error(None, _("The file waited for too long; choose it again."))
        else:
            try:
                lines = lines_of(paths[0].read_bytes())
            except BadTable as problem:
                form.add_error("file", _sentence(problem))
    context = {
        "form": form,
        "way": "table",
        "most": MOST_ROWS,
        "columns": [heading(name, _language()) for name in COLUMNS],
    }
    answer = _answer(visit, lines, context)
    if answer is None:
        uploads.drop(token)
        visit.request.session.pop(key, None)
        return redirect("site-equipment", visit.site.ref)
    return answer


@site_page(Permission.EQUIP)
def meter_pattern(visit: Visit) -> HttpResponseBase:
    """Describe many meters of one kind, look at them, add them."""
    step = visit.request.POST.get("step", "")
    form = PatternForm(visit, visit.request.POST if step else None)
    lines: Sequence[Line] | None = None
    if step and form.is_valid():
        try:
            lines = lines_of_pattern(form.pattern())
        except BadTable as problem:
            form.add_error(None, _sentence(problem))
    answer = _answer(visit, lines, {"form": form, "way": "pattern"})
    return redirect("site-equipment", visit.site.ref) if answer is None else answer


def _answer(
    visit: Visit, lines: Sequence[Line] | None, context: dict[str, Any]
) -> HttpResponseBase | None:
    """The page with the preview of ``lines``; None once they are added."""
    outcome: Outcome | None = None
    if lines is not None:
        faults = Faults()
        drafts = drafts_of(lines, faults, _language())
        door = door_of(visit)
        if visit.request.POST.get("step") == "commit":
            seen = visit.request.POST.get("seen", "")[:64] or "none"
            try:
                outcome = insert(door, drafts, faults.found, seen=seen)
            except Refused as problem:
                outcome = problem.outcome
            else:
                _say(visit, outcome)
                return None
        else:
            outcome = preview(door, drafts, faults.found)
    if outcome is not None:
        context |= {
            "outcome": outcome,
            "rows": [_row(one) for one in outcome.new] if not outcome.faults else [],
            "faults": [_fault(one) for one in outcome.faults[:_FAULTS_SHOWN]],
            "more_faults": max(0, len(outcome.faults) - _FAULTS_SHOWN),
        }
    return visit.page("operator/equipment_bulk.html", "equipment", context)


def _say(visit: Visit, outcome: Outcome) -> None:
    n = len(outcome.new)
    if n:
        refs = [one.ref for one in outcome.new]
        rows = Meter.objects.filter(site=visit.site, ref__in=refs)
        offer_added(visit, list(rows.values_list("pk", flat=True)))
        text = ngettext("%(n)d meter is added.", "%(n)d meters are added.", n) % {"n": n}
        messages.success(visit.request, text)
    else:
        messages.success(visit.request, _("All of these meters are there already."))


def _row(one: Draft) -> dict[str, Any]:
    return {
        "draft": one,
        "model": model_name(one.driver, one.model) if one.driver else "",
        "reached": " · ".join(part for part in (one.gateway, one.bus, one.address) if part),
    }


def _fault(one: Fault) -> dict[str, Any]:
    column = heading(one.column, _language()) if one.column else ""
    return {"row": one.row, "column": column, "text": read(one.text)}


def _language() -> str:
    return (get_language() or "de")[:2]


def _sentence(problem: BadTable) -> str:
    text = read(problem)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
