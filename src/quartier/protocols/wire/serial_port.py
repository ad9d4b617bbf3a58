"""A serial port as a link, with what POSIX gives: no library beside Python is needed.

RS485 adapters switch their direction themselves; where the kernel must do it, it is set in the
device tree.
"""

import asyncio
import os
import termios
from dataclasses import dataclass

from quartier.protocols.wire.errors import LinkDown
from quartier.protocols.wire.link import Inbox

_BAUDS = {
    speed: getattr(termios, f"B{speed}")
    for speed in (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
}
_READ_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How a bus is clocked: all of its devices must be set the same. ``parity`` is N, E or O."""

    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1

    def __post_init__(self) -> None:
        if self.baud not in _BAUDS:
            raise ValueError(f"{self.baud} baud is not one of {', '.join(map(str, _BAUDS))}")
        if self.parity not in {"N", "E", "O"}:
            raise ValueError(f"parity is N, E or O, not {self.parity!r}")
        if self.stop_bits not in {1, 2}:
            raise ValueError(f"there are 1 or 2 stop bits, not {self.stop_bits}")

    @property
    def character_s(self) -> float:
        """How long one character takes: start bit, 8 data bits, parity, stop bits."""
        return (9 + (self.parity != "N") + self.stop_bits) / self.baud

    @property
    def silence_s(self) -> float:
        """The silence between frames: 3.5 characters, 1.75 ms from 19200 baud on (serial line
        V1.02, section 2.5.1.1)."""
        return 3.5 * self.character_s if self.baud <= 19200 else 0.00175

    def __str__(self) -> str:
        return f"{self.baud} 8{self.parity}{self.stop_bits}"


class SerialLink:
    """A serial port, raw, 8 data bits."""

    def __init__(self, device: str, settings: SerialSettings | None = None) -> None:
        self.name = device
        self.settings = settings or SerialSettings()
        self._file = -1
        self._inbox = Inbox()

    @property
    def is_open(self) -> bool:
        return self._file >= 0 and not self._inbox.is_lost

    async def open(self) -> None:
        self.close()
        flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK
        try:
            self._file = os.open(self.name, flags)
            _set(self._file, self.settings)
        except (OSError, termios.error) as reason:
            self.close()
            raise LinkDown(f"the serial port {self.name} cannot be opened ({reason})") from None
        self._inbox = Inbox()
        asyncio.get_running_loop().add_reader(self._file, self._read)

    def close(self) -> None:
        if self._file >= 0:
            asyncio.get_running_loop().remove_reader(self._file)
            os.close(self._file)
            self._file = -1

    def send(self, data: bytes) -> None:
        if self._file < 0:
            raise LinkDown(f"the serial port {self.name} is closed")
        try:
            written = os.write(self._file, data)
        except OSError as reason:
            raise LinkDown(f"the serial port {self.name} is gone ({reason})") from None
        if written != len(data):
            raise LinkDown(f"the serial port {self.name} takes no more bytes")

    async def receive(self, until: float) -> bytes:
        data = await self._inbox.take(until)
        if not data and self._inbox.is_lost:
            raise LinkDown(f"the serial port {self.name} is gone")
        return data

    def _read(self) -> None:
        try:
            data = os.read(self._file, _READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError as reason:
            asyncio.get_running_loop().remove_reader(self._file)
            self._inbox.connection_lost(reason)
            return
        if data:
            self._inbox.data_received(data)
        else:
            asyncio.get_running_loop().remove_reader(self._file)
            self._inbox.connection_lost(None)


def _set(file: int, settings: SerialSettings) -> None:
    _, _, cflag, _, _, _, characters = termios.tcgetattr(file)
    cflag &= ~(termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB | termios.CRTSCTS)
    cflag |= termios.CS8 | termios.CREAD | termios.CLOCAL
    if settings.parity != "N":
        cflag |= termios.PARENB
    if settings.parity == "O":
        cflag |= termios.PARODD
    if settings.stop_bits == 2:
        cflag |= termios.CSTOPB
    # With INPCK off a byte of wrong parity arrives as it is, and the CRC refuses the frame.
    speed = _BAUDS[settings.baud]
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    termios.tcsetattr(file, termios.TCSANOW, [0, 0, cflag, 0, speed, speed, characters])
    termios.tcflush(file, termios.TCIOFLUSH)
