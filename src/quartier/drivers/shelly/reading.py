"""Which values stand in the status of a device."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quartier.core.kernel.findings import Finding, error
from quartier.drivers.shelly.part import Register, ShellyPart
from quartier.drivers.units import BASE, counted, product
from quartier.drivers.values import Value

_MAC = re.compile(r"[0-9A-F]{12}")
_MOST_MAGNITUDE = 30


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading of a channel gave. ``is_reached``: the device answered; ``serial`` is the
    number that it gives itself, or empty."""

    values: tuple[Value, ...]
    findings: tuple[Finding, ...]
    is_reached: bool
    serial: str = ""


def decode(
    status: Mapping[str, Any],
    part: ShellyPart,
    registers: Iterable[Register],
    channel: int,
    where: str,
) -> Reading:
    """The ``registers`` of ``channel`` in ``status``; never raises for what stands there."""
    values, findings = [], []
    for register in registers:
        found = _at(status, register.keys(channel))
        if found is None:
            if not register.is_optional:
                findings.append(_missing(register, channel, where))
            continue
        amount = _amount(found, register)
        if amount is None:
            findings.append(_implausible(found, register, channel, where))
            continue
        code = register.obis
        values.append(Value(str(code), code, amount, register.base, register.is_billing))
    return Reading(tuple(values), tuple(findings), True, serial_of(status, part, channel))


def serial_of(status: Mapping[str, Any], part: ShellyPart, channel: int) -> str:
    """The MAC address, as it is printed on the device; of a device with channels with the number
    of the channel behind it. Empty where the device does not say."""
    mac = _at(status, ("sys", "mac"))
    if not isinstance(mac, str) or not _MAC.fullmatch(mac):
        return ""
    return mac if part.channels == 1 else f"{mac}-{channel}"


def _at(status: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    found: Any = status
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _amount(found: Any, register: Register) -> Decimal | None:
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        return None
    number = Decimal(found)
    if not number.is_finite() or (number and abs(number.adjusted()) > _MOST_MAGNITUDE):
        return None
    if len(number.as_tuple().digits) > _MOST_MAGNITUDE:
        return None
    amount = counted(product(number, BASE[register.unit][1]), register.base)
    low, high = register.limits
    return amount if low <= amount <= high else None


def _missing(register: Register, channel: int, where: str) -> Finding:
    return error(
        "shelly.missing",
        f"the device tells no {register.obis} ({'.'.join(register.keys(channel))}).",
        where=where,
        remedy="Check the model and the channel, and update the firmware of the device.",
    )


def _implausible(found: Any, register: Register, channel: int, where: str) -> Finding:
    shown = f"{found:.6g}" if isinstance(found, Decimal) else f"{type(found).__name__}"
    return error(
        "shelly.implausible",
        f"{register.obis} ({'.'.join(register.keys(channel))}) cannot be meant: {shown}.",
        where=where,
        remedy="Restart the device; if it stays so, exchange it.",
    )
