"""SunSpec: ask a device which models it has, and where.

Source: SunSpec Device Information Model Specification: the marker "SunS" at one of three bases,
then models one behind the other, each with its number and length, the last one numbered 0xFFFF.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from quartier.core.kernel.findings import Finding, error
from quartier.drivers.head import Model
from quartier.drivers.modbus.part import ModbusPart
from quartier.drivers.modbus.registers import Register
from quartier.protocols.modbus.bus import Bus
from quartier.protocols.modbus.errors import ModbusError, Refused
from quartier.protocols.modbus.pdu import READ_HOLDING, Request

MARKER = (0x5375, 0x6E53)  # "SunS"
_END = 0xFFFF
_MOST_MODELS = 100


@dataclass(frozen=True, slots=True)
class ModelAt:
    """A model of the device: its number, the address of its number word, its length."""

    number: int
    address: int
    length: int


async def find_registers(
    bus: Bus, unit: int, part: ModbusPart, model: Model, where: str
) -> tuple[tuple[Register, ...], tuple[Finding, ...]]:
    """The registers of ``model`` (inverter, meter, battery) in device ``unit``."""
    found, findings = await discover(bus, unit, part, where)
    registers = registers_of(part, model, found)
    if findings or registers:
        return ((), findings) if findings else (registers, ())
    numbers = ", ".join(str(one.number) for one in found) or "none"
    return (), (
        error(
            "driver.no_sunspec_model",
            f"the device has no SunSpec model of {model.name}; it has: {numbers}.",
            where=where,
            remedy="Choose another kind, or the maker's own driver.",
        ),
    )


async def discover(
    bus: Bus, unit: int, part: ModbusPart, where: str
) -> tuple[tuple[ModelAt, ...], tuple[Finding, ...]]:
    """The models that device ``unit`` has, in their order."""
    timing = bus.timing.at_least(part.timing)
    for base in part.sunspec_bases:
        try:
            reply = await bus.ask(unit, Request(READ_HOLDING, base, 2), timing)
        except Refused as reason:
            if reason.is_address:
                continue
            return (), (reason.finding(where),)
        except ModbusError as reason:
            return (), (reason.finding(where),)
        if reply.values == MARKER:
            return await _chain(bus, unit, part, base + 2, where)
    return (), (
        error(
            "driver.no_sunspec",
            f"the device has no SunSpec marker at {', '.join(map(str, part.sunspec_bases))}.",
            where=where,
            remedy="Switch Modbus with SunSpec on in the inverter's menu.",
        ),
    )


async def _chain(
    bus: Bus, unit: int, part: ModbusPart, address: int, where: str
) -> tuple[tuple[ModelAt, ...], tuple[Finding, ...]]:
    found: list[ModelAt] = []
    while len(found) < _MOST_MODELS and address <= 0xFFFF - 1:
        try:
            reply = await bus.ask(
                unit, Request(READ_HOLDING, address, 2), bus.timing.at_least(part.timing)
            )
        except ModbusError as reason:
            return tuple(found), (reason.finding(where),)
        number, length = reply.values
        if number == _END:
            return tuple(found), ()
        found.append(ModelAt(number, address, length))
        address += 2 + length
    return tuple(found), (
        error(
            "driver.endless_sunspec",
            f"the list of SunSpec models does not end after {len(found)} models.",
            where=where,
            remedy="Update the firmware of the device.",
        ),
    )


def registers_of(part: ModbusPart, model: Model, found: Iterable[ModelAt]) -> tuple[Register, ...]:
    """The registers of ``model`` in a device that has ``found``: those
    of the first SunSpec model of that kind. Points beyond a model's length are not there."""
    for one in found:
        points = [
            point.at(one.address)
            for point in part.points
            if one.number in point.models and point.register.is_of(model.name, model.phases)
        ]
        end = one.address + 2 + one.length
        fitting = tuple(
            register
            for register in points
            if register.place.end <= end
            and (register.exponent is None or register.exponent.end <= end)
        )
        if fitting:
            return fitting
    return ()
