"""Billing one site on its page: issued, refused, issued before, and another in between."""

import pytest

from quartier.apps.billing import operations
from quartier.apps.billing.models import BillingRun, Invoice
from quartier.cli.bench import _world as bench
from quartier.cli.bench._world import KNOWN_AT, QUARTER

pytestmark = [pytest.mark.django_db, pytest.mark.db]

URL = "/sites/eiche/billing/new/"
PERIOD = {"first": "2026-07-01", "last": "2026-09-30"}


@pytest.fixture
def site(world):
    return bench.site_with(2, "eiche", seed=2)


def test_the_second_time_nothing_more_is_issued(world, site):
    client = world.as_("operator")
    first = client.post(URL, PERIOD, follow=True)
    run = BillingRun.objects.get(site=site)
    assert first.redirect_chain == [(f"/sites/eiche/billing/{run.pk}/", 302)]
    assert "2 documents are issued." in first.content.decode()
    again = client.post(URL, PERIOD, follow=True)
    assert "All of it is issued already." in again.content.decode()
    assert Invoice.objects.filter(site=site).count() == 2


def test_a_refused_run_leads_to_its_findings(world):
    answer = world.as_("operator").post("/sites/linde/billing/new/", PERIOD, follow=True)
    run = BillingRun.objects.get(site=world.site, state="refused")
    assert answer.redirect_chain == [(f"/sites/linde/billing/{run.pk}/", 302)]
    page = answer.content.decode()
    assert "Nothing was issued: see the findings." in page
    assert "An issue is open since" in page


def test_who_was_second_by_an_instant_is_told_so(world, site, monkeypatch):
    """Another issues between what was computed and what is issued of it."""
    real = operations.prepare

    def late(*args, **kwargs):
        prepared = real(*args, **kwargs)
        monkeypatch.setattr(operations, "prepare", real)
        operations.bill(
            site, QUARTER, now=KNOWN_AT, issued_date=KNOWN_AT.date(), actor="somebody else"
        )
        return prepared

    monkeypatch.setattr(operations, "prepare", late)
    answer = world.as_("operator").post(URL, PERIOD, follow=True)
    assert answer.redirect_chain == [("/sites/eiche/billing/", 302)]
    page = answer.content.decode()
    assert "eiche: Another run has billed a part of this period in the meantime." in page
    assert "Bill again; what is issued is left alone." in page
    assert [run.actor for run in BillingRun.objects.filter(site=site)] == ["somebody else"]
    assert Invoice.objects.filter(site=site).count() == 2
