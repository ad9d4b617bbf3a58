"""How the field server speaks to a database, whichever it is.

Statements have ``?`` for a value. A value is None, a bool, a whole number, a text, bytes, an aware
datetime, or a list or an object for a column of JSON.
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

Value = None | bool | int | str | bytes | datetime | list[Any] | dict[str, Any]


class Database(Protocol):
    """One connection, used by one statement at a time, each a transaction of its own."""

    skips_locked: str
    """What a subselect of an UPDATE ends with, so that two servers do not wait for each other."""

    async def run(self, statement: str, *values: Value) -> list[tuple[Any, ...]]:
        """Its rows, what it changed on the disk. Raises ``StorageDown``, and ``NotUnique`` where a
        row is there already."""

    async def changed(self, timeout_s: float) -> None:
        """Returns when somebody has told of a new command, after ``timeout_s`` at the latest;
        where nobody can tell, when it is time to look again."""

    async def close(self) -> None:
        """Hang up."""


class NotUnique(Exception):
    """A row of that key is there already."""


def marks(values: Collection[Any]) -> str:
    """A ``?`` for each of ``values``, to stand in ``IN (...)``."""
    return ", ".join("?" * len(values))


def json_of(value: Any) -> Any:
    """What a column of JSON holds: SQLite gives its text, PostgreSQL what it says."""
    return json.loads(value) if isinstance(value, str) else value


def texts(value: Any) -> dict[str, str]:
    """An object of texts in a column of JSON."""
    found = json_of(value)
    assert isinstance(found, dict), "the column holds an object"
    return {str(name): str(text) for name, text in found.items()}


Rows = Sequence[tuple[Any, ...]]
