"""What carries the readings: routers, converters, switches, access points; relays and readers."""

from django.db import models
from django.db.models import Q

from quartier.apps.parties.models import REF
from quartier.apps.sites.models import Site


class CommunicationDevice(models.Model):
    """A device of the metering network beside the gateway, from its planning to its removal.

    Sources of the kinds: system.md 2.2, 2.3 and 6. Nothing is read from it or switched by it
    here: a bus names the address it is reached at, an appliance the relay that switches it.
    """

    class Kind(models.TextChoices):
        ROUTER_4G = "router_4g"
        ROUTER_LAN = "router_lan"
        CONVERTER = "converter"
        """RS485 or M-Bus to Ethernet."""
        SWITCH = "switch"
        ACCESS_POINT = "access_point"
        RELAY = "relay"
        """A relay module: its relays are contacts for appliances."""
        RFID_READER = "rfid_reader"

    class State(models.TextChoices):
        PLANNED = "planned"
        ORDERED = "ordered"
        INSTALLED = "installed"
        REMOVED = "removed"

    ROUTERS = (Kind.ROUTER_4G.value, Kind.ROUTER_LAN.value)

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="communication_devices")
    ref = models.CharField(max_length=63, validators=[REF])
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind)
    state = models.CharField(max_length=9, choices=State, default=State.PLANNED)
    manufacturer = models.CharField(max_length=63, blank=True)
    model = models.CharField(max_length=63, blank=True)
    serial = models.CharField(max_length=63, blank=True)
    place = models.CharField(max_length=120, blank=True)
    """Where in the building it is, in words: "cellar, meter room"."""
    host = models.CharField(max_length=253, blank=True)
    """Its address in the network: an IP address or a name."""
    mac = models.CharField(max_length=17, blank=True)
    """Capitals in pairs, joined by colons: ``00:1E:42:0A:0B:0C``."""
    gateway = models.ForeignKey(
        "equipment.Gateway",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="communication_devices",
    )
    """The gateway whose readings or switching it serves."""
    sim = models.CharField(max_length=22, blank=True)
    """Of a 4G router: the ICCID printed on the card (ITU-T E.118)."""
    apn = models.CharField(max_length=100, blank=True)
    installed_date = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("ref",)
        constraints = (
            models.UniqueConstraint(
                fields=("site", "ref"), name="communication_device_ref_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(kind="router_4g") | Q(sim="", apn=""),
                name="only_a_4g_router_has_a_sim",
            ),
        )

    def __str__(self) -> str:
        return self.name
