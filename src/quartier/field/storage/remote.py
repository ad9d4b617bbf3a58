"""The ports of the remote connection, as tables of ``apps/equipment/remote.py``."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from quartier.field.ports import Asked, KnownGateway
from quartier.field.storage.database import Database, NotUnique, marks, texts
from quartier.formats.uplink.keys import SALT_BYTES, platform_key
from quartier.formats.uplink.remote import (
    NOT_ANSWERED,
    NOT_TAKEN,
    PATIENCE_S,
    Command,
    Kind,
    Row,
)
from quartier.formats.uplink.signature import MOST_SKEW_SECONDS

WAITS = timedelta(seconds=30)
"""A command that no server takes for so long is given up."""
KEPT = timedelta(days=90)
_NONCE_LIVES = timedelta(seconds=2 * MOST_SKEW_SECONDS)
_GRACE = timedelta(seconds=10)
_MOST_AT_ONCE = 100


class StoredKeys:
    """Keys from ``secret`` and the salts of the gateways."""

    def __init__(self, database: Database, secret: str) -> None:
        self._database = database
        self._secret = secret

    async def gateway(self, name: str) -> KnownGateway | None:
        """See ``GatewayKeys``."""
        rows = await self._database.run(
            "SELECT id, name, salt FROM equipment_gateway WHERE name = ?", name
        )
        return next((known(row, self._secret) for row in rows if len(row[2]) == SALT_BYTES), None)

    async def is_first(self, gateway_id: int, nonce: str, at: datetime) -> bool:
        """See ``GatewayKeys``; the nonces of the HTTPS door count too."""
        await self._database.run(
            "DELETE FROM equipment_gatewaynonce WHERE at < ?", at - _NONCE_LIVES
        )
        try:
            await self._database.run(
                "INSERT INTO equipment_gatewaynonce (gateway_id, nonce, at) VALUES (?, ?, ?)",
                gateway_id, nonce, at,
            )  # fmt: skip
        except NotUnique:
            return False
        return True


class StoredCommands:
    """Commands that the server ``server`` takes."""

    def __init__(self, database: Database, server: str) -> None:
        self._database = database
        self._server = server

    async def changed(self, timeout_s: float) -> None:
        """See ``Commands``."""
        await self._database.changed(timeout_s)

    async def take(self, sessions: Collection[str], at: datetime) -> list[Asked]:
        """See ``Commands``."""
        if not sessions or not await self._waits(at):
            return []
        rows = await self._database.run(
            "UPDATE equipment_remotecommand SET state = 'taken', taken_at = ?, taken_by = ?"  # noqa: S608
            " WHERE state = 'waiting' AND id IN (SELECT c.id FROM equipment_remotecommand c"
            " JOIN equipment_remotepresence p ON p.gateway_id = c.gateway_id"
            f" WHERE c.state = 'waiting' AND c.asked_at > ? AND p.session IN ({marks(sessions)})"
            f" ORDER BY c.id LIMIT {_MOST_AT_ONCE} {self._database.skips_locked})"
            " RETURNING id, gateway_id, kind, arguments",
            at, self._server, at - WAITS, *sessions,
        )  # fmt: skip
        return [
            Asked(gateway_id, Command(number, kind, texts(arguments)), at + _patience(kind))
            for number, gateway_id, kind, arguments in sorted(rows)
        ]

    async def _waits(self, at: datetime) -> bool:
        """Whether there is anything to take: SQLite would lock out all others to change nothing."""
        waiting = await self._database.run(
            "SELECT id FROM equipment_remotecommand"
            " WHERE state = 'waiting' AND asked_at > ? LIMIT 1",
            at - WAITS,
        )
        return bool(waiting)

    async def answer(
        self, number: int, state: str, rows: Collection[Row], text: str, at: datetime
    ) -> bool:
        """See ``Commands``."""
        is_over = state != "running"
        changed = await self._database.run(
            "UPDATE equipment_remotecommand SET state = ?, rows = ?, text = ?, answered_at = ?"
            " WHERE id = ? AND state = 'taken' AND taken_by = ? RETURNING id",
            state if is_over else "taken", [list(row) for row in rows], text, at,
            number, self._server,
        )  # fmt: skip
        return bool(changed)

    async def expire(self, at: datetime) -> None:
        """See ``Commands``; also of those that another server took and did not live to answer."""
        ended = "UPDATE equipment_remotecommand SET state = 'failed', text = ?, answered_at = ?"
        await self._database.run(
            f"{ended} WHERE state = 'waiting' AND asked_at <= ?", NOT_TAKEN, at, at - WAITS
        )
        await self._database.run(
            f"{ended} WHERE state = 'taken' AND ends_at <= ?", NOT_ANSWERED, at, at
        )

    async def prune(self, at: datetime) -> None:
        """See ``Commands``: they are kept for 90 days."""
        await self._database.run(
            "DELETE FROM equipment_remotecommand WHERE asked_at < ?", at - KEPT
        )


class StoredPresences:
    """Which gateways the server ``server`` has a connection to."""

    def __init__(self, database: Database, server: str, secret: str) -> None:
        self._database = database
        self._server = server
        self._secret = secret

    async def arrive(self, gateway_id: int, session: str, at: datetime) -> None:
        """See ``Presences``."""
        await self._database.run(
            "INSERT INTO equipment_remotepresence"
            " (gateway_id, session, server, connected_at, seen_at, ended_at, reason)"
            " VALUES (?, ?, ?, ?, ?, NULL, '') ON CONFLICT (gateway_id) DO UPDATE SET"
            " session = excluded.session, server = excluded.server,"
            " connected_at = excluded.connected_at, seen_at = excluded.seen_at,"
            " ended_at = NULL, reason = ''",
            gateway_id, session, self._server, at, at,
        )  # fmt: skip

    async def keep(self, sessions: Mapping[str, KnownGateway], at: datetime) -> set[str]:
        """See ``Presences``."""
        if not sessions:
            return set()
        rows = await self._database.run(
            "UPDATE equipment_remotepresence SET seen_at = ?"  # noqa: S608
            f" WHERE ended_at IS NULL AND session IN ({marks(sessions)})"
            " RETURNING session, (SELECT g.salt FROM equipment_gateway g WHERE g.id = gateway_id)",
            at, *sessions,
        )  # fmt: skip
        kept = set()
        for session, salt in rows:
            gateway = sessions[session]
            now = known((gateway.gateway_id, gateway.name, salt), self._secret)
            if now == gateway:
                kept.add(session)
        return kept

    async def held(self) -> set[str]:
        """See ``Presences``."""
        rows = await self._database.run(
            "SELECT session FROM equipment_remotepresence WHERE server = ? AND ended_at IS NULL",
            self._server,
        )
        return {session for (session,) in rows}

    async def leave(self, session: str, reason: str, at: datetime) -> None:
        """See ``Presences``."""
        await self._database.run(
            "UPDATE equipment_remotepresence SET ended_at = ?, reason = ?"
            " WHERE session = ? AND ended_at IS NULL",
            at, reason, session,
        )  # fmt: skip


def known(row: tuple[int, str, bytes | None], secret: str) -> KnownGateway | None:
    """The gateway of id, name and salt; None where it is not paired."""
    gateway_id, name, salt = row
    if salt is None or len(salt) != SALT_BYTES:
        return None
    return KnownGateway(gateway_id, name, platform_key(secret, name, bytes(salt)))


def _patience(kind: str) -> timedelta:
    seconds = PATIENCE_S[Kind(kind)] if kind in list(Kind) else 0
    return timedelta(seconds=seconds) + _GRACE
