"""The readers of badges that a gateway listens to."""

from django.db import models

from quartier.apps.parties.models import REF
from quartier.formats.uplink.badge_readers import ReaderKind, ReaderSettings


class BadgeReader(models.Model):
    """How what is held to a reader reaches its gateway; ``parameters`` are those of its kind
    (docs/uplink.md). A reader as a thing on a wall is a communication device."""

    gateway = models.ForeignKey(
        "equipment.Gateway", on_delete=models.CASCADE, related_name="badge_readers"
    )
    name = models.CharField(max_length=63, validators=[REF])
    kind = models.CharField(max_length=8)
    parameters = models.JSONField(default=dict)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("gateway", "name"), name="badge_reader_name_is_unique"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def settings(self) -> ReaderSettings:
        """What its gateway is told."""
        return ReaderSettings(self.name, ReaderKind(self.kind), **self.parameters)
