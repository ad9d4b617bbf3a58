"""The signatures of the remote connection.

The request that opens it and the answer carry the signatures of any request to the platform
(``signature.py``). From their two nonces both sides make the key of this connection, and sign every
message with it, a counter and the direction: what lies between them, a proxy that ends TLS too, can
neither change a message nor send one again.
"""

import hashlib
import hmac
import re
from datetime import datetime
from enum import StrEnum
from typing import Final

from quartier.formats.uplink.remote import MOST_BYTES, PATH
from quartier.formats.uplink.signature import NotSigned, Signature, check, sign
from quartier.formats.uplink.strict import BadMessage

WHAT: Final = f"GET {PATH}"
_MAC_DIGITS: Final = 64
MOST_FRAME_BYTES: Final = _MAC_DIGITS + MOST_BYTES
_MAC = re.compile(r"[0-9a-f]{64}")


class Side(StrEnum):
    """Who sends a message."""

    GATEWAY = "gateway"
    PLATFORM = "platform"


def request_of(key: bytes, gateway: str, *, now: datetime, nonce: str) -> Signature:
    """The signature of the request that opens a connection."""
    return sign(key, gateway=gateway, now=now, nonce=nonce, what=WHAT, body=b"")


def check_request(signature: Signature, key: bytes, *, now: datetime) -> None:
    """Raises ``NotSigned`` unless a gateway with ``key`` asked, just now."""
    check(signature, key, now=now, what=WHAT, body=b"")


def answer_of(key: bytes, request: Signature, *, now: datetime, nonce: str) -> Signature:
    """The platform's signature of its answer to ``request``."""
    gateway = request.gateway
    return sign(key, gateway=gateway, now=now, nonce=nonce, what=request.nonce, body=b"")


def check_answer(signature: Signature, request: Signature, key: bytes, *, now: datetime) -> None:
    """Raises ``NotSigned`` unless the platform answered ``request``, just now."""
    if signature.gateway != request.gateway:
        raise NotSigned("it is for another gateway")
    if signature.nonce == request.nonce:
        raise NotSigned("it is the request, sent back")
    check(signature, key, now=now, what=request.nonce, body=b"")


class Seal:
    """Signs what one ``side`` sends over a connection, and checks what the other sends."""

    def __init__(self, key: bytes, request: Signature, answer: Signature, side: Side) -> None:
        text = f"quartier remote session 1\n{request.nonce}\n{answer.nonce}".encode()
        self._key = hmac.new(key, text, hashlib.sha256).digest()
        self._side = side
        self._sent = 0
        self._received = 0

    def close(self, data: bytes) -> str:
        """The frame of the message ``data``; each is good once, in the order they are made."""
        self._sent += 1
        return self._mac(self._side, self._sent, data) + data.decode()

    def open(self, frame: str | bytes) -> bytes:
        """The message in ``frame``; raises ``NotSigned`` or ``BadMessage``, after which nothing of
        this connection can be believed."""
        if not isinstance(frame, str):
            raise BadMessage("the frame is not of text")
        mac, data = frame[:_MAC_DIGITS], frame[_MAC_DIGITS:].encode("utf-8", "surrogatepass")
        if not _MAC.fullmatch(mac):
            raise BadMessage("the frame does not begin with its signature")
        self._received += 1
        other = Side.PLATFORM if self._side is Side.GATEWAY else Side.GATEWAY
        if not hmac.compare_digest(mac, self._mac(other, self._received, data)):
            raise NotSigned("the signature of a message is not good")
        return data

    def _mac(self, side: Side, number: int, data: bytes) -> str:
        head = f"{side.value}\n{number}\n".encode()
        return hmac.new(self._key, head + data, hashlib.sha256).hexdigest()
