"""Who used whose solar energy, an interval at a time (rules.md a.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quartier.core.allocation.inputs import checked_matrix, checked_series, checked_totals
from quartier.core.allocation.request import BadEnergy, MissingMeter, Request
from quartier.core.allocation.rules import rule_called
from quartier.core.allocation.split import split
from quartier.core.allocation.storage import Battery
from quartier.core.allocation.ties import Bools, Int64


@dataclass(frozen=True, slots=True)
class Allocation:
    """The result in mWh: n consumers, m plants, t intervals; exact in each interval.

    ``solar + grid = consumption`` for each consumer, ``used + charged + surplus = production``
    for each plant, and the sum of ``solar`` is the sum of ``used`` and of the battery's ``used``
    and ``other``.
    """

    solar_mwh: Int64
    """[n, t] what each consumer got from the site."""
    grid_mwh: Int64
    """[n, t] what each consumer got from the grid."""
    used_mwh: Int64
    """[m, t] what consumers used of each plant."""
    surplus_mwh: Int64
    """[m, t] what was left of each plant: exported; under ``balance`` also stored or lost."""
    charged_mwh: Int64
    """[m, t] what went from each plant into the battery; 0 without one."""
    other_mwh: Int64
    """[t] what consumers got that no plant and no battery series explains; only ``balance``."""
    battery: Battery | None = None


def allocate(
    consumption_mwh: Int64,
    production_mwh: Int64,
    rule: str,
    *,
    slots: int | Int64,
    parameters: Mapping[str, Any] | None = None,
    consumers: Sequence[str] | None = None,
    is_member: Bools | None = None,
    grid_in_mwh: Int64 | None = None,
    charge_mwh: Int64 | None = None,
    discharge_mwh: Int64 | None = None,
) -> Allocation:
    """Share ``production_mwh[m, t]`` among the consumers of ``consumption_mwh[n, t]``.

    ``slots`` is the number of the first interval (``kernel.period.slot_at``), or one number per
    interval; it decides ties, so a period gives the same result in parts. ``parameters`` are the
    rule's, with ``consumers`` (default "0", "1", ...) as the names in their tables.
    ``is_member[n, t]`` leaves a consumer out of the intervals in which it is False: nothing is
    allocated to them there, neither solar nor grid. ``grid_in_mwh[t]`` is for the rule ``balance``.
    ``charge_mwh[t]`` and ``discharge_mwh[t]`` are the battery's.

    All arrays are int64 and never negative; gaps are the caller's to deal with. Raises
    UnknownRule, BadParameters, BadEnergy (with row and column) and MissingMeter.
    """
    consumption = checked_matrix(consumption_mwh, "consumption")
    production = checked_matrix(production_mwh, "production")
    count, length = consumption.shape
    if production.shape[1] != length:
        raise BadEnergy(
            f"production has {production.shape[1]} intervals and consumption {length}; "
            "they must cover the same period"
        )
    names = [str(i) for i in range(count)] if consumers is None else list(consumers)
    if len(names) != count:
        raise BadEnergy(f"there are {len(names)} names for {count} consumers")
    module = rule_called(rule)
    settings = module.settings(parameters or {}, names)
    if is_member is not None:
        if is_member.shape != consumption.shape:
            raise BadEnergy(f"is_member has the shape {is_member.shape}, not {consumption.shape}")
        consumption = np.where(is_member, consumption, 0)
    grid_in = checked_series(grid_in_mwh, "grid_in", length)
    if (grid_in is not None) != module.uses_grid:
        problem = "does not use" if grid_in is not None else "needs"
        raise MissingMeter(f"the rule {rule} {problem} what the grid meter counted (grid_in_mwh)")
    charge, discharge = _net_battery(charge_mwh, discharge_mwh, length)
    turns = _slots(slots, length)

    sources = production if discharge is None else np.vstack([production, discharge])
    checked_totals(consumption, "consumption")
    pool = checked_totals(sources, "production")
    solar = module.share(Request(consumption, pool, turns, grid_in), settings)
    shared = solar.sum(axis=0)
    explained = np.minimum(shared, pool)
    is_single = sources.shape[0] == 1
    used = explained[None, :] if is_single else split(explained, sources, turns)
    rest = sources - used
    other = shared - explained
    grid = consumption - solar
    if charge is None or discharge is None:
        return Allocation(solar, grid, used, rest, np.zeros_like(rest), other)
    charged_solar = np.minimum(charge, rest[:-1].sum(axis=0))
    charged = split(charged_solar, rest[:-1], turns)
    battery = Battery(charged_solar, charge - charged_solar, used[-1], rest[-1])
    return Allocation(solar, grid, used[:-1], rest[:-1] - charged, charged, other, battery)


def _net_battery(
    charge_mwh: Int64 | None, discharge_mwh: Int64 | None, length: int
) -> tuple[Int64, Int64] | tuple[None, None]:
    """Charge and discharge with what they have in common taken off both ([S31])."""
    charge = checked_series(charge_mwh, "charge", length)
    discharge = checked_series(discharge_mwh, "discharge", length)
    if charge is None and discharge is None:
        return None, None
    if charge is None or discharge is None:
        raise MissingMeter("a battery needs both series: charge_mwh and discharge_mwh")
    common = np.minimum(charge, discharge)
    return charge - common, discharge - common


def _slots(slots: int | Int64, length: int) -> Int64:
    if isinstance(slots, int):
        return np.arange(slots, slots + length, dtype=np.int64)
    if slots.shape != (length,):
        raise BadEnergy(f"slots has the shape {slots.shape}, not {(length,)}")
    return slots.astype(np.int64)
