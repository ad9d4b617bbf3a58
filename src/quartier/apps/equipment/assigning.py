"""Putting many meters that are there already on a bus, numbered one after the other."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.db import transaction

from quartier.apps.equipment.bulk_known import connection_of
from quartier.apps.equipment.gateways import BadSetUp, How, Wanted, connect
from quartier.apps.equipment.models import Bus, Connection, Meter, Register
from quartier.formats.uplink.configuration import BusKind, address_shape


@dataclass(frozen=True, slots=True)
class Numbering:
    """From which address on, and as what; what is empty stays as each meter has it."""

    first_address: int | None = None
    step: int = 1
    driver: str = ""
    model: str = ""
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a meter would be read, and what speaks against it."""

    meter: Meter
    driver: str
    model: str
    address: str
    plan: str
    fault: str = ""


def places_of(bus: Bus, meters: Sequence[Meter], numbering: Numbering) -> list[Place]:
    """Where each of ``meters`` would be, in their order; in one query where their connections are
    selected."""
    rows = Connection.objects.filter(bus=bus).exclude(meter__in=[one.pk for one in meters])
    taken = dict(rows.values_list("address", "meter__ref"))
    places = []
    for number, meter in enumerate(meters):
        row = connection_of(meter)
        driver, model = numbering.driver, numbering.model
        if not driver and row is not None:
            driver, model = row.driver, row.model
        address = row.address if row is not None else ""
        if numbering.first_address is not None:
            address = str(numbering.first_address + number * numbering.step)
        usual = "quarter_hour" if meter.medium in ("electricity", "reactive") else "day"
        plan = numbering.plan or (row.plan if row is not None else usual)
        fault = _fault(bus, driver, address, taken.get(address, ""))
        taken.setdefault(address, meter.ref)
        places.append(Place(meter, driver, model, address, plan, fault))
    return places


def assign(
    bus: Bus, places: Sequence[Place], *, at: datetime, actor: str, keep: bool = True
) -> None:
    """Read the meters at their ``places`` of ``bus`` from now on, all or none; only to see whether
    it can be done where not ``keep``. Raises :class:`BadSetUp`."""
    for place in places:
        if place.fault:
            raise BadSetUp(f"{place.fault} (for {place.meter.ref})")
    groups: dict[tuple[str, str, str, tuple[tuple[str, str], ...]], list[Place]] = defaultdict(list)
    for place in places:
        groups[place.driver, place.model, place.plan, _settings(place)].append(place)
    with transaction.atomic():
        _release([place.meter for place in places])
        for (driver, model, plan, settings), members in groups.items():
            wanted = [Wanted(one.meter, one.address) for one in members]
            connect(bus, wanted, How(driver, model, plan, dict(settings)), at=at, actor=actor)
        if not keep:
            transaction.set_rollback(True)


def _fault(bus: Bus, driver: str, address: str, other: str) -> str:
    if not driver:
        return "say what model this meter is"
    shape, what = address_shape(BusKind(bus.kind))
    if shape.fullmatch(address) is None:
        return f"it is not {what}" if address else f"it is empty; write {what}"
    return f"the meter {other} has the address {address} on this bus already" if other else ""


def _settings(place: Place) -> tuple[tuple[str, str], ...]:
    """Those that the meter has, where it stays what it is."""
    row = connection_of(place.meter)
    if row is None or (row.driver, row.model) != (place.driver, place.model):
        return ()
    return tuple(sorted(row.settings.items()))


def _release(meters: Collection[Meter]) -> None:
    """Take ``meters`` off their buses, so that one may take the address that another leaves.

    What was planned and never read says nothing about any value, and is forgotten.
    """
    rows = Connection.objects.filter(meter__in=meters)
    read = apps.get_model("metering.IntervalBlock")._default_manager
    registers = dict(Register.objects.filter(meter__in=meters).values_list("pk", "meter_id"))
    with_values = {
        registers[key]
        for key in read.filter(
            site_id__in={one.site_id for one in meters}, register_id__in=list(registers)
        )
        .order_by()
        .values_list("register_id", flat=True)
        .distinct()
    }
    never_read = rows.exclude(meter__in=with_values)
    never_read.filter(bus=None).delete()
    never_read.filter(bus__gateway__paired_at=None).delete()
    rows.update(bus=None)
