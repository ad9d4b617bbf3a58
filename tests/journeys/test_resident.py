"""What a resident sees: the cost so far without a click, their energy, their invoices."""

import pytest

pytestmark = pytest.mark.browser


def test_what_i_pay_is_the_first_thing_on_my_phone(visit):
    page = visit("resident", width=390)
    page.goto("/")
    assert page.url.endswith("/me/")
    assert "CHF" in page.locator(".hero").inner_text()
    assert page.locator(".tabs a").count() == 4
    box = page.locator(".hero").bounding_box()
    assert box["y"] < 400


def test_a_bill_explains_itself(visit):
    page = visit("resident", width=390)
    page.goto("/me/")
    page.locator(".tabs").get_by_role("link", name="Bills").click()
    page.locator("a.bill").first.click()
    page.get_by_role("link", name="Netznutzung").click()
    page.wait_for_selector(".plot canvas")
    assert "kWh" in page.locator(".formula").inner_text()
    assert page.complaints == []


def test_my_energy_by_day(visit):
    page = visit("resident", width=390)
    page.goto("/me/energy/?range=day&at=2026-08-12")
    page.wait_for_selector(".plot canvas")
    assert page.locator(".chart tbody tr").count() == 96


def test_other_bills_do_not_exist_for_me(visit):
    page = visit("resident")
    assert page.request.get("/me/bills/2/").status == 404
    assert page.request.get("/sites/linde/invoices/1/").status == 403
