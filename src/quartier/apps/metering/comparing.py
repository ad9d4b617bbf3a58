"""A register compared with the display of its meter: what makes an unverified driver's billable."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from quartier.apps.audit.operations import record
from quartier.apps.equipment.gateways import is_unverified
from quartier.apps.equipment.models import Connection, Device, Register
from quartier.apps.equipment.publishing import DRIVER
from quartier.apps.metering.models import Comparison, Reading
from quartier.apps.sites.models import Site

NEAR = timedelta(hours=1)
"""How old what was read may be when the display is looked at."""
_SHARE = Decimal("0.01")
_KILO = Decimal(1000)


class NotTheSame(ValueError):
    """The display does not confirm what is read; the text says why."""


def compare_with_display(
    register: Register, shown: Decimal, *, at: datetime, actor: str
) -> Comparison:
    """Keep that the display showed ``shown`` (kWh or m3) at ``at``, as was read.

    Both may differ by one step of the last digit of ``shown`` and by 1 %, for what flowed since:
    a wrong scale, word order or register is further off. Raises :class:`NotTheSame`.
    """
    exponent = shown.as_tuple().exponent
    if not isinstance(exponent, int) or not 0 <= shown < 10**9 or exponent < -3:
        raise NotTheSame("type the number on the display, with three decimals at most")
    connection = Connection.objects.filter(meter=register.meter).first()
    device = Device.objects.filter(meter=register.meter, removed_at=None).first()
    if connection is None or device is None:
        raise NotTheSame("the meter is read by no gateway, or has no device")
    is_published = connection.driver.startswith(DRIVER)  # may come long after it was read
    newest = (
        Reading.objects.filter(
            site_id=register.site_id,
            register_id=register.pk,
            read_at__gt=at - NEAR,
            read_at__gte=at - NEAR if is_published else connection.since,
            read_at__lte=at + NEAR,
            source__startswith="gateway ",
        )
        .order_by("-read_at")
        .first()
    )
    if newest is None:
        raise NotTheSame("nothing was read within the last hour; wait for the next reading")
    step = Decimal(1).scaleb(exponent) if exponent < 0 else Decimal(1)
    shown_wh = shown * _KILO
    if abs(shown_wh - newest.value) > step * _KILO + shown_wh * _SHARE:
        raise NotTheSame(
            f"the display shows {shown}, but {newest.value / _KILO} was read; "
            "check driver, model and address"
        )
    with transaction.atomic():
        row = Comparison.objects.create(
            register=register,
            driver=connection.driver,
            serial=device.serial,
            shown=shown_wh,
            read=newest.value,
            read_at=newest.read_at,
            compared_at=at,
            by=actor,
        )
        record(
            "meter.compared",
            actor,
            at=at,
            organisation_id=register.site.organisation_id,
            site_id=register.site_id,
            subject=str(register),
            data={"shown": shown_wh, "read": newest.value, "driver": connection.driver},
        )
    return row


def not_compared(site: Site, before: datetime) -> list[Register]:
    """Registers that an unverified driver has read since before ``before``, and that count, but
    were never compared, since they are read so, with the display of the device that is there. Three
    queries at most.

    A register that always stood at 0 need not be compared.
    """
    connections = {
        one.meter_id: one
        for one in Connection.objects.filter(meter__site=site).filter(
            # What is published may have been read long before it came.
            Q(since__lt=before) | Q(driver__startswith=DRIVER)
        )
        if is_unverified(one.driver, one.settings)
    }
    if not connections:
        return []
    compared: dict[int, set[tuple[str, str]]] = defaultdict(set)
    rows = Comparison.objects.filter(
        register__meter__in=connections, compared_at__gte=F("register__meter__connection__since")
    )
    for register_id, driver, serial in rows.values_list("register_id", "driver", "serial"):
        compared[register_id].add((driver, serial))
    counted = Reading.objects.filter(
        site_id=site.pk,
        register_id=OuterRef("pk"),
        source__startswith="gateway ",
        value__gt=0,
    )
    registers = (
        Register.objects.filter(site=site, meter__in=connections)
        .filter(Exists(counted))
        .select_related("meter")
        .prefetch_related("meter__devices")
        .order_by("meter__ref", "direction", "part")
    )
    return [
        one
        for one in registers
        if not any(
            (connections[one.meter_id].driver, device.serial) in compared[one.pk]
            for device in one.meter.devices.all()
            if device.removed_at is None
        )
    ]
