"""A broker that says what the test wants, after the greeting of MQTT 3.1.1."""

import contextlib
import socket
import threading

CONNACK = b"\x20\x02\x00\x00"


class BadBroker:
    """Answers each client with ``said`` once it has subscribed. ``sent`` counts the bytes that it
    took, a number for each; ``acknowledged`` holds the packets that acknowledge."""

    def __init__(self, said):
        self.said, self.sent, self.acknowledged = said, [], []
        self.port = 0

    @contextlib.contextmanager
    def running(self):
        with socket.create_server(("127.0.0.1", 0)) as door:
            self.port = door.getsockname()[1]
            thread = threading.Thread(target=self._serve, args=(door,))
            thread.start()
            try:
                yield self
            finally:
                door.shutdown(socket.SHUT_RDWR)
                thread.join(20)

    def _serve(self, door):
        while True:
            try:
                line, _ = door.accept()
            except OSError:
                return
            with line:
                line.settimeout(5)
                with contextlib.suppress(OSError):
                    self._talk(line)

    def _talk(self, line):
        line.recv(4096)
        line.sendall(CONNACK)
        subscribed = line.recv(4096)
        line.sendall(b"\x90\x03" + subscribed[2:4] + b"\x01")
        self.sent.append(0)
        for piece in self.said():
            line.sendall(piece)
            self.sent[-1] += len(piece)
        while answer := line.recv(4):
            self.acknowledged.append(answer)


def packet(topic, payload, number=1):
    """A PUBLISH of quality of service 1."""
    body = len(topic).to_bytes(2) + topic + number.to_bytes(2) + payload
    return b"\x32" + length(len(body)) + body


def length(count):
    """As MQTT writes how long a packet is."""
    digits = b""
    while True:
        count, digit = divmod(count, 128)
        digits += bytes([digit | (128 if count else 0)])
        if not count:
            return digits
