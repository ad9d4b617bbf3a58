"""Adding meters, one or hundreds: looked at first, then all of them or none."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.bulk_check import check
from quartier.apps.equipment.bulk_known import BilledUntil, Known, known_of
from quartier.apps.equipment.gateways import BadSetUp, How, Wanted, connect
from quartier.apps.equipment.models import Assignment, Bus, Connection, Device, Meter, Register
from quartier.apps.equipment.registers import implied_registers
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import local_midnight, timezone_of
from quartier.formats.meter_table.draft import Draft, Fault, Faults


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was added, or would be: ``new`` and ``unchanged`` only count without ``faults``."""

    new: tuple[Draft, ...]
    unchanged: tuple[str, ...]
    faults: tuple[Fault, ...]

    @property
    def digest(self) -> str:
        """Two outcomes with the same digest do the same."""
        return hashlib.sha256(repr((self.new, self.unchanged)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Door:
    """Who adds meters where, and when; ``billed_until`` says what an invoice rests on."""

    site: Site
    at: datetime
    actor: str
    billed_until: BilledUntil


class Refused(Exception):
    """Nothing was added; ``outcome`` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"{len(outcome.faults)} faults")
        self.outcome = outcome


def preview(door: Door, drafts: Sequence[Draft], faults: Sequence[Fault] = ()) -> Outcome:
    """What :func:`insert` would do: done, and undone."""
    try:
        with transaction.atomic():
            outcome = insert(door, drafts, faults)
            transaction.set_rollback(True)
    except Refused as problem:
        return problem.outcome
    return outcome


def insert(
    door: Door, drafts: Sequence[Draft], faults: Sequence[Fault] = (), *, seen: str = ""
) -> Outcome:
    """Add the meters of ``drafts`` that the site does not have.

    ``faults`` were found before; ``seen`` is the digest of the outcome that somebody agreed to.
    Raises :class:`Refused`; then nothing is added.
    """
    found = Faults(list(faults))
    with transaction.atomic():
        site = Site.objects.select_for_update().get(pk=door.site.pk)
        known = known_of(site, door.billed_until)
        today = door.at.astimezone(ZoneInfo(site.timezone)).date()
        whole = check(drafts, known, found, today)
        if not whole and not found.found:
            found.say(0, "", "the table has no meter; fill in a line for each")
        new = tuple(one for one in whole if one.ref not in known.meters)
        unchanged = tuple(one.ref for one in whole if one.ref in known.meters)
        outcome = Outcome(new, unchanged, ())
        if seen and seen != outcome.digest and not found.found:
            found.say(0, "", "the site has changed since the preview; look at it again")
        if not found.found:
            _add(door, known, new, found)
        if found.found:
            raise Refused(replace(outcome, faults=tuple(sorted(found.found))))
    return outcome


def _add(door: Door, known: Known, drafts: Sequence[Draft], faults: Faults) -> None:
    if not drafts:
        return
    site = door.site
    meters = Meter.objects.bulk_create(_meter(site, one) for one in drafts)
    Register.objects.bulk_create(
        register for meter in meters for register in implied_registers(meter)
    )
    pairs = list(zip(drafts, meters, strict=True))
    zone = timezone_of(site.timezone)
    Device.objects.bulk_create(
        Device(
            meter=meter,
            serial=one.serial,
            installed_at=local_midnight(one.installed, zone),
            factor=one.factor,
            digits=one.digits,
        )
        for one, meter in pairs
        if one.installed is not None
    )
    Assignment.objects.bulk_create(
        Assignment(
            meter=meter, billing_point=known.points[one.billing_point], starts_date=one.from_date
        )
        for one, meter in pairs
        if one.billing_point and one.from_date is not None
    )
    record(
        "meter.insert",
        door.actor,
        at=door.at,
        organisation_id=site.organisation_id,
        site_id=site.pk,
        subject=site.ref,
        data={"meters": [one.ref for one in drafts]},
    )
    _connect(door, known, pairs, faults)


def _meter(site: Site, one: Draft) -> Meter:
    return Meter(
        site=site,
        ref=one.ref,
        name=one.name,
        medium=one.medium,
        mode=one.mode,
        source=one.source,
        metering_point=one.metering_point,
        export_metering_point=one.export_metering_point,
        rule=one.rule,
        fuse_a=one.fuse_a,
    )


def _connect(
    door: Door, known: Known, pairs: Sequence[tuple[Draft, Meter]], faults: Faults
) -> None:
    """Those with a gateway are read from now on; of the others the model is known."""
    Connection.objects.bulk_create(
        Connection(
            meter=meter,
            driver=one.driver,
            model=one.model,
            address=one.address,
            plan=one.plan,
            since=door.at,
        )
        for one, meter in pairs
        if one.driver and not one.gateway
    )
    groups: dict[tuple[int, str, str, str], list[tuple[Draft, Meter]]] = defaultdict(list)
    buses: dict[int, Bus] = {}
    for one, meter in pairs:
        bus = known.bus(one.gateway, one.bus)
        if bus is not None:
            buses[bus.pk] = bus
            groups[bus.pk, one.driver, one.model, one.plan].append((one, meter))
    for (key, driver, model, plan), members in groups.items():
        wanted = [Wanted(meter, one.address) for one, meter in members]
        try:
            connect(buses[key], wanted, How(driver, model, plan), at=door.at, actor=door.actor)
        except BadSetUp as problem:
            faults.say(members[0][0].row, "", str(problem))
