"""How a line of an issued document came about: its quarter-hours, its prices, its readings.

Everything is read as the billing run read it: intervals as of the run's ``known_at``, the solar
energy as it was frozen, the price sheet by the hash that the document carries.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from quartier.apps.billing.models import Invoice
from quartier.apps.contracts.mapping import sheet_of
from quartier.apps.contracts.models import PriceSheet
from quartier.apps.equipment.models import Meter
from quartier.apps.intake.trail import Delivery, deliveries
from quartier.apps.sharing.energy import shared_energy
from quartier.apps.sharing.frozen import thaw as thaw_solar
from quartier.apps.sharing.models import AllocationBlock
from quartier.apps.sharing.sources import sources_in
from quartier.core.invoicing.document import Document, Line
from quartier.core.invoicing.frozen import thaw
from quartier.core.kernel.energy import MWH_PER_WH
from quartier.core.kernel.period import Dates, slot_starts_at, timezone_of
from quartier.core.rating import sheet as rating
from quartier.core.rating.masks import season_mask, standard_mask
from quartier.core.rating.windows import Windows


class NoSuchLine(LookupError):
    """The document has no line with that id."""


@dataclass(frozen=True, slots=True)
class MeterBehind:
    """A meter that the line rests on, and who delivered its values."""

    meter: Meter
    dates: Dates
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Explanation:
    """Behind one line.

    ``counted_mwh`` int64 [t] is the line's energy in each quarter-hour from ``first_slot`` on (0
    outside of its time windows), ``quality`` uint8 [t] that of the billing point's meters; both
    None for what is not energy. ``sum_wh`` is their exact sum in Wh, rounded down; ``peak`` the
    highest quarter-hour with its start. ``sheet`` is None where it was taken away,
    ``is_same_sheet`` whether it still is what was billed from.
    """

    document: Document
    line: Line
    sheet: PriceSheet | None
    component: rating.Component | None
    windows: Windows | None
    is_same_sheet: bool
    first_slot: int
    counted_mwh: NDArray[np.int64] | None
    quality: NDArray[np.uint8] | None
    sum_wh: int | None
    peak: tuple[datetime, int] | None
    meters: tuple[MeterBehind, ...]


def explain(invoice: Invoice, line_id: str) -> Explanation:
    """Behind the line ``line_id`` of ``invoice``. Raises :class:`NoSuchLine`."""
    document = thaw(bytes(invoice.document))
    line = next((one for one in document.lines if one.id == line_id), None)
    if line is None:
        raise NoSuchLine(f"{invoice.number} has no line {line_id!r}")
    row = PriceSheet.objects.filter(site=invoice.site_id, ref=line.sheet).first()
    component = windows = None
    if row is not None:
        sheet = sheet_of(row)
        component = next((one for one in sheet.components if one.ref == line.component), None)
        if component is not None and component.windows:
            windows = sheet.windows_called(component.windows)
    hashes = {(one.ref, one.sha256) for one in document.inputs if one.kind == "price_sheet"}
    is_same = row is not None and (row.ref, row.sha256) in hashes
    first_slot, counted, quality = _counted(invoice, line, component, windows)
    peak = None
    if counted is not None and counted.size and counted.any():
        at = int(counted.argmax())
        peak = (slot_starts_at(first_slot + at), int(counted[at]))
    return Explanation(
        document, line, row, component, windows, is_same, first_slot, counted, quality,
        None if counted is None else int(counted.sum()) // MWH_PER_WH, peak,
        _meters(invoice, line) if counted is not None else (),
    )  # fmt: skip


def _counted(
    invoice: Invoice,
    line: Line,
    component: rating.Component | None,
    windows: Windows | None,
) -> tuple[int, NDArray[np.int64] | None, NDArray[np.uint8] | None]:
    """First slot, energy and quality of the line's quarter-hours, as they were billed."""
    dates = Dates(line.from_date, line.to_date)
    slots = dates.period(timezone_of(invoice.site.timezone)).slots
    if line.flow not in rating.INTERVAL_FLOWS:
        return slots.start, None, None
    run = invoice.run
    shared, _findings = shared_energy(
        invoice.site, Dates(run.from_date, run.to_date), as_of=run.known_at
    )
    if invoice.billing_point_id not in shared.points:
        return slots.start, None, None
    row = shared.row(invoice.billing_point_id)
    window = slice(slots.start - shared.first_slot, slots.stop - shared.first_slot)
    try:
        first, frozen = thaw_solar(invoice.site_id, run.pk, invoice.billing_point_id)
    except AllocationBlock.DoesNotExist:
        return slots.start, None, None
    assert first == shared.first_slot, "a run freezes all of its period"
    solar, consumption = frozen[window], shared.consumption_mwh[row][window]
    flows = {rating.SOLAR: solar, rating.GRID: consumption - solar, rating.TOTAL: consumption}
    mask = np.ones(len(slots), np.bool_)
    if windows is not None and line.slot in (rating.Slot.STANDARD, rating.Slot.REDUCED):
        standard = standard_mask(windows, slots.start, slots.stop, invoice.site.timezone)
        mask &= standard if line.slot == rating.Slot.STANDARD else ~standard
    if component is not None and component.season is not None:
        mask &= season_mask(component.season, slots.start, slots.stop, invoice.site.timezone)
    return slots.start, np.where(mask, flows[line.flow], 0), shared.quality[row][window]


def _meters(invoice: Invoice, line: Line) -> tuple[MeterBehind, ...]:
    dates = Dates(line.from_date, line.to_date)
    slots = dates.period(timezone_of(invoice.site.timezone)).slots
    sources, _findings = sources_in(invoice.site, dates)
    feeds = list(sources.feeds.get(invoice.billing_point_id, ()))
    pairs = [(feed.meter, feed.dates) for feed in feeds]
    if line.flow == rating.SOLAR:
        pairs += [(meter, dates) for meter in sources.production]
    found = deliveries(invoice.site_id, [meter.pk for meter, _ in pairs], slots.start, slots.stop)
    return tuple(MeterBehind(meter, part, tuple(found.get(meter.pk, ()))) for meter, part in pairs)
