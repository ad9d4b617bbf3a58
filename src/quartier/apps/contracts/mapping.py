"""Price sheets and reference tariffs: row to core value and back.

The stored content is the canonical JSON of the core value, so that its SHA-256 is the one that
documents carry.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from quartier.apps.contracts import models
from quartier.core.invoicing.frozen import canonical_json, sha256_of
from quartier.core.rating.sheet import PriceSheet, Reference
from quartier.core.rating.windows import Windows

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ReferenceTariff:
    """The standard product over a range of dates, with the windows its slots refer to."""

    reference: Reference
    windows: tuple[Windows, ...]


def content_of(value: PriceSheet | ReferenceTariff) -> tuple[dict[str, Any], str]:
    """The JSON that is stored for ``value``, and its SHA-256."""
    content: dict[str, Any] = json.loads(canonical_json(value))
    return content, sha256_of(value)


class StoredByNewer(ValueError):
    """The stored content has a field that this version does not know: what it says would be lost
    without a word, and with it perhaps a price."""


def sheet_of(row: models.PriceSheet) -> PriceSheet:
    """The core price sheet of a row; raises :class:`StoredByNewer`."""
    return _read(row, PriceSheet)


def reference_of(row: models.ReferenceTariff) -> ReferenceTariff:
    """The reference tariff of a row; raises :class:`StoredByNewer`."""
    return _read(row, ReferenceTariff)


def _read(row: models.PriceSheet | models.ReferenceTariff, kind: type[Value]) -> Value:
    value = msgspec.convert(row.content, kind)
    unknown = next(_unknown(row.content, msgspec.to_builtins(value), row.ref), None)
    if unknown is not None:
        raise StoredByNewer(
            f"{unknown} is not known to this version of Quartier; install the version that stored "
            "it, or a newer one"
        )
    return value


def _unknown(stored: Any, read: Any, place: str) -> Iterator[str]:
    """The fields of ``stored`` that ``read`` has not."""
    if isinstance(stored, dict):
        for name, value in stored.items():
            if name not in read:
                yield f"{place}.{name}"
            else:
                yield from _unknown(value, read[name], f"{place}.{name}")
    elif isinstance(stored, list):
        for position, (one, other) in enumerate(zip(stored, read, strict=True)):
            yield from _unknown(one, other, f"{place}[{position}]")
