"""A TOML text to a site file, with every fault of form: unknown keys, wrong types, wrong words."""

import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

from quartier.formats.site_toml.faults import Fault, Faults, Path
from quartier.formats.site_toml.kinds import Unfit, type_name
from quartier.formats.site_toml.positions import lines_of
from quartier.formats.site_toml.tree import Key, SiteFile, keys_of

LARGEST_BYTES = 8 * 1024 * 1024
_MOST_DOTS = 500  # reading a dotted key takes time by the square of its parts
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)")


@dataclass(frozen=True)
class Parsed:
    """What was read. ``tree`` is None only where the text is not TOML; with faults it may have
    None in place of values, and must not be loaded."""

    tree: SiteFile | None
    faults: Faults


def parse(data: bytes) -> Parsed:
    """The site file in ``data``, with every fault of its form."""
    if len(data) > LARGEST_BYTES:
        return _broken(
            1, 1, "the file is larger than 8 MiB, the most that a site file has.", "Split the site."
        )
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2]) + 1
        return _broken(line, column, "the text is not UTF-8.", "Save the file as UTF-8.")
    for number, one in enumerate(text.split("\n"), 1):
        if one.count(".") > _MOST_DOTS:
            return _broken(number, 1, f"the line has more than {_MOST_DOTS} dots.", "Break it.")
    try:
        raw = tomllib.loads(text, parse_float=_number)
        lines = lines_of(text)
    except tomllib.TOMLDecodeError as error:
        return _not_toml(text, str(error))
    except RecursionError:
        return _broken(1, 1, "the text is nested too deeply.")
    except ValueError as error:  # an integer of thousands of digits
        return _broken(1, 1, f"the text is not TOML: {error}.")
    faults = Faults(lines)
    tree = _table(SiteFile, raw, (), faults)
    assert isinstance(tree, SiteFile)
    return Parsed(tree, faults)


def _number(text: str) -> Decimal:
    """A number with a point or exponent, digit by digit; NaN, which no kind accepts, where its
    exponent is beyond all reach."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def _not_toml(text: str, message: str) -> Parsed:
    place = _PLACE.search(message)
    reason = _PLACE.sub("", message)
    if place is not None and place[1]:
        line, column = int(place[1]), int(place[2])
    else:
        line = text.count("\n") + 1
        column = len(text.rpartition("\n")[2]) + 1
    return _broken(line, column, f"this is not TOML: {reason[:200]}.")


def _broken(line: int, column: int, message: str, remedy: str = "") -> Parsed:
    faults = Faults({})
    faults._found.append(Fault(line, column, "", message, remedy))
    return Parsed(None, faults)


def _table(cls: type, raw: dict[str, Any], path: Path, faults: Faults) -> Any:
    keys = keys_of(cls)
    known = {key.name: field for field, key in keys.items()}
    for name in raw:
        if name not in known:
            close = get_close_matches(name[:60], known, n=1)
            remedy = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}."
            faults.add((*path, name), f"there is no key {name[:60]!r} here.", remedy)
    values: dict[str, Any] = {"path": path}
    for field, key in keys.items():
        values[field] = _value(key, raw, path, faults)
    return cls(**values)


def _value(key: Key, raw: dict[str, Any], path: Path, faults: Faults) -> Any:
    here = (*path, key.name)
    if key.name not in raw:
        if not key.is_required:
            return key.default
        what = "the table" if key.table else "the key"
        faults.add(path, f"{what} {key.name!r} is missing.", "Add it.")
        return None
    value = raw[key.name]
    if key.table is None:
        assert key.kind is not None, "a key has a kind or a table"
        try:
            return key.kind.read(value)
        except Unfit as reason:
            faults.add(here, str(reason), reason.remedy)
            return None
    if not key.is_list:
        if isinstance(value, dict):
            return _table(key.table, value, here, faults)
        faults.add(here, f"must be a table, not {type_name(value)}.", f"Write [{key.name}].")
        return None
    if not isinstance(value, list):
        remedy = f"Write [[{key.name}]]." if not key.is_inline else "Put it in [ ]."
        faults.add(here, f"must be a list of tables, not {type_name(value)}.", remedy)
        return ()
    found = []
    for index, one in enumerate(value):
        if isinstance(one, dict):
            found.append(_table(key.table, one, (*here, index), faults))
        else:
            faults.add((*here, index), f"must be a table, not {type_name(one)}.", "Put it in { }.")
    return tuple(found)
