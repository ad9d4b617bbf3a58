"""A price change: from a date on other prices, by ending one sheet and beginning the next."""

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.contracts.mapping import sheet_of
from quartier.apps.contracts.models import PriceSheet
from quartier.apps.contracts.operations import BadSheet, set_prices
from quartier.apps.contracts.protection import Billed
from quartier.core.kernel.period import Dates
from quartier.core.rating import sheet as rating
from quartier.portals.shared import formats
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.sentences.reader import read
from quartier.portals.shared.words import unit_word

_MOST_DECIMALS = 6


class ChangeForm(forms.Form):
    """From when, and one price a component; shares of the standard product in percent."""

    starts_date = forms.DateField(
        label=gettext_lazy("From"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, sheet: rating.PriceSheet, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.sheet = sheet
        language = get_language() or "de"
        for component in sheet.components:
            label = rating.text_in(component.label, language) or component.ref
            share = isinstance(component.price, rating.Share)
            value = (
                component.price.percent
                if isinstance(component.price, rating.Share)
                else component.price
            )
            unit = "%" if share else f"{sheet.currency}/{unit_word(component.unit.value)}"
            self.fields[f"price-{component.ref}"] = forms.DecimalField(
                label=f"{label} ({unit})",
                initial=value,
                max_digits=12,
                decimal_places=_MOST_DECIMALS,
                widget=forms.NumberInput(attrs={"step": "any"}),
            )

    def clean_starts_date(self) -> date:
        day: date = self.cleaned_data["starts_date"]
        valid = self.sheet.valid
        if not (valid.from_date < day and (valid.to_date is None or day < valid.to_date)):
            raise forms.ValidationError(_("Choose a day within the price sheet."))
        return day

    def changed(self) -> list[dict[str, Any]]:
        """The components whose price differs: label, before, after."""
        return [
            {"label": self.fields[name].label, "before": self.fields[name].initial, "after": value}
            for name, value in self.cleaned_data.items()
            if name.startswith("price-") and value != self.fields[name].initial
        ]

    def sheets(self) -> tuple[rating.PriceSheet, rating.PriceSheet]:
        """The sheet up to the day before, and the one from the day on."""
        day: date = self.cleaned_data["starts_date"]
        old = dataclasses.replace(self.sheet, valid=Dates(self.sheet.valid.from_date, day))
        components = tuple(self._priced(one) for one in self.sheet.components)
        new = dataclasses.replace(
            self.sheet,
            ref=f"{self.sheet.ref[:50]}-{day:%Y%m%d}",
            title=f"{self.sheet.title[:100]} ({formats.day(day)})",
            valid=Dates(day, self.sheet.valid.to_date),
            components=components,
        )
        return old, new

    def _priced(self, component: rating.Component) -> rating.Component:
        value: Decimal = self.cleaned_data[f"price-{component.ref}"]
        is_share = isinstance(component.price, rating.Share)
        return dataclasses.replace(component, price=rating.Share(value) if is_share else value)


@site_page(Permission.PRICES)
def change_prices(visit: Visit, sheet_ref: str) -> HttpResponseBase:
    """New prices; a review of exactly what will hold from when; done."""
    rows = visit.scope.queryset(PriceSheet)
    row = get_object_or_404(rows, site=visit.site, ref=sheet_ref)
    form = ChangeForm(sheet_of(row), visit.request.POST or None)
    step = visit.request.POST.get("step", "")
    changed: list[dict[str, Any]] = []
    if step in ("review", "commit") and form.is_valid():
        changed = form.changed()
        if not changed:
            form.add_error(None, _("No price differs."))
    if changed and step == "commit":
        try:
            new = _commit(visit, row, form)
        except Billed as error:
            form.add_error(None, read(error))
            changed = []
        except BadSheet as error:
            for finding in error.findings:
                form.add_error(None, f"{read(finding.message)} {read(finding.remedy)}".strip())
            changed = []
        else:
            messages.success(visit.request, _("The new prices are stored."))
            return redirect("site-sheet", visit.site.ref, new.ref)
    context = {"row": row, "form": form, "changed": changed, "sheet": form.sheet}
    return visit.page("operator/price_change.html", "prices", context)


def _commit(visit: Visit, row: PriceSheet, form: ChangeForm) -> PriceSheet:
    old, new = form.sheets()
    points = list(row.billing_points.all())
    now = timezone.now()
    with transaction.atomic():
        set_prices(visit.site, old, points, by=visit.by, at=now)
        return set_prices(visit.site, new, points, by=visit.by, at=now)
