"""Finds families by their folders and reads their files."""

import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import quartier.drivers as room
from quartier.drivers.fields import Table
from quartier.drivers.head import Head, read_head
from quartier.drivers.settings import BadSetting, Setting, chosen, examples, filled, read_settings
from quartier.formats.site_toml.faults import Fault, Faults
from quartier.formats.site_toml.positions import lines_of

FILE = "driver.toml"
LARGEST_BYTES = 256 * 1024
_MOST_DOTS = 500
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)")


_RENAMED = {"mbus": "mbus_meter"}
"""Drivers of connections that were made before their family had a folder."""


class NoSuchFamily(LookupError):
    """There is no family of that name, or its file cannot be used."""


@dataclass(frozen=True, slots=True)
class Family:
    """A family ready for use. ``part`` is what the package of its protocol read."""

    folder: Path
    head: Head
    settings: tuple[Setting, ...]
    part: Any

    @property
    def relays(self) -> int:
        """How many relays a device has; 0: it switches nothing."""
        return int(self.part.relays)

    @property
    def is_meter(self) -> bool:
        """Whether it is read at all; a module of relays is not."""
        return bool(self.part.is_meter)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file as read: the family only where it has no fault."""

    family: Family | None
    faults: tuple[Fault, ...]


@cache
def protocols() -> tuple[str, ...]:
    """The protocols that drivers can name: the packages beside this file."""
    return tuple(
        sorted(module.name for module in pkgutil.iter_modules(room.__path__) if module.ispkg)
    )


def folders() -> Iterator[Path]:
    """The folder of every family, in the order of their names."""
    for path in room.__path__:
        for file in sorted(Path(path).glob(f"*/{FILE}")):
            yield file.parent


def families() -> list[Family]:
    """Every family that comes with Quartier, its settings those of their examples; raises
    :class:`NoSuchFamily` for a broken file."""
    return [_sound(folder, load(folder)) for folder in folders()]


def family(name: str, given: Mapping[str, str] | None = None) -> Family:
    """The family whose folder is called ``name``, with the settings ``given``.

    Raises :class:`NoSuchFamily`, and :class:`~quartier.drivers.settings.BadSetting` for settings
    that it does not have or that do not fit.
    """
    for folder in folders():
        if folder.name == key_of(name):
            loaded = load(folder, given or {})
            if loaded.family is None and given and load(folder).family is not None:
                raise BadSetting(f"the settings do not fit: {loaded.faults[0].message[:-1]}")
            return _sound(folder, loaded)
    known = ", ".join(folder.name for folder in folders())
    raise NoSuchFamily(f"there is no driver {name!r}; there are: {known}")


def key_of(name: str) -> str:
    """The folder of the driver that a connection calls ``name``."""
    return _RENAMED.get(name, name)


def _sound(folder: Path, loaded: Loaded) -> Family:
    if loaded.family is None:
        first = loaded.faults[0].in_file(str(folder / FILE))
        raise NoSuchFamily(f"the driver {folder.name} cannot be used: {first}")
    return loaded.family


def load(folder: Path, given: Mapping[str, str] | None = None) -> Loaded:
    """The family in ``folder``, with every fault of its file.

    ``given`` None: its settings are those of their examples, as when a file is checked. Raises
    OSError if there is no file, and BadSetting.
    """
    return parse((folder / FILE).read_bytes(), folder, given)


def parse(data: bytes, folder: Path, given: Mapping[str, str] | None = None) -> Loaded:
    """The family in ``data``, the content of ``folder``'s file."""
    if len(data) > LARGEST_BYTES:
        return _broken(1, "the file is larger than 256 KiB.")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        if any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
            return _broken(1, f"a line has more than {_MOST_DOTS} dots.")
        raw = tomllib.loads(text, parse_float=_number)
        lines = lines_of(text)
    except UnicodeDecodeError as error:
        return _broken(data[: error.start].count(b"\n") + 1, "the text is not UTF-8.")
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        return _broken(line, f"this is not TOML: {_PLACE.sub('', str(error))[:200]}.")
    except RecursionError:
        return _broken(1, "the text is nested too deeply.")
    except ValueError as error:  # an integer of thousands of digits
        return _broken(1, f"the text is not TOML: {error}.")
    return _read(raw, folder, given, Faults(lines))


def _read(
    raw: dict[str, Any], folder: Path, given: Mapping[str, str] | None, faults: Faults
) -> Loaded:
    settings = read_settings(Table(raw, (), faults))
    values = examples(settings) if given is None else chosen(settings, given)
    table = Table(filled(raw, values), (), faults)
    head = read_head(folder.name, table, protocols())
    part = importlib.import_module(f"quartier.drivers.{head.protocol}.part").read_part(head, table)
    table.done(["setting"])
    family = Family(folder, head, settings, part)
    return Loaded(None if faults.has_errors else family, faults.found)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def _broken(line: int, message: str) -> Loaded:
    return Loaded(None, (Fault(line, 0, "", message),))
