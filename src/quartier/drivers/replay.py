"""What every protocol's replay of a captured file has in common: the file, and the comparison."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from quartier.core.kernel.findings import Finding
from quartier.drivers.units import BASE, product
from quartier.drivers.values import Value

FOLDERS = ("captures", "made")
LARGEST_BYTES = 4 * 1024 * 1024


class BadCapture(ValueError):
    """The file is not a capture; the message names the place in it."""


@dataclass(frozen=True, slots=True)
class Capture:
    """Frames of a device and what they must give.

    ``values`` maps a name (OBIS code or word) to the value in its base unit; ``findings`` are the
    codes that must be noticed, no other being allowed.
    """

    path: Path
    model: str
    settings: Mapping[str, str]
    values: Mapping[str, tuple[Decimal, str]]
    findings: tuple[str, ...]
    raw: Mapping[str, Any]


def captures_in(folder: Path) -> tuple[Path, ...]:
    """The files to replay: real ones first, then made ones."""
    return tuple(path for name in FOLDERS for path in sorted((folder / name).glob("*.toml")))


def read_capture(path: Path) -> Capture:
    """The capture in ``path``; raises :class:`BadCapture`."""
    data = path.read_bytes()
    if len(data) > LARGEST_BYTES:
        raise BadCapture("the file is larger than 4 MiB")
    try:
        raw = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as reason:
        raise BadCapture(f"this is not TOML: {str(reason)[:200]}") from None
    values = {name: _amount(name, text) for name, text in table_of(raw, "values").items()}
    findings = raw.get("findings", [])
    if not isinstance(findings, list) or not all(isinstance(one, str) for one in findings):
        raise BadCapture("findings must be a list of codes")
    settings = {name: str(value) for name, value in table_of(raw, "settings").items()}
    return Capture(path, text_of(raw, "model"), settings, values, tuple(findings), raw)


def table_of(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The table ``key``, empty where it is missing; raises :class:`BadCapture`."""
    value = raw.get(key, {})
    if not isinstance(value, dict):
        raise BadCapture(f"{key} must be a table")
    return value


def text_of(raw: Mapping[str, Any], key: str) -> str:
    """The text ``key``; raises :class:`BadCapture`."""
    value = raw.get(key)
    if not isinstance(value, str):
        raise BadCapture(f"{key} must be a text")
    return value


def _amount(name: str, written: Any) -> tuple[Decimal, str]:
    """``"1234.56 kWh"`` as a value in its base unit."""
    number, _, unit = written.strip().partition(" ") if isinstance(written, str) else ("", "", "")
    unit = unit.strip() or "1"
    try:
        amount = Decimal(number)
    except InvalidOperation:
        raise BadCapture(f'values: {name} must be written as "1234.56 kWh"') from None
    if unit not in BASE or not amount.is_finite() or abs(amount.adjusted()) > 30:
        raise BadCapture(f"values: {name} has the unit {unit!r}, which is not known")
    return product(amount, BASE[unit][1]), BASE[unit][0]


def differences(
    capture: Capture, values: Iterable[Value], findings: Iterable[Finding]
) -> list[str]:
    """How what was read differs from what the capture says, one sentence each."""
    found = {value.name: (value.value, value.unit) for value in values}
    said = []
    for name, (amount, unit) in capture.values.items():
        if name not in found:
            said.append(f"{name} was not read; it must be {amount} {unit}.")
        elif found[name] != (amount, unit):
            said.append(
                f"{name} reads {found[name][0]} {found[name][1]}; it must be {amount} {unit}."
            )
    for name, (amount, unit) in found.items():
        if name not in capture.values:
            said.append(f"{name} reads {amount} {unit}; the capture does not list it.")
    noticed = list(findings)
    said += [f"this was noticed: {one}" for one in noticed if one.code not in capture.findings]
    codes = {finding.code for finding in noticed}
    said += [f"{code} was not noticed." for code in capture.findings if code not in codes]
    return said
