"""Price sheets and reference tariffs: row to core value and back.

The stored content is the canonical JSON of the core value, so that its SHA-256 is the one that
documents carry.
"""

import dataclasses
import functools
import json
import types
import typing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from quartier.apps.contracts import models
from quartier.core.invoicing.document import canonical_json, sha256_of
from quartier.core.rating.sheet import PriceSheet, Reference, Share
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
    sheet = _build(PriceSheet, row.content)
    assert isinstance(sheet, PriceSheet)
    return sheet


def reference_of(row: models.ReferenceTariff) -> ReferenceTariff:
    """The reference tariff of a row."""
    tariff = _build(ReferenceTariff, row.content)
    assert isinstance(tariff, ReferenceTariff)
    return tariff


_hints = functools.cache(typing.get_type_hints)


def _build(kind: Any, raw: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin is tuple:
        item = typing.get_args(kind)[0]
        return tuple(_build(item, one) for one in raw)
    if origin in (typing.Union, types.UnionType):
        choices = [one for one in typing.get_args(kind) if one is not type(None)]
        if raw is None:
            return None
        if Share in choices:
            return _build(Share if isinstance(raw, dict) else Decimal, raw)
        return _build(choices[0], raw)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{name: _build(hints[name], one) for name, one in raw.items()})
    if kind is Decimal:
        return Decimal(raw)
    if kind is date:
        return date.fromisoformat(raw)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(raw)
    return raw
