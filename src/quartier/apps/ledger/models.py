"""The books of a site.

An entry is written open, given its postings, then closed. The database closes it only if it
balances, and refuses every later change: what is wrong is reversed by another entry.
"""

from django.db import models
from django.db.models import Q

from quartier.apps.sites.models import Site


class Entry(models.Model):
    """One balanced entry."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="entries")
    date = models.DateField()
    source = models.CharField(max_length=80)
    """What it came from, once only: ``invoice:2026-0001``."""
    text = models.CharField(max_length=200)
    currency = models.CharField(max_length=3)
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by"
    )
    is_closed = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("date", "id")
        verbose_name_plural = "entries"
        constraints = (
            models.UniqueConstraint(fields=("site", "source"), name="an_entry_is_made_once"),
        )

    def __str__(self) -> str:
        return f"{self.date} {self.text}"


class Posting(models.Model):
    """One amount on one account; debit is positive, credit negative."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="postings")
    account = models.CharField(max_length=60)
    """Code of ``core.ledger``, e.g. ``receivable`` or ``revenue.solar``."""
    party_id = models.BigIntegerField(null=True, db_index=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        ordering = ("entry", "id")
        constraints = (models.CheckConstraint(condition=~Q(amount=0), name="posting_is_not_zero"),)

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"
