"""What a gateway is to switch: appliances, and the meter at the grid entry by whose power it does.

Part of the configuration, ``surplus``, written only where there is an appliance. The modes are
those of system.md 12; what they mean the gateway knows (``gateway/surplus``).
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from quartier.formats.uplink.batch import NAME
from quartier.formats.uplink.strict import BadMessage, Fields

MODES = ("solar", "solar_or_timer", "timer", "on", "off", "manual")
MOST_APPLIANCES = 64
MOST_WINDOWS = 28
MOST_POWER_W = 1_000_000
MOST_CHANNELS = 64
MOST_PRIORITY = 999
DAY_S = 86_400
DAY_MINUTES = 1_440
RELAY, SG_READY = "relay", "sg_ready"
KINDS = {RELAY: 1, SG_READY: 2}
"""Kinds of outputs, and how many relays each has."""
SG_STATES = (3, 4)
"""Of SG Ready: 3 recommends the heat pump to run, 4 makes it run."""
SWITCHED = "0-0:96.3.10"
"""The code of the column that says when an appliance was switched: control state of a disconnector
(IEC 62056-6-1, group C 96.3)."""

_WORD = re.compile(r"[a-z][a-z0-9_]{0,62}")
_ADDRESS = re.compile(r"|[1-9][0-9]?|1[0-9][0-9]|2[0-3][0-9]|24[0-7]")
_FACTOR = re.compile(r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?")

REASONS = (
    "surplus",
    "no_surplus",
    "no_reading",
    "minimum_time",
    "daily_minimum",
    "timer",
    "always",
    "manual",
    "other",
    "stopped",
    "no_answer",
)
"""Why an appliance was switched, in the order of their numbers on the wire. ``other``: not by the
gateway; ``stopped``: the gateway stops, or steers it no more; ``no_answer``: its relay is mute."""


def switch_code(is_on: bool, reason: str) -> int:
    """The value of the column: twice the number of the reason, and one more when it is on."""
    return 2 * REASONS.index(reason) + is_on


def switch_of(code: int) -> tuple[bool, str]:
    """Whether it is on, and why; raises ``ValueError`` for a code that is none."""
    if not 0 <= code < 2 * len(REASONS):
        raise ValueError(f"{code} says of no switch why it was made")
    return bool(code % 2), REASONS[code // 2]


@dataclass(frozen=True, slots=True)
class Grid:
    """The meter at the grid entry. Its power times ``factor`` is that of the building, drawn from
    the grid when positive, or the other way round where it ``is_swapped``."""

    meter: str
    factor: Decimal = Decimal(1)
    is_swapped: bool = False


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """The relays of an appliance: of the device at ``address`` of ``bus`` (empty on a Shelly), by
    ``driver``. ``channels`` count from 0: one of a relay, two of SG Ready (contact 1, contact 2),
    where ``sg_state`` is what on means. ``is_inverted``: an open contact is on."""

    bus: str
    driver: str
    address: str
    channels: tuple[int, ...]
    kind: str = RELAY
    sg_state: int = 0
    is_inverted: bool = False
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TimerWindow:
    """Weekdays (0 is Monday) and local minutes of the day."""

    weekdays: tuple[int, ...]
    from_minute: int
    to_minute: int


@dataclass(frozen=True, slots=True)
class ApplianceSettings:
    """One appliance, as :class:`quartier.gateway.surplus.consumers.Appliance` has it. ``meter``
    measures what it draws, empty where nothing does; ``is_pressed`` is its switch by hand."""

    name: str
    power_w: int
    mode: str
    output: OutputSettings
    priority: int | None = None
    on_s: int = 600
    off_s: int = 300
    daily_s: int = 0
    complete_by_minute: int = DAY_MINUTES
    timer: tuple[TimerWindow, ...] = ()
    meter: str = ""
    is_pressed: bool = False


@dataclass(frozen=True, slots=True)
class Surplus:
    """Everything that is switched."""

    appliances: tuple[ApplianceSettings, ...]
    grid: Grid | None = None


_GRID = ("meter", "factor", "is_swapped")
_WINDOW = ("weekdays", "from_minute", "to_minute")
_OUTPUT = tuple(OutputSettings.__dataclass_fields__)
_APPLIANCE = tuple(ApplianceSettings.__dataclass_fields__)


def written(surplus: Surplus) -> dict[str, Any]:
    """The object ``surplus`` of a configuration."""
    content: dict[str, Any] = {"appliances": [_written(one) for one in surplus.appliances]}
    if surplus.grid is not None:
        grid = surplus.grid
        content["grid"] = {
            "meter": grid.meter,
            "factor": f"{grid.factor:f}",
            "is_swapped": grid.is_swapped,
        }
    return content


def _written(one: ApplianceSettings) -> dict[str, Any]:
    content = {name: getattr(one, name) for name in _APPLIANCE}
    content["output"] = {name: getattr(one.output, name) for name in _OUTPUT}
    content["output"]["channels"] = list(one.output.channels)
    content["timer"] = [
        {
            "weekdays": list(window.weekdays),
            "from_minute": window.from_minute,
            "to_minute": window.to_minute,
        }
        for window in one.timer
    ]
    if one.priority is None:
        del content["priority"]
    return content


def read(raw: Any, buses: dict[str, bool], meters: set[str]) -> Surplus:
    """The object ``surplus``. ``buses``: whether each has addresses; ``meters`` their names.
    Raises :class:`BadMessage`."""
    fields = Fields(raw, "surplus", ("appliances",), ("grid",))
    needed = [name for name in _APPLIANCE if name != "priority"]
    listed = fields.objects("appliances", MOST_APPLIANCES, "appliance", needed, ("priority",))
    appliances = tuple(_appliance(one, buses, meters) for one in listed)
    if not appliances and "grid" not in fields.raw:  # with it there may be charging stations
        raise BadMessage("surplus: there is no appliance")
    seen: set[str] = set()
    for one in appliances:
        if one.name in seen:
            raise BadMessage(f"there are two appliances called {one.name}")
        seen.add(one.name)
    grid = _grid(Fields(fields.raw["grid"], "grid", _GRID), meters) if "grid" in raw else None
    return Surplus(appliances, grid)


def _grid(fields: Fields, meters: set[str]) -> Grid:
    factor = Decimal(fields.text("factor", _FACTOR, "a factor such as 40 or 0.5"))
    if not factor:
        raise BadMessage("grid: factor is 0")
    return Grid(_meter(fields, meters), factor, fields.flag("is_swapped"))


def _meter(fields: Fields, meters: set[str]) -> str:
    name = fields.text("meter", NAME, "the name of a meter")
    if name not in meters:
        raise BadMessage(f"{fields.where}: there is no meter {name}")
    return name


def _appliance(one: Fields, buses: dict[str, bool], meters: set[str]) -> ApplianceSettings:
    windows = one.objects("timer", MOST_WINDOWS, f"{one.where}, window", _WINDOW)
    found = ApplianceSettings(
        one.text("name", NAME, "a name"),
        one.whole("power_w", 1, MOST_POWER_W),
        one.one_of("mode", MODES),
        _output(Fields(one.raw["output"], f"{one.where}, output", _OUTPUT), buses),
        one.whole("priority", 0, MOST_PRIORITY) if "priority" in one.raw else None,
        one.whole("on_s", 0, DAY_S),
        one.whole("off_s", 0, DAY_S),
        one.whole("daily_s", 0, DAY_S),
        one.whole("complete_by_minute", 1, DAY_MINUTES),
        tuple(_window(window) for window in windows),
        _meter(one, meters) if one.raw["meter"] else one.line("meter", 0),
        one.flag("is_pressed"),
    )
    if found.daily_s > found.complete_by_minute * 60:
        raise BadMessage(f"{one.where}: daily_s is longer than the day until complete_by_minute")
    if found.mode in ("timer", "solar_or_timer") and not found.timer:
        raise BadMessage(f"{one.where}: runs by timer and has no window")
    return found


def _window(one: Fields) -> TimerWindow:
    days = one.raw["weekdays"]
    if not isinstance(days, list) or not days or days != sorted(set(_weekdays(days, one.where))):
        raise BadMessage(f"{one.where}: weekdays are not numbers from 0 to 6 in order")
    ends = one.whole("to_minute", 1, DAY_MINUTES)
    return TimerWindow(tuple(days), one.whole("from_minute", 0, DAY_MINUTES - 1), ends)


def _weekdays(days: list[Any], where: str) -> list[int]:
    if any(type(day) is not int or not 0 <= day <= 6 for day in days):
        raise BadMessage(f"{where}: weekdays are not numbers from 0 to 6 in order")
    return days


def _output(one: Fields, buses: dict[str, bool]) -> OutputSettings:
    bus = one.text("bus", NAME, "the name of a bus")
    if bus not in buses:
        raise BadMessage(f"{one.where}: there is no bus {bus}")
    address = one.text("address", _ADDRESS, "an address from 1 to 247")
    if bool(address) != buses[bus]:
        raise BadMessage(f"{one.where}: address does not fit the bus {bus}")
    kind = one.one_of("kind", tuple(KINDS))
    channels = one.raw["channels"]
    if (
        not isinstance(channels, list)
        or any(type(c) is not int or not 0 <= c < MOST_CHANNELS for c in channels)
        or len(set(channels)) != KINDS[kind]
        or len(channels) != KINDS[kind]
    ):
        raise BadMessage(f"{one.where}: channels are not {KINDS[kind]} numbers from 0")
    state = one.whole("sg_state", 0, SG_STATES[-1])
    if (state in SG_STATES) != (kind == SG_READY) or (kind == RELAY and state):
        raise BadMessage(f"{one.where}: sg_state is 3 or 4 of SG Ready, else 0")
    return OutputSettings(
        bus,
        one.text("driver", _WORD, "the name of a driver"),
        address,
        tuple(channels),
        kind,
        state,
        one.flag("is_inverted"),
        one.lines("settings"),
    )
