"""The PDF of one invoice, at the operator's door and the resident's: what was printed, once."""

import hashlib
import re
from datetime import date

import pytest
from msgspec.structs import replace

from quartier.apps.billing.models import Invoice
from quartier.apps.documents import operations
from quartier.apps.documents.models import Rendered
from quartier.apps.documents.queries import path_of
from quartier.apps.parties.models import User
from quartier.core.invoicing.frozen import freeze, thaw

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def home(tmp_path, settings):
    settings.QUARTIER_HOME = tmp_path
    return tmp_path


@pytest.fixture
def doors(world):
    """Role -> URL of the same invoice: the resident's own."""
    own = world.invoices[0]
    assert own.party.ref == "linde-p001"
    return {
        "operator": f"/sites/linde/invoices/{own.pk}/document.pdf",
        "resident": f"/me/bills/{own.pk}/document.pdf",
    }


def copied(world, number, **payment):
    """The first document again, for the next quarter, with ``number`` and another ``payment``."""
    first = world.invoices[0]
    document = thaw(bytes(first.document))
    changed = replace(document.payment, **payment)
    data, sha256 = freeze(replace(document, number=number, payment=changed))
    columns = (
        "organisation", "site", "run", "billing_point", "party", "issued_date", "due_date",
        "language", "currency", "total",
    )  # fmt: skip
    return Invoice.objects.create(
        number=number,
        from_date=date(2026, 10, 1),
        to_date=date(2027, 1, 1),
        document=data,
        sha256=sha256,
        **{name: getattr(first, name) for name in columns},
    )


def unprintable(world):
    """A document whose payment reference is none that its account takes."""
    return copied(world, "x-1", reference_type="NON", reference="")


def test_it_is_printed_once_and_then_what_was_printed(world, doors, monkeypatch):
    first = world.as_("resident").get(doors["resident"])
    assert first.headers["Content-Type"] == "application/pdf"
    assert (
        first.headers["Content-Disposition"] == f'inline; filename="{world.invoices[0].number}.pdf"'
    )
    rendered = Rendered.objects.get()
    assert hashlib.sha256(first.content).hexdigest() == rendered.sha256
    assert path_of(rendered).read_bytes() == first.content
    # A later version of the program may set the page otherwise; what went out does not change.
    monkeypatch.setattr(operations, "render", lambda document: b"%PDF set otherwise")
    for role, url in doors.items():
        assert world.as_(role).get(url).content == first.content
    assert Rendered.objects.get().rendered_at == rendered.rendered_at


@pytest.mark.parametrize(
    "harm", [lambda path: path.unlink(), lambda path: path.write_bytes(b"%PDF")]
)
def test_a_lost_or_changed_file_is_printed_again(world, doors, harm):
    first = world.as_("operator").get(doors["operator"]).content
    harm(path_of(Rendered.objects.get()))
    assert world.as_("resident").get(doors["resident"]).content == first
    assert path_of(Rendered.objects.get()).read_bytes() == first


def test_what_cannot_be_printed_leads_to_the_page_with_what_to_do(world, caplog):
    bad = unprintable(world)
    answer = world.as_("operator").get(f"/sites/linde/invoices/{bad.pk}/document.pdf", follow=True)
    assert answer.redirect_chain == [(f"/sites/linde/invoices/{bad.pk}/", 302)]
    page = answer.content.decode()
    assert "The payment part cannot be printed" in page
    assert "Credit the document and bill again." in page
    assert "x-1" in caplog.text
    assert not Rendered.objects.exists()


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("de", "brauchen Sie das PDF, schreiben Sie an"),
        ("fr", "si vous avez besoin du PDF, écrivez à"),
        ("it", "se le serve il PDF, scriva a"),
        ("en", "if you need the PDF, write to"),
    ],
)
def test_a_resident_is_told_whom_to_ask(world, caplog, language, says):
    bad = unprintable(world)
    User.objects.filter(pk=world.users["resident"].pk).update(language=language)
    answer = world.as_("resident").get(f"/me/bills/{bad.pk}/document.pdf", follow=True)
    assert answer.redirect_chain == [(f"/me/bills/{bad.pk}/", 302)]
    page = answer.content.decode()
    assert f"{says} {thaw(bytes(bad.document)).issuer.address.name}." in page
    assert "QR-IBAN" not in page, "that is for who issued it"
    assert "QR-IBAN" in caplog.text


def test_a_folder_that_takes_nothing_is_said(world, doors, home, caplog):
    (home / "documents").write_text("no folder")
    page = world.as_("operator").get(doors["operator"], follow=True).content.decode()
    assert "The folder of printed documents cannot be used: Not a directory." in page
    assert "then try again." in page
    assert "Traceback" in caplog.text
    answer = world.as_("resident").get(doors["resident"], follow=True)
    assert answer.redirect_chain == [(f"/me/bills/{world.invoices[0].pk}/", 302)]


def test_a_hostile_number_is_no_header_and_no_path(world, home):
    row = copied(world, 'x"; filename="../../é 1')
    answer = world.as_("operator").get(f"/sites/linde/invoices/{row.pk}/document.pdf")
    name = answer.headers["Content-Disposition"].removeprefix("inline; filename=")
    assert re.fullmatch(r'"[A-Za-z0-9._-]+\.pdf"', name)
    (path,) = home.rglob("*.pdf")
    assert path.is_relative_to(home / "documents" / "bench" / "linde")
    assert path.read_bytes() == answer.content
