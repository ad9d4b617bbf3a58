"""What an electricity meter shows at an instant, by OBIS code (IEC 62056-6-1, value group C, group
D = 7): voltage, current and power of each phase, power and power factor of all. Plain Python.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

from quartier.core.kernel.obis import Obis
from quartier.core.metering.inspection import Phase

INSTANT = 7
PHASES = (1, 2, 3)


class Quantity(StrEnum):
    """What a code stands for, by the unit it is sent in."""

    VOLTAGE = "V"
    CURRENT = "A"
    POWER = "W"
    """Drawn is positive, of whichever direction the meter tells it."""
    FACTOR = "1"


_OF_PHASE_1 = {
    32: (Quantity.VOLTAGE, 1),
    31: (Quantity.CURRENT, 1),
    36: (Quantity.POWER, 1),
    21: (Quantity.POWER, 1),
    22: (Quantity.POWER, -1),
    33: (Quantity.FACTOR, 1),
}
_OF_ALL = {
    16: (Quantity.POWER, 1),
    1: (Quantity.POWER, 1),
    2: (Quantity.POWER, -1),
    13: (Quantity.FACTOR, 1),
}
_NET = (16, 36)  # tells both directions in one number


def _codes() -> Iterator[tuple[int, tuple[Quantity, int, int]]]:
    for code, (quantity, sign) in _OF_ALL.items():
        yield code, (quantity, sign, 0)
    for phase in PHASES:
        for code, (quantity, sign) in _OF_PHASE_1.items():
            yield code + 20 * (phase - 1), (quantity, sign, phase)


_BY_CODE = dict(_codes())


def is_momentary(code: Obis) -> bool:
    """Whether ``code`` is one that an inspection looks at."""
    return code.medium == 1 and code.processing == INSTANT and code.quantity in _BY_CODE


def quantity_of(code: Obis) -> Quantity:
    """What ``code``, which :func:`is_momentary`, stands for."""
    return _BY_CODE[code.quantity][0]


def phase_of(code: Obis) -> int:
    """The phase that ``code`` is of, whatever it counts; 0 for those of all or of no phase."""
    return _BY_CODE[code.quantity][2] if code.medium == 1 and code.quantity in _BY_CODE else 0


def is_of_phase(code: Obis) -> bool:
    """Whether ``code`` is of one phase of electricity."""
    return phase_of(code) > 0


def phases_of(values: Mapping[Obis, Decimal], *, factor: Decimal) -> tuple[Phase, ...]:
    """The phases that ``values`` tell of, the first to the last one told.

    ``factor``: the CT/VT factor that the meter does not know itself, negative where import and
    export change places; it holds for powers, and its amount for currents.
    """
    found = [
        Phase(
            _one(values, Quantity.VOLTAGE, phase),
            _times(_one(values, Quantity.CURRENT, phase), abs(factor)),
            _times(_power(values, phase), factor),
        )
        for phase in PHASES
    ]
    while found and found[-1] == Phase():
        found.pop()
    if len(found) == 1 and found[0].power_w is None:  # a meter of one phase
        found = [replace(found[0], power_w=_times(_power(values, 0), factor))]
    return tuple(found)


def power_of(values: Mapping[Obis, Decimal], *, factor: Decimal) -> Decimal | None:
    """The power of all phases in W; where the meter does not tell it itself, that of its only
    phase or the sum of three."""
    whole = _power(values, 0)
    if whole is None:
        phases = phases_of(values, factor=Decimal(1))
        powers = [one.power_w for one in phases if one.power_w is not None]
        if len(powers) == len(phases) and len(powers) in (1, 3):
            whole = sum(powers, Decimal(0))
    return _times(whole, factor)


def _power(values: Mapping[Obis, Decimal], phase: int) -> Decimal | None:
    """Import minus export; one number of both is preferred."""
    told = [
        (code.quantity, _BY_CODE[code.quantity][1] * value)
        for code, value in values.items()
        if _is(code, Quantity.POWER, phase)
    ]
    net = [value for quantity, value in told if quantity - 20 * max(phase - 1, 0) in _NET]
    if net:
        return net[0]
    return sum((value for _, value in told), Decimal(0)) if told else None


def _one(values: Mapping[Obis, Decimal], quantity: Quantity, phase: int) -> Decimal | None:
    return next((value for code, value in values.items() if _is(code, quantity, phase)), None)


def _is(code: Obis, quantity: Quantity, phase: int) -> bool:
    return is_momentary(code) and (_BY_CODE[code.quantity][0], _BY_CODE[code.quantity][2]) == (
        quantity,
        phase,
    )


def _times(value: Decimal | None, factor: Decimal) -> Decimal | None:
    return None if value is None else value * factor
