"""Sentences for whoever reads the page."""

from django.utils.translation import get_language

from quartier.portals.shared.sentences import place, said


def read(text: object) -> str:
    """``text``, e.g. a refusal, in the language of the page."""
    return said(str(text), _language())


def read_place(text: object) -> str:
    """Where a finding is, in the language of the page."""
    return place(str(text), _language())


def read_finding(where: object, message: object, remedy: object) -> str:
    """A finding in one line, e.g. of a CSV: where, what, and what to do."""
    there, what, then = read_place(where), read(message), read(remedy)
    if then and not what.endswith((".", "!", "?")):  # it ends with what somebody wrote
        what += "."
    return " ".join(part for part in (f"{there}:" if there else "", what, then) if part)


def _language() -> str:
    return (get_language() or "de")[:2]
