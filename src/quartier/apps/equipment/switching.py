"""What gateways say of their appliances: when each was switched, and why."""

from datetime import datetime, timedelta

from quartier.apps.equipment.appliances import Appliance, Switch
from quartier.apps.equipment.models import Gateway
from quartier.core.kernel.findings import Finding, warning
from quartier.formats.uplink.appliances import switch_of
from quartier.formats.uplink.batch import Batch, Column, Kind, Measurement
from quartier.formats.uplink.signature import MOST_SKEW_SECONDS

LIVES = timedelta(days=400)
"""A year can be looked back on; nothing is billed from it."""
_SKEW = timedelta(seconds=MOST_SKEW_SECONDS)
_ROWS = 1000


def keep(gateway: Gateway, batch: Batch, *, at: datetime) -> list[Finding]:
    """Keep the switches of ``batch``, each once, and forget those older than ``LIVES``; what of it
    cannot be understood is a finding. No query where there is none, else four."""
    columns = [one for one in batch.columns if one.kind is Kind.SWITCH and one.measurements]
    if not columns:
        return []
    refs = {one.meter for one in columns}
    known = dict(
        Appliance.objects.filter(bus__gateway=gateway, ref__in=refs).values_list("ref", "pk")
    )
    findings, rows = [], []
    for column in columns:
        if column.meter not in known:
            findings.append(_unknown(column))
            continue
        for one in column.measurements:
            told = _told(one, at)
            if told is None:
                findings.append(_odd(column, one))
                continue
            is_on, reason = told
            rows.append(
                Switch(
                    appliance_id=known[column.meter],
                    switched_at=one.measured_at,
                    is_on=is_on,
                    reason=reason,
                )
            )
    Switch.objects.bulk_create(rows, batch_size=_ROWS, ignore_conflicts=True)
    Switch.objects.filter(appliance__in=known.values(), switched_at__lt=at - LIVES).delete()
    return findings


def _told(one: Measurement, at: datetime) -> tuple[bool, str] | None:
    if one.value != int(one.value) or one.measured_at > at + _SKEW:
        return None
    try:
        return switch_of(int(one.value))
    except ValueError:
        return None


def _unknown(column: Column) -> Finding:
    return warning(
        "gateway.no_appliance",
        "The gateway has switched what it has no appliance for; this is not kept.",
        where=column.meter,
        remedy="Nothing needs to be done if the appliance was deleted.",
    )


def _odd(column: Column, one: Measurement) -> Finding:
    return warning(
        "gateway.odd_switch",
        f"{one.value:f} at {one.measured_at:%Y-%m-%dT%H:%M:%SZ} says of no switch why it was made, "
        "or lies in the future; it is not kept.",
        where=column.meter,
        remedy="Check the software and the clock of the gateway.",
    )
