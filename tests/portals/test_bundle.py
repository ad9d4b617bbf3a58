"""Many invoices at once: an archive of PDFs, one PDF to print, a CSV."""

import io
import zipfile

import pikepdf
import pytest

from quartier.cli.bench import _world as bench
from quartier.portals.operator import bundle

pytestmark = [pytest.mark.django_db, pytest.mark.db]
URL = "/sites/linde/invoices/bundle/"


@pytest.fixture
def home(tmp_path, settings):
    settings.QUARTIER_HOME = tmp_path
    return tmp_path


def content(answer):
    assert answer.status_code == 200
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_the_chosen_pdfs_come_as_an_archive_and_are_kept(world, home):
    chosen = world.invoices[:2]
    data = {"do": "zip", "pk": [one.pk for one in chosen]}
    archive = zipfile.ZipFile(io.BytesIO(content(world.as_("operator").get(URL, data))))
    assert archive.testzip() is None
    assert archive.namelist() == [f"{one.number}.pdf" for one in chosen]
    assert archive.read(archive.namelist()[0]).startswith(b"%PDF")
    assert len(list(home.glob("documents/**/*.pdf"))) == 2


def test_one_pdf_to_print_has_all_pages(world, home):
    client = world.as_("owner")
    with pikepdf.open(io.BytesIO(content(client.get(URL, {"do": "print", "all": "1"})))) as pdf:
        whole = len(pdf.pages)
    one = client.get(URL, {"do": "print", "pk": world.invoices[0].pk})
    with pikepdf.open(io.BytesIO(content(one))) as pdf:
        assert whole == len(pdf.pages) * len(world.invoices)


def test_all_that_match_are_those_of_the_list(world):
    client = world.as_("operator")
    data = {"do": "csv", "all": "1", "q": "Bewohner 2", "period": "2026-07-01"}
    lines = content(client.get(URL, data)).decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "Bewohner 2" in lines[1]
    run = content(client.get(URL, {"do": "csv", "all": "1", "run": world.run.pk})).decode()
    assert len(run.splitlines()) == len(world.invoices) + 1
    assert client.get(URL, {"do": "csv", "all": "1", "run": world.run.pk + 1}).status_code == 302


@pytest.mark.parametrize(
    "data",
    [
        {"do": "zip"},
        {"do": "zip", "pk": "0"},
        {"do": "zip", "pk": "9" * 40},
        {"do": "zip", "pk": "1 or 1=1"},
        {"do": "delete", "all": "1"},
        {"do": "zip", "all": "1", "q": "a" * 60_000},
    ],
)
def test_nothing_chosen_leads_back(world, data):
    answer = world.as_("operator").get(URL, data, follow=True)
    assert "Choose at least one invoice." in answer.content.decode()


def test_invoices_of_another_site_are_not_among_them(world, home):

    other = bench.site_with(1, "eiche", seed=2)
    answer = world.as_("operator").get(
        f"/sites/{other.ref}/invoices/bundle/", {"do": "zip", "pk": world.invoices[0].pk}
    )
    assert answer.status_code == 302


def test_too_many_to_print_are_refused(world, monkeypatch):
    monkeypatch.setattr(bundle, "_MOST_TO_PRINT", 2)
    answer = world.as_("operator").get(URL, {"do": "print", "all": "1"}, follow=True)
    assert "at most 2 invoices" in answer.content.decode()
