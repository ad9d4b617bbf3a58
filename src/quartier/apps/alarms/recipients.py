"""Who is told of an alarm, where and in which language."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from quartier.apps.alarms.models import Alarm, Recipient, Severity
from quartier.apps.audit.operations import record
from quartier.apps.parties.models import Contact, User
from quartier.apps.sites.models import Site, Stakeholder

OPERATOR = Recipient.Role.OPERATOR.value


@dataclass(frozen=True, slots=True)
class Reached:
    """An address of a channel, and the language of who reads there."""

    channel: str
    address: str
    language: str


class Recipients:
    """The recipients of a site, read in four queries at most.

    Where nobody is entered, neither for the site nor for all sites, the operators are told.
    """

    def __init__(self, site: Site) -> None:
        rows = Recipient.objects.filter(
            Q(site=None) | Q(site=site), organisation=site.organisation
        ).select_related("user")
        self._rows = list(rows) or [Recipient(role=OPERATOR)]
        self._users = _users_by_role(site, {row.role for row in self._rows} - {""})

    def of(self, alarm: Alarm) -> dict[tuple[str, str], Reached]:
        """Who is told of ``alarm``, by channel and address, each once."""
        found: dict[tuple[str, str], Reached] = {}
        for row in self._rows:
            wants_less = row.least_severity == Severity.ERROR != alarm.severity
            if row.kind in ("", alarm.kind) and not wants_less:
                for one in self._reached(row):
                    found.setdefault((one.channel, one.address.lower()), one)
        return found

    def _reached(self, row: Recipient) -> Iterator[Reached]:
        if row.address:
            yield Reached(row.channel, row.address, row.language)
            return
        users = [row.user] if row.user is not None else self._users.get(row.role, [])
        for user in users:
            if user.is_active:
                yield Reached(row.channel, user.email, user.language)


class BadRecipient(ValueError):
    """A recipient that cannot be entered; the text says why."""


def add_recipient(row: Recipient, *, at: datetime, actor: str) -> None:
    """Enter ``row``. Raises :class:`BadRecipient` where it is there already."""
    same = {
        "organisation": row.organisation,
        "site": row.site,
        "kind": row.kind,
        "channel": row.channel,
        "role": row.role,
        "user": row.user,
        "address__iexact": row.address,
    }
    with transaction.atomic():
        if Recipient.objects.filter(**same).exists():
            raise BadRecipient("this recipient is entered already")
        row.save()
        _note("alarms.recipient_add", row, at, actor)


def remove_recipient(row: Recipient, *, at: datetime, actor: str) -> None:
    """``row`` is told nothing new; what waits for its address is still sent."""
    with transaction.atomic():
        _note("alarms.recipient_remove", row, at, actor)
        row.delete()


def _note(action: str, row: Recipient, at: datetime, actor: str) -> None:
    record(
        action,
        actor,
        at=at,
        organisation_id=row.organisation_id,
        site_id=row.site_id,
        subject=str(row),
        data={"kind": row.kind, "least_severity": row.least_severity},
    )


def _users_by_role(site: Site, roles: set[str]) -> dict[str, list[User]]:
    """Those who have a role on ``site``: its operators, and who acts for its stakeholders."""
    found: dict[str, list[User]] = {}
    if OPERATOR in roles:
        rows = User.objects.filter(organisation=site.organisation, is_operator=True)
        found[OPERATOR] = list(rows.order_by("pk"))
    if roles - {OPERATOR}:
        stakes = Stakeholder.objects.filter(site=site, role__in=roles).values_list("party", "role")
        parties: dict[int, list[str]] = {}
        for party_id, role in stakes:
            parties.setdefault(party_id, []).append(role)
        contacts = Contact.objects.filter(party__in=parties).select_related("user")
        for contact in contacts.order_by("user"):
            for role in parties[contact.party_id]:
                found.setdefault(role, []).append(contact.user)
    return found
