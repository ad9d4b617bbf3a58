"""One connection of one gateway: commands go out, answers come in."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from quartier.field.ports import Asked, Commands, KnownGateway, StorageDown
from quartier.formats.uplink import remote
from quartier.formats.uplink.remote import Answer, Row, State
from quartier.formats.uplink.remote_session import Seal
from quartier.formats.uplink.signature import NotSigned
from quartier.formats.uplink.strict import BadMessage

LOST, STOPPED, REPLACED = "lost", "stopped", "replaced"
MOST_OPEN = 20
"""Commands that a gateway works on at once."""
KEEPS_EVERY = timedelta(seconds=1)
"""How often the rows of a command that runs are written."""
BUSY = "the gateway is busy with other commands; ask again when they are done"
BROKEN_OFF = "the connection to the gateway ended before its answer came"
TOO_MUCH = "the gateway answered with more than it may"

_log = logging.getLogger("quartier.field")


@dataclass
class _Open:
    asked: Asked
    rows: list[Row] = field(default_factory=list)
    characters: int = 0
    kept_at: datetime | None = None


class Session:
    """``run`` ends when the connection does; ``reason`` says how it ended."""

    def __init__(
        self,
        connection: ServerConnection,
        gateway: KnownGateway,
        seal: Seal,
        commands: Commands,
        now: Callable[[], datetime],
    ) -> None:
        self.name = secrets.token_hex(16)
        self.gateway = gateway
        self.reason = LOST
        self.why = ""
        self._connection = connection
        self._seal = seal
        self._commands = commands
        self._now = now
        self.is_written = False
        """Whether its arrival is in the tables: who does not find it knows that another came."""
        self._open: dict[int, _Open] = {}
        self._to_send: asyncio.Queue[Asked] = asyncio.Queue()

    async def run(self) -> None:
        """Take the answers; raises ``StorageDown``."""
        sending = asyncio.create_task(self._send())
        try:
            async for frame in self._connection:
                await self._take(remote.decode_answer(self._seal.open(frame)))
        except (BadMessage, NotSigned) as problem:
            self.why = str(problem)
            _log.warning("%s sent what cannot be believed: %s", self.gateway.name, problem)
            await self._connection.close(1008, "the message cannot be believed")
        except ConnectionClosed as problem:
            self.why = str(problem)[:200]
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def ask(self, asked: Asked) -> None:
        """Send a command, in its turn: one gateway that is slow keeps no other waiting."""
        number = asked.command.number
        if len(self._open) >= MOST_OPEN:
            await self._commands.answer(number, "failed", (), BUSY, self._now())
            return
        self._open[number] = _Open(asked)
        self._to_send.put_nowait(asked)

    async def end(self, reason: str) -> None:
        """Hang up."""
        self.reason = reason
        await self._connection.close(1000, reason)

    async def give_up(self) -> None:
        """The commands that are still open have failed."""
        with contextlib.suppress(StorageDown):  # they run out
            for number in list(self._open):
                await self._fail(number)

    async def _send(self) -> None:
        while True:
            asked = await self._to_send.get()
            frame = self._seal.close(remote.encode_command(asked.command))
            try:
                await self._connection.send(frame)
            except ConnectionClosed:
                return  # what is open fails with the connection

    async def _fail(self, number: int) -> None:
        one = self._open.pop(number)
        await self._commands.answer(number, "failed", one.rows, BROKEN_OFF, self._now())

    async def _take(self, answer: Answer) -> None:
        one = self._open.get(answer.number)
        if one is None:
            raise BadMessage(f"nobody asked {answer.number}, which it answers")
        now = self._now()
        one.rows += answer.rows
        one.characters += remote.characters(answer.rows)
        if (
            len(one.rows) > remote.MOST_ROWS_OF_ALL
            or one.characters > remote.MOST_CHARACTERS_OF_ALL
        ):
            del self._open[answer.number]
            await self._commands.answer(answer.number, "failed", (), TOO_MUCH, now)
            raise BadMessage("it answers with more rows than it may")
        if answer.state is State.RUNNING:
            if one.kept_at is None or now - one.kept_at >= KEEPS_EVERY:
                one.kept_at = now
                await self._commands.answer(answer.number, "running", one.rows, "", now)
            return
        del self._open[answer.number]
        if not await self._commands.answer(
            answer.number, answer.state.value, one.rows, answer.text, now
        ):
            _log.info("%s answered %s too late", self.gateway.name, answer.number)
