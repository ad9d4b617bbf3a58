"""One side of a connection, without a socket: what is to be sent, what has come, who waits.

One call at a time is outstanding in each direction (OCPP-J 1.6, 4.1.1; 2.0.1 part 4, 4.1.1): ours
wait in a queue that a lost connection does not empty, and the other side's are answered in the
order in which they came. Time is monotonic seconds, and given.
"""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from quartier.ocpp.frames import (
    NO_ID,
    BadFrame,
    Call,
    Error,
    Result,
    decode,
    encode,
    refusal,
)
from quartier.ocpp.leniency import put_right
from quartier.ocpp.problems import BadPayload, Problem
from quartier.ocpp.schemas import check_answer, check_asked
from quartier.ocpp.v16 import actions as v16
from quartier.ocpp.v201 import actions as v201
from quartier.ocpp.versions import Version

_OURS_ALONE = {
    Version.V16: v16.TO_STATION - v16.BY_STATION,
    Version.V201: v201.TO_STATION - v201.BY_STATION,
    Version.V21: v201.TO_STATION - v201.BY_STATION,
}
CALL_TIMEOUT_S = 30.0
MOST_WAITING = 100
"""Calls that wait to be sent; the next one is refused."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The other side asks; answer by :meth:`Peer.answer` or :meth:`Peer.refuse`."""

    message_id: str
    action: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """A call of ours was answered, or not: ``payload`` is None where it was not, and ``code`` and
    ``text`` say why (``Timeout`` and ``Lost`` are ours)."""

    call_id: int
    action: str
    payload: dict[str, Any] | None
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Odd:
    """Something came that is nothing; it is answered where it can be."""

    text: str


Event = Asked | Answered | Odd


@dataclass(slots=True)
class _Waiting:
    call_id: int
    call: Call
    timeout_s: float
    survives: bool
    sent_at_s: float | None = None


class QueueFull(ValueError):
    """Too many calls wait for this station."""


class Peer:
    """Our side of the connections with one station; ``new_id`` gives message ids."""

    def __init__(
        self,
        version: Version,
        new_id: Callable[[], str],
        *,
        lenient: Collection[str] = (),
    ) -> None:
        self.version = version
        self._new_id = new_id
        self._lenient = lenient
        self._queue: deque[_Waiting] = deque()
        self._outstanding: _Waiting | None = None
        self._out: deque[str] = deque()
        self._count = 0
        self._is_connected = False

    def connected(self) -> None:
        """There is a new connection."""
        self._is_connected = True
        self._out.clear()

    def disconnected(self) -> list[Event]:
        """The connection is lost; what has to survive it waits for the next one, in its place."""
        self._is_connected = False
        self._out.clear()
        waiting = [*([self._outstanding] if self._outstanding else []), *self._queue]
        self._outstanding = None
        self._queue = deque(one for one in waiting if one.survives)
        for one in self._queue:
            one.sent_at_s = None
        return [
            Answered(one.call_id, one.call.action, None, "Lost", "the connection was lost")
            for one in waiting
            if not one.survives
        ]

    def ask(
        self,
        action: str,
        payload: dict[str, Any],
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        survives: bool = False,
    ) -> int:
        """Ask for ``action`` as soon as it is our turn; the number of the call.

        ``survives``: it is asked again on the next connection where this one is lost before the
        answer. Raises :class:`BadPayload` for what the schema refuses, :class:`QueueFull`.
        """
        check_asked(self.version, action, payload)
        if len(self._queue) >= MOST_WAITING:
            raise QueueFull(f"{MOST_WAITING} calls wait for the station; try again later")
        self._count += 1
        call = Call(self._new_id(), action, payload)
        self._queue.append(_Waiting(self._count, call, timeout_s, survives))
        return self._count

    def receive(self, text: str | bytes) -> Event | None:
        """What ``text`` says; None where nobody waits for it any more."""
        try:
            frame = decode(text, self.version)
        except BadFrame as problem:
            if not problem.is_ignored:
                self._refuse(problem.message_id, problem.problem, str(problem))
            return Odd(str(problem))
        if isinstance(frame, Call):
            return self._asked(frame)
        return self._answered(frame)

    def answer(self, asked: Asked, payload: dict[str, Any]) -> None:
        """Answer; raises :class:`BadPayload` for what the schema refuses, and refuses it then."""
        try:
            check_answer(self.version, asked.action, payload)
        except BadPayload:
            self.refuse(asked, Problem.INTERNAL, "the answer could not be made")
            raise
        self._out.append(encode(Result(asked.message_id, payload)))

    def refuse(self, asked: Asked, problem: Problem, text: str) -> None:
        """Answer with an error."""
        self._refuse(asked.message_id, problem, text)

    def to_send(self, now_s: float) -> list[str]:
        """The frames that may be sent now, in their order."""
        if not self._is_connected:
            return []
        if self._outstanding is None and self._queue:
            self._outstanding = self._queue.popleft()
            self._outstanding.sent_at_s = now_s
            self._out.append(encode(self._outstanding.call))
        frames = list(self._out)
        self._out.clear()
        return frames

    @property
    def deadline_s(self) -> float | None:
        """When the outstanding call has waited long enough."""
        one = self._outstanding
        return None if one is None or one.sent_at_s is None else one.sent_at_s + one.timeout_s

    def expire(self, now_s: float) -> Answered | None:
        """Give up the outstanding call if it has waited long enough."""
        one, deadline_s = self._outstanding, self.deadline_s
        if one is None or deadline_s is None or now_s < deadline_s:
            return None
        self._outstanding = None
        text = f"no answer within {one.timeout_s:.0f} s"
        return Answered(one.call_id, one.call.action, None, "Timeout", text)

    def _asked(self, frame: Call) -> Event:
        payload = put_right(frame.payload, self._lenient)
        try:
            _check_call(self.version, frame.action, payload)
        except BadPayload as problem:
            self._refuse(frame.message_id, problem.problem, str(problem))
            return Odd(f"{frame.action}: {problem}")
        return Asked(frame.message_id, frame.action, payload)

    def _answered(self, frame: Result | Error) -> Event | None:
        one = self._outstanding
        if isinstance(frame, Error) and frame.message_id == NO_ID:
            return Odd(f"the station could not read a frame: {frame.code} {frame.text}")
        if one is None or frame.message_id != one.call.message_id:
            return None  # late, or twice
        self._outstanding = None
        action = one.call.action
        if isinstance(frame, Error):
            return Answered(one.call_id, action, None, frame.code, frame.text)
        payload = put_right(frame.payload, self._lenient)
        try:
            check_answer(self.version, action, payload)
        except BadPayload as problem:
            return Answered(one.call_id, action, None, "BadAnswer", str(problem))
        return Answered(one.call_id, action, payload)

    def _refuse(self, message_id: str, problem: Problem, text: str) -> None:
        self._out.append(encode(refusal(self.version, message_id, problem, text)))


def _check_call(version: Version, action: str, payload: Any) -> None:
    if action in _OURS_ALONE[version]:
        raise BadPayload(Problem.NOT_SUPPORTED, f"stations are asked {action}, and do not ask it")
    check_asked(version, action, payload)
