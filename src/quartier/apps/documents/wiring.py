"""The wiring of a site's meters as it is stored: gateways, buses and meters by address."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from quartier.apps.documents import numbers
from quartier.apps.documents.printing import page_words, printable
from quartier.apps.equipment.gateways import MBUS, drivers
from quartier.apps.equipment.models import (
    Appliance,
    Assignment,
    Bus,
    CommunicationDevice,
    Connection,
    Device,
    Gateway,
    Meter,
)
from quartier.apps.equipment.planning import has_transformer, rules
from quartier.apps.sites.models import Site
from quartier.drivers.catalog import key_of
from quartier.formats.uplink.configuration import BusKind

TEMPLATE = "wiring.typ"


@dataclass(frozen=True, slots=True)
class Wired:
    """A meter in the wiring; ``transformer`` like ``250/5 A``, or the factor of its device."""

    pk: int
    ref: str
    name: str
    mode: str
    medium: str
    model: str
    address: str
    serial: str
    transformer: str
    billing_point: str


@dataclass(frozen=True, slots=True)
class Module:
    """A relay module on a bus: ``contacts`` like ``1, 2 Heat pump``; a Shelly has no address."""

    address: str
    model: str
    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A bus with its meters and relay modules, each in the order of their addresses. ``serial`` is
    what its line is set to, ``place`` the converter or the port."""

    name: str
    kind: str
    place: str
    serial: str
    is_rs485: bool
    meters: tuple[Wired, ...]
    modules: tuple[Module, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """A gateway with its buses."""

    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Wiring:
    """A site: ``network`` are its devices as (name, kind, host), ``loose`` meters on no bus."""

    site: Site
    gateways: tuple[Head, ...]
    network: tuple[tuple[str, str, str], ...]
    loose: tuple[Wired, ...]


def wiring_of(site: Site) -> Wiring:
    """In eight queries, however many meters there are."""
    meters = {one.pk: one for one in Meter.objects.filter(site=site).order_by("ref")}
    connections = list(Connection.objects.filter(meter__site=site).order_by("meter__ref"))
    devices = {
        one.meter_id: one for one in Device.objects.filter(meter__site=site, removed_at=None)
    }
    rows = Assignment.objects.filter(meter__site=site).select_related("billing_point")
    points = {
        one.meter_id: one.billing_point.name if one.billing_point else ""
        for one in rows.order_by("starts_date")
    }
    by_meter = {one.meter_id: one for one in connections}

    def wired(meter: Meter) -> Wired:
        row, device = by_meter.get(meter.pk), devices.get(meter.pk)
        return Wired(
            meter.pk,
            meter.ref,
            meter.name,
            meter.mode,
            meter.medium,
            _model(row),
            row.address if row is not None and row.bus_id else "",
            device.serial if device is not None else "",
            _transformer(meter, row, device),
            points.get(meter.pk, ""),
        )

    on_bus: dict[int, list[Wired]] = {}
    for one in connections:
        if one.bus_id is not None:
            on_bus.setdefault(one.bus_id, []).append(wired(meters[one.meter_id]))
    buses: dict[int, list[Line]] = {}
    modules = _modules(site)
    for bus in Bus.objects.filter(gateway__site=site).order_by("name"):
        own = sorted(on_bus.get(bus.pk, ()), key=_by_address)
        line = _line(bus, own, sorted(modules.get(bus.pk, ()), key=_by_address))
        buses.setdefault(bus.gateway_id, []).append(line)
    network = CommunicationDevice.objects.filter(site=site).exclude(
        state=CommunicationDevice.State.REMOVED
    )
    return Wiring(
        site,
        tuple(
            Head(one.name, tuple(buses.get(one.pk, ())))
            for one in Gateway.objects.filter(site=site).order_by("name")
        ),
        tuple((one.name, one.kind, one.host) for one in network.order_by("kind", "ref")),
        tuple(
            wired(one)
            for one in meters.values()
            if one.source != Meter.Source.VIRTUAL
            and (one.pk not in by_meter or by_meter[one.pk].bus_id is None)
        ),
    )


def wiring_pdf(wiring: Wiring, language: str, day: date) -> bytes:
    """A4, in ``language``. Raises ``printing.CannotPrint`` for a character that no font has."""
    words = page_words("wiring", language)
    page = {
        **page_words("frame", language),
        "words": words,
        "language": language,
        "name": wiring.site.name,
        "ref": wiring.site.ref,
        "day": numbers.day(day),
        "issued": [day.year, day.month, day.day],
        "network": [
            [words.get(f"kind_{kind}", kind), name, host] for name, kind, host in wiring.network
        ],
        "gateways": [
            {
                "name": one.name,
                "lines": [
                    {
                        "name": line.name,
                        "about": " · ".join(
                            filter(None, (words[f"bus_{line.kind}"], line.place, line.serial))
                        ),
                        "rule": words["rs485"] if line.is_rs485 else "",
                        "meters": [
                            *(_cell(meter) for meter in line.meters),
                            *(_module_cell(module, words) for module in line.modules),
                        ],
                    }
                    for line in one.lines
                ],
            }
            for one in wiring.gateways
        ],
        "loose": [_cell(one) for one in wiring.loose],
    }
    return printable(TEMPLATE, page, day)


def _cell(one: Wired) -> dict[str, str]:
    """A meter's box. Its color says what it stands for, and so does the word of its mode."""
    color = "grid" if one.medium == "electricity" else one.medium
    if one.mode == Meter.Mode.PRODUCTION:
        color = "solar"
    return {
        "address": one.address,
        "name": one.name,
        "ref": one.ref,
        "model": one.model,
        "transformer": one.transformer,
        "serial": one.serial,
        "point": one.billing_point if one.billing_point != one.name else "",
        "contacts": "",
        "color": {"hot_water": "hot", "cold_water": "cold", "cooling": "cold"}.get(color, color),
    }


def _module_cell(one: Module, words: Mapping[str, str]) -> dict[str, str]:
    """The box of a relay module."""
    return {
        "address": one.address,
        "name": words["kind_relay"],
        "ref": "",
        "model": "",
        "transformer": "",
        "serial": "",
        "point": "",
        "contacts": " · ".join(one.contacts),
        "color": "heat",
    }


def _modules(site: Site) -> dict[int, list[Module]]:
    """The modules that switch the appliances of ``site``, by bus; in one query."""
    contacts: dict[tuple[int, str, str], list[tuple[list[int], str]]] = defaultdict(list)
    for one in Appliance.objects.filter(site=site):
        contacts[one.bus_id, one.address, one.driver].append((sorted(one.channels), one.name))
    found: dict[int, list[Module]] = defaultdict(list)
    for (bus_id, address, driver), held in contacts.items():
        texts = (
            f"{', '.join(str(n + 1) for n in numbers)} {name}" for numbers, name in sorted(held)
        )
        found[bus_id].append(Module(address, _family(driver), tuple(texts)))
    return found


def _by_address(one: Wired | Module) -> tuple[int, str]:
    return (int(one.address) if one.address.isdecimal() else 1 << 62, one.address)


def _line(bus: Bus, meters: Sequence[Wired], modules: Sequence[Module]) -> Line:
    told: dict[str, Any] = bus.parameters
    kind = BusKind(bus.kind)
    place = told.get("device") or f"{told.get('host', '')}:{told.get('port', '')}"
    serial = ""
    if kind.is_serial:
        serial = _serial(told["baud"], told["parity"], told["stop_bits"])
    elif kind is BusKind.MODBUS_RTU_TCP:
        usual = rules()["serial"]
        serial = _serial(usual["baud"], usual["parity"], usual["stop_bits"])
    elif kind is BusKind.MBUS_TCP:
        serial = _serial(rules()["serial"]["mbus_baud"], "even", 1)
    is_rs485 = kind in (BusKind.MODBUS_RTU, BusKind.MODBUS_RTU_TCP)
    return Line(bus.name, bus.kind, place, serial, is_rs485, tuple(meters), tuple(modules))


def _serial(baud: int, parity: str, stop_bits: int) -> str:
    """``9600 8N1``, as electricians write it."""
    return f"{baud} 8{parity[:1].upper()}{stop_bits}"


def _model(row: Connection | None) -> str:
    if row is None:
        return ""
    if key_of(row.driver) == MBUS:
        return "M-Bus"
    return row.model if row.model not in ("", "any") else _family(row.driver)


def _family(driver: str) -> str:
    found = next((one for one in drivers() if one.head.key == key_of(driver)), None)
    return found.head.family if found is not None else driver


def _transformer(meter: Meter, row: Connection | None, device: Device | None) -> str:
    if device is not None and device.factor != Decimal(1):
        return f"× {device.factor.normalize():f}"
    if row is not None and has_transformer(row.driver, row.model) and meter.fuse_a:
        return f"{meter.fuse_a.normalize():f}/5 A"
    return ""
