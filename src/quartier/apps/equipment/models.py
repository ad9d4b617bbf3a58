"""Meters and what they measure.

A meter is a measuring place in the building; the device on it may be exchanged. A register is
one counting direction of one quantity (OBIS) of a meter; its id is the key of the interval store.
"""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from quartier.apps.equipment.appliances import Appliance as Appliance
from quartier.apps.equipment.appliances import Switch as Switch
from quartier.apps.equipment.badge_readers import BadgeReader as BadgeReader
from quartier.apps.equipment.communication import CommunicationDevice as CommunicationDevice
from quartier.apps.equipment.mqtt import MqttMessage as MqttMessage
from quartier.apps.equipment.mqtt import MqttSource as MqttSource
from quartier.apps.equipment.packages import GatewayPackage as GatewayPackage
from quartier.apps.equipment.packages import Renewal as Renewal
from quartier.apps.equipment.remote import RemoteCommand as RemoteCommand
from quartier.apps.equipment.remote import RemotePresence as RemotePresence
from quartier.apps.equipment.zones import DistributionZone as DistributionZone
from quartier.apps.parties.models import REF, Party
from quartier.apps.sites.models import BillingPoint, Site


class Medium(models.TextChoices):
    """What flows through the meter."""

    ELECTRICITY = "electricity"
    HEAT = "heat"
    COOLING = "cooling"
    HOT_WATER = "hot_water"
    COLD_WATER = "cold_water"
    REACTIVE = "reactive"


class Meter(models.Model):
    """A measuring place.

    ``mode`` says what an electricity meter stands for; ``source`` how its intervals arise:
    from register readings, from the grid operator's curve, from charging sessions, or computed
    from other meters.
    """

    class Mode(models.TextChoices):
        CONSUMPTION = "consumption"
        GRID = "grid"
        """The grid entry: import is drawn from the grid, export is fed in."""
        PRODUCTION = "production"
        BATTERY = "battery"
        """Import is charge, export is discharge."""

    class Source(models.TextChoices):
        REGISTER = "register"
        CURVE = "curve"
        VIRTUAL = "virtual"
        SESSIONS = "sessions"
        """From the charging sessions of a station."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="meters")
    ref = models.CharField(max_length=63, validators=[REF])
    name = models.CharField(max_length=120)
    medium = models.CharField(max_length=12, choices=Medium, default=Medium.ELECTRICITY)
    mode = models.CharField(max_length=12, choices=Mode, default=Mode.CONSUMPTION)
    source = models.CharField(max_length=10, choices=Source, default=Source.REGISTER)
    metering_point = models.CharField(max_length=40, blank=True)
    """The grid operator's id of the consumption direction (rules.md b.3); masked in logs."""
    export_metering_point = models.CharField(max_length=40, blank=True)
    """Its id of the production direction where that differs."""
    rule = models.CharField(max_length=500, blank=True)
    """Of a virtual meter: refs joined by + and -, e.g. ``entry - pv``."""
    fuse_a = models.DecimalField(
        max_digits=7, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    is_enabled = models.BooleanField(default=True)
    is_swapped = models.BooleanField(default=False)
    """Wired the wrong way round: import and export change places."""
    is_isolated = models.BooleanField(default=False)
    """May not stand in the rule of a virtual meter."""

    class Meta:
        ordering = ("ref",)
        constraints = (
            models.UniqueConstraint(fields=("site", "ref"), name="meter_ref_is_unique"),
            models.CheckConstraint(
                condition=Q(source="virtual") ^ Q(rule=""), name="virtual_meter_has_a_rule"
            ),
        )
        indexes = (
            models.Index(fields=("metering_point",), name="meter_metering_point"),
            models.Index(fields=("export_metering_point",), name="meter_export_metering_point"),
        )

    def __str__(self) -> str:
        return self.name


class Device(models.Model):
    """The physical meter that sits on a measuring place from its installation to its removal.

    Never is a delta built across two devices (rules.md f.2).
    """

    meter = models.ForeignKey(Meter, on_delete=models.CASCADE, related_name="devices")
    serial = models.CharField(max_length=40)
    installed_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)
    factor = models.DecimalField(
        max_digits=12, decimal_places=6, default=1, validators=[MinValueValidator(0)]
    )
    """CT/VT factor: a register's delta times this is energy."""
    digits = models.PositiveSmallIntegerField(null=True, blank=True)
    """Whole digits of its counter in kWh or m3; needed to accept a roll-over."""

    class Meta:
        ordering = ("meter", "installed_at")
        constraints = (
            models.UniqueConstraint(fields=("meter", "serial"), name="device_is_unique"),
            models.UniqueConstraint(
                fields=("meter",), condition=Q(removed_at=None), name="one_device_at_a_time"
            ),
            models.CheckConstraint(condition=Q(factor__gt=0), name="device_factor_is_positive"),
            models.CheckConstraint(
                condition=Q(removed_at=None) | Q(removed_at__gt=F("installed_at")),
                name="device_is_removed_after_installation",
            ),
        )

    def __str__(self) -> str:
        return self.serial


class Register(models.Model):
    """One quantity of a meter, in one direction. Its id is the key of the interval store."""

    class Direction(models.TextChoices):
        IMPORT = "import"
        EXPORT = "export"

    class Part(models.TextChoices):
        """What part of the quantity: of a local electricity community the grid operator also
        delivers its split (rules.md b.1, products ...123 and ...124)."""

        TOTAL = "total"
        COMMUNITY = "community"
        RESIDUAL = "residual"

    class Unit(models.TextChoices):
        WH = "wh"
        LITRE = "l"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="registers")
    meter = models.ForeignKey(Meter, on_delete=models.CASCADE, related_name="registers")
    obis = models.CharField(max_length=20)
    direction = models.CharField(max_length=6, choices=Direction, default=Direction.IMPORT)
    part = models.CharField(max_length=9, choices=Part, default=Part.TOTAL)
    unit = models.CharField(max_length=2, choices=Unit, default=Unit.WH)

    class Meta:
        ordering = ("meter", "direction", "part")
        constraints = (
            models.UniqueConstraint(
                fields=("meter", "direction", "part"), name="register_is_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.meter.ref} {self.obis}"


class Assignment(models.Model):
    """Which billing point a consumption meter counts for, from a date until the next row.

    A row without billing point ends the assignment. Rows follow each other, so there is neither
    overlap nor gap: the end of one is the start of the next.
    """

    meter = models.ForeignKey(Meter, on_delete=models.CASCADE, related_name="assignments")
    billing_point = models.ForeignKey(
        BillingPoint, on_delete=models.PROTECT, null=True, blank=True, related_name="assignments"
    )
    starts_date = models.DateField()

    class Meta:
        ordering = ("meter", "starts_date")
        constraints = (
            models.UniqueConstraint(fields=("meter", "starts_date"), name="assignment_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.meter} from {self.starts_date}"


class Plant(models.Model):
    """A plant that produces, behind one production meter."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="plants")
    ref = models.CharField(max_length=63, validators=[REF])
    name = models.CharField(max_length=120)
    meter = models.OneToOneField(Meter, on_delete=models.PROTECT, related_name="plant")
    owner = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="plants")
    power_kwp = models.DecimalField(max_digits=9, decimal_places=3)
    commissioned_date = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ("ref",)
        constraints = (models.UniqueConstraint(fields=("site", "ref"), name="plant_ref_is_unique"),)

    def __str__(self) -> str:
        return self.name


class Battery(models.Model):
    """A battery behind one battery meter."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="batteries")
    ref = models.CharField(max_length=63, validators=[REF])
    name = models.CharField(max_length=120)
    meter = models.OneToOneField(Meter, on_delete=models.PROTECT, related_name="battery")
    owner = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="batteries")
    capacity_wh = models.PositiveIntegerField()
    power_w = models.PositiveIntegerField()

    class Meta:
        ordering = ("ref",)
        verbose_name_plural = "batteries"
        constraints = (
            models.UniqueConstraint(fields=("site", "ref"), name="battery_ref_is_unique"),
        )

    def __str__(self) -> str:
        return self.name


class Gateway(models.Model):
    """A small computer in the building that reads meters and sends what it read (docs/uplink.md).

    Its key is made of the secret of the platform, its name and ``salt`` (``pairing.key_of``), so
    that neither a backup nor the secret alone gives it.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="gateways")
    name = models.CharField(max_length=63, unique=True, validators=[REF])
    """Unique over the platform: it is all that a request says of its sender."""
    salt = models.BinaryField(blank=True)
    """32 random bytes, new at each pairing; empty while it is not paired."""
    code_hash = models.CharField(max_length=64, blank=True)
    code_ends_at = models.DateTimeField(null=True, blank=True)
    paired_at = models.DateTimeField(null=True, blank=True)
    serial = models.CharField(max_length=63, blank=True)
    software = models.CharField(max_length=63, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    """When a signed request of it last came."""
    clock_ahead_ms = models.BigIntegerField(null=True, blank=True)
    """How far its clock was ahead of the platform's in its last batch; below 0 it was behind."""
    waiting = models.BigIntegerField(default=0)
    """Measurements in its buffer, by its last report."""
    used_configuration = models.BigIntegerField(default=0)
    configuration_number = models.BigIntegerField(default=0)
    configuration_sha256 = models.CharField(max_length=64, blank=True)
    """Of the content of that number, so that it counts up only when the content changes."""
    inspect_until = models.DateTimeField(null=True, blank=True)
    """Until then it also reads the phases of its meters."""

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class GatewayNonce(models.Model):
    """A nonce that a gateway used; who replays its request is refused."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="nonces")
    nonce = models.CharField(max_length=32)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("gateway", "nonce"), name="gateway_nonce_is_new"),
        )

    def __str__(self) -> str:
        return self.nonce


class GatewayFinding(models.Model):
    """What is wrong with a gateway or with what it sends; ``gateway`` says so of itself in its
    reports, ``platform`` noticed it in its batches."""

    class Origin(models.TextChoices):
        GATEWAY = "gateway"
        PLATFORM = "platform"

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="findings")
    origin = models.CharField(max_length=8, choices=Origin)
    code = models.CharField(max_length=80)
    severity = models.CharField(max_length=7)
    text = models.CharField(max_length=1000)
    meter = models.CharField(max_length=120, blank=True)
    since = models.DateTimeField()
    last_at = models.DateTimeField()
    sha256 = models.CharField(max_length=64)
    """Of code, meter and text, which are too long for an index."""

    class Meta:
        ordering = ("-last_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("gateway", "origin", "sha256"), name="gateway_finding_is_kept_once"
            ),
        )

    def __str__(self) -> str:
        return self.text


class Bus(models.Model):
    """What a gateway reads meters over; ``parameters`` are those of its kind (docs/uplink.md)."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="buses")
    name = models.CharField(max_length=63, validators=[REF])
    kind = models.CharField(max_length=16)
    parameters = models.JSONField(default=dict)

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "buses"
        constraints = (
            models.UniqueConstraint(fields=("gateway", "name"), name="bus_name_is_unique"),
        )

    def __str__(self) -> str:
        return self.name


class Connection(models.Model):
    """How a meter is read: by a driver, at an address of a bus.

    Without a bus it is not read any more; the row stays, since it tells by which driver it was.
    """

    meter = models.OneToOneField(Meter, on_delete=models.CASCADE, related_name="connection")
    bus = models.ForeignKey(
        Bus, on_delete=models.SET_NULL, null=True, blank=True, related_name="connections"
    )
    driver = models.CharField(max_length=63)
    model = models.CharField(max_length=63, blank=True)
    address = models.CharField(max_length=16)
    plan = models.CharField(max_length=12, default="quarter_hour")
    settings = models.JSONField(default=dict, blank=True)
    since = models.DateTimeField()
    """When it was first read so: by this driver, as this model, with these settings."""

    class Meta:
        ordering = ("meter",)
        constraints = (
            models.UniqueConstraint(fields=("bus", "address"), name="address_of_bus_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.driver} at {self.address}"
