"""The charging stations that a gateway is the OCPP server of. Part of the configuration,
``charging``, written only where there is one.

``port``: where the gateway listens; 9000 (system.md 8). ``follows_sun``: the station stands in the
one ordered list with the appliances and gets what is left over; else it draws its ``max_a``.
"""

import re
from dataclasses import dataclass
from typing import Any

from quartier.formats.uplink.appliances import DAY_S, MOST_PRIORITY
from quartier.formats.uplink.batch import NAME
from quartier.formats.uplink.strict import BadMessage, Fields

PORT = 9000
MOST_STATIONS = 64
MOST_TAGS = 1_000
LEAST_A, MOST_A = 6, 125
"""IEC 61851-1 lets a car charge from 6 A on [GK]; 125 A is the largest station with AC [GK]."""

_IDENTITY = re.compile(r"[0-9A-Za-z*\-_=:+|@.]{1,48}")
"""Of OCPP 2.0.1 part 2, identifierString, in 48 characters; 1.6-J lets the same stand in a URL."""
_SHA256 = re.compile(r"|[0-9a-f]{64}")
_TAG = re.compile(r"[0-9A-Za-z*\-_=:+|@.]{1,36}")


@dataclass(frozen=True, slots=True)
class StationSettings:
    """One station, with one connector.

    ``identity`` is its OCPP id, ``password_sha256`` that of its password (empty: it needs none, as
    only a site's own network may do). A car takes ``min_a`` to ``max_a`` on ``phases``, and
    ``fallback_a`` (0: nothing) where the gateway has been silent for long. ``tags`` may start it,
    or anybody where ``is_free``. ``priority``, ``on_s`` and ``off_s`` as of an appliance.
    """

    name: str
    identity: str
    phases: int = 3
    min_a: int = 6
    max_a: int = 16
    fallback_a: int = 6
    follows_sun: bool = True
    is_free: bool = False
    tags: tuple[str, ...] = ()
    password_sha256: str = ""
    priority: int | None = None
    on_s: int = 600
    off_s: int = 300

    def __repr__(self) -> str:
        return f"StationSettings({self.name}, {self.identity})"  # what opens it stays out of logs


@dataclass(frozen=True, slots=True)
class Charging:
    """The stations of a gateway."""

    stations: tuple[StationSettings, ...]
    port: int = PORT


_FIELDS = tuple(StationSettings.__dataclass_fields__)


def written(charging: Charging) -> dict[str, Any]:
    """The object ``charging`` of a configuration."""
    return {"port": charging.port, "stations": [_written(one) for one in charging.stations]}


def _written(one: StationSettings) -> dict[str, Any]:
    content = {name: getattr(one, name) for name in _FIELDS} | {"tags": list(one.tags)}
    if one.priority is None:
        del content["priority"]
    return content


def read(raw: Any, taken: set[str]) -> Charging:
    """The object ``charging``. ``taken``: the names that appliances have. Raises
    :class:`BadMessage`."""
    fields = Fields(raw, "charging", ("port", "stations"))
    needed = [name for name in _FIELDS if name != "priority"]
    listed = fields.objects("stations", MOST_STATIONS, "station", needed, ("priority",))
    stations = tuple(_station(one) for one in listed)
    if not stations:
        raise BadMessage("charging: there is no station")
    seen = set(taken)
    for one in stations:
        if one.name in seen:
            raise BadMessage(f"there are two appliances or stations called {one.name}")
        seen.add(one.name)
    identities = {one.identity for one in stations}
    if len(identities) < len(stations):
        raise BadMessage("charging: two stations have the same identity")
    return Charging(stations, fields.whole("port", 1024, 0xFFFF))


def _station(one: Fields) -> StationSettings:
    found = StationSettings(
        one.text("name", NAME, "a name"),
        one.text("identity", _IDENTITY, "an OCPP identity of up to 48 characters"),
        one.whole("phases", 1, 3),
        one.whole("min_a", LEAST_A, MOST_A),
        one.whole("max_a", LEAST_A, MOST_A),
        one.whole("fallback_a", 0, MOST_A),
        one.flag("follows_sun"),
        one.flag("is_free"),
        _tags(one),
        one.text("password_sha256", _SHA256, "64 hexadecimal digits"),
        one.whole("priority", 0, MOST_PRIORITY) if "priority" in one.raw else None,
        one.whole("on_s", 0, DAY_S),
        one.whole("off_s", 0, DAY_S),
    )
    if found.min_a > found.max_a or 0 < found.fallback_a < found.min_a:
        raise BadMessage(f"{one.where}: min_a is more than max_a or fallback_a")
    if found.fallback_a > found.max_a:
        raise BadMessage(f"{one.where}: fallback_a is more than max_a")
    return found


def _tags(one: Fields) -> tuple[str, ...]:
    tags = one.raw["tags"]
    if (
        not isinstance(tags, list)
        or len(tags) > MOST_TAGS
        or any(type(tag) is not str or not _TAG.fullmatch(tag) for tag in tags)
        or tags != sorted(set(tags))
    ):
        raise BadMessage(f"{one.where}: tags are not up to {MOST_TAGS} badges in order")
    return tuple(tags)
