"""Switzerland's dated values: VAT, caps, windows, LEG."""

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest

from quartier.core.invoicing.tax import NoVatRate
from quartier.core.kernel.period import Dates
from quartier.markets.ch.accounts import ACCOUNT_NAMES, ACCOUNTS
from quartier.markets.ch.caps import CAP_LAWS, NoCapLaw, cap_law_on
from quartier.markets.ch.leg import NoGridDiscount, grid_discount_on
from quartier.markets.ch.vat import VAT
from quartier.markets.ch.windows import NoWindows, windows_of, with_holidays


@pytest.mark.parametrize(
    ("code", "day", "percent"),
    [
        ("normal", date(2023, 12, 31), "7.7"),
        ("normal", date(2024, 1, 1), "8.1"),
        ("reduced", date(2023, 12, 31), "2.5"),
        ("reduced", date(2026, 11, 22), "2.6"),
        ("accommodation", date(2024, 1, 1), "3.8"),
        ("normal", date(2017, 12, 31), "8.0"),
    ],
)
def test_vat_rates_by_date(code, day, percent):
    rate = VAT.rate(code, day)
    assert rate.percent == Decimal(percent)
    assert "Art. 25" in rate.article


def test_every_vat_code_has_one_rate_a_day_without_gap():
    for code in {rate.code for rate in VAT.rates}:
        rates = sorted((r for r in VAT.rates if r.code == code), key=lambda r: r.valid.from_date)
        assert rates[-1].valid.to_date is None
        for before, after in itertools.pairwise(rates):
            assert before.valid.to_date == after.valid.from_date


def test_vat_cuts_are_inside_the_period():
    assert VAT.cuts(Dates(date(2024, 1, 1), date(2024, 4, 1))) == ()
    assert VAT.cuts(Dates(date(2023, 12, 31), date(2024, 1, 2))) == (date(2024, 1, 1),)
    with pytest.raises(NoVatRate):
        VAT.rate("luxury", date(2026, 1, 1))


def test_the_flat_cap_came_in_2023():
    assert cap_law_on(date(2022, 12, 31)).flat_percent is None
    assert cap_law_on(date(2023, 1, 1)).flat_percent == 80
    assert all(law.owner_percent == 50 for law in CAP_LAWS)
    with pytest.raises(NoCapLaw):
        cap_law_on(date(2017, 12, 31))


def test_grid_discounts_since_2026():
    today = grid_discount_on(date(2026, 1, 1))
    assert (today.same_level_percent, today.transformed_percent) == (40, 20)
    with pytest.raises(NoGridDiscount):
        grid_discount_on(date(2025, 12, 31))


def test_default_windows():
    assert len(windows_of("glattwerk").standard) == 2
    with pytest.raises(NoWindows, match="glattwerk"):
        windows_of("nowhere")
    zurich = with_holidays(windows_of("glattwerk"), "ZH", (2025, 2026))
    assert date(2026, 4, 6) in zurich.holidays
    assert zurich.holidays == tuple(sorted(zurich.holidays))
    assert min(zurich.holidays) - date(2025, 1, 1) == timedelta(0)


def test_every_account_has_a_name():
    names = dict(ACCOUNT_NAMES)
    used = {
        ACCOUNTS.receivable,
        ACCOUNTS.vat_payable,
        ACCOUNTS.advances,
        ACCOUNTS.rounding,
        ACCOUNTS.other_revenue,
        *(code for _, code in ACCOUNTS.revenue),
    }
    assert used <= set(names)
