"""Labels for meters, each with a QR code that leads to the meter's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from io import BytesIO

import segno

from quartier.apps.documents.printing import page_words, printable
from quartier.apps.documents.wiring import Wired, Wiring

TEMPLATE = "labels.typ"
MOST = 2_000


class Paper(StrEnum):
    """What the labels are printed on [GK]."""

    SHEET = "sheet"
    """A4 with 3 x 8 labels of 70 x 37 mm, without margin."""
    TAPE = "tape"
    """A continuous tape of 62 mm, a label of 62 x 29 mm a page."""


@dataclass(frozen=True, slots=True)
class Label:
    """A meter and where it is on the bus; ``url`` is what its code holds."""

    meter: Wired
    bus: str
    url: str


def labels_of(wiring: Wiring, url: str) -> list[Label]:
    """Every meter that somebody can hold in hand: bus by bus in order of address, then the rest.
    ``url`` is that of a meter, with ``{pk}`` in place of its number."""
    found = [
        Label(meter, line.name, url.format(pk=meter.pk))
        for gateway in wiring.gateways
        for line in gateway.lines
        for meter in line.meters
    ]
    return found + [Label(one, "", url.format(pk=one.pk)) for one in wiring.loose]


def labels_pdf(
    labels: Sequence[Label], site: str, language: str, paper: Paper, day: date, skip: int = 0
) -> bytes:
    """The labels on ``paper``; the first ``skip`` places of a sheet stay empty.

    Raises ``printing.CannotPrint``.
    """
    page = {
        "words": page_words("labels", language),
        "language": language,
        "site": site,
        "issued": [day.year, day.month, day.day],
        "paper": paper.value,
        "skip": skip if paper is Paper.SHEET else 0,
        "labels": [
            {
                "name": one.meter.name,
                "ref": one.meter.ref,
                "address": one.meter.address,
                "bus": one.bus,
                "point": one.meter.billing_point,
                "transformer": one.meter.transformer,
                "code": _svg(one.url),
            }
            for one in labels[:MOST]
        ],
    }
    return printable(TEMPLATE, page, day)


def _svg(url: str) -> str:
    out = BytesIO()
    segno.make(url, error="m", micro=False).save(out, kind="svg", border=4, xmldecl=False)
    return out.getvalue().decode("ascii")
