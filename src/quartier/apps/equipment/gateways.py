"""What an installer sets up: gateways, their buses and the meters on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django.db import IntegrityError, transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.configuration import content_of
from quartier.apps.equipment.models import Appliance, Bus, Connection, Gateway, Meter
from quartier.apps.sites.models import Note, Site
from quartier.drivers.catalog import Family, NoSuchFamily, families, family, key_of
from quartier.drivers.settings import HIDDEN, BadSetting
from quartier.formats.uplink.batch import NAME
from quartier.formats.uplink.configuration import BusKind, Plan, encode
from quartier.formats.uplink.strict import BadMessage

MBUS = "mbus_meter"
"""The driver of M-Bus meters, which say themselves what they measure."""
MOST_AT_ONCE = 500


class BadSetUp(ValueError):
    """What was entered cannot be read by a gateway; the text says what and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """``meter`` at ``address`` of a bus."""

    meter: Meter
    address: str


@dataclass(frozen=True, slots=True)
class How:
    """By which driver meters are read, and when."""

    driver: str
    model: str = ""
    plan: str = Plan.QUARTER_HOUR.value
    settings: Mapping[str, str] = field(default_factory=dict)


def add_gateway(site: Site, name: str, *, at: datetime, actor: str) -> Gateway:
    """A gateway of ``site`` that waits to be paired. Raises :class:`BadSetUp`."""
    if not NAME.fullmatch(name):
        raise BadSetUp("a gateway's name is letters, digits, dots and dashes, at most 63")
    try:
        with transaction.atomic():
            gateway = Gateway.objects.create(site=site, name=name, salt=b"")
            _note("gateway.add", gateway, actor, at, {})
    except IntegrityError:
        raise BadSetUp(f"the name {name} is taken; choose another") from None
    return gateway


def add_bus(
    gateway: Gateway,
    name: str,
    kind: str,
    parameters: Mapping[str, str | int],
    *,
    at: datetime,
    actor: str,
) -> Bus:
    """A bus of ``gateway`` with the parameters of its kind. Raises :class:`BadSetUp`."""
    if kind not in list(BusKind):
        raise BadSetUp(f"{kind!r:.40} is no kind of bus")
    try:
        with transaction.atomic():
            bus = Bus.objects.create(
                gateway=gateway, name=name, kind=kind, parameters=dict(parameters)
            )
            _check(gateway)
            _note("gateway.bus", gateway, actor, at, {"bus": name, "kind": kind, **parameters})
    except IntegrityError:
        raise BadSetUp(f"the gateway has a bus {name} already; choose another name") from None
    return bus


def remove_bus(bus: Bus, *, at: datetime, actor: str) -> None:
    """Take a bus away on which no meter is read. Raises :class:`BadSetUp`."""
    with transaction.atomic():
        if Connection.objects.filter(bus=bus).exists():
            raise BadSetUp(f"meters are read over {bus.name}; take them off it first")
        if Appliance.objects.filter(bus=bus).exists():
            raise BadSetUp(f"appliances are switched over {bus.name}; take them off it first")
        bus.delete()
        _note("gateway.bus_removed", bus.gateway, actor, at, {"bus": bus.name})


def connect(bus: Bus, wanted: Sequence[Wanted], how: How, *, at: datetime, actor: str) -> None:
    """Read the ``wanted`` meters over ``bus`` from now on, all or none.

    A meter that was read over another bus is moved. Where one was read by an unverified driver in
    another way until now, an issue stops the bill until somebody has looked at what was read: that
    driver can be compared with the display no more. Raises :class:`BadSetUp`.
    """
    if not 0 < len(wanted) <= MOST_AT_ONCE:
        raise BadSetUp(f"choose from 1 to {MOST_AT_ONCE} meters")
    gateway = bus.gateway
    check_driver(BusKind(bus.kind), how)
    for one in wanted:
        if one.meter.site_id != gateway.site_id:
            raise BadSetUp(f"{one.meter.ref} is not on the site of {gateway.name}")
        if one.meter.source == Meter.Source.VIRTUAL:
            raise BadSetUp(f"{one.meter.ref} is computed; there is nothing to read")
    addresses = [one.address for one in wanted]
    if twice := sorted({one for one in addresses if addresses.count(one) > 1}):
        raise BadSetUp(f"two meters have the address {twice[0]}; give each its own")
    try:
        with transaction.atomic():
            doubtful = _put(bus, wanted, how, at)
            _check(gateway)
            if doubtful:
                doubt(gateway.site, doubtful, at)
            _note(
                "gateway.connect",
                gateway,
                actor,
                at,
                {
                    "bus": bus.name,
                    "driver": how.driver,
                    "meters": {one.meter.ref: one.address for one in wanted},
                },
            )
    except IntegrityError:
        raise BadSetUp("another meter of the bus has one of these addresses") from None


def disconnect(meters: Sequence[Meter], *, at: datetime, actor: str) -> None:
    """Read ``meters`` of one site no more; by which driver they were read stays known."""
    rows = list(
        Connection.objects.filter(meter__in=meters, bus__isnull=False).select_related(
            "meter", "bus__gateway__site"
        )
    )
    with transaction.atomic():
        for row in rows:
            assert row.bus is not None
            gateway = row.bus.gateway
            row.bus = None
            row.save(update_fields=["bus"])
            _note("gateway.disconnect", gateway, actor, at, {"meter": row.meter.ref})


@cache
def drivers() -> tuple[Family, ...]:
    """The families that come with the program, in order of their names."""
    return tuple(families())


def is_unverified(driver: str, settings: Mapping[str, str]) -> bool:
    """Whether nothing may be billed from ``driver`` before a comparison with the display: its
    manual was not read, an installer said in ``settings`` where its registers are, or it is not
    known any more."""
    found = next((one for one in drivers() if one.head.key == key_of(driver)), None)
    return found is None or found.head.is_unverified(settings)


def check_driver(kind: BusKind, how: How) -> None:
    """Whether meters on a bus of ``kind`` can be read so. Raises :class:`BadSetUp`."""
    if how.plan not in list(Plan):
        raise BadSetUp(f"{how.plan!r:.40} is no plan of reading")
    try:
        found = family(how.driver, how.settings)
    except (NoSuchFamily, BadSetting) as problem:
        raise BadSetUp(str(problem)) from None
    if kind.protocol != found.head.protocol:
        raise BadSetUp(
            "an M-Bus is read with an M-Bus driver, any other bus with a driver of its meters"
        )
    if not found.is_meter:
        raise BadSetUp(f"{found.head.family} measures nothing; choose it for an appliance")
    if how.model and found.head.model(how.model) is None:
        there = ", ".join(one.name for one in found.head.models)
        raise BadSetUp(f"{found.head.family} has no model {how.model!r:.70}; it has: {there}")


def _put(bus: Bus, wanted: Sequence[Wanted], how: How, at: datetime) -> list[Meter]:
    """Those that may have been read by an unverified driver in another way until now."""
    rows = Connection.objects.filter(meter__in=[one.meter.pk for one in wanted])
    stored = {row.meter_id: row for row in rows.select_related("bus__gateway")}
    told = _what_is_read(how.driver, how.model, how.settings)
    doubtful, new = [], []
    for one in wanted:
        row = stored.get(one.meter.pk)
        is_same = row is not None and _what_is_read(row.driver, row.model, row.settings) == told
        if (
            row is not None
            and not is_same
            and (row.bus is None or row.bus.gateway.paired_at is not None)
            and is_unverified(row.driver, row.settings)
        ):
            doubtful.append(one.meter)
        if row is None:
            row = Connection(meter=one.meter)
            new.append(row)
        row.bus, row.address = bus, one.address
        row.driver, row.model, row.plan = how.driver, how.model, how.plan
        row.settings = dict(how.settings)
        row.since = row.since if is_same else at
        if row.pk is not None:
            row.save()
    Connection.objects.bulk_create(new)
    return doubtful


def _what_is_read(
    driver: str, model: str, settings: Mapping[str, str]
) -> tuple[str, str, dict[str, str]]:
    """Driver, model and settings; another password reads the same."""
    key = key_of(driver)
    found = next((one for one in drivers() if one.head.key == key), None)
    hidden = {one.name for one in found.settings if one.kind == HIDDEN} if found else set()
    return key, model, {name: text for name, text in settings.items() if name not in hidden}


def doubt(site: Site, meters: Sequence[Meter], at: datetime) -> None:
    """An issue that stops the bill until somebody has looked at what was read of ``meters``."""
    names = ", ".join(one.ref for one in meters)
    Note.objects.create(
        site=site,
        kind=Note.Kind.ISSUE,
        category=Note.Category.DATA,
        visibility=Note.Visibility.PUBLIC,
        text=f"Compare what was read before {at:%d.%m.%Y}, by an unverified driver: {names}",
    )


def _check(gateway: Gateway) -> None:
    """The rows give a configuration that a gateway can read."""
    try:
        encode(content_of(gateway))
    except BadMessage as problem:
        raise BadSetUp(str(problem)) from None
    except TypeError:
        raise BadSetUp("the bus has parameters that its kind does not know") from None


def _note(action: str, gateway: Gateway, actor: str, at: datetime, data: Mapping[str, Any]) -> None:
    record(
        action,
        actor,
        at=at,
        organisation_id=gateway.site.organisation_id,
        site_id=gateway.site_id,
        subject=gateway.name,
        data=data,
    )
