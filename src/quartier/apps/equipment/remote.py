"""What was asked of gateways over their remote connection, and which gateway is connected.

The field server writes here without Django (``field/storage/remote.py``): a column that changes
has to change there too.
"""

from django.db import models


class RemoteCommand(models.Model):
    """Somebody asks a gateway for something; kept for 90 days."""

    class State(models.TextChoices):
        WAITING = "waiting"
        TAKEN = "taken"
        DONE = "done"
        REFUSED = "refused"
        FAILED = "failed"

    gateway = models.ForeignKey(
        "equipment.Gateway", on_delete=models.CASCADE, related_name="remote_commands"
    )
    kind = models.CharField(max_length=31)
    arguments = models.JSONField(default=dict)
    asked_by = models.CharField(max_length=254)
    asked_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    """When nobody waits for the answer any more."""
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    taken_at = models.DateTimeField(null=True)
    taken_by = models.CharField(max_length=80, blank=True)
    """The field server that took it."""
    answered_at = models.DateTimeField(null=True)
    """When the last row came; while it runs too."""
    rows = models.JSONField(default=list)
    """What came (docs/uplink.md): lists of texts."""
    text = models.CharField(max_length=300, blank=True)
    """Why it was refused or has failed."""

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("gateway", "-id"), name="remote_command_of_gateway"),
            models.Index(
                fields=("asked_at",),
                condition=models.Q(state__in=("waiting", "taken")),
                name="remote_command_is_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class RemotePresence(models.Model):
    """The last connection of a gateway to a field server."""

    class Reason(models.TextChoices):
        LOST = "lost"
        """The gateway hung up, or was not heard any more."""
        STOPPED = "stopped"
        """The field server was stopped."""

    gateway = models.OneToOneField(
        "equipment.Gateway", on_delete=models.CASCADE, related_name="remote_presence"
    )
    session = models.CharField(max_length=32, unique=True)
    server = models.CharField(max_length=80)
    connected_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    """The server holds it since, and held it then."""
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=7, choices=Reason, blank=True)

    def __str__(self) -> str:
        return self.session
