"""Behind every line: its quarter-hours add up to it, as they were billed."""

import hashlib
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from quartier.apps.billing.explain import NoSuchLine, explain
from quartier.apps.billing.models import Invoice
from quartier.apps.billing.operations import credit
from quartier.apps.billing.revenue import solar_revenue
from quartier.apps.billing.so_far import cost_so_far
from quartier.apps.equipment.models import Register
from quartier.apps.intake.operations import import_load_curves
from quartier.apps.intake.sources import Source
from quartier.apps.metering import store
from quartier.apps.sites.models import BillingPoint
from quartier.core.invoicing.frozen import thaw
from quartier.core.kernel.period import Dates, slot_at
from quartier.core.metering.intervals import Series
from tests.portals.conftest import BILLED_AT

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def test_quarter_hours_add_up_to_the_line(world):
    for invoice in world.invoices:
        for line in thaw(bytes(invoice.document)).lines:
            found = explain(invoice, line.id)
            if line.quantity_wh is None:
                assert found.counted_mwh is None
                continue
            assert abs(int(found.counted_mwh.sum()) - line.quantity_wh * 1000) < 3000, line.label
            assert found.is_same_sheet
            assert found.meters


def test_a_later_revision_does_not_change_the_explanation(world):
    invoice = world.invoices[0]
    before = explain(invoice, "3").counted_mwh
    register = Register.objects.get(site=world.site, meter__ref="m001")
    first = slot_at(explain(invoice, "3").peak[0])
    series = Series(register.pk, first, np.array([9000]), np.array([2], np.uint8))
    written = store.write(
        world.site.pk, [series], source="test", known_at=BILLED_AT.replace(day=20)
    )
    assert written.revised == 1
    assert np.array_equal(explain(invoice, "3").counted_mwh, before)


def test_the_page_names_the_file_its_lines_and_who_imported_it(world):
    text = b"meter;timestamp;import_kwh;export_kwh\nm001;2026-07-01 10:00;0.5;0\n"
    report, _ = import_load_curves(
        world.site,
        [Source("july.csv", text)],
        by="ann@example.ch",
        at=BILLED_AT,
        overwrite=True,
    )
    assert report.count("imported") == 1
    url = f"/sites/linde/invoices/{world.invoices[0].pk}/3/"
    page = world.as_("operator").get(url).content.decode()
    for word in ("july.csv", "lines 2 to 2", "ann@example.ch", hashlib.sha256(text).hexdigest()):
        assert word in page, word


def test_a_changed_sheet_is_named(world):
    invoice = world.invoices[0]
    sheet = explain(invoice, "1").sheet
    sheet.sha256 = "0" * 64
    sheet.save()
    assert not explain(invoice, "1").is_same_sheet


def test_there_is_no_other_line(world):
    with pytest.raises(NoSuchLine):
        explain(world.invoices[0], "99")
    assert world.as_("operator").get("/sites/linde/invoices/1/99/").status_code == 404


def test_the_cost_so_far_is_what_the_bill_will_be(world):
    """Once the invoice is cancelled, what it billed is running again; the share of a Wh that is
    rounded among the households may differ."""
    invoice = Invoice.objects.get(billing_point__ref="w002")
    point = BillingPoint.objects.select_related("site__organisation", "building").get(ref="w002")
    assert cost_so_far(point, Dates(date(2026, 1, 1)), date(2026, 10, 1)) is None, "all is billed"
    credit(
        invoice,
        now=BILLED_AT.replace(day=20),
        issued_date=date(2026, 10, 20),
        actor="test",
        reason="test",
    )
    found = cost_so_far(point, Dates(date(2026, 7, 1)), date(2026, 10, 1))
    assert found.dates == Dates(date(2026, 7, 1), date(2026, 10, 1))
    assert abs(found.document.total - invoice.total) <= Decimal("0.02")
    assert found.gaps == 0
    later = cost_so_far(point, Dates(date(2026, 7, 1)), date(2026, 10, 3))
    assert later.gaps == 2 * 96


def test_what_has_no_price_has_no_cost_so_far(world):
    point = BillingPoint.objects.select_related("site__organisation", "building").get(ref="w002")
    assert cost_so_far(point, Dates(date(2026, 1, 1)), date(2027, 2, 1)) is None


def test_what_the_roof_earned_is_the_sum_of_the_solar_lines(world):
    documents = [thaw(bytes(one.document)) for one in world.invoices]
    wanted = sum(line.amount for one in documents for line in one.lines if line.flow == "solar")
    found = solar_revenue(world.site)
    assert found.amount == wanted > 0
    assert found.dates == Dates(date(2026, 7, 1), date(2026, 10, 1))
    assert "Solar energy sold" in world.as_("owner").get("/sites/linde/").content.decode()
    assert "Solar energy sold" not in world.as_("installer").get("/sites/linde/").content.decode()
    when = {"now": BILLED_AT.replace(day=20), "issued_date": date(2026, 10, 20)}
    for invoice in world.invoices:
        credit(invoice, **when, actor="test", reason="test")
    assert solar_revenue(world.site).amount == 0
