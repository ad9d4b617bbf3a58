"""The forms of what is no meter: communication devices, plants, batteries, distribution zones."""

import ipaddress
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.models import (
    Battery,
    CommunicationDevice,
    DistributionZone,
    Gateway,
    Meter,
    Plant,
)
from quartier.apps.equipment.zone_check import faults_of
from quartier.apps.parties.models import Party
from quartier.portals.shared.gate import Visit
from quartier.portals.shared.sentences.reader import read
from quartier.portals.shared.words import word_of

_MAC = re.compile(r"[0-9A-F]{12}")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_ICCID = re.compile(r"[0-9]{18,20}[0-9F]?")


def _date_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ThingForm(forms.ModelForm):  # type: ignore[type-arg]
    """What all kinds have: a site, and a reference that stays."""

    def __init__(self, visit: Visit, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.visit = visit
        self.instance.site = visit.site
        fields: Any = self.fields
        for field in fields.values():
            if type(field) is forms.ModelChoiceField and not field.required:
                field.empty_label = _("None")
        if self.instance.pk is not None:
            del self.fields["ref"]

    def clean_ref(self) -> str:
        ref: str = self.cleaned_data["ref"]
        model = type(self.instance)
        if model._default_manager.filter(site=self.visit.site, ref=ref).exists():
            raise ValidationError(_("%(ref)s is there already; choose another.") % {"ref": ref})
        return ref

    def of_site(self, model: Any) -> Any:
        """The rows of the site that may be chosen."""
        return self.visit.scope.queryset(model).filter(site=self.visit.site)


class CommunicationForm(ThingForm):
    """A router, converter, switch, access point, relay module or reader."""

    class Meta:
        model = CommunicationDevice
        fields = (
            "name", "ref", "kind", "state", "manufacturer", "model", "serial", "place", "host",
            "mac", "gateway", "sim", "apn", "installed_date", "note",
        )  # fmt: skip
        labels = {
            "name": gettext_lazy("Name"),
            "ref": gettext_lazy("Reference"),
            "kind": gettext_lazy("Kind"),
            "state": gettext_lazy("State"),
            "manufacturer": gettext_lazy("Manufacturer"),
            "model": gettext_lazy("Model"),
            "serial": gettext_lazy("Serial number"),
            "place": gettext_lazy("Place in the building"),
            "host": gettext_lazy("Network address"),
            "mac": gettext_lazy("MAC address"),
            "gateway": gettext_lazy("Gateway"),
            "apn": gettext_lazy("APN"),
            "installed_date": gettext_lazy("Installed on"),
            "note": gettext_lazy("Remark"),
        }
        widgets = {"installed_date": _date_input()}

    sim = forms.CharField(label=gettext_lazy("SIM card (ICCID)"), max_length=40, required=False)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        fields: Any = self.fields
        for name in ("kind", "state"):
            values = fields[name].choices
            fields[name].choices = [(value, word_of(value)) for value, _text in values if value]
        fields["gateway"].queryset = self.of_site(Gateway)

    def clean_host(self) -> str:
        host: str = self.cleaned_data["host"].strip()
        try:
            return str(ipaddress.ip_address(host)) if host else ""
        except ValueError:
            is_number = all(part.isdecimal() for part in host.split("."))
            if is_number or not _HOST_NAME.fullmatch(host):
                raise ValidationError(_("Write an IP address or a host name.")) from None
        return host

    def clean_mac(self) -> str:
        text = re.sub(r"[\s:.-]", "", self.cleaned_data["mac"]).upper()
        if text and not _MAC.fullmatch(text):
            raise ValidationError(_("A MAC address has twelve digits, such as 00:1E:42:0A:0B:0C."))
        return ":".join(text[place : place + 2] for place in range(0, len(text), 2))

    def clean_sim(self) -> str:
        text = re.sub(r"[\s-]", "", self.cleaned_data["sim"]).upper()
        if text and not _ICCID.fullmatch(text):
            raise ValidationError(_("The number on a SIM card has 18 to 20 digits."))
        return text

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") != CommunicationDevice.Kind.ROUTER_4G:
            for name in ("sim", "apn"):
                if data.get(name):
                    self.add_error(name, _("Only a 4G router has one."))
        return data


class _Owned(ThingForm):
    """A plant or a battery: an owner, and a meter of its own."""

    mode = ""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        fields: Any = self.fields
        fields["meter"].queryset = self.of_site(Meter).filter(mode=self.mode)
        owners = Party.objects.filter(
            stakes__site=self.visit.site, stakes__role__in=("owner", "contractor")
        ) | Party.objects.filter(pk=self.instance.owner_id)
        owners = owners.filter(organisation=self.visit.site.organisation).distinct()
        fields["owner"].queryset = owners.order_by("name")
        self.owners = list(owners[:2])
        if not self.visit.may(Permission.MONEY):
            del fields["owner"]  # an installer sees no names
        self.taken = {
            row.meter_id
            for model in (Plant, Battery)
            for row in model._default_manager.filter(site=self.visit.site)
            if row != self.instance
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "owner" not in self.fields and self.instance.owner_id is None:
            if len(self.owners) == 1:
                self.instance.owner = self.owners[0]
            else:
                self.add_error(
                    None, _("Whose it is, only the operator can say; ask for it to be added.")
                )
        return data

    def clean_meter(self) -> Meter:
        meter: Meter = self.cleaned_data["meter"]
        if meter.pk in self.taken:
            raise ValidationError(_("Another plant or battery has this meter; add a meter for it."))
        return meter


class PlantForm(_Owned):
    """A PV plant."""

    mode = "production"

    class Meta:
        model = Plant
        fields = ("name", "ref", "meter", "owner", "power_kwp", "commissioned_date")
        labels = {
            "name": gettext_lazy("Name"),
            "ref": gettext_lazy("Reference"),
            "meter": gettext_lazy("Production meter"),
            "owner": gettext_lazy("Owner"),
            "power_kwp": gettext_lazy("Power (kWp)"),
            "commissioned_date": gettext_lazy("Commissioned on"),
        }
        widgets = {"commissioned_date": _date_input()}

    def clean_power_kwp(self) -> Any:
        return _positive(self.cleaned_data["power_kwp"])


class BatteryForm(_Owned):
    """A battery."""

    mode = "battery"

    class Meta:
        model = Battery
        fields = ("name", "ref", "meter", "owner", "capacity_wh", "power_w")
        labels = {
            "name": gettext_lazy("Name"),
            "ref": gettext_lazy("Reference"),
            "meter": gettext_lazy("Battery meter"),
            "owner": gettext_lazy("Owner"),
            "capacity_wh": gettext_lazy("Capacity (Wh)"),
            "power_w": gettext_lazy("Power (W)"),
        }

    def clean_capacity_wh(self) -> Any:
        return _positive(self.cleaned_data["capacity_wh"])

    def clean_power_w(self) -> Any:
        return _positive(self.cleaned_data["power_w"])


class ZoneForm(ThingForm):
    """A distribution zone."""

    class Meta:
        model = DistributionZone
        fields = (
            "name", "ref", "max_current_a", "phases", "parent", "consumption_meter", "dlm_meters",
        )  # fmt: skip
        labels = {
            "name": gettext_lazy("Name"),
            "ref": gettext_lazy("Reference"),
            "max_current_a": gettext_lazy("Largest current of a phase (A)"),
            "phases": gettext_lazy("Phases"),
            "parent": gettext_lazy("Lies in the zone"),
            "consumption_meter": gettext_lazy("Consumption meter"),
            "dlm_meters": gettext_lazy("DLM meters"),
        }
        help_texts = {
            "consumption_meter": gettext_lazy("The meter at the head of the zone."),
            "dlm_meters": gettext_lazy(
                "They measure what else draws from the same line, and have a fuse; never the meter "
                "at the head of the zone."
            ),
        }
        widgets = {"dlm_meters": forms.CheckboxSelectMultiple()}

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        fields: Any = self.fields
        meters = self.of_site(Meter).filter(medium="electricity").order_by("ref")
        fields["consumption_meter"].queryset = meters
        fields["dlm_meters"].queryset = meters
        others = self.of_site(DistributionZone).exclude(pk=self.instance.pk)
        fields["parent"].queryset = others

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        zone = DistributionZone(
            pk=self.instance.pk,
            ref=data.get("ref", self.instance.ref),
            consumption_meter=data.get("consumption_meter"),
        )
        for field, text in faults_of(zone, data.get("dlm_meters") or (), data.get("parent")):
            said = read(text)
            self.add_error(field, said[:1].upper() + said[1:] + ".")
        return data


def _positive(value: Any) -> Any:
    if value is not None and value <= 0:
        raise ValidationError(_("It has to be above 0."))
    return value


FORMS: dict[str, tuple[type[ThingForm], Any]] = {
    "communication": (CommunicationForm, gettext_lazy("Add a communication device")),
    "plants": (PlantForm, gettext_lazy("Add a PV plant")),
    "batteries": (BatteryForm, gettext_lazy("Add a battery")),
    "zones": (ZoneForm, gettext_lazy("Add a distribution zone")),
}
