"""Asking the gateways of a site to read the phases of their meters too, for a while."""

from datetime import datetime, timedelta

from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.models import Gateway
from quartier.apps.sites.models import Site

LASTS = timedelta(hours=1)


def begin_inspection(site: Site, *, at: datetime, actor: str) -> datetime | None:
    """Until when the paired gateways of ``site`` inspect from now on; None where there is none."""
    until = at + LASTS
    with transaction.atomic():
        rows = Gateway.objects.filter(site=site, paired_at__isnull=False)
        if not rows.update(inspect_until=until):
            return None
        _note("inspection.begin", site, actor, at)
    return until


def end_inspection(site: Site, *, at: datetime, actor: str) -> None:
    """The gateways of ``site`` read no phases any more."""
    with transaction.atomic():
        Gateway.objects.filter(site=site).update(inspect_until=None)
        _note("inspection.end", site, actor, at)


def _note(action: str, site: Site, actor: str, at: datetime) -> None:
    record(action, actor, at=at, organisation_id=site.organisation_id, site_id=site.pk)
