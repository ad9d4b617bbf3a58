"""The link layer: frames in a stream of bytes (EN 13757-2, IEC 60870-5-2 format class FT 1.2).

``E5`` acknowledges. A short frame is ``10 C A checksum 16``; a long one ``68 L L 68 C A CI data
checksum 16``, where L counts from C to the end of the data; a control frame is a long one without
data. The checksum is the sum of all from C on, modulo 256.
"""

from dataclasses import dataclass
from typing import Final

from quartier.protocols.mbus.errors import BadChecksum, BadFrame, HalfFrame

SND_NKE: Final = 0x40
SND_UD: Final = 0x53
REQ_UD2: Final = 0x5B
RSP_UD: Final = 0x08
FCB: Final = 0x20
"""Frame count bit: toggled for each new telegram, kept when the same is asked for again."""
_PRIMARY: Final = 0x40
"""The frame comes from the master."""

BY_SECONDARY: Final = 0xFD
"""The address of whoever is selected by its secondary address."""
ANYONE: Final = 0xFE
"""All devices answer to it; of use with one device on the bus."""

_ACK, _SHORT, _LONG, _STOP = 0xE5, 0x10, 0x68, 0x16
_MOST_DATA = 252


@dataclass(frozen=True, slots=True)
class Ack:
    """The single character of agreement."""


@dataclass(frozen=True, slots=True)
class Short:
    """A request without data."""

    control: int
    address: int


@dataclass(frozen=True, slots=True)
class Long:
    """Data: ``ci`` says how ``data`` is to be read. Without data it is a control frame."""

    control: int
    address: int
    ci: int
    data: bytes = b""

    @property
    def is_from_device(self) -> bool:
        """Whether it is an answer (RSP_UD) and not the master's own request."""
        return not self.control & _PRIMARY and self.control & 0x0F == RSP_UD


Frame = Ack | Short | Long


def encode(frame: Frame) -> bytes:
    """The bytes of ``frame``; raises :class:`BadFrame` for what no frame holds."""
    if isinstance(frame, Ack):
        return bytes([_ACK])
    if not (0 <= frame.control <= 255 and 0 <= frame.address <= 255):
        raise BadFrame(f"control {frame.control} and address {frame.address} are one byte each")
    if isinstance(frame, Short):
        checksum = (frame.control + frame.address) & 0xFF
        return bytes([_SHORT, frame.control, frame.address, checksum, _STOP])
    if not 0 <= frame.ci <= 255 or len(frame.data) > _MOST_DATA:
        raise BadFrame(f"CI is one byte, and {len(frame.data)} bytes of data are at most 252")
    body = bytes([frame.control, frame.address, frame.ci]) + frame.data
    head = bytes([_LONG, len(body), len(body), _LONG])
    return head + body + bytes([sum(body) & 0xFF, _STOP])


class Reader:
    """Frames out of bytes as they come: halves, several at once, noise before and between.

    ``noise`` counts the bytes that belong to no frame; ``bad`` holds what looked like a frame and
    was none.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.is_fed = False
        self.noise = 0
        self.bad: list[BadFrame] = []

    def feed(self, data: bytes) -> None:
        """Take in ``data``."""
        self.is_fed = True
        self._buffer += data

    def next(self) -> Frame | None:
        """The next whole frame, or ``None`` until more bytes come."""
        while self._buffer:
            frame = self._at_start()
            if frame is None:
                return None
            if not isinstance(frame, int):
                return frame
            self.noise += frame
            del self._buffer[:frame]
        return None

    def end(self) -> Frame | None:
        """As :meth:`next`, when no more bytes will come: a start that leads nowhere is noise, and
        a frame may stand behind it. A half frame that is left goes to ``bad``."""
        while (frame := self.next()) is None and self._buffer:
            if len(self._buffer) >= 4:
                whole = self._buffer[1] + 6 if self._buffer[0] == _LONG else 5
                self.bad.append(
                    HalfFrame(f"the answer stops after {len(self._buffer)} of {whole} bytes")
                )
            self.noise += 1
            del self._buffer[:1]
        return frame

    def _at_start(self) -> Frame | int | None:
        """The frame at the start of the buffer; ``None`` if more bytes are needed; else how many
        bytes are none."""
        buffer = self._buffer
        if buffer[0] == _ACK:
            del buffer[:1]
            return Ack()
        if buffer[0] == _SHORT:
            return self._short()
        if buffer[0] == _LONG:
            return self._long()
        return 1

    def _short(self) -> Frame | int | None:
        buffer = self._buffer
        if len(buffer) < 5:
            return None
        control, address, checksum, stop = buffer[1:5]
        if stop != _STOP or (control + address) & 0xFF != checksum:
            return 1
        del buffer[:5]
        return Short(control, address)

    def _long(self) -> Frame | int | None:
        buffer = self._buffer
        if len(buffer) < 4:
            # A second length or start that is wrong already needs no more bytes.
            return 1 if len(buffer) == 3 and buffer[1] != buffer[2] else None
        length = buffer[1]
        if length < 3 or buffer[2] != length or buffer[3] != _LONG:
            return 1
        if len(buffer) < length + 6:
            return None
        body, checksum = bytes(buffer[4 : 4 + length]), buffer[4 + length]
        if buffer[5 + length] != _STOP:
            self.bad.append(BadFrame(f"a frame of {length + 6} bytes does not end with 16 hex"))
            return 1
        if sum(body) & 0xFF != checksum:
            self.bad.append(
                BadChecksum(
                    f"the checksum of an answer is {checksum:02X} hex, its bytes give "
                    f"{sum(body) & 0xFF:02X}"
                )
            )
            return length + 6
        del buffer[: length + 6]
        return Long(body[0], body[1], body[2], body[3:])


def decode(data: bytes) -> tuple[tuple[Frame, ...], tuple[BadFrame, ...], int]:
    """All frames in ``data``, what looked like one and was none, and the bytes of noise."""
    reader = Reader()
    reader.feed(data)
    found = []
    while (frame := reader.end()) is not None:
        found.append(frame)
    return tuple(found), tuple(reader.bad), reader.noise
