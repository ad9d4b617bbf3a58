"""The form of an appliance: what it draws, when it may run, and how it hangs on its relay."""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quartier.apps.equipment.appliances import Appliance
from quartier.apps.equipment.gateways import drivers
from quartier.apps.equipment.models import Bus, Meter
from quartier.apps.parties.models import REF
from quartier.apps.sites.models import Site
from quartier.drivers.catalog import Family
from quartier.drivers.settings import Setting
from quartier.formats.uplink.appliances import (
    DAY_MINUTES,
    KINDS,
    MOST_CHANNELS,
    MOST_POWER_W,
    MOST_PRIORITY,
    RELAY,
    SG_READY,
)
from quartier.formats.uplink.configuration import BusKind
from quartier.portals.shared.sentences.reader import read

WINDOWS = 3
"""So many windows has the timer of the form."""
_MOST_MINUTES = 1440
MODES = {
    "solar": gettext_lazy("By the sun"),
    "solar_or_timer": gettext_lazy("By the sun, and by timer"),
    "timer": gettext_lazy("By timer only"),
    "on": gettext_lazy("Always on"),
    "off": gettext_lazy("Always off"),
    "manual": gettext_lazy("By hand"),
}
_DAYS = {
    "0123456": gettext_lazy("Every day"),
    "01234": gettext_lazy("Monday to Friday"),
    "56": gettext_lazy("Saturday and Sunday"),
    "0": gettext_lazy("Monday"),
    "1": gettext_lazy("Tuesday"),
    "2": gettext_lazy("Wednesday"),
    "3": gettext_lazy("Thursday"),
    "4": gettext_lazy("Friday"),
    "5": gettext_lazy("Saturday"),
    "6": gettext_lazy("Sunday"),
}
_OUTPUTS = {
    "relay": gettext_lazy("A relay"),
    "inverted": gettext_lazy("A relay, on when open"),
    "sg_3": gettext_lazy("SG Ready: recommend to run"),
    "sg_4": gettext_lazy("SG Ready: make it run"),
}


def _minutes(label: Any, initial: int, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=0,
        max_value=_MOST_MINUTES,
        initial=initial,
        help_text=help_text,
    )


class ApplianceForm(forms.Form):
    """One appliance, or one a relay where several are named."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    power_w = forms.IntegerField(
        label=gettext_lazy("Power (W)"), min_value=1, max_value=MOST_POWER_W
    )
    mode = forms.ChoiceField(label=gettext_lazy("Runs"), choices=list(MODES.items()))
    priority = forms.IntegerField(
        label=gettext_lazy("Priority"),
        help_text=gettext_lazy("The lowest number goes first; empty: after all others"),
        min_value=0,
        max_value=MOST_PRIORITY,
        required=False,
    )
    on_min = _minutes(gettext_lazy("Stays on for at least (minutes)"), 10)
    off_min = _minutes(gettext_lazy("Stays off for at least (minutes)"), 5)
    daily_min = _minutes(
        gettext_lazy("Each day at least (minutes)"),
        0,
        gettext_lazy("What the sun did not give is made up for"),
    )
    complete_by = forms.TimeField(
        label=gettext_lazy("Done by"),
        help_text=gettext_lazy("Empty: midnight"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    bus = forms.ModelChoiceField(
        label=gettext_lazy("Bus"), queryset=Bus.objects.none(), to_field_name="pk", empty_label=None
    )
    driver = forms.ChoiceField(label=gettext_lazy("Relay module"))
    address = forms.CharField(
        label=gettext_lazy("Address"),
        help_text=gettext_lazy("1 to 247; a Shelly has none"),
        max_length=3,
        required=False,
    )
    relays = forms.CharField(
        label=gettext_lazy("Relays"),
        help_text=gettext_lazy(
            "Such as 1. With 1, 2, 3 each phase of a heater becomes an appliance of its own, with "
            "its part of the power"
        ),
        max_length=60,
    )
    output = forms.ChoiceField(label=gettext_lazy("Connected by"), choices=list(_OUTPUTS.items()))
    meter = forms.ModelChoiceField(
        label=gettext_lazy("Measured by"),
        queryset=Meter.objects.none(),
        required=False,
        empty_label=gettext_lazy("Not measured"),
    )

    def __init__(self, site: Site, buses: Sequence[Bus], *args: Any, **kwargs: Any) -> None:
        self.appliance: Appliance | None = kwargs.pop("appliance", None)
        self.site = site
        if self.appliance is not None:
            kwargs["initial"] = _initial(self.appliance)
        super().__init__(*args, **kwargs)
        self.fields["bus"].queryset = Bus.objects.filter(pk__in=[one.pk for one in buses])  # type: ignore[attr-defined]
        self.fields["bus"].label_from_instance = _bus_name  # type: ignore[attr-defined]
        self.fields["meter"].queryset = Meter.objects.filter(  # type: ignore[attr-defined]
            site=site, mode=Meter.Mode.CONSUMPTION, connection__bus__isnull=False
        )
        self.fields["driver"].choices = [  # type: ignore[attr-defined]
            (one.head.key, read(one.head.family)) for one in switching_families()
        ]
        for number in range(1, WINDOWS + 1):
            self.fields[f"days_{number}"] = forms.ChoiceField(
                label=_("Timer %(number)s") % {"number": number},
                choices=[("", "–"), *_DAYS.items()],
                required=False,
            )
            for end, label in (("from", _("from")), ("to", _("until"))):
                self.fields[f"{end}_{number}"] = forms.TimeField(
                    label=label,
                    required=False,
                    widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
                )

    def clean_relays(self) -> list[int]:
        """From 0."""
        parts = [part.strip() for part in self.cleaned_data["relays"].split(",")]
        if not all(part.isascii() and part.isdecimal() and len(part) < 4 for part in parts):
            raise forms.ValidationError(_("Write numbers, such as 1 or 1, 2, 3."))
        found = [int(part) - 1 for part in parts]
        if len(set(found)) < len(found) or not all(0 <= one < MOST_CHANNELS for one in found):
            raise forms.ValidationError(_("Write each relay once; the first is 1."))
        return found

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        relays, output = found.get("relays"), found.get("output", "")
        if relays and output.startswith("sg_") and len(relays) != KINDS[SG_READY]:
            self.add_error("relays", _("SG Ready has two: contact 1 and contact 2, such as 1, 2."))
        is_one = self.appliance is not None and not output.startswith("sg_")
        if relays and is_one and len(relays) != 1:
            self.add_error("relays", _("An appliance that is there already has one relay."))
        found["timer"] = [
            window for number in range(1, WINDOWS + 1) if (window := self._window(found, number))
        ]
        return found

    def appliances(self, settings: Mapping[str, str]) -> list[Appliance]:
        """What was entered, not yet stored."""
        data = self.cleaned_data
        is_sg = data["output"].startswith("sg_")
        groups = [data["relays"]] if is_sg else [[one] for one in data["relays"]]
        made = []
        for number, channels in enumerate(groups, 1):
            one = self.appliance or Appliance(site=self.site, ref=self._ref(number, len(groups)))
            one.name = data["name"] if len(groups) == 1 else f"{data['name']} {number}"
            one.power_w = max(1, round(data["power_w"] / len(groups)))
            one.bus, one.driver, one.address = data["bus"], data["driver"], data["address"]
            one.channels, one.settings = channels, dict(settings)
            one.output = SG_READY if is_sg else RELAY
            one.sg_state = int(data["output"][-1]) if is_sg else 0
            one.is_inverted = data["output"] == "inverted"
            one.is_pressed = one.is_pressed and data["mode"] == "manual"
            one.mode, one.priority = data["mode"], data["priority"]
            one.on_s, one.off_s = data["on_min"] * 60, data["off_min"] * 60
            one.daily_s = data["daily_min"] * 60
            one.complete_by_minute = _minute(data["complete_by"]) or DAY_MINUTES
            one.timer, one.meter = data["timer"], data["meter"]
            made.append(one)
        return made

    def windows(self) -> list[list[forms.BoundField]]:
        """The fields of each window of the timer."""
        return [
            [self[f"{name}_{number}"] for name in ("days", "from", "to")]
            for number in range(1, WINDOWS + 1)
        ]

    def _ref(self, number: int, count: int) -> str:
        """A reference made of the name, that the site does not have yet."""
        base = slugify(self.cleaned_data["name"])[:50].strip("-") or "appliance"
        wanted = base if count == 1 else f"{base}-{number}"
        taken = set(
            Appliance.objects.filter(site=self.site, ref__startswith=base).values_list(
                "ref", flat=True
            )
        )
        found, after = wanted, 2
        while found in taken:
            found, after = f"{wanted}-{after}", after + 1
        REF(found)
        return found

    def _window(self, found: Mapping[str, Any], number: int) -> dict[str, Any] | None:
        days, begins, ends = (found.get(f"{name}_{number}") for name in ("days", "from", "to"))
        if not days:
            return None
        if begins is None or ends is None:
            self.add_error(f"days_{number}", _("Say from when until when."))
            return None
        return {
            "weekdays": [int(day) for day in days],
            "from_minute": _minute(begins),
            "to_minute": _minute(ends) or DAY_MINUTES,
        }


def switching_families() -> list[Family]:
    """The drivers that switch something."""
    return [one for one in drivers() if one.relays]


def typed_settings(
    family: Family, posted: Mapping[str, str], stored: Mapping[str, str]
) -> list[tuple[Setting, str]]:
    """Each setting of ``family`` with what was typed for it, or is stored."""
    return [
        (
            one,
            posted.get(f"{family.head.key}-{one.name}", stored.get(one.name, "")).strip()[:200],
        )
        for one in family.settings
    ]


def _initial(one: Appliance) -> dict[str, Any]:
    output = f"sg_{one.sg_state}" if one.output == SG_READY else RELAY
    found: dict[str, Any] = {
        "name": one.name,
        "power_w": one.power_w,
        "mode": one.mode,
        "priority": one.priority,
        "on_min": round(one.on_s / 60),
        "off_min": round(one.off_s / 60),
        "daily_min": round(one.daily_s / 60),
        "complete_by": None
        if one.complete_by_minute == DAY_MINUTES
        else _time(one.complete_by_minute),
        "bus": one.bus_id,
        "driver": one.driver,
        "address": one.address,
        "relays": ", ".join(str(channel + 1) for channel in one.channels),
        "output": "inverted" if one.is_inverted and output == RELAY else output,
        "meter": one.meter_id,
    }
    for number, window in enumerate(one.timer[:WINDOWS], 1):
        found[f"days_{number}"] = "".join(map(str, window["weekdays"]))
        found[f"from_{number}"] = _time(window["from_minute"])
        found[f"to_{number}"] = _time(window["to_minute"])
    return found


def _time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


def _minute(value: time | None) -> int:
    return 0 if value is None else value.hour * 60 + value.minute


def _bus_name(bus: Bus) -> str:
    return f"{bus.gateway.name} · {bus.name} ({BusKind(bus.kind).protocol})"
