"""Pages ask the database a constant number of questions, however large the site or its history."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quartier.cli.bench import _world as world
from quartier.core.kernel.period import Dates
from tests.portals.conftest import people

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PAGES = (
    "/sites/",
    "/sites/{ref}/",
    "/sites/{ref}/energy/?range=month&at=2026-08-01",
    "/sites/{ref}/energy/?range=year&at=2026-08-01",
    "/sites/{ref}/energy/?range=day&at=2026-08-01&point=w001",
    "/sites/{ref}/energy/?first=2026-08-01&last=2026-08-02",
    "/sites/{ref}/quality/?range=month&at=2026-08-01",
    "/sites/{ref}/quality/locks/",
    "/sites/{ref}/equipment/",
    "/sites/{ref}/equipment/m001/",
    "/sites/{ref}/places/",
    "/sites/{ref}/places/w001/",
    "/sites/{ref}/prices/",
    "/sites/{ref}/invoices/",
)


def asked(client, url):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == 200, url
    return len(queries)


def test_a_larger_site_with_a_longer_history_asks_no_more(db, client, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    small = world.site_with(2, "small", Dates(date(2026, 8, 1), date(2026, 8, 3)))
    world.site_with(12, "large", Dates(date(2026, 3, 1), date(2026, 9, 1)))
    client.force_login(people(small)["operator"])
    client.get("/sites/")  # the session is written once
    counts = {
        page: [asked(client, page.format(ref=ref)) for ref in ("small", "large")] for page in PAGES
    }
    assert {page: n for page, n in counts.items() if n[0] != n[1]} == {}
    assert max(n for both in counts.values() for n in both) <= 40
