"""Runs a real reader of the gateway beside whoever speaks to it, and keeps what came."""

import asyncio
import contextlib
from datetime import UTC, datetime

from quartier.gateway.noticed import Ledger
from quartier.gateway.readers.reader import Reader
from quartier.gateway.timekeeper import SystemClock

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)


class Watched:
    """A reader of ``settings``; ``presented`` are number and keys of what was held to it."""

    def __init__(self, settings):
        self.settings = settings
        self.ledger = Ledger()
        self.reader = Reader(settings, self.ledger, SystemClock(), lambda: AT)
        self.presented = []
        self.came = asyncio.Event()

    async def __aenter__(self):
        self.task = asyncio.create_task(self.reader.run(self._present))
        if self.settings.port:
            await self._listening()
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert self.codes() == []

    def _present(self, one):
        assert (one.reader, one.at) == (self.settings.name, AT)
        self.presented.append((one.number, one.keys))
        self.came.set()

    async def _listening(self):
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.settings.port)
                writer.close()
                return
            await asyncio.sleep(0.01)
        raise AssertionError("nobody listens")

    async def until(self, count):
        """Wait until so many badges came."""
        async with asyncio.timeout(5):
            while len(self.presented) < count:
                self.came.clear()
                await self.came.wait()
        return self.presented

    async def noticed(self, code):
        """Wait until ``code`` is what is wrong."""
        async with asyncio.timeout(5):
            while self.codes() != [code]:
                await asyncio.sleep(0.005)

    def codes(self):
        return [one.code for one in self.ledger.current(AT)]
