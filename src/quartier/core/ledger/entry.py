"""Double entry, append only (rules.md d.5; architecture.md, house rule 5).

Amounts are whole cents: positive is debit, negative credit. An entry that does not balance cannot
be made; a correction is a reversal, which repeats every posting with the opposite sign.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.money import CENT, ZERO, total


class Unbalanced(ValueError):
    """The postings of an entry do not add up to 0, or are not whole cents."""


class NotReversible(ValueError):
    """A reversal is not reversed: post the entry again."""


@dataclass(frozen=True, slots=True)
class Posting:
    """``amount`` on ``account``: positive is debit. ``party`` is whose account it is (a debtor)."""

    account: str
    amount: Decimal
    party: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Postings of one event. ``source`` names the document or payment behind it; ``reverses`` is
    the ref of the entry that this one takes back. Raises :class:`Unbalanced`."""

    ref: str
    booked_date: date
    currency: str
    text: str
    source: str
    postings: tuple[Posting, ...]
    reverses: str = ""

    def __post_init__(self) -> None:
        for posting in self.postings:
            if posting.amount != posting.amount.quantize(CENT):
                raise Unbalanced(f"{self.ref}: {posting.amount} is finer than a cent")
        off = total([posting.amount for posting in self.postings])
        if off:
            raise Unbalanced(f"{self.ref}: the postings are off by {off} {self.currency}")


def reversal(entry: Entry, *, ref: str, booked_date: date, text: str = "") -> Entry:
    """The entry that takes ``entry`` back; raises :class:`NotReversible` for a reversal."""
    if entry.reverses:
        raise NotReversible(f"{entry.ref} reverses {entry.reverses}; post that one again instead")
    postings = tuple(
        Posting(one.account, -one.amount, one.party, one.text) for one in entry.postings
    )
    return Entry(
        ref, booked_date, entry.currency, text or entry.text, entry.source, postings, entry.ref
    )


def balances(entries: Iterable[Entry]) -> dict[tuple[str, str, str], Decimal]:
    """The balance by (account, party, currency); positive is debit."""
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
    for entry in entries:
        for one in entry.postings:
            sums[one.account, one.party, entry.currency] += one.amount
    return dict(sums)


def check(entries: Iterable[Entry]) -> tuple[Finding, ...]:
    """Everything wrong with a ledger: repeated refs, reversals of nothing, twice or inexact.

    Entries balance by construction; what was read from storage is built again to prove it.
    """
    findings: list[Finding] = []
    seen: dict[str, Entry] = {}
    reversed_by: dict[str, str] = {}

    def wrong(code: str, entry: Entry, message: str) -> None:
        findings.append(
            error(
                f"ledger.{code}",
                message,
                where=f"entry {entry.ref}",
                remedy="Entries are only ever added: restore the ledger from a backup.",
            )
        )

    for entry in entries:
        if entry.ref in seen:
            wrong("duplicate", entry, f"Two entries are called {entry.ref}.")
            continue
        seen[entry.ref] = entry
        if not entry.postings:
            wrong("empty", entry, "The entry has no posting.")
        if not entry.reverses:
            continue
        original = seen.get(entry.reverses)
        if original is None:
            wrong("reversal", entry, f"It reverses {entry.reverses}, which is not before it.")
            continue
        if entry.reverses in reversed_by:
            by = reversed_by[entry.reverses]
            wrong("reversal", entry, f"It reverses {entry.reverses}, which {by} already reversed.")
        reversed_by[entry.reverses] = entry.ref
        both = balances([original, entry])
        if any(both.values()):
            wrong("reversal", entry, f"It is not the exact opposite of {entry.reverses}.")
    return tuple(findings)
