"""Rules, alarms, who is told of them, and what was told."""

from django.db import models
from django.db.models import Q

from quartier.apps.parties.models import Language, Organisation, User
from quartier.apps.sites.models import Site

KINDS = (
    ("silent_gateway", "Silent gateway"),
    ("silent_meter", "Silent meter"),
    ("clock", "Clock"),
    ("power", "Power above the fuse"),
    ("implausible", "Implausible values"),
    ("residual", "Residual"),
)
"""Those of ``core.metering.alarms.Kind``, which a test holds together."""


class Severity(models.TextChoices):
    """How much an alarm matters."""

    WARNING = "warning"
    ERROR = "error"


class AlarmRule(models.Model):
    """Whether a kind is watched and from which limits on: for all sites of an organisation, or for
    one site, which goes before. Where there is none, the default of ``core.metering.alarms`` holds.
    """

    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="alarm_rules"
    )
    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, null=True, blank=True, related_name="alarm_rules"
    )
    kind = models.CharField(max_length=16, choices=KINDS)
    is_watched = models.BooleanField(default=True)
    first_limit = models.PositiveIntegerField(null=True, blank=True)
    second_limit = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("kind", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("organisation", "kind"),
                condition=Q(site=None),
                name="alarm_rule_of_organisation_is_unique",
            ),
            models.UniqueConstraint(
                fields=("site", "kind"),
                condition=Q(site__isnull=False),
                name="alarm_rule_of_site_is_unique",
            ),
        )

    def __str__(self) -> str:
        return self.kind


class SiteWatch(models.Model):
    """When a site was looked at last; its row is locked meanwhile, so that one worker does."""

    site = models.OneToOneField(Site, on_delete=models.CASCADE, related_name="watch")
    checked_at = models.DateTimeField(null=True, blank=True)
    day_checked_at = models.DateTimeField(null=True, blank=True)
    """When the quarter-hours of the last whole day were looked at."""

    def __str__(self) -> str:
        return f"site {self.site_id}"


class Alarm(models.Model):
    """Something that is wrong, from when it was first seen until it ended.

    Of one kind and subject there is one open alarm at most.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="alarms")
    kind = models.CharField(max_length=16, choices=KINDS)
    subject = models.CharField(max_length=63, blank=True)
    """The name of a gateway or the ref of a meter; empty: the whole site."""
    name = models.CharField(max_length=120, blank=True)
    """What people called the subject when the alarm was opened."""
    severity = models.CharField(max_length=7, choices=Severity)
    code = models.CharField(max_length=32)
    """Of the sentence in ``texts/``, which ``values`` fill."""
    values = models.JSONField(default=dict)
    since = models.DateTimeField()
    """When what is wrong began, as far as it is known."""
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    calm_since = models.DateTimeField(null=True, blank=True)
    flaps = models.PositiveIntegerField(default=0)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=254, blank=True)
    remark = models.CharField(max_length=500, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-opened_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("site", "kind", "subject"),
                condition=Q(ended_at=None),
                name="one_open_alarm_a_subject",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None, acknowledged_by="")
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by="")),
                name="alarm_is_acknowledged_by_somebody",
            ),
        )
        indexes = (
            models.Index(
                fields=("site", "severity"), condition=Q(ended_at=None), name="open_alarms"
            ),
            models.Index(fields=("site", "-opened_at"), name="alarms_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}".strip()


class Recipient(models.Model):
    """Who is told: a user, all who have a role on the site, or an address."""

    class Channel(models.TextChoices):
        EMAIL = "email"

    class Role(models.TextChoices):
        """A role on a site, as ``sites.Stakeholder``; the operators are of all sites."""

        OPERATOR = "operator"
        OWNER = "owner"
        AGENT = "agent"
        CONTRACTOR = "contractor"
        INSTALLER = "installer"

    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="alarm_recipients"
    )
    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, null=True, blank=True, related_name="alarm_recipients"
    )
    """None: of all sites."""
    kind = models.CharField(max_length=16, choices=KINDS, blank=True)
    """Empty: of all kinds."""
    least_severity = models.CharField(max_length=7, choices=Severity, default=Severity.WARNING)
    channel = models.CharField(max_length=8, choices=Channel, default=Channel.EMAIL)
    role = models.CharField(max_length=10, choices=Role, blank=True)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="alarm_recipients"
    )
    address = models.EmailField(blank=True)
    language = models.CharField(max_length=2, choices=Language, default=Language.DE)
    """Of an address; a user is written to in the own language."""

    class Meta:
        ordering = ("site", "id")
        constraints = (
            models.CheckConstraint(
                condition=(
                    (Q(user=None, address="") & ~Q(role=""))
                    | Q(user__isnull=False, address="", role="")
                    | (Q(user=None, role="") & ~Q(address=""))
                ),
                name="alarm_recipient_is_one_of_three",
            ),
        )

    def __str__(self) -> str:
        return self.address or self.role or str(self.user)


class Notice(models.Model):
    """One thing to tell one address about an alarm; those that wait are put into one message."""

    class Event(models.TextChoices):
        OPENED = "opened"
        WORSE = "worse"
        REMINDED = "reminded"
        ENDED = "ended"

    alarm = models.ForeignKey(Alarm, on_delete=models.CASCADE, related_name="notices")
    event = models.CharField(max_length=8, choices=Event)
    channel = models.CharField(max_length=8, choices=Recipient.Channel)
    address = models.CharField(max_length=254)
    language = models.CharField(max_length=2, choices=Language)
    at = models.DateTimeField()
    """When what is told happened: a second reminder is another notice."""
    due_at = models.DateTimeField()
    """When it is sent at the earliest; while it is being sent, when another worker may try."""
    claim = models.CharField(max_length=32, blank=True)
    """Of the worker that sends it."""
    attempts = models.PositiveSmallIntegerField(default=0)
    failure = models.CharField(max_length=300, blank=True)
    """Why it could not be sent, the last time."""
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("alarm", "event", "channel", "address", "at"),
                name="alarm_notice_is_sent_once",
            ),
        )
        indexes = (
            models.Index(
                fields=("due_at",),
                condition=Q(sent_at=None, given_up_at=None),
                name="notices_to_send",
            ),
            models.Index(fields=("channel", "address", "-sent_at"), name="notices_by_address"),
        )

    def __str__(self) -> str:
        return f"{self.event} to {self.address}"
