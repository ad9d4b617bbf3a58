"""Numbers, units and dates as people read them (design.md, Language)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from quartier.portals.shared import formats


@pytest.mark.parametrize(
    ("value", "digits", "language", "text"),
    [
        ("1234.5", 2, "de", "1'234.50"),
        ("1234.5", 2, "it", "1'234.50"),
        ("1234.5", 2, "en", "1'234.50"),
        ("1234.5", 2, "fr", "1\u202f234.50"),
        ("1234567.891", 1, "de", "1'234'567.9"),
        ("999", 0, "de", "999"),
        ("1000", 0, "de", "1'000"),
        ("-12.345", 2, "de", "\u221212.34"),
        ("-0.001", 2, "de", "0.00"),
        ("0", 3, "fr", "0.000"),
        ("0.005", 2, "de", "0.00"),
        ("0.015", 2, "de", "0.02"),
    ],
)
def test_numbers(value, digits, language, text):
    assert formats.number(Decimal(value), digits, language) == text


def test_energy_has_a_thin_space_before_its_unit():
    assert formats.energy(1_234_567, "de") == "1'234.6\u202fkWh"
    assert formats.energy(1_234_567, "fr", 3) == "1\u202f234.567\u202fkWh"


def test_money_has_two_decimals():
    assert formats.money(Decimal("1234.5"), "CHF", "de") == "CHF\u202f1'234.50"


@pytest.mark.parametrize(
    ("price", "text"),
    [
        ("0.2450", "0.2450"),
        ("0.106", "0.1060"),
        ("0.3", "0.3000"),
        ("0", "0.00"),
        ("-0.01", "−0.0100"),
        ("12", "12.00"),
        ("12.345", "12.345"),
        ("0.23412", "0.23412"),
        ("100", "100.00"),
    ],
)
def test_a_price_keeps_its_decimals_and_four_below_one(price, text):
    assert formats.price(Decimal(price), "de") == text


def test_dates_and_moments():
    assert formats.day(date(2026, 3, 7)) == "07.03.2026"
    assert formats.day(date(987, 3, 7)) == "07.03.0987"
    at = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert formats.moment(at, "Europe/Zurich") == "29.03.2026\u202f03:30"


def test_a_time_that_comes_twice_has_its_offset():
    first, second = (datetime(2026, 10, 25, hour, 45, tzinfo=UTC) for hour in (0, 1))
    assert formats.moment(first, "Europe/Zurich") == "25.10.2026\u202f02:45\u202f(+02:00)"
    assert formats.moment(second, "Europe/Zurich") == "25.10.2026\u202f02:45\u202f(+01:00)"
    later = second + timedelta(minutes=15)
    assert formats.moment(later, "Europe/Zurich") == "25.10.2026\u202f03:00"
    assert formats.moment(first, "America/St_Johns").count("(") == 0
