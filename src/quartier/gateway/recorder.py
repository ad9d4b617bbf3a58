"""From what a meter showed at an instant of the monotonic clock to measurements in the buffer.

What has no date yet waits in memory, as does what finds no room on the disk; both are bounded, and
what has to go is counted in a finding. Instants of one register only ever grow, since a register
that seems to run backwards costs more than a reading that is left out.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from quartier.core.kernel.findings import Finding, error, warning
from quartier.formats.uplink.batch import BadMeasurement, Kind, Measurement
from quartier.gateway.buffer import Buffer, DiskFull, Source
from quartier.gateway.noticed import Ledger
from quartier.gateway.timekeeper import FIRST, Step, Timekeeper

MOST_WAITING = 100_000
_CONFIRMED = "confirmed_at"
_REMEMBERED_EVERY = timedelta(hours=6)  # each time is a write to the disk


@dataclass(frozen=True, slots=True)
class Shown:
    """``source`` showed ``value`` at ``monotonic_s``."""

    source: Source
    value: Decimal
    monotonic_s: float


class Recorder:
    """The only writer of the buffer."""

    def __init__(self, buffer: Buffer, timekeeper: Timekeeper, ledger: Ledger) -> None:
        self.buffer = buffer
        self.timekeeper = timekeeper
        self._ledger = ledger
        self._waiting: list[Shown] = []
        self._last_at: dict[Source, datetime] = {}
        self._first_of_run = buffer.next_number()
        for finding in buffer.findings:
            ledger.event(finding, self._date())
        confirmed = buffer.remembered(_CONFIRMED)
        self._remembered_at = FIRST
        if confirmed is not None:
            self._remembered_at = datetime.fromisoformat(confirmed)
            timekeeper.floor = max(timekeeper.floor, self._remembered_at)

    @property
    def waiting(self) -> int:
        """How many measurements are in memory only."""
        return len(self._waiting)

    def record(self, shown: Iterable[Shown]) -> None:
        """Store ``shown``, all in one write; on the disk when it returns, unless a finding says
        otherwise."""
        self._waiting += shown
        self.look()
        self._drop_what_is_too_much()
        if not self.timekeeper.is_set or not self._waiting:
            return
        rows, late = self._dated()
        try:
            self.buffer.append(rows)
        except (DiskFull, sqlite3.Error) as problem:
            self._ledger.hold("disk", [_not_stored(problem, self.buffer)], self._date())
            return
        self._ledger.hold("disk", (), None)
        self._waiting.clear()
        for source, measurement in rows:
            self._last_at[source] = measurement.measured_at
        self._ledger.hold("clock back", [_left_out(late)] if late else [], self._date())
        for finding in self.buffer.prune():
            self._ledger.event(finding, self._date())

    def look(self) -> None:
        """Compare the clocks, and move what was stored where that is right."""
        self.follow(self.timekeeper.look())
        unset = [] if self.timekeeper.is_set else [_no_clock()]
        self._ledger.hold("clock", unset, None)

    def told(self, platform_at: datetime, *, is_signed: bool) -> None:
        """The platform has said what time it is."""
        self.follow(self.timekeeper.told(platform_at, is_signed=is_signed))
        if is_signed and self.timekeeper.floor - self._remembered_at >= _REMEMBERED_EVERY:
            self._remembered_at = self.timekeeper.floor
            self.buffer.remember(_CONFIRMED, self._remembered_at.isoformat())

    def follow(self, step: Step | None) -> None:
        """The clock was set."""
        for finding in self.timekeeper.findings:
            self._ledger.event(finding, self._date())
        self.timekeeper.findings.clear()
        if step is not None and step.moves_stored:
            self.buffer.move(self._first_of_run, step.by)
            self._last_at = {source: at + step.by for source, at in self._last_at.items()}

    def _dated(self) -> tuple[list[tuple[Source, Measurement]], int]:
        """What can be stored, and how many instants did not grow."""
        rows, late = [], 0
        last_at = dict(self._last_at)
        for one in self._waiting:
            at = self.timekeeper.at(one.monotonic_s)
            measurement = Measurement(at, one.value)
            try:
                measurement.check()
            except BadMeasurement as problem:
                self._ledger.event(_odd(one.source, problem), at, one.source.meter)
                continue
            if one.source in last_at and at <= last_at[one.source]:
                late += at < last_at[one.source]
                continue
            last_at[one.source] = at
            rows.append((one.source, measurement))
        return rows, late

    def _drop_what_is_too_much(self) -> None:
        over = len(self._waiting) - MOST_WAITING
        if over <= 0:
            return
        power = [i for i, one in enumerate(self._waiting) if one.source.kind is Kind.POWER]
        gone = set(power[:over]) or set(range(over))
        self._waiting = [one for i, one in enumerate(self._waiting) if i not in gone]
        self._ledger.event(
            error(
                "gateway.dropped_from_memory",
                f"{len(gone)} measurements were dropped: they could not be stored for too long.",
                where="gateway",
                remedy="Set the clock, make room on the disk, or replace the memory card.",
            ),
            self._date(),
        )

    def _date(self) -> datetime | None:
        return self.timekeeper.now() if self.timekeeper.is_set else None


def _not_stored(problem: Exception, buffer: Buffer) -> Finding:
    if isinstance(problem, DiskFull):
        return error(
            "gateway.disk_full",
            f"no room on the disk for {buffer.path.name}; what is read waits in memory.",
            where="disk",
            remedy="Make room; a power cut would lose what waits.",
        )
    return error(
        "gateway.disk_broken",
        f"{buffer.path.name} cannot be written ({problem}); what is read waits in memory.",
        where="disk",
        remedy="Replace the disk or memory card; a power cut would lose what waits.",
    )


def _no_clock() -> Finding:
    return warning(
        "gateway.no_clock",
        "the clock is not set; what is read waits in memory for a date.",
        where="clock",
        remedy="Let the gateway reach a time server (NTP) or the platform.",
    )


def _left_out(count: int) -> Finding:
    return warning(
        "gateway.clock_back",
        f"the clock was set back, and {count} readings were left out until it is past the last "
        "one that is stored.",
        where="clock",
        remedy="Nothing needs to be done; the quarter-hour is estimated.",
    )


def _odd(source: Source, problem: BadMeasurement) -> Finding:
    return error(
        "gateway.odd_value",
        f"{source.obis} was not stored: {problem}.",
        where=source.meter,
        remedy="Check the driver of the meter.",
    )
