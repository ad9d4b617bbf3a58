"""Checks of the tables in docs/algorithms/rating.md."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from quartier.core.invoicing.rounding import rounded
from quartier.core.invoicing.tax import with_vat
from quartier.core.kernel.money import product
from quartier.core.kernel.period import Dates, quarter_hours_of, slot_at
from quartier.core.rating.leg import eligible_wh, grid_discount
from quartier.core.rating.masks import standard_mask
from quartier.core.rating.rate import rate
from quartier.core.rating.sheet import Component, PriceSheet, ProRata, Unit, Vat, labels
from quartier.core.rating.usage import Participant, Usage
from quartier.core.rating.windows import Window, Windows
from tests.core.rating.w1 import w1_rated

ZURICH = "Europe/Zurich"
TZ = ZoneInfo(ZURICH)
GLATTWERK = Windows(
    "g",
    (Window.of("mon-fri", "07:00", "20:00"), Window.of("sat", "07:00", "13:00")),
    (date(2025, 8, 1),),
)


def slot_of(row):
    slot = slot_at(datetime.fromisoformat(row["local start"]).replace(tzinfo=TZ))
    standard = bool(standard_mask(GLATTWERK, slot, slot + 1, ZURICH)[0])
    assert row["slot"] == ("standard" if standard else "reduced")


def clock_change(row):
    day = date.fromisoformat(row["local day"])
    assert quarter_hours_of(day, TZ) == int(row["quarter-hours"])
    slots = Dates(day, day + timedelta(days=1)).period(TZ).slots
    for column in ("02:00 to 03:00", "00:00 to 12:00"):
        begin, end = column.split(" to ")
        windows = Windows("w", (Window.of("mon-sun", begin, end),))
        assert int(standard_mask(windows, slots.start, slots.stop, ZURICH).sum()) == int(
            row[column]
        )


def whole_wh(row):
    exact = [int(Decimal(part) * 1000) for part in row["exact solar"].split(",")]
    day = date(2026, 1, 5)
    dates = Dates(day, day + timedelta(days=1))
    slots = dates.period(TZ).slots
    solar = np.zeros((len(exact), len(slots)), dtype=np.int64)
    first = (-slots.start) % len(exact)  # the place whose turn it is comes first in the table
    solar[:, 0] = np.roll(exact, -first)
    usage = Usage(slots.start, ZURICH, np.full_like(solar, 20_000), solar)
    sheet = _sheet(_component("total", Unit.KWH, "1", flow="total"), valid=dates)
    people = [
        Participant(str(n), dates, (("electricity", n),), (sheet,)) for n in range(len(exact))
    ]
    got = [one.solar_wh for one in rate(usage, dates, people)]
    want = [int(part) for part in row["whole solar"].split(",")]
    assert sum(got) == sum(want)
    assert sorted(got) == sorted(want)
    for given, whole in zip(np.roll(exact, -first).tolist(), got, strict=True):
        assert whole in (given // 1000, -(-given // 1000))


def w1_line(row):
    line = next(x for x in w1_rated().lines if x.component.ref == row["line"])
    assert str(line.quantity) == row["quantity"]
    assert line.unit.value == row["unit"]
    assert line.price * 100 == Decimal(row["Rp per unit"])
    assert line.amount_exact == line.quantity * line.price
    assert str(rounded(line.amount_exact)) == row["CHF, rounded"]


def fee(row):
    dates = Dates(date.fromisoformat(row["from"]), date.fromisoformat(row["to (exclusive)"]))
    mode = ProRata(row["pro rata"]) if row["pro rata"] else None
    component = _component(
        "fee", Unit(row["unit"]), row["fee"], pro_rata=mode, per_meter=bool(row["meters"])
    )
    slots = dates.period(TZ).slots
    nothing = np.zeros((1, len(slots)), dtype=np.int64)
    person = Participant("A", dates, (), (_sheet(component),), meters=int(row["meters"] or 1))
    ((line,),) = (
        one.lines for one in rate(Usage(slots.start, ZURICH, nothing, nothing), dates, [person])
    )
    assert line.quantity == Decimal(row["quantity"])
    assert line.amount_exact == Decimal(row["amount"])


def w5_discount(row):
    wh = [int(row[name]) * 1000 for name in ("from the community", "withdrawn")]
    discount = grid_discount(Decimal(row["base"]), *wh, Decimal(row["delta %"]))
    assert discount == Decimal(row["discount"])
    assert str(rounded(discount)) == row["rounded"]


def w5_line(row):
    price = Decimal(row["Rp"]) / 100
    assert product(Decimal(row["quantity"]), price) == Decimal(row["amount"])
    assert str(rounded(with_vat(Decimal(row["Rp"]), Decimal("8.1")))) == row["Rp with VAT"]


def leg_storage(row):
    direct, discharged, drawn = (
        int(row[name]) for name in ("direct", "discharged", "drawn from the community")
    )
    assert eligible_wh(direct, discharged, drawn) == int(row["eligible"])


def _component(ref, unit, price, **more):
    return Component(
        ref=ref,
        label=labels(ref),
        unit=unit,
        price=Decimal(price),
        vat=Vat.SUPPLIER,
        price_includes_vat=False,
        is_internal=False,
        **more,
    )


def _sheet(*components, valid=None):
    valid = valid or Dates(date(2026, 1, 1))
    return PriceSheet("s", "s", "CHF", valid, ZURICH, components)
