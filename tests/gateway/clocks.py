"""An event loop whose time jumps when nothing happens, and clocks of a computer in it."""

import asyncio
import selectors
from datetime import UTC, datetime, timedelta


class _Selector(selectors.DefaultSelector):
    now = 1000.0

    def select(self, timeout=None):
        events = super().select(0)
        if not events and timeout is not None and timeout > 0:
            self.now += timeout
        return events


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self):
        return self._clock.now


def run(coroutine):
    """What ``coroutine`` returns; nothing in it may wait for a socket or a thread."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(coroutine)


class FakeClock:
    """``truth`` is the time; the computer says that it is off by ``wrong``."""

    def __init__(self, starts_at, wrong=timedelta(0)):
        self.starts_at = starts_at
        self.wrong = wrong
        self.monotonic_s = 0.0

    def monotonic(self):
        return self.monotonic_s

    @property
    def truth(self):
        return self.starts_at + timedelta(seconds=self.monotonic())

    def now(self):
        return self.truth + self.wrong

    def boot_without_battery(self):
        self.wrong = datetime(1970, 1, 1, tzinfo=UTC) - self.truth

    async def sleep(self, seconds):
        self.monotonic_s += seconds


class LoopClock(FakeClock):
    """The same, by the time of the loop."""

    def monotonic(self):
        return asyncio.get_running_loop().time() - 1000.0

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)
