"""Versions of the gateways' program.

They belong to the installation and to no organisation: whoever runs the platform adds them on the
command line. Each is signed with the key of the releases, which the gateways check; the platform
only hands on (docs/decisions/0014-gateway-update.md).
"""

from django.db import models


class GatewayPackage(models.Model):
    """One version: the file that gateways fetch, and its signature in hexadecimal."""

    version = models.CharField(max_length=31, unique=True)
    sha256 = models.CharField(max_length=64, unique=True)
    signature = models.CharField(max_length=128)
    size = models.PositiveIntegerField()
    """Of ``data``, in bytes."""
    data = models.BinaryField()
    added_at = models.DateTimeField()

    class Meta:
        ordering = ("-added_at",)

    def __str__(self) -> str:
        return self.version


class Renewal(models.Model):
    """Which version a gateway is to run; without a package what it has. ``attempt`` counts up when
    somebody wants a version tried, or tried again, and never starts anew: a gateway remembers which
    attempt it gave up."""

    gateway = models.OneToOneField(
        "equipment.Gateway", on_delete=models.CASCADE, primary_key=True, related_name="renewal"
    )
    package = models.ForeignKey(
        GatewayPackage, on_delete=models.PROTECT, null=True, blank=True, related_name="renewals"
    )
    attempt = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.gateway_id} to {self.package_id}"
