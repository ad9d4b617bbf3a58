"""The bytes of a document: its canonical JSON, which is stored and hashed.

Sorted keys, no spaces, Decimals as text: the same inputs give the same bytes.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from quartier.core.invoicing.document import SCHEMA, Document


def canonical_json(value: Any) -> bytes:
    """The bytes that are stored and hashed: sorted keys, no spaces, Decimals as their own text."""
    return _encoder.encode(value)


def sha256_of(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def freeze(document: Document) -> tuple[bytes, str]:
    """The document's canonical bytes and their SHA-256."""
    data = canonical_json(document)
    return data, hashlib.sha256(data).hexdigest()


def thaw(data: bytes | str) -> Document:
    """The document in ``data``; raises ValueError where it is not one this version writes."""
    schema = _version.decode(data).schema
    if schema != SCHEMA:
        raise ValueError(f"document schema {schema}; this version reads {SCHEMA}")
    return _decoder.decode(data)


@dataclass(frozen=True, slots=True)
class _Version:
    schema: int


_encoder = msgspec.json.Encoder(order="sorted")
_version = msgspec.json.Decoder(_Version)
_decoder = msgspec.json.Decoder(Document)
