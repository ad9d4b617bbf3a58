"""The port of MQTT, as tables of ``apps/equipment/mqtt.py``."""

from datetime import datetime, timedelta

from quartier.field.ports import Came, Source
from quartier.field.storage.database import Database
from quartier.formats.mqtt_mapping import BadMapping, read_mapping

HELD = timedelta(seconds=30)
"""So long a source belongs to a server that says nothing any more."""


class StoredSources:
    """Sources that the server ``server`` holds."""

    def __init__(self, database: Database, server: str) -> None:
        self._database = database
        self._server = server

    async def hold(self, at: datetime) -> list[Source]:
        """See ``Sources``. One whose mapping cannot be read is left out, and says so."""
        if not await self._database.run(
            "SELECT 1 FROM equipment_mqttsource WHERE is_enabled LIMIT 1"
        ):
            return []  # SQLite would lock out all others to change nothing
        await self._database.run(
            "UPDATE equipment_mqttsource SET held_by = ?, held_until = ?"
            " WHERE is_enabled AND (held_by = ? OR held_until IS NULL OR held_until < ?)",
            self._server, at + HELD, self._server, at,
        )  # fmt: skip
        rows = await self._database.run(
            "SELECT gateway_id, host, port, is_tls, ca, username, password, mapping"
            " FROM equipment_mqttsource WHERE is_enabled AND held_by = ?",
            self._server,
        )
        found = []
        for source_id, host, port, is_tls, ca, username, password, mapping in rows:
            try:
                topic = read_mapping(mapping).topic
            except BadMapping as problem:
                await self.say(source_id, None, str(problem))
                continue
            found.append(Source(source_id, host, port, bool(is_tls), ca, username, password, topic))
        return found

    async def release(self) -> None:
        """See ``Sources``."""
        await self._database.run(
            "UPDATE equipment_mqttsource SET held_by = '', held_until = NULL, connected_at = NULL"
            " WHERE held_by = ?",
            self._server,
        )

    async def keep(self, source_id: int, messages: list[Came]) -> None:
        """See ``Sources``."""
        marks = ", ".join("(?, ?, ?, ?, NULL, ?)" for _ in messages)
        values = [
            value
            for one in messages
            for value in (source_id, one.topic, one.payload, one.received_at, one.problem)
        ]
        await self._database.run(
            "INSERT INTO equipment_mqttmessage"  # noqa: S608 - marks alone
            f" (source_id, topic, payload, received_at, read_at, problem) VALUES {marks}",
            *values,
        )

    async def say(self, source_id: int, connected_at: datetime | None, problem: str) -> None:
        """See ``Sources``."""
        await self._database.run(
            "UPDATE equipment_mqttsource SET connected_at = ?, problem = ?"
            " WHERE gateway_id = ? AND held_by = ?",
            connected_at, problem, source_id, self._server,
        )  # fmt: skip
