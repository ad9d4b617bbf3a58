"""Reads the JSON objects of the uplink strictly: every field is known, of its type and in bounds.

Base only: no NumPy.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from quartier.core.kernel.period import utc

VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = 31_536_000_000  # 1971: before is a clock that was never set
_END_MS = 4_102_444_800_000  # 2100
_MOST_LINES = 64
_WORD = re.compile(r"[a-z][a-z0-9_]{0,62}")


class BadMessage(ValueError):
    """The bytes are not the message that they should be; nothing of them may be used. The text
    names the place."""


def encoded(content: dict[str, Any]) -> bytes:
    """Canonical JSON: keys in order, no spaces, UTF-8."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def message(
    data: bytes, most_bytes: int, fields: Sequence[str], optional: Sequence[str] = ()
) -> "Fields":
    """The object in ``data``, its version checked; raises :class:`BadMessage`."""
    if len(data) > most_bytes:
        raise BadMessage(f"{len(data)} bytes are more than {most_bytes}")
    try:
        content = json.loads(
            data.decode(),
            parse_float=_no_float,
            parse_constant=_no_float,
            object_pairs_hook=_no_field_twice,
        )
    except (ValueError, RecursionError) as problem:
        why = problem if isinstance(problem, BadMessage) else "it is not JSON"
        raise BadMessage(f"{why}") from None
    found = Fields(content, "it", ("version", *fields), optional)
    version = found.raw["version"]
    if type(version) is not int or version != VERSION:
        raise BadMessage(f"version {version!r:.40} is not known; this program reads {VERSION}")
    return found


def milliseconds(instant: datetime) -> int:
    """Since 1970, as the wire has it."""
    return (utc(instant) - _EPOCH) // _MILLISECOND


class Fields:
    """The fields of one object: exactly ``names``, and those of ``optional`` that are there."""

    def __init__(
        self, raw: Any, where: str, names: Sequence[str], optional: Sequence[str] = ()
    ) -> None:
        if not isinstance(raw, dict):
            raise BadMessage(f"{where} is not an object")
        if missing := [name for name in names if name not in raw]:
            raise BadMessage(f"{where} has no {', '.join(missing)}")
        if unknown := sorted(raw.keys() - set(names) - set(optional)):
            raise BadMessage(f"{where} has a field {unknown[0]!r:.40} that is not known")
        self.raw: dict[str, Any] = raw
        self.where = where

    def whole(self, name: str, least: int, most: int = (1 << 63) - 1) -> int:
        value = self.raw[name]
        if type(value) is not int or not least <= value <= most:
            raise BadMessage(f"{self.where}: {name} is not a whole number from {least} to {most}")
        return value

    def instant(self, name: str) -> datetime:
        value = self.raw[name]
        if type(value) is not int or not _FIRST_MS <= value < _END_MS:
            raise BadMessage(f"{self.where}: {name} is no time from 1971 to 2099")
        return _EPOCH + value * _MILLISECOND

    def text(self, name: str, shape: re.Pattern[str], what: str) -> str:
        value = self.raw[name]
        if not isinstance(value, str) or not shape.fullmatch(value):
            raise BadMessage(f"{self.where}: {name} is not {what}")
        return value

    def line(self, name: str, most: int = 63) -> str:
        """A text of one line, which may be empty."""
        value = self.raw[name]
        if not isinstance(value, str) or len(value) > most or not value.isprintable():
            raise BadMessage(f"{self.where}: {name} is not a text of at most {most} characters")
        return value

    def flag(self, name: str) -> bool:
        value = self.raw[name]
        if not isinstance(value, bool):
            raise BadMessage(f"{self.where}: {name} is not true or false")
        return value

    def lines(self, name: str) -> dict[str, str]:
        """Texts of one line each, by names."""
        raw = self.raw[name]
        if not isinstance(raw, dict) or len(raw) > _MOST_LINES:
            raise BadMessage(f"{self.where}: {name} is not an object of at most {_MOST_LINES}")
        where = f"{self.where}, {name}"
        if wrong := [one for one in raw if not _WORD.fullmatch(one)]:
            raise BadMessage(f"{where}: {wrong[0]!r:.40} is not the name of a setting")
        values = Fields(raw, where, tuple(raw))
        return {one: values.line(one) for one in sorted(raw)}

    def one_of(self, name: str, words: Sequence[str]) -> str:
        value = self.raw[name]
        if not isinstance(value, str) or value not in words:
            raise BadMessage(f"{self.where}: {name} is none of {', '.join(words)}")
        return value

    def objects(
        self, name: str, most: int, called: str, names: Sequence[str], optional: Sequence[str] = ()
    ) -> Iterator["Fields"]:
        """The objects in a list, each ``called`` so with its number."""
        values = self.raw[name]
        if not isinstance(values, list) or len(values) > most:
            raise BadMessage(f"{self.where}: {name} is not a list of at most {most}")
        for number, one in enumerate(values, 1):
            yield Fields(one, f"{called} {number}", names, optional)


def _no_field_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadMessage("a field stands twice in an object")
    return found


def _no_float(text: str) -> NoReturn:
    raise BadMessage(f"{text[:40]} is not a whole number")
