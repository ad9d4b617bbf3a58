"""Settings of a family: what an installer fills in, such as the registers of a generic meter.

In ``driver.toml`` a value ``"$name"`` stands for the setting ``name``. A register whose setting
was left empty is left out. The file is checked with the example of each setting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from quartier.drivers.fields import Table

HIDDEN = "hidden"
"""Kind of a setting that says how to get in, not what is read there; it is not shown."""
KINDS = ("whole", "number", "text", HIDDEN)
Value = int | Decimal | str


class BadSetting(ValueError):
    """A setting that the family does not have, or whose value does not fit."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``default`` None: it has none; ``is_required``: somebody must fill it in.
    Settings of the same ``group`` are filled in all or none."""

    name: str
    kind: str
    text: str
    example: Value
    default: Value | None
    is_required: bool
    group: str = ""

    def read(self, value: str) -> Value:
        """``value`` as typed by an installer; raises :class:`BadSetting`."""
        try:
            if self.kind == "whole":
                return int(value, 0)
            if self.kind == "number":
                number = Decimal(value)
                return number if number.is_finite() else Decimal(int(number))
        except (ValueError, OverflowError, InvalidOperation):
            what = "a whole number" if self.kind == "whole" else "a number"
            raise BadSetting(f"{self.name} must be {what}, not {value!r}") from None
        return value


def read_settings(table: Table) -> tuple[Setting, ...]:
    """The settings that the file declares."""
    found = []
    for one in table.tables("setting"):
        kind = one.choice("kind", KINDS)
        example = _typed(one, "example", kind)
        default = _typed(one, "default", kind) if one.has("default") else None
        found.append(
            Setting(
                one.name("name"),
                kind,
                one.text("text"),
                example,
                default,
                one.flag("required", False),
                one.text("group", ""),
            )
        )
        one.done()
    return tuple(found)


def _typed(table: Table, key: str, kind: str) -> Value:
    if kind == "whole":
        return table.whole(key, -(2**31), 2**31)
    return table.number(key) if kind == "number" else table.text(key)


def chosen(settings: tuple[Setting, ...], given: Mapping[str, str]) -> dict[str, Value | None]:
    """The value of every setting; None where it was left empty. Raises :class:`BadSetting`."""
    known = {setting.name: setting for setting in settings}
    for name in given:
        if name not in known:
            there = ", ".join(known) or "none"
            raise BadSetting(f"there is no setting {name!r}; there are: {there}")
    filled_in = {setting.group: setting.name for setting in settings if given.get(setting.name)}
    values: dict[str, Value | None] = {}
    for setting in settings:
        if given.get(setting.name):
            values[setting.name] = setting.read(given[setting.name])
        elif setting.group and setting.group in filled_in:
            first = filled_in[setting.group]
            raise BadSetting(f"{first!r} needs the setting {setting.name!r} too: {setting.text}")
        elif setting.is_required:
            raise BadSetting(f"the setting {setting.name!r} is missing: {setting.text}")
        else:
            values[setting.name] = setting.default
    return values


def examples(settings: tuple[Setting, ...]) -> dict[str, Value | None]:
    """The example of every setting, to check the file with."""
    return {setting.name: setting.example for setting in settings}


def filled(raw: Any, values: Mapping[str, Value | None]) -> Any:
    """``raw`` with every ``"$name"`` replaced. In a list of tables, one with an empty setting is
    left out; an unknown name stays as it is, and is a fault of whoever reads it."""
    if isinstance(raw, dict):
        return {key: filled(value, values) for key, value in raw.items()}
    if isinstance(raw, list):
        return [filled(one, values) for one in raw if not _is_empty(one, values)]
    if isinstance(raw, str) and raw.startswith("$"):
        return values.get(raw[1:], raw)
    return raw


def _is_empty(raw: Any, values: Mapping[str, Value | None]) -> bool:
    return isinstance(raw, dict) and any(
        isinstance(value, str) and value[:1] == "$" and values.get(value[1:], "") is None
        for value in raw.values()
    )
