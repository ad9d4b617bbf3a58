"""What an operator does: look, explain, move somebody in, bill, import."""

import re

import pytest
from playwright.sync_api import expect

from tests.portals.conftest import PASSWORD

pytestmark = pytest.mark.browser


def test_a_wrong_password_is_refused_and_the_right_one_leads_to_the_sites(visit):
    page = visit("")
    page.goto("/sites/")
    page.fill("#id_login", "operator@example.ch")
    page.fill("#id_password", "falsch")
    page.click("form button.primary")
    page.wait_for_selector(".notice.error")
    assert "/account/login/" in page.url
    page.fill("#id_login", "operator@example.ch")
    page.fill("#id_password", PASSWORD)
    page.click("form button.primary")
    page.wait_for_url("**/sites/")
    assert page.locator("tbody tr").count() == 1


def test_the_chart_shows_exact_values_and_moves_between_ranges(visit):
    page = visit("operator")
    page.goto("/sites/linde/energy/?range=month&at=2026-08-01")
    page.wait_for_selector(".plot canvas")
    total = page.locator("[data-series=solar]").inner_text()
    plot = page.locator(".plot .u-over")
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    expect(page.locator("[data-when]")).to_contain_text(".08.2026")
    assert page.locator("[data-series=solar]").inner_text() != total
    page.mouse.move(5, 5)
    page.get_by_role("link", name="Day", exact=True).click()
    page.wait_for_url("**range=day**")
    expect(page.locator(".chart tbody tr")).to_have_count(96)
    page.get_by_label("Later").click()
    page.wait_for_url("**2026-08-02**")
    page.wait_for_selector(".plot canvas")
    assert page.complaints == []


def test_the_month_is_the_same_on_the_chart_and_on_the_invoice(visit):
    """Three months of one billing point, added up, are the quantities of its invoice."""
    page = visit("operator")
    wh = 0
    for month in ("07", "08", "09"):
        page.goto(f"/sites/linde/energy/?range=month&at=2026-{month}-01&point=w001")
        data = page.evaluate(
            "JSON.parse(document.querySelector('[data-chart] script').textContent)"
        )
        wh += round(sum(one["total"] for one in data["up"]) * 1000)
    page.goto("/sites/linde/invoices/1/")
    shown = page.locator(".tile .value").nth(1).inner_text()
    kwh = float(re.sub(r"[^0-9.]", "", shown))
    assert abs(kwh - wh / 1000) < 0.06, (shown, wh)


def test_a_line_is_explained_down_to_the_quarter_hours(visit):
    page = visit("operator")
    page.goto("/sites/linde/invoices/1/")
    page.get_by_role("link", name="Solarstrom Hochtarif").click()
    page.wait_for_selector(".plot canvas")
    formula = page.locator(".formula").inner_text()
    assert "kWh" in formula
    assert "CHF" in formula
    assert page.get_by_text("the sheet is what was billed from").is_visible()
    page.get_by_role("link", name="Day", exact=True).click()
    expect(page.locator(".chart tbody tr")).to_have_count(96)
    assert page.complaints == []


def test_the_palette_finds_people_and_places(visit):
    page = visit("operator")
    page.goto("/sites/")
    page.keyboard.press("Control+k")
    page.keyboard.type("Bewohner")
    page.locator("dialog .found a", has_text="Bewohner 1").first.wait_for()
    page.keyboard.type(" 3")
    page.keyboard.press("Enter")  # before the answer: the hits of "Bewohner" are still there
    page.wait_for_url("**/places/w003/")
    assert page.locator("h1").inner_text() == "Wohnung 3"


def test_a_move_takes_two_dates_and_a_name(visit):
    page = visit("operator")
    page.goto("/sites/linde/places/")
    clicks = 0
    page.locator("tr", has_text="Wohnung 4").get_by_role("link", name="Move").click()
    clicks += 1
    page.fill("[name=out_date]", "2026-11-17")
    page.fill("[name=in_date]", "2026-12-01")
    page.fill("[name=name]", "Nora Neu")
    page.get_by_role("button", name="Review").click()
    clicks += 1
    review = page.locator("table").inner_text()
    assert "17.11.2026" in review
    assert "vacant" in review
    assert "Nora Neu" in review
    page.get_by_role("button", name="Record the move").click()
    clicks += 1
    page.wait_for_selector(".toasts")
    chain = page.locator(".card", has_text="Who held it").inner_text()
    assert "18.11.2026" in chain
    assert "01.12.2026" in chain
    assert clicks <= 6
    assert page.complaints == []


def test_an_issue_stops_billing_until_it_is_resolved(visit):
    page = visit("operator")
    page.goto("/sites/linde/billing/new/?first=2026-07-01&last=2026-09-30")
    assert page.get_by_text("Look at it").first.is_visible()
    page.goto("/sites/linde/notes/")
    page.get_by_role("button", name="Resolve").click()
    page.wait_for_selector(".toasts")
    page.goto("/sites/linde/billing/new/?first=2026-07-01&last=2026-09-30")
    assert page.get_by_text("All of it is issued already.").is_visible()
    page.goto("/sites/linde/notes/")
    page.get_by_role("button", name="Open again").click()
    page.wait_for_selector(".toasts")


def test_many_sites_are_billed_in_the_background(visit):
    """From the list to the result, with the keyboard and the server's own worker."""
    page = visit("operator")
    page.goto("/sites/")
    expect(page.get_by_role("button", name="Bill the chosen")).to_be_disabled()
    page.get_by_label("Choose Lindenhof").focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-select-count]")).to_have_text("1 site chosen")
    page.get_by_role("button", name="Bill the chosen").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/bill/?**")
    page.fill("[name=first]", "2026-07-01")
    page.fill("[name=last]", "2026-09-30")
    page.get_by_role("button", name="Issue at once").click()
    expect(page.get_by_text("1 site is stopped.")).to_be_visible(timeout=60_000)
    expect(page.locator("#batch-said")).to_have_text("The job is finished.")
    row = page.locator("tr", has_text="Lindenhof")
    expect(row).to_contain_text("Refused")
    expect(row).to_contain_text("Look at it")
    assert page.complaints == []


def test_the_invoice_is_a_pdf(visit):
    page = visit("operator")
    answer = page.request.get("/sites/linde/invoices/1/document.pdf")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF")


CURVE = "meter,obis,start,energy_kwh,quality\n" + "".join(
    f"m001,1-1:1.29.0,2026-10-01T{hour:02}:{minute:02}:00Z,0.125,measured\n"
    for hour in range(24)
    for minute in (0, 15, 30, 45)
)


def test_a_load_curve_is_previewed_then_imported(visit):
    page = visit("operator")
    page.goto("/sites/linde/imports/new/")
    page.set_input_files(
        "[name=files]", {"name": "curve.csv", "mimeType": "text/csv", "buffer": CURVE.encode()}
    )
    page.select_option("[name=kind]", "load-curve")
    page.get_by_role("button", name="Preview").click()
    page.wait_for_selector("text=What would be stored")
    assert "96" in page.locator("tbody").last.inner_text()
    page.goto("/sites/linde/equipment/m001/?range=day&at=2026-10-01")
    assert "0.125" not in page.content(), "a preview stores nothing"
    page.goto("/sites/linde/imports/new/")
    page.set_input_files(
        "[name=files]", {"name": "curve.csv", "mimeType": "text/csv", "buffer": CURVE.encode()}
    )
    page.select_option("[name=kind]", "load-curve")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_selector(".toasts")
    assert page.get_by_role("link", name="curve.csv").is_visible()
    page.goto("/sites/linde/equipment/m001/?range=day&at=2026-10-01")
    assert "0.125" in page.content()


@pytest.mark.parametrize(
    ("language", "heading"),
    [("de", "Liegenschaften"), ("fr", "Sites"), ("it", "Siti"), ("en", "Sites")],
)
def test_four_languages(visit, language, heading):
    page = visit("operator")
    page.goto("/sites/")
    page.locator(".bar details.menu summary").click()
    with page.expect_navigation():
        page.select_option("#language-choice", language)
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("h1").inner_text() == heading
    page.goto("/sites/linde/energy/?range=quarter&at=2026-08-01")
    content = page.locator(".tile .value").first.inner_text()
    assert ("'" in content) == (language != "fr")


def test_dark_and_light_are_remembered(visit):
    page = visit("operator")
    page.goto("/sites/linde/")
    page.locator(".bar details.menu summary").click()
    page.get_by_role("button", name="Dark").click()
    page.goto("/sites/")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 21, 26)"
