"""Every URL for every role. A URL that is not in the table fails the test.

200 is a page, 302 leads elsewhere (to the sign-in for who is signed out), 403 is refused by the
role, 404 does not exist for the visitor, 405 asks for another method.
"""

import hashlib
from datetime import UTC, datetime
from urllib.parse import urlencode

import numpy as np
import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from quartier.core.kernel.period import slot_at
from tests.portals.conftest import BILLED_AT, ROLES

pytestmark = [pytest.mark.django_db, pytest.mark.db]

# operator, owner, installer, resident, neighbor, stranger, outsider, signed out
EVERYBODY = (200, 200, 200, 200, 200, 200, 200, 302)
VIEW = (200, 200, 200, 403, 403, 404, 404, 302)
MONEY = (200, 200, 403, 403, 403, 404, 404, 302)
OPERATOR = (200, 403, 403, 403, 403, 404, 404, 302)
IMPORT = (200, 403, 200, 403, 403, 404, 404, 302)
OWN = (302, 302, 302, 200, 200, 302, 302, 302)
OWN_ROW = (302, 302, 302, 200, 404, 302, 302, 302)
SIGNED_IN = EVERYBODY
NOT_SET_UP = (404, 404, 404, 404, 404, 404, 404, 302)

TABLE = {
    # where a day begins
    "start": (302, 302, 302, 302, 302, 302, 302, 302),
    "nothing": SIGNED_IN,
    "sites": (200, 200, 200, 302, 302, 302, 200, 302),
    "search": SIGNED_IN,
    "alarms": (200, 200, 200, 302, 302, 302, 200, 302),
    "alarms-csv": SIGNED_IN,  # of whom is no one's staff, an empty one
    "alarm-settings": (200, 403, 403, 403, 403, 403, 200, 302),
    "pair": (200,) * 8,  # says where to type a code, and knows none
    "bill-all": (200, 403, 403, 403, 403, 403, 200, 302),
    "batch": (200, 403, 403, 403, 403, 403, 404, 302),
    "batch-continue": (405, 405, 405, 405, 405, 405, 405, 302),
    # a site
    "site": VIEW,
    "site-energy": VIEW,
    "site-equipment": VIEW,
    "site-meter": VIEW,
    "site-gateways": IMPORT,
    "site-gateway": IMPORT,
    "site-gateway-meters": IMPORT,
    "site-gateway-remote": IMPORT,
    "site-gateway-readers": IMPORT,
    "site-meter-new": IMPORT,
    "site-meter-edit": IMPORT,
    "site-meter-table": IMPORT,
    "site-meter-pattern": IMPORT,
    "site-meter-template": IMPORT,
    "site-meter-assign": IMPORT,
    "site-thing-new": IMPORT,
    "site-thing": IMPORT,
    "site-order": IMPORT,
    "site-equipment-undo": (405,) * 8,
    "site-meter-exchange": IMPORT,
    "site-planning": IMPORT,
    "site-wiring": IMPORT,
    "site-wiring-pdf": IMPORT,
    "site-labels": IMPORT,
    "site-labels-pdf": IMPORT,
    "meter-label": (302, 302, 302, 404, 404, 404, 404, 302),
    "site-inspection": IMPORT,
    "site-inspection-report": IMPORT,
    "site-inspection-reports": VIEW,
    "site-inspection-pdf": VIEW,
    "site-gateway-mqtt": IMPORT,
    "site-appliances": VIEW,
    "site-appliance": VIEW,
    "site-appliance-new": IMPORT,
    "site-charging": VIEW,
    "site-charging-new": IMPORT,
    "site-charging-station": VIEW,
    "site-charging-log": VIEW,
    "site-charging-session": VIEW,
    "site-alarms": VIEW,
    "site-alarm-settings": OPERATOR,
    "site-quality": VIEW,
    "site-locks": VIEW,
    "site-intervals": VIEW,
    "site-interval-estimate": IMPORT,
    "site-interval-edit": IMPORT,
    "site-interval-undo": IMPORT,
    "site-places": MONEY,
    "site-place": MONEY,
    "site-move": MONEY,
    "site-move-undo": (405,) * 8,
    "site-prices": MONEY,
    "site-price-change": MONEY,
    "site-sheet": MONEY,
    "site-billing": MONEY,
    "site-bill": OPERATOR,
    "site-run": MONEY,
    "site-invoices": MONEY,
    "site-invoice": MONEY,
    "site-invoice-pdf": MONEY,
    "site-correct": OPERATOR,
    "site-bundle": (302, 302, 403, 403, 403, 404, 404, 302),  # nothing is chosen
    "site-line": MONEY,
    "site-raw-file": IMPORT,
    "site-imports": IMPORT,
    "site-import": IMPORT,
    "site-notes": VIEW,
    "site-note-resolve": (405,) * 8,
    # a resident
    "me": OWN,
    "me-energy": OWN,
    "me-bills": OWN,
    "me-bill": OWN_ROW,
    "me-bill-pdf": OWN_ROW,
    "me-line": OWN_ROW,
    "me-account": OWN,
    # programs, known by their signature and not by a session
    "gateway-pairings": (405,) * 8,
    "gateway-batches": (405,) * 8,
    "gateway-configuration": (401,) * 8,
    "gateway-package": (401,) * 8,
    "gateway-reports": (405,) * 8,
    # an account; nobody's data but one's own
    "set_language": (302,) * 8,
    "account_login": (302, 302, 302, 302, 302, 302, 302, 200),
    "account_logout": (200, 200, 200, 200, 200, 200, 200, 302),  # asked in a test of its own
    "account_signup": (302, 302, 302, 302, 302, 302, 302, 200),
    "account_inactive": (200,) * 8,
    "account_reauthenticate": SIGNED_IN,
    "account_email": SIGNED_IN,
    "account_email_verification_sent": (200,) * 8,
    "account_confirm_email": (200,) * 8,
    "account_change_password": SIGNED_IN,
    "account_set_password": (302,) * 8,
    "account_reset_password": (200,) * 8,
    "account_reset_password_done": (200,) * 8,
    "account_reset_password_from_key": (200,) * 8,
    "account_reset_password_from_key_done": (200,) * 8,
    "account_confirm_login_code": (302,) * 8,
    "mfa_index": SIGNED_IN,
    "mfa_authenticate": (302,) * 8,
    "mfa_reauthenticate": (302,) * 8,
    "mfa_activate_totp": (302,) * 8,
    "mfa_deactivate_totp": NOT_SET_UP,
    "mfa_view_recovery_codes": NOT_SET_UP,
    "mfa_generate_recovery_codes": (302,) * 8,
    "mfa_download_recovery_codes": NOT_SET_UP,
    "mfa_list_webauthn": SIGNED_IN,
    "mfa_add_webauthn": (302,) * 8,
    "mfa_reauthenticate_webauthn": (302,) * 8,
    "mfa_remove_webauthn": (302,) * 8,
    "mfa_edit_webauthn": (302,) * 8,
    "mfa_login_webauthn": (302,) * 8,
}


def names():
    """The name of every URL there is."""

    def walk(resolver):
        for one in resolver.url_patterns:
            if isinstance(one, URLResolver):
                yield from walk(one)
            else:
                assert isinstance(one, URLPattern)
                yield one.name

    return sorted(set(walk(get_resolver())))


def stretch_of(world, name):
    """A quarter-hour with an earlier value; the change of it for its undoing."""
    register = changed_register(world)
    query = "start=2026-07-01T10:00Z&end=2026-07-01T10:15Z"
    if name == "site-interval-undo":
        query = urlencode({"of": BILLED_AT.replace(day=20).isoformat()})
    return f"{reverse(name, args=[world.site.ref, register.pk])}?{query}"


def changed_register(world):
    from quartier.apps.equipment.models import Register
    from quartier.apps.metering import store
    from quartier.apps.metering.models import IntervalRevision
    from quartier.core.metering.intervals import Series

    register = Register.objects.get(site=world.site, meter__ref="m001")
    if not IntervalRevision.objects.filter(site_id=world.site.pk).exists():
        slot = slot_at(datetime(2026, 7, 1, 10, tzinfo=UTC))
        series = Series(register.pk, slot, np.array([9000]), np.array([2], np.uint8))
        store.write(world.site.pk, [series], source="test", known_at=BILLED_AT.replace(day=20))
    return register


def report_of(world):
    """A report of the building that was sealed."""
    from quartier.apps.documents.models import InspectionReport
    from quartier.apps.documents.sealing import seal_of

    if InspectionReport.objects.filter(site=world.site).exists():
        return
    made = {"content": b"{}", "pdf": b"%PDF", "issued_at": BILLED_AT, "installer": "x", "by": "x"}
    row = InspectionReport(site=world.site, number=1, left_open=0, **made)
    row.content_sha256 = hashlib.sha256(row.content).hexdigest()
    row.sha256 = hashlib.sha256(row.pdf).hexdigest()
    row.seal = seal_of(row)
    row.save()


def appliance_of(world):
    """An appliance of the building."""
    from quartier.apps.equipment.models import Appliance, Bus, Gateway

    gateway, _ = Gateway.objects.get_or_create(site=world.site, name="linde-cellar")
    bus, _ = Bus.objects.get_or_create(gateway=gateway, name="relays", kind="modbus_tcp")
    relay = {"driver": "waveshare_relay", "channels": [0], "output": "relay", "mode": "on"}
    about = {"name": "Boiler", "bus": bus, "address": "1", "power_w": 3000, **relay}
    Appliance.objects.get_or_create(site=world.site, ref="boiler", defaults=about)


def session_of(world, name):
    """A charging station of the building, and a session at it."""
    from quartier.apps.charging.folding import fold_waiting
    from quartier.apps.charging.models import ChargingStation
    from tests.apps.charging.messages import begin, end, keep, station

    if not ChargingStation.objects.exists():
        keep(station(world.site, "TACW1"), begin(0, 0), end(30, 5000))
        fold_waiting()
    url = reverse(name, kwargs={"ref": world.site.ref, "identity": "TACW1"})
    return f"{url}?transaction=1"


def url_of(world, name):
    """The URL ``name`` for rows of the building; documents are the resident's."""
    if name.startswith("site-charging-") and name != "site-charging-new":
        return session_of(world, name)
    if name.startswith("site-interval"):
        return stretch_of(world, name)
    if name.startswith("site-gateway"):
        from quartier.apps.equipment.models import Gateway

        Gateway.objects.get_or_create(site=world.site, name="linde-cellar")
    if name == "site-appliance":
        appliance_of(world)
    if name == "site-thing":
        from quartier.apps.equipment.models import DistributionZone

        zone = {"name": "Z", "max_current_a": 63}
        DistributionZone.objects.get_or_create(site=world.site, ref="z1", defaults=zone)
    if name == "site-inspection-pdf":
        report_of(world)
    invoice = next(one for one in world.invoices if one.party.ref == "linde-p001")
    ref = {"ref": world.site.ref}
    wanted = {
        "site-meter": {**ref, "meter_ref": "m001"},
        "site-meter-exchange": {**ref, "meter_ref": "m001"},
        "meter-label": {"pk": changed_register(world).meter_id},
        "site-meter-edit": {**ref, "meter_ref": "m001"},
        "site-thing-new": {**ref, "kind": "communication"},
        "site-thing": {**ref, "kind": "zones", "item_ref": "z1"},
        "site-gateway": {**ref, "name": "linde-cellar"},
        "site-gateway-meters": {**ref, "name": "linde-cellar"},
        "site-gateway-remote": {**ref, "name": "linde-cellar"},
        "site-gateway-readers": {**ref, "name": "linde-cellar"},
        "site-gateway-mqtt": {**ref, "name": "linde-cellar"},
        "site-appliance": {**ref, "name": "boiler"},
        "site-inspection-pdf": {**ref, "number": 1},
        "site-place": {**ref, "point_ref": "w001"},
        "site-move": {**ref, "point_ref": "w001"},
        "site-move-undo": {**ref, "point_ref": "w001"},
        "site-price-change": {**ref, "sheet_ref": "linde-2026"},
        "site-sheet": {**ref, "sheet_ref": "linde-2026"},
        "batch": {"pk": world.batch.pk},
        "batch-continue": {"pk": world.batch.pk},
        "site-run": {**ref, "pk": world.run.pk},
        "site-invoice": {**ref, "pk": invoice.pk},
        "site-invoice-pdf": {**ref, "pk": invoice.pk},
        "site-correct": {**ref, "pk": invoice.pk},
        "site-line": {**ref, "pk": invoice.pk, "line_id": "1"},
        "site-raw-file": {**ref, "pk": world.file.pk},
        "site-note-resolve": {**ref, "pk": world.issue.pk},
        "me-bill": {"pk": invoice.pk},
        "me-bill-pdf": {"pk": invoice.pk},
        "me-line": {"pk": invoice.pk, "line_id": "1"},
        "account_confirm_email": {"key": "none"},
        "account_reset_password_from_key": {"uidb36": "1", "key": "none"},
        "mfa_remove_webauthn": {"pk": 1},
        "mfa_edit_webauthn": {"pk": 1},
    }.get(name)
    if wanted is None:
        wanted = ref if name == "site" or name.startswith("site-") else {}
    return reverse(name, kwargs=wanted)


def test_every_url_is_in_the_table():
    assert set(names()) == set(TABLE)


def test_who_sees_what(world, monkeypatch):
    monkeypatch.setattr("quartier.portals.operator.invoices.fetch", lambda sha256: b"<xml/>")
    got = {}
    for role in (*ROLES, ""):
        client = world.as_(role)
        for name in TABLE:
            if not name.endswith("logout"):
                got.setdefault(name, []).append(client.get(url_of(world, name)).status_code)
    wrong = {
        f"{name} {url_of(world, name)}": dict(zip((*ROLES, "signed out"), codes, strict=True))
        for name, codes in got.items()
        if tuple(codes) != TABLE[name]
    }
    assert wrong == {}


def test_a_signed_out_visitor_is_led_to_the_sign_in(world):
    for name in ("site", "sites", "me", "site-invoice-pdf"):
        answer = world.as_("").get(url_of(world, name))
        assert answer.status_code == 302
        assert answer.url.startswith("/account/login/?next="), name


def test_a_site_of_another_organisation_with_the_same_reference_is_not_opened(world):
    from quartier.apps.sites.models import Site

    other = world.users["outsider"].organisation
    Site.objects.create(organisation=other, ref="linde", name="Fremdhaus")
    page = world.as_("outsider").get("/sites/linde/equipment/")
    assert page.status_code == 200
    assert b"Fremdhaus" in page.content
    assert b"Lindenhof" not in page.content


def test_an_installer_sees_no_names_and_no_money(world):
    client = world.as_("installer")
    for name in (
        "site",
        "site-energy",
        "site-equipment",
        "site-meter",
        "site-imports",
        "site-notes",
    ):
        text = client.get(url_of(world, name)).content.decode()
        assert "Bewohner" not in text, name
        assert "CHF" not in text, name
    found = client.get("/search/?q=Bewohner").content.decode()
    assert "Bewohner 1" not in found


def test_a_resident_sees_no_other_household(world):
    client = world.as_("resident")
    for name in ("me", "me-energy", "me-bills", "me-bill", "me-line", "me-account"):
        text = client.get(url_of(world, name)).content.decode()
        assert "Bewohner 2" not in text, name
        assert "Wohnung 2" not in text, name
    assert "Nothing found" in client.get("/search/?q=Bewohner").content.decode()


def test_private_notes_are_the_operators(world):
    from quartier.apps.sites.models import Note

    Note.objects.create(site=world.site, text="Between us", visibility="private")
    url = url_of(world, "site-notes")
    assert "Between us" in world.as_("operator").get(url).content.decode()
    assert "Between us" not in world.as_("owner").get(url).content.decode()


def test_signing_out_asks_first(world):
    assert world.as_("resident").get("/account/logout/").status_code == 200
    assert world.as_("").get("/account/logout/").status_code == 302


REFUSED = [
    ("site-move", "installer", 403),
    ("site-move", "resident", 403),
    ("site-move-undo", "installer", 403),
    ("site-move-undo", "neighbor", 403),
    ("site-price-change", "installer", 403),
    ("site-price-change", "resident", 403),
    ("site-bill", "owner", 403),
    ("bill-all", "owner", 403),
    ("site-correct", "owner", 403),
    ("site-correct", "outsider", 404),
    ("batch", "owner", 403),
    ("batch-continue", "owner", 403),
    ("batch-continue", "outsider", 404),
    ("site-import", "owner", 403),
    ("site-locks", "owner", 403),
    ("site-locks", "installer", 403),
    ("site-interval-estimate", "owner", 403),
    ("site-interval-edit", "owner", 403),
    ("site-interval-undo", "owner", 403),
    ("site-interval-edit", "outsider", 404),
    ("site-gateways", "owner", 403),
    ("site-gateway", "owner", 403),
    ("site-gateway-remote", "owner", 403),
    ("site-gateway-remote", "resident", 403),
    ("site-gateway", "outsider", 404),
    ("site-gateway-meters", "resident", 403),
    ("site-meter-exchange", "owner", 403),
    ("site-meter-exchange", "outsider", 404),
    ("site-planning", "owner", 403),
    ("site-planning", "outsider", 404),
    ("site-gateway-readers", "owner", 403),
    ("site-gateway-mqtt", "owner", 403),
    ("site-appliances", "resident", 403),
    ("site-appliance", "owner", 403),
    ("site-appliance-new", "owner", 403),
    ("site-charging-new", "owner", 403),
    ("site-charging-station", "owner", 403),
    ("site-charging-station", "outsider", 404),
    ("site-meter-new", "owner", 403),
    ("site-meter-edit", "owner", 403),
    ("site-meter-table", "owner", 403),
    ("site-meter-pattern", "outsider", 404),
    ("site-meter-assign", "resident", 403),
    ("site-thing-new", "owner", 403),
    ("site-thing", "owner", 403),
    ("site-equipment-undo", "owner", 403),
    ("site-note-resolve", "resident", 403),
    ("site-note-resolve", "stranger", 404),
    ("site-note-resolve", "outsider", 404),
]


def test_forms_are_refused_too(world):
    for name, role, status in REFUSED:
        answer = world.as_(role).post(url_of(world, name), {"step": "commit"})
        assert answer.status_code == status, (name, role)
