"""Checks of the tables in docs/algorithms/invoicing.md."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache

import pytest

from quartier.core.invoicing.build import Terms
from quartier.core.invoicing.rounding import (
    Rounding,
    cash_rounding,
    rounded,
    spread,
    spread_table,
)
from quartier.core.invoicing.tax import supply_of
from quartier.core.rating.rated import Rated, RatedLine
from quartier.core.rating.sheet import Component, Unit, Vat, labels
from quartier.markets.ch.iban import NotIban, iban_of
from quartier.markets.ch.uid import NotUid, uid_of
from quartier.markets.ch.vat import VAT
from tests.core.invoicing.documents import LIABLE, NOT_LIABLE, assert_adds_up, document_of
from tests.core.rating.w1 import w1_rated

TERMS = Terms("CHF", VAT, None)


def rounding(row):
    assert str(rounded(Decimal(row["exact"]), Rounding(row["mode"]))) == row["rounded"]


def cash_line(row):
    total = Decimal(row["total"])
    assert str(cash_rounding(total)) == row["Rundung"]
    assert str(total + cash_rounding(total)) == row["to pay"]


def w1_sum(row):
    document = _w1()
    of_lines = None
    if row["sum"] == "VAT":
        exact, whole = document.vat[0].tax_exact, document.tax
    elif row["sum"] == "Total without VAT":
        exact, whole = document.net_exact, document.net
    elif row["sum"] == "Total with VAT":
        exact, whole = document.net_exact + document.vat[0].tax_exact, document.total
    else:
        section = next(s for s in document.sections if s.solution == row["sum"].lower())
        exact, whole = section.subtotal_exact, section.subtotal
        of_lines = sum(rounded(line.amount_exact) for line in section.lines)
    assert exact == Decimal(row["exact"])
    assert str(whole) == row["rounded"]
    assert row["of rounded lines"] == ("" if of_lines is None else str(of_lines))


def cents(row):
    got = spread(_amounts(row["exact amounts"]), Decimal(row["sum"]))
    assert got == _amounts(row["whole cents"])


def cents_table(row):
    cells = [part.split() for part in row["section, group, exact"].split(";")]
    cells = [(section, group, Decimal(amount)) for section, group, amount in cells]
    bases = _named(row["bases"])
    for group, base in bases.items():
        assert base == rounded(sum(a for _, g, a in cells if g == group))
    got = spread_table(cells, bases)
    assert got == _amounts(row["whole cents"])
    for section, subtotal in _named(row["subtotals"]).items():
        assert sum(c for c, (s, _, _) in zip(got, cells, strict=True) if s == section) == subtotal


def supply(row):
    component = Component(
        ref="c",
        label=labels("c"),
        unit=Unit.KWH,
        price=Decimal(row["price"]),
        vat=Vat(row["component"]),
        price_includes_vat={"yes": True, "no": False}[row["includes VAT"]],
        is_internal=False,
        flow="grid",
        vat_reason=labels("reason"),
    )
    got = supply_of(
        component,
        Decimal(row["price"]),
        date.fromisoformat(row["day"]),
        vat_liable={"liable": True, "not liable": False}[row["issuer"]],
        table=VAT,
        language="de",
    )
    assert got.category == row["category"]
    assert got.percent == Decimal(row["rate"])
    assert got.price == Decimal(row["net price"])
    assert bool(got.reason) == (row["category"] != "S")


def vat_rate(row):
    for column in row:
        if column != "code":
            rate = VAT.rate(row["code"], date.fromisoformat(column))
            assert rate.percent == Decimal(row[column])


def w4(row):
    rated = w1_rated()
    lines = []
    for number, part in enumerate(row["quantities x prices"].split(";")):
        quantity, price = map(Decimal, part.split("x"))
        component = replace(
            rated.lines[0].component, ref=str(number), price_includes_vat=True, solution="x"
        )
        lines.append(
            RatedLine(
                component,
                rated.lines[0].sheet,
                rated.lines[0].from_date,
                rated.lines[0].to_date,
                quantity,
                Unit.KWH,
                price,
                quantity * price,
            )
        )
    bill = Rated(rated.participant, tuple(lines), (), 0, 0)
    prepaid = Decimal(row["prepaid"])
    document, findings = document_of(bill, NOT_LIABLE, terms=TERMS, prepaid=prepaid)
    assert findings == ()
    assert_adds_up(document)
    assert str(document.total) == row["total"]
    assert document.payable == Decimal(row["to pay"])


def uid(row):
    if row["UID"] == "refused":
        with pytest.raises(NotUid):
            uid_of(row["text"])
    else:
        assert uid_of(row["text"]) == row["UID"]


def iban(row):
    if row["kind"] == "refused":
        with pytest.raises(NotIban):
            iban_of(row["IBAN"])
    else:
        got = iban_of(row["IBAN"])
        assert str(got.iid) == row["institution"]
        assert got.is_qr == (row["kind"] == "QR-IBAN")


@cache
def _w1():
    document, findings = document_of(w1_rated(), LIABLE, terms=TERMS)
    assert findings == ()
    assert_adds_up(document)
    return document


def _amounts(text):
    return [Decimal(part) for part in text.split(",")]


def _named(text):
    pairs = (part.split() for part in text.split(";"))
    return {name: Decimal(amount) for name, amount in pairs}
