"""Every page, wide and narrow, light and dark: accessible, within its width, silent console."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import resolve

from quartier.portals.operator import urls as operator
from quartier.portals.resident import urls as resident
from tests.counts import is_drill

pytestmark = pytest.mark.browser

PAGES = {
    "": ["/account/login/", "/account/password/reset/", "/account/signup/"],
    "operator": [
        "/sites/",
        "/alarms/",
        "/alarms/?show=ended",
        "/alarms/?kind=clock",
        "/alarms/settings/",
        "/bill/",
        "/bill/1/",
        "/bill/2/",
        "/sites/linde/",
        "/sites/linde/energy/?range=day&at=2026-08-12",
        "/sites/linde/energy/?range=year&at=2026-08-12&point=w002",
        "/sites/linde/equipment/",
        "/sites/linde/equipment/pv/?at=2026-08-01",
        "/sites/linde/equipment/m001/edit/",
        "/sites/linde/equipment/m001/exchange/",
        "/sites/linde/new/meter/",
        "/sites/linde/new/meters/table/",
        "/sites/linde/new/meters/pattern/",
        "/sites/linde/new/zones/",
        "/sites/linde/assign/",
        "/sites/linde/order/",
        "/sites/linde/planning/",
        "/sites/linde/planning/wiring/",
        "/sites/linde/planning/labels/",
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
        "/sites/linde/gateways/",
        "/sites/linde/gateways/linde-cellar/",
        "/sites/linde/gateways/linde-cellar/meters/",
        "/sites/linde/gateways/linde-cellar/readers/",
        "/sites/linde/gateways/linde-cellar/remote/",
        "/sites/linde/gateways/linde-router/",
        "/sites/linde/gateways/linde-router/mqtt/",
        "/sites/linde/appliances/",
        "/sites/linde/appliances/boiler/",
        "/sites/linde/new-appliance/",
        "/sites/linde/charging/",
        "/sites/linde/new-charging-station/",
        "/sites/linde/charging/TACW1121T0502/",
        "/sites/linde/charging/TACW1121T0502/log/",
        "/sites/linde/charging/TACW1121T0502/session/?transaction=4",
        "/sites/linde/inspection/",
        "/sites/linde/inspection/report/",
        "/sites/linde/inspection/reports/",
        "/sites/linde/alarms/?show=open",
        "/sites/linde/alarms/settings/",
        "/sites/linde/notes/",
        "/search/?q=Wohnung",
        "/nothing/",
        "/sites/nowhere/",
        "/account/factors/",
        "/account/password/change/",
    ],
    "owner": ["/sites/linde/"],
    "installer": ["/sites/linde/", "/sites/linde/alarms/", "/sites/linde/places/"],
    "resident": [
        "/me/",
        "/me/energy/?range=week&at=2026-08-12",
        "/me/bills/",
        "/me/bills/1/",
        "/me/bills/1/1/",
        "/me/account/",
    ],
    "stranger": ["/", "/pair"],
}
EXPECTED_FAILURES = ("/sites/nowhere/", "/sites/linde/places/")
"""Pages that answer 404 or 403 for who asks; the console names the status."""


NOT_PAGES = {
    "alarms-csv", "batch-continue", "me-bill-pdf", "meter-label", "site-bundle",
    "site-equipment-undo", "site-interval-undo", "site-invoice-pdf", "site-inspection-pdf",
    "site-labels-pdf", "site-meter-template", "site-move-undo", "site-note-resolve",
    "site-raw-file", "site-thing", "site-wiring-pdf",
}  # fmt: skip
"""Files, what is only posted to, what leads elsewhere, and the form of a thing once more."""

PAIRS = [[(1440, "light"), (390, "dark")], [(1440, "dark"), (390, "light")]]
"""Each page is loaded in one width and theme of a pair, in turn the first and the second, turned to
the other, and looked at; make drill looks at every page as it was loaded, in all four."""

BEGINNINGS = [(PAIRS[0], 0), (PAIRS[0], 1), (PAIRS[1], 0), (PAIRS[1], 1)]

AXE = Axe()
VIOLATIONS = {"resultTypes": ["violations"]}
"""Every rule is still checked; axe only spares the description of all that is well."""


def turn(page, width, theme):
    """Give the window that width and the machine that theme, as a reader may at any time."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)
    page.evaluate("Promise.allSettled(document.getAnimations().map(one => one.finished))")


def faults_of(page, place, width, theme):
    """What axe finds in the page as it is shown now, and whether it is too wide."""
    assert page.evaluate("[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]") == [
        width,
        theme == "dark",
    ]
    where = f"{place} at {width} {theme}"
    found = page.evaluate("options => axe.run(document, options)", VIOLATIONS)
    for fault in found["violations"]:
        nodes = "; ".join(node["html"][:120] for node in fault["nodes"][:2])
        yield f"{where}: {fault['id']}: {nodes}"
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        yield f"{where}: {wide} pixels wide"


def test_no_page_is_forgotten():
    known = {one.name for room in (operator, resident) for one in room.urlpatterns}
    assert known >= NOT_PAGES
    seen = {resolve(url.partition("?")[0]).url_name for urls in PAGES.values() for url in urls}
    assert known - seen - NOT_PAGES == set()


@pytest.mark.drill
@pytest.mark.parametrize(("pair", "begin"), BEGINNINGS if is_drill() else BEGINNINGS[:1])
def test_every_page(visit, pair, begin):
    faults = []
    for role, urls in PAGES.items():
        page = visit(role, *pair[begin])
        for position, url in enumerate(urls, start=begin):
            loaded, turned = pair[position % 2], pair[(position + 1) % 2]
            turn(page, *loaded)
            answer = page.goto(url)
            page.evaluate("document.fonts.ready")
            page.wait_for_timeout(60)
            if answer.status >= 400 and url not in EXPECTED_FAILURES:
                faults.append(f"{role} {url}: {answer.status}")
            page.evaluate(AXE.axe_script)
            if not is_drill():
                loaded = turned
                turn(page, *turned)
            faults += faults_of(page, f"{role} {url}", *loaded)
        faults += [one for one in page.complaints if "status of 40" not in one]
        page.close()
    assert faults == []
