"""What every protocol offers to whoever reads devices: a line, and a reader of each device on it.

A package of a protocol has a module ``line`` with a class ``Line(settings, monotonic)`` that is a
:class:`LineOf`. The gateway and the command line know nothing else of it.
"""

import importlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from quartier.core.kernel.findings import Finding
from quartier.drivers.catalog import Family
from quartier.drivers.head import Model
from quartier.drivers.outputs import Output
from quartier.drivers.values import Value
from quartier.protocols.wire.link import Link, TcpLink
from quartier.protocols.wire.serial_port import SerialLink, SerialSettings


class BadDevice(ValueError):
    """The device cannot be read so; the text says why."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a device gave. ``monotonic_s``: when its answer came, by the monotonic clock.

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


class Reader(Protocol):
    """One device. Nothing that it or its line does is raised: it is a finding."""

    async def registers(self) -> Taken:
        """Its counting registers, what is billed first."""

    async def power(self) -> Taken:
        """Its power now; without values for a device that has none."""


@runtime_checkable
class Inspectable(Protocol):
    """A device that tells more of an instant than its power."""

    async def momentary(self) -> Taken:
        """Voltage, current, power and power factor now, of each phase and of all, as far as its
        driver has them; the power of :meth:`Reader.power` is among them."""


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Where a line is: a serial ``device``, clocked as ``serial``, or ``host`` and ``port`` of TCP.

    ``is_rtu``: Modbus RTU through a converter. ``timeout_s`` for an answer, ``pause_s`` before a
    request.
    """

    device: str = ""
    serial: SerialSettings | None = None
    host: str = ""
    port: int = 0
    is_rtu: bool = False
    timeout_s: float = 1.0
    pause_s: float = 0.0

    def link(self) -> Link:
        """What carries the bytes; it connects when it is opened."""
        if self.device:
            return SerialLink(self.device, self.serial)
        return TcpLink(self.host, self.port)


class LineOf(Protocol):
    """One line of a protocol, and the devices on it."""

    def reader(self, family: Family, model: Model, address: str, name: str) -> Reader:
        """The device at ``address``; people call it ``name``. Raises :class:`BadDevice`."""

    def output(self, family: Family, address: str, channel: int, name: str) -> Output:
        """The output ``channel``, from 0, of the device at ``address``; people call it ``name``.
        Raises :class:`BadDevice`."""

    def scan(self) -> AsyncIterator[Present]:
        """Who is on the line, as they are found. May take minutes; devices are read meanwhile.
        Raises ``ValueError`` with a sentence where the line cannot be reached."""

    def close(self) -> None:
        """Hang up; the next question connects again."""


def open_line(protocol: str, settings: LineSettings, monotonic: Callable[[], float]) -> LineOf:
    """The line of ``settings``, which connects when it is first asked; ``monotonic`` stamps what
    comes from it. Raises ``ValueError`` for a line that cannot be set up so."""
    module = importlib.import_module(f"quartier.drivers.{protocol}.line")
    line: LineOf = module.Line(settings, monotonic)
    return line
