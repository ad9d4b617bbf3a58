"""The kinds of value in a site file: read with a reason for what is refused, and written back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol

from quartier.core.kernel.money import NotMoney, amount_of

_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
# With the two that are no characters: XML cannot hold them, so no invoice could be sent.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
FIRST_DATE, LAST_DATE = date(1950, 1, 1), date(2200, 1, 1)
_DIGITS = 30
LANGUAGES = ("de", "fr", "it", "en")


class Unfit(Exception):
    """The value is not of its kind; the text says why, ``remedy`` what to write."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class Kind(Protocol):
    """One kind of value."""

    def read(self, value: Any) -> Any:
        """The value as the program uses it; raises :class:`Unfit`."""

    def write(self, value: Any) -> str:
        """The value as TOML."""


def type_name(value: Any) -> str:
    """What TOML calls the type of ``value``."""
    names = {bool: "true or false", str: "a text", int: "a whole number", Decimal: "a number"}
    names |= {date: "a date", datetime: "a date with time", list: "a list", dict: "a table"}
    return names.get(type(value), f"a {type(value).__name__}")


def _shown(value: Any) -> str:
    return repr(value[:60]) if isinstance(value, str) else type_name(value)


def quoted(text: str) -> str:
    """``text`` as a TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = _CONTROL.sub(lambda match: f"\\u{ord(match.group()):04x}", escaped)
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class Text:
    """A text of one line."""

    longest: int
    shortest: int = 0

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit(f"must be a text, not {type_name(value)}.", "Put it in quotes.")
        text = " ".join(value.split(" ")).strip()
        if _CONTROL.search(text):
            raise Unfit("must be one line without control characters.")
        if len(text) < self.shortest:
            raise Unfit("must not be empty.")
        if len(text) > self.longest:
            raise Unfit(f"has {len(text)} characters; {self.longest} are possible.", "Shorten it.")
        return text

    def write(self, value: str) -> str:
        return quoted(value)


@dataclass(frozen=True, slots=True)
class Matching(Text):
    """A text of one form."""

    pattern: re.Pattern[str] = _REF
    remedy: str = ""

    def read(self, value: Any) -> str:
        text = Text.read(self, value)
        if text and self.pattern.fullmatch(text) is None:
            raise Unfit(f"cannot be {text!r}.", self.remedy)
        return text


REF = Matching(
    63,
    1,
    _REF,
    "Use letters, digits, dot, dash and underscore; begin with a letter or digit.",
)
EMAIL = Matching(254, 0, _EMAIL, "Write an e-mail address, e.g. anna@example.ch.")
MAC = Matching(
    17,
    0,
    re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}"),
    'Write twelve digits in capitals, e.g. "00:1E:42:0A:0B:0C".',
)
COUNTRY = Matching(2, 2, re.compile(r"[A-Z]{2}"), 'Write two capitals, e.g. "CH".')
CURRENCY = Matching(3, 3, re.compile(r"CHF|EUR"), 'Write "CHF" or "EUR".')


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Unfit(f"must be true or false, not {type_name(value)}.", "Write it bare.")
        return value

    def write(self, value: bool) -> str:
        return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""

    least: int = 0
    most: int = 2_000_000_000

    def read(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unfit(f"must be a whole number, not {type_name(value)}.")
        if not self.least <= value <= self.most:
            raise Unfit(f"must be from {self.least} to {self.most}.")
        return value

    def write(self, value: int) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Exact:
    """An exact decimal number; ``"0.2450"`` and 0.2450 are read digit by digit, never as a
    binary float."""

    least: Decimal | None = None
    most: Decimal = Decimal(1_000_000_000)
    places: int = 12

    def read(self, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise Unfit(f"must be a number, not {type_name(value)}.")
        try:
            number = amount_of(value)
        except NotMoney:
            remedy = 'Write it with a point, e.g. "0.2450".'
            raise Unfit(f"{str(value)[:60]!r} is not a number.", remedy) from None
        low, high = self.least, self.most
        if number.copy_abs() > high or (low is not None and number < low):
            raise Unfit(f"must be {f'from {low} ' if low is not None else ''}up to {high}.")
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int), "amount_of gives finite numbers"
        if -exponent > self.places:
            raise Unfit(f"has more than {self.places} decimals.")
        return number if number else Decimal(0)

    def write(self, value: Decimal) -> str:
        return quoted(format(value, "f"))


@dataclass(frozen=True, slots=True)
class Day:
    """A local date."""

    def read(self, value: Any) -> date:
        if isinstance(value, datetime) or not isinstance(value, date):
            raise Unfit(
                f"must be a date, not {type_name(value)}.", "Write 2025-01-01, without quotes."
            )
        return _reachable(value)

    def write(self, value: date) -> str:
        return value.isoformat()


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant with its offset from UTC, or a local date: its midnight."""

    def read(self, value: Any) -> date | datetime:
        remedy = "Write 2025-01-01 for local midnight, or 2025-01-01T10:30:00+01:00."
        if not isinstance(value, date):
            raise Unfit(f"must be a date or a time with offset, not {type_name(value)}.", remedy)
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise Unfit("has no offset from UTC, so it is not one instant.", remedy)
            _reachable(value.date())
            return value.astimezone(UTC)
        return _reachable(value)

    def write(self, value: date | datetime) -> str:
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return value.isoformat()


def _reachable(day: date) -> date:
    if not FIRST_DATE <= day < LAST_DATE:
        raise Unfit(f"{day} is out of reach.", f"Write a date from {FIRST_DATE} to {LAST_DATE}.")
    return day


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise Unfit(f"cannot be {_shown(value)}.", f"One of: {', '.join(self.words)}.")
        return value

    def write(self, value: str) -> str:
        return quoted(value)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one kind."""

    kind: Kind

    def read(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Unfit(f"must be a list, not {type_name(value)}.", "Put it in [ ].")
        return tuple(self.kind.read(one) for one in value)

    def write(self, value: Sequence[Any]) -> str:
        return "[" + ", ".join(self.kind.write(one) for one in value) + "]"


@dataclass(frozen=True, slots=True)
class Label:
    """A text, or a table of texts by language; as sorted pairs, "" for all languages."""

    longest: int = 120

    def read(self, value: Any) -> tuple[tuple[str, str], ...]:
        text = Text(self.longest, 1)
        if not isinstance(value, dict):
            return (("", text.read(value)),)
        for language in value:
            if language not in LANGUAGES:
                raise Unfit(f"has no language {language!r}.", f"One of: {', '.join(LANGUAGES)}.")
        if not value:
            raise Unfit("is empty.")
        return tuple(sorted((language, text.read(one)) for language, one in value.items()))

    def write(self, value: Sequence[tuple[str, str]]) -> str:
        texts = dict(value)
        if set(texts) == {""}:
            return quoted(texts[""])
        pairs = ", ".join(f"{language} = {quoted(text)}" for language, text in sorted(value))
        return "{ " + pairs + " }"


@dataclass(frozen=True, slots=True)
class TableOf:
    """A table of one kind under free keys, as sorted pairs."""

    kind: Kind
    keys: tuple[str, ...] = ()

    def read(self, value: Any) -> tuple[tuple[str, Any], ...]:
        if not isinstance(value, dict):
            raise Unfit(f"must be a table, not {type_name(value)}.", "Put it in { }.")
        for key in value:
            if self.keys and key not in self.keys:
                raise Unfit(f"has no key {key!r}.", f"One of: {', '.join(self.keys)}.")
        return tuple(sorted((key, self.kind.read(one)) for key, one in value.items()))

    def write(self, value: Sequence[tuple[str, Any]]) -> str:
        pairs = ", ".join(f"{bare_or_quoted(key)} = {self.kind.write(one)}" for key, one in value)
        return "{ " + pairs + " }" if pairs else "{}"


@dataclass(frozen=True, slots=True)
class Parameters:
    """A table of words, numbers and flags, as plain JSON: decimal numbers become text."""

    def read(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Unfit(f"must be a table, not {type_name(value)}.")
        plain = _plain(value)
        assert isinstance(plain, dict)
        return plain

    def write(self, value: Mapping[str, Any]) -> str:
        return _toml(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, Decimal):
        if not value.is_finite() or not -_DIGITS < value.adjusted() < _DIGITS:
            raise Unfit("holds a number that is out of reach.")
        return format(value, "f")
    if isinstance(value, str | bool | int):
        return value
    raise Unfit(f"cannot hold {type_name(value)}.", "Use texts, numbers, true or false.")


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{bare_or_quoted(key)} = {_toml(one)}" for key, one in value.items())
        return "{ " + pairs + " }" if pairs else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else quoted(str(value))


def bare_or_quoted(key: str) -> str:
    """``key`` as TOML writes it."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key, re.ASCII) else quoted(key)
