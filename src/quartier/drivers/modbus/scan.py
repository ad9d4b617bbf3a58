"""Who is on the bus: ask every address, and guess the family of who answers.

Whoever answers anything, be it a refusal, is there. A family is guessed from what only it can show:
what it says of itself where the driver knows a register for that, else whether its registers of
voltage and frequency read what a grid has. Several families may fit; a person decides.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace

from quartier.core.kernel.findings import Finding
from quartier.drivers.catalog import Family
from quartier.drivers.modbus.identity import identify
from quartier.drivers.modbus.part import ModbusPart
from quartier.drivers.modbus.reading import device, poll
from quartier.drivers.modbus.sunspec import discover
from quartier.drivers.values import Value
from quartier.protocols.modbus.bus import Bus, Timing
from quartier.protocols.modbus.errors import (
    Garbled,
    ModbusError,
    NoAnswer,
    OtherAddress,
    Refused,
    WrongLength,
)
from quartier.protocols.modbus.pdu import READ_HOLDING, READ_INPUT, Request

QUICK = Timing(timeout_s=0.3, tries=1)
"""An answer takes a few characters at 2400 baud; a slow converter needs more."""

_PROBES = (Request(READ_HOLDING, 0, 2), Request(READ_INPUT, 0, 2))
_LEAST_VOLTS = 50


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody at address ``unit``: the keys of the families that fit, the sure ones first, and
    what is odd about the answers."""

    unit: int
    families: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


async def scan(
    bus: Bus, units: Iterable[int], families: Iterable[Family], timing: Timing = QUICK
) -> AsyncIterator[Present]:
    """Who is at ``units``, in their order, as they are found.

    Raises NoConnection where the line cannot be reached, and BadFrame where it speaks something
    else (RTU inside TCP, say, in place of Modbus TCP).
    """
    known = [family for family in families if family.head.protocol == "modbus" and family.is_meter]
    for unit in units:
        where = f"device {unit}"
        try:
            is_there = await _answers(bus, unit, timing)
        except (Garbled, OtherAddress, WrongLength) as reason:
            yield Present(unit, (), (reason.finding(where),))
            continue
        if is_there:
            yield Present(unit, await _fitting(bus, unit, known, timing))


async def _answers(bus: Bus, unit: int, timing: Timing) -> bool:
    for request in _PROBES:
        try:
            await bus.ask(unit, request, timing)
        except NoAnswer:
            continue
        except Refused as reason:
            if not reason.is_passing:  # else a converter says that nobody is there
                return True
            continue
        return True
    return False


async def _fitting(bus: Bus, unit: int, families: list[Family], timing: Timing) -> tuple[str, ...]:
    sure, likely = [], []
    for family in families:
        part: ModbusPart = replace(family.part, timing=timing)
        try:
            if part.points:
                found, _ = await discover(bus, unit, part, "")
                sure += [family.head.key] if found else []
                continue
            is_told = any(identity.equals for identity in part.identities)
            if is_told:
                _, doubts = await identify(bus, unit, part, family.head.family, "")
                sure += [] if doubts else [family.head.key]
            elif not family.settings and await _reads_a_grid(bus, unit, family, part):
                likely.append(family.head.key)
        except ModbusError:
            continue
    return (*sure, *likely)


async def _reads_a_grid(bus: Bus, unit: int, family: Family, part: ModbusPart) -> bool:
    """Whether voltage and frequency of the first model are there and are those of a grid."""
    telling = [
        register
        for register in part.of_model(family.head.models[0])
        if register.base in {"V", "Hz"} and register.phase <= 1
    ]
    reading = await poll(bus, device(unit, family.head.family, telling, part))
    return len(reading.values) == len(telling) > 1 and all(map(_is_of_a_grid, reading.values))


def _is_of_a_grid(value: Value) -> bool:
    return value.unit != "V" or value.value >= _LEAST_VOLTS
