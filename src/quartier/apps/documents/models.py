"""The printed documents: where each PDF lies, and the hash it must have."""

from django.db import models

from quartier.apps.billing.models import Invoice
from quartier.apps.sites.models import Site


class Rendered(models.Model):
    """The PDF of one issued document, made from its frozen bytes alone.

    ``path`` is relative to the folder ``documents`` below ``QUARTIER_HOME``.
    """

    invoice = models.OneToOneField(Invoice, on_delete=models.PROTECT, related_name="rendered")
    document_sha256 = models.CharField(max_length=64)
    """Hash of the frozen document that was printed."""
    path = models.CharField(max_length=255, unique=True)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveIntegerField()
    rendered_at = models.DateTimeField()

    class Meta:
        ordering = ("path",)
        verbose_name_plural = "rendered"

    def __str__(self) -> str:
        return self.path


class InspectionReport(models.Model):
    """What an installer left behind: the commissioning report of a site's meters, frozen.

    ``seal`` is an HMAC over its hashes, number and date with a key of the platform
    (``sealing.seal_of``): what was changed in the database does not fit it either.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="inspection_reports")
    number = models.PositiveIntegerField()
    """Counts up by one on each site."""
    issued_at = models.DateTimeField()
    installer = models.CharField(max_length=120)
    by = models.CharField(max_length=254)
    """The account that issued it."""
    left_open = models.PositiveIntegerField()
    """Findings that stayed, each with a remark."""
    content = models.BinaryField()
    """Canonical JSON of all that is printed."""
    content_sha256 = models.CharField(max_length=64)
    pdf = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    """Of the PDF."""
    seal = models.CharField(max_length=64)

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(
                fields=("site", "number"), name="inspection_report_number_is_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.site} {self.number}"
