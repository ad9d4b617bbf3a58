"""Files that were received, what was noticed in them, and what waits for a meter."""

from django.db import models
from django.db.models import Q

from quartier.apps.sites.models import Site


class IntakeFile(models.Model):
    """One file received for a site. Its bytes are in the archive before this row says so."""

    class Kind(models.TextChoices):
        SDAT = "sdat"
        LOAD_CURVE = "load-curve"
        READINGS = "readings"

    class State(models.TextChoices):
        IMPORTED = "imported"
        REJECTED = "rejected"
        """Nothing of it was used; importing it again tries again."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="intake_files")
    kind = models.CharField(max_length=10, choices=Kind)
    options = models.CharField(max_length=64, blank=True)
    """SHA-256 of how it was read (profile, meter), where that is not in the file itself."""
    sha256 = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    """As it was called when it came; never an identity [S41]."""
    size = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State)
    received_at = models.DateTimeField()
    received_by = models.CharField(max_length=254, blank=True)
    message_created_at = models.DateTimeField(null=True)
    """When its sender made it, as the file says."""

    class Meta:
        ordering = ("-received_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("site", "kind", "options", "sha256"), name="intake_file_is_unique"
            ),
        )

    def __str__(self) -> str:
        return self.name


class IntakeFinding(models.Model):
    """What was noticed when a file was imported (kernel.findings)."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="intake_findings")
    file = models.ForeignKey(
        IntakeFile, on_delete=models.CASCADE, null=True, related_name="findings"
    )
    """None for what concerns a whole run."""
    at = models.DateTimeField()
    code = models.CharField(max_length=60)
    severity = models.CharField(max_length=7)
    message = models.TextField()
    where = models.CharField(max_length=300, blank=True)
    remedy = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-at", "id")

    def __str__(self) -> str:
        return f"{self.severity}: {self.message}"


class Quarantine(models.Model):
    """A series of a metering point that no meter of the site has yet.

    The file is in the archive; once a meter has the point, the series is read from it again.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="quarantine")
    file = models.ForeignKey(IntakeFile, on_delete=models.CASCADE, related_name="quarantine")
    point = models.CharField(max_length=120)
    direction = models.CharField(max_length=6)
    part = models.CharField(max_length=9)
    first_slot = models.BigIntegerField()
    end_slot = models.BigIntegerField()
    since = models.DateTimeField()
    released_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("point", "first_slot", "id")
        indexes = (
            models.Index(
                fields=("site", "point"), condition=Q(released_at=None), name="intake_waiting"
            ),
        )

    def __str__(self) -> str:
        return f"{self.point} {self.direction} {self.part}"


class Provenance(models.Model):
    """Which message each current value of a register's UTC day came from.

    The key of the version rule, an entry a slot, so that files may be imported in any order and
    any number of runs with the same result (``merging.py``). Packed arrays, see there. Site
    first, no foreign keys: it grows and is distributed as the interval blocks are.
    """

    pk = models.CompositePrimaryKey("site_id", "day", "register_id")
    site_id = models.BigIntegerField()
    day = models.IntegerField()
    register_id = models.BigIntegerField()
    keys = models.BinaryField()

    def __str__(self) -> str:
        return f"site {self.site_id} register {self.register_id} day {self.day}"


class Contribution(models.Model):
    """What one file of load curves or readings gave one register; a row each time it gave some.

    SDAT messages compete by version and so leave :class:`Provenance`; load curves and readings do
    not, and a row a file is enough. Where rows name the same quarter-hour, the newest one gave the
    value that is stored. Append-only. Written and read in ``contributions.py``.
    """

    site_id = models.BigIntegerField()
    register_id = models.BigIntegerField()
    file = models.ForeignKey(IntakeFile, on_delete=models.CASCADE, related_name="contributions")
    at = models.DateTimeField()
    by = models.CharField(max_length=254, blank=True)
    first_slot = models.BigIntegerField()
    end_slot = models.BigIntegerField()
    slots = models.BinaryField()
    """Of a load curve: the quarter-hours of ``[first_slot, end_slot)`` that it gave, a compressed
    bit each; empty if all."""
    instants = models.BinaryField()
    """Of readings: when they were read, compressed microseconds since 1970; else empty."""
    first_line = models.IntegerField(null=True)
    last_line = models.IntegerField(null=True)
    """Where in the file these values stand."""
    remainder_before = models.CharField(max_length=60, blank=True)
    remainder_after = models.CharField(max_length=60, blank=True)
    """What of a curve finer than 1 Wh was carried in and on, in [0, 1) Wh; empty if it is not
    finer."""

    class Meta:
        ordering = ("at", "id")
        indexes = (
            models.Index(fields=("site_id", "register_id", "end_slot"), name="intake_contributed"),
        )

    def __str__(self) -> str:
        return f"{self.file} to register {self.register_id}"
