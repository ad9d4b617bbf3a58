"""A Shelly that speaks HTTP and WebSocket on one port, made from a capture; shares no code with the
client."""

import asyncio
import hashlib
import http
import json
from contextlib import asynccontextmanager

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response

REALM, NONCE = "shellyplus1pm-aabbccddeeff", 1_625_038_762


class PushingDevice:
    """Answers ``status`` at ``/rpc`` over WebSocket and at its path over HTTP (without a login).
    ``asked`` counts requests over HTTP, ``frames`` are those that came over the socket."""

    def __init__(self, status, password="", *, greeting=None):
        self.status, self.password, self.greeting = status, password, greeting
        self.asked = 0
        self.frames = []
        self.sockets = set()

    @asynccontextmanager
    async def listening(self, port=0):
        async with serve(self._talk, "127.0.0.1", port, process_request=self._http) as server:
            yield server.sockets[0].getsockname()[1]

    async def push(self, params, method="NotifyStatus"):
        frame = {"src": REALM, "dst": "quartier", "method": method, "params": params}
        await self.send(json.dumps(frame))

    async def send(self, data):
        for socket in self.sockets:
            await socket.send(data)

    async def hang_up(self):
        for socket in [*self.sockets]:
            await socket.close()

    async def listened(self):
        """Wait until somebody has been given the status."""
        async with asyncio.timeout(5):
            while not self.sockets:
                await asyncio.sleep(0.005)

    def _http(self, _, request):
        if "Upgrade" in request.headers:
            return None
        self.asked += 1
        body = json.dumps(self.status).encode()
        headers = Headers({"Content-Length": str(len(body)), "Connection": "close"})
        return Response(http.HTTPStatus.OK, "OK", headers, body)

    async def _talk(self, socket):
        if self.greeting is not None:
            await socket.send(self.greeting)
        async for data in socket:
            frame = json.loads(data)
            self.frames.append(frame)
            answer = {"id": frame["id"], "src": REALM, "dst": frame["src"]}
            if self.password and not self._is_known(frame.get("auth")):
                challenge = {
                    "auth_type": "digest", "nonce": NONCE, "nc": 1, "realm": REALM,
                    "algorithm": "SHA-256",
                }  # fmt: skip
                answer["error"] = {"code": 401, "message": json.dumps(challenge)}
            else:
                answer["result"] = self.status
                self.sockets.add(socket)
            await socket.send(json.dumps(answer))
        self.sockets.discard(socket)

    def _is_known(self, auth):
        if not auth or (auth["realm"], auth["nonce"]) != (REALM, NONCE):
            return False

        def sha(*parts):
            return hashlib.sha256(":".join(str(part) for part in parts).encode()).hexdigest()

        who, what = sha("admin", REALM, self.password), sha("dummy_method", "dummy_uri")
        return auth["response"] == sha(who, NONCE, 1, auth["cnonce"], "auth", what)
