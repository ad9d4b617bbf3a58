"""The bill of W1 (rules.md; federal guide, table 1), rated from quarter-hours."""

from datetime import date
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from quartier.core.kernel.period import Dates, slot_at
from quartier.core.rating.check import validate
from quartier.core.rating.components.months import months_touched
from quartier.core.rating.masks import standard_mask
from quartier.core.rating.rate import rate
from quartier.core.rating.rated import Rated
from quartier.core.rating.sheet import (
    Component,
    PeakPer,
    PriceSheet,
    ProRata,
    Slot,
    Unit,
    Vat,
    labels,
)
from quartier.core.rating.usage import Participant, Usage
from tests.core.rating.sheets import DSO, ZURICH

QUARTER = Dates(date(2018, 1, 1), date(2018, 4, 1))


def _one(ref: str, solution: str, rp: str, unit: Unit = Unit.KWH, **more) -> Component:
    slot = more.get("slot", Slot.ALL)
    return Component(
        ref=ref,
        label=labels(ref),
        unit=unit,
        price=Decimal(rp) / 100,
        vat=Vat.SUPPLIER,
        price_includes_vat=False,
        is_internal=False,
        solution=solution,
        windows="" if slot is Slot.ALL else "dso",
        **more,
    )


SHEET = PriceSheet(
    ref="w1",
    title="Price base 2018",
    currency="CHF",
    valid=QUARTER,
    timezone=ZURICH,
    windows=(DSO,),
    components=(
        _one("Energy HT", "energy", "8.5", flow="grid", slot=Slot.STANDARD),
        _one("Energy NT", "energy", "5.15", flow="grid", slot=Slot.REDUCED),
        _one("Power", "grid", "360", Unit.KW, flow="grid", peak_per=PeakPer.MONTH),
        _one("Grid HT", "grid", "6.38", flow="grid", part="network", slot=Slot.STANDARD),
        _one("Grid NT", "grid", "4.00", flow="grid", part="network", slot=Slot.REDUCED),
        _one("Metering", "grid", "4000", Unit.MONTH, pro_rata=ProRata.FULL_MONTHS),
        _one("Ancillary services", "grid", "0.32", flow="grid", part="ancillary"),
        _one("Federal levy", "levies", "2.3", flow="grid", part="federal"),
        _one("Municipal levies", "levies", "0.5", flow="grid", part="municipal"),
    ),
)


@cache
def w1_rated() -> Rated:
    """1696 kWh standard, 1289 kWh reduced, monthly peaks of 9.1, 9.3 and 9.1 kW; no solar.

    The bill has three sections, so the one meter is a row for each of them.
    """
    assert validate(SHEET, ("grid",)) == ()
    slots = QUARTER.period(ZoneInfo(ZURICH)).slots
    mask = standard_mask(DSO, slots.start, slots.stop, ZURICH)
    usage_wh = np.zeros(len(slots), dtype=np.int64)
    peaks = []
    for month, peak_wh in zip(months_touched(QUARTER), (2275, 2325, 2275), strict=True):
        first = slot_at(month.period(ZoneInfo(ZURICH)).starts_at) - slots.start
        peaks.append(first + int(np.flatnonzero(mask[first:])[0]))
        usage_wh[peaks[-1]] = peak_wh
    mask = mask.copy()
    for wanted_wh, side in ((1_696_000, mask), (1_289_000, ~mask)):
        places = np.setdiff1d(np.flatnonzero(side), peaks)
        rest = wanted_wh - int(usage_wh[side].sum())
        usage_wh[places] = rest // len(places)
        usage_wh[places[: rest % len(places)]] += 1
    consumption = np.repeat(usage_wh[None, :] * 1000, 3, axis=0)
    usage = Usage(slots.start, ZURICH, consumption, consumption * 0)
    rows = (("energy", 0), ("grid", 1), ("levies", 2))
    (rated,) = rate(usage, QUARTER, [Participant("ZEV", QUARTER, rows, (SHEET,))])
    return rated
