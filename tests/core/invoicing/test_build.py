"""From rated lines to a frozen document."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import Struct, structs

from quartier.core.invoicing.build import NothingToBill, Terms
from quartier.core.invoicing.chart import Step, energy_of, step_for
from quartier.core.invoicing.credit import NotCreditable, credit_note
from quartier.core.invoicing.document import CapStatus, Kind, VatCategory
from quartier.core.invoicing.frozen import canonical_json, freeze, thaw
from quartier.core.invoicing.postings import entry_of
from quartier.core.invoicing.tax import NoVatRate, with_vat
from quartier.core.kernel.money import EXACT
from quartier.core.kernel.period import Dates
from quartier.core.ledger.entry import reversal
from quartier.core.rating.rate import rate
from quartier.core.rating.sheet import ProRata, Unit, Vat, labels
from quartier.core.rating.usage import Participant, Usage
from quartier.markets.ch.accounts import ACCOUNTS
from quartier.markets.ch.vat import VAT
from tests.core.invoicing.documents import (
    LIABLE,
    NOT_LIABLE,
    PAYMENT,
    TERMS,
    assert_adds_up,
    document_of,
)
from tests.core.rating.sheets import (
    DUAL,
    FLAT,
    ZURICH,
    energy,
    fee,
    one_each,
    random_usage,
    sheet,
)
from tests.counts import examples

Q1 = Dates(date(2026, 1, 1), date(2026, 4, 1))
OWNER = CapStatus.OWNER
LEVY = energy(
    "levy", "grid", "0.023", part="levies", vat=Vat.LEVY, vat_reason=labels("Netzzuschlag")
)
WITH_LEVY = sheet(
    energy("solar", "solar", "0.24"),
    energy("grid", "grid", "0.27", price_includes_vat=False),
    LEVY,
    fee("basic", Unit.MONTH, "7.35", ProRata.FULL_MONTHS),
)


def rated_of(price_sheet, period=Q1, cuts=()):
    return rate(random_usage(1, period), period, one_each(1, period, price_sheet), cuts)[0]


def test_a_liable_issuer_adds_vat_and_exempts_levies():
    document, findings = document_of(rated_of(WITH_LEVY), LIABLE, OWNER)
    assert findings == ()
    assert_adds_up(document)
    by = {group.category: group for group in document.vat}
    assert by[VatCategory.STANDARD].rate == Decimal("8.1")
    assert by[VatCategory.EXEMPT].reason == "Netzzuschlag"
    assert by[VatCategory.EXEMPT].tax == 0
    grid = next(line for line in document.lines if line.component == "grid")
    assert grid.price == Decimal("0.27")
    solar = next(line for line in document.lines if line.component == "solar")
    assert solar.price == Decimal("0.22201665")


def test_an_issuer_that_is_not_liable_passes_it_on_vat_included():
    document, _ = document_of(rated_of(WITH_LEVY), NOT_LIABLE, OWNER)
    assert_adds_up(document)
    (group,) = document.vat
    assert (group.category, group.tax) == (VatCategory.OUTSIDE, 0)
    assert "Nicht mehrwertsteuerpflichtig" in group.reason
    prices = {line.component: line.price for line in document.lines}
    assert prices["grid"] == Decimal("0.29187")
    assert prices["solar"] == Decimal("0.24")
    assert prices["levy"] == Decimal("0.023")


def test_vat_by_the_date_of_supply():
    period = Dates(date(2023, 12, 1), date(2024, 2, 1))
    cuts = VAT.cuts(period)
    assert cuts == (date(2024, 1, 1),)
    price_sheet = replace(WITH_LEVY, valid=Dates(date(2023, 1, 1)))
    document, _ = document_of(rated_of(price_sheet, period, cuts), LIABLE, OWNER)
    assert_adds_up(document)
    assert [g.rate for g in document.vat if g.category == "S"] == [Decimal("7.7"), Decimal("8.1")]
    for line in document.lines:
        assert line.to_date <= date(2024, 1, 1) or line.from_date >= date(2024, 1, 1)
    usage = sum(line.quantity_wh for line in document.lines if line.component in ("solar", "grid"))
    assert usage == rated_of(price_sheet, period).consumption_wh


def test_a_supply_before_the_first_rate_is_refused():
    period = Dates(date(2010, 1, 1), date(2010, 2, 1))
    with pytest.raises(NoVatRate, match="CH has no VAT rate 'normal' on 2010-01-01"):
        document_of(rated_of(replace(FLAT, valid=period), period), LIABLE, OWNER)


@settings(max_examples=examples(40), deadline=None)
@given(
    prices=st.lists(st.integers(-5000, 40000), min_size=3, max_size=6),
    kinds=st.lists(st.sampled_from(["supplier", "levy", "reduced"]), min_size=6, max_size=6),
    solutions=st.lists(st.sampled_from(["electricity", "charging"]), min_size=6, max_size=6),
    seed=st.integers(0, 100),
)
def test_every_document_adds_up(prices, kinds, solutions, seed):
    week = Dates(date(2026, 1, 5), date(2026, 1, 12))
    components = [energy("solar", "solar", "0.1234"), energy("grid", "grid", "0.2345")]
    for number, price in enumerate(prices):
        kind = kinds[number]
        components.append(
            energy(
                f"c{number}",
                "total",
                str(Decimal(price).scaleb(-5)),
                part=f"p{number}",
                vat=Vat.LEVY if kind == "levy" else Vat.SUPPLIER,
                vat_reason=labels("levy") if kind == "levy" else (),
                vat_code="reduced" if kind == "reduced" else "normal",
                solution=solutions[number],
                price_includes_vat=number % 2 == 0,
            )
        )
    price_sheet = sheet(
        *components,
        energy("ev", "total", "0.3", solution="charging"),
    )
    usage = random_usage(2, week, seed)
    people = [Participant("A", week, (("electricity", 0), ("charging", 1)), (price_sheet,))]
    (rated,) = rate(usage, week, people)
    for issuer in (LIABLE, NOT_LIABLE):
        document, _ = document_of(rated, issuer, OWNER)
        assert_adds_up(document)
        assert entry_of(structs.replace(document, number="1"), ACCOUNTS, ref="e1").postings


def test_sections_are_by_solution_in_the_order_of_the_sheet():
    price_sheet = sheet(
        energy("ev", "total", "0.40", solution="charging"),
        energy("solar", "solar", "0.24"),
        energy("grid", "grid", "0.30"),
        titles=(("charging", (("de", "Ladestation"),)),),
    )
    usage = random_usage(2, Q1)
    people = [Participant("A", Q1, (("electricity", 0), ("charging", 1)), (price_sheet,))]
    document, _ = document_of(rate(usage, Q1, people)[0], status=OWNER)
    assert [section.title for section in document.sections] == ["Ladestation", "electricity"]
    assert [line.id for line in document.lines] == ["1", "2", "3"]


def _plain(value):
    return structs.asdict(value) if isinstance(value, Struct) else str(value)


def test_the_same_inputs_give_the_same_bytes_and_come_back():
    first, _ = document_of(rated_of(DUAL), LIABLE, OWNER, payment=PAYMENT)
    second, _ = document_of(rated_of(DUAL), LIABLE, OWNER, payment=PAYMENT)
    assert freeze(first) == freeze(second)
    data, _ = freeze(first)
    assert thaw(data) == first
    plain = json.dumps(
        first, default=_plain, sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    assert data.decode() == plain


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"schema":1', '"schema":2', "schema 2"),
        ('"currency":"CHF",', "", "currency"),
        ('"net":"', '"net":"x', "net"),
        ('"currency":', '"discount":"5","currency":', "discount"),
        ('"street":', '"floor":"3","street":', "floor"),
        ("{", "", "object"),
    ],
)
def test_what_is_no_document_of_this_version_does_not_come_back(old, new, named):
    document, _ = document_of(rated_of(DUAL), LIABLE, OWNER)
    with pytest.raises(ValueError, match=named):
        thaw(freeze(document)[0].decode().replace(old, new, 1))


@given(st.builds(Decimal.scaleb, st.integers(-(10**20), 10**20).map(Decimal), st.integers(-20, 20)))
@example(Decimal("0E-8"))
@example(Decimal("1E+3"))
@example(Decimal("-0.0000001"))
def test_a_decimal_is_written_with_the_digits_it_has(value):
    assert Decimal(json.loads(canonical_json(value))).as_tuple() == value.as_tuple()


@pytest.mark.parametrize("percent", ["10", "10.0000", "8.1", "0", "0.00"])
def test_equal_rates_of_other_lengths_do_not_stand_for_each_other(percent):
    factor = EXACT.add(1, EXACT.divide(Decimal(percent), 100))
    amount = Decimal("12.3")
    assert str(with_vat(amount, Decimal(percent))) == str(EXACT.multiply(amount, factor))


def test_the_payment_asks_for_what_is_payable():
    document, _ = document_of(rated_of(DUAL), LIABLE, OWNER, payment=PAYMENT)
    assert document.payment.amount == document.total
    assert document.payment.currency == "CHF"
    less, _ = document_of(
        rated_of(DUAL), LIABLE, OWNER, payment=PAYMENT, prepaid=document.total + 1
    )
    assert less.payable == -1
    assert less.payment is None


def test_cash_rounding_is_apart_from_the_total():
    terms = Terms("CHF", VAT, None, cash_rounding=True)
    document, _ = document_of(rated_of(FLAT), terms=terms)
    assert_adds_up(document)
    assert document.payable % Decimal("0.05") == 0
    assert abs(document.rounding) <= Decimal("0.02")
    assert document.caps == ()


def test_another_currency_and_nothing_to_bill():
    _, (finding,) = document_of(rated_of(FLAT), status=OWNER, terms=Terms("EUR", VAT, None))
    assert finding.code == "invoice.currency"
    with pytest.raises(NothingToBill, match="H0"):
        document_of(replace(rated_of(FLAT), lines=()))


def test_a_credit_note_is_the_exact_opposite():
    document, _ = document_of(rated_of(WITH_LEVY), LIABLE, OWNER, payment=PAYMENT)
    with pytest.raises(NotCreditable):
        credit_note(document, number="2", issued_date=date(2026, 5, 1))
    issued = structs.replace(document, number="2026-1")
    credit = credit_note(issued, number="2026-2", issued_date=date(2026, 5, 1), reason="Zähler")
    assert credit.kind is Kind.CREDIT_NOTE
    assert credit.supersedes == "2026-1"
    assert credit.inputs[0].sha256 == freeze(issued)[1]
    assert credit.payment is None
    assert_adds_up(credit)
    for line, was in zip(credit.lines, issued.lines, strict=True):
        assert line.amount == -was.amount
        assert line.quantity == -was.quantity
        assert line.price == was.price
    posted = entry_of(issued, ACCOUNTS, ref="e1")
    back = entry_of(credit, ACCOUNTS, ref="e2")
    opposite = reversal(posted, ref="e2", booked_date=date(2026, 5, 1)).postings
    assert sorted(map(str, back.postings)) == sorted(map(str, opposite))
    with pytest.raises(NotCreditable):
        credit_note(credit, number="2026-3", issued_date=date(2026, 5, 1))
    assert thaw(freeze(credit)[0]) == credit


def test_postings_balance_with_prepayment_and_rounding():
    terms = replace(TERMS, cash_rounding=True)
    document, _ = document_of(
        rated_of(WITH_LEVY), LIABLE, OWNER, terms=terms, prepaid=Decimal("100.00")
    )
    entry = entry_of(structs.replace(document, number="1"), ACCOUNTS, ref="e1")
    by_account = {posting.account: posting.amount for posting in entry.postings}
    assert by_account["1100"] == document.payable
    assert by_account["2030"] == 100
    assert by_account["2200"] == -document.tax


@pytest.mark.parametrize(
    ("dates", "step", "count"),
    [
        (Q1, Step.WEEK, 14),
        (Dates(date(2026, 3, 1), date(2026, 4, 1)), Step.DAY, 31),
        (Dates(date(2026, 1, 1), date(2027, 1, 1)), Step.MONTH, 12),
    ],
)
def test_bars_add_up_to_the_lines(dates, step, count):
    assert step_for(dates) is step
    usage = random_usage(5, dates)
    estimated = np.zeros_like(usage.solar_mwh, dtype=np.bool_)
    estimated[2, 5:8] = True
    usage = Usage(usage.first_slot, ZURICH, usage.consumption_mwh, usage.solar_mwh, estimated)
    rated = rate(usage, dates, one_each(5, dates, DUAL))
    for number, (energy_used, one) in enumerate(zip(energy_of(usage, rated), rated, strict=True)):
        assert len(energy_used.bars) == count
        assert sum(bar.solar_wh for bar in energy_used.bars) == one.solar_wh == energy_used.solar_wh
        assert sum(bar.grid_wh for bar in energy_used.bars) == energy_used.grid_wh
        assert energy_used.total_wh == one.consumption_wh
        assert all(bar.solar_wh >= 0 and bar.grid_wh >= 0 for bar in energy_used.bars)
        assert all(a.to_date == b.from_date for a, b in pairwise(energy_used.bars))
        assert energy_used.estimated_intervals == (3 if number == 2 else 0)
        assert energy_used.bars[0].estimated == (number == 2)


def test_bars_of_a_part_of_the_period_and_of_no_row():
    usage = random_usage(1, Q1)
    day = date(2026, 2, 11)
    people = [
        Participant("A", Dates(Q1.from_date, day), (("electricity", 0),), (FLAT,)),
        Participant("B", Dates(day, Q1.to_date), (("electricity", 0),), (FLAT,)),
        Participant("C", Q1, (), (FLAT,)),
    ]
    rated = rate(usage, Q1, people)
    first, second, none = energy_of(usage, rated, Step.MONTH)
    assert none is None
    assert [bar.from_date for bar in second.bars] == [day, date(2026, 3, 1)]
    assert (first.total_wh + second.total_wh) * 1000 == int(usage.consumption_mwh.sum())
