"""Sites and the places in them."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models

from quartier.apps.parties.models import REF, Language, Organisation, Party, User


class Site(models.Model):
    """One installation with one grid connection: a building, or a few that share one."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="sites")
    ref = models.CharField(max_length=63, validators=[REF])
    name = models.CharField(max_length=120)
    timezone = models.CharField(max_length=60, default="Europe/Zurich")
    country = models.CharField(max_length=2, default="CH")
    canton = models.CharField(max_length=2, blank=True)
    currency = models.CharField(max_length=3, default="CHF")
    language = models.CharField(max_length=2, choices=Language, default=Language.DE)
    street = models.CharField(max_length=70, blank=True)
    house_number = models.CharField(max_length=16, blank=True)
    postcode = models.CharField(max_length=16, blank=True)
    town = models.CharField(max_length=35, blank=True)
    starts_date = models.DateField(null=True, blank=True)
    """First local date that may be billed. From then on every billing point has a holder."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "ref")
        constraints = (
            models.UniqueConstraint(fields=("organisation", "ref"), name="site_ref_is_unique"),
        )

    def __str__(self) -> str:
        return self.name


class Building(models.Model):
    """A building of a site; billing points are grouped by it."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="buildings")
    ref = models.CharField(max_length=63, validators=[REF])
    name = models.CharField(max_length=120)
    street = models.CharField(max_length=70, blank=True)
    house_number = models.CharField(max_length=16, blank=True)
    postcode = models.CharField(max_length=16, blank=True)
    town = models.CharField(max_length=35, blank=True)
    egid = models.CharField(max_length=12, blank=True)

    class Meta:
        ordering = ("name", "ref")
        constraints = (
            models.UniqueConstraint(fields=("site", "ref"), name="building_ref_is_unique"),
        )

    def __str__(self) -> str:
        return self.name


class BillingPoint(models.Model):
    """A place that is billed, never a person (system.md 7.5)."""

    class Kind(models.TextChoices):
        APARTMENT = "apartment"
        COMMERCIAL = "commercial"
        COMMON = "common"
        PARKING = "parking"
        TECHNICAL = "technical"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="billing_points")
    building = models.ForeignKey(Building, on_delete=models.PROTECT, related_name="billing_points")
    ref = models.CharField(max_length=63, validators=[REF])
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.APARTMENT)
    position = models.PositiveIntegerField(default=0)
    area_m2 = models.DecimalField(max_digits=9, decimal_places=2, null=True, blank=True)
    thousandths = models.DecimalField(max_digits=7, decimal_places=3, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_billed = models.BooleanField(default=True)
    in_statement = models.BooleanField(default=True)
    self_consumption_priority = models.IntegerField(default=0)
    quota = models.DecimalField(
        max_digits=12,
        decimal_places=9,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
    )

    class Meta:
        ordering = ("building", "position", "ref")
        constraints = (
            models.UniqueConstraint(fields=("site", "ref"), name="billing_point_ref_is_unique"),
        )

    def __str__(self) -> str:
        return self.name


class Stakeholder(models.Model):
    """A party's role on a site; it decides what its contacts may see (system.md 7.1)."""

    class Role(models.TextChoices):
        OWNER = "owner"
        AGENT = "agent"
        CONTRACTOR = "contractor"
        INSTALLER = "installer"
        OTHER = "other"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="stakeholders")
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="stakes")
    role = models.CharField(max_length=10, choices=Role)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("site", "party", "role"), name="stakeholder_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.party}: {self.role}"


class Note(models.Model):
    """A note, or an issue to be addressed; an open issue blocks billing (system.md 5.1)."""

    class Kind(models.TextChoices):
        NOTE = "note"
        ISSUE = "issue"

    class Category(models.TextChoices):
        TECHNICAL = "technical"
        ADMINISTRATIVE = "administrative"
        DATA = "data"
        OTHER = "other"

    class Visibility(models.TextChoices):
        PRIVATE = "private"
        PUBLIC = "public"
        EDITABLE = "editable"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="notes")
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.NOTE)
    category = models.CharField(max_length=14, choices=Category, default=Category.OTHER)
    text = models.TextField()
    visibility = models.CharField(max_length=8, choices=Visibility, default=Visibility.PRIVATE)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.text[:60]
