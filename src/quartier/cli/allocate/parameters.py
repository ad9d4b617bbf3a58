"""The parameters of a sharing, from a TOML file."""

import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from quartier.cli import UserError
from quartier.core.allocation import rule_called


@dataclass(frozen=True)
class Parameters:
    """The names of columns that are for the whole site, and what is left for the rule."""

    of_rule: dict[str, Any] = field(default_factory=dict)
    grid: str | None = None
    charge: str | None = None
    discharge: str | None = None


def read_parameters(path: Path | None, rule: str) -> Parameters:
    """The file's parameters, numbers as exact decimals. Raises UserError and UnknownRule."""
    uses_grid = rule_called(rule).uses_grid
    tables: dict[str, Any] = {}
    if path is not None:
        try:
            tables = tomllib.loads(path.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: byte {error.start + 1} is not UTF-8; save it so") from error
        except tomllib.TOMLDecodeError as error:
            raise UserError(f"{path}: {error}; write it as TOML") from error
    where = path or f"the rule {rule}"
    grid = tables.pop("grid", None)
    if uses_grid and not isinstance(grid, str):
        raise UserError(
            f'{where}: {rule} needs grid = "COLUMN", what the grid meter counted, in --params'
        )
    if grid is not None and not uses_grid:
        raise UserError(f"{where}: {rule} does not use a grid column; take grid out or use balance")
    battery = tables.pop("battery", None)
    if battery is None:
        return Parameters(tables, grid)
    if (
        not isinstance(battery, dict)
        or set(battery) != {"charge", "discharge"}
        or not all(isinstance(column, str) for column in battery.values())
    ):
        raise UserError(f"{where}: [battery] needs charge and discharge, each the name of a column")
    return Parameters(tables, grid, battery["charge"], battery["discharge"])
