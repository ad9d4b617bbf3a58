"""Fixed fees: by day, month, year (in twelfths) or billing point (rules.md W9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from quartier.core.rating.components.item import Group, Head, Quantity, Scope
from quartier.core.rating.components.months import (
    days,
    full_months,
    months_by_day,
    period_by_day,
)
from quartier.core.rating.sheet import ProRata, Unit


@dataclass(frozen=True, eq=False, slots=True)
class FixedItem:
    """A fixed fee; the head's unit is ``month`` for a yearly fee too, at a twelfth of it."""

    head: Head
    quantity: Decimal

    def quantities(self, group: Group) -> Sequence[Quantity | None]:
        """The same for all but for their number of metering points."""
        if not self.quantity:
            return [None] * len(group.members)
        if not self.head.component.per_meter:
            return [(self.quantity, None)] * len(group.members)
        return [(self.quantity * one.meters, None) for one in group.members]


def fixed_item(head: Head, scope: Scope) -> FixedItem:
    """The fee of ``head`` over its dates, for participants with the scope's dates."""
    return FixedItem(head, _quantity(head, scope))


def _quantity(head: Head, scope: Scope) -> Decimal:
    mode, unit = head.component.pro_rata, head.component.unit
    if unit is Unit.DAY:
        return Decimal(days(head.dates))
    if unit in (Unit.MONTH, Unit.YEAR):
        if mode is ProRata.BY_DAY:
            return months_by_day(head.dates)
        assert mode is ProRata.FULL_MONTHS, "a sheet is validated before it is used"
        return Decimal(full_months(head.dates, scope.dates))
    assert unit is Unit.BILLING_POINT
    if mode is ProRata.BY_DAY:
        return period_by_day(head.dates, scope.period)
    assert mode is ProRata.WHOLE, "a sheet is validated before it is used"
    return Decimal(1 if scope.dates.from_date in head.dates else 0)
