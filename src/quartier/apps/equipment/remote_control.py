"""Asking a gateway for something over its remote connection.

A command is a row that the field server takes (``field/storage/remote.py``); what comes is written
into it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import connection, transaction

from quartier.apps.audit.models import Event
from quartier.apps.audit.operations import record
from quartier.apps.equipment.models import Gateway
from quartier.apps.equipment.remote import RemoteCommand, RemotePresence
from quartier.formats.uplink.remote import ARGUMENTS, PATIENCE_S, Kind

CHANNEL = "quartier_remote"
"""Who waits for commands on PostgreSQL listens to it."""
WAITS = timedelta(seconds=30)
"""So long a command waits for a field server to take it."""
HEARD = timedelta(seconds=60)
"""A server that holds a connection says so four times meanwhile."""
LOOKED = timedelta(minutes=15)
"""Who looks at live values is noted in the trail once in so long."""
MOST_OPEN = 10
_OPEN = (RemoteCommand.State.WAITING.value, RemoteCommand.State.TAKEN.value)


class CannotAsk(ValueError):
    """Nothing was asked; the text says why and what to do."""


class Link(StrEnum):
    """How the connection of a gateway stands."""

    OPEN = "open"
    NEVER = "never"
    LOST = "lost"
    STOPPED = "stopped"
    UNHEARD = "unheard"
    """The field server that held it says nothing any more."""


def link_of(presence: RemotePresence | None, at: datetime) -> Link:
    """What is known of the connection at ``at``; None: there never was one."""
    if presence is None:
        return Link.NEVER
    if presence.ended_at is not None:
        stopped = RemotePresence.Reason.STOPPED.value
        return Link.STOPPED if presence.reason == stopped else Link.LOST
    return Link.OPEN if at - presence.seen_at < HEARD else Link.UNHEARD


def is_open(command: RemoteCommand, at: datetime) -> bool:
    """Whether something may still come, also where no field server runs that would say so."""
    if command.state == RemoteCommand.State.WAITING:
        return at - command.asked_at < WAITS
    return command.state == RemoteCommand.State.TAKEN and at < command.ends_at


def ask(
    gateway: Gateway, kind: Kind, arguments: Mapping[str, str], *, at: datetime, actor: str
) -> RemoteCommand:
    """A command for ``gateway``, with the arguments of its kind. Live values that are on their way
    are not asked for again, and replace the ones before. Raises :class:`CannotAsk`."""
    assert set(arguments) == set(ARGUMENTS[kind]), "the arguments are those of the kind"
    _check_link(gateway, at)
    with transaction.atomic():
        rows = [
            one
            for one in RemoteCommand.objects.filter(gateway=gateway, state__in=_OPEN)
            if is_open(one, at)
        ]
        is_live = kind is Kind.LIVE_VALUES
        if is_live:
            if under_way := next((one for one in rows if one.kind == kind), None):
                return under_way
            _keep_newest(gateway)
        if len(rows) >= MOST_OPEN:
            raise CannotAsk("the gateway has enough to do; wait for what comes")
        command = RemoteCommand.objects.create(
            gateway=gateway,
            kind=kind.value,
            arguments=dict(arguments),
            asked_by=actor,
            asked_at=at,
            ends_at=at + WAITS + timedelta(seconds=PATIENCE_S[kind]),
        )
        if not is_live or not _has_looked(gateway, actor, at):
            _note(gateway, kind, arguments, at, actor)
        _tell()
    return command


def hang_up(gateway: Gateway) -> None:
    """Whoever is connected as ``gateway`` is so no more: its key is void. The field server that
    holds the connection ends it when it looks next, and hands it no command from now on."""
    with transaction.atomic():
        RemotePresence.objects.filter(gateway=gateway).delete()
        _tell()


def _tell() -> None:
    """The field servers look at once; on SQLite they do by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])  # told at the commit


def _check_link(gateway: Gateway, at: datetime) -> None:
    if gateway.paired_at is None:
        raise CannotAsk("the gateway is not paired; pair it first")
    match link_of(RemotePresence.objects.filter(gateway=gateway).first(), at):
        case Link.NEVER:
            raise CannotAsk(
                "the gateway was never connected; see that the field server runs and that the"
                " gateway has this version of the program"
            )
        case Link.LOST:
            raise CannotAsk(
                "the gateway is not connected; see whether it has power and internet, it comes"
                " back by itself"
            )
        case Link.STOPPED | Link.UNHEARD:
            raise CannotAsk(
                "the field server does not run; start it (quartier field), the gateway comes back"
                " by itself"
            )


def _keep_newest(gateway: Gateway) -> None:
    """Of live values nobody reads a history: the last that came stay."""
    old = RemoteCommand.objects.filter(gateway=gateway, kind=Kind.LIVE_VALUES.value)
    newest = old.filter(state=RemoteCommand.State.DONE).order_by("-id").first()
    if newest is not None:
        old = old.exclude(pk=newest.pk)
    old.delete()


def _has_looked(gateway: Gateway, actor: str, at: datetime) -> bool:
    return Event.objects.filter(
        at__gt=at - LOOKED,
        site_id=gateway.site_id,
        actor=actor,
        action=_action(Kind.LIVE_VALUES),
        subject=gateway.name,
    ).exists()


def _action(kind: Kind) -> str:
    return f"gateway.remote_{kind.value}"


def _note(
    gateway: Gateway, kind: Kind, arguments: Mapping[str, str], at: datetime, actor: str
) -> None:
    record(
        _action(kind),
        actor,
        at=at,
        organisation_id=gateway.site.organisation_id,
        site_id=gateway.site_id,
        subject=gateway.name,
        data=dict(arguments),
    )
