"""How the poller sees a bus and its meters, whatever is spoken on it."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from quartier.drivers.outputs import NotSwitched, Output
from quartier.drivers.readers import Inspectable, Present, Taken
from quartier.drivers.readers import Reader as MeterPort
from quartier.formats.uplink.appliances import OutputSettings
from quartier.formats.uplink.configuration import BusSettings, MeterSettings

__all__ = [
    "BadMeter",
    "BusPort",
    "Inspectable",
    "MeterPort",
    "NotSwitched",
    "OpenBus",
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


OpenBus = Callable[[BusSettings], BusPort]
"""Gives the bus of its settings, which connects when it is first asked. Raises :class:`BadMeter`
for a line that cannot be set up so."""
