"""One reader: its door, what its writing means, and which keys belong to which badge."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

from quartier.core.kernel.findings import Finding, error, warning
from quartier.formats.uplink.badge_readers import ReaderKind, ReaderSettings
from quartier.gateway.noticed import Ledger
from quartier.gateway.readers.assembling import Assembler
from quartier.gateway.readers.http import HttpDoor
from quartier.gateway.readers.keyboard import KeyboardDoor
from quartier.gateway.readers.ports import Door, Present, Presented, Seen
from quartier.gateway.readers.tcp import TcpDoor
from quartier.gateway.timekeeper import Clock
from quartier.protocols.rfid.wiegand import Key
from quartier.protocols.rfid.writing import BadWriting, Notation, Writing

AGAIN_S = 10.0
"""So long after its door could not be opened it is tried again."""

_DOORS: dict[ReaderKind, Callable[[ReaderSettings], Door]] = {
    ReaderKind.HTTP: HttpDoor,
    ReaderKind.TCP: TcpDoor,
    ReaderKind.KEYBOARD: KeyboardDoor,
}


class Reader:
    """A reader as the configuration has it. ``date`` is now, None while it is not known."""

    def __init__(
        self,
        settings: ReaderSettings,
        ledger: Ledger,
        clock: Clock,
        date: Callable[[], datetime | None],
    ) -> None:
        self.name = settings.name
        self.door = _DOORS[settings.kind](settings)
        self._writing = Writing(Notation(settings.notation), settings.bits, settings.is_reversed)
        self._assembler = Assembler(settings.keys, settings.keys_s, settings.repeat_s)
        self._place = f"reader {settings.name}"
        self._ledger, self._clock, self._date = ledger, clock, date
        self._present: Present | None = None
        self._waiting: asyncio.TimerHandle | None = None

    async def run(self, present: Present) -> None:
        """Give ``present`` each badge until cancelled; a door that is shut is tried again."""
        self._present = present
        try:
            while True:
                try:
                    await self.door.run(self)
                except OSError as problem:
                    self.complain(_shut(problem, self.name))
                await self._clock.sleep(AGAIN_S)
        finally:
            if self._waiting is not None:
                self._waiting.cancel()
            self._ledger.forget(self._place)

    def saw(self, seen: Seen) -> bool:
        """What came at the door; False where it is no badge."""
        now_s = asyncio.get_running_loop().time()
        done: list[tuple[str, str]] = []
        if seen.card:
            try:
                found = self._writing.read(seen.card)
            except BadWriting as problem:
                self.complain(_unreadable(problem, self.name))
                return False
            if isinstance(found, Key):
                done += self._assembler.key(found.key, now_s)
            else:
                done += self._assembler.card(found, seen.keys, now_s)
        elif seen.keys:
            done += self._assembler.key(seen.keys, now_s)
        self._ledger.hold(self._place, (), self._date())
        self._give(done)
        return True

    def complain(self, finding: Finding) -> None:
        """``finding`` holds until something good comes."""
        self._ledger.hold(self._place, (finding,), self._date())

    def _give(self, done: Iterable[tuple[str, str]]) -> None:
        assert self._present is not None, "only a door that runs brings something"
        for number, keys in done:
            self._present(Presented(self.name, number, keys, self._date()))
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if (deadline_s := self._assembler.deadline_s) is not None:
            self._waiting = asyncio.get_running_loop().call_at(deadline_s, self._expired)

    def _expired(self) -> None:
        self._give(self._assembler.tick(asyncio.get_running_loop().time()))


def _unreadable(problem: BadWriting, name: str) -> Finding:
    return warning(
        "reader.unreadable",
        f"{problem}.",
        where=name,
        remedy="Correct how this reader writes its numbers on the platform.",
    )


def _shut(problem: OSError, name: str) -> Finding:
    return error(
        "reader.shut",
        f"nothing can come from it ({problem.strerror or type(problem).__name__}).",
        where=name,
        remedy="Check its port, its network address or its USB cable.",
    )
