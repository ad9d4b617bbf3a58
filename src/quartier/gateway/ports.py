"""How the poller sees a bus and its meters, whatever is spoken on it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from quartier.core.kernel.findings import Finding
from quartier.drivers.values import Value
from quartier.formats.uplink.configuration import BusSettings, MeterSettings


class BadMeter(ValueError):
    """The meter cannot be read as it is configured; the text says why."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a meter gave. ``monotonic_s``: when its answer came, by the monotonic clock.

    ``is_reached``: it answered at all. ``serial`` is the number that it gives itself, or empty.
    """

    values: tuple[Value, ...]
    monotonic_s: float
    findings: tuple[Finding, ...]
    is_reached: bool
    serial: str = ""


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody at ``address``; ``about`` says what is known of it: families of drivers that fit,
    or its number, maker and medium."""

    address: str
    about: str


class MeterPort(Protocol):
    """One meter. Nothing that a device or a line does is raised: it is a finding."""

    async def registers(self) -> Taken:
        """Its counting registers, what is billed first."""

    async def power(self) -> Taken:
        """Its power now; without values for a meter that has none."""


@runtime_checkable
class Inspectable(Protocol):
    """A meter that tells more of an instant than its power."""

    async def momentary(self) -> Taken:
        """Voltage, current, power and power factor now, of each phase and of all, as far as its
        driver has them; the power of :meth:`MeterPort.power` is among them."""


class BusPort(Protocol):
    """One line, and those on it."""

    def meter(self, settings: MeterSettings) -> MeterPort:
        """The meter of ``settings``; raises :class:`BadMeter`."""

    def scan(self) -> AsyncIterator[Present]:
        """Who is on the bus, as they are found. May take minutes; the meters are read meanwhile.
        Raises ``ValueError`` with a sentence where the line cannot be reached."""

    def close(self) -> None:
        """Hang up; the next question connects again."""


OpenBus = Callable[[BusSettings], BusPort]
"""Gives the bus of its settings, which connects when it is first asked. Raises :class:`BadMeter`
for a line that cannot be set up so."""
