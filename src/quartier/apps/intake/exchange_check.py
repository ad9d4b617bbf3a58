"""Whether a device can have been exchanged as somebody says: instants, serials and counters.

What is surely wrong is refused; what is only unlikely is said, for whoever reviews it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import F, Q

from quartier.apps.equipment.models import Device, Meter, Register
from quartier.apps.metering.mapping import core_device
from quartier.apps.metering.models import Reading
from quartier.apps.metering.taken_back import FIELDS, Stored, standing
from quartier.core.kernel.quality import Quality
from quartier.core.metering import registers as core
from quartier.core.metering.registers import power_limit_w

if TYPE_CHECKING:
    from quartier.apps.intake.exchange import Exchange

USUAL_FUSE_A = Decimal(80)
"""Of a connection whose fuse nobody entered: a direct meter carries no more (system.md 2.1)."""

_QUARTER = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
_NEWEST = 50
"""Readings among which one was not taken back."""
_MOST = Decimal(10) ** 12
_MOST_FACTOR = Decimal(10) ** 6
_MOST_DIGITS = 12


class BadExchange(ValueError):
    """The device cannot have been exchanged so; the text says why and what to do."""


@dataclass
class Known:
    """What is known of a register around the exchange: its ``last`` reading before, the instants
    and values of those after it; ``delta`` of the old device, over a roll-over too."""

    last: Stored | None = None
    later: list[datetime] = field(default_factory=list)
    values: list[Stored] = field(default_factory=list)
    delta: Decimal | None = None


def last_readings(
    meter: Meter, registers: Sequence[Register], old: Device | None, at: datetime
) -> dict[int, Known]:
    """By register id: the last one of ``old`` until ``at``, and those after; two queries each."""
    found = {}
    for register in registers:
        rows = Reading.objects.filter(site_id=meter.site_id, register_id=register.pk)
        before = rows.filter(read_at__lte=at)
        if old is not None:
            is_olds = Q(device_id=old.pk) | Q(device_id=None)
            before = before.filter(is_olds, read_at__gte=old.installed_at)
        # Where it was installed in an exchange, what it showed then counts.
        newest = before.order_by("-read_at", F("device_id").asc(nulls_last=True))
        last = standing([Stored(*row) for row in newest.values_list(*FIELDS)[:_NEWEST]])
        later = rows.filter(read_at__gt=at).order_by("read_at").values_list(*FIELDS)
        after = list(standing([Stored(*row) for row in later]))
        found[register.pk] = Known(
            last[0] if last else None, sorted({one.read_at for one in after}), after
        )
    return found


def check(
    meter: Meter,
    old: Device | None,
    asked: "Exchange",
    finals: Mapping[int, Decimal | None],
    starts: Mapping[int, Decimal | None],
    known: Mapping[int, Known],
    now: datetime,
) -> list[str]:
    """What is unlikely about ``asked``, a sentence each. Raises :class:`BadExchange`."""
    _check_device(meter, old, asked, now)
    warnings: list[str] = []
    for one in asked.counters:
        pk, name = one.register.pk, one.register.direction
        own = known[pk]
        is_needed = meter.source == Meter.Source.REGISTER
        final, start = finals[pk], starts[pk]
        if is_needed and (start is None or (final is None and old is not None)):
            raise BadExchange(f"type what both devices show for {name}")
        if any(not 0 <= value < _MOST for value in (final, start) if value is not None):
            raise BadExchange(f"no counter shows what was typed for {name}")
        if old is not None and final is not None and own.last is not None:
            warnings += _check_final(meter, old, one.register, final, own, asked.at)
        elif old is not None and final is not None and is_needed:
            warnings.append(
                f"No reading of {old.serial} for {name} is known: it counts from 0 at its "
                "installation."
            )
        if start is not None:
            _check_later(meter, old, asked, one.register, start, own)
    return warnings


def _check_device(meter: Meter, old: Device | None, asked: "Exchange", now: datetime) -> None:
    if meter.source == Meter.Source.VIRTUAL:
        raise BadExchange("this meter is computed; it has no device")
    if not (0 < len(asked.serial) <= 40 and asked.serial.isprintable()):
        raise BadExchange("the number of the new device is a text of 1 to 40 characters")
    if not (len(asked.old_serial) <= 40 and asked.old_serial.isprintable()):
        raise BadExchange("the number of the old device is a text of at most 40 characters")
    serials = set(Device.objects.filter(meter=meter).values_list("serial", flat=True))
    if asked.serial in serials:
        raise BadExchange(
            f"the meter has or had the device {asked.serial} already; mend its number"
        )
    if not (asked.factor.is_finite() and 0 < asked.factor < _MOST_FACTOR):
        raise BadExchange("the factor is a number above 0, with six decimals at most")
    if asked.factor != asked.factor.quantize(Decimal("0.000001")):
        raise BadExchange("the factor is a number above 0, with six decimals at most")
    if asked.digits is not None and not 1 <= asked.digits <= _MOST_DIGITS:
        raise BadExchange(f"a counter has from 1 to {_MOST_DIGITS} digits before the point")
    if asked.at > now:
        raise BadExchange("the exchange is in the future; enter it when it is done")
    if old is not None and asked.at <= old.installed_at:
        raise BadExchange("the old device was not installed yet then; mend the time")


def _check_final(
    meter: Meter, old: Device, register: Register, final: Decimal, own: Known, at: datetime
) -> list[str]:
    assert own.last is not None
    start = core.Reading(own.last.read_at, own.last.value, Quality.MEASURED)
    end = core.Reading(at, final, Quality.MANUAL)
    energy, _ = core.delta_wh(start, end, core_device(old, None), meter.fuse_a)
    direction = register.direction
    if energy is None and final < own.last.value:
        raise BadExchange(
            f"the final reading for {direction}, {_shown(final)}, is below the last one, "
            f"{_shown(own.last.value)}; look at the display again"
        )
    if energy is None:
        raise BadExchange(
            f"the final reading for {direction}, {_shown(final)}, is more than the fuse lets "
            f"through since the last one, {_shown(own.last.value)}; look at the display again"
        )
    own.delta = Decimal(energy.numerator) / Decimal(energy.denominator) / old.factor
    if energy > _most_wh(meter, old.factor, at - own.last.read_at):
        return [
            f"The final reading for {direction}, {_shown(final)}, is far above the last one, "
            f"{_shown(own.last.value)}."
        ]
    return []


def _check_later(
    meter: Meter,
    old: Device | None,
    asked: "Exchange",
    register: Register,
    start: Decimal,
    own: Known,
) -> None:
    """What was read after the exchange is the new device's, if that can be."""
    for one in own.values:
        is_olds = old is not None and one.device_id == old.pk
        most = _most_wh(meter, asked.factor, one.read_at - asked.at) / asked.factor
        if is_olds or not start <= one.value <= start + most:
            raise BadExchange(
                f"{register.direction} was read at {one.read_at:%Y-%m-%dT%H:%MZ} as "
                f"{_shown(one.value)}, which is not the new device's; the exchange was later, or "
                "its start reading is wrong"
            )


def _most_wh(meter: Meter, factor: Decimal, span: timedelta) -> Decimal:
    """What flows in ``span`` at most; a step of the counter may come a quarter-hour late."""
    limit_w = power_limit_w(meter.fuse_a)
    if limit_w is None:
        usual = power_limit_w(USUAL_FUSE_A)
        assert usual is not None
        limit_w = usual * max(factor, Decimal(1))
    return limit_w * Decimal((span + _QUARTER) / _HOUR)


def _shown(value: Decimal) -> str:
    """As the counter shows it, in kWh or m3."""
    return f"{(value / 1000).normalize():f}"
