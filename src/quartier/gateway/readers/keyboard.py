"""A reader at a USB port that types: a badge and Enter, digits and Enter or ``#``.

Digits of up to four places by themselves are keys where the reader has a keypad, else a badge.
"""

import asyncio
import errno
import fcntl
import os
import re

from quartier.formats.uplink.badge_readers import ReaderSettings
from quartier.gateway.readers.ports import Desk, Seen
from quartier.protocols.rfid.keyboard import ENTER, EVENT, GRAB, Typed

LONGEST_PAUSE_S = 2.0
"""Within a line; what was typed before a longer one belongs to nothing."""
MOST_CHARACTERS = 64
_READ_BYTES = 64 * EVENT.size
_TYPED = re.compile(r"[0-9*#]{1,4}")


class KeyboardDoor:
    """Reads the device of ``settings``, and nobody else gets what is typed there."""

    def __init__(self, settings: ReaderSettings) -> None:
        self._settings = settings
        self._line = ""
        self._line_s = 0.0

    async def run(self, desk: Desk) -> None:
        """Raises OSError where the device cannot be opened, or was pulled out."""
        descriptor = os.open(self._settings.device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, GRAB, 1)
            await self._listen(descriptor, desk)
        finally:
            os.close(descriptor)

    async def _listen(self, descriptor: int, desk: Desk) -> None:
        loop = asyncio.get_running_loop()
        typed, gone = Typed(), loop.create_future()

        def ready() -> None:
            try:
                data = os.read(descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            except OSError as problem:
                if not gone.done():
                    gone.set_exception(problem)
                return
            if not data and not gone.done():
                gone.set_exception(OSError(errno.ENODEV, os.strerror(errno.ENODEV)))
            for character in typed.feed(data):
                self._take(character, loop.time(), desk)

        loop.add_reader(descriptor, ready)
        try:
            await gone
        finally:
            loop.remove_reader(descriptor)

    def _take(self, character: str, now_s: float, desk: Desk) -> None:
        pause_s = self._settings.keys_s if self._has_keys(self._line) else LONGEST_PAUSE_S
        if now_s - self._line_s > pause_s:
            self._line = ""
        self._line_s = now_s
        if character not in (ENTER, "#"):
            self._line = (self._line + character)[: MOST_CHARACTERS + 1]
            return
        line, self._line = self._line.strip(), ""
        if self._settings.keys != "none" and (not line or self._has_keys(line)):
            desk.saw(Seen(keys=f"{line}#"))
        elif line:
            desk.saw(Seen(card=line))

    def _has_keys(self, line: str) -> bool:
        return self._settings.keys != "none" and bool(_TYPED.fullmatch(line))
