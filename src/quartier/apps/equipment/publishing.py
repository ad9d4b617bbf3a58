"""Where a cloud gateway publishes: what an installer says of its broker and of its messages."""

import hashlib
import ssl
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.gateways import BadSetUp, doubt, is_unverified
from quartier.apps.equipment.models import Connection, Gateway, Meter, MqttSource
from quartier.formats.mqtt_mapping import BadMapping, read_mapping

DRIVER = "mqtt "
"""How the driver of a connection begins that is read by a mapping; the mapping's hash follows. It
is no driver of ours, so its registers are compared with the display before they are billed."""
_WHERE = ("host", "port", "is_tls", "ca", "username")
"""What the kept password is for: it is sent nowhere else."""
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
        is_elsewhere = any(getattr(row, name) != values[name] for name in _WHERE)
        if before and is_elsewhere and not values["password"]:
            raise BadSetUp("type the password again: the broker is another one, or known otherwise")
        for name in FIELDS:
            setattr(row, name, values[name])
        row.password = values["password"] or before
        if not row.is_enabled:
            row.connected_at, row.problem = None, ""
        row.save()
        told = {name: values[name] for name in FIELDS if name not in ("password", "ca")}
        _note("gateway.mqtt", gateway, at, actor, told)
    return row


def read_by_bus(source: MqttSource, refs: Iterable[str]) -> set[str]:
    """Those of ``refs`` that are read over a bus: another source may not read them too."""
    rows = Connection.objects.filter(
        meter__site=source.gateway.site_id, meter__ref__in=list(refs), bus__isnull=False
    )
    return set(rows.values_list("meter__ref", flat=True))


def remember_readers(source: MqttSource, refs: Iterable[str], *, at: datetime) -> None:
    """The meters of ``refs`` are read by the mapping of ``source`` from ``at`` on.

    Where they were read in another way until now that nobody may have compared with the display,
    an issue stops the bill until somebody has looked at what was read.
    """
    driver = DRIVER + hashlib.sha256(source.mapping.encode()).hexdigest()[:16]
    settings = {"gateway": source.gateway.name}
    about = {"driver": driver, "model": "", "settings": settings, "bus": None, "since": at}
    meters = Meter.objects.filter(site=source.gateway.site_id, ref__in=list(refs))
    doubtful = []
    for meter in meters.select_related("connection"):
        before = getattr(meter, "connection", None)
        if before is not None and (before.driver, before.settings) == (driver, settings):
            continue
        Connection.objects.update_or_create(meter=meter, defaults=about)
        if before is not None and is_unverified(before.driver, before.settings):
            doubtful.append(meter)
    if doubtful:
        doubt(source.gateway.site, doubtful, at)


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
