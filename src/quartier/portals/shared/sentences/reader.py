"""Sentences for whoever reads the page."""

from django.utils.translation import get_language

from quartier.portals.shared.sentences import place, said


def read(text: object) -> str:
    """``text``, e.g. a refusal, in the language of the page."""
    return said(str(text), _language())


def read_place(text: object) -> str:
    """Where a finding is, in the language of the page."""
    return place(str(text), _language())


def _language() -> str:
    return (get_language() or "de")[:2]
