"""One message by a mapping. What cannot be understood is said, and never guessed."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from quartier.core.kernel.obis import Obis
from quartier.formats.mqtt_mapping.mapping import Mapping, ValueMap

MOST_BYTES = 65_536
MOST_ROWS = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_END = datetime(2100, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:*\-]{0,62}")
_BRACES = re.compile(r"\{([^{}]{1,200})\}")
_MOST_DIGITS = 18


class BadMessage(ValueError):
    """Nothing of the message is used; one sentence that names the place."""


@dataclass(frozen=True, slots=True)
class Told:
    """``meter`` showed ``value`` in Wh, l or W (``unit``) as ``obis`` at ``at``."""

    meter: str
    obis: Obis
    unit: str
    at: datetime
    value: Decimal


def translate(mapping: Mapping, topic: str, payload: bytes, received_at: datetime) -> list[Told]:
    """What the message says, all or nothing; raises :class:`BadMessage`."""
    names = _names(mapping, topic)
    if len(payload) > MOST_BYTES:
        raise BadMessage(f"the payload has more than {MOST_BYTES // 1024} KiB")
    content = _content(mapping, payload)
    if not mapping.rows:
        return _row(mapping, names, content, received_at)
    rows = _at(content, mapping.rows)
    if not isinstance(rows, list) or len(rows) > MOST_ROWS:
        raise BadMessage(f"in the message {mapping.rows} is not a list of at most {MOST_ROWS}")
    return [told for row in rows for told in _row(mapping, names, row, received_at)]


def _names(mapping: Mapping, topic: str) -> dict[str, str]:
    levels = topic.split("/")
    if len(levels) != len(mapping.levels):
        raise BadMessage("the topic is not one of the mapping")
    names = {}
    for level, wanted in zip(levels, mapping.levels, strict=True):
        if wanted.startswith("{"):
            names[wanted[1:-1]] = level
        elif level != wanted:
            raise BadMessage("the topic is not one of the mapping")
    return names


def _content(mapping: Mapping, payload: bytes) -> Any:
    try:
        text = payload.decode("utf-8")
        if mapping.payload == "number":
            return text.strip()
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, ArithmeticError, RecursionError):
        raise BadMessage("the payload is not JSON in UTF-8") from None


def _row(mapping: Mapping, names: dict[str, str], row: Any, received_at: datetime) -> list[Told]:
    said = _BRACES.sub(lambda found: _filled(found[1], names, row), mapping.meter)
    meter = mapping.meters.get(said, said)
    if not _NAME.fullmatch(meter):
        raise BadMessage(f"in the message {said!r:.60} is not the name of a meter")
    at = _time(mapping, row, received_at)
    return [Told(meter, one.obis, one.base, at, _number(one, row)) for one in mapping.values]


def _filled(name: str, names: dict[str, str], row: Any) -> str:
    if name in names:
        return names[name]
    value = _at(row, name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadMessage(f"in the message {name} names no meter")
    return str(value)


def _number(one: ValueMap, row: Any) -> Decimal:
    raw = _at(row, one.path) if one.path else row
    place = one.path or "the payload"
    if isinstance(raw, bool) or not isinstance(raw, int | str | Decimal):
        raise BadMessage(f"in the message {place} is not a number")
    if isinstance(raw, str):
        raw = raw.strip().removeprefix("[").removesuffix("]").strip()
    try:
        value = Decimal(raw) * one.factor
    except InvalidOperation:
        raise BadMessage(f"in the message {place} is not a number") from None
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or value.adjusted() >= 12 or exponent < -_MOST_DIGITS:
        raise BadMessage(f"in the message {place} is no number that can be meant")
    if value < 0 and one.base != "W":
        raise BadMessage(f"in the message {place} is below 0, and a counter never is")
    return value


def _time(mapping: Mapping, row: Any, received_at: datetime) -> datetime:
    if mapping.time == "arrival":
        return received_at
    raw = _at(row, mapping.time_path)
    try:
        if mapping.time == "iso":
            at = datetime.fromisoformat(raw)
        else:
            seconds = Decimal(raw) / (1000 if mapping.time == "epoch_ms" else 1)
            at = _EPOCH + timedelta(milliseconds=int(seconds * 1000))
    except (TypeError, ValueError, ArithmeticError):
        raise BadMessage(f"in the message {mapping.time_path} is not a time") from None
    if at.tzinfo is None:
        raise BadMessage(
            f"in the message {mapping.time_path} does not say in which time zone it is"
        )
    at = at.astimezone(UTC) if 1 < at.year < 9999 else _EPOCH
    if not _FIRST <= at < _END:
        raise BadMessage(f"in the message {mapping.time_path} is no time from 2000 to 2099")
    return at


def _at(content: Any, path: str) -> Any:
    """What stands at ``path``; a text that is JSON is looked into."""
    found = content
    for step in path.split("."):
        if isinstance(found, str):
            try:
                found = json.loads(found, parse_float=Decimal, parse_constant=_no_number)
            except (ValueError, ArithmeticError, RecursionError):
                raise BadMessage(f"in the message there is no {path}") from None
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif (
            isinstance(found, list)
            and step.isdecimal()
            and len(step) < 5
            and int(step) < len(found)
        ):
            found = found[int(step)]
        else:
            raise BadMessage(f"in the message there is no {path}")
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)
