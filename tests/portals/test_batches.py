"""Billing many sites on the pages: choosing, the job, its progress and its result."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from quartier.apps.billing.models import Batch, BatchSite
from quartier.apps.documents import tasks
from quartier.apps.parties.models import User
from quartier.apps.sites.models import Note, Site
from quartier.cli.bench import _world as bench
from quartier.portals.operator import batches

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PERIOD = {"first": "2026-07-01", "last": "2026-09-30"}


def begin(client, **data):
    return client.post("/bill/", {**PERIOD, "kind": "issue", "site": ["linde"], **data})


def run_worker():
    """Do what waits, as the worker does it."""
    for waiting in list(DBTaskResult.objects.ready()):
        waiting.task.call(*waiting.args_kwargs["args"])
        waiting.set_successful(None)


def text_of(client, url, **more):
    return client.get(url, **more).content.decode()


def test_a_job_waits_for_a_worker_and_says_so(world):
    client = world.as_("operator")
    answer = begin(client)
    job = Batch.objects.get()
    assert answer.url == f"/bill/{job.pk}/"
    page = text_of(client, answer.url)
    assert "0 of 1 site<" in page
    assert 'http-equiv="refresh"' in page, "it works without JavaScript"
    assert "quartier worker" not in page
    Batch.objects.update(created_at=timezone.now() - timedelta(seconds=75))
    page = text_of(client, answer.url)
    assert "No worker has taken this job for 75 seconds" in page
    assert "<code>quartier worker</code>" in page
    assert "A billing job is under way." in text_of(client, "/sites/")


def test_the_same_job_started_twice_is_one(world):
    client = world.as_("operator")
    first, second = begin(client), begin(client)
    assert first.url == second.url
    assert Batch.objects.count() == 1
    assert DBTaskResult.objects.count() == 1


def test_the_result_names_what_stopped_and_polling_ends(world):
    client = world.as_("operator")
    url = begin(client).url
    assert client.get(url, headers={"HX-Request": "true"}).status_code == 200
    run_worker()
    polled = client.get(url, headers={"HX-Request": "true"})
    assert polled.status_code == 286, "htmx asks no more"
    assert "<html" not in polled.content.decode()
    page = text_of(client, url)
    assert "1 site is stopped." in page
    assert "Look at it" in page, "its finding"
    assert "every 1s" not in page
    assert "Bill 1 stopped site again" in page
    rows = text_of(client, f"{url}?format=csv").splitlines()
    assert rows[1].startswith("linde,Lindenhof,Refused,0,")
    again = text_of(client, f"/bill/?batch={Batch.objects.get().pk}")
    assert 'value="linde"' in again
    assert 'value="2026-07-01"' in again


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "An issue is open since {}: Look at it. Resolve the issue, then bill again."),
        ("de", "Seit {} ist eine Pendenz offen: Look at it. Erledigen Sie die Pendenz und rechnen"
         " Sie erneut ab."),
        ("fr", "Un point est en suspens depuis le {}\u202f: Look at it. Réglez le point en suspens,"
         " puis facturez à nouveau."),
        ("it", "Un punto è in sospeso dal {}: Look at it. Risolva il punto in sospeso e fatturi di"
         " nuovo."),
    ],
)  # fmt: skip
def test_its_table_says_what_stopped_in_the_language_of_the_reader(world, language, says):
    client = world.as_("operator")
    url = begin(client).url
    run_worker()
    User.objects.filter(pk=world.users["operator"].pk).update(language=language)
    rows = list(csv.reader(io.StringIO(text_of(client, f"{url}?format=csv"))))
    since = f"{world.issue.created_at:%d.%m.%Y}"
    assert rows[1][-1] == "linde: " + says.format(since)


def test_a_review_leads_to_the_issue_of_what_can_be_issued(world):
    client = world.as_("operator")
    bench.site_with(2, "eiche", seed=2)
    url = begin(client, site=["linde", "eiche"], kind="review").url
    run_worker()
    page = text_of(client, url)
    assert "Issue 1 site" in page
    assert "2 documents" in page
    review = Batch.objects.get()
    answer = client.post("/bill/", {**PERIOD, "kind": "issue", "batch": review.pk, "every": "1"})
    issue = Batch.objects.exclude(pk=review.pk).get()
    assert answer.url == f"/bill/{issue.pk}/"
    assert [row.site.ref for row in issue.rows.all()] == ["eiche"]
    run_worker()
    assert issue.rows.get().state == "issued"
    waiting = DBTaskResult.objects.ready()
    assert [one.task_path for one in waiting] == ["quartier.apps.documents.tasks.print_run"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"site": []}, "Choose at least one site."),
        ({"site": ["nowhere"]}, "Choose at least one site."),
        ({"last": "2026-06-30"}, "The last day is before the first."),
        ({"last": "2036-06-30"}, "A run covers three years at most."),
        ({"first": "soon"}, "Enter a valid date."),
        ({"first": "0001-01-01", "last": "0001-12-31"}, "mend the year"),
        ({"first": "9999-12-30", "last": "9999-12-31"}, "mend the year"),
        ({"site": [], "all": "1", "q": "%" * 60_000, "every": "1"}, "Choose at least one site."),
    ],
)
def test_a_wrong_form_begins_nothing(world, changes, says):
    answer = begin(world.as_("operator"), **changes)
    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not Batch.objects.exists()


def test_sites_of_others_are_never_billed(world):
    outsider = world.users["outsider"]
    Site.objects.create(organisation=outsider.organisation, ref="fremd", name="Fremd")
    begin(world.as_("operator"), site=["linde", "fremd"])
    assert [row.site.ref for row in BatchSite.objects.all()] == ["linde"]
    job = Batch.objects.get()
    assert world.as_("outsider").get(f"/bill/{job.pk}/").status_code == 404


def test_sites_are_chosen_from_the_list_one_by_one_or_all_that_match(world):
    client = world.as_("operator")
    bench.site_with(1, "eiche", seed=2)
    bench.site_with(1, "esche", seed=3)
    assert "data-select-all" in text_of(client, "/sites/")
    one = text_of(client, "/bill/?site=eiche&kind=issue")
    assert one.count("data-select-row checked") == 1
    two = text_of(client, "/bill/?all=1&q=e&show=&site=linde")
    assert [f'value="{ref}"' in two for ref in ("eiche", "esche")] == [True, True]
    opened = text_of(client, "/bill/?all=1&show=open")
    assert 'value="linde"' in opened
    assert 'value="eiche"' not in opened
    assert "data-select-all" not in text_of(world.as_("owner"), "/sites/")


def test_one_site_with_an_issue_stops_no_other(world):
    bench.site_with(2, "ahorn", seed=2)
    url = begin(world.as_("operator"), site=["ahorn", "linde"]).url
    run_worker()
    page = text_of(world.as_("operator"), url)
    assert "Look at it" in page
    states = {row.site.ref: row.state for row in BatchSite.objects.select_related("site")}
    assert states == {"ahorn": "issued", "linde": "refused"}
    assert Site.objects.get(ref="ahorn").invoices.count() == 2


def test_an_installer_sees_no_billing_in_the_list(world):
    assert "Billed until" in text_of(world.as_("owner"), "/sites/")
    page = text_of(world.as_("installer"), "/sites/")
    assert "Lindenhof" in page
    assert "Billed until" not in page
    assert "Last run" not in page
    assert "Issued" not in page


def test_a_job_whose_worker_has_gone_is_gone_on_with(world):
    client = world.as_("operator")
    url = begin(client).url
    DBTaskResult.objects.all().delete()
    Batch.objects.update(beat_at=timezone.now(), worker="gone")
    client.post(f"{url}continue/")
    assert not DBTaskResult.objects.exists(), "its lease is not over"
    Batch.objects.update(beat_at=timezone.now() - timedelta(minutes=2))
    assert "no sign of life" in text_of(client, url)
    client.post(f"{url}continue/")
    run_worker()
    assert Batch.objects.get().finished_at


def test_a_new_worker_queues_what_another_left(world):
    job = world.batch
    assert tasks.resume() == 0, "nobody had begun; it waits in the queue"
    Batch.objects.update(beat_at=timezone.now())
    assert tasks.resume() == 1
    queued = DBTaskResult.objects.get()
    job.refresh_from_db()
    assert queued.run_after > job.beat_at + timedelta(seconds=59)


def test_the_pages_ask_no_more_for_more_sites(world):
    client = world.as_("operator")

    def asked(url):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        return len(queries)

    url = begin(client).url
    run_worker()
    before = [asked(page) for page in ("/bill/", url, "/sites/")]
    for n in range(4):
        site = bench.site_with(1, f"s{n}", seed=n)
        Note.objects.create(site=site, kind="issue", text="Wait")
    url = begin(client, site=["linde", "s0", "s1", "s2", "s3"]).url
    run_worker()
    assert [asked(page) for page in ("/bill/", url, "/sites/")] == before
    assert max(before) <= 20


def test_a_form_of_many_sites_is_within_the_limit_of_fields(world):
    organisation = world.site.organisation
    Site.objects.bulk_create(
        Site(organisation=organisation, ref=f"s{n}", name=f"Site {n}") for n in range(499)
    )
    client = world.as_("operator")
    page = client.get("/bill/")
    assert len(page.context["offered"]) == 500
    names = re.findall(r'name="(\w+)"', page.content.decode())
    assert len(names) <= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS


def test_all_sites_of_a_search_are_those_of_the_search(world, monkeypatch):
    monkeypatch.setattr(batches, "_MOST_BOXES", 1)
    for name in ("Eiche 1", "Eiche 2"):
        Site.objects.create(organisation=world.site.organisation, ref=name[-1], name=name)
    client = world.as_("operator")
    page = text_of(client, "/bill/?q=Eiche")
    sent = dict(re.findall(r'type="hidden" name="(\w+)" value="(\w*)"', page))
    begin(client, **{**sent, "site": []})
    assert sorted(row.site.name for row in BatchSite.objects.all()) == ["Eiche 1", "Eiche 2"]


@pytest.mark.parametrize("pk", ["9" * 5000, "9" * 19, "7", "x"])
def test_a_job_that_is_not_there_offers_no_sites(world, pk):
    client = world.as_("operator")
    assert client.get("/bill/", {"batch": pk}).status_code == 404
    assert begin(client, batch=pk, every="1", site=[]).status_code == 404
    assert not Batch.objects.exists()
