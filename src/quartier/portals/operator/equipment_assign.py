"""Many meters are put on a gateway: chosen, numbered, looked at, connected."""

import hashlib
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.assigning import Numbering, Place, assign, places_of
from quartier.apps.equipment.gateways import MOST_AT_ONCE, BadSetUp
from quartier.apps.equipment.models import Bus, Device, Meter
from quartier.portals.operator.equipment_list import describe, model_name
from quartier.portals.operator.equipment_meters import PLANS, bus_choices, model_choices
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.sentences.reader import read
from quartier.portals.shared.words import word_of


class AssignForm(forms.Form):
    """Where to, as what, and from which address on."""

    bus = forms.ChoiceField(label=gettext_lazy("Gateway and bus"))
    driver = forms.ChoiceField(label=gettext_lazy("Model"), required=False)
    first_address = forms.IntegerField(
        label=gettext_lazy("First address"),
        min_value=0,
        max_value=99_999_999,
        required=False,
        help_text=gettext_lazy("Empty: the address that each has already."),
    )
    address_step = forms.IntegerField(
        label=gettext_lazy("Step of the addresses"), min_value=1, max_value=100, initial=1
    )
    plan = forms.ChoiceField(label=gettext_lazy("How often"), choices=PLANS, required=False)

    def __init__(self, visit: Visit, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        fields: Any = self.fields
        fields["bus"].choices = bus_choices(visit)[1:]
        fields["driver"].choices = [
            ("", _("The one that each has already")), *model_choices()[1:]
        ]  # fmt: skip

    def numbering(self) -> Numbering:
        """What a valid form says."""
        told = self.cleaned_data
        driver, _slash, model = told["driver"].partition("/")
        first, step = told["first_address"], told["address_step"]
        return Numbering(first, step, driver, model, told["plan"])


@site_page(Permission.EQUIP)
def assign_meters(visit: Visit) -> HttpResponseBase:
    """Choose meters, look at where they would be, connect them."""
    rows = _rows(visit)
    query = visit.request.GET.get("q", "").strip()
    medium = visit.request.GET.get("kind", "")
    shown = [
        one
        for one in rows
        if (not medium or one.medium == medium)
        and query.casefold() in f"{one.ref} {one.name} {one.reached}".casefold()
    ]
    posted = visit.request.POST
    step = posted.get("step", "")
    wanted = set(posted.getlist("meter"))
    chosen = shown if posted.get("all") else [one for one in rows if one.ref in wanted]
    form = AssignForm(visit, posted if step else None)
    places: list[Place] = []
    refused = seen = ""
    if step and form.is_valid():
        if not 0 < len(chosen) <= MOST_AT_ONCE:
            refused = _("Choose from 1 to %(n)d meters.") % {"n": MOST_AT_ONCE}
        else:
            bus = _bus(visit, form.cleaned_data["bus"])
            places = places_of(bus, chosen, form.numbering())
            seen = _digest(bus, places)
            is_agreed = step == "commit" and posted.get("seen") == seen
            refused = _assign(visit, bus, places, keep=is_agreed)
            if is_agreed and not refused:
                return redirect("site-gateway", visit.site.ref, bus.gateway.name)
    context = {
        "form": form,
        "rows": shown,
        "query": query,
        "kind": medium,
        "media": sorted({(one.medium, word_of(one.medium)) for one in rows}),
        "chosen": {one.ref for one in chosen} if step else set(),
        "places": [(one, model_name(one.driver, one.model)) for one in places],
        "refused": refused,
        "seen": seen,
    }
    return visit.page("operator/equipment_assign.html", "equipment", context)


def _digest(bus: Bus, places: list[Place]) -> str:
    """What somebody agrees to: other places are looked at first."""
    told = [(one.meter.ref, one.driver, one.model, one.address, one.plan) for one in places]
    return hashlib.sha256(repr((bus.pk, told)).encode()).hexdigest()


def _assign(visit: Visit, bus: Bus, places: list[Place], *, keep: bool) -> str:
    """Try, or do it; why it cannot be done."""
    try:
        assign(bus, places, at=timezone.now(), actor=visit.by, keep=keep)
    except BadSetUp as problem:
        text = read(problem)
        return text[:1].upper() + text[1:] + "."
    if keep:
        n = len(places)
        text = ngettext("%(n)d meter is read there.", "%(n)d meters are read there.", n)
        messages.success(visit.request, text % {"n": n})
    return ""


def _rows(visit: Visit) -> list[Any]:
    """The meters that a gateway can read, in the order of their refs."""
    rows: list[Any] = list(
        visit.scope.queryset(Meter)
        .filter(site=visit.site, is_enabled=True, source=Meter.Source.REGISTER)
        .select_related("connection__bus__gateway")
        .prefetch_related(Prefetch("devices", Device.objects.order_by("installed_at")))
        .order_by("ref")
    )
    describe(visit, rows)
    return rows


def _bus(visit: Visit, value: str) -> Bus:
    gateway, _slash, name = value.partition("/")
    rows = visit.scope.queryset(Bus).select_related("gateway__site")
    return rows.get(gateway__site=visit.site, gateway__name=gateway, name=name)
