"""The printed documents: where each PDF lies, and the hash it must have."""

from django.db import models

from quartier.apps.billing.models import Invoice


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
