"""A document's ledger entry: receivable against revenue and VAT (rules.md d.5)."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from quartier.core.invoicing.document import Document
from quartier.core.kernel.money import ZERO
from quartier.core.ledger.entry import Entry, Posting


@dataclass(frozen=True, slots=True)
class Accounts:
    """Account codes. ``revenue`` are pairs of flow (or "" for fees) and code; ``other_revenue``
    takes what no pair names."""

    receivable: str
    vat_payable: str
    advances: str
    rounding: str
    revenue: tuple[tuple[str, str], ...]
    other_revenue: str

    def revenue_of(self, flow: str) -> str:
        """The revenue account of ``flow``."""
        return dict(self.revenue).get(flow, self.other_revenue)


def entry_of(document: Document, accounts: Accounts, *, ref: str) -> Entry:
    """The balanced entry of an issued ``document``; of a credit note, its exact opposite.

    Debit: receivable (what is to pay) and advances (what was prepaid); credit: revenue by flow,
    VAT, and the cash rounding. ``document.recipient.ref`` is the party of the receivable.
    """
    assert document.number, "only an issued document is posted"
    party = document.recipient.ref
    revenue: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for line in document.lines:
        revenue[accounts.revenue_of(line.flow)] -= line.amount
    postings = [
        Posting(accounts.receivable, document.payable, party),
        Posting(accounts.advances, document.prepaid, party),
        *(Posting(account, amount) for account, amount in revenue.items()),
        Posting(accounts.vat_payable, -document.tax),
        Posting(accounts.rounding, -document.rounding),
    ]
    return Entry(
        ref=ref,
        booked_date=document.issued_date,
        currency=document.currency,
        text=f"{document.kind.value} {document.number}",
        source=document.number,
        postings=tuple(one for one in postings if one.amount),
    )
