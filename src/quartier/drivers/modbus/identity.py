"""Whether a device is of the family that its driver is for: it is asked who it is."""

from quartier.core.kernel.findings import Finding, error
from quartier.drivers.modbus.part import ModbusPart
from quartier.protocols.modbus.bus import Bus
from quartier.protocols.modbus.errors import ModbusError, Refused
from quartier.protocols.modbus.pdu import Request


async def identify(
    bus: Bus, unit: int, part: ModbusPart, family: str, where: str
) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """What device ``unit`` says of itself, by the names of the driver's ``[[identify]]``.

    A device that does not have such a register, or holds something else there, is of another
    family: a finding.
    """
    known: dict[str, str] = {}
    findings: list[Finding] = []
    timing = bus.timing.at_least(part.timing)
    for identity in part.identities:
        place = identity.place
        try:
            reply = await bus.ask(unit, Request(place.function, place.address, place.words), timing)
        except Refused as reason:
            found = f"no register {place.address} (exception {reason.reason})"
        except ModbusError as reason:
            return known, (*findings, reason.finding(where))
        else:
            findings += reply.findings
            found = identity.read(reply.values)
            if identity.fits(found):
                known[identity.name] = found
                continue
        findings.append(
            error(
                "driver.other_device",
                f"the {identity.name} of the device is {found or 'empty'}; a device of {family} "
                f"has {', '.join(identity.equals)}.",
                where=where,
                remedy="Choose the driver of the model that stands on the meter.",
            )
        )
    return known, tuple(findings)
