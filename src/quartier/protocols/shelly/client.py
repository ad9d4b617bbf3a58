"""Ask a Shelly device over HTTP: one short connection a question, bounded in bytes and in time."""

import asyncio
import re
from typing import Any

from quartier.protocols.shelly.answers import object_in
from quartier.protocols.shelly.basic import basic_authorization
from quartier.protocols.shelly.digest import authorization
from quartier.protocols.shelly.errors import BadAnswer, BadPassword, NoConnection

STATUS = "/rpc/Shelly.GetStatus"
FIRST_STATUS = "/status"
"""Of the first generation."""
IDENTITY = "/shelly"
"""Says who the device is, without a login."""

MOST_BYTES = 128 * 1024
LONGEST_HOLD_S = 86_400
_MOST_HEAD = 8 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_LENGTH = re.compile(r"[0-9]{1,9}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,6})[ \t]*(?:;[^\r\n]*)?\r\n")
_FRAMING = ("content-length", "transfer-encoding")
_OK, _UNAUTHORIZED = 200, 401


def switch_path(channel: int, *, is_on: bool, hold_s: int = 0) -> str:
    """Where to ask that relay ``channel`` closes or opens; a closed one opens by itself after
    ``hold_s`` seconds (``toggle_after`` of Switch.Set), never where that is 0."""
    if not (0 <= channel <= 7 and 0 <= hold_s <= LONGEST_HOLD_S):
        raise ValueError(channel, hold_s)
    hold = f"&toggle_after={hold_s}" if is_on and hold_s else ""
    return f"/rpc/Switch.Set?id={channel}&on={'true' if is_on else 'false'}{hold}"


def switch_status_path(channel: int) -> str:
    """Where relay ``channel`` says how it stands."""
    return f"/rpc/Switch.GetStatus?id={channel}"


class Client:
    """One device at ``host`` and ``port``; it is asked one thing at a time."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self.name = f"{host}:{port}"
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._turn = asyncio.Lock()

    async def ask(self, path: str, password: str = "", *, first_user: str = "") -> dict[str, Any]:
        """The object that the device answers to a GET of ``path``; its decimals are exact.

        ``first_user``: the device is of the first generation, and this its user, to whom alone
        the password may be sent as it is; to any other it is only proved.

        Raises :class:`~quartier.protocols.shelly.errors.ShellyError`.
        """
        async with self._turn:
            status, headers, body = await self._get(path, "")
            if status == _UNAUTHORIZED and password:
                challenge = headers.get("www-authenticate", "")
                if first_user:
                    answer = basic_authorization(challenge, first_user, password)
                else:
                    answer = authorization(challenge, path, password)
                status, headers, body = await self._get(path, answer)
        if status == _UNAUTHORIZED:
            said = "refuses the password" if password else "asks for a password"
            raise BadPassword(f"{self.name} {said}")
        if status != _OK:
            raise BadAnswer(f"{self.name} answers with HTTP status {status}")
        return object_in(self.name, body)

    async def _get(self, path: str, login: str) -> tuple[int, dict[str, str], bytes]:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(path, login)
        except TimeoutError:
            raise NoConnection(
                f"{self.name} does not answer within {self._timeout_s:g} s"
            ) from None
        except (OSError, UnicodeError) as reason:
            raise NoConnection(f"{self.name} cannot be reached ({reason})") from None
        except asyncio.IncompleteReadError:
            raise BadAnswer(f"{self.name} hangs up in the middle of its answer") from None
        except asyncio.LimitOverrunError:
            raise BadAnswer(f"{self.name} sends an answer without an end") from None

    async def _exchange(self, path: str, login: str) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=_MOST_HEAD)
        try:
            lines = [f"GET {path} HTTP/1.1", f"Host: {self.name}", "Connection: close"]
            if login:
                lines.append(f"Authorization: {login}")
            writer.write("\r\n".join([*lines, "", ""]).encode("ascii"))
            head = await reader.readuntil(b"\r\n\r\n")
            status, headers = _head(self.name, head)
            return status, headers, await self._body(reader, headers)
        finally:
            writer.transport.abort()

    async def _body(self, reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise BadAnswer(f"{self.name} sends its answer in a way that is not known")
            return await self._chunks(reader)
        if length is None:
            return await self._rest(reader)
        if not _LENGTH.fullmatch(length):
            raise BadAnswer(f"{self.name} gives a length that is no number")
        return await reader.readexactly(self._fitting(int(length)))

    async def _chunks(self, reader: asyncio.StreamReader) -> bytes:
        body = bytearray()
        while True:
            line = _CHUNK.fullmatch(await reader.readuntil(b"\r\n"))
            if line is None:
                raise BadAnswer(f"{self.name} gives a length that is no number")
            size = int(line[1], 16)
            if size == 0:
                return bytes(body)
            self._fitting(len(body) + size)
            body += await reader.readexactly(size)
            if await reader.readexactly(2) != b"\r\n":
                raise BadAnswer(f"{self.name} sends more than it says")

    async def _rest(self, reader: asyncio.StreamReader) -> bytes:
        body = bytearray()
        while data := await reader.read(_MOST_HEAD):
            body += data
            self._fitting(len(body))
        return bytes(body)

    def _fitting(self, size: int) -> int:
        if size > MOST_BYTES:
            raise BadAnswer(f"{self.name} answers with more than {MOST_BYTES // 1024} KiB")
        return size


def _head(name: str, head: bytes) -> tuple[int, dict[str, str]]:
    first, *rest = head[:-4].split(b"\r\n")
    status = _STATUS_LINE.fullmatch(first)
    if status is None:
        raise BadAnswer(f"{name} does not speak HTTP")
    headers: dict[str, str] = {}
    for line in rest:
        key, sign, value = line.decode("latin-1").partition(":")
        key = key.lower()
        if not sign or (key in headers and key in _FRAMING):
            raise BadAnswer(f"{name} sends headers that cannot be read")
        headers.setdefault(key, value.strip())
    return int(status[1]), headers
