"""From a frozen document to the bytes of its PDF; no database, no clock.

typst sets the page (docs/decisions/0007-documents.md); one compiler a thread is kept, with the
shipped fonts alone. typst releases the interpreter's lock, so threads render side by side.
"""

import json
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import typst

from quartier.apps.documents import facturx
from quartier.apps.documents.page import page_of
from quartier.core.invoicing.document import Document
from quartier.formats.en16931 import xml_of

_FOLDER = Path(__file__).parent
_TEMPLATES = _FOLDER / "typst"
_FONTS = _FOLDER / "fonts"
_local = threading.local()


def render(document: Document) -> bytes:
    """The PDF/A-3b of ``document`` with its EN 16931 XML attached (Factur-X).

    The same document gives the same bytes. Raises ``qr_bill.BadQrBill``, ``en16931.NotEn16931``
    and ``texts.NoLanguage``, each with what to correct.
    """
    return compiled(page_of(document), xml_of(document), document.issued_date)


def compiled(page: dict[str, Any], xml: bytes, issued_date: date) -> bytes:
    """The PDF of a page's texts (``page.page_of``), dated ``issued_date``, with ``xml``."""
    midnight = datetime(issued_date.year, issued_date.month, issued_date.day, tzinfo=UTC)
    pdf = _compiler().compile(
        input=str(_TEMPLATES / "invoice.typ"),
        format="pdf",
        sys_inputs={"page": json.dumps(page, ensure_ascii=False), "xml": xml.decode("utf-8")},
        pdf_standards="a-3b",
        timestamp=int(midnight.timestamp()),
    )
    assert isinstance(pdf, bytes), "one PDF, in memory"
    return facturx.declare(pdf)


def printed(template: str, page: dict[str, Any], issued_date: date) -> bytes:
    """The PDF/A-2b of ``page`` as the ``template`` of this package sets it; the same gives the same
    bytes."""
    midnight = datetime(issued_date.year, issued_date.month, issued_date.day, tzinfo=UTC)
    pdf = _compiler().compile(
        input=str(_TEMPLATES / template),
        format="pdf",
        sys_inputs={"page": json.dumps(page, ensure_ascii=False)},
        pdf_standards="a-2b",
        timestamp=int(midnight.timestamp()),
    )
    assert isinstance(pdf, bytes), "one PDF, in memory"
    return pdf


def _compiler() -> typst.Compiler:
    compiler = getattr(_local, "compiler", None)
    if compiler is None:
        compiler = typst.Compiler(
            input=str(_TEMPLATES / "invoice.typ"),
            root=str(_TEMPLATES),
            font_paths=[str(_FONTS)],
            ignore_system_fonts=True,
        )
        _local.compiler = compiler
    return compiler
