"""Meter inspection: what an installer checks before leaving, as verdicts (system.md 2.3,
"Verification and testing"; docs/algorithms/inspection.md).

Powers are positive when drawn. A production meter is wired as if the plant were a consumer, so
that it shows a negative power while the sun shines.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from quartier.core.kernel.findings import Finding, Severity, error, warning

FRESH = timedelta(minutes=5)
USUAL_V = (Decimal(230), Decimal(240))
ALLOWED_V = (Decimal(207), Decimal(253))
"""230 V plus or minus 10 % (EN 50160)."""
NOISE_W = Decimal(20)
"""Below that the sign of a power says nothing (standby of an inverter, a meter's own draw)."""
EXPORT_WH = 1000
"""A consumer that fed in more than that since its installation is wired the wrong way [D]."""
LOADED_A = Decimal(1)
FACTOR = Decimal("0.7")
"""A power factor below that is rare in a building, and what a transformer on the wrong phase
shows: 0.5 [D]."""
RESIDUAL_SHARE = Decimal("0.02")
RESIDUAL_W = Decimal(100)
"""The meters are not read in the same instant, so a small residual says nothing [D]."""


class Role(StrEnum):
    """What a meter stands for."""

    CONSUMPTION = "consumption"
    ENTRY = "entry"
    PRODUCTION = "production"
    BATTERY = "battery"


class Check(StrEnum):
    """What is looked at."""

    COMMUNICATION = "communication"
    VOLTAGE = "voltage"
    DIRECTION = "direction"
    EXPORT = "export"
    PHASES = "phases"
    BALANCE = "balance"


class State(StrEnum):
    """The verdict. ``UNKNOWN``: cannot be told now, e.g. without load."""

    GOOD = "good"
    WATCH = "watch"
    FAULT = "fault"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Phase:
    """What a meter shows of one phase; None where it does not say."""

    voltage_v: Decimal | None = None
    current_a: Decimal | None = None
    power_w: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a meter shows. ``export_wh`` is since its installation; ``read_at`` None: never read.
    ``fresh``: it communicates when it was read so lately."""

    name: str
    role: Role
    read_at: datetime | None = None
    phases: tuple[Phase, ...] = ()
    power_w: Decimal | None = None
    export_wh: int | None = None
    fresh: timedelta = FRESH


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check of one meter; ``finding`` says what is wrong and what to do."""

    meter: str
    check: Check
    state: State
    finding: Finding | None = None


def inspect(
    meters: Sequence[Shown], *, now: datetime, is_sun_off: bool = False
) -> tuple[Verdict, ...]:
    """The verdicts on each of ``meters``, and on their sum against the entry.

    ``is_sun_off``: the inverters are switched off for the test, so the entry must be drawing.
    """
    verdicts: list[Verdict] = []
    for one in meters:
        verdicts.extend(_of_meter(one, now, is_sun_off))
    verdicts.extend(_balance(meters, now))
    return tuple(verdicts)


def _of_meter(one: Shown, now: datetime, is_sun_off: bool) -> Iterator[Verdict]:
    silent = _silence(one, now)
    yield _verdict(one, Check.COMMUNICATION, [silent] if silent else [])
    if silent:
        return
    if any(phase.voltage_v is not None for phase in one.phases):
        yield _verdict(one, Check.VOLTAGE, _voltages(one))
    yield from _direction(one, is_sun_off)
    if one.role is Role.CONSUMPTION and one.export_wh is not None:
        yield _verdict(one, Check.EXPORT, _exported(one, one.export_wh))
    factors = list(_factors(one))
    if factors:
        yield _verdict(one, Check.PHASES, _phases(one, factors))


def _verdict(one: Shown, check: Check, findings: Iterable[Finding]) -> Verdict:
    """The worst of ``findings``; good without any."""
    found = list(findings)
    if not found:
        return Verdict(one.name, check, State.GOOD)
    worst = max(found, key=lambda finding: finding.severity is Severity.ERROR)
    state = State.FAULT if worst.severity is Severity.ERROR else State.WATCH
    return Verdict(one.name, check, state, worst)


def _silence(one: Shown, now: datetime) -> Finding | None:
    if one.read_at is not None and now - one.read_at <= one.fresh:
        return None
    return error(
        "inspection.silent",
        "The meter does not answer.",
        where=one.name,
        remedy="Check its power, its address and the wires of the bus.",
    )


def _voltages(one: Shown) -> Iterator[Finding]:
    for number, phase in enumerate(one.phases, 1):
        volts = phase.voltage_v
        if volts is None:
            continue
        if volts < ALLOWED_V[0] / 2:
            yield error(
                "inspection.no_voltage",
                f"Phase {number} has no voltage ({volts:.0f} V).",
                where=one.name,
                remedy="Check the fuse and the terminal of this phase.",
            )
        elif not ALLOWED_V[0] <= volts <= ALLOWED_V[1]:
            yield error(
                "inspection.voltage",
                f"Phase {number} has {volts:.0f} V; 207 to 253 V are allowed.",
                where=one.name,
                remedy="Check the neutral conductor and the wiring of this phase.",
            )
        elif not USUAL_V[0] <= volts <= USUAL_V[1]:
            yield warning(
                "inspection.unusual_voltage",
                f"Phase {number} has {volts:.0f} V; 230 to 240 V are usual.",
                where=one.name,
                remedy="Measure once more; the grid may be loaded now.",
            )


def _direction(one: Shown, is_sun_off: bool) -> Iterator[Verdict]:
    powers = [phase.power_w for phase in one.phases if phase.power_w is not None]
    if one.role is Role.BATTERY or (one.power_w is None and not powers):
        return
    whole = sum(powers, Decimal(0)) if one.power_w is None else one.power_w
    match one.role:
        case Role.CONSUMPTION:
            yield _verdict(one, Check.DIRECTION, _negative(one, powers, whole))
        case Role.PRODUCTION if abs(whole) <= NOISE_W:
            yield Verdict(one.name, Check.DIRECTION, State.UNKNOWN)
        case Role.PRODUCTION:
            yield _verdict(one, Check.DIRECTION, _not_producing(one, whole))
        case Role.ENTRY if not is_sun_off or abs(whole) <= NOISE_W:
            yield Verdict(one.name, Check.DIRECTION, State.UNKNOWN)
        case Role.ENTRY:
            yield _verdict(one, Check.DIRECTION, _not_drawing(one, whole))


def _negative(one: Shown, powers: Sequence[Decimal], whole: Decimal) -> Iterator[Finding]:
    if not powers and whole < -NOISE_W:
        yield error(
            "inspection.negative",
            f"The meter shows {whole:.0f} W, but this is a consumer.",
            where=one.name,
            remedy="Turn the current transformers, or swap top and bottom of the meter.",
        )
    for number, power in enumerate(powers, 1):
        if power < -NOISE_W:
            yield error(
                "inspection.negative",
                f"Phase {number} shows {power:.0f} W, but this is a consumer.",
                where=one.name,
                remedy="Turn the current transformer of this phase, or swap S1 and S2.",
            )


def _not_producing(one: Shown, power: Decimal) -> Iterator[Finding]:
    if power > 0:
        yield error(
            "inspection.production",
            f"The production meter shows {power:.0f} W as drawn.",
            where=one.name,
            remedy="Wire it as if the plant were a consumer: grid on top, plant below.",
        )


def _not_drawing(one: Shown, power: Decimal) -> Iterator[Finding]:
    if power < 0:
        yield error(
            "inspection.entry",
            f"The inverters are off, and the entry shows {power:.0f} W as fed in.",
            where=one.name,
            remedy="Turn the current transformers, or swap top and bottom of the meter.",
        )


def _exported(one: Shown, export_wh: int) -> Iterator[Finding]:
    if export_wh > EXPORT_WH:
        yield error(
            "inspection.exported",
            f"A consumer has fed in {Decimal(export_wh) / 1000:.1f} kWh since its installation.",
            where=one.name,
            remedy="Check the direction of each phase.",
        )


def _factors(one: Shown) -> Iterator[tuple[int, Decimal]]:
    """The power factor of each phase that carries enough current to tell."""
    for number, phase in enumerate(one.phases, 1):
        volts, amperes, power = phase.voltage_v, phase.current_a, phase.power_w
        if volts and amperes and power is not None and abs(amperes) >= LOADED_A:
            yield number, power / (volts * abs(amperes))


def _phases(one: Shown, factors: Iterable[tuple[int, Decimal]]) -> Iterator[Finding]:
    for number, factor in factors:
        if abs(factor) < FACTOR:
            yield warning(
                "inspection.phase",
                f"The current of phase {number} does not go with its voltage "
                f"(power factor {factor:.2f}).",
                where=one.name,
                remedy="Check that its current transformer sits on the same phase.",
            )


def _balance(meters: Sequence[Shown], now: datetime) -> Iterator[Verdict]:
    """The entry against the sum of all others. Not told while one of them is not known."""
    entries = [one for one in meters if one.role is Role.ENTRY]
    others = [one for one in meters if one.role is not Role.ENTRY]
    if not entries or not others:
        return
    powers = [one.power_w for one in meters]
    if any(power is None for power in powers) or any(_silence(one, now) for one in meters):
        yield Verdict(entries[0].name, Check.BALANCE, State.UNKNOWN)
        return
    entry = sum((one.power_w for one in entries if one.power_w is not None), Decimal(0))
    rest = sum((one.power_w for one in others if one.power_w is not None), Decimal(0))
    moved = sum((abs(power) for power in powers if power is not None), Decimal(0)) / 2
    residual = entry - rest
    if abs(residual) <= max(RESIDUAL_W, RESIDUAL_SHARE * moved):
        yield Verdict(entries[0].name, Check.BALANCE, State.GOOD)
        return
    watts = abs(residual)
    yield _verdict(
        entries[0],
        Check.BALANCE,
        [
            error(
                "inspection.balance",
                f"The entry shows {watts:.0f} W more than all other meters together."
                if residual > 0
                else f"The entry shows {watts:.0f} W less than all other meters together.",
                where=entries[0].name,
                remedy="Look for a meter that is missing, turned round or has a wrong factor.",
            )
        ],
    )
