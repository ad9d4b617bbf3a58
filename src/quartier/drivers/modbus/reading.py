"""Ask a device for its registers, and say what the answers mean.

Bad data is a value that is missing and a finding that says why; nothing is guessed, and one bad
register does not cost the others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quartier.core.kernel.findings import Finding, Severity, error, info, warning
from quartier.drivers.modbus.part import Limits, ModbusPart
from quartier.drivers.modbus.plan import Block, plan
from quartier.drivers.modbus.registers import Implausible, Place, Register
from quartier.drivers.values import Value
from quartier.protocols.modbus.bus import Bus, Timing
from quartier.protocols.modbus.errors import BadFrame, ModbusError, Refused
from quartier.protocols.modbus.values import NotAvailable

Words = Mapping[Place, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one poll of a device gave. ``is_reached``: it answered at least once."""

    values: tuple[Value, ...]
    findings: tuple[Finding, ...]
    is_reached: bool


@dataclass(frozen=True, slots=True)
class Device:
    """A device on a bus, ready to be polled: its requests are planned once."""

    unit: int
    family: str
    registers: tuple[Register, ...]
    blocks: tuple[Block, ...]
    timing: Timing
    where: str


def device(
    unit: int,
    family: str,
    registers: Iterable[Register],
    part: ModbusPart,
    *,
    where: str = "",
    limits: Limits | None = None,
) -> Device:
    """``registers`` of the device at address ``unit``; ``where`` is how people call it. What is
    billed is asked for first, so that it is read nearest to the instant that was meant."""
    wanted = tuple(registers)
    billed = {register.place for register in wanted if register.is_billing}
    blocks = plan(wanted, limits or part.limits)
    return Device(
        unit,
        family,
        wanted,
        tuple(sorted(blocks, key=lambda block: billed.isdisjoint(block.places))),
        part.timing,
        where or f"device {unit}",
    )


async def poll(bus: Bus, asked: Device) -> Reading:
    """Read all registers of ``asked`` now. Never raises for what a device or a line does."""
    words: dict[Place, tuple[int, ...]] = {}
    findings: list[Finding] = []
    is_reached = False
    for block in asked.blocks:
        try:
            found = await fetch(bus, asked, block, findings)
        except Refused as reason:
            is_reached = True
            findings.append(reason.finding(asked.where))
            continue
        except ModbusError as reason:
            findings.append(reason.finding(asked.where))
            break  # whoever does not answer now will not answer the rest; what came is kept
        is_reached = True
        words |= found
    values, noticed = decode(asked.registers, words, asked.family, asked.where)
    return Reading(values, (*findings, *noticed), is_reached)


async def fetch(
    bus: Bus, asked: Device, block: Block, findings: list[Finding]
) -> dict[Place, tuple[int, ...]]:
    """The words of one block; where the device refuses it whole, of its parts.

    Raises :class:`ModbusError`.
    """
    timing = bus.timing.at_least(asked.timing)
    try:
        reply = await bus.ask(asked.unit, block.request, timing)
    except Refused as reason:
        parts = list(block.parts())
        if not reason.is_address or len(parts) == 1:
            raise
    else:
        findings += reply.findings
        return _cut(block, reply.values)
    words: dict[Place, tuple[int, ...]] = {}
    missing: list[Finding] = []
    for part in parts:
        try:
            reply = await bus.ask(asked.unit, part.request, timing)
        except Refused as reason:
            missing.append(_no_register(asked, part))
            if len(missing) == len(parts):
                raise reason from None  # one sentence for the whole block
        else:
            findings += reply.findings
            words |= _cut(part, reply.values)
    findings += missing
    findings.append(
        info(
            "driver.block_refused",
            f"{asked.family} refuses to read registers {block.address} to "
            f"{block.address + block.count - 1} at once; they were read in {len(parts)} parts.",
            where=asked.where,
            remedy="Correct gap and longest in driver.toml: reading is slow this way.",
        )
    )
    return words


def _no_register(asked: Device, part: Block) -> Finding:
    wanted = [
        one
        for one in asked.registers
        if not {one.place, one.exponent, *one.plus}.isdisjoint(part.places)
    ]
    names = ", ".join(register.name for register in wanted)
    severity = _severity(wanted)
    return Finding(
        "driver.no_register",
        severity,
        f"the device has no register {part.address} ({names}).",
        asked.where,
        remedy="Check the model and its firmware against the driver.",
    )


def _severity(registers: Iterable[Register]) -> Severity:
    wanted = list(registers)
    if any(register.is_billing for register in wanted):
        return Severity.ERROR
    return Severity.INFO if all(one.is_optional for one in wanted) else Severity.WARNING


def _cut(block: Block, values: tuple[int, ...]) -> dict[Place, tuple[int, ...]]:
    return {
        place: values[place.address - block.address : place.end - block.address]
        for place in block.places
    }


def decode(
    registers: Iterable[Register], words: Words, family: str, where: str
) -> tuple[tuple[Value, ...], tuple[Finding, ...]]:
    """The values of ``registers`` in ``words``; those that were not fetched are passed over, as
    whoever failed to fetch them has said so."""
    values: list[Value] = []
    findings: list[Finding] = []
    seen: list[Register] = []
    strange: list[Register] = []
    for register in registers:
        if register.place not in words:
            continue
        exponent = words.get(register.exponent, ()) if register.exponent else ()
        if register.exponent and not exponent:
            continue
        if not all(place in words for place in register.plus):
            continue
        seen.append(register)
        plus = tuple(words[place] for place in register.plus)
        try:
            values.append(register.value(words[register.place], exponent, plus))
        except NotAvailable:
            if not register.is_optional:
                findings.append(_not_available(register, where))
        except (Implausible, BadFrame) as reason:
            strange.append(register)
            findings.append(_implausible(register, str(reason), where))
    if _is_misfit(seen, strange):
        # One sentence instead of twenty: not each value is wrong, but the map.
        return (), (_misfit(family, strange, len(seen), where),)
    return tuple(values), tuple(findings)


def _not_available(register: Register, where: str) -> Finding:
    make = error if register.is_billing else warning
    return make(
        "driver.not_available",
        f"register {register.place.address} ({register.name}) has no value.",
        where=where,
        remedy="Check that the phase is connected and that this model measures it.",
    )


def _implausible(register: Register, found: str, where: str) -> Finding:
    make = error if register.is_billing else warning
    return make(
        "driver.implausible",
        f"register {register.place.address} ({register.name}) reads {found}, which cannot be; "
        "it is not used.",
        where=where,
        remedy="Check the model, and the type and order of this register in driver.toml.",
    )


def _is_misfit(seen: list[Register], strange: list[Register]) -> bool:
    """Whether the map is of another device: most values cannot be, or no voltage and frequency
    can, of which everybody knows what they must be."""
    telling = [register for register in seen if register.base in {"V", "Hz"}]
    none_fits = len(telling) > 1 and all(register in strange for register in telling)
    return none_fits or (len(strange) > 1 and 2 * len(strange) > len(seen))


def _misfit(family: str, strange: list[Register], seen: int, where: str) -> Finding:
    names = ", ".join(register.name for register in strange[:3])
    return error(
        "driver.misfit",
        f"{len(strange)} of {seen} registers read values that cannot be (such as {names}): the "
        f"register map of {family} does not fit.",
        where=where,
        remedy="Choose the driver of the model that stands on the meter.",
    )
