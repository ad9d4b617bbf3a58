"""Distribution zones: what hangs behind one breaker and may not draw more than it carries."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from quartier.apps.parties.models import REF
from quartier.apps.sites.models import Site

PHASES = ((1, "1"), (3, "3"))


class DistributionZone(models.Model):
    """A zone of charging stations behind one breaker, for dynamic load management (system.md 6).

    Its DLM meters measure what else draws from the same line and cannot be controlled; its
    consumption meter measures the zone itself, and so is never one of them.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="distribution_zones")
    ref = models.CharField(max_length=63, validators=[REF])
    name = models.CharField(max_length=120)
    max_current_a = models.DecimalField(
        max_digits=7, decimal_places=1, validators=[MinValueValidator(1)]
    )
    """Of each phase."""
    phases = models.PositiveSmallIntegerField(choices=PHASES, default=3)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    consumption_meter = models.ForeignKey(
        "equipment.Meter",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="head_of_zones",
    )
    dlm_meters = models.ManyToManyField("equipment.Meter", blank=True, related_name="dlm_zones")

    class Meta:
        ordering = ("ref",)
        constraints = (
            models.UniqueConstraint(fields=("site", "ref"), name="distribution_zone_ref_is_unique"),
            models.CheckConstraint(condition=Q(max_current_a__gt=0), name="zone_carries_a_current"),
            models.CheckConstraint(
                condition=Q(parent=None) | ~Q(parent=F("id")), name="zone_is_not_in_itself"
            ),
        )

    def __str__(self) -> str:
        return self.name
