"""The only place that rounds money: named modes, and whole cents spread over lines.

Sources: rules.md d.3 ("subtotals from unrounded lines, round at subtotal and total"), W1, [GK] for
cash rounding. docs/algorithms/invoicing.md has a worked table of every mode.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
)
from enum import StrEnum

from quartier.core.kernel.money import CENT, EXACT, total

PRICE_STEP = Decimal("1e-8")
"""Net prices derived from prices with VAT have eight decimals: below 0.1 cent on 100 MWh."""
_HUNDRED = Decimal(100)


class Rounding(StrEnum):
    """How an exact amount becomes money. Halves of negative amounts mirror positive ones, so a
    credit note is the exact opposite of its invoice."""

    CENT_HALF_UP = "cent_half_up"
    """To the cent, halves away from zero: 0.125 is 0.13, -0.125 is -0.13."""
    CENT_HALF_EVEN = "cent_half_even"
    """To the cent, halves to the even cent: 0.125 is 0.12, 0.135 is 0.14."""
    CENT_DOWN = "cent_down"
    """To the cent toward zero."""
    CASH_5_HALF_UP = "cash_5_half_up"
    """To 0.05, halves away from zero: 0.025 is 0.05, 1.974 is 1.95 (Swiss cash practice)."""


_MODES: dict[Rounding, tuple[Decimal, str]] = {
    Rounding.CENT_HALF_UP: (CENT, ROUND_HALF_UP),
    Rounding.CENT_HALF_EVEN: (CENT, ROUND_HALF_EVEN),
    Rounding.CENT_DOWN: (CENT, ROUND_DOWN),
    Rounding.CASH_5_HALF_UP: (Decimal("0.05"), ROUND_HALF_UP),
}


def rounded(amount_exact: Decimal, mode: Rounding = Rounding.CENT_HALF_UP) -> Decimal:
    """``amount_exact`` in whole cents (or 0.05) by ``mode``, with two decimals."""
    step, direction = _MODES[mode]
    if step == CENT:
        return amount_exact.quantize(CENT, direction, EXACT) + 0
    steps = EXACT.divide(amount_exact, step).to_integral_value(direction)
    return (steps * step).quantize(CENT) + 0


def cash_rounding(amount: Decimal) -> Decimal:
    """What brings ``amount`` to 0.05: the amount of the separate line "Rundung" (rules.md d.3)."""
    return rounded(amount, Rounding.CASH_5_HALF_UP) - amount


def net_price(gross_price: Decimal, vat_percent: Decimal) -> Decimal:
    """The price without the VAT it includes, to eight decimals, downward: with its VAT added back
    it never passes the price declared, nor a cap that this price just meets."""
    factor = EXACT.add(Decimal(1), EXACT.divide(vat_percent, _HUNDRED))
    return EXACT.divide(gross_price, factor).quantize(PRICE_STEP, ROUND_FLOOR, EXACT)


def net_limit(gross_amount: Decimal, vat_percent: Decimal) -> Decimal:
    """The net amount that takes off at least ``gross_amount`` (>= 0), to eight decimals upward:
    a limited bill never stays above its cap."""
    factor = EXACT.add(Decimal(1), EXACT.divide(vat_percent, _HUNDRED))
    return EXACT.divide(gross_amount, factor).quantize(PRICE_STEP, ROUND_UP, EXACT)


def spread(amounts_exact: Sequence[Decimal], sum_to: Decimal) -> list[Decimal]:
    """``amounts_exact`` in whole cents that add up to ``sum_to``, by largest remainder.

    Each amount, also a negative one, becomes its floor or the cent above; the cents that are
    missing go to the largest fractions, the earlier of equal ones first. If ``sum_to`` is further
    away than that allows, all move by the same number of cents.
    """
    cents = _spread_cents([_split(amount) for amount in amounts_exact], _cents(sum_to))
    return [_money(one) for one in cents]


def spread_table(
    cells: Sequence[tuple[Hashable, Hashable, Decimal]], bases: Mapping[Hashable, Decimal]
) -> list[Decimal]:
    """Whole cents for lines (section, VAT group, exact amount): they add up to every group's base.

    The lines of a section add up to its rounded subtotal wherever that is possible together with
    the bases; where it is not, the base comes first, since the base is what is declared and what
    EN 16931 checks (BR-S-08, BR-E-08, BR-O-08), and a subtotal differs by a cent from its rounded
    exact value (docs/algorithms/invoicing.md).
    """
    lines: dict[tuple[Hashable, Hashable], list[int]] = defaultdict(list)
    for number, (section, group, _) in enumerate(cells):
        lines[section, group].append(number)
    base_cents = {group: _cents(base) for group, base in bases.items()}
    if len({section for section, _ in lines}) == 1:
        cell_cents = {key: base_cents[key[1]] for key in lines}
    else:
        exact = {key: total([cells[n][2] for n in numbers]) for key, numbers in lines.items()}
        cell_cents = _cell_cents(exact, base_cents)
    out = [Decimal(0)] * len(cells)
    for key, numbers in lines.items():
        parts = _spread_cents([_split(cells[n][2]) for n in numbers], cell_cents[key])
        for n, cents in zip(numbers, parts, strict=True):
            out[n] = _money(cents)
    return out


def _cell_cents(
    exact: Mapping[tuple[Hashable, Hashable], Decimal], bases: Mapping[Hashable, int]
) -> dict[tuple[Hashable, Hashable], int]:
    """Whole cents by (section, group): columns sum to ``bases``, rows as near as possible."""
    sections = list(dict.fromkeys(section for section, _ in exact))
    groups = list(dict.fromkeys(group for _, group in exact))
    split = {key: _split(amount) for key, amount in exact.items()}
    subtotals = [total([a for (s, _), a in exact.items() if s == one]) for one in sections]
    targets = dict(
        zip(
            sections,
            _spread_cents([_split(a) for a in subtotals], sum(bases[g] for g in groups)),
            strict=True,
        )
    )
    cents = {key: floor for key, (floor, _) in split.items()}
    row_need = {s: targets[s] - sum(c for (t, _), c in cents.items() if t == s) for s in sections}
    column_need = {g: bases[g] - sum(c for (_, h), c in cents.items() if h == g) for g in groups}
    open_cells = sorted((key for key in split if split[key][1]), key=lambda key: -split[key][1])
    raised = _match(open_cells, row_need, column_need)
    for key in raised:
        cents[key] += 1
        column_need[key[1]] -= 1
    for group in groups:
        spare = [key for key in open_cells if key[1] == group and key not in raised]
        while column_need[group] and spare:
            key = min(spare, key=lambda one: _row_sum(cents, one[0]) - targets[one[0]])
            spare.remove(key)
            cents[key] += 1
            column_need[group] -= 1
        assert not column_need[group], "a base is the floor or the ceiling of its lines' sum"
    return cents


def _row_sum(cents: Mapping[tuple[Hashable, Hashable], int], section: Hashable) -> int:
    return sum(value for (one, _), value in cents.items() if one == section)


def _match(
    cells: Sequence[tuple[Hashable, Hashable]],
    row_need: Mapping[Hashable, int],
    column_need: Mapping[Hashable, int],
) -> set[tuple[Hashable, Hashable]]:
    """The most cells that fit, at most ``need`` a row and column (augmenting paths)."""
    chosen: set[tuple[Hashable, Hashable]] = set()
    rows = dict(row_need)

    def place(column: Hashable, tried: set[Hashable]) -> bool:
        for cell in cells:
            row = cell[0]
            if cell[1] != column or cell in chosen or row in tried:
                continue
            tried.add(row)
            if rows[row] > 0:
                rows[row] -= 1
                chosen.add(cell)
                return True
            for other in [one for one in cells if one in chosen and one[0] == row]:
                chosen.remove(other)
                chosen.add(cell)
                if place(other[1], tried):
                    return True
                chosen.remove(cell)
                chosen.add(other)
        return False

    for column, need in column_need.items():
        for _ in range(max(need, 0)):
            if not place(column, set()):
                break
    return chosen


def _spread_cents(parts: Sequence[tuple[int, Decimal]], sum_to: int) -> list[int]:
    if not parts:
        assert sum_to == 0, "nothing to spread over"
        return []
    left = sum_to - sum(floor for floor, _ in parts)
    every, more = divmod(left, len(parts))
    order = sorted(range(len(parts)), key=lambda n: (-parts[n][1], n))
    cents = [floor + every for floor, _ in parts]
    for n in order[:more]:
        cents[n] += 1
    return cents


def _split(amount: Decimal) -> tuple[int, Decimal]:
    """Whole cents rounded down, and the fraction of a cent in [0, 1)."""
    scaled = amount.scaleb(2, EXACT)
    floor = scaled.to_integral_value(ROUND_FLOOR)
    return int(floor), EXACT.subtract(scaled, floor)


def _cents(amount: Decimal) -> int:
    cents = amount.scaleb(2, EXACT)
    assert cents == cents.to_integral_value(ROUND_CEILING), "a sum is whole cents"
    return int(cents)


def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
