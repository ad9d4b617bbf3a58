"""The trail of what was done by whom (rules.md g). Append-only; the database refuses changes."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models


class Event(models.Model):
    """One thing done. ``actor`` is an e-mail address, ``command line`` or ``job``."""

    at = models.DateTimeField(db_index=True)
    organisation_id = models.BigIntegerField(null=True, db_index=True)
    site_id = models.BigIntegerField(null=True, db_index=True)
    actor = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    """A dotted word: ``billing.issue``, ``occupancy.move``."""
    subject = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.action} {self.subject}"
