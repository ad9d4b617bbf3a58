"""What is known of how gateways are: their reports, and what the platform noticed."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from quartier.apps.equipment.models import Gateway, GatewayFinding
from quartier.core.kernel.findings import Finding, Severity
from quartier.formats.uplink.reports import Report

MOST_KEPT = 500
"""Findings of the platform about one gateway; the oldest go first."""


def take_report(gateway: Gateway, report: Report, *, at: datetime) -> None:
    """What the gateway says of itself takes the place of what it said before."""
    own = GatewayFinding.Origin.GATEWAY
    rows = [
        _row(gateway, own, one.code, one.severity, one.text, one.meter, one.since, at)
        for one in report.findings
    ]
    with transaction.atomic():
        row = Gateway.objects.select_for_update().get(pk=gateway.pk)
        row.software, row.used_configuration = report.software, report.configuration
        row.waiting = report.waiting
        row.save(update_fields=["software", "used_configuration", "waiting"])
        GatewayFinding.objects.filter(gateway=gateway, origin=own).delete()
        GatewayFinding.objects.bulk_create({one.sha256: one for one in rows}.values())


def keep_findings(gateway: Gateway, findings: Iterable[Finding], *, at: datetime) -> None:
    """What the platform noticed: each once, with when it was first and last noticed."""
    platform = GatewayFinding.Origin.PLATFORM
    rows = [
        _row(gateway, platform, one.code, one.severity, one.message, one.where, at, at)
        for one in findings
    ]
    if not rows:
        return
    GatewayFinding.objects.bulk_create(
        {one.sha256: one for one in rows}.values(),
        update_conflicts=True,
        update_fields=["last_at"],
        unique_fields=["gateway", "origin", "sha256"],
    )
    kept = GatewayFinding.objects.filter(gateway=gateway, origin=platform)
    over = list(kept.order_by("-last_at", "-id").values_list("pk", flat=True)[MOST_KEPT:])
    for first in range(0, len(over), 500):
        GatewayFinding.objects.filter(pk__in=over[first : first + 500]).delete()


def forget_findings(gateway: Gateway) -> int:
    """Forget what the platform noticed, once somebody has read it; how many that were."""
    rows = GatewayFinding.objects.filter(gateway=gateway, origin=GatewayFinding.Origin.PLATFORM)
    return rows.delete()[0]


def _row(
    gateway: Gateway,
    origin: str,
    code: str,
    severity: Severity,
    text: str,
    where: str,
    since: datetime,
    at: datetime,
) -> GatewayFinding:
    code, text, where = code[:80], text[:1000], where[:120]
    return GatewayFinding(
        gateway=gateway,
        origin=origin,
        code=code,
        severity=severity.value,
        text=text,
        meter=where,
        since=since,
        last_at=at,
        sha256=hashlib.sha256("\n".join((code, where, text)).encode()).hexdigest(),
    )
