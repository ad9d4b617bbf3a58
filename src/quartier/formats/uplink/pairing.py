"""Pairing: an installer types the code of the platform's page, and the gateway gets its key.

A code is 12 characters of Crockford's base32 (60 bits), which has no I, L, O and U: whoever reads
one out or types it may take 0 for O and 1 for I or L. It is used once, and soon. The request is
not signed, as there is no key yet; the answer brings the key, so it travels over TLS only.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from quartier.formats.uplink.batch import NAME
from quartier.formats.uplink.strict import VERSION, BadMessage, encoded, message, milliseconds

MOST_BYTES = 4096
KEY_BYTES = 32
CODE_BITS = 60

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MEANT = str.maketrans("OIL", "011", "- ")
_CODE = re.compile(rf"[{_DIGITS}]{{4}}(-[{_DIGITS}]{{4}}){{2}}")
_NONCE = re.compile(r"[0-9a-f]{32}")
_KEY = re.compile(r"[0-9a-f]{64}")
_SOFTWARE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~_\-]{0,62}")


@dataclass(frozen=True, slots=True)
class PairingRequest:
    """``code`` as :func:`code_of` gives it; ``serial`` of the gateway's board, or empty."""

    code: str
    nonce: str
    software: str
    serial: str = ""


@dataclass(frozen=True, slots=True)
class PairingAnswer:
    """The name and the key (32 bytes) of the gateway, and the platform's clock."""

    gateway: str
    key: bytes
    time: datetime

    def __repr__(self) -> str:
        return f"PairingAnswer(gateway={self.gateway!r}, time={self.time!r})"  # a key is not shown


def code_from(number: int) -> str:
    """The code of a random ``number`` of 60 bits."""
    if not 0 <= number < 1 << CODE_BITS:
        raise ValueError("a code is made of 60 bits")
    digits = "".join(_DIGITS[number >> shift & 31] for shift in range(CODE_BITS - 5, -1, -5))
    return f"{digits[:4]}-{digits[4:8]}-{digits[8:]}"


def code_of(typed: str) -> str:
    """The code that a person ``typed``, or that stands behind the # of the QR code's link.

    Raises :class:`BadMessage`.
    """
    plain = typed[-80:].rpartition("#")[2].strip().upper().translate(_MEANT)
    code = f"{plain[:4]}-{plain[4:8]}-{plain[8:]}"
    if not _CODE.fullmatch(code):
        raise BadMessage("a code is 12 letters and digits, such as 4T7K-9QZM-2XH0")
    return code


def encode_request(request: PairingRequest) -> bytes:
    """The bytes to send; raises :class:`BadMessage` for what :func:`decode_request` refuses."""
    data = encoded(
        {
            "version": VERSION,
            "code": request.code,
            "nonce": request.nonce,
            "software": request.software,
            "serial": request.serial,
        }
    )
    decode_request(data)
    return data


def decode_request(data: bytes) -> PairingRequest:
    """The request in ``data``; raises :class:`BadMessage`."""
    fields = message(data, MOST_BYTES, ("code", "nonce", "software", "serial"))
    return PairingRequest(
        fields.text("code", _CODE, "a code such as 4T7K-9QZM-2XH0"),
        fields.text("nonce", _NONCE, "32 hexadecimal digits"),
        fields.text("software", _SOFTWARE, "a version"),
        fields.line("serial"),
    )


def encode_answer(answer: PairingAnswer) -> bytes:
    """The bytes to send; raises :class:`BadMessage` for what :func:`decode_answer` refuses."""
    data = encoded(
        {
            "version": VERSION,
            "gateway": answer.gateway,
            "key": answer.key.hex(),
            "time_ms": milliseconds(answer.time),
        }
    )
    decode_answer(data)
    return data


def decode_answer(data: bytes) -> PairingAnswer:
    """The answer in ``data``; raises :class:`BadMessage`, which does not show the key."""
    fields = message(data, MOST_BYTES, ("gateway", "key", "time_ms"))
    return PairingAnswer(
        fields.text("gateway", NAME, "the name of a gateway"),
        bytes.fromhex(fields.text("key", _KEY, "64 hexadecimal digits")),
        fields.instant("time_ms"),
    )
