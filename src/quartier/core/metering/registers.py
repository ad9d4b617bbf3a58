"""From the readings of a counting register to quarter-hours (rules.md f.2, [S90]; system.md 11).

Readings are states of a register in its unit (Wh, litres) before the CT/VT factor. The energy
between two readings of one device is known; where no reading lies on the boundary of a
quarter-hour, its state there is interpolated and the quarter-hours that touch it are estimated.
A meter is read a little early or late: near a boundary (``boundaries.py``) the nearest reading
counts as the boundary's, and what flowed in those seconds counts for the neighboring quarter-hour.
What is finer than 1 Wh is carried: a quarter-hour is the whole Wh of the state at its end minus
those at its start, so that any run of quarter-hours sums to the register's own delta in whole Wh,
however the readings are cut into batches. Nothing is extrapolated beyond the first and the last
reading, and no delta is built across two devices.

Base only: no NumPy (architecture.md, extras).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from quartier.core.kernel.energy import INTERVAL_LIMIT_WH, NotEnergy
from quartier.core.kernel.findings import Finding, Severity
from quartier.core.kernel.period import utc
from quartier.core.kernel.quality import FROM_BEST, Quality
from quartier.core.metering.boundaries import QUARTER_US, boundary_near_us

WH_PER_COUNTER_UNIT = 1_000
"""A counter shows kWh (or m3); readings are in Wh (litres)."""

FUSE_VOLTS = Decimal("692.9")
"""Volts that a fuse's amperes stand for: sqrt(3) x 400 V, rounded up (rules.md f.3, [GK])."""

LONGEST_GAP = timedelta(days=1100)
"""Two readings further apart say nothing about quarter-hours; it also stops misread dates."""

_HOUR_US = 4 * QUARTER_US
_LIMIT_W = Decimal(4 * INTERVAL_LIMIT_WH)  # of any connection
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Of two readings at the same instant the one that a person made counts.
_RANK = {Quality.MANUAL: 2, Quality.CORRECTED: 1}


@dataclass(frozen=True, slots=True)
class Reading:
    """The register showed ``value`` (its unit, before the factor) at ``read_at``.

    ``serial`` names the device where the instant does not tell, as at an exchange. Raises
    :class:`NotEnergy` for a value that no counter can show.
    """

    read_at: datetime
    value: Decimal
    quality: Quality = Quality.MEASURED
    serial: str = ""

    def __post_init__(self) -> None:
        exponent = self.value.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -9 or self.value.adjusted() > 15:
            raise NotEnergy(f"no register shows {self.value}")


@dataclass(frozen=True, slots=True)
class Device:
    """A device on its measuring place from ``installed_at`` to ``removed_at`` (None: still).

    ``factor`` turns its counts into energy (CT/VT); a new factor is a new device row. ``digits``
    are the whole digits of its counter in kWh or m3, None if unknown: then a roll-over cannot be
    told from a reset. ``is_new``: it showed 0 when it was installed, unless a reading at that
    instant says otherwise (system.md 11, *Installation date*).
    """

    serial: str
    installed_at: datetime
    removed_at: datetime | None = None
    factor: Decimal = Decimal(1)
    digits: int | None = None
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class QuarterHours:
    """Consecutive quarter-hours from ``first_slot``; ``None`` and MISSING where not known."""

    first_slot: int
    energies_wh: list[int | None] = field(default_factory=list)
    qualities: list[Quality] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _State:
    """A register's state: ``us`` microseconds since 1970, ``value`` before the factor."""

    us: int
    value: Decimal
    quality: Quality


def power_limit_w(fuse_a: Decimal | None) -> Decimal | None:
    """The most a connection with this fuse draws, in W; None if it is not known (rules.md f.3)."""
    return None if fuse_a is None else fuse_a * FUSE_VOLTS


def delta_wh(
    start: Reading, end: Reading, device: Device, fuse_a: Decimal | None = None, where: str = ""
) -> tuple[Fraction | None, list[Finding]]:
    """The energy between two readings of ``device``, exactly; None if it cannot be told.

    A lower end is a roll-over only where the counter's digits are known and the energy stays
    below what the fuse lets through; else the register was reset, exchanged or is at fault, and a
    person must decide (rules.md f.2).
    """
    begun, ended = _microseconds(start.read_at), _microseconds(end.read_at)
    assert begun <= ended, "readings are in order of time"
    difference, finding = _difference(
        _State(begun, start.value, start.quality),
        _State(ended, end.value, end.quality),
        device,
        power_limit_w(fuse_a),
        where,
    )
    findings = [finding] if finding else []
    if difference is None:
        return None, findings
    return Fraction(difference) * Fraction(device.factor), findings


def _difference(
    start: _State, end: _State, device: Device, limit_w: Decimal | None, where: str
) -> tuple[Decimal | None, Finding | None]:
    """``end - start`` before the factor, over a roll-over if that is what happened."""
    difference = end.value - start.value
    if difference < 0:
        if device.digits is None:
            return None, _backwards(start, end, where, "how many digits it has is not known")
        if limit_w is None:
            return None, _backwards(start, end, where, "the fuse of its meter is not known")
        rolled = difference + Decimal(10) ** device.digits * WH_PER_COUNTER_UNIT
        most_wh = limit_w * (end.us - start.us) / _HOUR_US
        if rolled < 0 or rolled * device.factor > most_wh:
            return None, _backwards(start, end, where, "a roll-over is more than the fuse allows")
        return rolled, None
    limit_w = _LIMIT_W if limit_w is None else limit_w
    # The counter steps by its last digit: a step may come a quarter-hour late.
    most_wh = limit_w * (end.us - start.us + QUARTER_US) / _HOUR_US
    if difference * device.factor <= most_wh:
        return difference, None
    energy_kwh = difference * device.factor / 1000
    return None, _finding(
        "metering.over_fuse",
        f"{energy_kwh.normalize():f} kWh between {_at(start)} and {_at(end)} are more than the "
        f"connection can carry ({limit_w / 1000:.1f} kW).",
        where,
        start,
        end,
        "Check the readings, the factor and the fuse of the meter.",
    )


def _backwards(start: _State, end: _State, where: str, why: str) -> Finding:
    return _finding(
        "metering.backwards",
        f"the register runs backwards, from {start.value} at {_at(start)} to {end.value} at "
        f"{_at(end)}; {why}.",
        where,
        start,
        end,
        "Enter the exchange of the device, or a manual reading in place of the wrong one.",
    )


def intervals(
    readings: Iterable[Reading],
    devices: Sequence[Device] = (),
    *,
    fuse_a: Decimal | None = None,
    where: str = "",
) -> tuple[QuarterHours, list[Finding]]:
    """The quarter-hours of one register, and what is wrong with its readings.

    ``devices`` are those of the meter, in any order; without one, all readings are of one device
    with factor 1. A quarter-hour is measured where readings stand on both its boundaries,
    estimated where a boundary is interpolated; a reading of lower quality passes it on. Where the
    register runs backwards, the quarter-hours between the readings that may be wrong are missing,
    and an error says so.

    The quarter-hour in which the first device is installed, the last one removed or one
    exchanged for the next is the sum of what its devices counted in it.
    """
    findings: list[Finding] = []
    spans = sorted(devices, key=lambda d: d.installed_at) or [Device("", _EPOCH, is_new=False)]
    states = _by_device(readings, spans, where, findings)
    sums: dict[int, int] = defaultdict(int)
    qualities: dict[int, Quality] = {}
    partly: dict[int, list[tuple[int, int]]] = defaultdict(list)
    limit_w = power_limit_w(fuse_a)
    for device, known in zip(spans, states, strict=True):
        for piece in _pieces(known, device, limit_w, where, findings):
            _spread(piece, device.factor, sums, qualities, partly)
    first_us = _microseconds(spans[0].installed_at) if devices else None
    last_us = _microseconds(spans[-1].removed_at) if spans[-1].removed_at else None
    for slot, parts in partly.items():
        if not _covers(slot, parts, spans, first_us, last_us):
            sums.pop(slot, None)
            qualities.pop(slot, None)
    if not qualities:
        return QuarterHours(0), findings
    first, end = min(qualities), max(qualities) + 1
    return (
        QuarterHours(
            first,
            [sums[slot] if slot in qualities else None for slot in range(first, end)],
            [qualities.get(slot, Quality.MISSING) for slot in range(first, end)],
        ),
        findings,
    )


def _by_device(
    readings: Iterable[Reading], devices: list[Device], where: str, findings: list[Finding]
) -> list[list[_State]]:
    """The states of each device in order of time, one an instant."""
    found: list[dict[int, list[Reading]]] = [{} for _ in devices]
    ownerless: dict[str, list[Reading]] = {}
    latest_us = 0
    for reading in readings:
        latest_us = max(latest_us, _microseconds(reading.read_at))
        owners = _owners(reading, devices)
        if not owners:
            ownerless.setdefault(reading.serial, []).append(reading)
        for owner in owners:
            found[owner].setdefault(_microseconds(reading.read_at), []).append(reading)
    findings += [_no_device(serial, own, where) for serial, own in ownerless.items()]
    out = []
    for device, by_instant in zip(devices, found, strict=True):
        agreed = (_agreed(us, by_instant[us], where, findings) for us in sorted(by_instant))
        states = _on_boundaries([state for state in agreed if state], device)
        if device.is_new and states and states[0].us > _microseconds(device.installed_at):
            installed_us = _microseconds(device.installed_at)
            states.insert(0, _State(installed_us, Decimal(0), Quality.ESTIMATED))
        removed_us = _microseconds(device.removed_at) if device.removed_at else None
        # While no reading is as late as the removal, its reading may still come.
        if removed_us is not None and states and states[-1].us < removed_us <= latest_us:
            assert device.removed_at is not None
            findings.append(
                _error(
                    "metering.no_final_reading",
                    f"device {device.serial} was removed at "
                    f"{utc(device.removed_at):%Y-%m-%dT%H:%M:%SZ} without a final reading.",
                    where,
                    "Enter the reading at its removal.",
                )
            )
        out.append(states)
    return out


def _on_boundaries(states: list[_State], device: Device) -> list[_State]:
    """``states`` in order of time, the nearest to each boundary moved onto it.

    Not those at the instants of its installation and removal, and none beyond these.
    """
    first_us = _microseconds(device.installed_at)
    last_us = _microseconds(device.removed_at) if device.removed_at else None
    nearest: dict[int, int] = {}
    for i, state in enumerate(states):
        at = boundary_near_us(state.us)
        if at is None or at < first_us or (last_us is not None and at > last_us):
            continue
        if state.us in (first_us, last_us) and state.us != at:
            continue
        if device.is_new and at == first_us:
            continue  # it showed 0 then: what it counted since would be lost
        other = nearest.get(at)
        if other is None or abs(state.us - at) < abs(states[other].us - at):
            nearest[at] = i
    moved = list(states)
    for at, i in nearest.items():
        moved[i] = replace(states[i], us=at)
    return moved


def _no_device(serial: str, found: list[Reading], where: str) -> Finding:
    """One finding for all readings of ``serial`` that are of no device of their time."""
    ordered = sorted(found, key=lambda reading: reading.read_at)
    first, last = ordered[0], ordered[-1]
    name = f"device {serial}" if serial else "no device"
    was = f"was {'not ' * bool(serial)}installed"
    if len(ordered) == 1:
        message = f"{name} {was} at {_time(first)}; its reading is not used."
    else:
        message = (
            f"{name} {was} at the time of {len(ordered)} readings from {_time(first)} to "
            f"{_time(last)}; they are not used."
        )
    return Finding(
        "metering.no_device",
        Severity.ERROR,
        message,
        where,
        utc(first.read_at),
        utc(last.read_at),
        "Enter the device, or correct its dates.",
    )


def _owners(reading: Reading, devices: list[Device]) -> list[int]:
    """The devices that ``reading`` is of: more than one where a factor changes at its instant."""
    at = reading.read_at
    there = [
        i
        for i, device in enumerate(devices)
        if device.installed_at <= at and (device.removed_at is None or at <= device.removed_at)
    ]
    if reading.serial and any(device.serial for device in devices):
        return [i for i in there if devices[i].serial == reading.serial]
    # Without a serial, at the instant of an exchange: the new device.
    return [i for i in there if devices[i].serial == devices[there[-1]].serial]


def _agreed(us: int, found: list[Reading], where: str, findings: list[Finding]) -> _State | None:
    """What the readings of one device at one instant say, if they agree."""
    best = max(_RANK.get(reading.quality, 0) for reading in found)
    found = [reading for reading in found if _RANK.get(reading.quality, 0) == best]
    values = sorted({reading.value for reading in found})
    if len(values) == 1:
        return _State(us, found[0].value, found[0].quality)
    findings.append(
        _error(
            "metering.contradiction",
            f"the readings at {_time(found[0])} contradict each other "
            f"({', '.join(map(str, values))}); none is used.",
            where,
            "Enter a manual reading for that instant.",
        )
    )
    return None


@dataclass(frozen=True, slots=True)
class _Piece:
    """Two successive states of one device and the difference between them, before the factor."""

    start: _State
    end: _State
    difference: Decimal


def _pieces(
    states: list[_State],
    device: Device,
    limit_w: Decimal | None,
    where: str,
    findings: list[Finding],
) -> list[_Piece]:
    """The pairs of successive states whose difference can be trusted."""
    found = [_difference(a, b, device, limit_w, where) for a, b in pairwise(states)]
    findings += [finding for _, finding in found if finding]
    in_doubt = {i for i, (difference, _) in enumerate(found) if difference is None}
    for i, (a, b) in enumerate(pairwise(states)):
        if (b.us - a.us) * _MICROSECOND > LONGEST_GAP:
            in_doubt.add(i)
            findings.append(
                _finding(
                    "metering.gap_too_long",
                    f"{LONGEST_GAP.days} days and more without a reading, from {_at(a)} to "
                    f"{_at(b)}: its quarter-hours are left missing.",
                    where,
                    a,
                    b,
                    "Enter readings in between.",
                )
            )
    for i, (difference, _) in enumerate(found):
        if difference is not None or states[i + 1].value >= states[i].value:
            continue
        # Which of the two is wrong? The first if its forerunner fits the second; the second if
        # its successor fits the first. A delta to a reading that may be wrong is not taken.
        if i > 0 and states[i - 1].value <= states[i + 1].value:
            in_doubt.add(i - 1)
        if i + 2 < len(states) and states[i + 2].value >= states[i].value:
            in_doubt.add(i + 1)
    return [
        _Piece(states[i], states[i + 1], difference)
        for i, (difference, _) in enumerate(found)
        if difference is not None and i not in in_doubt
    ]


def _spread(
    piece: _Piece,
    factor: Decimal,
    sums: dict[int, int],
    qualities: dict[int, Quality],
    partly: dict[int, list[tuple[int, int]]],
) -> None:
    """Add what ``piece`` counted to the quarter-hours it touches."""
    start, end = piece.start, piece.end
    length = end.us - start.us
    # Integers throughout: with p / q the state before the factor, whole Wh are p * f // (q * g).
    base_p, base_q = start.value.as_integer_ratio()
    step_p, step_q = piece.difference.as_integer_ratio()
    factor_p, factor_q = factor.as_integer_ratio()
    numerator = base_p * step_q * length * factor_p
    slope = step_p * base_q * factor_p
    denominator = base_q * step_q * length * factor_q
    worst = max((start.quality, end.quality), key=_badness)
    whole = numerator // denominator
    us = start.us
    while us < end.us:
        slot = us // QUARTER_US
        until = min((slot + 1) * QUARTER_US, end.us)
        now = (numerator + slope * (until - start.us)) // denominator
        is_whole = us == slot * QUARTER_US and until == us + QUARTER_US
        is_read = us == start.us and until == end.us
        quality = worst if is_read else max((worst, Quality.ESTIMATED), key=_badness)
        sums[slot] += now - whole
        qualities[slot] = max((quality, qualities.get(slot, quality)), key=_badness)
        if not is_whole:
            partly[slot].append((us, until))
        whole, us = now, until


def _covers(
    slot: int,
    parts: list[tuple[int, int]],
    devices: list[Device],
    first_us: int | None,
    last_us: int | None,
) -> bool:
    """Whether the counted ``parts`` of a quarter-hour are all that flowed in it.

    Before the first installation and after the last removal nothing was there to count; between
    the removal of a device and the installation of the next inside one quarter-hour neither.
    """
    at, end = slot * QUARTER_US, (slot + 1) * QUARTER_US
    if first_us is not None and at < first_us < end:
        at = first_us
    if last_us is not None and at < last_us < end:
        end = last_us
    idle = {
        _microseconds(old.removed_at): _microseconds(new.installed_at)
        for old, new in pairwise(devices)
        if old.removed_at is not None
    }
    for begun, until in sorted(parts):
        if begun > at and idle.get(at, at) < begun:
            return False
        at = max(at, until)
    return at >= end


_ORDER = {quality: order for order, quality in enumerate(FROM_BEST)}


def _badness(quality: Quality) -> int:
    return _ORDER[quality]


def _microseconds(instant: datetime) -> int:
    return (utc(instant) - _EPOCH) // _MICROSECOND


def _at(state: _State) -> str:
    return f"{_EPOCH + timedelta(microseconds=state.us):%Y-%m-%dT%H:%M:%SZ}"


def _time(reading: Reading) -> str:
    return f"{utc(reading.read_at):%Y-%m-%dT%H:%M:%SZ}"


def _error(code: str, message: str, where: str, remedy: str) -> Finding:
    return Finding(code, Severity.ERROR, message, where, remedy=remedy)


def _finding(
    code: str, message: str, where: str, start: _State, end: _State, remedy: str
) -> Finding:
    return Finding(
        code,
        Severity.ERROR,
        message,
        where,
        _EPOCH + timedelta(microseconds=start.us),
        _EPOCH + timedelta(microseconds=end.us),
        remedy,
    )
