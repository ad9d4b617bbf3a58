"""The embedded database, in a thread of its own. Dates are texts as Django writes them."""

import asyncio
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quartier.field.ports import StorageDown
from quartier.field.storage.database import NotUnique, Value

LOOKS_EVERY_S = 0.5
_WAITS_S = 10.0
_SET_UP = "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"


class SqliteDatabase:
    """The file ``path``, in WAL by whoever made it."""

    skips_locked = ""

    def __init__(self, path: Path, *, looks_every_s: float = LOOKS_EVERY_S) -> None:
        self._path = path
        self._looks_every_s = looks_every_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="field-database")
        self._connection: sqlite3.Connection | None = None

    async def run(self, statement: str, *values: Value) -> list[tuple[Any, ...]]:
        """See ``Database``."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, statement, values)

    async def changed(self, timeout_s: float) -> None:
        """Nobody tells: it is looked every half second."""
        await asyncio.sleep(min(timeout_s, self._looks_every_s))

    async def close(self) -> None:
        """Hang up after the last statement."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _run(self, statement: str, values: tuple[Value, ...]) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None:
                where = f"{self._path.absolute().as_uri()}?mode=rw"
                self._connection = sqlite3.connect(
                    where, uri=True, timeout=_WAITS_S, isolation_level=None
                )
                self._connection.executescript(_SET_UP)
            return self._connection.execute(statement, [_stored(one) for one in values]).fetchall()
        except sqlite3.IntegrityError as problem:
            raise NotUnique(str(problem)) from None
        except sqlite3.Error as problem:
            self._close()
            raise StorageDown(f"{self._path} cannot be used ({problem})") from problem

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _stored(value: Value) -> Any:
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None))
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value
