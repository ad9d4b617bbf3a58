"""PostgreSQL: one connection for statements, one that waits for NOTIFY."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from quartier.field.ports import StorageDown
from quartier.field.storage.database import NotUnique, Value

CHANNEL = "quartier_remote"
"""Pages notify it when they ask for something (apps/equipment/remote_control.py)."""
_WAITS_S = 10
PATIENCE_S = 30.0
"""A statement takes milliseconds. One that hangs, behind a lock or a line that was cut without a
word, would keep every gateway waiting."""


class PostgresqlDatabase:
    """The database of ``settings``, as psycopg calls them. No organisation is set on its
    connections: the field server serves those of all (docs/decisions/0008-row-security.md)."""

    skips_locked = "FOR UPDATE OF c SKIP LOCKED"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = dict(settings)
        self._turn = asyncio.Lock()
        self._asks: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._listens: psycopg.AsyncConnection[tuple[Any, ...]] | None = None

    async def run(self, statement: str, *values: Value) -> list[tuple[Any, ...]]:
        """See ``Database``."""
        async with self._turn:
            try:
                if self._asks is None or self._asks.closed:
                    self._asks = await self._connect()
                async with asyncio.timeout(PATIENCE_S):
                    cursor = await self._asks.execute(
                        statement.replace("?", "%s").encode(), [_stored(one) for one in values]
                    )
                    return await cursor.fetchall() if cursor.description else []
            except psycopg.errors.UniqueViolation as problem:
                raise NotUnique(str(problem)) from None
            except TimeoutError:
                await self._drop()
                raise StorageDown(f"the database has not answered for {PATIENCE_S:.0f} s") from None
            except psycopg.OperationalError as problem:
                await self._drop()
                raise StorageDown(f"the database cannot be used ({problem})") from problem

    async def changed(self, timeout_s: float) -> None:
        """Returns at the next NOTIFY."""
        try:
            if self._listens is None or self._listens.closed:
                self._listens = await self._connect()
                await self._listens.execute(f"LISTEN {CHANNEL}")
                return  # what was told meanwhile was told to nobody
            async for _told in self._listens.notifies(timeout=timeout_s, stop_after=1):
                return
        except psycopg.OperationalError as problem:
            await self._drop()
            raise StorageDown(f"the database cannot be used ({problem})") from problem

    async def close(self) -> None:
        """Hang up."""
        await self._drop()

    async def _connect(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        return await psycopg.AsyncConnection.connect(
            autocommit=True, connect_timeout=_WAITS_S, **self._settings
        )

    async def _drop(self) -> None:
        for one in (self._asks, self._listens):
            if one is not None:
                with contextlib.suppress(psycopg.Error):
                    await one.close()
        self._asks = self._listens = None


def _stored(value: Value) -> Any:
    return Jsonb(value) if isinstance(value, list | dict) else value
