"""When appliances ran: stretches between switches, within a span of time."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery

from quartier.apps.equipment.appliances import Appliance, Switch


@dataclass(frozen=True, slots=True)
class Run:
    """From when to when it ran; ``reason`` is why it was switched on."""

    from_at: datetime
    to_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Day:
    """``runs`` of an appliance, and its last switch; None where none is known."""

    runs: tuple[Run, ...]
    last: Switch | None

    @property
    def seconds(self) -> int:
        """How long it ran."""
        return sum(round((run.to_at - run.from_at).total_seconds()) for run in self.runs)

    @property
    def is_on(self) -> bool | None:
        """Whether it runs at the end; None where nobody said."""
        return None if self.last is None else self.last.is_on


def between(appliances: Iterable[Appliance], from_at: datetime, to_at: datetime) -> dict[int, Day]:
    """When each ran in ``[from_at, to_at)``, by its key; in two queries."""
    keys = [one.pk for one in appliances]
    before = Switch.objects.filter(appliance=OuterRef("appliance"), switched_at__lt=from_at)
    opening = Switch.objects.filter(
        appliance__in=keys,
        pk=Subquery(before.order_by("-switched_at").values("pk")[:1]),
    )
    rows: dict[int, list[Switch]] = defaultdict(list)
    for one in opening:
        rows[one.appliance_id].append(one)
    within = Switch.objects.filter(
        appliance__in=keys, switched_at__gte=from_at, switched_at__lt=to_at
    )
    for one in within.order_by("switched_at"):
        rows[one.appliance_id].append(one)
    return {key: Day(tuple(_runs(rows[key], from_at, to_at)), _last(rows[key])) for key in keys}


def _last(rows: list[Switch]) -> Switch | None:
    return rows[-1] if rows else None


def _runs(rows: list[Switch], from_at: datetime, to_at: datetime) -> Iterable[Run]:
    ends = [*(row.switched_at for row in rows[1:]), to_at]
    for row, end in zip(rows, ends, strict=False):  # of no row there is no end
        if row.is_on:
            yield Run(max(row.switched_at, from_at), end, row.reason)
