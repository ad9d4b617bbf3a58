"""The database refuses books that do not balance, and changes to closed ones."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from quartier.apps.ledger.check import check
from quartier.apps.ledger.models import Entry, Posting
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site

pytestmark = pytest.mark.db

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def site():
    organisation = Organisation.objects.create(ref="acme", name="Acme")
    return Site.objects.create(organisation=organisation, ref="linde", name="Linde")


def entry(site, *amounts, source="invoice:1"):
    made = Entry.objects.create(
        site=site, date=date(2026, 1, 1), source=source, text="", currency="CHF", created_at=NOW
    )
    for number, amount in enumerate(amounts):
        Posting.objects.create(entry=made, account=f"account.{number}", amount=Decimal(amount))
    return made


def close(made):
    with transaction.atomic():
        Entry.objects.filter(id=made.id).update(is_closed=True)


def refused(message):
    return pytest.raises(DatabaseError, match=message)


def test_what_balances_can_be_closed(site):
    made = entry(site, "10.10", "-7.05", "-3.05")
    close(made)
    made.refresh_from_db()
    assert made.is_closed
    assert list(check(site)) == []


@pytest.mark.parametrize("amounts", [("10.00", "-9.99"), ("10.00",), ()])
def test_what_does_not_balance_cannot_be_closed(site, amounts):
    made = entry(site, *amounts)
    with refused("balance"):
        close(made)
    assert [finding.code for finding in check(site)] == ["ledger.open"]


def test_a_closed_entry_is_never_changed(site):
    made = entry(site, "1.00", "-1.00")
    close(made)
    with refused("never changed"), transaction.atomic():
        Entry.objects.filter(id=made.id).update(text="other")
    with refused("never changed"), transaction.atomic():
        Entry.objects.filter(id=made.id).update(is_closed=False)
    with refused("never deleted"), transaction.atomic():
        Entry.objects.filter(id=made.id)._raw_delete("default")
    with refused("no more postings"), transaction.atomic():
        Posting.objects.create(entry=made, account="a", amount=Decimal(1))
    with refused("never changed"), transaction.atomic():
        Posting.objects.filter(entry=made).update(amount=Decimal(2))
    with refused("never changed"), transaction.atomic():
        Posting.objects.filter(entry=made)._raw_delete("default")


def test_an_entry_starts_open_and_is_made_once(site):
    with refused("closed when it balances"), transaction.atomic():
        Entry.objects.create(
            site=site, date=date(2026, 1, 1), source="x", text="", currency="CHF",
            created_at=NOW, is_closed=True,
        )  # fmt: skip
    entry(site, "1.00", "-1.00")
    with pytest.raises(DatabaseError), transaction.atomic():
        entry(site, "1.00", "-1.00")
