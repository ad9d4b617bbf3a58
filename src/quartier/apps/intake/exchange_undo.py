"""The way back from an exchange that was entered wrongly, while nothing rests on it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction

from quartier.apps.audit.models import Event
from quartier.apps.audit.operations import record
from quartier.apps.equipment.gateways import How, Wanted, connect
from quartier.apps.equipment.models import Connection, Device, Meter, Register
from quartier.apps.intake.billed import billed_on
from quartier.apps.intake.exchange import ACTION
from quartier.apps.intake.exchange_check import BadExchange
from quartier.apps.metering import reading_rows, store
from quartier.apps.metering.blocks import lock_site
from quartier.apps.metering.fills import UNDO, of_bounds
from quartier.apps.metering.models import Reading
from quartier.apps.metering.reading_rows import Row
from quartier.apps.metering.store import Locked
from quartier.apps.metering.undoing import values_before
from quartier.core.kernel.period import utc
from quartier.core.kernel.quality import Quality

UNDONE = "meter.exchange_undone"


def last_exchange(meter: Meter) -> Event | None:
    """The exchange that can be taken back, as far as devices and readings tell; two queries."""
    rows = Event.objects.filter(
        site_id=meter.site_id, subject=meter.ref, action__in=(ACTION, UNDONE)
    )
    event = rows.order_by("-at", "-pk").first()
    if event is None or event.action != ACTION:
        return None
    device = Device.objects.filter(meter=meter, pk=event.data["device"], removed_at=None).first()
    if device is None:
        return None
    return None if _was_read(meter, device) else event


def _was_read(meter: Meter, device: Device) -> bool:
    """Whether anything was read since, beside what was entered with the exchange."""
    registers = Register.objects.filter(meter=meter).values_list("pk", flat=True)
    rows = Reading.objects.filter(
        site_id=meter.site_id, register_id__in=list(registers), read_at__gte=device.installed_at
    )
    return rows.exclude(source__startswith="exchange ").exists()


def undo_exchange(meter: Meter, *, at: datetime, actor: str) -> None:
    """Put the old device back, with the quarter-hours and the connection from before.

    The readings of the exchange stay, and count no more. One transaction. Raises
    :class:`BadExchange` where something was read, billed or locked since.
    """
    with transaction.atomic():
        lock_site(meter.site_id)
        event = last_exchange(meter)
        if event is None:
            raise BadExchange("something was read or changed since the exchange; exchange it again")
        new = Device.objects.get(pk=event.data["device"])
        _restore_quarter_hours(meter, event, at, actor)
        _take_back_readings(meter, new, at)
        _restore_devices(meter, event, new)
        _restore_connection(meter, event, at, actor)
        record(
            UNDONE,
            actor,
            at=at,
            organisation_id=meter.site.organisation_id,
            site_id=meter.site_id,
            subject=meter.ref,
            data={"of": event.at.isoformat(), "old": event.data["old"], "new": event.data["new"]},
        )


def _restore_quarter_hours(meter: Meter, event: Event, at: datetime, actor: str) -> None:
    change: Any = {"source": "edit", "method": UNDO, "reason": UNDO, "actor": actor, "known_at": at}
    changed: list[tuple[int, int, int]] = []
    try:
        for register in Register.objects.filter(meter=meter):
            filled = of_bounds(event.data["filled"].get(str(register.pk), ()))
            slots = [np.arange(one.start, one.stop) for one in filled]
            if slots:
                gone = store.erase(meter.site_id, register.pk, np.concatenate(slots), **change)
                changed += gone.revised_slots
            replaced, _ = values_before(meter.site, register, event.at)
            changed += store.write(meter.site_id, replaced, **change).revised_slots
    except Locked as problem:
        raise BadExchange(str(problem)) from None
    if billed_on(meter.site_id, changed):
        raise BadExchange("an invoice rests on the exchange; credit it first")


def _take_back_readings(meter: Meter, new: Device, at: datetime) -> None:
    registers: Sequence[int] = list(
        Register.objects.filter(meter=meter).values_list("pk", flat=True)
    )
    rows = Reading.objects.filter(
        site_id=meter.site_id,
        register_id__in=registers,
        read_at=new.installed_at,
        source__startswith=f"exchange {new.pk} ",
    )
    back = [
        Row(
            one.register_id,
            utc(one.read_at),
            f"{one.source}, taken back",
            one.value,
            one.device_id,
            int(Quality.MISSING),
        )
        for one in rows
    ]
    reading_rows.insert(meter.site_id, back, utc(at))


def _restore_devices(meter: Meter, event: Event, new: Device) -> None:
    old = Device.objects.filter(meter=meter, serial=event.data["old"]).first()
    new.delete()
    if old is None:
        return
    if event.data["entered_before"]:
        old.removed_at = None
        old.save(update_fields=["removed_at"])
    else:
        old.delete()


def _restore_connection(meter: Meter, event: Event, at: datetime, actor: str) -> None:
    told = event.data["read_as"]
    row = Connection.objects.filter(meter=meter).select_related("bus__gateway__site").first()
    if not told or row is None or row.bus is None:
        return
    if (told["driver"], told["model"]) != (row.driver, row.model):
        raise BadExchange("another model was chosen with the exchange; connect the meter anew")
    how = How(row.driver, row.model, row.plan, dict(row.settings))
    connect(row.bus, [Wanted(meter, told["address"])], how, at=at, actor=actor)
