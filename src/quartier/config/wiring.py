"""Fills the ports of the field server from the environment, without Django."""

import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from quartier.config import env
from quartier.field.ports import Ports, StorageDown
from quartier.field.storage.database import Database
from quartier.field.storage.mqtt import StoredSources
from quartier.field.storage.remote import StoredCommands, StoredKeys, StoredPresences
from quartier.field.storage.sqlite import SqliteDatabase
from quartier.field.storage.stations import StoredStations

_NAMES = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}


@asynccontextmanager
async def field_ports() -> AsyncIterator[Ports]:
    """The ports of one server, until the context ends. Raises ``StorageDown`` where the database
    has no tables of this program."""
    home = env.home()
    secret = env.secret_key(home)
    database = database_of(env.database(home))
    server = f"{socket.gethostname()[:60]}-{secrets.token_hex(4)}"
    try:
        await _look(database)
        yield Ports(
            StoredKeys(database, secret),
            StoredCommands(database, server),
            StoredPresences(database, server, secret),
            StoredSources(database, server),
            tuple(env.networks("QUARTIER_MQTT_NETWORKS")),
            StoredStations(database, server),
        )
    finally:
        await database.close()


def database_of(settings: dict[str, Any]) -> Database:
    """The database of Django's ``settings``, which it connects to when it is first asked."""
    if settings["ENGINE"].endswith("sqlite3"):
        return SqliteDatabase(Path(settings["NAME"]))
    from quartier.field.storage.postgresql import PostgresqlDatabase

    mine = {name: str(settings[key]) for key, name in _NAMES.items() if settings.get(key)}
    return PostgresqlDatabase(mine | settings.get("OPTIONS", {}))


async def _look(database: Database) -> None:
    try:
        await database.run("SELECT id FROM equipment_remotecommand LIMIT 1")
        await database.run("SELECT id FROM charging_chargingstation LIMIT 1")
    except StorageDown:
        raise
    except Exception as problem:
        raise StorageDown(f"the database is not up to date ({problem})") from problem
