"""Cloud gateways that publish readings themselves: where they do, and what came."""

from django.db import models

from quartier.formats.mqtt_mapping.mapping import MOST_BYTES


class MqttSource(models.Model):
    """A topic of a broker, whose messages are what ``gateway`` sends.

    The field server subscribes and keeps each message before it acknowledges it; a worker reads
    what they say by ``mapping``. Which field server holds the connection, and until when without
    word of it, stands in ``held_by`` and ``held_until``.
    """

    gateway = models.OneToOneField(
        "equipment.Gateway", on_delete=models.CASCADE, primary_key=True, related_name="mqtt"
    )
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=8883)
    is_tls = models.BooleanField(default=True)
    ca = models.TextField(blank=True)
    """Certificate of the authority in PEM, where it is not one of the system's."""
    username = models.CharField(max_length=200, blank=True)
    password = models.CharField(max_length=200, blank=True)
    """Kept as it is, since the broker wants it so; never shown again."""
    mapping = models.TextField(max_length=MOST_BYTES)
    is_enabled = models.BooleanField(default=True)
    held_by = models.CharField(max_length=80, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    connected_at = models.DateTimeField(null=True, blank=True)
    """Since when there is a connection; empty without one."""
    problem = models.CharField(max_length=300, blank=True)
    """Why there is none."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class MqttMessage(models.Model):
    """A message as it came. Without ``read_at`` nobody has looked at it yet; ``problem`` says why
    it could not be understood."""

    source = models.ForeignKey(MqttSource, on_delete=models.CASCADE, related_name="messages")
    topic = models.CharField(max_length=500)
    payload = models.BinaryField()
    received_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(
                fields=("source", "id"),
                condition=models.Q(read_at=None),
                name="mqtt_message_unread",
            ),
            models.Index(fields=("received_at",), name="mqtt_message_received"),
        )

    def __str__(self) -> str:
        return f"{self.topic} {self.received_at:%Y-%m-%d %H:%M:%S}"
