"""A Shelly of the first generation on a TCP port; shares no code with the client."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager


class FirstDevice:
    """Answers ``status``, to ``user`` with ``password`` where it has one. ``asked`` are the heads
    that came."""

    def __init__(self, status, password="", user="admin", challenge='Basic realm="shelly"'):
        self.status, self.challenge = status, challenge
        self.login = base64.b64encode(f"{user}:{password}".encode()).decode() if password else ""
        self.asked = []

    @asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        writer.write(self._answer(head))
        writer.close()

    def _answer(self, head):
        path = head.split(" ", 2)[1]
        if path == "/shelly":
            return _ok({"type": "SHPLG-S", "mac": "AABBCCDDEEFF", "auth": bool(self.login)})
        if self.login and f"Authorization: Basic {self.login}\r\n" not in head:
            return (
                "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n"
                f"WWW-Authenticate: {self.challenge}\r\n\r\n"
            ).encode()
        if path != "/status":
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        return _ok(self.status)


def _ok(content):
    body = json.dumps(content).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
