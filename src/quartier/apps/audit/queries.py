"""Reading the trail."""

from django.db.models import QuerySet

from quartier.apps.audit.models import Event


def events_of_site(site_id: int) -> QuerySet[Event]:
    """What was done on a site, newest first."""
    return Event.objects.filter(site_id=site_id)
