"""Does what is asked over the remote connection, with the tools of the local page."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime

from quartier import __version__
from quartier.formats.uplink.remote import (
    ARGUMENTS,
    MOST_CHARACTERS_OF_ALL,
    MOST_ROWS_OF_ALL,
    PATIENCE_S,
    Answer,
    Command,
    Kind,
    Row,
    State,
    cell,
    characters,
    pieces,
)
from quartier.gateway.poller import Meter
from quartier.gateway.ports import Taken
from quartier.gateway.remote.log import MOST_LINES, MemoryLog, secrets_of
from quartier.gateway.tools import Tools, facts, read_at, shown

LOOKS_S = 0.5
"""How often a search is looked at for more that was found."""


class Refused(Exception):
    """The command is not done; one sentence says why."""


class Commands:
    """Those of one gateway. ``restart`` begins the end of the program."""

    def __init__(self, tools: Tools, log: MemoryLog, restart: Callable[[], None]) -> None:
        self._tools = tools
        self._agent = tools.agent
        self._log = log
        self._restart = restart
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def answers(self, command: Command) -> AsyncIterator[Answer]:
        """What is to be sent; the last one is done or refused."""
        number = command.number
        try:
            kind = _kind_of(command)
            sent = told = 0
            async for rows in self._in_time(kind, command.arguments):
                sent, told = sent + len(rows), told + characters(rows)
                _check_room(sent, told)
                for piece in pieces(rows):
                    yield Answer(number, State.RUNNING, piece)
        except TimeoutError:
            text = f"it was not done within {PATIENCE_S[kind]} s, and was given up"
            yield Answer(number, State.REFUSED, (), text)
        except Refused as problem:
            yield Answer(number, State.REFUSED, (), cell(str(problem)))
        else:
            yield Answer(number, State.DONE)
            if kind is Kind.RESTART:
                self._restart()

    async def _in_time(self, kind: Kind, arguments: Mapping[str, str]) -> AsyncIterator[list[Row]]:
        """The rows as they come; raises ``TimeoutError``. The time runs out within a step only,
        never while whoever asks sends what it got."""
        ends_s = asyncio.get_running_loop().time() + PATIENCE_S[kind]
        async with aclosing(self._rows(kind, arguments)) as steps:
            while True:
                async with asyncio.timeout_at(ends_s):
                    rows = await anext(steps, None)
                if rows is None:
                    return
                yield rows

    async def _rows(
        self, kind: Kind, arguments: Mapping[str, str]
    ) -> AsyncGenerator[list[Row], None]:
        match kind:
            case Kind.STATUS:
                yield list(self._status())
            case Kind.LIVE_VALUES:
                yield list(self._live())
            case Kind.LOG:
                yield self._lines(arguments["lines"])
            case Kind.READ_METER:
                yield await self._read(arguments["meter"])
            case Kind.SCAN_BUS:
                async for found in self._scan(arguments["bus"]):
                    yield found
            case Kind.RESTART:
                yield []

    def _status(self) -> Iterator[Row]:
        for name, value in (*facts(self._agent), ("software", __version__)):
            yield name, cell(value)
        keeper = self._agent.recorder.timekeeper
        now = keeper.now() if keeper.is_set else datetime.now(UTC)
        for finding in self._agent.ledger.current(now):
            yield "finding", cell(finding.text)

    def _live(self) -> Iterator[Row]:
        for poller in self._agent.pollers.values():
            for name, meter in poller.meters.items():
                yield from _values(name, meter, (meter.taken, meter.power))

    def _lines(self, count: str) -> list[Row]:
        if not (count.isascii() and count.isdecimal() and 0 < int(count) <= MOST_LINES):
            raise Refused(f"ask for 1 to {MOST_LINES} lines")
        hidden = secrets_of(self._agent.pairing, self._agent.configuration)
        return [(line or " ",) for line in self._log.last(int(count), hidden)]

    async def _read(self, name: str) -> list[Row]:
        poller = self._tools.poller_of(name)
        if poller is None:
            raise Refused("the gateway does not read that meter; wait for its configuration")
        async with self._turns[poller.settings.name]:
            if name not in poller.meters:
                raise Refused("the gateway does not read that meter; wait for its configuration")
            await poller.read_now(name)
            meter = poller.meters[name]
            return list(_values(name, meter, (meter.taken, meter.power)))

    async def _scan(self, bus: str) -> AsyncIterator[list[Row]]:
        poller = self._agent.pollers.get(bus)
        if poller is None:
            raise Refused("the gateway has no such bus; wait for its configuration")
        async with self._turns[bus]:
            search = self._tools.begin_search(poller)
            if search.bus != bus:
                raise Refused("a search is under way on another bus; ask again when it is over")
            sent = 0
            while True:
                is_over = search.is_over
                found = search.found[sent:]
                sent += len(found)
                if found:
                    yield [(cell(one.address) or "-", cell(one.about)) for one in found]
                if is_over:
                    break
                await asyncio.sleep(LOOKS_S)
            if search.problem:
                raise Refused(search.problem)


def _kind_of(command: Command) -> Kind:
    """The kind, its arguments checked; raises :class:`Refused`."""
    if command.kind not in list(Kind):
        raise Refused("the program of the gateway is too old for that; bring it up to date")
    kind = Kind(command.kind)
    if set(command.arguments) != set(ARGUMENTS[kind]):
        raise Refused("the program of the gateway knows other arguments; bring it up to date")
    return kind


def _check_room(rows: int, told: int) -> None:
    if rows > MOST_ROWS_OF_ALL or told > MOST_CHARACTERS_OF_ALL:
        raise Refused("there is more to tell than fits into an answer")


def _values(name: str, meter: Meter, takings: tuple[Taken | None, ...]) -> Iterator[Row]:
    at = read_at(meter)
    rows = [
        (name, cell(one.quantity), cell(one.value), cell(one.unit), at)
        for taken in takings
        for one in shown(taken)
    ]
    yield from rows or [(name, "", "", "", at)]
