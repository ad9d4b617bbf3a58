"""Changing a meter: checked like a new one, and its kind stays once something rests on it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.bulk import Door, Outcome, Refused
from quartier.apps.equipment.bulk_check import check
from quartier.apps.equipment.bulk_known import connection_of, known_of
from quartier.apps.equipment.models import Connection, Device, Meter, Register
from quartier.apps.equipment.registers import implied_registers
from quartier.apps.equipment.removing import has_values, rules_with, uses_of
from quartier.core.kernel.period import local_midnight, timezone_of
from quartier.formats.meter_table.draft import Draft, Faults

_KIND = ("medium", "mode", "source")
_FIELDS = (
    "name",
    *_KIND,
    "metering_point",
    "export_metering_point",
    "rule",
    "fuse_a",
)
FLAGS = ("is_enabled", "is_swapped", "is_isolated")


def change(door: Door, meter: Meter, draft: Draft, flags: Mapping[str, bool]) -> list[str]:
    """Make ``meter`` what ``draft`` and ``flags`` say; the names of the fields that changed.

    Of the draft the billing point is left alone, and the device and model where there is one
    already: assignment, exchange and connection have their own ways. Raises :class:`Refused`.
    """
    faults = Faults()
    with transaction.atomic():
        known = known_of(door.site, door.billed_until)
        stored = known.meters.pop(meter.ref)
        row = connection_of(stored)
        is_read = row is not None and (row.bus is not None or has_values(stored))
        has_device = bool(stored.devices.all())
        if is_read:
            draft = replace(draft, driver="", model="", address="", plan="")
        if has_device:
            draft = replace(draft, serial="", installed=None)
        draft = replace(draft, ref=meter.ref, gateway="", bus="", billing_point="", from_date=None)
        today = door.at.astimezone(ZoneInfo(door.site.timezone)).date()
        (draft,) = check([draft], known, faults, today)
        values: dict[str, Any] = {name: getattr(draft, name) for name in _FIELDS} | dict(flags)
        changed = [name for name, value in values.items() if getattr(stored, name) != value]
        kind = [name for name in changed if name in _KIND]
        _what_rests_on_it(stored, draft, changed, faults)
        if "is_isolated" in changed and flags["is_isolated"]:
            for ref in rules_with(stored):
                faults.say(draft.row, "is_isolated", f"the rule of {ref} uses it")
        if faults.found:
            raise Refused(Outcome((), (), tuple(sorted(faults.found))))
        for name in changed:
            setattr(stored, name, values[name])
        if changed:
            stored.save(update_fields=changed)
        if kind:
            stored.registers.all().delete()
            Register.objects.bulk_create(implied_registers(stored))
        changed += _device(door, stored, draft) + _model(door, stored, draft, row, is_read=is_read)
        if changed:
            record(
                "meter.change",
                door.actor,
                at=door.at,
                organisation_id=door.site.organisation_id,
                site_id=door.site.pk,
                subject=meter.ref,
                data={name: str(getattr(draft, name, values.get(name, ""))) for name in changed},
            )
    return changed


def _what_rests_on_it(meter: Meter, draft: Draft, changed: Sequence[str], faults: Faults) -> None:
    """``meter`` is what it was before the change; its devices and assignments are fetched."""
    kind = [name for name in changed if name in _KIND]
    if kind:
        for use in uses_of(meter):
            faults.say(draft.row, kind[0], f"it stays what it is: {use}")
    if draft.source == Meter.Source.VIRTUAL and meter.devices.all():
        faults.say(draft.row, "source", "a computed meter has no device and is not read")
    if draft.mode != Meter.Mode.CONSUMPTION and any(
        one.billing_point_id is not None for one in meter.assignments.all()
    ):
        faults.say(draft.row, "mode", "only a consumption meter counts for somebody")
    if "fuse_a" in changed and draft.fuse_a is None:
        for zone in meter.dlm_zones.order_by("ref"):
            faults.say(draft.row, "fuse_a", f"the distribution zone {zone.ref} uses it")


def _device(door: Door, meter: Meter, draft: Draft) -> list[str]:
    """The first device of a meter that was planned so far."""
    if draft.installed is None:
        return []
    Device.objects.create(
        meter=meter,
        serial=draft.serial,
        installed_at=local_midnight(draft.installed, timezone_of(door.site.timezone)),
        factor=draft.factor,
        digits=draft.digits,
    )
    return ["serial"]


def _model(
    door: Door, meter: Meter, draft: Draft, row: Connection | None, *, is_read: bool
) -> list[str]:
    """The model that is planned for a meter no gateway reads."""
    if is_read:
        return []
    if not draft.driver:
        if row is None:
            return []
        row.delete()
        return ["driver"]
    told = {
        "driver": draft.driver,
        "model": draft.model,
        "address": draft.address,
        "plan": draft.plan,
    }
    if row is not None and all(getattr(row, name) == value for name, value in told.items()):
        return []
    Connection.objects.update_or_create(meter=meter, defaults={**told, "since": door.at})
    return ["driver"]
