"""Two workers at one job: what each site came to is issued once and listed as it is."""

import threading

import pytest
from django.db import connection, connections

from quartier.apps.billing import batch as batches
from quartier.apps.billing import operations
from quartier.apps.billing.models import Batch, BillingRun, Invoice
from quartier.apps.sites.models import Note
from tests.apps.billing.jobs import DAYS, NOW, Clock, started, states, worked

pytestmark = [pytest.mark.django_db, pytest.mark.db]


class Pausing:
    """Computes sites in threads of which one goes on at a time, as they share one connection.

    ``pauses`` name, in order of their beginning, where a computation waits for another worker:
    ``before`` it reads, ``after`` it has read, or None where it waits for nobody.
    """

    def __init__(self, monkeypatch, *pauses):
        self.pauses, self.real = list(pauses), operations.prepare
        self.meanwhile = []
        for module in (operations, batches):
            monkeypatch.setattr(module, "prepare", self)

    def __call__(self, *args, **kwargs):
        pause = self.pauses.pop(0) if self.pauses else None
        action = self.meanwhile.pop(0) if pause else None
        if pause == "before":
            action()
        prepared = self.real(*args, **kwargs)
        if pause == "after":
            action()
        return prepared


class Worker:
    """A worker in a thread of its own that hands back at its pause, and goes on when told."""

    def __init__(self, job, clock):
        self.runs, self.finished, self.fault = [], None, None
        self._paused, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread(
            target=self._work, args=(job, clock, connections["default"])
        )

    def _work(self, job, clock, shared):
        connections["default"] = shared
        try:
            self.finished = batches.work(job.pk, clock=clock, on_issued=self.runs.append)
        except BaseException as fault:  # noqa: BLE001  (raised where the test waits)
            self.fault = fault
        self._paused.set()

    def until_its_pause(self):
        self._thread.start()
        assert self._paused.wait(30)

    def pause(self):
        self._paused.set()
        assert self._go.wait(30)

    def to_its_end(self):
        self._go.set()
        self._thread.join(30)
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def shared_connection(db):
    connection.inc_thread_sharing()
    yield
    connection.dec_thread_sharing()


@pytest.mark.parametrize("second", ["before", "after"])
@pytest.mark.parametrize("first", ["before", "after"])
def test_a_site_slower_than_the_lease_is_issued_once_and_listed_so(
    sites, monkeypatch, shared_connection, first, second
):
    """The first worker begins it, the second takes over and begins it too, the first issues it,
    then the second is through: it finds it issued, or another before it."""
    job, clock = started([sites[0], sites[3]]), Clock()
    pausing = Pausing(monkeypatch, first, second)
    slow, runs = Worker(job, clock), []
    pausing.meanwhile = [slow.pause, slow.to_its_end]
    slow.until_its_pause()
    clock.now += batches.LEASE
    assert batches.work(job.pk, clock=clock, on_issued=runs.append)
    assert slow.finished is False, "it lost the job, and says so at the next site"
    rows = list(job.rows.order_by("site__ref"))
    assert [row.state for row in rows] == ["issued", "issued"]
    assert [(row.documents, row.left_alone, row.findings) for row in rows] == [(2, 0, [])] * 2
    assert (slow.runs, runs) == ([rows[0].run_id], [rows[1].run_id])
    assert Invoice.objects.count() == 4
    assert batches.tally(job)[0][2] == 4


@pytest.mark.parametrize("first", ["before", "after"])
def test_who_lost_the_job_overwrites_nothing_of_the_other(sites, monkeypatch, first):
    """The second worker is through with all of it while the first is at its first site."""
    job, clock, told = started(sites), Clock(), []

    def another():
        clock.now += batches.LEASE
        assert batches.work(job.pk, clock=clock, on_issued=told.append)

    Pausing(monkeypatch, first).meanwhile = [another]
    finished, runs = worked(job, clock)
    assert (finished, runs) == (False, [])
    assert states(job) == ["issued", "refused", "refused", "issued"]
    rows = list(job.rows.order_by("site__ref"))
    assert [row.run_id for row in rows if row.state == "issued"] == told
    assert [row.left_alone for row in rows] == [0, 0, 0, 0]


@pytest.mark.parametrize("kind", ["review", "issue"])
def test_sites_slower_than_the_lease_are_got_through_all_the_same(sites, monkeypatch, kind):
    """Two workers take the job from each other at each site; what one finishes stays finished."""
    job, clock = started(sites, kind), Clock()
    real = operations.prepare

    def slow(*args, **kwargs):
        Batch.objects.filter(finished_at=None).update(worker="another")
        clock.now += 2 * batches.LEASE
        return real(*args, **kwargs)

    for module in (operations, batches):
        monkeypatch.setattr(module, "prepare", slow)
    assert [worked(job, clock)[0] for _ in range(5)] == [False] * 4 + [True]
    done = "ready" if kind == "review" else "issued"
    assert states(job) == [done, "refused", "refused", done]


def test_who_refuses_a_site_later_than_it_was_issued_says_nothing_new(
    sites, monkeypatch, shared_connection
):
    job, clock = started([sites[0]]), Clock()
    pausing = Pausing(monkeypatch, "after", "before")

    def issued_and_changed():
        slow.to_its_end()
        Note.objects.create(site=sites[0], kind="issue", text="Since then")

    slow = Worker(job, clock)
    pausing.meanwhile = [slow.pause, issued_and_changed]
    slow.until_its_pause()
    clock.now += batches.LEASE
    assert batches.work(job.pk, clock=clock, on_issued=print)
    row = job.rows.get()
    assert (row.state, row.documents, row.run.state) == ("issued", 2, "issued")
    assert BillingRun.objects.filter(state="refused").count() == 1, "its own run says so"


def test_what_another_issued_by_hand_meanwhile_is_not_this_jobs(sites, monkeypatch):
    job = started([sites[0]])

    def by_hand():
        operations.bill(sites[0], DAYS, now=NOW, issued_date=NOW.date(), actor="test")

    Pausing(monkeypatch, "before").meanwhile = [by_hand]
    assert worked(job) == (True, [])
    row = job.rows.get()
    assert (row.state, row.left_alone, row.run) == ("left", 2, None)
