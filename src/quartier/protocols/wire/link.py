"""What carries bytes to a bus: TCP here, a serial port in ``serial_port``; the same interface."""

import asyncio
from typing import Protocol

from quartier.protocols.wire.errors import LinkDown

_MOST_KEPT = 4096


class Link(Protocol):
    """A line to a bus. ``name`` is how people call it (``192.168.1.5:502``, ``/dev/ttyUSB0``)."""

    name: str

    @property
    def is_open(self) -> bool:
        """Whether bytes can be sent now."""

    async def open(self) -> None:
        """Connect; raises :class:`LinkDown`."""

    def close(self) -> None:
        """Hang up; nothing that is still under way will arrive."""

    def send(self, data: bytes) -> None:
        """Send ``data``; raises :class:`LinkDown`."""

    async def receive(self, until: float) -> bytes:
        """Bytes that have come, at least one; empty at the time ``until`` of the loop.

        Raises :class:`LinkDown` if the line is gone.
        """


class Inbox(asyncio.Protocol):
    """Bytes as they arrive, for one reader. Kept bounded: what nobody wants is dropped."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._waiting: asyncio.Future[None] | None = None
        self.is_lost = False

    def data_received(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > _MOST_KEPT:
            del self._data[:-_MOST_KEPT]
        self._wake()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.is_lost = True
        self._wake()

    def eof_received(self) -> bool:
        return False

    async def take(self, until: float) -> bytes:
        """All bytes there are; waits for the first one until ``until``."""
        loop = asyncio.get_running_loop()
        if not self._data and not self.is_lost and until > loop.time():
            waiting = self._waiting = loop.create_future()
            timer = loop.call_at(until, self._wake)
            try:
                await waiting
            finally:
                timer.cancel()
                self._waiting = None
        taken = bytes(self._data)
        self._data.clear()
        return taken

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class TcpLink:
    """A TCP connection to a meter or to a converter."""

    def __init__(self, host: str, port: int = 502, *, connect_s: float = 5.0) -> None:
        self.name = f"{host}:{port}"
        self._host, self._port, self._connect_s = host, port, connect_s
        self._transport: asyncio.Transport | None = None
        self._inbox = Inbox()

    @property
    def is_open(self) -> bool:
        return (
            self._transport is not None
            and not self._inbox.is_lost
            and not self._transport.is_closing()
        )

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_s):
                self._transport, self._inbox = await loop.create_connection(
                    Inbox, self._host, self._port
                )
        except TimeoutError:
            raise LinkDown(f"{self.name} does not answer within {self._connect_s:g} s") from None
        except (OSError, UnicodeError) as reason:
            raise LinkDown(f"{self.name} cannot be reached ({reason})") from None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def send(self, data: bytes) -> None:
        if self._transport is None or not self.is_open:
            raise LinkDown(f"{self.name} has closed the connection")
        self._transport.write(data)

    async def receive(self, until: float) -> bytes:
        data = await self._inbox.take(until)
        if not data and self._inbox.is_lost:
            raise LinkDown(f"{self.name} has closed the connection")
        return data
