"""Every page, wide and narrow, light and dark: accessible, within its width, silent console."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

PAGES = {
    "": ["/account/login/", "/account/password/reset/", "/account/signup/"],
    "operator": [
        "/sites/",
        "/bill/",
        "/bill/1/",
        "/bill/2/",
        "/sites/linde/",
        "/sites/linde/energy/?range=day&at=2026-08-12",
        "/sites/linde/energy/?range=year&at=2026-08-12&point=w002",
        "/sites/linde/equipment/",
        "/sites/linde/equipment/pv/?at=2026-08-01",
        "/sites/linde/energy/?first=2026-08-30&last=2026-08-12",
        "/sites/linde/quality/?range=quarter&at=2026-08-12",
        "/sites/linde/quality/locks/",
        "/sites/linde/quality/1/?start=2026-08-12T10:00Z&end=2026-08-12T12:00Z",
        "/sites/linde/quality/1/edit/?start=2026-08-12T10:00Z&end=2026-08-12T12:00Z",
        "/sites/linde/quality/1/estimate/?start=2026-08-12T10:00Z&end=2026-08-12T12:00Z",
        "/sites/linde/places/",
        "/sites/linde/places/w001/?at=2026-08-01",
        "/sites/linde/places/w001/move/",
        "/sites/linde/prices/",
        "/sites/linde/prices/linde-2026/",
        "/sites/linde/prices/linde-2026/change/",
        "/sites/linde/billing/",
        "/sites/linde/billing/new/",
        "/sites/linde/billing/new/?first=2026-07-01&last=2026-09-30",
        "/sites/linde/billing/1/",
        "/sites/linde/invoices/",
        "/sites/linde/invoices/1/",
        "/sites/linde/invoices/1/correct/",
        "/sites/linde/invoices/1/1/",
        "/sites/linde/invoices/1/7/",
        "/sites/linde/imports/",
        "/sites/linde/imports/new/",
        "/sites/linde/notes/",
        "/search/?q=Wohnung",
        "/nothing/",
        "/sites/nowhere/",
        "/account/factors/",
        "/account/password/change/",
    ],
    "owner": ["/sites/linde/"],
    "installer": ["/sites/linde/", "/sites/linde/places/"],
    "resident": [
        "/me/",
        "/me/energy/?range=week&at=2026-08-12",
        "/me/bills/",
        "/me/bills/1/",
        "/me/bills/1/1/",
        "/me/account/",
    ],
    "stranger": ["/"],
}
EXPECTED_FAILURES = ("/sites/nowhere/", "/sites/linde/places/")
"""Pages that answer 404 or 403 for who asks; the console names the status."""


COMBINATIONS = [(1440, "light"), (390, "dark"), (1440, "dark"), (390, "light")]
"""Each page in both widths and both themes; make drill also swaps them."""


VIOLATIONS = {"resultTypes": ["violations"]}
"""Every rule is still checked; axe only spares the description of all that is well."""


@pytest.mark.drill
@pytest.mark.parametrize(
    ("width", "theme"), COMBINATIONS[: 4 if os.environ.get("QUARTIER_DRILL") == "1" else 2]
)
def test_every_page(visit, width, theme):
    faults = []
    for role, urls in PAGES.items():
        page = visit(role, width, theme)
        for url in urls:
            answer = page.goto(url)
            page.evaluate("document.fonts.ready")
            page.wait_for_timeout(60)
            if answer.status >= 400 and url not in EXPECTED_FAILURES:
                faults.append(f"{role} {url}: {answer.status}")
            for fault in Axe().run(page, options=VIOLATIONS).response["violations"]:
                nodes = "; ".join(node["html"][:120] for node in fault["nodes"][:2])
                faults.append(f"{role} {url}: {fault['id']}: {nodes}")
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                faults.append(f"{role} {url}: {wide} pixels wide")
        faults += [one for one in page.complaints if "status of 40" not in one]
        page.close()
    assert faults == []
