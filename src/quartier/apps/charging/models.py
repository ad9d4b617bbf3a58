"""Charging stations that connect to the platform, and all they say.

The field server reads and writes these tables in ``field/storage/stations.py``, without Django: a
column that changes here changes there. All but stations and unknown ones are hot tables: the
site leads their key, they have no foreign keys and no other unique constraint (architecture.md,
storage).
"""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from quartier.apps.sites.models import Site
from quartier.core.charging.facts import ChargingState, Status
from quartier.core.charging.session import Stage
from quartier.formats.uplink.appliances import DAY_S, MOST_PRIORITY
from quartier.formats.uplink.stations import LEAST_A, MOST_A

LONGEST_IDENTITY = 48
_AMPERES = [MinValueValidator(LEAST_A), MaxValueValidator(MOST_A)]


class ChargingStation(models.Model):
    """A station that is let in, by the identity with which it connects. It stays on its site, which
    is in the key of what it said."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="charging_stations")
    identity = models.CharField(max_length=LONGEST_IDENTITY, unique=True)
    name = models.CharField(max_length=60)
    password_sha256 = models.CharField(max_length=64, blank=True)
    """Of 120 random bits, which need no slower hash. Empty: it connects without (security profile
    0), as only a site's own network may let it."""
    is_enabled = models.BooleanField(default=True)
    is_free = models.BooleanField(default=False)
    """Anybody may charge."""
    tags = models.JSONField(default=list)
    """Id tokens that may charge where it is not free."""
    version = models.CharField(max_length=12, blank=True)
    """The subprotocol it last connected with."""
    server = models.CharField(max_length=80, blank=True)
    """The field server that holds its connection; empty without one."""
    connected_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    vendor = models.CharField(max_length=50, blank=True)
    """This and the next three as the station told at its last start."""
    model = models.CharField(max_length=50, blank=True)
    serial = models.CharField(max_length=50, blank=True)
    firmware = models.CharField(max_length=50, blank=True)
    booted_at = models.DateTimeField(null=True, blank=True)
    gateway = models.ForeignKey(
        "equipment.Gateway",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="charging_stations",
    )
    """Serves it in the building, where it charges without the internet; empty: it connects here."""
    phases = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(3)]
    )
    min_a = models.PositiveSmallIntegerField(default=LEAST_A, validators=_AMPERES)
    max_a = models.PositiveSmallIntegerField(default=16, validators=_AMPERES)
    fallback_a = models.PositiveSmallIntegerField(
        default=LEAST_A, validators=[MaxValueValidator(MOST_A)]
    )
    """What a car may take when the gateway is silent."""
    follows_sun = models.BooleanField(default=False)
    """It stands in the one order with the appliances of the gateway."""
    priority = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(MOST_PRIORITY)]
    )
    on_s = models.PositiveIntegerField(default=600, validators=[MaxValueValidator(DAY_S)])
    off_s = models.PositiveIntegerField(default=300, validators=[MaxValueValidator(DAY_S)])

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.identity


class ChargingMessage(models.Model):
    """A message of a station and our answer, as both were sent. Nothing changes it. Heartbeats are
    not kept."""

    pk = models.CompositePrimaryKey("site_id", "station_id", "number")
    site_id = models.BigIntegerField()
    station_id = models.BigIntegerField()
    number = models.BigIntegerField()
    """From 1, in the order in which they were answered."""
    received_at = models.DateTimeField()
    version = models.CharField(max_length=12)
    action = models.CharField(max_length=64)
    asked = models.TextField()
    """The payload, as JSON."""
    answer = models.TextField()

    def __str__(self) -> str:
        return f"{self.action} {self.received_at:%Y-%m-%d %H:%M:%S}"


class StartedTransaction(models.Model):
    """The number that a station of OCPP 1.6 was given for a transaction. One that asks again with
    the same words (``digest``) is given the same number."""

    pk = models.CompositePrimaryKey("site_id", "station_id", "number")
    site_id = models.BigIntegerField()
    station_id = models.BigIntegerField()
    number = models.BigIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        indexes = (
            models.Index(
                fields=("site_id", "station_id", "digest"), name="started_transaction_digest"
            ),
        )

    def __str__(self) -> str:
        return f"station {self.station_id} transaction {self.number}"


class Folded(models.Model):
    """Up to which message a station was read (``folding.py``), and when that one came."""

    pk = models.CompositePrimaryKey("site_id", "station_id")
    site_id = models.BigIntegerField()
    station_id = models.BigIntegerField()
    number = models.BigIntegerField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"station {self.station_id} up to {self.number}"


class Decision(models.TextChoices):
    """Whether the energy of a session that is not sound counts."""

    COUNTED = "counted"
    LEFT_OUT = "left_out"


class ChargingSession(models.Model):
    """A transaction of a station, made of its messages; it is made again when more of it comes.
    ``record`` is all that was told of it, the other fields what that comes to
    (``core/charging/session.py``)."""

    pk = models.CompositePrimaryKey("site_id", "station_id", "transaction_id")
    site_id = models.BigIntegerField()
    station_id = models.BigIntegerField()
    transaction_id = models.CharField(max_length=36)
    """As the station numbers it, or as it was told to."""
    evse_id = models.IntegerField()
    connector_id = models.IntegerField()
    stage = models.CharField(max_length=9, choices=[(one.value, one.value) for one in Stage])
    token = models.CharField(max_length=36, blank=True)
    token_kind = models.CharField(max_length=20, blank=True)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=30, blank=True)
    """Why it ended, a word of OCPP."""
    begin_wh = models.DecimalField(max_digits=25, decimal_places=9, null=True)
    end_wh = models.DecimalField(max_digits=25, decimal_places=9, null=True)
    energy_wh = models.BigIntegerField()
    first_slot = models.BigIntegerField()
    energies_wh = models.JSONField(default=list)
    qualities = models.JSONField(default=list)
    is_estimated = models.BooleanField()
    plugged_in_at = models.DateTimeField()
    plugged_out_at = models.DateTimeField(null=True)
    charging_s = models.BigIntegerField()
    held_s = models.BigIntegerField()
    idle_s = models.BigIntegerField()
    is_sound = models.BooleanField()
    """Nothing keeps it from being billed once it has ended."""
    findings = models.JSONField(default=list)
    record = models.TextField()
    decision = models.CharField(max_length=8, blank=True, choices=Decision)
    """What a person decided of one that is not sound; it stays when more is told."""
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("site_id", "station_id", "begun_at"), name="charging_session_of_station"
            ),
            models.Index(fields=("site_id", "begun_at"), name="charging_session_of_site"),
        )

    def __str__(self) -> str:
        return f"station {self.station_id} transaction {self.transaction_id}"


class StationMeter(models.Model):
    """The meter whose quarter-hours are those of a station's sessions, so that they are shared and
    billed like any consumption (rules.md e.1, ZEV split)."""

    station = models.OneToOneField(
        ChargingStation, on_delete=models.CASCADE, related_name="counting"
    )
    meter = models.OneToOneField("equipment.Meter", on_delete=models.PROTECT, related_name="+")
    first_slot = models.BigIntegerField()
    """From here on its sessions count."""
    counted_slot = models.BigIntegerField()
    """Up to here (exclusive) its quarter-hours are written."""
    dirty_slot = models.BigIntegerField(null=True)
    """From here on a session has changed since."""
    locked_slot = models.BigIntegerField(null=True)
    """The first that came when its values were locked already."""

    def __str__(self) -> str:
        return f"{self.station} counts as {self.meter}"


class StatusChange(models.Model):
    """How a connector stood from an instant on, by the message of that number."""

    pk = models.CompositePrimaryKey("site_id", "station_id", "number")
    site_id = models.BigIntegerField()
    station_id = models.BigIntegerField()
    number = models.BigIntegerField()
    evse_id = models.IntegerField()
    connector_id = models.IntegerField()
    at = models.DateTimeField()
    status = models.CharField(max_length=11, choices=[(one.value, one.value) for one in Status])
    state = models.CharField(
        max_length=13, blank=True, choices=[(one.value, one.value) for one in ChargingState]
    )
    error = models.CharField(max_length=50, blank=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("site_id", "station_id", "evse_id", "at"), name="status_change_of_evse"
            ),
        )

    def __str__(self) -> str:
        return f"EVSE {self.evse_id} {self.status} {self.at:%Y-%m-%d %H:%M:%S}"


class Connector(models.Model):
    """How a connector stands: the newest of its status changes."""

    pk = models.CompositePrimaryKey("site_id", "station_id", "evse_id", "connector_id")
    site_id = models.BigIntegerField()
    station_id = models.BigIntegerField()
    evse_id = models.IntegerField()
    connector_id = models.IntegerField()
    at = models.DateTimeField()
    number = models.BigIntegerField()
    """Of its message."""
    status = models.CharField(max_length=11, choices=[(one.value, one.value) for one in Status])
    state = models.CharField(
        max_length=13, blank=True, choices=[(one.value, one.value) for one in ChargingState]
    )
    error = models.CharField(max_length=50, blank=True)

    def __str__(self) -> str:
        return f"EVSE {self.evse_id} {self.status}"


class EvseQuarter(models.Model):
    """The registers that an EVSE told in a quarter-hour outside of a transaction."""

    pk = models.CompositePrimaryKey("site_id", "station_id", "evse_id", "slot")
    site_id = models.BigIntegerField()
    station_id = models.BigIntegerField()
    evse_id = models.IntegerField()
    slot = models.BigIntegerField()
    registers = models.TextField()

    def __str__(self) -> str:
        return f"EVSE {self.evse_id} slot {self.slot}"


class UnknownStation(models.Model):
    """Somebody who tried to connect with an identity that no station has."""

    identity = models.CharField(max_length=LONGEST_IDENTITY, primary_key=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    attempts = models.IntegerField()
    has_password = models.BooleanField()

    class Meta:
        ordering = ("-last_seen_at",)

    def __str__(self) -> str:
        return self.identity
