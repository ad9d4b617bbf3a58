"""All equipment of a site in rows of one form, for lists and exports."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _

from quartier.apps.equipment.gateways import drivers
from quartier.apps.equipment.models import (
    Battery,
    CommunicationDevice,
    Connection,
    DistributionZone,
    Medium,
    Meter,
    Plant,
)
from quartier.drivers.catalog import key_of
from quartier.portals.shared.gate import Visit
from quartier.portals.shared.templatetags.quartier import number
from quartier.portals.shared.words import word_of

_MAKER = re.compile(r"(?:[A-Z][^\s(,\d]*(?:\s(?=[A-Z])|\b))*")
"""The names with which a family begins, before its models and what they are."""
GROUPS = ("meters", "communication", "plants", "batteries", "zones")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing. ``group`` is one of :data:`GROUPS`, ``kind`` what the filter knows it by."""

    group: str
    kind: str
    ref: str
    name: str
    url: str
    what: str = ""
    model: str = ""
    serial: str = ""
    place: str = ""
    """The billing point or the place in the building."""
    reached: str = ""
    """Gateway, bus and address, or the address in the network."""
    state: str = ""
    latest: date | None = None

    def cells(self) -> tuple[Any, ...]:
        """The row of an export."""
        return (
            self.what, self.ref, self.name, self.model, self.serial, self.place, self.reached,
            self.state, self.latest,
        )  # fmt: skip

    def has(self, query: str) -> bool:
        """Whether it is one that somebody looks for."""
        text = f"{self.ref} {self.name} {self.model} {self.serial} {self.place} {self.reached}"
        return query.casefold() in f"{text} {self.what}".casefold()


def head() -> tuple[str, ...]:
    """The headings of an export."""
    return (
        _("Kind"), _("Reference"), _("Name"), _("Model"), _("Serial number"), _("Place"),
        _("Reached at"), _("State"), _("Latest value"),
    )  # fmt: skip


def model_name(driver: str, model: str) -> str:
    """Family and model in words; M-Bus meters say themselves what they are."""
    found = next((one for one in drivers() if one.head.key == key_of(driver)), None)
    family = found.head.family if found else driver
    if model in ("", "any", "generic"):
        return family
    found_maker = _MAKER.match(family)
    maker = found_maker[0].strip() if found_maker else ""
    last = maker.rsplit(" ", 1)[-1]
    if last and model.startswith(last):
        maker = maker.removesuffix(last).strip()
    return f"{maker} {model}".strip()


def describe(visit: Visit, meters: list[Any]) -> None:
    """Give each of ``meters`` its ``reached``, ``model`` and ``state``; one query."""
    rows = visit.scope.queryset(Connection).filter(meter__site=visit.site)
    connections = {row.meter_id: row for row in rows.select_related("bus__gateway")}
    for meter in meters:
        row = connections.get(meter.pk)
        meter.model = model_name(row.driver, row.model) if row else ""
        meter.reached = ""
        if row is not None and row.bus is not None:
            meter.reached = f"{row.bus.gateway.name} · {row.bus.name} · {row.address}"
        meter.state = state_of(meter)


def state_of(meter: Any) -> str:
    """Where a meter is between its planning and its work; ``devices`` are prefetched."""
    if not meter.is_enabled:
        return "off"
    if meter.source != Meter.Source.REGISTER:
        return str(meter.source)
    if any(one.removed_at is None for one in meter.devices.all()):
        return "installed"
    return "planned"


def items_of(visit: Visit, meters: list[Any]) -> list[Item]:
    """Everything of the site; ``meters`` are described. A constant number of queries."""
    site = visit.site

    def page(kind: str, ref: str) -> str:
        return reverse("site-thing", args=[site.ref, kind, ref])

    items = [
        Item(
            "meters",
            meter.medium,
            meter.ref,
            meter.name,
            reverse("site-meter", args=[site.ref, meter.ref]),
            f"{word_of(meter.medium)} · {word_of(meter.mode)}",
            meter.model,
            meter.serial,
            meter.point,
            meter.reached,
            word_of(meter.state),
            meter.latest,
        )
        for meter in meters
    ]
    for row in visit.scope.queryset(CommunicationDevice).filter(site=site):
        model = f"{row.manufacturer} {row.model}".strip()
        items.append(
            Item(
                "communication",
                "communication",
                row.ref,
                row.name,
                page("communication", row.ref),
                word_of(row.kind),
                model,
                row.serial,
                row.place,
                row.host or row.mac,
                word_of(row.state),
            )
        )
    for plant in visit.scope.queryset(Plant).filter(site=site).select_related("meter"):
        power = f"{number(plant.power_kwp, 1)} kWp"
        items.append(_owned("plants", plant, _("PV plant"), power, page("plants", plant.ref)))
    for store in visit.scope.queryset(Battery).filter(site=site).select_related("meter"):
        size = f"{number(store.capacity_wh)} Wh · {number(store.power_w)} W"
        url = page("batteries", store.ref)
        items.append(_owned("batteries", store, word_of("battery"), size, url))
    zones = visit.scope.queryset(DistributionZone).filter(site=site)
    zones = zones.select_related("parent", "consumption_meter").annotate(count=Count("dlm_meters"))
    return items + [_zone(zone, page("zones", zone.ref)) for zone in zones]


def _zone(row: Any, url: str) -> Item:
    return Item(
        "zones",
        "zones",
        row.ref,
        row.name,
        url,
        _("Distribution zone"),
        f"{number(row.max_current_a, 1)} A · {row.phases}~",
        place=row.parent.name if row.parent else "",
        reached=row.consumption_meter.name if row.consumption_meter else "",
        state=_("%(n)d DLM meters") % {"n": row.count},
    )


def _owned(group: str, row: Any, what: str, model: str, url: str) -> Item:
    return Item(group, group, row.ref, row.name, url, what, model, reached=row.meter.name)


def choices_of(items: list[Item]) -> list[tuple[str, str, int]]:
    """What the list can be limited to: value, word, how many there are."""
    counts = Counter(item.kind for item in items)
    found = [
        (medium, word_of(medium), counts[medium]) for medium in Medium.values if counts[medium]
    ]
    found += [
        ("communication", _("Communication"), counts["communication"]),
        ("plants", _("PV plants"), counts["plants"]),
        ("batteries", _("Batteries"), counts["batteries"]),
        ("zones", _("Distribution zones"), counts["zones"]),
    ]
    return [one for one in found if one[2]]
