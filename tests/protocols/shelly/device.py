"""A Shelly device on a TCP port, made from a capture; shares no code with the client."""

import asyncio
import hashlib
import json
import re
from contextlib import asynccontextmanager

NONCE, REALM = "60dc59c6", "shellyplus1pm-aabbccddeeff"


class Device:
    """Answers ``status``, after a login where it has a ``password``. ``raw`` is answered to
    everything, as bytes. ``asked`` are the heads that came."""

    def __init__(self, status, password="", *, raw=None, is_chunked=False):
        self.status, self.password, self.raw = status, password, raw
        self.is_chunked = is_chunked
        self.asked = []
        self.holds = {}
        """By channel: seconds after which the relay flips back."""

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
        writer.write(self.raw if self.raw is not None else self._answer(head))
        writer.close()

    def _answer(self, head):
        path = head.split(" ", 2)[1]
        if path == "/shelly":
            return self._ok({"app": "Plus1PM", "mac": "AABBCCDDEEFF", "gen": 2})
        asked = re.fullmatch(r"/rpc/Switch\.(Set|GetStatus)\?id=(\d)(?:&on=(true|false))?.*", path)
        if asked and (not self.password or self._is_known(head, path)):
            return self._switched(path, asked)
        if asked is None and path != "/rpc/Shelly.GetStatus":
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        if self.password and not self._is_known(head, path):
            return (
                "HTTP/1.1 401 Unauthorized\r\nServer: ShellyHTTP/1.0.0\r\nContent-Length: 0\r\n"
                f'WWW-Authenticate: Digest qop="auth", realm="{REALM}", nonce="{NONCE}", '
                "algorithm=SHA-256\r\n\r\n"
            ).encode()
        return self._ok(self.status)

    def _switched(self, path, asked):
        status = self.status[f"switch:{asked[2]}"]
        before = status["output"]
        if asked[1] == "GetStatus":
            return self._ok(status)
        status["output"] = asked[3] == "true"
        hold = re.search(r"&toggle_after=(\d+)$", path)
        self.holds[int(asked[2])] = int(hold[1]) if hold else 0
        return self._ok({"was_on": before})

    def _is_known(self, head, path):
        given = dict(re.findall(r'(\w+)="?([^",\r]+)', head.partition("Authorization: ")[2]))

        def sha(*parts):
            return hashlib.sha256(":".join(parts).encode()).hexdigest()

        if given.get("nonce") != NONCE or given.get("uri") != path:
            return False
        inner = (given["nc"], given["cnonce"], "auth")
        who = sha("admin", REALM, self.password)
        return given["response"] == sha(who, NONCE, *inner, sha("GET", path))

    def _ok(self, content):
        body = json.dumps(content).encode()
        if not self.is_chunked:
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        parts = [body[at : at + 700] for at in range(0, len(body), 700)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
