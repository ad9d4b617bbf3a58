"""Many sites in one job: each for itself, once, and on where a killed worker stopped."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from quartier.apps.billing import batch as batches
from quartier.apps.billing.models import Batch, BatchSite, BillingRun, Invoice
from tests.apps.billing.jobs import NOW, Clock, asked, started, states, worked

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def test_each_site_is_billed_for_itself(sites):
    job = started(sites)
    finished, runs = worked(job)
    assert finished
    assert job.finished_at
    assert states(job) == ["issued", "refused", "refused", "issued"]
    rows = list(job.rows.order_by("site__ref"))
    assert [row.documents for row in rows] == [2, 0, 0, 2]
    assert rows[1].findings[0]["code"] == "billing.issue"
    assert rows[1].run.state == "refused"
    assert runs == [rows[0].run_id, rows[3].run_id]
    invoices = list(Invoice.objects.all())
    assert len(invoices) == 4
    total = sum(one.total for one in invoices)
    assert batches.tally(job) == [("CHF", total, 4)]


def test_a_second_job_leaves_alone_what_is_issued(sites):
    worked(started(sites))
    again = started(sites)
    _, runs = worked(again)
    assert runs == []
    assert states(again) == ["left", "refused", "refused", "left"]
    assert again.rows.get(site=sites[0]).left_alone == 2
    assert Invoice.objects.count() == 4


def test_a_review_writes_nothing_and_says_the_same_as_the_issue(sites):
    review = started(sites, "review")
    worked(review)
    assert states(review) == ["ready", "refused", "refused", "ready"]
    assert not BillingRun.objects.exists()
    assert not Invoice.objects.exists()
    issue = started(sites)
    worked(issue)
    assert batches.tally(review) == batches.tally(issue)


def test_the_same_job_started_twice_is_one_until_it_is_finished(sites):
    first, is_new = batches.start(asked(sites), now=NOW)
    assert is_new
    second, is_new = batches.start(asked(sites[::-1], actor="another"), now=NOW)
    assert (second.pk, is_new) == (first.pk, False)
    review, is_new = batches.start(asked(sites, "review"), now=NOW)
    assert is_new
    fewer, is_new = batches.start(asked(sites[:2]), now=NOW)
    assert is_new
    assert len({first.pk, review.pk, fewer.pk}) == 3
    worked(first)
    _, is_new = batches.start(asked(sites), now=NOW)
    assert is_new


@pytest.mark.parametrize("meanwhile", ["works", "is finished"])
def test_a_job_that_another_starts_in_the_same_instant(sites, monkeypatch, meanwhile):
    """Looked for before the other had it, and begun after; then the other may be through."""
    job, looks, real = asked(sites), [], batches._unfinished

    def look(asked_for):
        looks.append(asked_for)
        if len(looks) == 1:
            return None
        if meanwhile == "is finished":
            Batch.objects.filter(pk=other.pk).update(finished_at=NOW)
        return real(asked_for)

    other, _ = batches.start(job, now=NOW)
    monkeypatch.setattr(batches, "_unfinished", look)
    batch, is_new = batches.start(job, now=NOW)
    assert (batch.pk == other.pk, is_new) == (
        (True, False) if meanwhile == "works" else (False, True)
    )
    assert Batch.objects.filter(finished_at=None).count() == 1
    assert BatchSite.objects.filter(batch=batch).count() == 4


def test_what_else_the_database_refuses_is_not_tried_for_ever(sites, monkeypatch):
    started(sites)
    monkeypatch.setattr(batches, "_unfinished", lambda _: None)
    with pytest.raises(IntegrityError):
        batches.start(asked(sites), now=NOW)
    assert Batch.objects.count() == 1


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("moment", ["before", "within", "after"])
def test_a_killed_worker_is_followed_by_another_without_double_issue(sites, monkeypatch, moment):
    """Killed in the second of two issues: before its transaction, at its end, or after it."""
    real, calls = batches.bill, []

    def dying(*args, **kwargs):
        calls.append(args[0].ref)
        if len(calls) < 4:
            return real(*args, **kwargs)
        if moment == "before":
            raise Killed
        real(*args, **kwargs)
        raise Killed

    def print_later(run):
        if len(calls) == 4 and moment == "within":
            raise Killed
        told.append(run)

    job, clock, told = started(sites), Clock(), []
    monkeypatch.setattr(batches, "bill", dying)
    with pytest.raises(Killed):
        batches.work(job.pk, clock=clock, on_issued=print_later)
    monkeypatch.setattr(batches, "bill", real)
    is_issued = moment == "after"
    last = job.rows.get(site=sites[3])
    assert states(job) == ["issued", "refused", "refused", "issued" if is_issued else "working"]
    assert Invoice.objects.count() == (4 if is_issued else 2)
    assert told == [run.pk for run in BillingRun.objects.filter(state="issued").order_by("pk")]

    assert worked(job, clock) == (False, []), "the lease of the first is not over"
    clock.now += batches.LEASE
    finished, runs = worked(job, clock)
    assert finished
    last.refresh_from_db()
    assert states(job) == ["issued", "refused", "refused", "issued"]
    assert (last.documents, last.left_alone) == (2, 0)
    assert (told + runs)[1:] == [last.run_id]
    assert Invoice.objects.count() == 4
    assert last.total == sum(one.total for one in Invoice.objects.filter(site=sites[3]))


def test_a_fault_on_one_site_stops_no_other(sites, monkeypatch, caplog):
    real = batches.bill

    def broken(site, *args, **kwargs):
        if site.ref == "s0":
            raise ZeroDivisionError("a fault of the program")
        return real(site, *args, **kwargs)

    monkeypatch.setattr(batches, "bill", broken)
    job = started(sites)
    worked(job)
    assert states(job) == ["failed", "refused", "refused", "issued"]
    finding = job.rows.get(site=sites[0]).findings[0]
    assert finding["code"] == "billing.fault"
    reference = finding["message"].split("under ")[1].rstrip(".")
    assert reference in caplog.text
    assert "a fault of the program" in caplog.text


def test_a_site_more_asks_no_more_of_the_batch(sites):
    """What the batch itself asks for a site is constant, whatever their number."""

    def queries_of(count):
        job = started(sites[:count], "review", NOW + timedelta(days=count))
        with CaptureQueriesContext(connection) as queries:
            worked(job)
        return sum("billing_batch" in one["sql"] for one in queries)

    one, two, three = queries_of(1), queries_of(2), queries_of(3)
    assert three - two == two - one
    assert BatchSite.objects.filter(state="waiting").count() == 0
