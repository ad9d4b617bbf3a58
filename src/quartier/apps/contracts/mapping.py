"""Price sheets and reference tariffs: row to core value and back.

The stored content is the canonical JSON of the core value, so that its SHA-256 is the one that
documents carry.
"""

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from quartier.apps.contracts import models
from quartier.core.invoicing.frozen import canonical_json, sha256_of
from quartier.core.rating.sheet import PriceSheet, Reference
from quartier.core.rating.windows import Windows


@dataclass(frozen=True, slots=True)
class ReferenceTariff:
    """The standard product over a range of dates, with the windows its slots refer to."""

    reference: Reference
    windows: tuple[Windows, ...]


def content_of(value: PriceSheet | ReferenceTariff) -> tuple[dict[str, Any], str]:
    """The JSON that is stored for ``value``, and its SHA-256."""
    content: dict[str, Any] = json.loads(canonical_json(value))
    return content, sha256_of(value)


def sheet_of(row: models.PriceSheet) -> PriceSheet:
    """The core price sheet of a row."""
    return msgspec.convert(row.content, PriceSheet)


def reference_of(row: models.ReferenceTariff) -> ReferenceTariff:
    """The reference tariff of a row."""
    return msgspec.convert(row.content, ReferenceTariff)
