"""A bus: many devices on two wires, one request at a time (EN 13757-2).

A device is asked with REQ_UD2 until it has sent all of its telegrams; the frame count bit tells it
whether the last one arrived. What real lines do is answered here:

- a converter is slow, or sends an answer in pieces: time-outs are settings, and the end of an
  answer is a pause (:class:`Timing`);
- an answer comes after its time-out: it is known by its address, or by its secondary address, or
  as the telegram that was here before, and dropped; what a meter still owes is waited for before
  the next reading;
- some converters send back what was sent: not taken for an answer.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from quartier.core.kernel.findings import Finding, error, warning
from quartier.protocols.mbus import frames, telegram
from quartier.protocols.mbus.addresses import Secondary
from quartier.protocols.mbus.errors import (
    BadRequest,
    MBusError,
    NoAnswer,
    Refused,
)
from quartier.protocols.mbus.exchange import Timing, exchange, settle
from quartier.protocols.mbus.frames import ANYONE, BY_SECONDARY, Frame, Long, Short
from quartier.protocols.mbus.heard import Heard, Line
from quartier.protocols.mbus.telegram import Telegram
from quartier.protocols.wire.link import Link

SELECT: Final = 0x52
_SET_DATA: Final = 0x51
_ADDRESS_RECORD: Final = b"\x01\x7a"
HIGHEST: Final = 250
"""The highest address of a device; 0 is that of one that was never given any."""
_BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400)
BAUD_CODES: Final = {baud: 0xB8 + n for n, baud in enumerate(_BAUDS)}
MOST_TELEGRAMS: Final = 16
_LATEST: Final = 3
"""Times the time-out after which an answer that is owed will not come any more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """All telegrams of one device, in order, and what was noticed."""

    telegrams: tuple[Telegram, ...]
    findings: tuple[Finding, ...]


class Bus:
    """The devices behind one link. Its methods may be called by many at once: they queue.

    All raise :class:`NoConnection` where the converter or the port cannot be reached.
    """

    def __init__(self, link: Link, timing: Timing | None = None) -> None:
        self.link = link
        self.timing = timing or Timing()
        self._lock = asyncio.Lock()
        self._owed = 0
        self._asked_at = 0.0

    def close(self) -> None:
        """Hang up; the next request connects again."""
        self.link.close()

    async def read(self, address: int, timing: Timing | None = None) -> Answer:
        """Everything that the device at the primary ``address`` sends; 254 is any device.

        Raises :class:`MBusError` if every try failed: NoAnswer, Garbled, OtherDevice, NoData,
        BadFrame, BadTelegram, Encrypted or Refused.
        """
        if not (0 <= address <= HIGHEST or address == ANYONE):
            raise BadRequest(f"{address} is not the address of a meter (0 to {HIGHEST})")
        async with self._lock:
            used = timing or self.timing
            await self._settle(used)
            await self._acknowledged(Short(frames.SND_NKE, address), used, tries=1)

            def is_asked(answer: Long) -> bool:
                return address in (ANYONE, answer.address)

            return await self._all(address, f"{address}", is_asked, used)

    async def read_secondary(self, who: Secondary, timing: Timing | None = None) -> Answer:
        """Everything that the device with the secondary address ``who`` sends.

        Raises :class:`MBusError` as :meth:`read` does; NoAnswer also if nobody is selected.
        """
        async with self._lock:
            used = timing or self.timing
            await self._settle(used)
            await self._acknowledged(Short(frames.SND_NKE, BY_SECONDARY), used, tries=1)
            heard = await self._acknowledged(selection(who), used, tries=used.tries)
            if heard.is_silence:
                raise NoAnswer(f"Meter {who} does not answer within {used.answer_s:g} s")
            return await self._all(BY_SECONDARY, f"{who}", is_one_of(who), used)

    async def probe(self, who: Secondary, timing: Timing | None = None) -> Heard:
        """What is heard of those whom ``who`` selects: silence if there is none. Two at once are
        damaged frames, or more than one answer."""
        async with self._lock:
            used = timing or self.timing
            selected = await self._acknowledged(selection(who), used, tries=min(2, used.tries))
            if selected.is_silence:
                return selected
            request = Short(frames.REQ_UD2 | frames.FCB, BY_SECONDARY)
            heard = Heard()
            for _ in range(used.tries):
                heard = await exchange(self.link, request, used, is_patient=False)
                if heard.answers or heard.is_damaged:
                    return heard
            return selected if heard.is_silence else heard

    async def ping(self, address: int, timing: Timing | None = None) -> Heard:
        """What answers to SND_NKE at the primary ``address``: silence, one acknowledgement, or
        something else, which is several devices."""
        async with self._lock:
            used = timing or self.timing
            heard = Heard()
            for _ in range(used.tries):
                request = Short(frames.SND_NKE, address)
                heard = await exchange(self.link, request, used, is_patient=False)
                if not heard.is_silence:
                    break
            return heard

    async def deselect(self) -> None:
        """Nobody is selected by secondary address any more."""
        async with self._lock:
            await self._acknowledged(Short(frames.SND_NKE, BY_SECONDARY), self.timing, tries=1)

    async def set_address(self, address: int, new: int) -> None:
        """Give the device at ``address`` the primary address ``new`` (1 to 250).

        Raises :class:`MBusError` if it does not acknowledge.
        """
        if not 1 <= new <= HIGHEST:
            raise BadRequest(f"{new} is not an address for a meter (1 to {HIGHEST})")
        await self._command(address, _SET_DATA, _ADDRESS_RECORD + bytes([new]))

    async def set_baud(self, address: int, baud: int) -> None:
        """Let the device at ``address`` speak at ``baud`` from its acknowledgement on.

        Raises :class:`MBusError` if it does not acknowledge.
        """
        if baud not in BAUD_CODES:
            raise BadRequest(f"{baud} baud is not one of {', '.join(map(str, BAUD_CODES))}")
        await self._command(address, BAUD_CODES[baud], b"")

    async def _settle(self, timing: Timing) -> None:
        """Wait for the answers that are still owed: a meter that was asked twice answers twice, and
        its last telegram must not be taken for the first of the next reading."""
        if self._owed:
            await settle(self.link, self._owed, self._asked_at + _LATEST * timing.answer_s)
            self._owed = 0

    async def _command(self, address: int, ci: int, data: bytes) -> None:
        if not (0 <= address <= HIGHEST or address == ANYONE):
            raise BadRequest(f"{address} is not the address of a meter (0 to {HIGHEST})")
        async with self._lock:
            used = self.timing
            await self._acknowledged(Short(frames.SND_NKE, address), used, tries=1)
            request = Long(frames.SND_UD | frames.FCB, address, ci, data)
            heard = await self._acknowledged(request, used, tries=used.tries)
            if not heard.acks:
                raise heard.why(f"{address}", used.answer_s, [])

    async def _acknowledged(self, request: Frame, timing: Timing, *, tries: int) -> Heard:
        """What came after ``request``, the last time of at most ``tries``."""
        heard = Heard()
        for _ in range(tries):
            heard = await exchange(self.link, request, timing, lambda heard: heard.acks > 0)
            if not heard.is_silence:
                break
        return heard

    async def _all(
        self, address: int, who: str, is_asked: Callable[[Long], bool], timing: Timing
    ) -> Answer:
        line, found = Line(who), list[Finding]()
        telegrams: list[Telegram] = []
        known: list[bytes] = []
        bit = frames.FCB
        while True:
            request = Short(frames.REQ_UD2 | bit, address)
            try:
                frame = await self._one(request, line, is_asked, known, timing)
                got, noticed = telegram.read(frame) if frame else (None, ())
            except MBusError as reason:
                if not telegrams:
                    raise
                found += (reason.finding(self.link.name), _incomplete(who, len(telegrams)))
                break
            if frame is None or got is None:
                found.append(
                    warning(
                        "mbus.repeated",
                        f"Meter {who} says that more follows after telegram {len(telegrams)}, and "
                        "sends the same again.",
                        remedy="Compare with the display of the meter: a register may be missing.",
                    )
                )
                break
            telegrams.append(got)
            found += noticed
            if not got.is_more:
                break
            if len(telegrams) == MOST_TELEGRAMS:
                found.append(
                    warning(
                        "mbus.too_many",
                        f"Meter {who} has more than {MOST_TELEGRAMS} telegrams; the rest was not "
                        "read.",
                        remedy="Set the meter to send fewer stored values.",
                    )
                )
                break
            known.append(_content(frame))
            bit ^= frames.FCB
        return Answer(tuple(telegrams), (*line.findings(self.link.name), *found))

    async def _one(
        self,
        request: Short,
        line: Line,
        is_asked: Callable[[Long], bool],
        known: list[bytes],
        timing: Timing,
    ) -> Long | None:
        """The next telegram; ``None`` if the device sends only those that are ``known``."""

        def is_new(answer: Long) -> bool:
            return is_asked(answer) and _content(answer) not in known

        failure: MBusError | None = None
        was_known = False
        for _ in range(timing.tries):
            self._owed += 1
            self._asked_at = asyncio.get_running_loop().time()
            heard = await exchange(
                self.link, request, timing, lambda heard: any(map(is_new, heard.answers))
            )
            self._owed = max(0, self._owed - len(heard.answers))
            others = [_name(answer) for answer in heard.answers if not is_asked(answer)]
            for answer in filter(is_new, heard.answers):
                if answer.ci == telegram.ERROR and (refused := _refusal(answer)).is_passing:
                    failure = refused
                    await asyncio.sleep(timing.answer_s)
                    break
                line.others.update(others)
                return answer
            else:
                was_known = was_known or any(map(is_asked, heard.answers))
                line.note(heard, others)
                failure = heard.why(line.who, timing.answer_s, others)
        if was_known:
            return None
        assert failure is not None, "there is at least one try"
        raise failure


def selection(who: Secondary) -> Long:
    """The request that selects those who match ``who``."""
    return Long(frames.SND_UD, BY_SECONDARY, SELECT, who.to_bytes())


def is_one_of(who: Secondary) -> Callable[[Long], bool]:
    """Whether an answer is of a device that ``who`` selects; one that does not say who it is
    counts."""

    def is_asked(answer: Long) -> bool:
        device = telegram.device_of(answer)
        return device is None or who.matches(device)

    return is_asked


def _content(frame: Long) -> bytes:
    """All of a telegram but its access number, which counts on."""
    return bytes([frame.ci]) + frame.data[:8] + frame.data[9:]


def _incomplete(who: str, count: int) -> Finding:
    return error(
        "mbus.incomplete",
        f"Meter {who} has more telegrams than the {count} that were read.",
        remedy="Read the meter again.",
    )


def _name(answer: Long) -> str:
    device = telegram.device_of(answer)
    return f"meter {answer.address}" + (f" ({device})" if device else "")


def _refusal(answer: Long) -> Refused:
    return Refused(answer.data[0] if answer.data else 0)
