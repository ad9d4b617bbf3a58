"""One request and what comes after it, over any link: TCP converter or serial port."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from quartier.protocols.mbus import frames
from quartier.protocols.mbus.errors import NoConnection
from quartier.protocols.mbus.frames import Ack, Frame, Long
from quartier.protocols.mbus.heard import Heard
from quartier.protocols.wire.errors import LinkDown
from quartier.protocols.wire.link import Link


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to wait: ``answer_s`` for the first byte, ``gap_s`` of silence for the end,
    ``most_s`` for a whole answer; ``tries`` in all, ``pause_s`` before each.

    A device begins within 330 bits and 50 ms: 0.2 s at 2400 baud, 1.2 s at 300. A longest telegram
    takes 1.2 s at 2400 baud. Converters and networks add to it."""

    answer_s: float = 0.7
    gap_s: float = 0.2
    most_s: float = 5.0
    pause_s: float = 0.0
    tries: int = 3

    def __post_init__(self) -> None:
        if not (0 < self.answer_s <= 60 and 0 < self.gap_s <= 10 and 0 < self.most_s <= 120):
            raise ValueError("an answer begins within 60 s, pauses 10 s, and ends within 120 s")
        if not (0 <= self.pause_s <= 10 and 1 <= self.tries <= 10):
            raise ValueError("a pause is at most 10 s, and there are 1 to 10 tries")


async def exchange(
    link: Link,
    request: Frame,
    timing: Timing,
    is_enough: Callable[[Heard], bool] | None = None,
    *,
    is_patient: bool = True,
) -> Heard:
    """Send ``request``; what comes until ``is_enough``, or until it is quiet.

    While something else comes, such as a late answer to another request, one that is patient waits
    its time-out out. Connects if need be; raises :class:`NoConnection`.
    """
    was_open = link.is_open
    try:
        return await _exchange(link, request, timing, is_enough, is_patient=is_patient)
    except LinkDown as reason:
        link.close()
        if not was_open:
            raise NoConnection(str(reason)) from None
    try:  # the other end had hung up: once more with a new connection
        return await _exchange(link, request, timing, is_enough, is_patient=is_patient)
    except LinkDown as reason:
        link.close()
        raise NoConnection(str(reason)) from None


async def _exchange(
    link: Link,
    request: Frame,
    timing: Timing,
    is_enough: Callable[[Heard], bool] | None,
    *,
    is_patient: bool,
) -> Heard:
    loop = asyncio.get_running_loop()
    reader, heard = frames.Reader(), Heard()
    if not link.is_open:
        link.close()
        await link.open()
    if timing.pause_s:
        await asyncio.sleep(timing.pause_s)
    await link.receive(loop.time())  # what lies there was sent before the request
    link.send(frames.encode(request))
    began = loop.time()
    until = began + timing.answer_s
    least = until if is_patient else began
    while data := await _received(link, until, is_answered=reader.is_fed):
        reader.feed(data)
        while (frame := reader.next()) is not None:
            _sort(frame, heard)
        if is_enough and is_enough(heard):
            break
        until = min(max(loop.time() + timing.gap_s, least), began + timing.most_s)
    while (frame := reader.end()) is not None:
        _sort(frame, heard)
    heard.noise, heard.bad = reader.noise, reader.bad
    return heard


async def settle(link: Link, owed: int, until: float) -> None:
    """Let ``owed`` late answers come, as long as they can, and drop them."""
    reader, heard = frames.Reader(), Heard()
    while link.is_open and len(heard.answers) < owed:
        data = await _received(link, until, is_answered=True)
        if not data:
            return
        reader.feed(data)
        while (frame := reader.next()) is not None:
            _sort(frame, heard)


async def _received(link: Link, until: float, *, is_answered: bool) -> bytes:
    """Bytes that have come; none at ``until``, or when the other end hangs up after an answer."""
    try:
        return await link.receive(until)
    except LinkDown:
        if is_answered:
            return b""
        raise


def _sort(frame: Frame, heard: Heard) -> None:
    if isinstance(frame, Ack):
        heard.acks += 1
    elif isinstance(frame, Long) and frame.is_from_device:
        heard.answers.append(frame)
