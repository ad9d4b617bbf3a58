"""What time it is in the meter room, where the clock may never have been set.

Every reading is stamped with the monotonic clock first and with a date afterwards:

- Before ``floor`` (the last time that the platform confirmed) the clock is not set, as after a
  power cut without a battery. There is no date then; readings wait for one.
- A step up to 300 s, what the platform's signature allows, is how a clock is set right: the new
  time counts from then on.
- A larger step before the platform has confirmed the time in this run is how a wrong clock is set
  at start: what was stored since the start is moved by the step.
- A larger step after that is not believed: time goes on by the monotonic clock until the platform
  says what is right.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from quartier.core.kernel.findings import Finding, info, warning
from quartier.core.kernel.period import utc
from quartier.formats.uplink.signature import MOST_SKEW_SECONDS

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
"""Before this program was written no clock is right."""

_SMALLEST_STEP_S = 2.0
_LARGEST_STEP_S = float(MOST_SKEW_SECONDS)


class Clock(Protocol):
    """The two clocks of a computer, and waiting."""

    def now(self) -> datetime:
        """What the computer says that the date is, in UTC; it may jump."""

    def monotonic(self) -> float:
        """Seconds since some instant; never jumps."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The clocks of this computer."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Step:
    """The clock was set by ``by`` and is believed; ``moves_stored``: what was stored since the
    start has to be moved by it."""

    by: timedelta
    moves_stored: bool


class Timekeeper:
    """The gateway's time. ``look`` has to be called before dates are asked for."""

    def __init__(self, clock: Clock, floor: datetime = FIRST) -> None:
        self.clock = clock
        self.floor = max(floor, FIRST)
        self.is_confirmed = False
        """Whether the platform has said in this run that the time is right."""
        self.findings: list[Finding] = []
        """What happened to the clock since somebody last took them."""
        self._offset_s: float | None = None
        self._disbelieved_s: float | None = None
        self._is_by_platform = False

    @property
    def is_set(self) -> bool:
        """Whether there are dates."""
        return self._offset_s is not None

    def look(self) -> Step | None:
        """Compare the two clocks; what was done about a difference."""
        offset_s = self.clock.now().timestamp() - self.clock.monotonic()
        if self._offset_s is None:
            if self.clock.now() < self.floor:
                return None
            self._offset_s = offset_s
            return None
        step_s = offset_s - self._offset_s
        if abs(step_s) > _LARGEST_STEP_S and (self.is_confirmed or self._is_by_platform):
            if self._disbelieved_s is None or abs(offset_s - self._disbelieved_s) > 1:
                self._disbelieved_s = offset_s
                self._note_disbelieved(step_s)
            return None
        self._disbelieved_s = None
        if abs(step_s) > _LARGEST_STEP_S and self.clock.now() < self.floor:
            return None
        self._offset_s = offset_s
        if abs(step_s) < _SMALLEST_STEP_S:
            return None
        by = timedelta(seconds=step_s)
        moves = abs(step_s) > _LARGEST_STEP_S
        said = "; what was read since the start was moved by as much" if moves else ""
        self.findings.append(
            info("gateway.clock_set", f"the clock was set by {step_s:+.1f} s{said}.", where="clock")
        )
        return Step(by, moves)

    def at(self, monotonic_s: float) -> datetime:
        """The date of an instant of the monotonic clock, to the millisecond."""
        assert self._offset_s is not None, "the clock is set"
        return datetime.fromtimestamp(round(self._offset_s + monotonic_s, 3), UTC)

    def now(self) -> datetime:
        """The date."""
        return self.at(self.clock.monotonic())

    def told(self, platform_at: datetime, *, is_signed: bool) -> Step | None:
        """The platform says that it is ``platform_at``: in a signed answer, or (where the clock is
        so wrong that it can sign none) as the date of an answer over TLS. Where the time is too
        far off it is set."""
        was_confirmed = self.is_confirmed
        self.is_confirmed = was_confirmed or is_signed
        if is_signed:
            self.floor = max(self.floor, utc(platform_at) - timedelta(days=1))
        offset_s = utc(platform_at).timestamp() - self.clock.monotonic()
        was_s = self._offset_s
        if was_s is not None and abs(was_s - offset_s) <= _LARGEST_STEP_S:
            return None
        self._offset_s = offset_s
        self._is_by_platform = True
        self._disbelieved_s = self.clock.now().timestamp() - self.clock.monotonic()
        by = "" if was_s is None else f" by {offset_s - was_s:+.0f} s"
        self.findings.append(
            warning(
                "gateway.clock_by_platform",
                f"the clock was wrong and was set{by} to the time of the platform.",
                where="clock",
                remedy="Check the time server (NTP) of the network.",
            )
        )
        if was_s is None:
            return None
        return Step(timedelta(seconds=offset_s - was_s), not was_confirmed)

    def _note_disbelieved(self, step_s: float) -> None:
        self.findings.append(
            warning(
                "gateway.clock_jumped",
                f"the clock jumped by {step_s:+.0f} s, which the platform's time does not bear "
                "out; the gateway goes on with the time that it had.",
                where="clock",
                remedy="Check the time server (NTP) of the network.",
            )
        )
