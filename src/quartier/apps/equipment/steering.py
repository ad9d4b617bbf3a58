"""What people say of appliances: how each hangs on its relay, and when it may run."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.appliances import Appliance
from quartier.apps.equipment.configuration import content_of, grid_meters
from quartier.apps.equipment.gateways import BadSetUp
from quartier.apps.equipment.models import Bus
from quartier.drivers.catalog import Family, NoSuchFamily, family
from quartier.drivers.settings import HIDDEN, BadSetting
from quartier.formats.uplink.appliances import KINDS, MODES
from quartier.formats.uplink.configuration import BusKind, encode
from quartier.formats.uplink.strict import BadMessage

FOLLOWS_THE_SUN = ("solar", "solar_or_timer")
MANUAL = "manual"


def save(appliances: Sequence[Appliance], *, at: datetime, actor: str) -> None:
    """Store ``appliances`` of one site, new or changed, all or none. Raises :class:`BadSetUp`."""
    try:
        with transaction.atomic():
            for one in appliances:
                _check(one)
                verb = "appliance.change" if one.pk else "appliance.add"
                one.save()
                _note(verb, one, actor, at)
            for bus in {one.bus for one in appliances}:
                _check_gateway(bus)
    except IntegrityError:
        raise BadSetUp("an appliance of the site has this reference already") from None


def remove(appliance: Appliance, *, at: datetime, actor: str) -> None:
    """Steer it no more; its gateway opens its relay. What it did is forgotten."""
    with transaction.atomic():
        _note("appliance.remove", appliance, actor, at)
        appliance.delete()


def choose(appliance: Appliance, mode: str, *, at: datetime, actor: str) -> None:
    """Run by ``mode`` from now on. Raises :class:`BadSetUp`."""
    if mode not in MODES:
        raise BadSetUp(f"{mode!r:.20} is no mode")
    appliance.mode, appliance.is_pressed = mode, False
    save([appliance], at=at, actor=actor)


def press(appliance: Appliance, is_on: bool, *, at: datetime, actor: str) -> None:
    """The switch by hand. Raises :class:`BadSetUp` in another mode."""
    if appliance.mode != MANUAL:
        raise BadSetUp("it does not run by hand; choose that mode first")
    appliance.is_pressed = is_on
    save([appliance], at=at, actor=actor)


def _check(one: Appliance) -> None:
    kind = BusKind(one.bus.kind)
    if one.bus.gateway.site_id != one.site_id:
        raise BadSetUp(f"the bus {one.bus.name} is not on this site")
    try:
        found = family(one.driver, one.settings)
    except (NoSuchFamily, BadSetting) as problem:
        raise BadSetUp(str(problem)) from None
    if found.head.protocol != kind.protocol:
        raise BadSetUp("the driver does not fit the bus")
    _check_channels(one, found)
    if kind is BusKind.SHELLY:
        one.address = ""
    elif not one.address:
        raise BadSetUp("give the address of the module on the bus, 1 to 247")
    taken = Appliance.objects.filter(bus=one.bus, address=one.address).exclude(pk=one.pk)
    for other in taken:
        if both := sorted(set(other.channels) & set(one.channels)):
            raise BadSetUp(f"relay {both[0] + 1} switches {other.name} already")
    if one.mode in FOLLOWS_THE_SUN:
        _check_grid(one.bus)


def _check_channels(one: Appliance, found: Family) -> None:
    if one.output not in KINDS:
        raise BadSetUp(f"{one.output!r:.20} is no kind of output")
    if len(set(one.channels)) != KINDS[one.output]:
        raise BadSetUp("SG Ready needs two relays, contact 1 and contact 2; all else needs one")
    for channel in one.channels:
        if not 0 <= channel < found.relays:
            raise BadSetUp(f"{found.head.family} has the relays 1 to {found.relays}")


def _check_grid(bus: Bus) -> None:
    meters = grid_meters(bus.gateway)
    if not meters:
        raise BadSetUp(
            "the gateway reads no meter at the grid entry, so it cannot tell a surplus; connect it "
            "first"
        )
    if len(meters) > 1:
        names = ", ".join(one.ref for one in meters)
        raise BadSetUp(f"the gateway reads more than one meter at the grid entry: {names}")


def _check_gateway(bus: Bus) -> None:
    try:
        encode(content_of(bus.gateway))
    except BadMessage as problem:
        raise BadSetUp(f"no gateway can be set up so: {problem}") from None


def _note(verb: str, one: Appliance, actor: str, at: datetime) -> None:
    hidden: set[str] = set()
    try:
        hidden = {setting.name for setting in family(one.driver).settings if setting.kind == HIDDEN}
    except NoSuchFamily:
        hidden = set(one.settings)
    details: dict[str, Any] = {
        name: getattr(one, name)
        for name in (
            *("name", "driver", "address", "channels", "output", "sg_state", "is_inverted"),
            *("power_w", "mode", "priority", "on_s", "off_s", "daily_s", "complete_by_minute"),
            *("timer", "is_pressed"),
        )
    }
    details["settings"] = {
        name: "***" if name in hidden else value for name, value in one.settings.items()
    }
    record(
        verb,
        actor,
        at=at,
        organisation_id=one.site.organisation_id,
        site_id=one.site_id,
        subject=one.ref,
        data=details,
    )
