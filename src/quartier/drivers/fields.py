"""Keys of a TOML table, read with their kind; every fault is kept with its place and remedy."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from quartier.formats.site_toml.faults import Faults, Path

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST_TEXT = 2000


class Table:
    """One table of the file. Each key is asked for by its kind; what was not asked for by
    :meth:`done` is a fault. A key with a fault reads as its default, or as a harmless stand-in,
    so that the rest of the file is checked too; a file with faults is never used."""

    def __init__(self, raw: dict[str, Any], path: Path, faults: Faults) -> None:
        self._raw, self.path, self.faults = raw, path, faults
        self._asked: dict[str, None] = {}

    def has(self, key: str) -> bool:
        """Whether the key stands in the table."""
        return key in self._raw

    def fault(self, key: str, message: str, remedy: str = "") -> None:
        """A fault of ``key``, or of the whole table where ``key`` is empty."""
        self.faults.add((*self.path, key) if key else self.path, message, remedy)

    def text(self, key: str, default: str | None = None) -> str:
        """A text of one line or more, not empty unless that is the default."""
        value: str = self._value(
            key, str, "a text", "" if default is None else default, default is None
        )
        if len(value) > _LONGEST_TEXT or not all(c.isprintable() or c == "\n" for c in value):
            self.fault(key, "has control characters or is too long.", "Write plain text.")
            return ""
        if not value.strip() and default is None and key in self._raw:
            self.fault(key, "is empty.", "Fill it in.")
        return value.strip()

    def name(self, key: str) -> str:
        """A short name: lower-case letters, digits, underscore."""
        value = self.text(key)
        if value and not _NAME.fullmatch(value):
            self.fault(key, f"{value!r} is no name.", "Use letters, digits and underscores.")
        return value

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """An integer from ``low`` to ``high``."""
        value: int = self._value(
            key, int, "a whole number", low if default is None else default, default is None
        )
        if not low <= value <= high:
            self.fault(key, f"{value} is not within {low} to {high}.")
            return low
        return value

    def number(self, key: str, default: Decimal | None = None) -> Decimal:
        """An exact number: an integer, or a decimal as it is written."""
        value = self._value(
            key,
            (int, Decimal),
            "a number",
            Decimal(0) if default is None else default,
            default is None,
        )
        number = Decimal(value)
        if not number.is_finite() or abs(number.adjusted()) > 30:
            self.fault(key, f"{number} is not a number that can be meant.")
            return Decimal(0)
        return number

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value: bool = self._value(key, bool, "true or false", default, False)
        return value

    def choice(self, key: str, words: Iterable[str], default: str | None = None) -> str:
        """One of ``words``."""
        known = list(words)
        value = self.text(key, default)
        if value in known:
            return value
        if key in self._raw and isinstance(self._raw[key], str):
            close = get_close_matches(value, known, n=1)
            remedy = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}."
            self.fault(key, f"{value[:60]!r} is not a choice here.", remedy)
        return known[0]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty where the key is missing."""
        return tuple(self._items(key, str, "texts"))

    def wholes(self, key: str) -> tuple[int, ...]:
        """A list of integers; empty where the key is missing."""
        return tuple(self._items(key, int, "whole numbers"))

    def tables(self, key: str, *, required: bool = False) -> Iterator["Table"]:
        """Each table under ``[[key]]``."""
        found = self._items(key, dict, "tables")
        if required and not found:
            self.fault("", f"there is no [[{key}]].", "Add one.")
        for index, raw in enumerate(found):
            yield Table(raw, (*self.path, key, index), self.faults)

    def table(self, key: str) -> "Table":
        """The table ``[key]``; an empty one where it is missing."""
        raw = self._value(key, dict, "a table", {}, False)
        return Table(raw, (*self.path, key), self.faults)

    def named_tables(self, key: str) -> Iterator[tuple[str, "Table"]]:
        """Each table ``[key.name]`` with its name."""
        outer = self.table(key)
        for name, raw in outer._raw.items():
            if isinstance(raw, dict):
                yield name, Table(raw, (*outer.path, name), self.faults)
            else:
                outer.fault(name, "must be a table.", f"Write [{key}.{name[:40]}].")

    def done(self, known: Iterable[str] = ()) -> None:
        """Every key has been asked for: others, beside ``known``, are faults."""
        names = [*self._asked, *known]
        for key in self._raw:
            if key not in names:
                close = get_close_matches(key[:60], names, n=1)
                remedy = (
                    f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(names)}."
                )
                self.fault(key, f"there is no key {key[:60]!r} here.", remedy)

    def _value(self, key: str, kinds: Any, what: str, default: Any, required: bool) -> Any:
        self._asked[key] = None
        if key not in self._raw:
            if required:
                self.fault("", f"the key {key!r} is missing.", "Add it.")
            return default
        value = self._raw[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            self.fault(key, f"must be {what}.")
            return default
        return value

    def _items(self, key: str, kind: type, what: str) -> list[Any]:
        found = self._value(key, list, f"a list of {what}", [], False)
        good = []
        for index, item in enumerate(found):
            if isinstance(item, kind) and not (isinstance(item, bool) and kind is not bool):
                good.append(item)
            else:
                self.faults.add((*self.path, key, index), f"must be one of {what}.")
        return good
