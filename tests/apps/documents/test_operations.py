"""From issued documents to PDFs on disk: once, whole, and what went wrong is said."""

from datetime import date

import pytest
from msgspec.structs import replace

from quartier.cli import main
from tests.apps.documents.pdf_reader import pages_of

pytestmark = pytest.mark.db


@pytest.fixture
def home(settings, tmp_path):
    settings.QUARTIER_HOME = tmp_path / "home"
    return tmp_path / "home"


@pytest.fixture
def site(db, home):
    """A site of three households with its last quarter issued."""
    from quartier.apps.billing.operations import bill
    from quartier.cli.bench import _world as world

    site = world.site_with(3, "linde")
    result, invoices = bill(
        site, world.QUARTER, now=world.KNOWN_AT, issued_date=date(2026, 10, 5), actor="test"
    )
    assert len(invoices) == 3, result.findings
    return site


def printed(site, dates=None):
    from quartier.apps.documents.operations import print_documents
    from quartier.apps.documents.queries import issued_in
    from quartier.cli.bench._world import KNOWN_AT, QUARTER

    return print_documents(issued_in(site, dates or QUARTER), now=KNOWN_AT)


def test_every_issued_document_is_printed_once(site, home):
    from quartier.apps.documents.queries import intact_bytes, path_of
    from quartier.core.invoicing.frozen import thaw

    first = printed(site)
    assert (len(first.written), len(first.kept), first.findings) == (3, 0, ())
    for rendered in first.written:
        data = intact_bytes(rendered)
        assert data is not None
        assert len(data) == rendered.size_bytes
        document = thaw(bytes(rendered.invoice.document))
        pages = pages_of(data)
        assert document.number in pages[0].text
        assert [code for page in pages for code in page.codes()]
        assert path_of(rendered).is_relative_to(home / "documents")
        assert path_of(rendered).name == f"{document.number}.pdf"
        assert path_of(rendered).parent.name == "2026-Q3"
    again = printed(site)
    assert (len(again.written), len(again.kept)) == (0, 3)
    assert [one.sha256 for one in again.all] == [one.sha256 for one in first.all]


def test_a_lost_or_changed_file_is_noticed_and_printed_again_with_the_same_bytes(site):
    from quartier.apps.documents.check import check
    from quartier.apps.documents.queries import intact_bytes, path_of

    lost, changed, whole = printed(site).all
    assert list(check(site)) == []
    path_of(lost).unlink()
    path_of(changed).write_bytes(b"%PDF")
    assert intact_bytes(lost) is intact_bytes(changed) is None
    findings = list(check(site))
    assert {finding.code for finding in findings} == {"documents.changed"}
    assert len(findings) == 2
    assert all("quartier documents --site" in finding.remedy for finding in findings)
    again = printed(site)
    assert {one.path for one in again.written} == {lost.path, changed.path}
    assert [one.sha256 for one in again.all] == [lost.sha256, changed.sha256, whole.sha256]
    assert list(check(site)) == []


def test_one_pdf_is_made_when_it_is_asked_for(site):
    from quartier.apps.billing.models import Invoice
    from quartier.apps.documents.models import Rendered
    from quartier.apps.documents.operations import pdf_of
    from quartier.cli.bench._world import KNOWN_AT

    invoice = Invoice.objects.select_related("organisation", "site").first()
    data = pdf_of(invoice, now=KNOWN_AT)
    assert data.startswith(b"%PDF-1.7")
    assert Rendered.objects.count() == 1
    assert pdf_of(invoice, now=KNOWN_AT) == data


def test_a_credit_note_is_printed_without_payment_part(site):
    from quartier.apps.billing.models import Invoice
    from quartier.apps.billing.operations import credit
    from quartier.cli.bench._world import KNOWN_AT

    invoice = Invoice.objects.first()
    note = credit(
        invoice, now=KNOWN_AT, issued_date=date(2026, 10, 20), actor="test", reason="Zählertausch"
    )
    rendered = {one.invoice_id: one for one in printed(site).written}
    assert len(rendered) == 4
    from quartier.apps.documents.queries import intact_bytes

    pages = pages_of(intact_bytes(rendered[note.pk]))
    text = "\n".join(page.text for page in pages)
    assert invoice.number in text
    assert "Zählertausch" in text
    assert not [code for page in pages for code in page.codes()]


def test_what_cannot_be_printed_is_a_finding_and_stops_no_other(site):
    from quartier.apps.billing.models import Invoice
    from quartier.apps.documents.operations import CannotPrint, pdf_of, print_documents
    from quartier.cli.bench._world import KNOWN_AT
    from quartier.core.invoicing.frozen import freeze, thaw

    invoices = list(Invoice.objects.select_related("organisation", "site"))
    document = thaw(bytes(invoices[1].document))
    payment = replace(document.payment, reference_type="NON", reference="")
    # issued rows cannot be changed; the bad one lives in memory only
    invoices[1].document = freeze(replace(document, payment=payment))[0]
    result = print_documents(invoices, now=KNOWN_AT)
    assert len(result.written) == 2
    (finding,) = result.findings
    assert finding.code == "documents.payment_part"
    assert finding.where == invoices[1].number
    assert "QR-IBAN" in finding.message
    assert finding.remedy
    with pytest.raises(CannotPrint, match="QR-IBAN"):
        pdf_of(invoices[1], now=KNOWN_AT)


def test_a_fault_in_one_document_names_it_and_stops_no_other(site, caplog):
    from quartier.apps.billing.models import Invoice
    from quartier.apps.documents.operations import CannotPrint, pdf_of, print_documents
    from quartier.cli.bench._world import KNOWN_AT

    invoices = list(Invoice.objects.select_related("organisation", "site"))
    bad = invoices[0]
    bad.document = bytes(bad.document).replace(b'"schema":', b'"scheme":')
    result = print_documents(invoices, now=KNOWN_AT)
    assert {one.invoice_id for one in result.written} == {one.pk for one in invoices[1:]}
    (finding,) = result.findings
    assert (finding.code, finding.where) == ("documents.failed", bad.number)
    assert "schema" in finding.message
    assert finding.remedy
    assert bad.number in caplog.text
    assert "Traceback" in caplog.text, "the cause is in the log"
    with pytest.raises(CannotPrint, match="schema"):
        pdf_of(bad, now=KNOWN_AT)


def test_a_run_that_is_cut_off_goes_on_where_it_was(site, monkeypatch):
    from quartier.apps.documents import operations
    from quartier.apps.documents.models import Rendered
    from quartier.apps.documents.queries import intact_bytes

    monkeypatch.setattr(operations, "_BATCH", 1)
    write, calls = operations.files.write_whole, []

    def full_after_two(path, data):
        calls.append(path)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        write(path, data)

    monkeypatch.setattr(operations.files, "write_whole", full_after_two)
    with pytest.raises(OSError, match="No space"):
        printed(site)
    assert Rendered.objects.count() == 2, "what was printed by then is recorded"
    monkeypatch.setattr(operations.files, "write_whole", write)
    again = printed(site)
    assert (len(again.written), len(again.kept), again.findings) == (1, 2, ())
    assert all(intact_bytes(one) for one in again.all)


def test_progress_counts_every_document_once(site):
    from quartier.apps.billing.models import Invoice
    from quartier.apps.documents.operations import print_documents
    from quartier.cli.bench._world import KNOWN_AT

    for _ in ("written", "kept"):
        steps: list[int] = []
        print_documents(Invoice.objects.all(), now=KNOWN_AT, on_done=steps.append)
        assert sum(steps) == 3


def test_the_command_prints_copies_and_says_what_it_did(site, tmp_path, capsys):
    out = tmp_path / "out"
    line = ["documents", "--site", "linde", "--from", "2026-07-01", "--to", "2026-10-01"]
    assert main([*line, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "3 PDFs written" in shown
    copies = sorted(out.rglob("*.pdf"))
    assert len(copies) == 3
    assert all(copy.read_bytes().startswith(b"%PDF") for copy in copies)
    assert main(line) == 0
    assert "0 PDFs written, 3 were there" in capsys.readouterr().out
    assert main(["documents", "--all", *line[3:]]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (
            ["--site", "linde", "--from", "2020-01-01", "--to", "2020-02-01"],
            1,
            "nothing was issued",
        ),
        (["--site", "nowhere", "--from", "2026-07-01", "--to", "2026-10-01"], 2, "nowhere"),
        (["--site", "linde", "--from", "2026-07-01", "--to", "2026-07-01"], 2, "--to"),
        (["--site", "linde", "--from", "yesterday", "--to", "2026-07-01"], 2, "not a date"),
        (["--from", "2026-07-01", "--to", "2026-10-01"], 2, "--site"),
    ],
)
def test_wrong_use_is_one_sentence(site, capsys, arguments, code, text):
    assert main(["documents", *arguments]) == code
    shown = capsys.readouterr()
    assert text in shown.out + shown.err


def test_out_that_is_a_file_is_refused(site, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("")
    line = ["documents", "--site", "linde", "--from", "2026-07-01", "--to", "2026-10-01"]
    assert main([*line, "--out", str(file)]) == 2
    assert "names a folder" in capsys.readouterr().err
