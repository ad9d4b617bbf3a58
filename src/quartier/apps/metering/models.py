"""Interval blocks, their revisions, raw readings, and lock dates.

The first three are hot tables: the site leads their key, they have no foreign keys and no other
unique constraint, so that they can be distributed by site (architecture.md, storage). The figures
behind the day block are in stack.md, intervals.
"""

from django.db import models

from quartier.apps.equipment.models import Gateway, Medium, Meter, Register
from quartier.apps.sites.models import Site


class IntervalBlock(models.Model):
    """The current quarter-hours of one register on one UTC day. Only ``store`` writes it."""

    pk = models.CompositePrimaryKey("site_id", "day", "register_id")
    site_id = models.BigIntegerField()
    day = models.IntegerField()
    """Days since 1970-01-01; slot // 96."""
    register_id = models.BigIntegerField()
    energy = models.BinaryField()
    """Little-endian int32 x 96 in Wh; -2**31 is a missing interval."""
    quality = models.BinaryField()
    """96 codes of ``kernel.quality``; 0 exactly where the energy is missing."""
    total_wh = models.BigIntegerField()
    """Sum of the energies that are there: a checksum, read with every block. It is the total of
    a UTC day and so never a figure to show (stack.md)."""

    def __str__(self) -> str:
        return f"site {self.site_id} register {self.register_id} day {self.day}"


class IntervalRevision(models.Model):
    """What a change of known values replaced, in one block. Append-only.

    Revisions of a block are numbered from 1 and their ``known_at`` never decreases. The values
    *as of* an instant are the block with every later revision undone, newest first.
    """

    pk = models.CompositePrimaryKey("site_id", "day", "register_id", "revision")
    site_id = models.BigIntegerField()
    day = models.IntegerField()
    register_id = models.BigIntegerField()
    revision = models.IntegerField()
    known_at = models.DateTimeField()
    slots = models.BinaryField()
    """One byte a changed slot: its position in the day, 0 to 95, ascending."""
    old_energy = models.BinaryField()
    """Little-endian int32, one a changed slot."""
    old_quality = models.BinaryField()
    source = models.CharField(max_length=200)
    method = models.CharField(max_length=60, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    actor = models.CharField(max_length=254, blank=True)

    def __str__(self) -> str:
        return f"revision {self.revision} of register {self.register_id} day {self.day}"


class Reading(models.Model):
    """The state of a register at an instant, as received. Append-only."""

    pk = models.CompositePrimaryKey("site_id", "register_id", "read_at", "source")
    site_id = models.BigIntegerField()
    register_id = models.BigIntegerField()
    read_at = models.DateTimeField()
    source = models.CharField(max_length=200)
    # 15 digits: as many as SQLite keeps exactly.
    value = models.DecimalField(max_digits=15, decimal_places=3)
    """What the register showed, in its unit (Wh or litres), before the CT/VT factor."""
    device_id = models.BigIntegerField(null=True)
    """The device that showed it; None where the time tells which one was there."""
    quality = models.PositiveSmallIntegerField()
    received_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"register {self.register_id} at {self.read_at:%Y-%m-%d %H:%M}"


class Lock(models.Model):
    """Before ``lock_date`` no interval of a medium of a site may change (system.md 11)."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="locks")
    medium = models.CharField(max_length=12, choices=Medium)
    lock_date = models.DateField()
    first_open_slot = models.BigIntegerField()
    """The slot at which ``lock_date`` begins in the site's time zone."""

    class Meta:
        ordering = ("site", "medium")
        constraints = (
            models.UniqueConstraint(fields=("site", "medium"), name="one_lock_a_medium"),
        )

    def __str__(self) -> str:
        return f"{self.medium} locked before {self.lock_date}"


class GatewayBuffer(models.Model):
    """Up to which number all of a gateway's buffer has come (docs/uplink.md, a batch)."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="buffers")
    buffer_id = models.CharField(max_length=32, unique=True)
    last = models.BigIntegerField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"buffer {self.buffer_id} up to {self.last}"


class Unplaced(models.Model):
    """What a gateway sent that no register of the site can take yet, by column and reason."""

    class Reason(models.TextChoices):
        METER = "meter"
        """There is no such meter."""
        REGISTER = "register"
        """The meter has no register with that OBIS code."""
        DEVICE = "device"
        """The meter has no device with that serial: it was exchanged, or another one answers."""
        CLOCK = "clock"
        """It was read in the future."""
        VALUE = "value"
        """No register shows such a value."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="unplaced")
    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="unplaced")
    meter = models.CharField(max_length=63)
    obis = models.CharField(max_length=63)
    kind = models.CharField(max_length=8)
    serial = models.CharField(max_length=63, blank=True)
    reason = models.CharField(max_length=8, choices=Reason)
    since = models.DateTimeField()

    class Meta:
        ordering = ("meter", "obis", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("gateway", "meter", "obis", "kind", "serial", "reason"),
                name="unplaced_is_unique",
            ),
        )

    def __str__(self) -> str:
        return f"{self.meter} {self.obis}: no {self.reason}"


class UnplacedValue(models.Model):
    """One value that waits; its text has all digits that came."""

    pk = models.CompositePrimaryKey("unplaced_id", "measured_at", "value")
    unplaced = models.ForeignKey(Unplaced, on_delete=models.CASCADE, related_name="values")
    measured_at = models.DateTimeField()
    value = models.CharField(max_length=40)
    quality = models.PositiveSmallIntegerField()
    received_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.value} at {self.measured_at:%Y-%m-%d %H:%M}"


class PowerHour(models.Model):
    """Power of a meter in the minutes of an hour. Only ``powers`` reads and writes it. Hot, and
    kept for ``powers.LIVES`` only."""

    pk = models.CompositePrimaryKey("site_id", "hour", "meter_id", "obis")
    site_id = models.BigIntegerField()
    hour = models.IntegerField()
    """Hours since 1970."""
    meter_id = models.BigIntegerField()
    obis = models.CharField(max_length=63)
    power_w = models.BinaryField()
    """Little-endian int32 x 60 in W; -2**31 is a minute without a value."""

    def __str__(self) -> str:
        return f"{self.obis} of meter {self.meter_id} in hour {self.hour}"


class Momentary(models.Model):
    """What a meter showed last, for inspection; overwritten, and never billed."""

    meter = models.OneToOneField(
        Meter, on_delete=models.CASCADE, primary_key=True, related_name="momentary"
    )
    shown = models.JSONField(default=dict)
    """By OBIS code: the value as text (V, A, W, a power factor) and its instant, milliseconds since
    1970."""

    def __str__(self) -> str:
        return f"{self.meter}: {len(self.shown)} values"


class Comparison(models.Model):
    """A register compared with the display of its device, and found to be the same. Append-only.

    Nothing is billed from an unverified driver before it.
    """

    register = models.ForeignKey(Register, on_delete=models.CASCADE, related_name="comparisons")
    driver = models.CharField(max_length=63)
    serial = models.CharField(max_length=40)
    """Of the device that was there."""
    shown = models.DecimalField(max_digits=15, decimal_places=3)
    """What the display showed, in the register's unit."""
    read = models.DecimalField(max_digits=15, decimal_places=3)
    """What was read nearest to it, at ``read_at``."""
    read_at = models.DateTimeField()
    compared_at = models.DateTimeField()
    by = models.CharField(max_length=254)

    class Meta:
        ordering = ("-compared_at", "-id")

    def __str__(self) -> str:
        return f"{self.register} compared by {self.by}"
