"""Section titles of an invoice: the price sheet's, else the solution's label, else the word."""

from collections.abc import Mapping
from dataclasses import replace

from quartier.core.rating.sheet import Labels, PriceSheet, labels

WORDS: Mapping[str, Labels] = {
    "electricity": labels(
        {"de": "Strom", "fr": "Électricité", "it": "Elettricità", "en": "Electricity"}
    ),
}
"""What a solution is called where nobody named it."""


def titled(sheet: PriceSheet, label: str, solution: str) -> PriceSheet:
    """``sheet`` with a title for ``solution``; ``label`` is what the site calls it (system.md
    7.2, invoice label), for all languages."""
    if any(name == solution for name, _ in sheet.titles):
        return sheet
    title = labels(label) if label else WORDS[solution]
    return replace(sheet, titles=(*sheet.titles, (solution, title)))
