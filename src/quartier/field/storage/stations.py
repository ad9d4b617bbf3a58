"""The port of charging stations, as tables of ``apps/charging/models.py``."""

from collections.abc import Collection, Sequence
from datetime import datetime

from quartier.field.ports import KnownStation, Said, StorageDown
from quartier.field.storage.database import Database, NotUnique, json_of, marks

MOST_UNKNOWN = 1000
"""Identities that wait; strangers who make up more are not written down."""
_TRIES = 5


class StoredStations:
    """Stations of all organisations, of which ``server`` holds some."""

    def __init__(self, database: Database, server: str) -> None:
        self._database = database
        self._server = server

    async def station(self, identity: str) -> KnownStation | None:
        """See ``StationStore``."""
        rows = await self._database.run(
            "SELECT id, site_id, identity, password_sha256, is_free, tags"
            " FROM charging_chargingstation WHERE identity = ? AND is_enabled",
            identity,
        )
        for station_id, site_id, name, password, is_free, tags in rows:
            known = tuple(str(one) for one in json_of(tags))
            return KnownStation(station_id, site_id, name, password, bool(is_free), known)
        return None

    async def unknown(self, identity: str, at: datetime, *, has_password: bool) -> None:
        """See ``StationStore``."""
        changed = await self._database.run(
            "UPDATE charging_unknownstation"
            " SET last_seen_at = ?, attempts = attempts + 1, has_password = ?"
            " WHERE identity = ? RETURNING identity",
            at, has_password, identity,
        )  # fmt: skip
        if changed:
            return
        ((count,),) = await self._database.run("SELECT count(*) FROM charging_unknownstation")
        if count < MOST_UNKNOWN:
            await self._database.run(
                "INSERT INTO charging_unknownstation"
                " (identity, first_seen_at, last_seen_at, attempts, has_password)"
                " VALUES (?, ?, ?, 1, ?) ON CONFLICT (identity) DO NOTHING",
                identity, at, at, has_password,
            )  # fmt: skip

    async def arrive(self, station: KnownStation, version: str, at: datetime) -> int:
        """See ``StationStore``."""
        await self._database.run(
            "UPDATE charging_chargingstation"
            " SET version = ?, server = ?, connected_at = ?, seen_at = ? WHERE id = ?",
            version, self._server, at, at, station.station_id,
        )  # fmt: skip
        ((last,),) = await self._database.run(
            "SELECT max(number) FROM charging_chargingmessage"
            " WHERE site_id = ? AND station_id = ?",
            station.site_id, station.station_id,
        )  # fmt: skip
        return last or 0

    async def keep(self, stations: Collection[KnownStation], at: datetime) -> set[int]:
        """See ``StationStore``."""
        if not stations:
            return set()
        rows = await self._database.run(
            "UPDATE charging_chargingstation SET seen_at = ?"  # noqa: S608
            f" WHERE server = ? AND is_enabled AND id IN ({marks(stations)})"
            " RETURNING id, password_sha256",
            at, self._server, *(one.station_id for one in stations),
        )  # fmt: skip
        passwords = {one.station_id: one.password_sha256 for one in stations}
        return {station_id for station_id, password in rows if passwords[station_id] == password}

    async def leave(self, station: KnownStation) -> None:
        """See ``StationStore``."""
        await self._database.run(
            "UPDATE charging_chargingstation SET server = '', connected_at = NULL"
            " WHERE id = ? AND server = ?",
            station.station_id, self._server,
        )  # fmt: skip

    async def start(self, station: KnownStation, digest: str) -> int:
        """See ``StationStore``."""
        where = station.site_id, station.station_id
        for _ in range(_TRIES):
            rows = await self._database.run(
                "SELECT number FROM charging_startedtransaction"
                " WHERE site_id = ? AND station_id = ? AND digest = ?",
                *where, digest,
            )  # fmt: skip
            if rows:
                return int(rows[0][0])
            ((last,),) = await self._database.run(
                "SELECT max(number) FROM charging_startedtransaction"
                " WHERE site_id = ? AND station_id = ?",
                *where,
            )
            number = (last or 0) + 1
            try:
                await self._database.run(
                    "INSERT INTO charging_startedtransaction"
                    " (site_id, station_id, number, digest) VALUES (?, ?, ?, ?)",
                    *where, number, digest,
                )  # fmt: skip
            except NotUnique:
                continue  # another server holds the station too, for this moment
            return number
        raise StorageDown(f"{station.identity} starts transactions on several servers at once")

    async def append(self, said: Sequence[Said]) -> None:
        """See ``StationStore``."""
        rows = ", ".join("(?, ?, ?, ?, ?, ?, ?, ?)" for _ in said)
        values = [
            value
            for one in said
            for value in (
                one.station.site_id,
                one.station.station_id,
                one.number,
                one.received_at,
                one.version,
                one.action,
                one.asked,
                one.answer,
            )
        ]
        await self._database.run(
            "INSERT INTO charging_chargingmessage"  # noqa: S608 - marks alone
            " (site_id, station_id, number, received_at, version, action, asked, answer)"
            f" VALUES {rows}",
            *values,
        )
