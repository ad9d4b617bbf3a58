"""What the doors on the network have in common: who may connect, and how many at once."""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address, ip_network

from quartier.core.kernel.findings import Finding, warning
from quartier.formats.uplink.badge_readers import ReaderSettings

MOST_CONNECTIONS = 8
"""The oldest makes room: a controller that lost its power never said that it has gone."""

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """Serves those who may come until cancelled; the others are cut off before a byte is read."""

    def __init__(
        self, settings: ReaderSettings, converse: Converse, refuse: Callable[[Finding], None]
    ) -> None:
        self._settings, self._converse, self._refuse = settings, converse, refuse
        self._sources = ip_network(settings.source, strict=False) if settings.source else None
        self._open: dict[asyncio.StreamWriter, None] = {}

    async def run(self, limit: int) -> None:
        """``limit``: the most bytes that are kept of what was not read yet. Raises OSError."""
        server = await asyncio.start_server(
            self._serve, self._settings.listen, self._settings.port, limit=limit
        )
        try:
            await asyncio.Event().wait()  # until cancelled
        finally:
            server.close()
            for writer in [*self._open]:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if peer is None or not self._may(peer[0]):
            writer.transport.abort()
            if peer is not None:
                self._refuse(_stranger(peer[0], self._settings.name))
            return
        if len(self._open) >= MOST_CONNECTIONS:
            next(iter(self._open)).transport.abort()
        self._open[writer] = None
        try:
            await self._converse(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return  # whoever spoke has gone, or took too long
        finally:
            self._open.pop(writer, None)
            writer.close()

    def _may(self, peer: str) -> bool:
        if self._sources is None:
            return True
        address = ip_address(peer.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return address in self._sources


def _stranger(peer: str, name: str) -> Finding:
    return warning(
        "reader.stranger",
        f"{peer} tried to speak for this reader and was cut off.",
        where=name,
        remedy="Correct the network address from which the reader comes, or look for who that is.",
    )
