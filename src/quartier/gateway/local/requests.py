"""HTTP as far as a page of forms needs it; small, bounded, one request a connection."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

MOST_HEAD_BYTES = 16 << 10
MOST_BODY_BYTES = 4 << 10
PATIENCE_S = 10.0
MOST_AT_ONCE = 20
_LOCAL_NAMES = (".local", ".lan", ".home", ".home.arpa", ".internal")

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Connection": "close",
}


class BadRequest(Exception):
    """It is no request that is answered; ``status`` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """Method, path, header fields by lower-case name, what a form sent, what stands behind the
    question mark, and the bytes of the body."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def session(self) -> str:
        """The cookie of whoever signed in."""
        try:
            cookie = SimpleCookie(self.headers.get("cookie", "")[:1000])
        except CookieError:
            return ""
        return cookie["session"].value if "session" in cookie else ""

    @property
    def is_own_form(self) -> bool:
        """Whether a form of this page sent it, and not one of another site."""
        try:
            origin = urlsplit(self.headers.get("origin", "")).netloc
        except ValueError:  # as "http://["
            return False
        return origin == self.headers.get("host", "") != ""

    @property
    def is_for_here(self) -> bool:
        """Whether it was sent to an address, or to a name that nobody can register.

        A site that points its own name at the gateway (DNS rebinding) would have the browsers of
        all who visit it try PINs here, as forms of this page. No browser leaves the name out.
        """
        try:
            host = urlsplit(f"//{self.headers.get('host', '')}").hostname or ""
        except ValueError:
            return False
        try:
            ip_address(host)
        except ValueError:
            name = host.removesuffix(".")
            is_ours = name == socket.gethostname().lower()
            return "." not in name or name.endswith(_LOCAL_NAMES) or is_ours
        return True


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered."""

    body: str = ""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Awaitable[Response]]


async def start(answer: Answer, host: str, port: int) -> asyncio.Server:
    """A server whose requests ``answer`` answers. Raises OSError.

    Of those who have not said yet what they want, the oldest makes room: many connections that say
    nothing keep nobody out, and take no descriptors that the meters need.
    """
    silent: dict[asyncio.StreamWriter, None] = {}
    working: set[asyncio.StreamWriter] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(silent) >= MOST_AT_ONCE:
            oldest = next(iter(silent))
            del silent[oldest]
            oldest.transport.abort()
        silent[writer] = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                request = await read(reader)
        finally:
            silent.pop(writer, None)
        if len(working) >= MOST_AT_ONCE:
            raise BadRequest(503)
        working.add(writer)
        try:
            writer.write(written(await answer(request)))
            async with asyncio.timeout(PATIENCE_S):
                await writer.drain()
        finally:
            working.discard(writer)

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await converse(reader, writer)
        except BadRequest as problem:
            writer.write(written(Response(status=problem.status)))
        except TimeoutError:
            writer.transport.abort()  # else it waits for what whoever asked does not take
        except (OSError, asyncio.IncompleteReadError):
            return  # whoever asked has gone
        finally:
            writer.close()

    return await asyncio.start_server(serve_one, host, port, limit=MOST_HEAD_BYTES)


async def read(reader: asyncio.StreamReader) -> Request:
    """The request that comes; raises :class:`BadRequest`."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise BadRequest(431) from None
    first, *rows = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest(400)
    if parts[0] not in ("GET", "POST"):
        raise BadRequest(405)
    headers: dict[str, str] = {}
    for row in rows:
        name, sign, value = row.partition(":")
        if sign:
            headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not (length.isascii() and length.isdecimal()):
        raise BadRequest(400)
    if len(length) > 9 or int(length) > MOST_BODY_BYTES:
        raise BadRequest(413)
    body = await reader.readexactly(int(length))
    try:
        form = parse_qs(body.decode(), max_num_fields=20) if parts[0] == "POST" else {}
        asked = urlsplit(parts[1])
        query = parse_qs(asked.query, max_num_fields=20)
    except ValueError:
        raise BadRequest(400) from None
    return Request(parts[0], asked.path, headers, _first(form), _first(query), body)


def _first(fields: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: values[0] for name, values in fields.items()}


def written(response: Response) -> bytes:
    """The bytes of an answer, after which the connection ends."""
    body = response.body.encode()
    headers = {
        **_HEADERS,
        "Content-Type": response.content_type,
        "Content-Length": str(len(body)),
        **response.headers,
    }
    rows = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    phrase = HTTPStatus(response.status).phrase
    return f"HTTP/1.1 {response.status} {phrase}\r\n{rows}\r\n".encode() + body
