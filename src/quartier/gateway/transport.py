"""HTTPS to the platform, with what Python has. Plain HTTP only to this computer, or where somebody
said so: a pairing would show the key to the network."""

import asyncio
import http.client
import ssl
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from quartier.core.kernel.period import utc

MOST_ANSWER_BYTES = 2 << 20
TIMEOUT_S = 60.0
_LOCAL = ("localhost", "127.0.0.1", "::1")


class BadUrl(ValueError):
    """The address of the platform is none that may be used; the text says why."""


class Unreachable(Exception):
    """Nothing usable came back; the text says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``date`` is that of its header, None where it cannot be relied on."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    date: datetime | None = None


Send = Callable[[str, str, Mapping[str, str], bytes], Coroutine[Any, Any, Reply]]
"""Method, path, headers and body to a reply; raises :class:`Unreachable`."""


def transport(
    url: str, *, allows_plain: bool = False, context: ssl.SSLContext | None = None
) -> Send:
    """What sends to the platform at ``url``; ``context`` in place of the system's certificates.

    Raises :class:`BadUrl`.
    """
    is_tls, host, port = check_address(url, allows_plain=allows_plain)
    trusted = context or (ssl.create_default_context() if is_tls else None)

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        connection: http.client.HTTPConnection
        if is_tls:
            connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=trusted)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body or None, dict(headers))
            answer = connection.getresponse()
            data = answer.read(MOST_ANSWER_BYTES + 1)
        except ssl.SSLCertVerificationError as problem:
            raise Unreachable(
                f"the certificate of {host} is not good ({problem.verify_message})"
            ) from None
        except (OSError, http.client.HTTPException, UnicodeError) as problem:
            raise Unreachable(
                f"{host} cannot be reached ({problem or type(problem).__name__})"
            ) from None
        finally:
            connection.close()
        if len(data) > MOST_ANSWER_BYTES:
            raise Unreachable(f"{host} answered with more than {MOST_ANSWER_BYTES} bytes")
        is_sure = is_tls or host in _LOCAL
        date = _date(answer.getheader("Date", "")) if is_sure else None
        return Reply(answer.status, dict(answer.getheaders()), data, date)

    async def send_in_thread(
        method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        return await asyncio.to_thread(send, method, path, headers, body)

    return send_in_thread


def check_address(url: str, *, allows_plain: bool) -> tuple[bool, str, int | None]:
    """Whether ``url`` is of TLS, its host and its port; raises :class:`BadUrl`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadUrl(f"{url!r} is not an address such as https://quartier.example") from None
    if parts.scheme not in ("http", "https") or not host or parts.path not in ("", "/"):
        raise BadUrl(f"{url!r} is not an address such as https://quartier.example")
    is_tls = parts.scheme == "https"
    if not (is_tls or host in _LOCAL or allows_plain):
        raise BadUrl(f"{url} would send the key in the clear; write https://{parts.netloc}")
    return is_tls, host, port


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else utc(found)
