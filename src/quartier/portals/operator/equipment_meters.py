"""Adding and changing one meter: by the same door as a table of many."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quartier.apps.access.permissions import Permission
from quartier.apps.contracts.protection import billed_until
from quartier.apps.equipment.bulk import Door, Refused, insert
from quartier.apps.equipment.bulk_known import connection_of
from quartier.apps.equipment.changing import FLAGS, change
from quartier.apps.equipment.gateways import MBUS, drivers
from quartier.apps.equipment.models import Bus, Medium, Meter
from quartier.apps.equipment.removing import InUse, has_values, uses_of
from quartier.apps.sites.models import BillingPoint
from quartier.formats.meter_table.draft import Draft, Fault, Faults
from quartier.formats.meter_table.lines import drafts_of
from quartier.formats.meter_table.read import Line
from quartier.formats.uplink.configuration import Plan
from quartier.portals.operator.equipment_undo import offer_added, take_away
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.sentences.reader import read
from quartier.portals.shared.words import word_of

PLANS = (
    ("", gettext_lazy("As is usual for what it measures")),
    (Plan.QUARTER_HOUR.value, gettext_lazy("Every quarter-hour")),
    (Plan.DAY.value, gettext_lazy("Every day")),
)


def model_choices() -> list[tuple[str, Any]]:
    """What a meter may be, with what none is said as."""
    named = [
        (f"{family.head.key}/{model.name}", f"{family.head.family} · {model.name}")
        for family in drivers()
        if family.is_meter and family.head.key != MBUS
        for model in family.head.models
    ]
    return [("", _("Not chosen: read by hand, or not known yet")), (MBUS, "M-Bus"), *named]


def bus_choices(visit: Visit) -> list[tuple[str, str]]:
    """The buses of the site; the value is ``gateway/bus``."""
    rows = visit.scope.queryset(Bus).filter(gateway__site=visit.site).select_related("gateway")
    return [("", _("None yet"))] + [
        (f"{row.gateway.name}/{row.name}", f"{row.gateway.name} · {row.name}")
        for row in rows.order_by("gateway__name", "name")
    ]


def words(values: Iterable[str]) -> list[tuple[str, str]]:
    """Choices by their words."""
    return [(value, word_of(value)) for value in values]


class MeterForm(forms.Form):
    """The fields are columns of a table of meters; what is wrong is found where tables are."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    ref = forms.CharField(label=gettext_lazy("Reference"), max_length=63)
    medium = forms.ChoiceField(label=gettext_lazy("Measures"))
    mode = forms.ChoiceField(label=gettext_lazy("Stands for"))
    source = forms.ChoiceField(
        label=gettext_lazy("Values from"),
        help_text=gettext_lazy(
            "Register readings: by a gateway, or by hand. Load curve: from the grid operator."
        ),
    )
    metering_point = forms.CharField(
        label=gettext_lazy("Metering point"), max_length=60, required=False
    )
    export_metering_point = forms.CharField(
        label=gettext_lazy("Metering point, export"), max_length=60, required=False
    )
    rule = forms.CharField(
        label=gettext_lazy("Rule of a computed meter"),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "entry - pv"}),
    )
    fuse_a = forms.CharField(
        label=gettext_lazy("Fuse (A)"),
        max_length=12,
        required=False,
        help_text=gettext_lazy("Needed by a meter that limits a distribution zone."),
    )
    driver = forms.ChoiceField(label=gettext_lazy("Model"), required=False)
    bus = forms.ChoiceField(label=gettext_lazy("Gateway and bus"), required=False)
    address = forms.CharField(label=gettext_lazy("Address"), max_length=16, required=False)
    plan = forms.ChoiceField(label=gettext_lazy("How often"), choices=PLANS, required=False)
    serial = forms.CharField(
        label=gettext_lazy("Serial number"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Empty: it is planned, and stands in the order list."),
    )
    installed = forms.DateField(
        label=gettext_lazy("Installed on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    factor = forms.CharField(
        label=gettext_lazy("Transformer factor"), max_length=14, required=False
    )
    digits = forms.CharField(label=gettext_lazy("Digits"), max_length=2, required=False)
    billing_point = forms.ChoiceField(label=gettext_lazy("Billing point"), required=False)
    from_date = forms.DateField(
        label=gettext_lazy("Counts from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    is_enabled = forms.BooleanField(label=gettext_lazy("It counts"), required=False, initial=True)
    is_swapped = forms.BooleanField(
        label=gettext_lazy("Wired the wrong way round: import and export change places"),
        required=False,
    )
    is_isolated = forms.BooleanField(
        label=gettext_lazy("May not stand in the rule of a computed meter"), required=False
    )

    def __init__(self, visit: Visit, meter: Meter | None, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        fields: Any = self.fields
        fields["medium"].choices = words(Medium.values)
        fields["mode"].choices = words(Meter.Mode.values)
        # A station makes its own meter: nobody types one.
        is_of_sessions = meter is not None and meter.source == Meter.Source.SESSIONS
        typed = [one for one in Meter.Source.values if is_of_sessions or one != "sessions"]
        fields["source"].choices = words(typed)
        fields["driver"].choices = model_choices()
        fields["bus"].choices = bus_choices(visit)
        points = visit.scope.queryset(BillingPoint).filter(site=visit.site)
        fields["billing_point"].choices = [
            ("", _("None")), *points.order_by("position", "ref").values_list("ref", "name")
        ]  # fmt: skip
        if meter is None:
            for name in FLAGS:
                del fields[name]
            return
        row = connection_of(meter)
        is_read = row is not None and (row.bus is not None or has_values(meter))
        gone = ["ref", "bus", "billing_point", "from_date"]
        gone += ["driver", "address", "plan"] if is_read else []
        gone += ["serial", "installed", "factor", "digits"] if meter.devices.exists() else []
        for name in gone:
            del fields[name]

    def cells(self, ref: str) -> dict[str, Any]:
        """What the fields say, as cells of a line."""
        told = {key: value for key, value in self.cleaned_data.items() if key not in FLAGS}
        gateway, _slash, bus = told.pop("bus", "").partition("/")
        cells = {"ref": ref, **told, "gateway": gateway, "bus": bus}
        return {key: value for key, value in cells.items() if value not in ("", None)}

    def blame(self, faults: Iterable[Fault]) -> None:
        """Show each fault at its field."""
        for one in faults:
            column = {"gateway": "bus"}.get(one.column, one.column)
            text = read(one.text)
            place = column if column in self.fields else None
            self.add_error(place, text[:1].upper() + text[1:] + ".")


def door_of(visit: Visit) -> Door:
    """Who adds meters here."""
    return Door(visit.site, timezone.now(), visit.by, billed_until)


def draft_of(form: MeterForm, ref: str) -> Draft | None:
    """The draft that a valid form gives; None with what is wrong shown."""
    faults = Faults()
    found = drafts_of([Line(1, form.cells(ref))], faults)
    form.blame(faults.found)
    return found[0] if found else None


@site_page(Permission.EQUIP)
def new_meter(visit: Visit) -> HttpResponseBase:
    """A form for one more meter."""
    initial = {"mode": "consumption", "medium": visit.request.GET.get("medium", "electricity")}
    form = MeterForm(visit, None, visit.request.POST or None, initial=initial)
    if visit.request.method == "POST" and form.is_valid():
        draft = draft_of(form, form.cleaned_data["ref"])
        if draft is not None:
            try:
                outcome = insert(door_of(visit), [draft])
            except Refused as problem:
                form.blame(problem.outcome.faults)
            else:
                if not outcome.new:
                    form.add_error("ref", _("This meter is there already."))
                else:
                    row = Meter.objects.get(site=visit.site, ref=draft.ref)
                    offer_added(visit, [row.pk])
                    messages.success(visit.request, _("Added."))
                    return redirect("site-equipment", visit.site.ref)
    context = {"form": form, "title": _("Add a meter"), "kind": "meters"}
    return visit.page("operator/equipment_form.html", "equipment", context)


@site_page(Permission.EQUIP)
def edit_meter(visit: Visit, meter_ref: str) -> HttpResponseBase:
    """Change or remove a meter."""
    row = get_object_or_404(
        visit.scope.queryset(Meter).select_related("connection__bus__gateway", "site"),
        site=visit.site,
        ref=meter_ref,
    )
    action = visit.request.POST.get("action", "")
    if action == "remove":
        try:
            take_away(visit, row)
        except InUse as problem:
            messages.error(visit.request, read(problem))
            return redirect("site-meter-edit", visit.site.ref, row.ref)
        return redirect("site-equipment", visit.site.ref)
    form = MeterForm(visit, row, visit.request.POST if action else None, initial=_initial(row))
    if action and form.is_valid() and _change(visit, row, form):
        return redirect("site-meter", visit.site.ref, row.ref)
    context = {
        "form": form,
        "title": row.name,
        "kind": "meters",
        "row": row,
        "uses": uses_of(row),
        "connection": connection_of(row),
    }
    return visit.page("operator/equipment_form.html", "equipment", context)


def _change(visit: Visit, row: Meter, form: MeterForm) -> bool:
    draft = draft_of(form, row.ref)
    if draft is None:
        return False
    flags = {name: bool(form.cleaned_data[name]) for name in FLAGS}
    try:
        changed = change(door_of(visit), row, draft, flags)
    except Refused as problem:
        form.blame(problem.outcome.faults)
        return False
    messages.success(visit.request, _("Saved.") if changed else _("Nothing was different."))
    return True


def _initial(row: Meter) -> dict[str, Any]:
    names = ("name", "medium", "mode", "source", "metering_point", "export_metering_point", "rule")
    found = {name: getattr(row, name) for name in (*names, *FLAGS)}
    found["fuse_a"] = "" if row.fuse_a is None else f"{row.fuse_a.normalize():f}"
    connection = connection_of(row)
    if connection is not None:
        found["driver"] = connection.driver + ("/" + connection.model if connection.model else "")
        found["address"], found["plan"] = connection.address, connection.plan
    return found
