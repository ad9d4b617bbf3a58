"""Play captured M-Bus telegrams back to the client and the driver, as a bus would.

A capture lists the telegrams of one meter as they came, in hex. The meter acknowledges, sends them
one after the other when it is asked for the next, and is silent otherwise.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from quartier.drivers.catalog import Family
from quartier.drivers.mbus.part import MBusPart
from quartier.drivers.mbus.reading import Reading, poll
from quartier.drivers.replay import BadCapture, Capture
from quartier.protocols.mbus import frames
from quartier.protocols.mbus.bus import HIGHEST, Bus
from quartier.protocols.mbus.exchange import Timing

_ACKNOWLEDGED = b"\xe5"
_ADDRESS_AT = 5
_SHORT = 0x10
_QUICK = Timing(answer_s=0.001, gap_s=0.001, tries=2)


class CapturedLink:
    """A link whose far end is one meter, of which ``telegrams`` were captured."""

    def __init__(self, telegrams: list[bytes]) -> None:
        self.name = "capture"
        self.is_open = False
        self._telegrams = telegrams
        self._bit: int | None = None
        self._place = -1
        self._pending = b""

    async def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False
        self._pending = b""

    def send(self, data: bytes) -> None:
        control = data[1] if data[0] == _SHORT else 0
        if control == frames.SND_NKE:
            self._bit, self._place, self._pending = None, -1, _ACKNOWLEDGED
        elif control & ~frames.FCB == frames.REQ_UD2:
            if control & frames.FCB != self._bit:  # else it was not heard: the same again
                self._place = min(self._place + 1, len(self._telegrams) - 1)
            self._bit = control & frames.FCB
            self._pending = self._telegrams[self._place]

    async def receive(self, _until: float) -> bytes:
        """What was sent, all at once; nothing comes later."""
        data, self._pending = self._pending, b""
        return data


def replay(family: Family, capture: Capture) -> Reading:
    """What the driver makes of ``capture``. Raises :class:`BadCapture`."""
    part: MBusPart = family.part
    model = family.head.model(capture.model)
    if model is None:
        known = ", ".join(one.name for one in family.head.models)
        raise BadCapture(f"the family has no model {capture.model!r}; it has: {known}")
    telegrams = _telegrams(capture.raw)
    address = telegrams[0][_ADDRESS_AT]
    if address > HIGHEST:
        address = frames.ANYONE  # it was selected by its number; here it is alone
    bus = Bus(CapturedLink(telegrams), _QUICK)
    return asyncio.run(poll(bus, address, part, model, f"meter {address}"))


def _telegrams(raw: Mapping[str, Any]) -> list[bytes]:
    listed = raw.get("telegrams")
    if not isinstance(listed, list) or not listed:
        raise BadCapture("there are no telegrams")
    found = []
    for number, one in enumerate(listed, 1):
        try:
            telegram = bytes.fromhex(one)
        except (TypeError, ValueError):
            raise BadCapture(f"telegram {number} is not in hex") from None
        if len(telegram) <= _ADDRESS_AT:
            raise BadCapture(f"telegram {number} is too short to be one")
        found.append(telegram)
    return found
