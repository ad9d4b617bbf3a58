"""Faults of real stations that are put right before the schema is checked: each has a name, and is
put right where a station's settings name it, never else.

All are seen in the field reports of other central systems [GK]; none was captured by us.
"""

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

_MOST_LEVELS = 16
_NO_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?")


def _utc_without_zone(key: str, value: Any) -> Any:
    """A time without a zone is in UTC."""
    is_time = key in ("timestamp", "currentTime", "expiryDate") and isinstance(value, str)
    return f"{value}Z" if is_time and _NO_ZONE.fullmatch(value) else value


def _values_as_numbers(key: str, value: Any) -> Any:
    """The value of a sample is a number, and should be a text."""
    if key == "value" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _registers_as_texts(key: str, value: Any) -> Any:
    """A register is a text or has a fraction, and should be a whole number."""
    if key not in ("meterStart", "meterStop"):
        return value
    try:
        return round(float(value)) if isinstance(value, str | float) else value
    except (ValueError, OverflowError):
        return value


FAULTS: Mapping[str, Callable[[str, Any], Any]] = MappingProxyType(
    {
        "utc_without_zone": _utc_without_zone,
        "values_as_numbers": _values_as_numbers,
        "registers_as_texts": _registers_as_texts,
    }
)
"""What can be named."""


def put_right(payload: Any, faults: Collection[str]) -> Any:
    """``payload`` without the ``faults`` that are named; a new one where something was wrong."""
    menders = [FAULTS[name] for name in faults]
    return _walk(payload, "", menders, 0) if menders else payload


def _walk(value: Any, key: str, menders: list[Callable[[str, Any], Any]], level: int) -> Any:
    if level > _MOST_LEVELS:
        return value
    if isinstance(value, dict):
        return {name: _walk(one, name, menders, level + 1) for name, one in value.items()}
    if isinstance(value, list):
        return [_walk(one, key, menders, level + 1) for one in value]
    for mend in menders:
        value = mend(key, value)
    return value
