"""Answers stations in a process of its own: ``served`` as Quartier does, ``echo`` as little as the
library can."""

import asyncio
import sys
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from quartier.ocpp.peer import Asked
from quartier.ocpp.stations import Known, NotAdmitted, Station, StationServer
from quartier.ocpp.versions import Version

HOST = "127.0.0.1"


class _Desk:
    """Lets all in and says yes to meter values."""

    versions: Sequence[Version] = (Version.V16,)

    async def admit(self, identity: str, password: bytes | None) -> Known:
        if password is not None:
            raise NotAdmitted("here is no password", HTTPStatus.BAD_REQUEST)
        return Known(identity)

    async def arrived(self, station: Station) -> None:
        """Nothing to do."""

    async def answer(self, station: Station, asked: Asked) -> dict[str, Any]:
        del station, asked
        return {}

    async def gone(self, station: Station) -> None:
        """Nothing to do."""


async def _served() -> None:
    server = StationServer(_Desk(), HOST, 0)
    running = asyncio.create_task(server.run())
    while not server.is_open:
        await asyncio.sleep(0.01)
    print(server.port, flush=True)
    await running


async def _echo() -> None:
    async def answer(connection: ServerConnection) -> None:
        async for text in connection:
            await connection.send(text)

    names = [Subprotocol(Version.V16.value)]
    async with serve(answer, HOST, 0, compression=None, subprotocols=names) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_served() if sys.argv[1] == "served" else _echo())
