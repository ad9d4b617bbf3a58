"""Serves charging stations over WebSockets, in the gateway and on the platform alike.

Who may connect and what is answered is decided behind :class:`Desk`; nothing is kept here. A new
connection of a station replaces its old one, and calls that survive go on with it.
"""

import asyncio
import base64
import binascii
import itertools
import logging
import secrets
import ssl
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, NegotiationError
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from quartier.ocpp.frames import MOST_BYTES
from quartier.ocpp.peer import CALL_TIMEOUT_S, Answered, Asked, Odd, Peer
from quartier.ocpp.problems import BadPayload, Problem
from quartier.ocpp.versions import Version

MOST_CONNECTIONS = 10_000
PATIENCE_S = 10.0
PING_S = 30.0
_LONGEST_IDENTITY = 48
_MOST_ASKED = 16
"""Calls of a station that wait for their answers; then no more are taken off the line."""
_log = logging.getLogger("quartier.ocpp")


def _without_strangers(record: logging.LogRecord) -> bool:
    """Whoever speaks no HTTP would write a traceback into the log with each connection."""
    return record.msg != "opening handshake failed"


_library_log = logging.getLogger("quartier.ocpp.websockets")
_library_log.setLevel(logging.WARNING)
_library_log.addFilter(_without_strangers)


class NotAdmitted(Exception):
    """The station may not connect; ``status`` is the answer, the text says why."""

    def __init__(self, text: str, status: HTTPStatus = HTTPStatus.UNAUTHORIZED) -> None:
        super().__init__(text)
        self.status = status


class Refused(Exception):
    """A call is answered with an error."""

    def __init__(self, problem: Problem, text: str) -> None:
        super().__init__(text)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Known:
    """A station that may connect. ``lenient``: its faults that are put right."""

    identity: str
    lenient: tuple[str, ...] = ()


class Desk(Protocol):
    """Decides and keeps."""

    @property
    def versions(self) -> Sequence[Version]:
        """What is spoken, the best first."""

    async def admit(self, identity: str, password: bytes | None) -> Known:
        """The station that connects so; ``password`` of Basic authentication, None without. Raises
        :class:`NotAdmitted`."""

    async def arrived(self, station: "Station") -> None:
        """It is connected."""

    async def answer(self, station: "Station", asked: Asked) -> dict[str, Any]:
        """The payload of the answer; raises :class:`Refused`. It asks the station nothing itself:
        a task of its own does, after the answer."""

    async def gone(self, station: "Station") -> None:
        """The connection has ended."""


class NoAnswer(Exception):
    """A call of ours was not answered as it should; ``code`` is the station's, or ours."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code


class Station:
    """One connected station."""

    def __init__(self, known: Known, peer: Peer, socket: ServerConnection) -> None:
        self.known = known
        self.peer = peer
        self._socket = socket
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._asked: asyncio.Queue[Asked] = asyncio.Queue(_MOST_ASKED)
        self._sends = asyncio.Lock()
        self._changed = asyncio.Event()
        self._watched_s: float | None = None
        self.has_ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    @property
    def identity(self) -> str:
        return self.known.identity

    async def ask(
        self, action: str, payload: dict[str, Any], *, timeout_s: float = CALL_TIMEOUT_S
    ) -> dict[str, Any]:
        """The answer of the station; raises :class:`NoAnswer`, and what :meth:`Peer.ask` does."""
        call_id = self.peer.ask(action, payload, timeout_s=timeout_s)
        answer: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._answers[call_id] = answer
        try:
            await self._flush()
            return await answer
        finally:
            self._answers.pop(call_id, None)

    async def close(self, code: int, reason: str) -> None:
        """End the connection."""
        await self._socket.close(code, reason)

    async def run(self, desk: Desk) -> None:
        """Until the connection ends."""
        tasks = [
            asyncio.create_task(one)
            for one in (self._read(), self._answer_calls(desk), self._watch())
        ]
        try:
            await desk.arrived(self)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in tasks:
                one.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            for event in self.peer.disconnected():
                self._settle(event)
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(NoAnswer("Lost", "the connection was lost"))
            self.has_ended.set()
        for problem in ended:
            if isinstance(problem, Exception) and not isinstance(problem, ConnectionClosed):
                raise problem

    async def _read(self) -> None:
        async for text in self._socket:
            event = self.peer.receive(text)
            if isinstance(event, Asked):
                await self._asked.put(event)
            elif isinstance(event, Odd):
                _log.warning("%s: %s", self.identity, event.text)
            elif event is not None:
                self._settle(event)
            await self._flush()

    async def _answer_calls(self, desk: Desk) -> None:
        while True:
            asked = await self._asked.get()
            try:
                self.peer.answer(asked, await desk.answer(self, asked))
            except Refused as problem:
                self.peer.refuse(asked, problem.problem, str(problem))
            except BadPayload as problem:
                _log.error("%s: our answer to %s: %s", self.identity, asked.action, problem)
            except Exception:  # noqa: BLE001 - it is logged, and the station is told
                _log.exception("%s: %s could not be answered", self.identity, asked.action)
                self.peer.refuse(asked, Problem.INTERNAL, "this could not be done; it is logged")
            await self._flush()

    async def _watch(self) -> None:
        """Give up calls that wait for too long."""
        while True:
            self._watched_s = deadline_s = self.peer.deadline_s
            now_s = self._loop.time()
            self._changed.clear()
            wait_s = None if deadline_s is None else max(deadline_s - now_s, 0.0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait_s)
            event = self.peer.expire(self._loop.time())
            if event is not None:
                self._settle(event)
                await self._flush()

    def _settle(self, event: Answered | Any) -> None:
        answer = self._answers.get(event.call_id)
        if answer is None or answer.done():
            return
        if event.payload is None:
            answer.set_exception(NoAnswer(event.code, event.text))
        else:
            answer.set_result(event.payload)

    async def _flush(self) -> None:
        async with self._sends:
            for text in self.peer.to_send(self._loop.time()):
                await self._socket.send(text)
        if self.peer.deadline_s != self._watched_s:  # else each message would wake the watch
            self._changed.set()


class StationServer:
    """Listens for stations at ``/…/<identity>``; ``run`` ends when its task is cancelled."""

    def __init__(
        self, desk: Desk, host: str, port: int, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._desk = desk
        self._host, self._port, self._tls = host, port, tls
        self.stations: dict[str, Station] = {}
        """Those that are connected, by identity."""
        self._peers: dict[tuple[str, Version], Peer] = {}
        self._replacing: dict[str, asyncio.Lock] = {}
        self._let_in: weakref.WeakKeyDictionary[ServerConnection, Known] = (
            weakref.WeakKeyDictionary()
        )
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """Where it listens, once it runs."""
        assert self._server is not None, "it runs"
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._server is not None and self._server.is_serving()

    async def run(self) -> None:
        """Serve until cancelled; raises ``OSError`` where it cannot listen."""
        self._server = await serve(
            self._hold,
            self._host,
            self._port,
            ssl=self._tls,
            process_request=self._admit,
            select_subprotocol=self._choose,
            compression=None,
            server_header=None,
            logger=_library_log,
            open_timeout=PATIENCE_S,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=2,
            max_size=MOST_BYTES,
            max_queue=4,
        )
        try:
            await asyncio.Event().wait()
        finally:
            self._server.close(code=1001, reason="the server is stopped")
            await self._server.wait_closed()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let the station in, or answer why not."""
        identity = unquote(urlsplit(request.path).path.rpartition("/")[2])
        if not 0 < len(identity) <= _LONGEST_IDENTITY or not identity.isprintable():
            text = "The address ends with the OCPP identity of the station.\n"
            return connection.respond(HTTPStatus.NOT_FOUND, text)
        if len(self.stations) >= MOST_CONNECTIONS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "It is full; come later.\n")
        try:
            password = _password(request, identity)
            self._let_in[connection] = await self._desk.admit(identity, password)
        except NotAdmitted as problem:
            _log.warning("%.48r is not let in: %s", identity, problem)
            answer = connection.respond(problem.status, f"{problem}\n")
            if problem.status is HTTPStatus.UNAUTHORIZED:
                answer.headers["WWW-Authenticate"] = 'Basic realm="ocpp"'
            return answer
        return None

    def _choose(
        self, _connection: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        """A station that offers nothing speaks 1.6 (real ones do that); one that offers what we do
        not speak is told so."""
        if not offered:
            return None
        for version in self._desk.versions:
            name = Subprotocol(version.value)
            if name in offered:
                return name
        spoken = ", ".join(self._desk.versions)
        raise NegotiationError(f"spoken are {spoken}; set one of them in the station")

    async def _hold(self, connection: ServerConnection) -> None:
        """One connection, from its beginning to its end."""
        known = self._let_in.pop(connection)
        async with self._replacing.setdefault(known.identity, asyncio.Lock()):
            station = await self._replace(known, connection)
        _log.info("%s is connected, with %s", known.identity, station.peer.version)
        try:
            await station.run(self._desk)
        finally:
            if self.stations.get(known.identity) is station:
                del self.stations[known.identity]
                await self._desk.gone(station)
        _log.info("%s is gone", known.identity)

    async def _replace(self, known: Known, connection: ServerConnection) -> Station:
        """The station at ``connection``, once its old connection has ended."""
        old = self.stations.get(known.identity)
        if old is not None:
            await old.close(1000, "another connection has replaced this one")
            await old.has_ended.wait()
        version = Version(connection.subprotocol or Version.V16)
        peer = self._peers.get((known.identity, version))
        if peer is None:
            peer = Peer(version, _ids(), lenient=known.lenient)
            self._peers[known.identity, version] = peer
        peer.connected()
        station = Station(known, peer, connection)
        self.stations[known.identity] = station
        return station


def _ids() -> Callable[[], str]:
    """Message ids that no other connection has."""
    start = secrets.token_hex(6)
    numbers = itertools.count(1)
    return lambda: f"{start}-{next(numbers)}"


def _password(request: Request, identity: str) -> bytes | None:
    """Of Basic authentication (RFC 7617), whose user is the identity; None without. Raises
    :class:`NotAdmitted`."""
    given = request.headers.get("Authorization")
    if given is None:
        return None
    kind, _, code = given.partition(" ")
    try:
        user, colon, password = base64.b64decode(code.strip(), validate=True).partition(b":")
    except (ValueError, binascii.Error):
        user, colon, password = b"", b"", b""
    if kind.lower() != "basic" or not colon:
        raise NotAdmitted("the header Authorization is no Basic authentication")
    if user != identity.encode():
        raise NotAdmitted("the user is not the identity in the address")
    return password
