"""How the poller sees a bus and its meters, whatever is spoken on it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from quartier.drivers.outputs import NotSwitched, Output
from quartier.drivers.readers import Inspectable, Present, Taken
from quartier.drivers.readers import Reader as MeterPort
from quartier.formats.uplink.appliances import OutputSettings
from quartier.formats.uplink.configuration import BusSettings, MeterSettings
from quartier.formats.uplink.stations import Charging as ChargingSettings
from quartier.gateway.noticed import Ledger
from quartier.gateway.recorder import Recorder

__all__ = [
    "BadMeter",
    "BusPort",
    "Chargers",
    "Charging",
    "Inspectable",
    "MeterPort",
    "NotSwitched",
    "OpenBus",
    "OpenChargers",
    "Output",
    "Present",
    "Taken",
]


class BadMeter(ValueError):
    """The device cannot be read or switched as it is configured; the text says why."""


class BusPort(Protocol):
    """One line, and those on it."""

    def meter(self, settings: MeterSettings) -> MeterPort:
        """The meter of ``settings``; raises :class:`BadMeter`."""

    def output(self, settings: OutputSettings, channel: int, name: str) -> Output:
        """The relay ``channel`` of the device of ``settings``; people call it ``name``. Raises
        :class:`BadMeter`."""

    def scan(self) -> AsyncIterator[Present]:
        """Who is on the bus, as they are found. May take minutes; the meters are read meanwhile.
        Raises ``ValueError`` with a sentence where the line cannot be reached."""

    def close(self) -> None:
        """Hang up; the next question connects again."""


@dataclass(frozen=True, slots=True)
class Charging:
    """How a station stands that is reached. ``wants``: a car is there that would take power;
    ``amperes`` what it may take a phase, None where that is not known; ``drawn_w`` what it takes,
    None where it does not say."""

    wants: bool
    amperes: int | None = None
    drawn_w: int | None = None


class Chargers(Protocol):
    """The charging stations that the gateway serves, while :meth:`run` does."""

    async def run(self) -> None:
        """Serve them until cancelled."""

    def state(self, name: str) -> Charging | None:
        """How the station called ``name`` stands; None where it is not connected."""

    async def limit(self, name: str, amperes: int, hold_s: int) -> None:
        """Let it take ``amperes`` a phase (0: nothing) for ``hold_s`` at least; told nothing more
        it goes back to its fallback. Raises :class:`NotSwitched`."""


OpenChargers = Callable[[ChargingSettings, Ledger, Recorder], Chargers]
"""Gives the server of charging stations."""
OpenBus = Callable[[BusSettings], BusPort]
"""Gives the bus of its settings, which connects when it is first asked. Raises :class:`BadMeter`
for a line that cannot be set up so."""
