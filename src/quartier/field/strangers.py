"""Connections that have not said what they want: so many at a time, and the oldest makes room.

Each costs a descriptor and memory for as long as the server is patient, and anybody can open them.
"""

import asyncio
from typing import Any

from websockets.asyncio.server import ServerConnection

MOST_SILENT = 500


class Stranger(ServerConnection):
    """A connection, told apart until :func:`spoke` is said of it. ``silent`` is of one server."""

    silent: dict["Stranger", None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it in, in place of the oldest where there are many."""
        if len(self.silent) >= MOST_SILENT:
            oldest = next(iter(self.silent))
            del self.silent[oldest]
            oldest.transport.abort()
        self.silent[self] = None
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whether it ever spoke or not."""
        spoke(self)
        super().connection_lost(exc)


def counted() -> type[Stranger]:
    """The connections of one server."""
    return type("Counted", (Stranger,), {"silent": {}})


def spoke(connection: Any) -> None:
    """Its request has come."""
    if isinstance(connection, Stranger):
        connection.silent.pop(connection, None)
