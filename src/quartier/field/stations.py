"""Charging stations of the platform: lets in whom it knows, keeps what they say, answers."""

import asyncio
import hashlib
import hmac
import logging
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import msgspec

from quartier.field.journal import Journal
from quartier.field.ports import KnownStation, Said, StationStore, StorageDown
from quartier.field.program import CannotStart
from quartier.field.storage.database import NotUnique
from quartier.ocpp.peer import Asked
from quartier.ocpp.problems import Problem
from quartier.ocpp.stations import Known, NotAdmitted, Refused, Station, StationServer
from quartier.ocpp.tokens import ACCEPTED, verdict
from quartier.ocpp.versions import Version

HEARTBEAT_S = 300
BEAT_S = 15.0
"""How often the connections are said to live."""
_AGAIN = 1013
_NOTES_EVERY, _NOTES_ONE_EVERY = timedelta(seconds=0.1), timedelta(minutes=1)
"""How often somebody who is not known is written down: anybody, and the same one."""
_log = logging.getLogger("quartier.field")


@dataclass(frozen=True, slots=True)
class _Admitted(Known):
    """A station that may connect, as the table has it."""

    row: KnownStation = field(kw_only=True)


@dataclass(slots=True)
class _Held:
    station: KnownStation
    number: int
    """Of the last message."""


class FieldDesk:
    """Answers stations of 1.6 and 2.0.1, and keeps what they say first."""

    versions = (Version.V201, Version.V16)

    def __init__(
        self,
        store: StationStore,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._now = now
        self.journal = Journal(store)
        self._here: dict[str, Station] = {}
        self._noted: dict[str, datetime] = {}
        self._held: weakref.WeakKeyDictionary[Station, asyncio.Future[_Held]] = (
            weakref.WeakKeyDictionary()
        )

    async def admit(self, identity: str, password: bytes | None) -> Known:
        """By the table; raises :class:`NotAdmitted`."""
        try:
            station = await self._store.station(identity)
            if station is None:
                await self._note(identity, has_password=password is not None)
                raise NotAdmitted("no station has that identity; it waits for approval")
        except StorageDown as problem:
            _log.error("%s", problem)
            status = HTTPStatus.SERVICE_UNAVAILABLE
            raise NotAdmitted("come again later", status) from None
        given = hashlib.sha256(password or b"").hexdigest()
        wanted = station.password_sha256
        if wanted and not hmac.compare_digest(wanted, given):
            raise NotAdmitted("the password of the station is another one")
        return _Admitted(identity, row=station)

    async def arrived(self, station: Station) -> None:
        """From its last message on, its numbers are this server's to give."""
        known = _row(station)
        held = self._future(station)
        self._here[station.identity] = station
        try:
            last = await self._store.arrive(known, station.peer.version, self._now())
        except StorageDown as problem:
            _log.error("%s: %s", station.identity, problem)
            held.cancel()
            await station.close(_AGAIN, "come again later")
        else:
            held.set_result(_Held(known, last))

    async def answer(self, station: Station, asked: Asked) -> dict[str, Any]:
        """The payload of the answer, once the message is on the disk. Where it cannot be kept, the
        connection ends without an answer, so that the station says it again."""
        answer = _ANSWERS[station.peer.version].get(asked.action)
        if answer is None:
            raise Refused(Problem.NOT_SUPPORTED, f"{asked.action} is not served here")
        try:
            held = await asyncio.shield(self._future(station))
            payload = await answer(self, held.station, asked.payload)
            if asked.action != "Heartbeat":
                held.number += 1
                await self.journal.append(self._said(station, held, asked, payload))
        except (StorageDown, NotUnique) as problem:
            _log.error("%s: %s is not kept: %s", station.identity, asked.action, problem)
            await station.close(_AGAIN, "come again later")
            raise Refused(Problem.INTERNAL, "it cannot be kept now") from None
        return payload

    async def gone(self, station: Station) -> None:
        """Nobody holds it here."""
        if self._here.get(station.identity) is not station:
            return  # a newer connection of it is here
        del self._here[station.identity]
        try:
            await self._store.leave(_row(station))
        except StorageDown as problem:
            _log.error("%s: %s", station.identity, problem)  # what says nothing is gone too

    async def beat(self) -> None:
        """They are still here. Who may not be any more, or is on another server, is hung up."""
        here = list(self._here.values())
        kept = await self._store.keep([_row(one) for one in here], self._now())
        for one in here:
            if _row(one).station_id not in kept:
                _log.info("%s may not be here any more", one.identity)
                await one.close(_AGAIN, "connect again")

    async def _note(self, identity: str, *, has_password: bool) -> None:
        """That it waits; not so often that strangers could keep the database busy."""
        now = self._now()
        recent = self._noted.get(identity)
        latest = max(self._noted.values(), default=None)
        if (recent is not None and now - recent < _NOTES_ONE_EVERY) or (
            latest is not None and now - latest < _NOTES_EVERY
        ):
            return
        self._noted = {name: at for name, at in self._noted.items() if now - at < _NOTES_ONE_EVERY}
        self._noted[identity] = now
        await self._store.unknown(identity, now, has_password=has_password)

    def _future(self, station: Station) -> asyncio.Future[_Held]:
        held = self._held.get(station)
        if held is None:
            held = self._held[station] = asyncio.get_running_loop().create_future()
        return held

    def _said(self, station: Station, held: _Held, asked: Asked, answer: dict[str, Any]) -> Said:
        return Said(
            held.station,
            held.number,
            self._now(),
            station.peer.version,
            asked.action,
            msgspec.json.encode(asked.payload).decode(),
            msgspec.json.encode(answer).decode(),
        )

    def _time(self) -> str:
        return self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _boot(self, _known: KnownStation, _payload: dict[str, Any]) -> dict[str, Any]:
        return {"status": ACCEPTED, "currentTime": self._time(), "interval": HEARTBEAT_S}

    async def _heartbeat(self, _known: KnownStation, _payload: dict[str, Any]) -> dict[str, Any]:
        return {"currentTime": self._time()}

    async def _nothing(self, _known: KnownStation, _payload: dict[str, Any]) -> dict[str, Any]:
        return {}

    async def _data(self, _known: KnownStation, _payload: dict[str, Any]) -> dict[str, Any]:
        return {"status": "UnknownVendorId"}

    async def _authorize_16(self, known: KnownStation, payload: dict[str, Any]) -> dict[str, Any]:
        return {"idTagInfo": {"status": _verdict(known, payload["idTag"])}}

    async def _start_16(self, known: KnownStation, payload: dict[str, Any]) -> dict[str, Any]:
        """Each has a number, refused ones too: the station may have begun (OCPP 1.6, 5.11)."""
        number = await self._store.start(known, _digest(payload))
        status = _verdict(known, payload["idTag"])
        return {"transactionId": number, "idTagInfo": {"status": status}}

    async def _authorize_201(self, known: KnownStation, payload: dict[str, Any]) -> dict[str, Any]:
        return {"idTokenInfo": {"status": _verdict(known, payload["idToken"]["idToken"])}}

    async def _transaction(self, known: KnownStation, payload: dict[str, Any]) -> dict[str, Any]:
        token = payload.get("idToken")
        if token is None or token["type"] == "NoAuthorization":
            return {}
        return {"idTokenInfo": {"status": _verdict(known, token["idToken"])}}


def _row(station: Station) -> KnownStation:
    assert isinstance(station.known, _Admitted), "this desk admitted it"
    return station.known.row


def _verdict(known: KnownStation, token: str) -> str:
    return ACCEPTED if known.is_free else verdict(token, known.tags)


def _digest(payload: dict[str, Any]) -> str:
    """The same for the same words, in whatever order."""
    return hashlib.sha256(msgspec.json.encode(payload, order="sorted")).hexdigest()


_Answer = Callable[[FieldDesk, KnownStation, dict[str, Any]], Awaitable[dict[str, Any]]]
_BOTH: dict[str, _Answer] = {
    "BootNotification": FieldDesk._boot,
    "DataTransfer": FieldDesk._data,
    "FirmwareStatusNotification": FieldDesk._nothing,
    "Heartbeat": FieldDesk._heartbeat,
    "LogStatusNotification": FieldDesk._nothing,
    "MeterValues": FieldDesk._nothing,
    "SecurityEventNotification": FieldDesk._nothing,
    "StatusNotification": FieldDesk._nothing,
}
_ANSWERS: dict[Version, dict[str, _Answer]] = {
    Version.V16: _BOTH
    | {
        "Authorize": FieldDesk._authorize_16,
        "DiagnosticsStatusNotification": FieldDesk._nothing,
        "SignedFirmwareStatusNotification": FieldDesk._nothing,
        "StartTransaction": FieldDesk._start_16,
        "StopTransaction": FieldDesk._nothing,
    },
    Version.V201: _BOTH
    | {
        "Authorize": FieldDesk._authorize_201,
        "ClearedChargingLimit": FieldDesk._nothing,
        "NotifyChargingLimit": FieldDesk._nothing,
        "NotifyEvent": FieldDesk._nothing,
        "NotifyMonitoringReport": FieldDesk._nothing,
        "NotifyReport": FieldDesk._nothing,
        "ReservationStatusUpdate": FieldDesk._nothing,
        "TransactionEvent": FieldDesk._transaction,
    },
}
"""By version and action. What asks for a certificate, or for a car's schedule, is not served."""


class StationService:
    """The service; ``run`` ends when its task is cancelled."""

    name = "charging stations"

    def __init__(
        self, store: StationStore, host: str, port: int, *, beat_s: float = BEAT_S
    ) -> None:
        self.desk = FieldDesk(store)
        self.server = StationServer(self.desk, host, port)
        self._where = f"{host}:{port}"
        self._beat_s = beat_s

    async def run(self) -> None:
        """Serve until cancelled; raises :class:`CannotStart`."""
        journal = asyncio.create_task(self.desk.journal.run())
        beating = asyncio.create_task(self._beat())
        try:
            await self.server.run()
        except (OSError, OverflowError) as problem:
            why = getattr(problem, "strerror", None) or problem
            raise CannotStart(f"cannot listen on {self._where}: {why}") from None
        finally:
            for one in (beating, journal):
                one.cancel()
            await asyncio.gather(beating, journal, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_s)
            try:
                await self.desk.beat()
            except StorageDown as problem:
                _log.error("%s", problem)
