"""Dated agreements: who lives where, at what prices, how the sun is shared, who issues.

What holds from a date until the next row of its kind is one row with its start: the end of one
is the start of the next, so that neither overlap nor gap can be stored
(docs/decisions/0005-occupancy-as-a-chain.md).
"""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from quartier.apps.parties.models import REF, Party
from quartier.apps.sites.models import BillingPoint, Site

SHA256 = RegexValidator(r"\A[0-9a-f]{64}\Z")


class Occupancy(models.Model):
    """Who holds a billing point from a local date until the next occupancy of it begins.

    During a vacancy the owner holds it: a row with ``is_vacant``.
    """

    class Status(models.TextChoices):
        """Whether EnV Art. 16 binds toward the holder (rules.md a.2)."""

        TENANT = "tenant"
        CO_OWNER = "co_owner"
        OWNER = "owner"
        COMMON = "common"

    billing_point = models.ForeignKey(
        BillingPoint, on_delete=models.CASCADE, related_name="occupancies"
    )
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="occupancies")
    status = models.CharField(max_length=8, choices=Status, default=Status.TENANT)
    is_vacant = models.BooleanField(default=False)
    starts_date = models.DateField()

    class Meta:
        ordering = ("billing_point", "starts_date")
        verbose_name_plural = "occupancies"
        constraints = (
            models.UniqueConstraint(
                fields=("billing_point", "starts_date"), name="one_occupancy_begins_a_day"
            ),
            models.CheckConstraint(
                condition=Q(is_vacant=False) | Q(status="owner"), name="vacancy_falls_to_the_owner"
            ),
        )

    def __str__(self) -> str:
        return f"{self.billing_point}: {self.party} from {self.starts_date}"


class Issuer(models.Model):
    """Who issues a site's documents, and how they are paid."""

    class ReferenceType(models.TextChoices):
        QRR = "QRR"
        SCOR = "SCOR"
        NON = "NON"

    site = models.OneToOneField(Site, on_delete=models.CASCADE, related_name="issuer")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+")
    iban = models.CharField(max_length=21)
    reference_type = models.CharField(max_length=4, choices=ReferenceType)
    vat_liable = models.BooleanField(default=False)
    payment_days = models.PositiveSmallIntegerField(default=30)
    number_prefix = models.CharField(max_length=20, blank=True)

    def __str__(self) -> str:
        return str(self.party)


class Solution(models.Model):
    """What is metered and billed on a site (system.md 7.2)."""

    class Kind(models.TextChoices):
        ELECTRICITY = "electricity"
        HEATING = "heating"
        CHARGING = "charging"
        LAUNDRY = "laundry"
        EBIKE = "ebike"
        MONITORING = "monitoring"

    class Frequency(models.TextChoices):
        MONTH = "month"
        QUARTER = "quarter"
        YEAR = "year"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="solutions")
    kind = models.CharField(max_length=11, choices=Kind)
    frequency = models.CharField(max_length=7, choices=Frequency, default=Frequency.QUARTER)
    label = models.CharField(max_length=80, blank=True)
    starts_date = models.DateField()
    ends_date = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ("site", "kind", "starts_date")
        constraints = (
            models.UniqueConstraint(
                fields=("site", "kind", "starts_date"), name="solution_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(ends_date=None) | Q(ends_date__gt=F("starts_date")),
                name="solution_ends_after_its_start",
            ),
        )

    def __str__(self) -> str:
        return self.label or self.kind


class Community(models.Model):
    """How a site's solar energy is shared, from a local date until the next row."""

    class Kind(models.TextChoices):
        ZEV = "zev"
        VZEV = "vzev"
        LEG = "leg"

    class CapMethod(models.TextChoices):
        FLAT = "flat"
        EFFECTIVE = "effective"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="communities")
    starts_date = models.DateField()
    kind = models.CharField(max_length=4, choices=Kind, default=Kind.ZEV)
    rule = models.CharField(max_length=20)
    """Name of a file in ``core/allocation``."""
    params = models.JSONField(default=dict, blank=True)
    is_balanced = models.BooleanField(default=False)
    """Solar energy is what the grid meter leaves over (rules.md a.3, balance model)."""
    cap_method = models.CharField(max_length=9, choices=CapMethod, default=CapMethod.FLAT)
    costs = models.JSONField(default=dict, blank=True)
    """Yearly costs of the effective method (EnV Art. 16(2), (3))."""

    class Meta:
        ordering = ("site", "starts_date")
        verbose_name_plural = "communities"
        constraints = (
            models.UniqueConstraint(fields=("site", "starts_date"), name="community_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.kind} from {self.starts_date}"


class PriceSheet(models.Model):
    """An ordered list of price components over a range of dates, as ``core.rating`` reads it.

    Without billing points it holds for all of the site. What was billed from it never changes:
    ``sha256`` of the content stands in each document.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="price_sheets")
    ref = models.CharField(max_length=63, validators=[REF])
    title = models.CharField(max_length=120)
    starts_date = models.DateField()
    ends_date = models.DateField()
    content = models.JSONField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    billing_points = models.ManyToManyField(BillingPoint, blank=True, related_name="price_sheets")

    class Meta:
        ordering = ("site", "starts_date", "ref")
        constraints = (
            models.UniqueConstraint(fields=("site", "ref"), name="price_sheet_ref_is_unique"),
            models.CheckConstraint(
                condition=Q(ends_date__gt=F("starts_date")), name="price_sheet_covers_a_period"
            ),
        )

    def __str__(self) -> str:
        return self.title


class ReferenceTariff(models.Model):
    """The grid operator's standard product over a range of dates: what the caps of EnV Art. 16
    and the 80 % solar price are measured against (rules.md a.2, "Reference product")."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="reference_tariffs")
    ref = models.CharField(max_length=63, validators=[REF])
    title = models.CharField(max_length=120)
    starts_date = models.DateField()
    ends_date = models.DateField()
    content = models.JSONField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])

    class Meta:
        ordering = ("site", "starts_date", "ref")
        constraints = (
            models.UniqueConstraint(fields=("site", "ref"), name="reference_ref_is_unique"),
            models.CheckConstraint(
                condition=Q(ends_date__gt=F("starts_date")), name="reference_covers_a_period"
            ),
        )

    def __str__(self) -> str:
        return self.title
