"""Writing the trail. Every use case that changes something records it in its own transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from quartier.apps.audit.models import Event


def record(
    action: str,
    actor: str,
    *,
    at: datetime,
    organisation_id: int | None = None,
    site_id: int | None = None,
    subject: str = "",
    data: Mapping[str, Any] | None = None,
) -> Event:
    """Append one event; the database refuses to change it afterwards.

    ``action`` is a dotted word (``occupancy.move``), ``actor`` an e-mail address, ``command
    line`` or ``job``; ``at`` an aware instant. ``data`` may hold dates and Decimals.
    """
    return Event.objects.create(
        at=at,
        organisation_id=organisation_id,
        site_id=site_id,
        actor=actor,
        action=action,
        subject=subject[:200],
        data=dict(data or {}),
    )
