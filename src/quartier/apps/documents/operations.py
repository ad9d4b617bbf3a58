"""Printing issued documents: a PDF is made once, from the frozen document, and kept."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.db.models import prefetch_related_objects

from quartier.apps.billing.models import Invoice
from quartier.apps.documents import files
from quartier.apps.documents.models import Rendered
from quartier.apps.documents.queries import intact_bytes
from quartier.apps.documents.render import render
from quartier.apps.documents.texts import NoLanguage
from quartier.core.invoicing.frozen import thaw
from quartier.core.kernel.findings import Finding, error
from quartier.formats.en16931 import NotEn16931
from quartier.formats.qr_bill import BadQrBill

_log = logging.getLogger("quartier.documents")
_BATCH = 32


@dataclass(frozen=True, slots=True)
class _File:
    """A PDF that lies in its place."""

    path: str
    sha256: str
    size_bytes: int


class CannotPrint(Exception):
    """A document cannot be printed; ``finding`` says why and what to do."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(str(finding))


@dataclass(frozen=True, slots=True)
class Printed:
    """What a run did: how many PDFs are new, how many were there, and what went wrong."""

    written: tuple[Rendered, ...]
    kept: tuple[Rendered, ...]
    findings: tuple[Finding, ...]

    @property
    def all(self) -> tuple[Rendered, ...]:
        """Every PDF there is now, in the order of the invoices' paths."""
        return tuple(sorted((*self.kept, *self.written), key=lambda one: one.path))


def pdf_of(invoice: Invoice, *, now: datetime) -> bytes:
    """The PDF of ``invoice``: the stored one where it is intact, else made now and stored.

    Raises :class:`CannotPrint`, also where the folder cannot be read or written; the log has why.
    """
    try:
        return _stored(invoice) or _made_now(invoice, now)
    except OSError as fault:
        _log.exception("document %s", invoice.number)
        finding = error(
            "documents.folder",
            f"The folder of printed documents cannot be used: {fault.strerror or fault}.",
            where=invoice.number,
            remedy="Give the server access to its folder and space on the disk, then try again.",
        )
        raise CannotPrint(finding) from fault


def _stored(invoice: Invoice) -> bytes | None:
    rendered = Rendered.objects.filter(invoice=invoice).first()
    if rendered is None or rendered.document_sha256 != invoice.sha256:
        return None
    return intact_bytes(rendered)


def _made_now(invoice: Invoice, now: datetime) -> bytes:
    made = _printed(invoice)
    if isinstance(made, Finding):
        _log.error("%s", made)
        raise CannotPrint(made)
    _keep(invoice, made, now)
    return (files.folder() / made.path).read_bytes()


def print_documents(
    invoices: Iterable[Invoice],
    *,
    now: datetime,
    on_done: Callable[[int], None] | None = None,
) -> Printed:
    """The PDFs of ``invoices``; those already stored and intact are left alone.

    Pages are set in threads, rows written here, a batch at a time: a run that is killed goes on
    with the batch it was at. A document that cannot be printed is a finding, also in the log, and
    does not stop the others; a folder that cannot be written to does (``OSError``), and what is
    printed by then stays. ``on_done`` is told how many more are finished.
    """
    advance = on_done or (lambda _count: None)
    written: list[Rendered] = []
    kept: list[Rendered] = []
    findings: list[Finding] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for batch in _batches(invoices):
            there = {
                one.invoice_id: one
                for one in Rendered.objects.filter(invoice__in=[row.pk for row in batch])
            }
            # organisation and site are read here: threads have no connection of their own
            prefetch_related_objects(batch, "organisation", "site")
            due = []
            for invoice in batch:
                one = there.get(invoice.pk)
                if one and one.document_sha256 == invoice.sha256 and intact_bytes(one):
                    kept.append(one)
                else:
                    due.append(invoice)
            advance(len(batch) - len(due))
            made: list[_File | Finding] = []
            for result in pool.map(_printed, due):
                made.append(result)
                advance(1)
            with transaction.atomic():
                for invoice, result in zip(due, made, strict=True):
                    if isinstance(result, Finding):
                        _log.error("%s", result)
                        findings.append(result)
                    else:
                        written.append(_keep(invoice, result, now))
    return Printed(tuple(written), tuple(kept), tuple(findings))


def _batches(invoices: Iterable[Invoice]) -> Iterator[list[Invoice]]:
    rest = iter(invoices)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _printed(invoice: Invoice) -> _File | Finding:
    """Sets and writes one PDF; runs in a thread and does not touch the database."""
    try:
        pdf = render(thaw(bytes(invoice.document)))
    except BadQrBill as fault:
        first = fault.findings[0]
        return error(
            "documents.payment_part",
            f"The payment part cannot be printed: {first.where}: {first.message}",
            where=invoice.number,
            remedy=f"{first.remedy} Credit the document and bill again.".strip(),
        )
    except (NotEn16931, NoLanguage) as fault:
        return error(
            "documents.not_printed",
            f"The document cannot be printed: {fault}.",
            where=invoice.number,
            remedy="Correct this, credit the document and bill again.",
        )
    except Exception as fault:  # noqa: BLE001  (logged in full)
        _log.exception("document %s", invoice.number)
        return error(
            "documents.failed",
            f"The document cannot be printed, by a fault of the program: {fault}",
            where=invoice.number,
            remedy="Report this with the lines of the log; the issued document is intact.",
        )
    path = "/".join(
        (
            invoice.organisation.ref,
            invoice.site.ref,
            files.period_name(invoice.from_date, invoice.to_date),
            files.file_name(invoice.number),
        )
    )
    files.write_whole(files.folder() / path, pdf)
    return _File(path, hashlib.sha256(pdf).hexdigest(), len(pdf))


def _keep(invoice: Invoice, file: _File, now: datetime) -> Rendered:
    rendered, _ = Rendered.objects.update_or_create(
        invoice=invoice,
        defaults={
            "document_sha256": invoice.sha256,
            "path": file.path,
            "sha256": file.sha256,
            "size_bytes": file.size_bytes,
            "rendered_at": now,
        },
    )
    return rendered
