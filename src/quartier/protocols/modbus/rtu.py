"""RTU frames: address, PDU, CRC. On a serial line, and inside TCP with simple converters.

A frame has no mark of its beginning: on a serial line silence separates frames, through a TCP
converter not even that. So frames are found by what an answer can look like and by their CRC;
bytes before a sound frame are noise.

Source: MODBUS over Serial Line V1.02, sections 2.5.1 and 6.2.
"""

from dataclasses import dataclass

from quartier.protocols.modbus.errors import BadChecksum, BadFrame
from quartier.protocols.modbus.pdu import EXCEPTION, FUNCTIONS, LONGEST, WRITES

LONGEST_FRAME = LONGEST + 3
HIGHEST_UNIT = 247
_SHORTEST = 5


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        entries.append(crc)
    return tuple(entries)


_TABLE = _table()


def crc16(data: bytes | memoryview) -> int:
    """The CRC of ``data``; it stands in a frame low byte first (section 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def encode(unit: int, pdu: bytes) -> bytes:
    """The frame of ``pdu`` for the device ``unit``."""
    body = bytes([unit]) + pdu
    return body + crc16(body).to_bytes(2, "little")


def decode(frame: bytes) -> tuple[int, bytes]:
    """``(unit, pdu)`` of one whole frame; raises :class:`BadFrame` or :class:`BadChecksum`."""
    if not 4 <= len(frame) <= LONGEST_FRAME:
        raise BadFrame(f"{len(frame)} bytes are not a frame")
    if crc16(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
        raise BadChecksum("the checksum of the frame is wrong")
    return frame[0], frame[1:-2]


@dataclass(frozen=True, slots=True)
class Found:
    """An answer in a stream: ``used`` bytes up to its end, of which ``noise`` came before it."""

    unit: int
    pdu: bytes
    used: int
    noise: int


def find_response(data: bytes | bytearray) -> Found | None:
    """The first sound answer in ``data``, of whichever device; None if there is none yet.

    At each place the function code tells how long an answer would be; only a frame with a right
    CRC counts, so that noise in front of it cannot hide it.
    """
    view = bytes(data)
    for start in range(len(view) - _SHORTEST + 1):
        length = _length(view, start)
        end = start + length
        if not length or end > len(view):
            continue
        if crc16(view[start : end - 2]) == view[end - 2] | view[end - 1] << 8:
            return Found(view[start], view[start + 1 : end - 2], end, start)
    return None


def _length(data: bytes, start: int) -> int:
    """How long an answer that begins at ``start`` is; 0 if none can begin there."""
    function = data[start + 1]
    if data[start] > HIGHEST_UNIT or function & ~EXCEPTION not in FUNCTIONS:
        return 0
    if function & EXCEPTION:
        return 5
    if function in WRITES:
        return 8
    return 5 + data[start + 2]
