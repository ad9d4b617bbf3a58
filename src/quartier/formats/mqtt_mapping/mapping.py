"""A mapping: which topics, where in the payload the meter, the instant and the values stand.

Data that an installer edits; nothing in it is ever run. The description for people is
docs/guides/mqtt.md.
"""

import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from quartier.core.kernel.obis import NotObis, Obis

UNITS = {
    "Wh": ("Wh", Decimal(1)),
    "kWh": ("Wh", Decimal(1000)),
    "MWh": ("Wh", Decimal(1_000_000)),
    "l": ("l", Decimal(1)),
    "m3": ("l", Decimal(1000)),
    "W": ("W", Decimal(1)),
    "kW": ("W", Decimal(1000)),
}
"""Base unit and factor of each unit; energy and volume are registers, W is power."""
TIMES = ("arrival", "epoch_s", "epoch_ms", "iso")
PAYLOADS = ("json", "number")
MOST_BYTES = 16_384
MOST_VALUES = 64
MOST_METERS = 500
_LEVEL = re.compile(r"[^/+#\x00{}]{1,100}|\{[a-z][a-z0-9_]{0,20}\}")
_PATH = re.compile(r"[^.\x00]{1,60}(\.[^.\x00]{1,60}){0,9}")
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:*\-]{0,62}")
_MOST_LEVELS = 12


class BadMapping(ValueError):
    """It cannot be used; one sentence that names the place."""


@dataclass(frozen=True, slots=True)
class ValueMap:
    """The number at ``path`` (empty: the payload itself) is ``obis``, in ``unit`` after times
    ``scale``."""

    path: str
    obis: Obis
    unit: str
    scale: Decimal = Decimal(1)

    @property
    def base(self) -> str:
        """Wh, l or W."""
        return UNITS[self.unit][0]

    @property
    def factor(self) -> Decimal:
        """What the number is multiplied by to be in the base unit."""
        return self.scale * UNITS[self.unit][1]


@dataclass(frozen=True, slots=True)
class Mapping:
    """``levels`` of the topic, a name in braces for what may differ. ``meter`` is a text with names
    of the topic or paths of the payload in braces; ``meters`` gives some of what comes out another
    name. ``rows`` is the path of a list of objects, each read by itself; empty: the payload is
    one. ``time_path`` counts within a row."""

    levels: tuple[str, ...]
    payload: str
    meter: str
    values: tuple[ValueMap, ...]
    meters: dict[str, str]
    rows: str = ""
    time: str = "arrival"
    time_path: str = ""

    @property
    def topic(self) -> str:
        """What to subscribe to."""
        return "/".join("+" if level.startswith("{") else level for level in self.levels)


def read_mapping(text: str) -> Mapping:
    """The mapping in the JSON ``text``; raises :class:`BadMapping`."""
    if len(text.encode()) > MOST_BYTES:
        raise BadMapping(f"the mapping is longer than {MOST_BYTES // 1024} KiB")
    try:
        raw = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, ArithmeticError, RecursionError) as problem:
        at = problem.lineno if isinstance(problem, json.JSONDecodeError) else 1
        raise BadMapping(f"the mapping is not JSON at line {at}") from None
    fields = _object(
        raw,
        "the mapping",
        ("topic", "meter", "values"),
        ("payload", "rows", "time", "time_path", "meters"),
    )
    payload = _one_of(fields.get("payload", "json"), PAYLOADS, "payload")
    time = _one_of(fields.get("time", "arrival"), TIMES, "time")
    time_path = _path(fields.get("time_path", ""), "time_path")
    if (time == "arrival") != (not time_path):
        raise BadMapping("time_path is the place of the time, and is left out for arrival")
    values = _values(fields["values"], payload)
    return Mapping(
        _levels(fields["topic"]),
        payload,
        _text(fields["meter"], "meter", 200),
        values,
        _meters(fields.get("meters", {})),
        _path(fields.get("rows", ""), "rows"),
        time,
        time_path,
    )


def _levels(raw: Any) -> tuple[str, ...]:
    levels = tuple(_text(raw, "topic", 500).split("/"))
    names = [level for level in levels if level.startswith("{")]
    if len(levels) > _MOST_LEVELS or len(set(names)) < len(names):
        raise BadMapping(f"topic has more than {_MOST_LEVELS} levels, or a name twice")
    for level in levels:
        if not _LEVEL.fullmatch(level):
            raise BadMapping(f"topic: {level!r:.60} is no level; write {{name}} for what differs")
    return levels


def _values(raw: Any, payload: str) -> tuple[ValueMap, ...]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_VALUES:
        raise BadMapping(f"values is not a list of 1 to {MOST_VALUES}")
    found = tuple(_value(one, f"value {number}") for number, one in enumerate(raw, 1))
    if payload == "number" and (len(found) > 1 or found[0].path):
        raise BadMapping("a payload that is a number has one value, without a path")
    codes = [one.obis for one in found]
    if len(set(codes)) < len(codes):
        raise BadMapping("values: two have the same OBIS code")
    return found


def _value(raw: Any, where: str) -> ValueMap:
    fields = _object(raw, where, ("obis", "unit"), ("path", "scale"))
    unit = _one_of(fields["unit"], tuple(UNITS), f"{where}: unit")
    try:
        obis = Obis.parse(_text(fields["obis"], f"{where}: obis", 30))
    except NotObis as problem:
        raise BadMapping(f"{where}: {problem}") from None
    try:
        scale = Decimal(str(fields.get("scale", 1)))
    except InvalidOperation:
        raise BadMapping(f"{where}: scale is not a number") from None
    if not scale.is_finite() or not scale or abs(scale.adjusted()) > 9:
        raise BadMapping(f"{where}: scale is not a number that can be meant")
    return ValueMap(_path(fields.get("path", ""), f"{where}: path"), obis, unit, scale)


def _meters(raw: Any) -> dict[str, str]:
    if not isinstance(raw, dict) or len(raw) > MOST_METERS:
        raise BadMapping(f"meters is not an object of at most {MOST_METERS}")
    for name, ref in raw.items():
        if len(name) > 200 or not isinstance(ref, str) or not _NAME.fullmatch(ref):
            raise BadMapping(f"meters: {name!r:.60} has no name of a meter")
    return dict(raw)


def _object(
    raw: Any, where: str, names: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise BadMapping(f"in the mapping {where} is not an object")
    if missing := [name for name in names if name not in raw]:
        raise BadMapping(f"{where} lacks the field {missing[0]}")
    if unknown := sorted(raw.keys() - set(names) - set(optional)):
        raise BadMapping(f"{where} has a field {unknown[0]!r:.40} that no mapping knows")
    return raw


def _one_of(raw: Any, words: tuple[str, ...], where: str) -> str:
    if not isinstance(raw, str) or raw not in words:
        raise BadMapping(f"in the mapping {where} is none of {', '.join(words)}")
    return raw


def _text(raw: Any, where: str, most: int) -> str:
    if not isinstance(raw, str) or not 0 < len(raw) <= most or not raw.isprintable():
        raise BadMapping(f"in the mapping {where} is not a text of 1 to {most} characters")
    return raw


def _path(raw: Any, where: str) -> str:
    if not isinstance(raw, str) or (raw and not (_PATH.fullmatch(raw) and raw.isprintable())):
        raise BadMapping(f"{where} is not a path such as data.energy or list.0")
    return raw


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)
