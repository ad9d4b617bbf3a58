"""Holds the WebSockets of gateways: lets in who signs, hands over commands, keeps answers."""

import asyncio
import logging
import secrets
import weakref
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from quartier.field.ports import KnownGateway, Ports, StorageDown
from quartier.field.program import CannotStart
from quartier.field.session import LOST, REPLACED, STOPPED, Session
from quartier.field.strangers import counted, spoke
from quartier.formats.uplink.remote import PATH
from quartier.formats.uplink.remote_session import (
    MOST_FRAME_BYTES,
    Seal,
    Side,
    answer_of,
    check_request,
)
from quartier.formats.uplink.signature import NotSigned, Signature, signature_of

HEALTH = "/field/health"
MOST_CONNECTIONS = 10_000
PATIENCE_S = 10.0
"""A connection that has not said who it is by then is closed."""
PING_S = 20.0
BEAT_S = 15.0
"""How often the connections are said to live, and commands to be too old."""
LOOKS_S = 5.0
"""How often it looks for commands that nobody told of."""
PRUNES_EVERY = timedelta(hours=1)
_MOST_QUEUED = 4

_log = logging.getLogger("quartier.field")


def _without_strangers(record: logging.LogRecord) -> bool:
    """Whoever speaks no HTTP would write a traceback into the log with each connection."""
    return record.msg != "opening handshake failed"


_library_log = logging.getLogger("quartier.field.websockets")
_library_log.setLevel(logging.WARNING)
_library_log.addFilter(_without_strangers)


class GatewayService:
    """The service; ``run`` ends when its task is cancelled."""

    name = "connections of gateways"

    def __init__(
        self,
        ports: Ports,
        host: str,
        port: int,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience_s: float = PATIENCE_S,
        looks_s: float = LOOKS_S,
        beat_s: float = BEAT_S,
    ) -> None:
        self._ports = ports
        self._host, self._port = host, port
        self._now = now
        self._patience_s = patience_s
        self._looks_s = looks_s
        self._beat_s = beat_s
        self._sessions: dict[str, Session] = {}
        self._let_in: weakref.WeakKeyDictionary[
            ServerConnection, tuple[KnownGateway, Signature, Signature]
        ] = weakref.WeakKeyDictionary()
        self._is_storage_up = True
        self._server: Server | None = None

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._server is not None and self._server.is_serving()

    @property
    def port(self) -> int:
        """Where it listens, once it runs."""
        assert self._server is not None, "it runs"
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def run(self) -> None:
        """Serve until cancelled; raises :class:`CannotStart`."""
        try:
            self._server = await serve(
                self._hold,
                self._host,
                self._port,
                create_connection=counted(),
                process_request=self._admit,
                process_response=self._sign,
                compression=None,
                server_header=None,
                logger=_library_log,
                open_timeout=self._patience_s,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                close_timeout=2,
                max_size=MOST_FRAME_BYTES,
                max_queue=_MOST_QUEUED,
            )
        except (OSError, OverflowError) as problem:
            why = getattr(problem, "strerror", None) or problem
            raise CannotStart(f"cannot listen on {self._host}:{self._port}: {why}") from None
        _log.info("listens on %s:%s", self._host, self.port)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hand_over())
                tasks.create_task(self._beat())
        finally:
            for one in self._sessions.values():
                one.reason = STOPPED
            self._server.close(code=1001, reason="the field server is stopped")
            await self._server.wait_closed()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let the connection in, or answer why not."""
        spoke(connection)
        if request.path == HEALTH:
            status = HTTPStatus.OK if self._is_storage_up else HTTPStatus.SERVICE_UNAVAILABLE
            database = "up" if self._is_storage_up else "down"
            text = f"gateways {len(self._sessions)}, database {database}\n"
            return connection.respond(status, text)
        if request.path != PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, f"Gateways connect to {PATH}.\n")
        if len(self._sessions) >= MOST_CONNECTIONS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "It is full; come later.\n")
        now = self._now()
        try:
            signature = signature_of(dict(request.headers.raw_items()))
            gateway = await self._verified(signature, now)
        except NotSigned as problem:
            return connection.respond(HTTPStatus.UNAUTHORIZED, f"{problem}\n")
        except StorageDown as problem:
            self._down(problem)
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Come again later.\n")
        answer = answer_of(gateway.key, signature, now=now, nonce=secrets.token_hex(16))
        self._let_in[connection] = gateway, signature, answer
        return None

    async def _verified(self, signature: Signature, now: datetime) -> KnownGateway:
        """The gateway that signed, just now and for the first time; raises ``NotSigned``."""
        gateway = await self._ports.keys.gateway(signature.gateway)
        if gateway is None:
            raise NotSigned("no gateway of that name is paired; pair the gateway again")
        check_request(signature, gateway.key, now=now)
        if not await self._ports.keys.is_first(gateway.gateway_id, signature.nonce, now):
            raise NotSigned("the request came before; sign it anew")
        return gateway

    def _sign(self, connection: ServerConnection, request: Request, response: Response) -> None:
        del request
        known = self._let_in.get(connection)
        if known is not None and response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            response.headers.update(known[2].headers)

    async def _hold(self, connection: ServerConnection) -> None:
        """One connection, from its beginning to its end."""
        gateway, request, answer = self._let_in.pop(connection)
        seal = Seal(gateway.key, request, answer, Side.PLATFORM)
        session = Session(connection, gateway, seal, self._ports.commands, self._now)
        for old in [one for one in self._sessions.values() if one.gateway.name == gateway.name]:
            await old.end(REPLACED)
        self._sessions[session.name] = session
        try:
            await self._ports.presences.arrive(gateway.gateway_id, session.name, self._now())
            session.is_written = True
            if not await self._ports.presences.keep({session.name: gateway}, self._now()):
                await session.end(REPLACED)  # paired again while it came in
            _log.info("%s is connected", gateway.name)
            await session.run()
        except StorageDown as problem:
            self._down(problem)
            await connection.close(1013, "come again later")
        finally:
            self._sessions.pop(session.name, None)
            await session.give_up()
            if session.reason != REPLACED:
                await self._gone(session)
        _log.info("%s is gone: %s", gateway.name, session.why or session.reason)

    async def _gone(self, session: Session) -> None:
        try:
            reason = session.reason if session.reason == STOPPED else LOST
            await self._ports.presences.leave(session.name, reason, self._now())
        except StorageDown as problem:
            self._down(problem)  # its heart beats no more, which says the same a little later

    async def _hand_over(self) -> None:
        """Give commands to the connections as pages ask for them."""
        while True:
            try:
                await self._put_out_strangers()
                taken = await self._ports.commands.take(list(self._sessions), self._now())
                by_gateway = {one.gateway.gateway_id: one for one in self._sessions.values()}
                for asked in taken:
                    session = by_gateway.get(asked.gateway_id)
                    if session is not None:  # else it has just gone: the command runs out
                        await session.ask(asked)
                await self._ports.commands.changed(self._looks_s)
            except StorageDown as problem:
                self._down(problem)
                await asyncio.sleep(self._looks_s)

    async def _put_out_strangers(self) -> None:
        """Hang up on gateways that were removed, paired again, or are connected elsewhere."""
        written = {name for name, one in self._sessions.items() if one.is_written}
        if written:
            await self._put_out(written - await self._ports.presences.held())

    async def _put_out(self, names: Collection[str]) -> None:
        """At the same time: who answers nothing keeps nobody waiting."""
        found = [self._sessions[name] for name in names if name in self._sessions]
        await asyncio.gather(*(one.end(REPLACED) for one in found))

    async def _beat(self) -> None:
        pruned_at = self._now() - PRUNES_EVERY
        while True:
            try:
                now = self._now()
                held = {name: one for name, one in self._sessions.items() if one.is_written}
                known = {name: one.gateway for name, one in held.items()}
                kept = await self._ports.presences.keep(known, now)
                await self._put_out(held.keys() - kept)
                await self._ports.commands.expire(now)
                if now - pruned_at >= PRUNES_EVERY:
                    await self._ports.commands.prune(now)
                    pruned_at = now
                self._up()
            except StorageDown as problem:
                self._down(problem)
            await asyncio.sleep(self._beat_s)

    def _up(self) -> None:
        if not self._is_storage_up:
            _log.info("the database can be used again")
        self._is_storage_up = True

    def _down(self, problem: StorageDown) -> None:
        if self._is_storage_up:
            _log.error("%s", problem)
        self._is_storage_up = False
