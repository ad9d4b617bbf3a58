"""What a gateway is to read: its buses, the meters on them and when each is read.

The platform makes it from its equipment and counts ``number`` up by one whenever the content
changes; the same content gives the same bytes.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any

from quartier.formats.uplink import appliances, badge_readers, software, stations
from quartier.formats.uplink.appliances import Surplus
from quartier.formats.uplink.badge_readers import ReaderSettings
from quartier.formats.uplink.batch import NAME
from quartier.formats.uplink.software import Software
from quartier.formats.uplink.stations import Charging
from quartier.formats.uplink.strict import (
    VERSION,
    BadMessage,
    Fields,
    encoded,
    message,
    milliseconds,
)

MOST_BYTES = 1 << 20
MOST_BUSES = 64
MOST_METERS = 2_000

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+\-/]{0,62}")
_HOST = re.compile(r"[0-9A-Za-z]([0-9A-Za-z.\-]{0,251}[0-9A-Za-z])?|[0-9A-Fa-f:.]{2,45}")
_DEVICE = re.compile(r"/dev/[0-9A-Za-z][0-9A-Za-z._:+/\-]{0,120}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MODBUS_ADDRESS = re.compile(r"[1-9][0-9]?|1[0-9][0-9]|2[0-3][0-9]|24[0-7]")
_CHANNEL = re.compile(r"[0-7]")
_MBUS_ADDRESS = re.compile(r"[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|250|[0-9A-F]{8,16}")


class BusKind(StrEnum):
    """What is spoken on a bus, and over what."""

    MODBUS_TCP = "modbus_tcp"
    MODBUS_RTU = "modbus_rtu"
    MODBUS_RTU_TCP = "modbus_rtu_tcp"
    """RTU frames through a converter from Ethernet to RS485."""
    MBUS_SERIAL = "mbus_serial"
    MBUS_TCP = "mbus_tcp"
    SHELLY = "shelly"
    """A Shelly device: HTTP, and WebSocket; its channels are the meters."""

    @property
    def is_serial(self) -> bool:
        """Whether it is a port of the gateway; else it has a host and a port of TCP."""
        return self in (BusKind.MODBUS_RTU, BusKind.MBUS_SERIAL)

    @property
    def is_mbus(self) -> bool:
        """Whether M-Bus is spoken."""
        return self in (BusKind.MBUS_SERIAL, BusKind.MBUS_TCP)

    @property
    def protocol(self) -> str:
        """What the drivers of its meters speak."""
        if self is BusKind.SHELLY:
            return "shelly"
        return "mbus" if self.is_mbus else "modbus"


class Plan(StrEnum):
    """When a meter is read."""

    QUARTER_HOUR = "quarter_hour"
    DAY = "day"


PARITIES = ("none", "even", "odd")


@dataclass(frozen=True, slots=True)
class BusSettings:
    """One bus. ``host`` and ``port``, or ``device`` to ``stop_bits``: as its kind needs."""

    name: str
    kind: BusKind
    host: str = ""
    port: int = 0
    device: str = ""
    baud: int = 0
    parity: str = ""
    stop_bits: int = 0
    timeout_ms: int = 1_000
    pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """One meter. ``name`` is its ``ref`` on the platform, ``bus`` the name of its bus.

    ``address`` is decimal (of a Shelly the channel, from 0), or on M-Bus a secondary address of 8
    to 16 hexadecimal digits (F is a wildcard). ``serial`` is the number that the device should
    give, empty where it is not known.
    """

    name: str
    bus: str
    driver: str
    model: str
    address: str
    serial: str
    plan: Plan
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration ``number`` of ``gateway``."""

    gateway: str
    number: int
    timezone: str
    buses: tuple[BusSettings, ...]
    meters: tuple[MeterSettings, ...]
    power_every_s: int = 60
    inspect_until: datetime | None = None
    """Until then the meters are inspected: what they show of each phase is read with the power.
    To the millisecond."""
    surplus: Surplus | None = None
    """What it switches; None where there is nothing."""
    readers: tuple[ReaderSettings, ...] = ()
    """The readers of badges that it listens to."""
    charging: Charging | None = None
    """The charging stations that it serves; None where there is none."""
    software: Software | None = None
    """The version of its program that it is to run; None where nobody asks for one."""

    def reads_as(self, other: "Configuration") -> bool:
        """Whether ``other`` lets the same meters be read in the same way."""
        same = replace(
            other,
            number=self.number,
            inspect_until=self.inspect_until,
            surplus=self.surplus,
            readers=self.readers,
            charging=self.charging,
            software=self.software,
        )
        return same == self

    def steers_otherwise(self, other: "Configuration") -> bool:
        """Whether ``other`` steers, listens to readers or serves stations in another way."""
        return (self.surplus, self.readers, self.charging) != (
            other.surplus,
            other.readers,
            other.charging,
        )


def encode(configuration: Configuration) -> bytes:
    """The bytes to send; raises :class:`BadMessage` for what :func:`decode` would refuse."""
    content = {
        "version": VERSION,
        "gateway": configuration.gateway,
        "number": configuration.number,
        "timezone": configuration.timezone,
        "buses": [_written_bus(bus) for bus in configuration.buses],
        "meters": [_written_meter(meter) for meter in configuration.meters],
        "power_every_s": configuration.power_every_s,
    }
    if configuration.inspect_until is not None:
        content["inspect_until_ms"] = milliseconds(configuration.inspect_until)
    if configuration.software is not None:
        content["software"] = software.written(configuration.software)
    if configuration.surplus is not None:
        content["surplus"] = appliances.written(configuration.surplus)
    if configuration.charging is not None:
        content["charging"] = stations.written(configuration.charging)
    if configuration.readers:
        content["readers"] = badge_readers.written(configuration.readers)
    data = encoded(content)
    decode(data)
    return data


def decode(data: bytes) -> Configuration:
    """The configuration in ``data``; raises :class:`BadMessage`."""
    fields = message(
        data,
        MOST_BYTES,
        ("gateway", "number", "timezone", "buses", "meters", "power_every_s"),
        ("inspect_until_ms", "software", "surplus", "readers", "charging"),
    )
    buses = tuple(_bus(one) for one in _buses(fields))
    _once("bus", [bus.name for bus in buses])
    kinds = {bus.name: bus.kind for bus in buses}
    names = ("name", "bus", "driver", "model", "address", "serial", "plan", "settings")
    meters = tuple(
        _meter(one, kinds) for one in fields.objects("meters", MOST_METERS, "meter", names)
    )
    _once("meter", [meter.name for meter in meters])
    surplus = None
    if "surplus" in fields.raw:
        has_addresses = {
            name: kind is not BusKind.SHELLY for name, kind in kinds.items() if not kind.is_mbus
        }
        surplus = appliances.read(
            fields.raw["surplus"], has_addresses, {meter.name for meter in meters}
        )
    charging = None
    if "charging" in fields.raw:
        appliance_names = {one.name for one in surplus.appliances} if surplus else set()
        charging = stations.read(fields.raw["charging"], appliance_names)
    return Configuration(
        fields.text("gateway", NAME, "the name of a gateway"),
        fields.whole("number", 1),
        fields.text("timezone", _ZONE, "the name of a time zone"),
        buses,
        meters,
        fields.whole("power_every_s", 10, 900),
        fields.instant("inspect_until_ms") if "inspect_until_ms" in fields.raw else None,
        surplus,
        badge_readers.read(fields) if "readers" in fields.raw else (),
        charging,
        software.read(fields.raw["software"]) if "software" in fields.raw else None,
    )


_OF_LINE = ("device", "baud", "parity", "stop_bits")
_OF_NET = ("host", "port")
_OF_ANY = ("name", "kind", "timeout_ms", "pause_ms")


def _written_bus(bus: BusSettings) -> dict[str, Any]:
    own = _OF_LINE if bus.kind.is_serial else _OF_NET
    written = {name: getattr(bus, name) for name in chain(_OF_ANY, own)}
    return written | {"kind": bus.kind.value}


def _written_meter(meter: MeterSettings) -> dict[str, Any]:
    written = {name: getattr(meter, name) for name in MeterSettings.__dataclass_fields__}
    return written | {"plan": meter.plan.value}


def _buses(fields: Fields) -> list[Fields]:
    found = []
    for one in fields.objects("buses", MOST_BUSES, "bus", _OF_ANY, (*_OF_LINE, *_OF_NET)):
        kind = BusKind(one.one_of("kind", [kind.value for kind in BusKind]))
        own = _OF_LINE if kind.is_serial else _OF_NET
        found.append(Fields(one.raw, one.where, (*_OF_ANY, *own)))
    return found


def _bus(one: Fields) -> BusSettings:
    kind = BusKind(one.raw["kind"])
    name = one.text("name", NAME, "a name")
    timeout_ms, pause_ms = one.whole("timeout_ms", 50, 60_000), one.whole("pause_ms", 0, 10_000)
    if not kind.is_serial:
        host, port = one.text("host", _HOST, "a host"), one.whole("port", 1, 0xFFFF)
        return BusSettings(name, kind, host, port, timeout_ms=timeout_ms, pause_ms=pause_ms)
    device = one.text("device", _DEVICE, "a port such as /dev/ttyUSB0")
    if ".." in device:
        raise BadMessage(f"{one.where}: device is not a port such as /dev/ttyUSB0")
    return BusSettings(
        name,
        kind,
        device=device,
        baud=one.whole("baud", 300, 921_600),
        parity=one.one_of("parity", PARITIES),
        stop_bits=one.whole("stop_bits", 1, 2),
        timeout_ms=timeout_ms,
        pause_ms=pause_ms,
    )


def address_shape(kind: BusKind) -> tuple[re.Pattern[str], str]:
    """What the address of a meter on such a bus looks like, and that in words."""
    if kind.is_mbus:
        return _MBUS_ADDRESS, "an address from 0 to 250, or 8 to 16 digits"
    if kind is BusKind.SHELLY:
        return _CHANNEL, "a channel from 0 to 7"
    return _MODBUS_ADDRESS, "an address from 1 to 247"


def _meter(one: Fields, kinds: dict[str, BusKind]) -> MeterSettings:
    bus = one.text("bus", NAME, "the name of a bus")
    if bus not in kinds:
        raise BadMessage(f"{one.where}: there is no bus {bus}")
    shape, what = address_shape(kinds[bus])
    return MeterSettings(
        one.text("name", NAME, "a name"),
        bus,
        one.text("driver", _WORD, "the name of a driver"),
        one.line("model"),
        one.text("address", shape, what),
        one.line("serial"),
        Plan(one.one_of("plan", [plan.value for plan in Plan])),
        one.lines("settings"),
    )


def _once(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadMessage(f"there are two {what} entries called {name}")
        seen.add(name)
