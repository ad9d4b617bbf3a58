"""Which version of its program a gateway is to run; part of the configuration, ``software``,
written only where somebody has asked for one."""

import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

from quartier.formats.uplink.strict import Fields

MOST_BYTES = 32 << 20
PART_BYTES = 512 << 10
"""So much of a version one answer has at most."""
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, ValueError),
    *(ArithmeticError, NotImplementedError, RuntimeError),
)
"""What the library says of files that are no ZIP."""
_VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){1,3}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


@dataclass(frozen=True, slots=True)
class Software:
    """``version`` is a file of ``size`` bytes with that SHA-256 and the ``signature`` of the
    releases (Ed25519, hexadecimal). ``attempt`` counts up when somebody wants it tried again."""

    version: str
    sha256: str
    size: int
    signature: str
    attempt: int = 1


_FIELDS = tuple(Software.__dataclass_fields__)


def written(software: Software) -> dict[str, Any]:
    """The object ``software`` of a configuration."""
    return {name: getattr(software, name) for name in _FIELDS}


def read(raw: Any) -> Software:
    """The object ``software``; raises :class:`~quartier.formats.uplink.strict.BadMessage`."""
    fields = Fields(raw, "software", _FIELDS)
    return Software(
        fields.text("version", _VERSION, "a version such as 1.2.0"),
        fields.text("sha256", _SHA256, "a SHA-256 of 64 hexadecimal digits"),
        fields.whole("size", 1, MOST_BYTES),
        fields.text("signature", _SIGNATURE, "a signature of 128 hexadecimal digits"),
        fields.whole("attempt", 1),
    )
