"""Correcting an invoice on the pages: the review, the issue, the chain, and what is refused."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quartier.apps.billing import correct
from quartier.apps.billing.models import Invoice
from quartier.apps.billing.operations import credit, issue
from quartier.apps.contracts.mapping import content_of, sheet_of
from quartier.apps.contracts.models import PriceSheet
from quartier.apps.ledger.models import Entry
from quartier.apps.sites.models import Note
from quartier.core.invoicing.credit import BadReason
from quartier.core.invoicing.frozen import thaw
from quartier.portals.operator import correct as steps

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def bill(world):
    """The resident's invoice; nothing stands in the way of billing again."""
    Note.objects.update(resolved_at=world.run.finished_at)
    return next(one for one in world.invoices if one.party.ref == "linde-p001")


def url_of(invoice):
    return f"/sites/linde/invoices/{invoice.pk}/correct/"


def review(client, invoice, reason="Falscher Zähler"):
    return client.post(url_of(invoice), {"reason": reason, "step": "review"})


def commit(client, invoice, seen, again="1", reason="Falscher Zähler"):
    data = {"reason": reason, "step": "commit", "again": again}
    return client.post(url_of(invoice), {**data, "sha256": seen.context["review"].sha256})


def test_a_review_shows_note_and_new_invoice_and_writes_nothing(world, bill):
    before = (Invoice.objects.count(), Entry.objects.count())
    seen = review(world.as_("operator"), bill)
    text = seen.content.decode()
    assert "Issue credit note and new invoice" in text
    assert seen.context["review"].note.total == -bill.total
    assert seen.context["balance"] == 0
    assert all(one.difference == 0 for one in seen.context["changes"])
    assert len(seen.context["changes"]) > 1
    assert (Invoice.objects.count(), Entry.objects.count()) == before
    assert review(world.as_("operator"), bill, reason="").context.get("review") is None


def test_the_correction_is_a_chain_that_all_its_documents_show(world, bill):
    client = world.as_("operator")
    answer = commit(client, bill, review(client, bill))
    note = Invoice.objects.get(supersedes=bill)
    new = Invoice.objects.order_by("-pk").first()
    assert answer.url == f"/sites/linde/invoices/{new.pk}/"
    assert (note.total, new.total) == (-bill.total, bill.total)
    assert new.billing_point_id == bill.billing_point_id
    assert Invoice.objects.count() == len(world.invoices) + 2, "the neighbors' stay"
    for role, base in (("operator", "/sites/linde/invoices"), ("resident", "/me/bills")):
        client = world.as_(role)
        for one in (bill, note, new):
            text = client.get(f"{base}/{one.pk}/").content.decode()
            card = text.split("How this bill was corrected")[1]
            assert [each.number in card for each in (bill, note, new)] == [True] * 3
            assert f"cancels {bill.number}" in card
    assert "Falscher Zähler" in str(bytes(note.document), "utf-8")


def test_a_changed_price_is_seen_line_by_line(world, bill):
    sheet = PriceSheet.objects.get(ref="linde-2026")
    content = dict(sheet.content)
    one = next(each for each in content["components"] if each["flow"] == "grid")
    one["price"] = str(Decimal(one["price"]) + Decimal("0.1"))
    sheet.content = content
    sheet.content, sheet.sha256 = content_of(sheet_of(sheet))
    sheet.save()
    seen = review(world.as_("operator"), bill)
    moved = [each for each in seen.context["changes"] if each.difference]
    assert len(moved) >= 1
    assert seen.context["balance"] > 0
    assert "is paid more" in seen.content.decode()


def test_what_was_not_reviewed_is_not_issued(world, bill):
    client = world.as_("operator")
    answer = client.post(
        url_of(bill), {"reason": "x", "step": "commit", "again": "1", "sha256": "0" * 64}
    )
    assert "something has changed since" in answer.content.decode()
    assert Invoice.objects.count() == len(world.invoices)


def test_where_the_period_cannot_be_billed_the_note_is_issued_alone_or_nothing(world, bill):
    client = world.as_("operator")
    Note.objects.create(site=world.site, kind="issue", text="Meter is doubted")
    seen = review(client, bill)
    text = seen.content.decode()
    assert "Meter is doubted" in text
    assert "Issue credit note and new invoice" not in text
    commit(client, bill, seen, again="1")
    assert Invoice.objects.count() == len(world.invoices)
    commit(client, bill, seen, again="0")
    assert Invoice.objects.count() == len(world.invoices) + 1
    assert Invoice.objects.get(supersedes=bill).total == -bill.total


def test_a_document_is_cancelled_once_and_a_credit_note_never(world, bill):
    client = world.as_("operator")
    seen = review(client, bill)
    commit(client, bill, seen)
    count = Invoice.objects.count()
    commit(client, bill, seen)
    note = Invoice.objects.get(supersedes=bill)
    assert note.number in client.get(url_of(bill)).content.decode()
    assert "A credit note is not corrected." in client.get(url_of(note)).content.decode()
    client.post(url_of(note), {"reason": "x", "step": "commit", "again": "0"})
    assert Invoice.objects.count() == count
    page = client.get(f"/sites/linde/invoices/{bill.pk}/").content.decode()
    assert "Correct this invoice" not in page


def test_the_chain_asks_no_more_the_longer_it_is(world, bill):
    client = world.as_("operator")

    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/sites/linde/invoices/{bill.pk}/").status_code == 200
        return len(queries)

    client.get("/sites/")
    before = asked()
    commit(client, bill, review(client, bill))
    client.get("/sites/")  # the message is shown once
    assert asked() == before


def test_another_run_of_the_same_instant_is_said(world, bill, monkeypatch):
    client = world.as_("operator")
    seen = review(client, bill)
    prepared_by = correct._prepared

    def after_the_other(*args):
        prepared = prepared_by(*args)
        if seen.context["review"].sha256 == correct._sha256(bill, prepared):
            monkeypatch.setattr(correct, "_prepared", prepared_by)
            issue(prepared, now=args[1], actor="other")
        return prepared

    monkeypatch.setattr(correct, "_prepared", after_the_other)
    page = commit(client, bill, seen)
    assert page.status_code == 200
    assert "Nothing was issued: something has changed since." in page.content.decode()
    assert not Invoice.objects.filter(supersedes=bill).exists()


@pytest.mark.parametrize("reason", ["wrong\x01meter", "\ufffe", "a\u202eb"])
def test_a_reason_that_cannot_be_printed_is_refused(world, bill, reason):
    """A credit note is never changed: one with such a reason could never be sent."""
    for step in ("review", "commit"):
        seen = world.as_("operator").post(url_of(bill), {"reason": reason, "step": step})
        assert "cannot be printed" in seen.content.decode()
    with pytest.raises(BadReason):
        credit(
            bill,
            now=bill.run.finished_at,
            issued_date=bill.issued_date,
            actor="test",
            reason=reason,
        )
    assert not Invoice.objects.filter(supersedes=bill).exists()


def test_lines_and_tabs_in_a_reason_become_spaces(world, bill):
    client = world.as_("operator")
    done = client.post(url_of(bill), {"reason": "wrong\n\tmeter", "step": "commit"})
    note = Invoice.objects.get(supersedes=bill)
    assert thaw(bytes(note.document)).notes == ("wrong meter",)
    assert client.get(f"{done.headers['Location']}document.pdf").content.startswith(b"%PDF")


def test_a_review_while_another_cancels_says_so(world, bill, monkeypatch):
    def after_another(row, **more):
        issued = {"now": bill.run.finished_at, "issued_date": bill.issued_date}
        credit(row, actor="another", reason="x", **issued)
        return correct.preview(row, **more)

    monkeypatch.setattr(steps, "preview", after_another)
    answer = world.as_("operator").post(
        url_of(bill), {"reason": "x", "step": "review"}, follow=True
    )
    assert "This document is cancelled already." in answer.content.decode()
