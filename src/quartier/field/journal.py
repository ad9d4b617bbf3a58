"""Keeps what stations said before they are answered: many messages, one commit."""

import asyncio
from collections.abc import Sequence

from quartier.field.ports import Said, StationStore, StorageDown

MOST_AT_ONCE = 500


class Journal:
    """Appends to ``store``. While one commit is on its way to the disk, messages of all stations
    gather for the next one."""

    def __init__(self, store: StationStore) -> None:
        self._store = store
        self._waiting: asyncio.Queue[tuple[Said, asyncio.Future[None]]] = asyncio.Queue()

    async def append(self, said: Said) -> None:
        """On the disk when it returns. Raises :class:`StorageDown`, and ``NotUnique`` where another
        server has written for this station since."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((said, kept))
        await kept

    async def run(self) -> None:
        """Until cancelled; who waits then is told that the storage is down."""
        batch: list[tuple[Said, asyncio.Future[None]]] = []
        try:
            while True:
                batch = [await self._waiting.get()]
                while len(batch) < MOST_AT_ONCE and not self._waiting.empty():
                    batch.append(self._waiting.get_nowait())
                await self._keep(batch)
        finally:
            while not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            _tell(batch, StorageDown("the field server is stopped"))

    async def _keep(self, batch: Sequence[tuple[Said, asyncio.Future[None]]]) -> None:
        try:
            await self._store.append([said for said, _ in batch])
        except StorageDown as problem:
            _tell(batch, problem)
        except Exception as problem:  # noqa: BLE001 - who waits for it is told
            if len(batch) == 1:
                _tell(batch, problem)
                return
            for one in batch:  # the others must not suffer for it
                await self._keep([one])
        else:
            _tell(batch, None)


def _tell(batch: Sequence[tuple[Said, asyncio.Future[None]]], problem: Exception | None) -> None:
    for _, kept in batch:
        if kept.done():
            continue  # its station has gone meanwhile
        if problem is None:
            kept.set_result(None)
        else:
            kept.set_exception(problem)
