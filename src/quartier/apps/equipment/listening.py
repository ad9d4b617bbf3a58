"""Adding and removing the readers of badges that a gateway listens to."""

import secrets
from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.configuration import content_of
from quartier.apps.equipment.gateways import BadSetUp
from quartier.apps.equipment.models import BadgeReader, Gateway
from quartier.formats.uplink.badge_readers import ReaderKind
from quartier.formats.uplink.configuration import encode
from quartier.formats.uplink.strict import BadMessage

_SECRET_BYTES = 18


def add_reader(
    gateway: Gateway,
    name: str,
    kind: ReaderKind,
    parameters: Mapping[str, str | int | bool],
    *,
    at: datetime,
    actor: str,
) -> BadgeReader:
    """A reader of ``gateway`` with the parameters of its kind; one that asks by HTTP gets a secret.
    Raises :class:`~quartier.apps.equipment.gateways.BadSetUp`."""
    drawn = {"secret": secrets.token_urlsafe(_SECRET_BYTES)} if kind is ReaderKind.HTTP else {}
    try:
        with transaction.atomic():
            row = BadgeReader.objects.create(
                gateway=gateway, name=name, kind=kind.value, parameters={**parameters, **drawn}
            )
            encode(content_of(gateway))
            _note("gateway.reader", gateway, name, at, actor)
    except IntegrityError:
        raise BadSetUp(f"the gateway has a reader {name} already; choose another name") from None
    except BadMessage as problem:
        raise BadSetUp(str(problem)) from None
    return row


def remove_reader(reader: BadgeReader, *, at: datetime, actor: str) -> None:
    """Listen to it no more."""
    with transaction.atomic():
        reader.delete()
        _note("gateway.reader_removed", reader.gateway, reader.name, at, actor)


def _note(action: str, gateway: Gateway, name: str, at: datetime, actor: str) -> None:
    record(
        action,
        actor,
        at=at,
        organisation_id=gateway.site.organisation_id,
        site_id=gateway.site_id,
        subject=gateway.name,
        data={"reader": name},
    )
