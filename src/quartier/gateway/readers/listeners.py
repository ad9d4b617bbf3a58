"""The readers of a gateway, each in a task of its own, and the badges that were held to them."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any

from quartier.formats.uplink.badge_readers import ReaderSettings
from quartier.gateway.noticed import Ledger
from quartier.gateway.readers.ports import Presented
from quartier.gateway.readers.reader import Reader
from quartier.gateway.timekeeper import Clock

MOST_BADGES = 20

KeepUp = Callable[[str, Callable[[], Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]]
"""Runs a part by its name, and again when it fails."""


class BadgeReaders:
    """Those of the configuration. ``last``: what was held to them, the newest first; nowhere but
    here, until the gateway is stopped."""

    def __init__(
        self, ledger: Ledger, clock: Clock, date: Callable[[], datetime | None], keep_up: KeepUp
    ) -> None:
        self.last: deque[Presented] = deque(maxlen=MOST_BADGES)
        self.readers: dict[str, Reader] = {}
        self._ledger, self._clock, self._date, self._keep_up = ledger, clock, date, keep_up
        self._settings: tuple[ReaderSettings, ...] = ()
        self._tasks: list[asyncio.Task[None]] = []

    async def follow(self, settings: tuple[ReaderSettings, ...]) -> None:
        """Listen to these and no others; the same ones are left at what they do."""
        if settings == self._settings:
            return
        await self.stop()
        self._settings = settings
        for one in settings:
            reader = Reader(one, self._ledger, self._clock, self._date)
            self.readers[one.name] = reader
            run = partial(reader.run, self.last.appendleft)
            self._tasks.append(asyncio.create_task(self._keep_up(f"reader {one.name}", run)))

    async def stop(self) -> None:
        """Close every door."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self.readers.clear()
        self._settings = ()
