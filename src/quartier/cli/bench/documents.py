"""Printing invoices: one page by page, and all of many sites."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path

import pikepdf
import typst

from quartier.apps.billing.operations import bill
from quartier.apps.documents.render import render
from quartier.cli.bench import _fleet
from quartier.cli.bench import _world as world
from quartier.cli.bench._counts import Counts
from quartier.cli.bench._figure import Figure, timed_each
from quartier.core.invoicing.document import Document
from quartier.core.invoicing.frozen import thaw

FONTS = Path(str(world.__file__)).parents[2] / "apps" / "documents" / "fonts"


def measure(folder: Path, counts: Counts) -> Iterator[Figure]:
    """``invoice_pdf_ms`` and ``documents_100_sites_s``."""
    empty_s = _empty_page_s(folder, counts)
    yield _invoice(counts, empty_s)
    yield _sites(folder, counts, empty_s)


def _empty_page_s(folder: Path, counts: Counts) -> float:
    """Setting one page with one word, never the same one: typst remembers what it has set."""
    source = folder / "empty.typ"
    source.write_text('#set text(font: "Liberation Sans")\n#sys.inputs.word\n')
    compiler = typst.Compiler(
        input=str(source), root=str(folder), font_paths=[str(FONTS)], ignore_system_fonts=True
    )
    midnight = int(datetime(2026, 10, 5, tzinfo=UTC).timestamp())
    works = (
        partial(
            compiler.compile,
            input=str(source),
            format="pdf",
            sys_inputs={"word": f"page {run}"},
            pdf_standards="a-3b",
            timestamp=midnight,
        )
        for run in range(counts.invoices + 2)
    )
    return timed_each(works, warm=2).median_s


def _invoice(counts: Counts, empty_s: float) -> Figure:
    """Each invoice is rendered once: a second time would find its pages remembered."""
    documents = _documents(counts.invoices + 2)
    with pikepdf.open(BytesIO(render(documents[0]))) as pdf:
        pages = len(pdf.pages)
    timing = timed_each((partial(render, one) for one in documents), warm=2)
    return timing.figure(
        "invoice_pdf_ms",
        "ms",
        1e3,
        f"to render an invoice of {pages} pages with chart, QR payment part and EN 16931 XML, "
        f"each of {counts.invoices} once",
        floor=empty_s * 1e3,
        floor_what="typst alone, one page with one word",
    )


def _documents(count: int) -> list[Document]:
    site = world.site_with(count, "documents")
    prepared, invoices = bill(
        site, world.QUARTER, now=world.KNOWN_AT, issued_date=world.KNOWN_AT.date(), actor="bench"
    )
    assert len(invoices) == count, prepared.findings
    return [thaw(bytes(invoice.document)) for invoice in invoices]


def _sites(folder: Path, counts: Counts, empty_s: float) -> Figure:
    sites, households = counts.sites[1], counts.printed_a_site
    took = _fleet.printed(folder, counts)
    pdfs = sites * households
    some = "" if households == counts.households_a_site else f" of {counts.households_a_site}"
    return Figure(
        "documents_100_sites_s",
        took["wall_s"],
        "s",
        f"to print the invoices of {households}{some} households of each of {sites} sites: {pdfs} "
        f"PDFs, kept and recorded, {os.cpu_count()} threads, one run "
        f"({took['cpu_s'] / pdfs * 1e3:.1f} ms CPU a PDF)",
        floor=empty_s * pdfs,
        floor_what="as many single pages with one word, typst alone in one thread",
        cpu=took["cpu_s"],
        samples=[took["wall_s"]],
    )
