"""A bus: many devices on one line, one request at a time.

What real lines do is answered here and not by those who ask:

- a converter lets one request through at a time, and some need a pause between two;
- an answer may come after its time-out. Modbus TCP numbers its answers, so a late one is known
  and dropped. RTU does not: as long as a device owes an answer there, the next question to it
  waits until that has come or is too late to come, so that it is not taken for the new one's;
- another device may answer (an address set twice, a reflection): dropped, and a finding;
- noise stands before a frame: the frame is found behind it, and a finding says so.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace

from quartier.core.kernel.findings import Finding
from quartier.protocols.modbus import pdu as codec
from quartier.protocols.modbus.errors import (
    BadFrame,
    BadRequest,
    ModbusError,
    NoConnection,
    Refused,
    WrongLength,
)
from quartier.protocols.modbus.framing import Answer, Framing
from quartier.protocols.modbus.line import Line
from quartier.protocols.modbus.pdu import Request
from quartier.protocols.wire.errors import LinkDown
from quartier.protocols.wire.link import Link


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to wait. ``timeout_s`` for a whole answer, ``pause_s`` of silence before the next
    request, ``tries`` in all. Slow converters (several masters, 2400 baud) need 2 to 3 s."""

    timeout_s: float = 1.0
    pause_s: float = 0.0
    tries: int = 3

    def __post_init__(self) -> None:
        if not (0 < self.timeout_s <= 60 and 0 <= self.pause_s <= 10 and 1 <= self.tries <= 10):
            raise ValueError(
                "a time-out is at most 60 s, a pause at most 10 s, and there are 1 to 10 tries"
            )

    def at_least(self, other: "Timing") -> "Timing":
        """The longer of each, as a bus and a device on it may both be slow."""
        return replace(
            self,
            timeout_s=max(self.timeout_s, other.timeout_s),
            pause_s=max(self.pause_s, other.pause_s),
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What a device answered: words or bits, and what was noticed on the line meanwhile."""

    values: tuple[int, ...]
    findings: tuple[Finding, ...] = ()
    tries: int = 1


_LATEST = 3
"""Times the time-out after which an answer that is owed will not come any more."""
_MOST_KEPT = 1024
_SILENT_ASKS = 2
"""Questions in a row without a single byte after which the connection is made anew."""


class Bus:
    """The devices behind one link. ``ask`` may be called by many at once: they queue."""

    def __init__(self, link: Link, framing: Framing, timing: Timing | None = None) -> None:
        self.link = link
        self.timing = timing or Timing()
        self._framing = framing
        self._lock = asyncio.Lock()
        self._buffer = bytearray()
        self._free_at = 0.0
        self._silent_asks = 0
        self._owed: Counter[int] = Counter()
        self._asked_at: dict[int, float] = {}

    async def ask(self, unit: int, request: Request, timing: Timing | None = None) -> Reply:
        """Send ``request`` to device ``unit`` and return its answer; ``timing`` instead of the
        bus's own.

        Raises :class:`ModbusError`: :class:`Refused` as the device says; :class:`NoAnswer`,
        :class:`Garbled`, :class:`OtherAddress` or :class:`WrongLength` when every try failed;
        :class:`NoConnection` if the line itself cannot be reached; :class:`BadRequest` for an
        address that no device has.
        """
        if not 1 <= unit <= 255:
            raise BadRequest(f"{unit} is not the address of a device (1 to 247)")
        async with self._lock:
            return await self._try(unit, request, timing or self.timing)

    def close(self) -> None:
        """Hang up; the next request connects again."""
        self.link.close()
        self._buffer.clear()
        self._silent_asks = 0

    async def _try(self, unit: int, request: Request, timing: Timing) -> Reply:
        line = Line(unit)
        failure: ModbusError | None = None
        for attempt in range(1, timing.tries + 1):
            was_open = self.link.is_open
            try:
                await self._ready(unit, timing, line)
                values = await self._once(unit, request, timing, line)
            except LinkDown as reason:
                self.close()
                failure = NoConnection(str(reason))
                if not was_open:
                    raise failure from None
                # The other end had hung up: once more with a new connection.
            except Refused as reason:
                if not reason.is_passing:
                    raise
                failure = reason
            except ModbusError as reason:
                failure = reason
            else:
                self._silent_asks = 0
                return Reply(values, line.findings(self.link.name), attempt)
        self._silent_asks = 0 if line.heard else self._silent_asks + 1
        if self._silent_asks >= _SILENT_ASKS:
            self.close()
        assert failure is not None, "there is at least one try"
        raise failure

    async def _ready(self, unit: int, timing: Timing, line: Line) -> None:
        """Connected, quiet, and nothing owed from before."""
        loop = asyncio.get_running_loop()
        if not self.link.is_open:
            self.close()
            await self.link.open()
        if not self._framing.tells_late and self._owed[unit] and not line.is_retry:
            await self._settle(unit, timing, line)
        line.is_retry = True
        rest = self._free_at + timing.pause_s - loop.time()
        if rest > 0:
            await asyncio.sleep(rest)
        # What lies there now was sent before the request; on RTU it can be no answer to it.
        stray = await self.link.receive(loop.time())
        self._keep(stray)
        if not self._framing.tells_late:
            self._drop_late(line)
            line.noise += len(self._buffer)
            self._buffer.clear()

    async def _settle(self, unit: int, timing: Timing, line: Line) -> None:
        """Wait for the answers that ``unit`` owes, while they can still come."""
        loop = asyncio.get_running_loop()
        until = self._asked_at[unit] + _LATEST * timing.timeout_s
        self._drop_late(line)
        while self._owed[unit] and loop.time() < until:
            self._keep(await self.link.receive(until))
            self._drop_late(line)
        del self._owed[unit]

    def _drop_late(self, line: Line) -> None:
        while (answer := self._next()) is not None:
            line.noise += answer.noise
            self._foreign(answer, line)

    async def _once(
        self, unit: int, request: Request, timing: Timing, line: Line
    ) -> tuple[int, ...]:
        loop = asyncio.get_running_loop()
        until = loop.time() + timing.timeout_s
        self.link.send(self._framing.encode(unit, codec.encode_request(request)))
        self._owed[unit] += 1
        self._asked_at[unit] = loop.time()
        line.begin()
        wrong: WrongLength | None = None
        try:
            while True:
                answer = self._next()
                if answer is None:
                    if loop.time() >= until:
                        break  # even where somebody babbles on
                    data = await self.link.receive(until)
                    line.heard += len(data)
                    self._keep(data)
                    continue
                line.noise += answer.noise
                if answer.unit != unit or not answer.is_ours:
                    self._foreign(answer, line)
                    continue
                try:
                    values = codec.decode_response(request, answer.pdu)
                except WrongLength as reason:
                    wrong = reason  # or a late answer to another question: wait for the right one
                except BadFrame:
                    line.late += 1
                except Refused:
                    self._paid(unit)
                    raise
                else:
                    self._paid(unit)
                    return values
        finally:
            self._free_at = loop.time()
        raise wrong or line.silence(timing.timeout_s)

    def _foreign(self, answer: Answer, line: Line) -> None:
        """An answer that nobody waits for: late, or of a device that was not asked."""
        if not answer.is_ours or self._owed[answer.unit]:
            line.late += 1
            self._paid(answer.unit)
        else:
            line.others[answer.unit] += 1

    def _paid(self, unit: int) -> None:
        if self._owed[unit] > 1 and not self._framing.tells_late:
            self._owed[unit] -= 1
        else:
            del self._owed[unit]

    def _keep(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _MOST_KEPT:
            del self._buffer[:-_MOST_KEPT]

    def _next(self) -> Answer | None:
        try:
            return self._framing.next(self._buffer)
        except BadFrame:
            self.close()
            raise
