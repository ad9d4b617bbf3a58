"""Sheets and usage that the rating tests share."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from quartier.core.kernel.period import Dates
from quartier.core.rating.sheet import (
    Component,
    PriceSheet,
    ProRata,
    Reference,
    Share,
    Slot,
    SlotPrice,
    Unit,
    Vat,
    labels,
)
from quartier.core.rating.usage import Participant, Usage
from quartier.core.rating.windows import Window, Windows

ZURICH = "Europe/Zurich"
FROM_2026 = Dates(date(2026, 1, 1))
DSO = Windows("dso", (Window.of("mon-fri", "07:00", "20:00"), Window.of("sat", "07:00", "13:00")))


def energy(ref: str, flow: str, price: "str | Share", slot: Slot = Slot.ALL, **more) -> Component:
    """A component per kWh on an interval flow."""
    return Component(
        ref=ref,
        label=labels(ref),
        unit=Unit.KWH,
        price=Decimal(price) if isinstance(price, str) else price,
        vat=more.pop("vat", Vat.SUPPLIER),
        price_includes_vat=more.pop("price_includes_vat", True),
        is_internal=more.pop("is_internal", flow == "solar"),
        flow=flow,
        slot=slot,
        windows="dso" if slot is not Slot.ALL else "",
        **more,
    )


def fee(ref: str, unit: Unit, price: str, pro_rata: ProRata | None, **more) -> Component:
    """A fixed fee."""
    return Component(
        ref=ref,
        label=labels(ref),
        unit=unit,
        price=Decimal(price),
        vat=Vat.SUPPLIER,
        price_includes_vat=True,
        is_internal=more.pop("is_internal", False),
        pro_rata=pro_rata,
        **more,
    )


def sheet(*components: Component, valid: Dates = FROM_2026, **more) -> PriceSheet:
    """A sheet called 2026 with the windows of the DSO."""
    return PriceSheet(
        ref=more.pop("ref", "2026"),
        title="2026",
        currency="CHF",
        valid=valid,
        timezone=more.pop("timezone", ZURICH),
        components=components,
        windows=(DSO,),
        **more,
    )


DUAL_REFERENCE = Reference(
    "ewz-2026",
    "Standard product",
    (SlotPrice(Slot.STANDARD, Decimal("0.32")), SlotPrice(Slot.REDUCED, Decimal("0.26"))),
    includes_vat=True,
    windows="dso",
)
DUAL = sheet(
    energy("solar-ht", "solar", Share(Decimal(80)), Slot.STANDARD),
    energy("solar-nt", "solar", Share(Decimal(80)), Slot.REDUCED),
    energy("grid-ht", "grid", "0.30", Slot.STANDARD),
    energy("grid-nt", "grid", "0.24", Slot.REDUCED),
    fee("metering", Unit.MONTH, "4.50", ProRata.FULL_MONTHS),
    reference=DUAL_REFERENCE,
)
FLAT = sheet(energy("solar", "solar", "0.24"), energy("grid", "grid", "0.30"))


def random_usage(n: int, dates: Dates, seed: int = 1) -> Usage:
    """Plausible whole-Wh consumption and solar in mWh."""
    slots = dates.period(ZoneInfo(ZURICH)).slots
    rng = np.random.default_rng(seed)
    consumption = rng.integers(0, 900, (n, len(slots))) * 1000
    solar = (consumption * rng.random((n, len(slots)))).astype(np.int64)
    return Usage(slots.start, ZURICH, consumption, solar)


def one_each(n: int, dates: Dates, price_sheet: PriceSheet) -> list[Participant]:
    """A participant a row, over the whole period."""
    return [
        Participant(f"H{row}", dates, (("electricity", row),), (price_sheet,)) for row in range(n)
    ]


def only(price_sheet: PriceSheet, *refs: str) -> PriceSheet:
    """The sheet with only the components called ``refs``."""
    return replace(
        price_sheet, components=tuple(c for c in price_sheet.components if c.ref in refs)
    )
