"""A controller that stays connected and sends a line for each badge, and one for keys alone.

A line ends with CR, LF or both, with ETX, or with NUL; an STX before it is no part of it.
"""

import asyncio
import re

from quartier.core.kernel.findings import Finding, warning
from quartier.formats.uplink.badge_readers import ReaderSettings
from quartier.gateway.readers.listening import Listener
from quartier.gateway.readers.ports import Desk, Seen

MOST_LINE_BYTES = 256
PATIENCE_S = 10.0
"""So long after its first byte a line must have ended; between lines a controller may be silent."""
PACE_S = 0.05
"""So long each line takes after it was heard: one who sends thousands waits, not the meters."""
_END = re.compile(rb"[\r\n\x03\x00]+")
_READ_BYTES = 1024
_TYPED = re.compile(r"[0-9*#]{1,8}")
_PLACES = {
    "{card}": r"(?P<card>[0-9A-Fa-fxX:.,;/ \-]{1,64}?)",
    "{keys}": r"(?P<keys>[0-9*#]{0,16})",
    "{any}": r".{0,64}?",
}
_PLACE = re.compile(r"(\{(?:card|keys|any)\})")


class TcpDoor:
    """Listens at the address and port of ``settings``."""

    def __init__(self, settings: ReaderSettings) -> None:
        self._settings = settings
        self._shape = shape_of(settings.template)
        self._takes_keys = settings.keys != "none" and "{keys}" not in settings.template
        self._last: asyncio.StreamWriter | None = None

    async def run(self, desk: Desk) -> None:
        """Raises OSError where the address cannot be taken."""

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            kept = b""
            try:
                while True:
                    async with asyncio.timeout(PATIENCE_S if kept else None):
                        data = await reader.read(_READ_BYTES)
                    if not data:
                        return
                    *lines, kept = _END.split(kept + data)
                    if len(kept) > MOST_LINE_BYTES or any(
                        len(line) > MOST_LINE_BYTES for line in lines
                    ):
                        desk.complain(_no_line(self._settings.name))
                        return
                    for line in lines:
                        if line:
                            self._last = writer
                            self._take(line, desk)
                    await asyncio.sleep(PACE_S * len(lines))
            finally:
                if self._last is writer:
                    self._last = None

        await Listener(self._settings, converse, desk.complain).run(_READ_BYTES)

    async def signal(self, *, is_accepted: bool) -> bool:
        """Send the line that says so to the controller that sent the last badge."""
        line = self._settings.accepted if is_accepted else self._settings.refused
        writer = self._last
        if not line or writer is None or writer.is_closing():
            return False
        writer.write(line.encode() + b"\r\n")
        return True

    def _take(self, data: bytes, desk: Desk) -> None:
        line = data.decode("latin-1").removeprefix("\x02")
        if self._takes_keys and _TYPED.fullmatch(line):
            desk.saw(Seen(keys=line))
            return
        found = self._shape.fullmatch(line)
        if found is None:
            desk.complain(_no_line(self._settings.name))
            return
        said = found.groupdict()
        desk.saw(Seen(said["card"].strip(), said.get("keys") or ""))


def shape_of(template: str) -> re.Pattern[str]:
    """What lines of ``template`` look like; its places are ``{card}``, ``{keys}`` and ``{any}``."""
    parts = _PLACE.split(template)
    return re.compile("".join(_PLACES.get(part) or re.escape(part) for part in parts), re.DOTALL)


def _no_line(name: str) -> Finding:
    return warning(
        "reader.no_line",
        "what the reader sends is none of the lines that it should send.",
        where=name,
        remedy="Correct the template of its lines on the platform.",
    )
