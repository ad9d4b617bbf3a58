"""Many sites in one job: each for itself, once, and on where a killed worker stopped."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quartier.apps.billing import batch as batches
from quartier.apps.billing.models import Batch, BatchSite, BillingRun, Invoice
from quartier.apps.sites.models import Note
from quartier.cli.bench import _world as world
from quartier.core.kernel.period import Dates

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DAYS = Dates(date(2026, 7, 1), date(2026, 7, 4))
NOW = datetime(2026, 10, 5, 9, tzinfo=UTC)


class Clock:
    """A clock that goes on by a second at each look."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def sites(db):
    """Four sites; an issue is open on the second, and the third has prices for another year."""
    made = [world.site_with(2, f"s{n}", DAYS, seed=n) for n in range(4)]
    Note.objects.create(site=made[1], kind="issue", text="Meter is being replaced")
    made[2].price_sheets.all().delete()
    return made


def started(sites, kind="issue", now=NOW):
    job, _ = batches.start(sites[0].organisation, sites, DAYS, kind, actor="test", now=now)
    return job


def worked(job, clock=None):
    runs = []
    finished = batches.work(job.pk, clock=clock or Clock(), on_issued=runs.append)
    job.refresh_from_db()
    return finished, runs


def states(job):
    return [row.state for row in job.rows.order_by("site__ref")]


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
    ours = sites[0].organisation
    first, is_new = batches.start(ours, sites, DAYS, "issue", actor="a", now=NOW)
    assert is_new
    turned = sites[::-1]
    second, is_new = batches.start(ours, turned, DAYS, "issue", actor="b", now=NOW)
    assert (second.pk, is_new) == (first.pk, False)
    review, is_new = batches.start(ours, sites, DAYS, "review", actor="a", now=NOW)
    assert is_new
    fewer, is_new = batches.start(ours, sites[:2], DAYS, "issue", actor="a", now=NOW)
    assert is_new
    assert len({first.pk, review.pk, fewer.pk}) == 3
    worked(first)
    _, is_new = batches.start(ours, sites, DAYS, "issue", actor="a", now=NOW)
    assert is_new


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_worker_is_followed_by_another_without_double_issue(sites, monkeypatch, moment):
    """Killed in the second of two issues: before its transaction, or between it and the row."""
    real, calls = batches.bill, []

    def dying(*args, **kwargs):
        calls.append(args[0].ref)
        if len(calls) == 4 and moment == "before":
            raise Killed
        result = real(*args, **kwargs)
        if len(calls) == 4:
            raise Killed
        return result

    job, clock = started(sites), Clock()
    monkeypatch.setattr(batches, "bill", dying)
    with pytest.raises(Killed):
        worked(job, clock)
    monkeypatch.setattr(batches, "bill", real)
    assert states(job) == ["issued", "refused", "refused", "working"]
    count = Invoice.objects.count()
    assert count == (4 if moment == "after" else 2)

    assert worked(job, clock) == (False, []), "the lease of the first is not over"
    clock.now += batches.LEASE
    finished, runs = worked(job, clock)
    assert finished
    last = job.rows.get(site=sites[3])
    assert states(job) == ["issued", "refused", "refused", "issued"]
    assert (last.documents, last.left_alone) == (2, 0)
    assert runs == [last.run_id]
    assert Invoice.objects.count() == 4
    assert last.total == sum(one.total for one in Invoice.objects.filter(site=sites[3]))


def test_who_lost_the_job_writes_no_more(sites, monkeypatch):
    real = batches.bill

    def slow(*args, **kwargs):
        result = real(*args, **kwargs)
        Batch.objects.update(worker="another")
        return result

    monkeypatch.setattr(batches, "bill", slow)
    job = started(sites)
    finished, _ = worked(job)
    assert not finished
    assert states(job) == ["working", "waiting", "waiting", "waiting"]


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

    def asked(count):
        job = started(sites[:count], "review", NOW + timedelta(days=count))
        with CaptureQueriesContext(connection) as queries:
            worked(job)
        return sum("billing_batch" in one["sql"] for one in queries)

    one, two, three = asked(1), asked(2), asked(3)
    assert three - two == two - one
    assert BatchSite.objects.filter(state="waiting").count() == 0
