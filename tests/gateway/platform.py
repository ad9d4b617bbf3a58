"""A platform for tests: the answers of docs/uplink.md, made without the code of the gateway.

``serve`` puts it behind a real HTTP server; ``send`` answers in the same process.
"""

import contextlib
import gzip
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate

from quartier.gateway.transport import Reply, Unreachable

KEY = bytes(range(32))
NAME = "linde"
CODE = "4T7K-9QZM-2XH0"


def lines(*texts):
    return hmac.new(KEY, "\n".join(texts).encode(), hashlib.sha256).hexdigest()


class Platform:
    """Keeps measurements by (buffer, number) and answers as it is told to."""

    def __init__(self, now):
        self.now = now
        self.kept = {}
        self.rows = {}
        self.sent = []
        self.reports = []
        self.configuration = b""
        self.number = 0
        self.is_away = False
        self.forges = False
        self.refuses = None
        self.loses_answers = 0
        self.nonces = set()

    def configure(self, content):
        self.number += 1
        content = {"version": 1, "gateway": NAME, "number": self.number, **content}
        self.configuration = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()

    def answer(self, method, path, headers, body):
        if path == "/api/gateway/pairings":
            return self._pair(json.loads(body))
        headers = {name.lower(): value for name, value in headers.items()}
        time, nonce = headers["quartier-time"], headers["quartier-nonce"]
        digest = hashlib.sha256(body).hexdigest()
        expected = lines(NAME, time, nonce, f"{method} {path}", digest)
        is_good = hmac.compare_digest(expected, headers["quartier-signature"])
        if not is_good or abs(int(time) - self.now().timestamp()) > 300 or nonce in self.nonces:
            return 401, {}, b'{"error":"not signed","version":1}'
        self.nonces.add(nonce)
        status, answer = self._verified(method, path, body)
        return status, self._signed(nonce, answer), answer

    def _verified(self, method, path, body):
        if self.refuses:
            status, text = self.refuses
            return status, json.dumps({"version": 1, "error": text}).encode()
        own = {
            "version": 1,
            "time_ms": int(self.now().timestamp() * 1000),
            "configuration": self.number,
            "findings": [],
        }
        if method == "GET":
            is_newest = path.rpartition("=")[2] == str(self.number)
            return (304, b"") if is_newest else (200, self.configuration)
        if path.endswith("/reports"):
            self.reports.append(json.loads(body))
            return 200, json.dumps(own).encode()
        sent = json.loads(gzip.decompress(body))
        self._keep(sent)
        return 200, json.dumps({**own, "kept": self.kept[sent["buffer"]]}).encode()

    def _keep(self, sent):
        self.sent.append((sent["first"], sent["last"]))
        before = self.kept.get(sent["buffer"], 0)
        for column in sent["columns"]:
            times, values = accumulate(column["ms"]), accumulate(column["values"])
            rows = self.rows.setdefault((column["meter"], column["obis"]), {})
            for at, value in zip(times, values, strict=True):
                shown = value, column["decimals"], column.get("serial", "")
                assert rows.setdefault(at, shown) == shown, "the same instant, another value"
        self.kept[sent["buffer"]] = max(before, sent["last"])

    def _signed(self, nonce, body):
        key_lines = (NAME, str(int(self.now().timestamp())), "0c" * 16, nonce)
        made = lines(*key_lines, hashlib.sha256(body).hexdigest())
        if self.forges:
            made = "0" * 64
        return {
            "Quartier-Gateway": NAME,
            "Quartier-Time": key_lines[1],
            "Quartier-Nonce": key_lines[2],
            "Quartier-Signature": made,
        }

    def _pair(self, asked):
        if asked["code"] != CODE:
            return 403, {}, b'{"error":"The code is wrong, was used or is too old.","version":1}'
        time_ms = int(self.now().timestamp() * 1000)
        content = {"version": 1, "gateway": NAME, "key": KEY.hex(), "time_ms": time_ms}
        return 200, {}, json.dumps(content).encode()

    async def send(self, method, path, headers, body):
        if self.is_away:
            raise Unreachable("quartier.example cannot be reached (no route)")
        reply = self.answer(method, path, headers, body)
        if self.loses_answers:
            self.loses_answers -= 1
            raise Unreachable("quartier.example cannot be reached (timed out)")
        return Reply(*reply, date=self.now())

    @contextlib.contextmanager
    def serve(self, wrap=None):
        """The address of a real server; ``wrap`` puts TLS around its socket."""
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = dict(self.headers.items())
                status, own, answer = platform.answer(self.command, self.path, headers, body)
                self.send_response(status)
                for name, value in own.items():
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        if wrap:
            server.socket = wrap(server.socket)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"{'https' if wrap else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
