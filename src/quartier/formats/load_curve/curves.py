"""What was read from a load-curve file, before anything is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import slot_starts_at
from quartier.core.kernel.quality import Quality

ERRORS_NAMED = 50


class BadCurves(ValueError):
    """The file cannot be used; nothing of it is. ``errors`` names each bad row with its line."""

    def __init__(self, errors: Sequence[str]) -> None:
        self.errors = tuple(errors[:ERRORS_NAMED])
        self.error_count = len(errors)
        more = f" (and {len(errors) - 1} more errors)" if len(errors) > 1 else ""
        super().__init__(f"{errors[0]}{more}")


class Point(NamedTuple):
    """One quarter-hour of a curve; ``energy_kwh`` None is a gap the file itself shows."""

    slot: int
    energy_kwh: Decimal | None
    quality: Quality


@dataclass(frozen=True, slots=True)
class Curve:
    """One direction of one meter; the points ascend by slot and no slot comes twice."""

    meter: str
    direction: str
    points: tuple[Point, ...]
    lines: tuple[int, ...] = ()
    """The line (or row of the sheet) of each point."""

    def preview(self) -> "Preview":
        """The curve at a glance."""
        known = [point for point in self.points if point.energy_kwh is not None]
        first, last = self.points[0].slot, self.points[-1].slot
        return Preview(
            meter=self.meter,
            direction=self.direction,
            starts_at=slot_starts_at(first),
            ends_at=slot_starts_at(last + 1),
            intervals=len(known),
            gaps=last + 1 - first - len(known),
            energy_kwh=sum((p.energy_kwh for p in known if p.energy_kwh is not None), Decimal(0)),
            first_rows=self.points[:5],
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """A curve at a glance. ``intervals`` have a value, ``gaps`` between the first and last not."""

    meter: str
    direction: str
    starts_at: datetime
    ends_at: datetime
    intervals: int
    gaps: int
    energy_kwh: Decimal
    first_rows: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class LoadCurves:
    """All curves of a file, and what was noticed in it."""

    curves: tuple[Curve, ...]
    findings: tuple[Finding, ...]

    def previews(self) -> tuple[Preview, ...]:
        """Every curve at a glance."""
        return tuple(curve.preview() for curve in self.curves)
