"""The signature of what a gateway and the platform send each other: HMAC-SHA256 (RFC 2104).

Signed are, each on a line: who sends it, when (seconds since 1970), a nonce, what it is (of a
request its method and path, of an answer the nonce of the request) and the SHA-256 of the body.
The key never travels; what is old, comes from the future or was seen before is refused.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

MOST_SKEW_SECONDS = 300
"""How far the clocks may be apart; a nonce has to be remembered for twice as long."""
LEAST_KEY_BYTES = 32

_PREFIX = "Quartier-"
_FIELDS = {
    "Gateway": re.compile(r"[0-9A-Za-z][0-9A-Za-z._:*\-]{0,62}"),
    "Time": re.compile(r"[1-9][0-9]{8,10}"),
    "Nonce": re.compile(r"[0-9a-f]{32}"),
    "Signature": re.compile(r"[0-9a-f]{64}"),
}


class NotSigned(ValueError):
    """The message is not one of its sender; the text says why, and nothing of the key."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed a message, and when. ``nonce`` must never be accepted twice of a sender."""

    gateway: str
    signed_at: int
    nonce: str
    value: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers that carry it."""
        texts = (self.gateway, str(self.signed_at), self.nonce, self.value)
        return {_PREFIX + name: text for name, text in zip(_FIELDS, texts, strict=True)}


def sign(
    key: bytes, *, gateway: str, now: datetime, nonce: str, what: str, body: bytes
) -> Signature:
    """The signature of ``body`` as ``what``, e.g. ``POST /api/gateway/batches``."""
    assert len(key) >= LEAST_KEY_BYTES, "a key is 32 bytes or more"
    signed_at = int(now.timestamp())
    return Signature(gateway, signed_at, nonce, _mac(key, gateway, signed_at, nonce, what, body))


def signature_of(headers: Mapping[str, str]) -> Signature:
    """The signature that ``headers`` carry, unchecked; raises :class:`NotSigned`."""
    by_name = {name.lower(): value for name, value in headers.items()}
    found = []
    for name, shape in _FIELDS.items():
        value = by_name.get((_PREFIX + name).lower())
        if value is None:
            raise NotSigned(f"it has no {_PREFIX}{name}")
        if not shape.fullmatch(value):
            raise NotSigned(f"its {_PREFIX}{name} is not one")
        found.append(value)
    return Signature(found[0], int(found[1]), found[2], found[3])


def check(signature: Signature, key: bytes, *, now: datetime, what: str, body: bytes) -> None:
    """Raises :class:`NotSigned` unless ``key`` signed ``body`` as ``what``, just now."""
    expected = _mac(key, signature.gateway, signature.signed_at, signature.nonce, what, body)
    if not hmac.compare_digest(expected, signature.value):
        raise NotSigned("its signature is not the gateway's; pair the gateway again")
    skew = signature.signed_at - int(now.timestamp())
    if abs(skew) > MOST_SKEW_SECONDS:
        side = "ahead" if skew > 0 else "behind"
        raise NotSigned(f"the gateway's clock is {abs(skew)} s {side}; set its clock")


def _mac(key: bytes, gateway: str, signed_at: int, nonce: str, what: str, body: bytes) -> str:
    lines = (gateway, str(signed_at), nonce, what, hashlib.sha256(body).hexdigest())
    return hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
