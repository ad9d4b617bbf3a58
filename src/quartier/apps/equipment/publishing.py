"""Where a cloud gateway publishes: what an installer says of its broker and of its messages."""

import ssl
from datetime import datetime
from typing import Any

from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.gateways import BadSetUp
from quartier.apps.equipment.models import Gateway, MqttSource
from quartier.formats.mqtt_mapping import BadMapping, read_mapping

FIELDS = ("host", "port", "is_tls", "ca", "username", "password", "mapping", "is_enabled")


def save(gateway: Gateway, values: dict[str, Any], *, at: datetime, actor: str) -> MqttSource:
    """The source of ``gateway``, new or changed; a password that is left empty stays. Raises
    :class:`~quartier.apps.equipment.gateways.BadSetUp`."""
    try:
        read_mapping(values["mapping"])
    except BadMapping as problem:
        raise BadSetUp(str(problem)) from None
    if values["ca"]:
        try:
            ssl.create_default_context(cadata=values["ca"])
        except (ssl.SSLError, ValueError):
            raise BadSetUp("the certificate is not one in PEM") from None
    with transaction.atomic():
        row = MqttSource.objects.filter(gateway=gateway).first() or MqttSource(gateway=gateway)
        before = row.password
        for name in FIELDS:
            setattr(row, name, values[name])
        row.password = values["password"] or before
        if not row.is_enabled:
            row.connected_at, row.problem = None, ""
        row.save()
        told = {name: values[name] for name in FIELDS if name not in ("password", "ca")}
        _note("gateway.mqtt", gateway, at, actor, told)
    return row


def remove(source: MqttSource, *, at: datetime, actor: str) -> None:
    """Listen to it no more; its messages go, the readings that were made of them stay."""
    with transaction.atomic():
        _note("gateway.mqtt_removed", source.gateway, at, actor, {})
        MqttSource.objects.filter(pk=source.pk).delete()


def _note(action: str, gateway: Gateway, at: datetime, actor: str, data: dict[str, Any]) -> None:
    record(
        action,
        actor,
        at=at,
        organisation_id=gateway.site.organisation_id,
        site_id=gateway.site_id,
        subject=gateway.name,
        data=data,
    )
