"""The two ways of framing, each with what it can tell about an answer that comes."""

from dataclasses import dataclass
from typing import Protocol

from quartier.protocols.modbus import mbap, rtu


@dataclass(frozen=True, slots=True)
class Answer:
    """A sound frame. ``is_ours`` is False where its transaction number is of an earlier request;
    ``noise`` are the bytes that stood before it."""

    unit: int
    pdu: bytes
    is_ours: bool
    noise: int = 0


class Framing(Protocol):
    """Turns PDUs into bytes and a stream of bytes into answers."""

    tells_late: bool
    """Whether an answer says which request it belongs to."""

    def encode(self, unit: int, pdu: bytes) -> bytes:
        """The bytes of the next request."""

    def next(self, buffer: bytearray) -> Answer | None:
        """Take the first answer out of ``buffer``; None if there is none yet.

        Raises :class:`BadFrame` if the stream is lost.
        """


class TcpFraming:
    """Modbus TCP."""

    tells_late = True

    def __init__(self) -> None:
        self._transaction = 0

    def encode(self, unit: int, pdu: bytes) -> bytes:
        self._transaction = self._transaction % 0xFFFF + 1
        return mbap.encode(self._transaction, unit, pdu)

    def next(self, buffer: bytearray) -> Answer | None:
        found = mbap.find_frame(buffer)
        if found is None:
            return None
        del buffer[: found.used]
        return Answer(found.unit, found.pdu, found.transaction == self._transaction)


class RtuFraming:
    """RTU: on a serial line, or inside TCP."""

    tells_late = False

    def encode(self, unit: int, pdu: bytes) -> bytes:
        return rtu.encode(unit, pdu)

    def next(self, buffer: bytearray) -> Answer | None:
        found = rtu.find_response(buffer)
        if found is None:
            return None
        del buffer[: found.used]
        return Answer(found.unit, found.pdu, True, found.noise)
