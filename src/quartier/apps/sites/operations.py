"""Use cases on sites; each is one transaction, recorded in the audit trail."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import UnknownTimezone, timezone_of


class Refused(Exception):
    """The request can't be met; the text says why and what to do."""


@transaction.atomic
def create_site(
    organisation: Organisation,
    ref: str,
    name: str,
    *,
    by: str,
    at: datetime,
    timezone: str = "Europe/Zurich",
) -> Site:
    """A new, empty site. Raises :class:`Refused` for a taken or wrong ref, name or time zone."""
    try:
        timezone_of(timezone)
    except UnknownTimezone as error:
        raise Refused(str(error)) from None
    if Site.objects.filter(organisation=organisation, ref=ref).exists():
        raise Refused(f"{organisation.name} already has a site {ref!r}")
    site = Site(organisation=organisation, ref=ref, name=name.strip(), timezone=timezone)
    try:
        site.full_clean()
    except ValidationError as error:
        (field, messages), *_ = error.message_dict.items()
        raise Refused(f"{field}: {' '.join(messages)}") from None
    site.save()
    record("site.create", by, at=at, organisation_id=organisation.pk, site_id=site.pk, subject=ref)
    return site
