"""Fixed parts of the production: solar_i = min(C_i, q_i x P) (rules.md a.3, [S28]).

What a consumer cannot use is either exported or shared again by consumption; which of the two is
a choice of the contract and has no default. Who is not a member in an interval uses nothing in
it, so their part is such a rest as well: the others' parts do not grow by somebody's absence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np

from quartier.core.allocation.request import BadParameters, Request, by_consumer, refuse_unknown
from quartier.core.allocation.rules.proportional import share_by_consumption
from quartier.core.allocation.split import split
from quartier.core.allocation.ties import Int64

uses_grid = False

EXPORT = "export"
PROPORTIONAL = "proportional"
_LARGEST_DENOMINATOR = 10**18


@dataclass(frozen=True, slots=True)
class Settings:
    """Whole-number weights of the consumers and, last, of what belongs to nobody."""

    weights: tuple[int, ...]
    rest: str


def settings(parameters: Mapping[str, Any], consumers: Sequence[str]) -> Settings:
    """From ``rest`` ("export" or "proportional") and the table ``shares``, which sums to <= 1.

    A share is an int, a Decimal, or a text: "0.25", "1/3". Floats are refused: they are never
    exact.
    """
    refuse_unknown(parameters, ["rest", "shares"], "quota")
    rest = parameters.get("rest")
    if rest not in (EXPORT, PROPORTIONAL):
        raise BadParameters(
            'the rule quota needs rest = "export" (what a consumer cannot use goes to the grid) '
            f'or rest = "proportional" (it is shared again by consumption), not {rest!r}'
        )
    values = by_consumer(parameters, "shares", consumers, "quota")
    shares = [_fraction(v, f"shares.{c}") for v, c in zip(values, consumers, strict=True)]
    nobodys = 1 - sum(shares, Fraction(0))
    if nobodys < 0:
        raise BadParameters(f"[shares] sums to {float(1 - nobodys):g}; the sum must not exceed 1")
    common = lcm(*(share.denominator for share in shares), nobodys.denominator)
    if common > _LARGEST_DENOMINATOR:
        raise BadParameters("[shares] has no common denominator below 10^18; round the shares")
    return Settings(tuple(int(part * common) for part in (*shares, nobodys)), rest)


def _fraction(value: Any, name: str) -> Fraction:
    if isinstance(value, str | Decimal | int | Fraction) and not isinstance(value, bool):
        try:
            share = Fraction(value.replace(" ", "") if isinstance(value, str) else value)
        except (ValueError, ZeroDivisionError, OverflowError):
            share = Fraction(-1)
        if 0 <= share <= 1:
            return share
    raise BadParameters(f'{name} = {value!r} is not a share; write 0.25 or "1/3", from 0 to 1')


def share(request: Request, settings: Settings) -> Int64:
    """Each part of the pool is split exactly, so parts that sum to 1 use all of it."""
    consumption, pool = request.consumption_mwh, request.pool_mwh
    weights = np.array(settings.weights, dtype=np.int64)[:, None]
    parts = split(pool, np.broadcast_to(weights, (weights.size, pool.size)), request.slots)[:-1]
    solar = np.minimum(parts, consumption)
    if settings.rest == PROPORTIONAL:
        left = pool - solar.sum(axis=0)
        solar += share_by_consumption(consumption - solar, left, request.slots)
    return solar
