"""Which values stand in the status of a device."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from typing import Any

from quartier.core.kernel.findings import Finding, error
from quartier.drivers.shelly.part import Register, ShellyPart
from quartier.drivers.values import Value

_MAC = re.compile(r"[0-9A-F]{12}")
_MOST_MAGNITUDE = 30
_EXACT = Context(prec=120, traps=[Inexact])


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
    doubted: dict[str, None] = {}
    for register in registers:
        places = register.places(channel)
        if doubts := [one for one in places if _at(status, (*one[:-1], "is_valid")) is False]:
            doubted |= dict.fromkeys(".".join(one[:-1]) for one in doubts)
            continue
        found = [_at(status, keys) for keys in places]
        if None in found:
            if not register.is_optional:
                findings.append(_missing(register, channel, where))
            continue
        less = _at(status, register.lessened(channel)) if register.minus else None
        amount = _amount(found, less, register)
        if amount is None:
            findings.append(_implausible(found, register, channel, where))
            continue
        code = register.obis
        values.append(Value(str(code), code, amount, register.base, register.is_billing))
    findings += [_doubted(place, where) for place in doubted]
    return Reading(tuple(values), tuple(findings), True, serial_of(status, part, channel))


def wanted_of(part: ShellyPart, channel: int) -> set[tuple[str, str]]:
    """Components of a status, and their names, that :func:`decode` looks at."""
    places = [place for one in part.registers for place in one.places(channel)]
    return {("sys", "mac"), *((place[0], place[1]) for place in places)}


def serial_of(status: Mapping[str, Any], part: ShellyPart, channel: int) -> str:
    """The MAC address, as it is printed on the device; of a device with channels with the number
    of the channel behind it. Empty where the device does not say."""
    mac = _at(status, ("mac",) if part.generation == 1 else ("sys", "mac"))
    if not isinstance(mac, str) or not _MAC.fullmatch(mac):
        return ""
    return mac if part.channels == 1 else f"{mac}-{channel}"


def _at(status: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    found: Any = status
    for key in keys:
        if isinstance(found, list) and key.isdecimal():
            found = found[int(key)] if int(key) < len(found) else None
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found


def _amount(found: Iterable[Any], less: Any, register: Register) -> Decimal | None:
    number = Decimal(0)
    for one in found:
        term = _number(one)
        if term is None or (register.base == "Wh" and term < 0):
            return None
        number = _EXACT.add(number, term)
    if less is not None:
        term = _number(less)
        if term is None or (register.base == "Wh" and term < 0):
            return None
        number = _EXACT.subtract(number, term)
    amount = register.amount(number)
    low, high = register.limits
    return amount if low <= amount <= high else None


def _number(found: Any) -> Decimal | None:
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        return None
    number = Decimal(found)
    if not number.is_finite() or (number and abs(number.adjusted()) > _MOST_MAGNITUDE):
        return None
    return number if len(number.as_tuple().digits) <= _MOST_MAGNITUDE else None


def _missing(register: Register, channel: int, where: str) -> Finding:
    return error(
        "shelly.missing",
        f"the device tells no {register.obis} ({'.'.join(register.keys(channel))}).",
        where=where,
        remedy="Check the model and the channel, and update the firmware of the device.",
    )


def _doubted(place: str, where: str) -> Finding:
    return error(
        "shelly.doubted",
        f"the device says that what it measures is not valid ({place}).",
        where=where,
        remedy="Restart the device; if it stays so, exchange it.",
    )


def _implausible(found: list[Any], register: Register, channel: int, where: str) -> Finding:
    shown = " + ".join(
        f"{one:.6g}" if isinstance(one, Decimal) else type(one).__name__ for one in found
    )
    return error(
        "shelly.implausible",
        f"{register.obis} ({'.'.join(register.keys(channel))}) cannot be meant: {shown}.",
        where=where,
        remedy="Restart the device; if it stays so, exchange it.",
    )
