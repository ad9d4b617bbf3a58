"""Taking equipment away that nothing rests on, and putting it back."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core import serializers
from django.db import IntegrityError, models, transaction
from django.db.models.deletion import Collector

from quartier.apps.audit.operations import record
from quartier.apps.equipment.models import (
    Battery,
    CommunicationDevice,
    Connection,
    DistributionZone,
    Meter,
    Plant,
)
from quartier.apps.sites.models import Site
from quartier.core.metering.virtual import BadRule, parse_rule

Removable = Meter | Plant | Battery | CommunicationDevice | DistributionZone
_VALUES = (
    ("metering.IntervalBlock", "register_id__in"),
    ("metering.Reading", "register_id__in"),
    ("metering.PowerHour", "meter_id"),
)
"""Where the values of a meter are kept; higher apps are named by label."""


class InUse(ValueError):
    """It stays; the text says what rests on it."""


def uses_of(row: Removable) -> tuple[str, ...]:
    """What rests on ``row``, each in a sentence; none where it may go."""
    if isinstance(row, Meter):
        return tuple(_uses_of_meter(row))
    if isinstance(row, Plant | Battery):
        return tuple(_values(row.meter))
    if isinstance(row, DistributionZone):
        return tuple(f"the distribution zone {one} lies in it" for one in _refs(row.children))
    return ()


def remove(rows: Sequence[Removable], *, at: datetime, actor: str) -> str:
    """Take ``rows`` of one site away, all or none; returns what :func:`restore` needs.

    Raises :class:`InUse` with the first use of the first that is used.
    """
    with transaction.atomic():
        for row in rows:
            for use in uses_of(row):
                raise InUse(f"it stays: {use}")
        kept: str = serializers.serialize("json", [one for row in rows for one in _with_parts(row)])
        for row in rows:
            row.delete()
            _note("equipment.remove", row.site, f"{row._meta.model_name} {row.ref}", at, actor)
    return kept


def take_back(site: Site, meter_ids: Sequence[int], *, at: datetime, actor: str) -> int:
    """Take meters away that were just added, off their gateway too; how many there were.

    Raises :class:`InUse`; then all stay.
    """
    with transaction.atomic():
        meters = list(Meter.objects.filter(site=site, pk__in=meter_ids).select_related("site"))
        Connection.objects.filter(meter__in=meters).update(bus=None)
        remove(meters, at=at, actor=actor)
    return len(meters)


def restore(site: Site, kept: str, *, at: datetime, actor: str) -> None:
    """Put back what :func:`remove` took from ``site``. Raises :class:`InUse`."""
    try:
        with transaction.atomic():
            for one in serializers.deserialize("json", kept):
                one.save()
            _note("equipment.restore", site, "", at, actor)
    except (IntegrityError, serializers.base.DeserializationError):
        raise InUse("it cannot come back: something else has its reference or place") from None


def _uses_of_meter(meter: Meter) -> Iterator[str]:
    yield from _values(meter)
    row = Connection.objects.filter(meter=meter).select_related("bus__gateway").first()
    if row is not None and row.bus is not None:
        yield f"the gateway {row.bus.gateway.name} reads it; disconnect it there first"
    for ref in Plant.objects.filter(meter=meter).values_list("ref", flat=True):
        yield f"the plant {ref} is behind it"
    for ref in Battery.objects.filter(meter=meter).values_list("ref", flat=True):
        yield f"the battery {ref} is behind it"
    for ref in sorted({*_refs(meter.head_of_zones), *_refs(meter.dlm_zones)}):
        yield f"the distribution zone {ref} uses it"
    stations = apps.get_model("charging.StationMeter")._default_manager.filter(meter=meter)
    for identity in stations.values_list("station__identity", flat=True):
        yield f"the charging station {identity} counts with it"
    for ref in _refs(meter.appliances):
        yield f"it measures the appliance {ref}"
    yield from (f"the rule of {ref} uses it" for ref in rules_with(meter))


def rules_with(meter: Meter) -> list[str]:
    """The refs of the computed meters whose rule names ``meter``."""
    found = []
    rows = Meter.objects.filter(site=meter.site_id).exclude(rule="").order_by("ref")
    for ref, rule in rows.values_list("ref", "rule"):
        try:
            terms = parse_rule(rule)
        except BadRule:
            continue
        if any(term.ref == meter.ref for term in terms):
            found.append(ref)
    return found


def has_values(meter: Meter) -> bool:
    """Whether anything was ever stored for ``meter``."""
    return any(True for _ in _values(meter))


def _values(meter: Meter) -> Iterator[str]:
    registers = list(meter.registers.values_list("pk", flat=True))
    for label, lookup in _VALUES:
        rows = apps.get_model(label)._default_manager
        key = meter.pk if lookup == "meter_id" else registers
        if rows.filter(**{"site_id": meter.site_id, lookup: key}).exists():
            yield f"values of {meter.ref} are stored; switch it off instead"
            return


def _refs(manager: Any) -> list[str]:
    return list(manager.order_by("ref").values_list("ref", flat=True))


def _with_parts(row: models.Model) -> list[models.Model]:
    """``row``, and what the database deletes with it, in an order in which it can be saved."""
    collector = Collector(using="default")
    collector.collect([row])
    parts = [one for instances in collector.data.values() for one in instances]
    parts += [one for rows in collector.fast_deletes for one in rows]
    return [row, *(one for one in parts if one != row and not one._meta.auto_created)]


def _note(action: str, site: Site, subject: str, at: datetime, actor: str) -> None:
    record(
        action,
        actor,
        at=at,
        organisation_id=site.organisation_id,
        site_id=site.pk,
        subject=subject or site.ref,
    )
