"""The installer's planning assistant: the building described, what it needs, added."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.bulk import Refused
from quartier.apps.equipment.gateways import BadSetUp
from quartier.apps.equipment.models import Gateway
from quartier.apps.equipment.planned import dwellings_of, lacking, realize
from quartier.apps.equipment.planning import (
    MOST,
    Building,
    Dwelling,
    Plan,
    PlannedDevice,
    PlannedMeter,
    plan,
)
from quartier.portals.operator.equipment_list import model_name
from quartier.portals.operator.equipment_meters import door_of
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.sentences.reader import read
from quartier.portals.shared.words import word_of

_MOST_PLANTS = 20
_MOST_BOARDS = 20
_MOST_KWP = 10_000


def _count(label: Any, most: int = MOST, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=0, max_value=most, initial=0, **more)


class BuildingForm(forms.Form):
    """What an installer knows after the survey."""

    dwellings = _count(
        gettext_lazy("Dwellings and other billing points"),
        help_text=gettext_lazy("Those that are entered already come first, with their names."),
    )
    entry_a = forms.IntegerField(
        label=gettext_lazy("Fuse of the grid entry (A)"),
        min_value=16,
        max_value=4000,
        initial=63,
        help_text=gettext_lazy("Above 80 A with current transformers"),
    )
    plants = forms.CharField(
        label=gettext_lazy("PV plants (kWp)"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("The power of each, like 30; 12.5"),
    )
    commons = _count(
        gettext_lazy("Common meters"), help_text=gettext_lazy("Light, lift, heat pump")
    )
    has_heat = forms.BooleanField(
        label=gettext_lazy("A heat meter in each dwelling"), required=False
    )
    has_hot_water = forms.BooleanField(
        label=gettext_lazy("A hot water meter in each dwelling"), required=False
    )
    has_cold_water = forms.BooleanField(
        label=gettext_lazy("A cold water meter in each dwelling"), required=False
    )
    stations = _count(gettext_lazy("Charging stations"))
    machines = _count(gettext_lazy("Washing machines and dryers"))
    sockets = _count(gettext_lazy("Sockets for e-bikes"))
    appliances = _count(
        gettext_lazy("Appliances to switch"), help_text=gettext_lazy("Boilers, heat pumps")
    )
    boards = forms.IntegerField(
        label=gettext_lazy("Distribution boards with meters"),
        min_value=1,
        max_value=_MOST_BOARDS,
        initial=1,
        help_text=gettext_lazy("Each gets a bus of its own, behind a converter"),
    )
    has_lan = forms.BooleanField(
        label=gettext_lazy("There is a LAN with internet"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Otherwise a 4G router is planned"),
    )
    network = forms.RegexField(
        label=gettext_lazy("Network of the meters"),
        regex=r"\A(10|172|192)\.(25[0-5]|2[0-4]\d|1?\d?\d)\.(25[0-5]|2[0-4]\d|1?\d?\d)\Z",
        initial="192.168.1",
        help_text=gettext_lazy("The first three numbers of its addresses"),
    )
    from_date = forms.DateField(
        label=gettext_lazy("The meters count for the dwellings from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Empty: say later for whom each counts"),
    )

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields under what they are about."""
        names = (
            (_("Electricity"), ("dwellings", "entry_a", "plants", "commons", "from_date")),
            (_("Heat and water"), ("has_heat", "has_hot_water", "has_cold_water")),
            (_("Charging and switching"), ("stations", "machines", "sockets", "appliances")),
            (_("Distribution boards and network"), ("boards", "network", "has_lan")),
        )
        return [(title, [self[name] for name in fields]) for title, fields in names]

    def clean_plants(self) -> tuple[Decimal, ...]:
        """The power of each plant."""
        texts = [one.strip() for one in self.cleaned_data["plants"].split(";") if one.strip()]
        if len(texts) > _MOST_PLANTS:
            raise forms.ValidationError(_("At most %(n)d plants.") % {"n": _MOST_PLANTS})
        try:
            found = tuple(Decimal(one.replace(",", ".")) for one in texts)
        except InvalidOperation:
            raise forms.ValidationError(_("Write numbers like 30; 12.5")) from None
        if any(not (one.is_finite() and 0 < one <= _MOST_KWP) for one in found):
            raise forms.ValidationError(_("Write numbers like 30; 12.5"))
        return found


@site_page(Permission.EQUIP)
def planning(visit: Visit) -> HttpResponseBase:
    """Describe the building, look at the proposal and change it, add what is missing."""
    posted = visit.request.POST
    step = posted.get("step", "")
    known = dwellings_of(visit.site)
    form = BuildingForm(posted if step else None)
    form.fields["dwellings"].initial = len(known)
    today = timezone.now().astimezone(timezone.get_default_timezone()).date()
    form.fields["from_date"].initial = today if known else None
    refused: list[str] = []
    proposal = None
    if step in ("review", "commit") and form.is_valid():
        told = form.cleaned_data
        whole = plan(_building(told, known), words())
        missing = lacking(visit.site, whole)
        proposal = _edited(missing, posted)
        if step == "commit":
            try:
                names = {one.ref: device_name(one) for one in proposal.devices}
                added = realize(door_of(visit), proposal, names, from_date=told["from_date"])
            except Refused as problem:
                refused = [
                    f"{one.text} ({proposal.meters[one.row - 1].ref})" if one.row else one.text
                    for one in problem.outcome.faults[:10]
                ]
            except BadSetUp as problem:
                refused = [str(problem)]
            else:
                _say(visit, added.count)
                return redirect("site-equipment", visit.site.ref)
        left_out = set(posted.getlist("leave"))
        context = _shown(missing, proposal, left_out)
    else:
        context = {}
    context |= {
        "form": form,
        "proposal": proposal,
        "refused": [read(one) for one in refused],
        "has_gateway": visit.scope.queryset(Gateway).filter(site=visit.site).exists(),
    }
    return visit.page("operator/planning.html", "equipment", context)


def words() -> dict[str, str]:
    """How planned meters are named."""
    return {
        "entry": _("Grid entry"),
        "production": _("PV plant"),
        "common": _("Common"),
        "charging": _("Charging stations"),
        "laundry": _("Laundry"),
        "ebike": _("E-bike"),
        "heat": word_of("heat"),
        "hot_water": word_of("hot_water"),
        "cold_water": word_of("cold_water"),
        "main": _("main meter"),
    }


def device_name(one: PlannedDevice) -> str:
    """How a planned device is named."""
    of = one.ref.partition("-")[2]
    return f"{word_of(one.kind)} {words().get(of, of)}".strip()


def _building(told: Mapping[str, Any], known: tuple[Dwelling, ...]) -> Building:
    dwellings = list(known[: told["dwellings"]])
    dwellings += [
        Dwelling(_("Dwelling %(n)d") % {"n": number})
        for number in range(len(dwellings) + 1, told["dwellings"] + 1)
    ]
    same = ("entry_a", "commons", "has_heat", "has_hot_water", "has_cold_water", "stations",
            "machines", "sockets", "appliances", "boards", "has_lan", "network")  # fmt: skip
    return Building(
        tuple(dwellings), plants_kwp=told["plants"], **{name: told[name] for name in same}
    )


def _edited(missing: Plan, posted: Any) -> Plan:
    """Without what was left out, and with the names and addresses that were typed."""
    left_out = set(posted.getlist("leave"))
    meters = [
        replace(
            one,
            name=_typed(posted, f"name-{one.ref}", one.name, 120),
            address=_typed(posted, f"address-{one.ref}", one.address, 16),
        )
        for one in missing.meters
        if one.ref not in left_out
    ]
    proposal = missing.of(meters)
    proposal.devices = [one for one in proposal.devices if one.ref not in left_out]
    return proposal


def _typed(posted: Any, field: str, proposed: str, most: int) -> str:
    """What was typed; what was proposed where that is nothing that can be read."""
    text = " ".join(posted.get(field, "").split())[:most]
    return text if text and text.isprintable() else proposed


def _shown(missing: Plan, proposal: Plan, left_out: set[str]) -> dict[str, Any]:
    edited = {one.ref: one for one in proposal.meters}
    meters = [edited.get(one.ref, one) for one in missing.meters]
    places = {one.name: f"{one.host}:{one.port}" for one in missing.buses}
    groups: dict[str, list[PlannedMeter]] = {}
    for one in meters:
        groups.setdefault(one.bus, []).append(one)
    return {
        "groups": [
            (name, places.get(name, ""), [(one, _model(one)) for one in own])
            for name, own in groups.items()
        ],
        "devices": [(one, device_name(one)) for one in missing.devices],
        "left_out": left_out,
        "models": _models(meters, left_out),
    }


def _models(meters: list[PlannedMeter], left_out: set[str]) -> list[tuple[str, int]]:
    """How many of each model."""
    counts: dict[str, int] = {}
    for one in meters:
        if one.ref not in left_out:
            name = _model(one)
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts.items())


def _model(one: PlannedMeter) -> str:
    return read(model_name(one.driver, one.model))


def _say(visit: Visit, count: int) -> None:
    if not count:
        messages.info(visit.request, _("Everything is there already; nothing was added."))
        return
    text = ngettext("%(n)d thing was added.", "%(n)d things were added.", count)
    messages.success(visit.request, text % {"n": count})
