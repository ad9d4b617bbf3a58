"""Keeps the connection to the field server, and answers what comes over it.

Whatever happens to it, meters are read and batches are sent: it has a task of its own, holds no
lock of a bus for longer than a reading, and comes back by itself, ever more rarely.
"""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from quartier.formats.uplink import remote
from quartier.formats.uplink.remote import PATH, Answer, Command, State
from quartier.formats.uplink.remote_session import (
    MOST_FRAME_BYTES,
    Seal,
    Side,
    check_answer,
    request_of,
)
from quartier.formats.uplink.signature import NotSigned, signature_of
from quartier.formats.uplink.strict import BadMessage
from quartier.gateway.home import Pairing
from quartier.gateway.remote.commands import Commands
from quartier.gateway.timekeeper import Timekeeper
from quartier.gateway.transport import check_address

FIRST_DELAY_S = 5.0
LONGEST_DELAY_S = 300.0
LASTED_S = 60.0
"""A connection that lasted so long was a good one: the next try comes soon."""
PATIENCE_S = 20.0
PING_S = 20.0
MOST_OPEN = 20
BUSY = "the gateway is busy with other commands; ask again when they are done"
FAULT = "the gateway has failed at it; its log says why"
_SYSTEM = secrets.SystemRandom()

_log = logging.getLogger("quartier.gateway")


def remote_url(platform: str, told: str, *, allows_plain: bool = False) -> str:
    """Where the field server is: behind the address of the ``platform``, or at the one that was
    ``told``; empty for none (``off``). Raises ``BadUrl``."""
    if told == "off":
        return ""
    url = told or platform
    check_address(url, allows_plain=allows_plain)
    parts = urlsplit(url)
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{PATH}"


class Remote:
    """One gateway's side; ``run`` ends when its task is cancelled."""

    def __init__(
        self,
        url: str,
        pairing: Pairing,
        keeper: Timekeeper,
        commands: Commands,
        *,
        context: ssl.SSLContext | None = None,
        draw: Callable[[], float] = _SYSTEM.random,
        first_delay_s: float = FIRST_DELAY_S,
    ) -> None:
        self._url = url
        self._pairing = pairing
        self._keeper = keeper
        self._commands = commands
        self._context = context
        self._draw = draw
        self._first_delay_s = first_delay_s
        self.problem = ""
        """Why there is no connection, as far as is known."""
        self.is_connected = False

    async def run(self) -> None:
        """Connect, again and again."""
        failures = 0
        while True:
            begun_s = self._keeper.clock.monotonic()
            if self._keeper.is_set:
                self._say(await self._try())
            if self._keeper.clock.monotonic() - begun_s >= LASTED_S:
                failures = 0
            delay_s = min(self._first_delay_s * (1 << min(failures, 16)), LONGEST_DELAY_S)
            failures += 1
            await self._keeper.clock.sleep(delay_s * (0.5 + 0.5 * self._draw()))

    async def _try(self) -> str:
        """One connection from its beginning to its end; why it ended."""
        try:
            await self._connected()
        except (NotSigned, BadMessage) as problem:
            return f"what came is not of the platform: {problem}"
        except InvalidStatus as problem:
            said = remote.cell(
                (problem.response.body or b"")[:200].decode(errors="replace").strip()
            )
            return f"the field server refuses ({problem.response.status_code}): {said}"
        except (OSError, TimeoutError, WebSocketException) as problem:
            return str(problem) or type(problem).__name__
        except Exception:  # noqa: BLE001 - it is logged, and tried again
            _log.exception("the remote connection has failed")
            return "a fault of the program"
        return "the field server hung up"

    async def _connected(self) -> None:
        key, name = self._pairing.key, self._pairing.gateway
        now = self._keeper.now()
        request = request_of(key, name, now=now, nonce=secrets.token_hex(16))
        is_tls = self._url.startswith("wss:")
        async with connect(
            self._url,
            additional_headers=request.headers,
            compression=None,
            proxy=None,
            ssl=(self._context or ssl.create_default_context()) if is_tls else None,
            open_timeout=PATIENCE_S,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=5,
            max_size=MOST_FRAME_BYTES,
            max_queue=MOST_OPEN,
        ) as connection:
            assert connection.response is not None, "it is open"
            answer = signature_of(dict(connection.response.headers.raw_items()))
            check_answer(answer, request, key, now=self._keeper.now())
            self._say("")
            self.is_connected = True
            try:
                await self._serve(connection, Seal(key, request, answer, Side.GATEWAY))
            finally:
                self.is_connected = False

    async def _serve(self, connection: ClientConnection, seal: Seal) -> None:
        """Answer commands until the connection ends."""
        running: set[asyncio.Task[None]] = set()

        async def send(answer: Answer) -> None:
            # Between the two nothing waits, so that frames leave in the order of their numbers.
            await connection.send(seal.close(remote.encode_answer(answer)))

        async def do(command: Command) -> None:
            try:
                async for answer in self._commands.answers(command):
                    await send(answer)
            except ConnectionClosed:
                return  # nobody waits for it any more
            except Exception:  # noqa: BLE001 - it is logged and said, and the rest goes on
                _log.exception("the command %s has failed", command.kind)
                await send(Answer(command.number, State.REFUSED, (), FAULT))

        try:
            async for frame in connection:
                command = remote.decode_command(seal.open(frame))
                if len(running) >= MOST_OPEN:
                    await send(Answer(command.number, State.REFUSED, (), BUSY))
                    continue
                _log.info("asked over the remote connection: %s", command.kind)
                task = asyncio.create_task(do(command))
                running.add(task)
                task.add_done_callback(running.discard)
        finally:
            for task in list(running):
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _say(self, problem: str) -> None:
        """Log what is new."""
        if problem == self.problem:
            return
        if problem:
            _log.info("no remote connection: %s", problem)
        else:
            _log.info("the remote connection to %s is open", self._url)
        self.problem = problem
