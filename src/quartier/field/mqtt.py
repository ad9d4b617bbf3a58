"""Subscribes to the brokers of cloud gateways, and keeps what they publish.

Nothing is understood here. A message is acknowledged when it is on the disk: with a session that
the broker keeps (MQTT 3.1.1, clean session 0, quality of service 1) it comes again after whatever
happened before that, so it is there once or twice, never not at all. One server at a time holds a
source.
"""

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from quartier.field.brokers import NOT_ALLOWED, NOT_REACHED, Network, NotAllowed, connect
from quartier.field.ports import Came, Source, Sources, StorageDown

LOOKS_EVERY_S = 10.0
MOST_AT_ONCE = 100
MOST_PACKET = 1 << 20
MOST_WAITING = 200
"""So many messages of a source wait to be kept; then no more are taken off the line, and the broker
waits."""
MOST_PAYLOAD = 65_536
KEEPALIVE_S = 60
LONGEST_PAUSE_S = 120
TOO_LONG = "the broker sends a message that is longer than 1 MiB; shorten it there"
_AGAIN_S = 2.0
_LOOKS_AT_END_S = 0.2
_LONGEST = 300
_log = logging.getLogger("quartier.field")


class MqttService:
    """All sources that this server holds, each a task; what changes is followed."""

    name = "MQTT"

    def __init__(
        self,
        sources: Sources,
        *,
        allowed: Collection[Network] = (),
        looks_every_s: float = LOOKS_EVERY_S,
    ) -> None:
        self._sources = sources
        self._allowed = allowed
        self._looks_every_s = looks_every_s
        self._tasks: dict[Source, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            while True:
                try:
                    self._follow(await self._sources.hold(datetime.now(UTC)))
                except StorageDown as problem:
                    _log.warning("%s; the sources of MQTT are looked at again later", problem)
                await asyncio.sleep(self._looks_every_s)
        finally:
            self._follow([])
            await asyncio.gather(*self._ending, return_exceptions=True)
            await self._sources.release()

    def _follow(self, wanted: list[Source]) -> None:
        for source in set(self._tasks) - set(wanted):
            task = self._tasks.pop(source)
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        for source in wanted:
            before = self._tasks.get(source)
            if before is None or before.done():
                if before is not None and not before.cancelled() and before.exception():
                    _log.error(
                        "%r has failed and is begun again", source, exc_info=before.exception()
                    )
                self._tasks[source] = asyncio.create_task(
                    Line(source, self._sources, self._allowed).run()
                )


class _Client(Client):
    """Connects to what it may and nowhere else, and takes no packet that is longer than it may be:
    one may have 256 MiB, and whoever set it up chose the broker."""

    allowed: Collection[Network] = ()
    is_not_allowed = False
    is_too_long = False

    def _create_socket_connection(self) -> socket.socket:
        self.is_not_allowed = False
        try:
            return connect(self._host, self._port, self.allowed, self._connect_timeout)
        except NotAllowed:
            self.is_not_allowed = True
            raise

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._in_packet["remaining_length"] > MOST_PACKET:
            self.is_too_long = True
            raise ConnectionAbortedError("the packet is longer than it may be")
        return super()._sock_recv(bufsize)


class Line:
    """The connection to one source, at an address of the internet or of ``allowed``."""

    def __init__(self, source: Source, sources: Sources, allowed: Collection[Network] = ()) -> None:
        self._source = source
        self._sources = sources
        self._came: asyncio.Queue[tuple[Came, MQTTMessage]] = asyncio.Queue()
        self._room = threading.BoundedSemaphore(MOST_WAITING)
        self._is_ending = threading.Event()
        self._states: asyncio.Queue[tuple[datetime | None, str]] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._is_refused = False
        self._client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"quartier-{source.source_id}",
            clean_session=False,
            manual_ack=True,
        )
        self._client.allowed = allowed

    async def run(self) -> None:
        """Connect, come back after whatever happens, keep and acknowledge, until cancelled."""
        client = self._client
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        client.on_message = self._on_message
        client.reconnect_delay_set(1, LONGEST_PAUSE_S)
        if self._source.username:
            client.username_pw_set(self._source.username, self._source.password or None)
        try:
            if self._source.is_tls:
                client.tls_set_context(_context(self._source.ca))
            client.connect_async(self._source.host, self._source.port, KEEPALIVE_S)
        except (ValueError, ssl.SSLError) as problem:
            await self._say(None, f"the source cannot be used so ({problem})")
            await asyncio.Event().wait()
        client.loop_start()
        telling = asyncio.create_task(self._tell())
        try:
            while True:
                await self._keep()
        finally:
            telling.cancel()
            self._is_ending.set()
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)
            await asyncio.gather(telling, return_exceptions=True)

    async def _keep(self) -> None:
        """What has come, all in one write, then acknowledged."""
        messages = [await self._came.get()]
        while len(messages) < MOST_AT_ONCE and not self._came.empty():
            messages.append(self._came.get_nowait())
        rows = [row for row, _ in messages]
        while True:
            try:
                await self._sources.keep(self._source.source_id, rows)
                break
            except StorageDown as problem:
                _log.warning("%s; messages of MQTT wait", problem)
                await asyncio.sleep(_AGAIN_S)
        for _, one in messages:
            self._client.ack(one.mid, one.qos)
            self._room.release()

    async def _tell(self) -> None:
        while True:
            state = await self._states.get()
            while not self._states.empty():
                state = self._states.get_nowait()
            await self._say(*state)

    async def _say(self, connected_at: datetime | None, problem: str) -> None:
        try:
            await self._sources.say(self._source.source_id, connected_at, problem[:_LONGEST])
        except StorageDown as trouble:
            _log.warning("%s; how %r stands is not said", trouble, self._source)

    # The library calls these in its own thread.

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: Any, *_: Any) -> None:
        self._is_refused = reason.is_failure
        if reason.is_failure:
            self._state(None, f"the broker refuses the connection ({reason})")
            return
        client.subscribe(self._source.topic, qos=1)
        self._state(datetime.now(UTC), "")

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, *_: Any) -> None:
        if self._client.is_too_long:
            self._client.is_too_long = False
            self._state(None, TOO_LONG)
        elif not self._is_refused:  # else why it was refused says more
            self._state(None, f"the connection to the broker has ended ({reason})")

    def _on_connect_fail(self, *_: Any) -> None:
        why = NOT_ALLOWED if self._client.is_not_allowed else NOT_REACHED
        self._state(None, why)

    def _on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        while not self._room.acquire(timeout=_LOOKS_AT_END_S):
            if self._is_ending.is_set():
                return
        row = _came(message, datetime.now(UTC))
        message.payload = b""  # kept short in the row
        self._loop.call_soon_threadsafe(self._came.put_nowait, (row, message))

    def _state(self, connected_at: datetime | None, problem: str) -> None:
        self._loop.call_soon_threadsafe(self._states.put_nowait, (connected_at, problem))


def _came(message: MQTTMessage, at: datetime) -> Came:
    payload = bytes(message.payload)
    try:
        topic = message.topic[:500].replace("\0", "�")
    except UnicodeDecodeError:
        return Came("", payload[:1000], at, "the topic is not one of the mapping")
    if len(payload) > MOST_PAYLOAD:
        return Came(topic, payload[:1000], at, "the payload has more than 64 KiB")
    return Came(topic, payload, at)


def _context(ca: str) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=ca or None)
