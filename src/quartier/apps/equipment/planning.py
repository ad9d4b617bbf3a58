"""From the data of a building to a proposal: meters with addresses on buses, and what carries them.

Pure: no database, no clock. The numbers are rules in ``planning.toml``; the same building gives the
same references, so that a plan can be made again and only what is missing is added.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

PHASES_V = Decimal("692.9")
"""sqrt(3) x 400 V: what a kilowatt-peak of three phases draws at most (rules.md f.3)."""

CONVERTER = "converter-"
"""Before the name of a bus: the reference of its converter."""

MOST = 200
"""Of anything that is counted in a building."""


@dataclass(frozen=True, slots=True)
class Dwelling:
    """A billing point, with its reference on the site where it is there already."""

    name: str
    billing_point: str = ""


@dataclass(frozen=True, slots=True)
class Building:
    """What an installer knows after the survey (system.md 2.1)."""

    dwellings: tuple[Dwelling, ...]
    entry_a: int = 63
    plants_kwp: tuple[Decimal, ...] = ()
    commons: int = 0
    """Further electricity meters: lift, light, heat pump."""
    has_heat: bool = False
    """A heat meter in each dwelling, and the main one; likewise for water."""
    has_hot_water: bool = False
    has_cold_water: bool = False
    stations: int = 0
    machines: int = 0
    """Washing machines and dryers."""
    sockets: int = 0
    """For e-bikes."""
    appliances: int = 0
    """That are switched by a relay: boilers, heat pumps."""
    boards: int = 1
    """Distribution boards with meters, each with a bus of its own."""
    has_lan: bool = True
    network: str = "192.168.1"


@dataclass(frozen=True, slots=True)
class PlannedMeter:
    """A meter: ``bus`` is the name of one of the plan's buses, empty where it has none."""

    ref: str
    name: str
    medium: str
    mode: str
    driver: str
    model: str
    fuse_a: int | None = None
    bus: str = ""
    address: str = ""
    billing_point: str = ""
    transformer_a: int | None = None
    """Primary current of its transformers."""


@dataclass(frozen=True, slots=True)
class PlannedBus:
    """A bus behind a converter: ``kind`` is one of a gateway's configuration."""

    name: str
    kind: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """What carries the readings or switches; ``kind`` as ``CommunicationDevice.Kind``."""

    ref: str
    kind: str
    host: str = ""


@dataclass
class Plan:
    """The proposal. A gateway belongs to every plan with a bus."""

    meters: list[PlannedMeter] = field(default_factory=list)
    buses: list[PlannedBus] = field(default_factory=list)
    devices: list[PlannedDevice] = field(default_factory=list)

    def of(self, meters: Sequence[PlannedMeter]) -> "Plan":
        """It with ``meters`` alone, without the buses and converters that none of them is on."""
        needed = {one.bus for one in meters}
        return Plan(
            list(meters),
            [one for one in self.buses if one.name in needed],
            [
                one
                for one in self.devices
                if one.kind != "converter" or one.ref.removeprefix(CONVERTER) in needed
            ],
        )


@cache
def rules() -> Mapping[str, Any]:
    """``planning.toml``."""
    text = Path(__file__).with_suffix(".toml").read_text("utf-8")
    return tomllib.loads(text)


def has_transformer(driver: str, model: str) -> bool:
    """Whether this model is planned for current transformers."""
    return any(
        (one["driver"], one["model"]) == (driver, model) and one.get("has_transformer", False)
        for one in rules()["models"].values()
    )


def plan(building: Building, words: Mapping[str, str]) -> Plan:
    """The proposal for ``building``; ``words`` name its meters (:data:`WORDS`)."""
    made = Plan()
    electricity = _electricity(building, words)
    _on_buses(made, electricity, building)
    _on_mbus(made, _heat_and_water(building, words), building)
    made.meters += _behind_relays(building, words)
    _devices(made, building)
    return made


WORDS = ("entry", "production", "common", "charging", "laundry", "ebike", "heat", "hot_water",
         "cold_water", "main")  # fmt: skip


def amperes_of(power_kwp: Decimal) -> int:
    """The current of a plant on three phases, rounded up."""
    amperes = power_kwp * 1000 / PHASES_V
    return int(amperes.to_integral_value(ROUND_CEILING))


def _model(amperes: int) -> tuple[Mapping[str, Any], int | None]:
    """The model for a connection, and the primary current of its transformers."""
    models, limit = rules()["models"], rules()["limits"]["direct_a"]
    if amperes <= limit:
        return models["direct"], None
    return models["transformer"], amperes


def _meter(ref: str, name: str, mode: str, amperes: int | None, *, point: str = "") -> PlannedMeter:
    model, primary = _model(amperes or 0)
    return PlannedMeter(
        ref, name, "electricity", mode, model["driver"], model["model"], amperes,
        billing_point=point, transformer_a=primary,
    )  # fmt: skip


def _electricity(building: Building, words: Mapping[str, str]) -> list[PlannedMeter]:
    """Those on Modbus: entry, dwellings, common meters, feeders of stations, production."""
    found = [_meter("entry", words["entry"], "grid", building.entry_a)]
    for number, one in enumerate(building.dwellings, 1):
        ref = f"el-{one.billing_point}" if one.billing_point else f"el-{number:03}"
        found.append(_meter(ref[:63], one.name, "consumption", None, point=one.billing_point))
    found += [
        _meter(f"common-{number}", f"{words['common']} {number}", "consumption", None)
        for number in range(1, building.commons + 1)
    ]
    feeders = ceil(building.stations / rules()["limits"]["stations"])
    for number in range(1, feeders + 1):
        name = f"{words['charging']} {number}"
        found.append(_meter(f"ev-{number}", name, "consumption", 63))
    for number, power_kwp in enumerate(building.plants_kwp, 1):
        name = f"{words['production']} {number}"
        found.append(_meter(f"pv-{number}", name, "production", amperes_of(power_kwp)))
    return found


def _on_buses(made: Plan, meters: Sequence[PlannedMeter], building: Building) -> None:
    """A bus for each board, more where one cannot carry them. Entry and production are on the
    first; consumers count on from bus to bus, and begin again before the numbers of production."""
    from_address, limits, net = rules()["addresses"], rules()["limits"], rules()["network"]
    others = [one for one in meters if one.mode != "consumption"]
    consumers = [one for one in meters if one.mode == "consumption"]
    boards = max(1, min(building.boards, len(consumers)))
    share = ceil(len(consumers) / boards)
    groups: list[list[PlannedMeter]] = []
    for board in range(boards):
        own = consumers[board * share : (board + 1) * share]
        room = limits["bus_meters"] - (len(others) if not groups else 0)
        while own or not groups:
            groups.append(own[: max(room, 0)])
            own = own[max(room, 0) :]
            room = limits["bus_meters"]
    span = from_address["production"] - from_address["consumers"]
    productions = 0
    count = 0
    for number, group in enumerate(groups, 1):
        name = f"rs485-{number}"
        host = f"{building.network}.{net['converters'] + number - 1}"
        made.buses.append(PlannedBus(name, "modbus_rtu_tcp", host, net["modbus_port"]))
        if number == 1:
            for one in others:
                address = from_address["entry"]
                if one.mode == "production":
                    address = from_address["production"] + productions
                    productions += 1
                made.meters.append(_placed(one, name, address))
        if count % span + len(group) > span:  # else two on one bus would have one address
            count += span - count % span
        for one in group:
            made.meters.append(_placed(one, name, from_address["consumers"] + count % span))
            count += 1


def _placed(one: PlannedMeter, bus: str, address: int) -> PlannedMeter:
    return PlannedMeter(
        one.ref, one.name, one.medium, one.mode, one.driver, one.model, one.fuse_a, bus,
        str(address), one.billing_point, one.transformer_a,
    )  # fmt: skip


def _heat_and_water(building: Building, words: Mapping[str, str]) -> list[PlannedMeter]:
    """By medium: the main meter, then one a dwelling (system.md 2.1, heating)."""
    model = rules()["models"]["heat"]
    found = []
    for medium, short, is_there in (
        ("heat", "heat", building.has_heat),
        ("hot_water", "hot", building.has_hot_water),
        ("cold_water", "cold", building.has_cold_water),
    ):
        if not is_there:
            continue
        rows = [(f"{short}-main", f"{words[medium]} {words['main']}", "")]
        for number, one in enumerate(building.dwellings, 1):
            ref = f"{short}-{one.billing_point}" if one.billing_point else f"{short}-{number:03}"
            rows.append((ref[:63], f"{words[medium]} {one.name}", one.billing_point))
        found += [
            PlannedMeter(
                ref, name, medium, "consumption", model["driver"], model["model"],
                billing_point=point,
            )
            for ref, name, point in rows
        ]  # fmt: skip
    return found


def _on_mbus(made: Plan, meters: Sequence[PlannedMeter], building: Building) -> None:
    """Primary addresses from 1 on each converter."""
    most, net = rules()["limits"]["mbus_meters"], rules()["network"]
    first = rules()["addresses"]["mbus"]
    for number in range(ceil(len(meters) / most)):
        name = f"mbus-{number + 1}"
        host = f"{building.network}.{net['mbus_converters'] + number}"
        made.buses.append(PlannedBus(name, "mbus_tcp", host, net["mbus_port"]))
        group = meters[number * most : (number + 1) * most]
        made.meters += [_placed(one, name, first + place) for place, one in enumerate(group)]


def _behind_relays(building: Building, words: Mapping[str, str]) -> list[PlannedMeter]:
    """Relay meters of machines and sockets: each answers over Wi-Fi, at an address of its own."""
    found = []
    for kind, count in (("laundry", building.machines), ("ebike", building.sockets)):
        model = rules()["models"][kind]
        found += [
            PlannedMeter(
                f"{kind}-{number}", f"{words[kind]} {number}", "electricity", "consumption",
                model["driver"], model["model"],
            )
            for number in range(1, count + 1)
        ]  # fmt: skip
    return found


def _devices(made: Plan, building: Building) -> None:
    net, limits = rules()["network"], rules()["limits"]

    def host(name: str, number: int = 0) -> str:
        return f"{building.network}.{net[name] + number}"

    router = "router_lan" if building.has_lan else "router_4g"
    made.devices.append(PlannedDevice("router", router, host("router")))
    made.devices += [
        PlannedDevice(f"{CONVERTER}{bus.name}", "converter", bus.host) for bus in made.buses
    ]
    counts = {"laundry": building.machines, "ebike": building.sockets}
    readers = [name for name, count in counts.items() if count]
    if readers:
        made.devices.append(PlannedDevice("wifi-1", "access_point", host("access_point")))
    if 1 + len(made.buses) + 2 * len(readers) > limits["router_ports"]:
        made.devices.append(PlannedDevice("switch-1", "switch", host("switch")))
    made.devices += [
        PlannedDevice(f"reader-{name}", "rfid_reader", host("readers", number))
        for number, name in enumerate(readers)
    ]
    relays = ceil((building.appliances + building.machines) / limits["relays"])
    made.devices += [PlannedDevice(f"relays-{n}", "relay") for n in range(1, relays + 1)]
