"""Appliances that a gateway steers to the sun, and when each was switched."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from quartier.apps.parties.models import REF
from quartier.apps.sites.models import Site
from quartier.formats.uplink.appliances import (
    DAY_MINUTES,
    DAY_S,
    KINDS,
    MODES,
    MOST_POWER_W,
    MOST_PRIORITY,
    REASONS,
)


class Appliance(models.Model):
    """An appliance behind a relay, or a heat pump with two contacts of SG Ready (system.md 12).

    What the fields mean: :class:`quartier.formats.uplink.appliances.ApplianceSettings`.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="appliances")
    ref = models.CharField(max_length=63, validators=[REF])
    name = models.CharField(max_length=120)
    bus = models.ForeignKey("equipment.Bus", on_delete=models.PROTECT, related_name="appliances")
    driver = models.CharField(max_length=63)
    address = models.CharField(max_length=3, blank=True)
    """On Modbus; a Shelly has none."""
    channels = models.JSONField()
    """Relays from 0: one, or contact 1 and contact 2 of SG Ready."""
    settings = models.JSONField(default=dict, blank=True)
    output = models.CharField(max_length=8, choices=[(one, one) for one in KINDS])
    sg_state = models.PositiveSmallIntegerField(default=0)
    is_inverted = models.BooleanField(default=False)
    power_w = models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(MOST_POWER_W)]
    )
    mode = models.CharField(max_length=14, choices=[(one, one) for one in MODES])
    priority = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(MOST_PRIORITY)]
    )
    on_s = models.PositiveIntegerField(default=600, validators=[MaxValueValidator(DAY_S)])
    off_s = models.PositiveIntegerField(default=300, validators=[MaxValueValidator(DAY_S)])
    daily_s = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(DAY_S)])
    complete_by_minute = models.PositiveSmallIntegerField(
        default=DAY_MINUTES, validators=[MaxValueValidator(DAY_MINUTES)]
    )
    timer = models.JSONField(default=list, blank=True)
    """Windows as in the configuration of the gateway."""
    meter = models.ForeignKey(
        "equipment.Meter",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="appliances",
    )
    """Measures what it draws, where something does."""
    is_pressed = models.BooleanField(default=False)
    """The switch of the mode ``manual``."""

    class Meta:
        ordering = ("ref",)
        constraints = (
            models.UniqueConstraint(fields=("site", "ref"), name="appliance_ref_is_unique"),
            models.CheckConstraint(condition=Q(power_w__gt=0), name="appliance_draws_power"),
        )

    def __str__(self) -> str:
        return self.name


class Switch(models.Model):
    """An appliance is on or off from ``switched_at`` on, as its gateway said."""

    appliance = models.ForeignKey(Appliance, on_delete=models.CASCADE, related_name="switches")
    switched_at = models.DateTimeField()
    is_on = models.BooleanField()
    reason = models.CharField(max_length=16, choices=[(one, one) for one in REASONS])

    class Meta:
        ordering = ("-switched_at",)
        verbose_name_plural = "switches"
        constraints = (
            models.UniqueConstraint(
                fields=("appliance", "switched_at"), name="switch_is_told_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.appliance_id} {'on' if self.is_on else 'off'} {self.switched_at}"
