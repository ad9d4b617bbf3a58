"""Register readings of a file, whatever its format, as states of counters.

One state is the total over the tariffs (1.8.1 + 1.8.2) at one instant, in Wh or litres, before
the CT/VT factor. Tariff registers count only together: where one of them lacks, no total is made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.obis import Obis
from quartier.formats.esl import EslReading
from quartier.formats.readings_csv import CsvReading

_MEDIA = {1: "electricity", 6: "heat", 8: "cold_water", 9: "hot_water"}  # OBIS medium [GK]
_PER_UNIT = 1000  # Wh in a kWh, litres in a m3


@dataclass(frozen=True)
class Raw:
    """One register as it stands in a file; ``value`` in Wh or litres."""

    identity: str
    serial: str
    obis: Obis
    read_at: datetime
    value: Decimal
    line: int
    factor: Decimal | None = None


@dataclass(frozen=True)
class State:
    """One counting direction of one meter at one instant (UTC)."""

    identity: str
    """The meter, as the file names it."""
    serial: str
    medium: str
    obis: Obis
    direction: str
    read_at: datetime
    value: Decimal
    line: int
    factor: Decimal | None


class BadTime(ValueError):
    """A local time does not exist, or comes twice; ``errors`` names each with its line."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__(errors[0])
        self.errors = tuple(errors)


def of_esl(readings: Iterable[EslReading], tz: ZoneInfo) -> list[Raw]:
    """ESL readings; their local times are those of ``tz``. Raises :class:`BadTime`."""
    readings = list(readings)
    _refuse_bad_times(((one.line, one.read_at) for one in readings), tz)
    return [
        Raw(
            one.serial,
            one.serial,
            one.obis,
            _instant(one.read_at, tz),
            one.value * _PER_UNIT,
            one.line,
        )
        for one in readings
    ]


def of_csv(readings: Iterable[CsvReading], tz: ZoneInfo) -> list[Raw]:
    """CSV readings; times without an offset are local ones of ``tz``. Raises
    :class:`BadTime`."""
    readings = list(readings)
    _refuse_bad_times(((one.line, one.read_at) for one in readings), tz)
    return [
        Raw(
            one.meter,
            one.serial,
            one.obis,
            _instant(one.read_at, tz),
            one.value,
            one.line,
            one.factor,
        )
        for one in readings
    ]


def _refuse_bad_times(times: Iterable[tuple[int, datetime]], tz: ZoneInfo) -> None:
    errors = []
    for line, moment in times:
        if moment.tzinfo is not None:
            continue
        local = moment.replace(tzinfo=tz)
        if local.utcoffset() == local.replace(fold=1).utcoffset():
            continue
        if local.astimezone(UTC).astimezone(tz).replace(tzinfo=None) == moment:
            why = "comes twice, as the clock is set back"
        else:
            why = "does not exist, as the clock is set forward"
        errors.append(
            f"line {line}: the local time {moment:%Y-%m-%d %H:%M} {why}; write it with its offset, "
            "as 2026-10-25T02:30:00+01:00"
        )
    if errors:
        raise BadTime(errors)


def _instant(moment: datetime, tz: ZoneInfo) -> datetime:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=tz)
    return moment.astimezone(UTC)


def states(raws: Iterable[Raw]) -> tuple[list[State], list[Finding]]:
    """The totals of a file, and what is wrong with its registers.

    Reactive and other registers than energy drawn and fed back (1.8, 2.8), heat (6-*:1.8) and
    water (8-*, 9-*:1.8) are left out.
    """
    findings: list[Finding] = []
    groups: dict[tuple[str, str, Obis, datetime], dict[int, Raw]] = {}
    tariffs: dict[tuple[str, str, Obis], set[int]] = {}
    for raw in raws:
        if raw.obis.medium not in _MEDIA or raw.obis.quantity not in (1, 2):
            continue
        series = (raw.identity, raw.serial, raw.obis.total)
        there = groups.setdefault((*series, raw.read_at), {})
        known = there.setdefault(raw.obis.tariff, raw)
        if known.value != raw.value:
            findings.append(
                error(
                    "intake.reading_twice",
                    f"{raw.obis} at {raw.read_at:%Y-%m-%dT%H:%MZ} stands there with two values; "
                    "neither is used.",
                    where=f"{raw.identity}, lines {known.line} and {raw.line}",
                )
            )
            there[raw.obis.tariff] = known
            groups[(*series, raw.read_at)] = {-1: known}
        if raw.obis.tariff:
            tariffs.setdefault(series, set()).add(raw.obis.tariff)
    out: list[State] = []
    for (identity, serial, obis, read_at), there in groups.items():
        if -1 in there:
            continue
        needed = tariffs.get((identity, serial, obis), set())
        first = next(iter(there.values()))
        if 0 in there:
            value = there[0].value
        elif there.keys() == needed:
            value = sum((raw.value for raw in there.values()), Decimal(0))
        else:
            names = ", ".join(f"{obis.quantity}.8.{t}" for t in sorted(needed - there.keys()))
            findings.append(
                error(
                    "intake.tariff_missing",
                    f"{names} is missing at {read_at:%Y-%m-%dT%H:%MZ}, so there is no total.",
                    where=f"{identity}, line {first.line}",
                )
            )
            continue
        out.append(
            State(
                identity,
                serial,
                _MEDIA[obis.medium],
                obis,
                "export" if obis.quantity == 2 else "import",
                read_at,
                value,
                first.line,
                first.factor,
            )
        )
    return sorted(out, key=lambda one: (one.identity, one.direction, one.read_at)), findings
