"""A value set by hand, and the invoices that rest on what it replaced."""

from dataclasses import dataclass
from datetime import datetime

from quartier.apps.equipment.models import Register
from quartier.apps.intake.billed import billed_on
from quartier.apps.metering.by_hand import slots_by_hand, write_by_hand
from quartier.apps.metering.store import Written
from quartier.apps.sites.models import Site


@dataclass(frozen=True)
class Edited:
    """What an edit did, in quarter-hours, and the names of what was billed on values it changed."""

    written: Written
    billed: list[str]


def set_by_hand(
    site: Site,
    register: Register,
    starts_at: datetime,
    ends_at: datetime,
    energy_wh: int,
    *,
    reason: str,
    actor: str,
    at: datetime,
) -> Edited:
    """Give every quarter-hour of ``[starts_at, ends_at)`` the value ``energy_wh``, as *manual*.

    ``energy_wh`` is in the unit of the register (Wh, or litres of water) and counts for each
    quarter-hour. ``actor`` says who, ``at`` is now. All of it or nothing is written. Raises
    ``metering.operations.BadEdit`` for a value, range or reason that cannot be, and ``Locked``,
    ``UnknownRegister`` and ``DamagedBlock`` of ``metering.store``.
    """
    slots = slots_by_hand(site, starts_at, ends_at, at)
    written = write_by_hand(site, register, slots, energy_wh, reason=reason, actor=actor, at=at)
    return Edited(written, billed_on(site.pk, written.revised_slots))
