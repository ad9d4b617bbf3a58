"""What was billed is protected: a change of the past that would move an issued invoice is refused.

This app lies below billing and cannot see invoices. Billing registers a function here when it
starts (``AppConfig.ready``); every operation of this app and the site file ask it.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import date

BilledUntil = Callable[[Collection[int]], dict[int, date]]
"""Ids of billing points to the first date (exclusive end) after what was billed to each."""

_sources: dict[str, BilledUntil] = {}


class Billed(Exception):
    """The change reaches back into what was billed."""


def register(name: str, source: BilledUntil) -> None:
    """Ask ``source`` from now on; the same ``name`` again replaces it."""
    _sources[name] = source


def billed_until(billing_point_ids: Iterable[int]) -> dict[int, date]:
    """The end (exclusive) of what was billed to each billing point; without those never billed."""
    ids = frozenset(billing_point_ids)
    ends: dict[int, date] = {}
    for source in _sources.values():
        for key, end in source(ids).items():
            ends[key] = max(end, ends.get(key, end))
    return ends


def refuse_billed(billing_point_ids: Iterable[int], from_date: date, what: str) -> None:
    """Raises :class:`Billed` where any of the billing points was billed on or after
    ``from_date``; ``what`` begins the sentence."""
    ends = [end for end in billed_until(billing_point_ids).values() if end > from_date]
    if ends:
        raise Billed(
            f"{what} on {from_date} is refused: until {max(ends)} it is billed; "
            f"choose a date from {max(ends)} on, or cancel the invoice with a credit note first"
        )
