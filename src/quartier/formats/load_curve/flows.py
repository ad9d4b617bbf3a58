"""From the cells of a row to energies by direction."""

from decimal import Decimal

from quartier.core.kernel.energy import INTERVAL_LIMIT_WH
from quartier.formats.load_curve.cells import Cell, number_of
from quartier.formats.load_curve.profile import Profile

Flow = tuple[str, Decimal | None]
"""Direction, and kWh of the quarter-hour or None for a gap."""

_KWH = {
    "kWh": Decimal(1),
    "Wh": Decimal("0.001"),
    "MWh": Decimal(1000),
    "kW": Decimal("0.25"),  # the mean power of a quarter of an hour
}
_LIMIT_KWH = Decimal(INTERVAL_LIMIT_WH) / 1000


def flows_of_value(profile: Profile, cell: Cell, direction: str) -> list[Flow]:
    """The one value column; raises ValueError that says what is wrong."""
    energy_kwh = _energy(profile, cell)
    if energy_kwh is None:
        energy_kwh = _of_empty(profile)
    if profile.sign != "net":
        return [(direction, _signed(profile, energy_kwh, direction))]
    if energy_kwh is None:
        return [("import", None), ("export", None)]
    return [("import", max(energy_kwh, Decimal(0))), ("export", max(-energy_kwh, Decimal(0)))]


def flows_of_pair(profile: Profile, cells: dict[str, Cell]) -> list[Flow]:
    """The import and export columns, of which one may not exist; raises ValueError."""
    read = {direction: _energy(profile, cell) for direction, cell in cells.items()}
    is_netted = profile.empty_pair == "zero" and any(value is not None for value in read.values())
    out: list[Flow] = []
    for direction, energy_kwh in read.items():
        if energy_kwh is None:
            energy_kwh = Decimal(0) if is_netted else _of_empty(profile)
        out.append((direction, _signed(profile, energy_kwh, direction)))
    return out


def _energy(profile: Profile, cell: Cell) -> Decimal | None:
    number = number_of(cell, profile.decimal, profile.thousands)
    if number is None:
        return None
    energy_kwh = number * _KWH[profile.unit]
    if abs(energy_kwh) > _LIMIT_KWH:
        raise ValueError(f"{number} {profile.unit} is too much for a quarter-hour")
    return energy_kwh


def _of_empty(profile: Profile) -> Decimal | None:
    return Decimal(0) if profile.empty == "zero" else None


def _signed(profile: Profile, energy_kwh: Decimal | None, direction: str) -> Decimal | None:
    if energy_kwh is None:
        return None
    if direction == "export" and profile.sign == "export-negative":
        if energy_kwh > 0:
            raise ValueError(
                f"the export {energy_kwh} kWh is positive; this profile has it negative"
            )
        return -energy_kwh if energy_kwh else Decimal(0)
    if energy_kwh < 0:
        raise ValueError(
            f"the {direction} {energy_kwh} kWh is negative; the profile's sign says how"
        )
    return energy_kwh
