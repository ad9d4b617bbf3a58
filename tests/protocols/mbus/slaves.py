"""M-Bus devices behind a TCP converter, made of raw frames. Shares no code with the codec.

Devices that answer at once are heard as real ones are: a current of one pulls the line down, so the
bytes are joined by AND.
"""

import asyncio
from dataclasses import dataclass, field


def closed(body):
    """A long frame around ``body``."""
    return bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) % 256, 0x16])


@dataclass
class Device:
    """One meter. ``frames`` are its telegrams as captured; address and access number are set.

    ``garble`` changes an answer before it goes out: (number of the request, answer) to bytes.
    ``counts_bit``: whether it minds the frame count bit.
    """

    primary: int
    frames: list[bytes]
    counts_bit: bool = True
    garble: object = None
    is_selected: bool = False
    access: int = 0
    asked: int = 0
    last: tuple = ()
    place: int = -1
    commands: list = field(default_factory=list)

    @property
    def who(self):
        """Number, manufacturer, version and medium, as they go over the wire."""
        return self.frames[0][7:15]

    def answer(self, request):
        """The bytes that this device sends, or nothing."""
        if request[0] == 0x10:
            control, address = request[1], request[2]
        else:
            control, address = request[4], request[5]
        if control == 0x53 and address == 0xFD and request[6] == 0x52:
            self.is_selected = self._is_meant(request[7:15])
            self.last, self.place = (), -1
            return b"\xe5" if self.is_selected else b""
        if address not in (self.primary, 0xFE) and not (address == 0xFD and self.is_selected):
            return b""
        if control == 0x40:
            self.last, self.place = (), -1
            if address == 0xFD:
                self.is_selected = False
            return b"\xe5"
        if control in (0x5B, 0x7B):
            self.asked += 1
            sent = self._telegram(control)
            return self.garble(self.asked, sent) if self.garble else sent
        if control in (0x53, 0x73):
            self.commands.append(bytes(request[6:-2]))
            if bytes(request[6:9]) == b"\x51\x01\x7a":
                self.primary = request[9]
            return b"\xe5"
        return b""

    def _is_meant(self, mask):
        number = all(m in ("f", d) for m, d in zip(mask[:4].hex(), self.who[:4].hex(), strict=True))
        manufacturer = mask[4:6] in (b"\xff\xff", self.who[4:6])
        return number and manufacturer and all(mask[n] in (0xFF, self.who[n]) for n in (6, 7))

    def _telegram(self, control):
        if not (self.counts_bit and self.last == (control,)):
            self.access = (self.access + 1) % 256
            self.place = min(self.place + 1, len(self.frames) - 1)
        self.last = (control,)
        frame = self.frames[self.place]
        body = bytearray(frame[4:-2])
        body[1] = self.primary
        if body[2] == 0x72:
            body[11] = self.access
        return closed(bytes(body))


class Converter:
    """A TCP server with devices behind it; what was asked is kept in ``requests``.

    ``shape(answer)`` gives what goes to the network: pairs of (seconds after the request, bytes).
    """

    def __init__(self, *devices, shape=None, hangs_up_after=None):
        self.devices = list(devices)
        self.requests = []
        self.shape = shape or (lambda answer: [(0, answer)])
        self.hangs_up_after = hangs_up_after
        self.served = []

    async def __aenter__(self):
        self.served = []
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for _, writer in self.served:
            writer.close()
        await asyncio.gather(*(task for task, _ in self.served))

    @property
    def connections(self):
        """How often it was called."""
        return len(self.served)

    async def _serve(self, reader, writer):
        self.served.append((asyncio.current_task(), writer))
        try:
            while True:
                request = await reader.readexactly(1)
                if request[0] == 0x10:
                    request += await reader.readexactly(4)
                elif request[0] == 0x68:
                    request += await reader.readexactly(3)
                    request += await reader.readexactly(request[1] + 2)
                self.requests.append(bytes(request))
                self.answer_to(bytes(request), writer.write)
                if self.hangs_up_after and len(self.requests) % self.hangs_up_after == 0:
                    writer.close()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def answer_to(self, request, write):
        """Let all devices hear ``request``, and give ``write`` what they say at once."""
        answers = [sent for device in self.devices if (sent := device.answer(request))]
        if not answers:
            return
        joined = bytearray(b"\xff" * max(map(len, answers)))
        for answer in answers:
            for place, byte in enumerate(answer):
                joined[place] &= byte
        for after_s, data in self.shape(bytes(joined)):
            if after_s:
                asyncio.get_running_loop().call_later(after_s, write, data)
            else:
                write(data)


class Wire:
    """Devices at the end of a link without a network between: what they say is there at once."""

    name = "wire"
    is_open = True

    def __init__(self, *devices):
        self.converter = Converter(*devices)
        self.requests = self.converter.requests
        self.said = bytearray()

    async def open(self):
        """Nothing to open."""

    def close(self):
        """Nothing to close."""

    def send(self, data):
        """The devices hear ``data``."""
        self.requests.append(data)
        self.converter.answer_to(data, self.said.extend)

    async def receive(self, _until):
        """What they said, or nothing: there is nothing to wait for."""
        said = bytes(self.said)
        self.said.clear()
        return said
