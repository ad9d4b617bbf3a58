"""How a grid operator's table is to be read: a TOML file (docs/guides/import.md lists the keys)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from typing import Any

from quartier.core.kernel.period import UnknownTimezone, timezone_of
from quartier.core.kernel.quality import Quality, quality_of

Column = str | int
"""A column by its title (``*`` at the end: titles that begin so) or by its number from 1."""

_CHOICES = {
    "format": ("csv", "xlsx"),
    "encoding": ("utf-8", "windows-1252"),
    "decimal": (".", ","),
    "layout": ("long", "wide", "dates"),
    "stamp": ("start", "end"),
    "unit": ("kWh", "Wh", "MWh", "kW"),
    "empty": ("gap", "zero"),
    "sign": ("positive", "export-negative", "net"),
    "repeated_hour": ("", "in-order"),
    "dst": ("", "actual", "empty", "doubled"),
}
_COLUMNS = {"meter", "timestamp", "date", "time", "value", "direction", "quality", "import",
            "export", "first"}  # fmt: skip


LONGEST = 64 * 1024
_MOST_DOTS = 500  # reading a dotted key takes time by the square of its parts


class BadProfile(ValueError):
    """The profile cannot be used."""


@dataclass(frozen=True)
class Profile:
    """One way of reading a table."""

    name: str
    title: str = ""
    format: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    sheet: str = ""
    skip_rows: int = 0
    """Rows before the header."""
    header: bool = True
    layout: str = "long"
    """``long``: a row an interval; ``wide``: a row a day; ``dates``: a row an interval, with a
    date but no time, in order."""
    timezone: str = "local"
    """``local`` (of the site), ``utc`` or a name; a timestamp with an offset needs none."""
    stamp: str = "start"
    timestamp_format: str = "iso"
    unit: str = "kWh"
    empty: str = "gap"
    """What an empty cell means."""
    empty_pair: str = ""
    """``zero``: where import and export are netted, the empty one of the two is 0."""
    sign: str = "positive"
    """``export-negative``: exports are written with a minus; ``net``: of the one value column a
    minus is export."""
    repeated_hour: str = ""
    """``in-order``: the hour that comes twice in autumn stands there twice, summer time first."""
    dst: str = ""
    """Of a wide table, on the days of a clock change: ``actual`` 92 or 100 values, ``empty`` 96
    with the skipped hour empty and the repeated one once, ``doubled`` 96 with the repeated
    hour's two values added up."""
    direction: str = "import"
    """Of the value column, where no column says it."""
    meter: str = ""
    columns: Mapping[str, Column] = field(default_factory=dict)
    directions: Mapping[str, str] = field(default_factory=dict)
    qualities: Mapping[str, Quality] = field(default_factory=dict)


def profile_of(text: str, name: str) -> Profile:
    """The profile in the TOML ``text``; raises :class:`BadProfile` that names the key."""
    if len(text) > LONGEST:
        raise BadProfile(f"profile {name}: it is longer than {LONGEST // 1024} KiB")
    if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        raise BadProfile(f"profile {name}: a line has more than {_MOST_DOTS} dots")
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise BadProfile(f"profile {name}: the text is nested too deeply") from None
    except ValueError as error:  # also an integer of thousands of digits
        raise BadProfile(f"profile {name}: {error}") from None
    known = {one.name: one for one in fields(Profile)}
    for key, value in data.items():
        if key not in known or key == "name":
            raise BadProfile(f"profile {name}: there is no key {key!r}; one of: {_words(known)}")
        _check(name, key, value)
    data["qualities"] = {
        word: _quality(name, quality) for word, quality in data.get("qualities", {}).items()
    }
    for word, direction in data.get("directions", {}).items():
        if direction not in ("import", "export"):
            raise BadProfile(f"profile {name}: directions.{word} is neither import nor export")
    profile = Profile(name=name, **data)
    _check_whole(profile)
    return profile


def shipped_profiles() -> dict[str, Profile]:
    """The profiles that come with Quartier, by name."""
    folder = files("quartier.formats.load_curve") / "profiles"
    found = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")),
                   key=lambda item: item.name)  # fmt: skip
    return {
        item.name.removesuffix(".toml"): profile_of(
            item.read_text(encoding="utf-8"), item.name.removesuffix(".toml")
        )
        for item in found
    }


def _words(names: Any) -> str:
    return ", ".join(sorted(set(names) - {"name"}))


def _check(name: str, key: str, value: object) -> None:
    kinds: dict[str, type] = {
        "skip_rows": int,
        "header": bool,
        "columns": dict,
        "directions": dict,
        "qualities": dict,
    }
    kind = kinds.get(key, str)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadProfile(f"profile {name}: {key} must be of type {kind.__name__}")
    if key in _CHOICES and value not in _CHOICES[key]:
        words = ", ".join(repr(word) for word in _CHOICES[key])
        raise BadProfile(f"profile {name}: {key} is {value!r}; one of {words}")
    if key == "columns":
        assert isinstance(value, dict)
        for column, place in value.items():
            if column not in _COLUMNS:
                raise BadProfile(
                    f"profile {name}: there is no columns.{column}; one of: {_words(_COLUMNS)}"
                )
            is_number = isinstance(place, int) and not isinstance(place, bool) and place >= 1
            if not is_number and not (isinstance(place, str) and place):
                raise BadProfile(f"profile {name}: columns.{column} is a title or a number from 1")


def _quality(name: str, word: object) -> Quality:
    try:
        return quality_of(str(word))
    except ValueError as error:
        raise BadProfile(f"profile {name}: {error}") from None


def _check_whole(profile: Profile) -> None:
    columns, where = profile.columns, f"profile {profile.name}"
    if len(profile.delimiter) != 1:
        raise BadProfile(f"{where}: delimiter must be one character")
    if profile.delimiter == profile.decimal and profile.format == "csv":
        raise BadProfile(f"{where}: delimiter and decimal are the same character")
    if profile.thousands and profile.thousands in (profile.decimal, profile.delimiter):
        raise BadProfile(f"{where}: thousands is the same character as decimal or delimiter")
    if profile.timezone not in ("local", "utc"):
        try:
            timezone_of(profile.timezone)
        except UnknownTimezone as error:
            raise BadProfile(f"{where}: {error}") from None
    if profile.skip_rows < 0:
        raise BadProfile(f"{where}: skip_rows is negative")
    if profile.direction not in ("import", "export"):
        raise BadProfile(f"{where}: direction is neither import nor export")
    if profile.empty_pair not in ("", "zero"):
        raise BadProfile(f"{where}: empty_pair is neither 'zero' nor left out")
    if not profile.header and any(isinstance(place, str) for place in columns.values()):
        raise BadProfile(f"{where}: without a header columns are numbers")
    if profile.layout == "wide":
        needed = {"date", "first"}
    else:
        if not columns.keys() & {"value", "import", "export"}:
            raise BadProfile(f"{where}: columns needs value, import or export")
        if "value" in columns and columns.keys() & {"import", "export"}:
            raise BadProfile(f"{where}: columns has value and import or export; choose one")
        is_split = "date" in columns and "time" in columns
        needed = {"date"} if profile.layout == "dates" else set()
        if profile.layout == "long" and not is_split and "timestamp" not in columns:
            raise BadProfile(f"{where}: columns needs timestamp, or date and time")
    if missing := needed - columns.keys():
        raise BadProfile(f"{where}: columns needs {', '.join(sorted(missing))}")
    if "direction" in columns and not profile.directions:
        raise BadProfile(f"{where}: columns.direction needs a table of directions")
    if profile.sign == "net" and "value" not in columns and profile.layout != "wide":
        raise BadProfile(f"{where}: sign 'net' needs columns.value")
