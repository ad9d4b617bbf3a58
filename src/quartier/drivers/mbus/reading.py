"""Ask a meter for its telegrams, and say which values are in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from quartier.core.kernel.findings import Finding
from quartier.drivers.head import Model
from quartier.drivers.mbus.part import MBusPart
from quartier.drivers.values import Value
from quartier.protocols.mbus.addresses import Secondary
from quartier.protocols.mbus.bus import Bus
from quartier.protocols.mbus.errors import MBusError
from quartier.protocols.mbus.exchange import Timing
from quartier.protocols.mbus.meter import read_meter
from quartier.protocols.mbus.telegram import Telegram

_PRIMARY_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading of a meter gave. ``is_reached``: it answered at least once; ``serial`` is
    the number that it gives itself, or empty. ``telegrams`` are what it sent."""

    values: tuple[Value, ...]
    findings: tuple[Finding, ...]
    is_reached: bool
    serial: str = ""
    telegrams: tuple[Telegram, ...] = ()


def address_of(text: str) -> int | Secondary:
    """A primary address of up to three digits, or a secondary one. Raises ``ValueError``."""
    if text.isdecimal() and len(text) <= _PRIMARY_DIGITS:
        return int(text)
    return Secondary.parse(text)


async def poll(
    bus: Bus, address: int | Secondary, part: MBusPart, model: Model, where: str
) -> Reading:
    """The registers of the meter at ``address`` now. Never raises for what it or the line does."""
    timing = _at_least(bus.timing, part)
    try:
        if isinstance(address, int):
            answer = await bus.read(address, timing)
        else:
            answer = await bus.read_secondary(address, timing)
    except MBusError as problem:
        return Reading((), (problem.finding(where),), False)
    values, noticed, serial = decode(answer.telegrams, part, model, where)
    return Reading(values, (*answer.findings, *noticed), True, serial, answer.telegrams)


def decode(
    telegrams: Sequence[Telegram], part: MBusPart, model: Model, where: str
) -> tuple[tuple[Value, ...], tuple[Finding, ...], str]:
    """The values in ``telegrams``, what was noticed, and the number of the meter."""
    try:
        meter, noticed = read_meter(telegrams, part.chosen(model))
    except MBusError as problem:
        return (), (problem.finding(where),), ""
    unbilled = {one.obis for one in part.of_model(model) if not one.is_billing}
    values = tuple(
        Value(str(one.obis), one.obis, one.value, one.unit, one.is_billing and obis not in unbilled)
        for obis, one in meter.current.items()
    )
    return values, noticed, meter.device.number


def _at_least(timing: Timing, part: MBusPart) -> Timing:
    """``timing``, waiting no less than devices of the family need."""
    return Timing(
        max(timing.answer_s, part.timeout_s),
        timing.gap_s,
        timing.most_s,
        max(timing.pause_s, part.pause_s),
        timing.tries,
    )
