"""Writing a stored site back as a file. Comments of a file that was loaded are not stored."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from quartier.apps.contracts import models
from quartier.apps.contracts.mapping import reference_of, sheet_of
from quartier.apps.contracts.site_file.equipment import register_name
from quartier.apps.contracts.site_file.network import devices_of, zones_of
from quartier.apps.equipment.models import Battery, Meter, Plant
from quartier.apps.equipment.registers import IMPLIED
from quartier.apps.parties.models import Contact, Party
from quartier.apps.sites.models import BillingPoint, Building, Site, Stakeholder
from quartier.core.kernel.period import Dates, local_midnight, timezone_of
from quartier.formats.site_toml import tree
from quartier.formats.site_toml.prices import Standard, tree_of_sheet, tree_of_standard
from quartier.formats.site_toml.write import write


def dump(site: Site) -> str:
    """The site as TOML; loading that changes nothing, and the same rows give the same text."""
    return write(tree_of(site))


def tree_of(site: Site) -> tree.SiteFile:
    """The site as the tree of a file."""
    names = ("ref", "name", "timezone", "country", "canton", "currency", "language", *_ADDRESS)
    start = site.starts_date or _first_date(site)
    return tree.SiteFile(
        format=1,
        organisation=tree.Organisation(ref=site.organisation.ref, name=site.organisation.name),
        site=tree.Site(from_date=start, **_fields(site, names)),
        parties=tuple(_party(row) for row in _parties(site)),
        stakeholders=tuple(
            tree.Stakeholder(party=row.party.ref, role=row.role)
            for row in Stakeholder.objects.filter(site=site)
            .select_related("party")
            .order_by("role", "party__ref")
        ),
        issuer=_issuer(site),
        solutions=tuple(
            tree.Solution(
                kind=row.kind,
                from_date=row.starts_date,
                to_date=row.ends_date,
                frequency=row.frequency,
                label=row.label,
            )
            for row in site.solutions.order_by("kind", "starts_date")
        ),
        buildings=tuple(
            tree.Building(**_fields(row, ("ref", "name", "egid", *_ADDRESS)))
            for row in Building.objects.filter(site=site).order_by("ref")
        ),
        billing_points=tuple(
            _billing_point(row)
            for row in BillingPoint.objects.filter(site=site)
            .select_related("building")
            .order_by("building__ref", "position", "ref")
        ),
        meters=tuple(_meter(row) for row in Meter.objects.filter(site=site).order_by("ref")),
        plants=tuple(
            tree.Plant(
                ref=row.ref,
                name=row.name,
                meter=row.meter.ref,
                owner=row.owner.ref,
                power_kwp=plain(row.power_kwp),
                commissioned=row.commissioned_date,
            )
            for row in Plant.objects.filter(site=site).select_related("meter", "owner")
        ),
        batteries=tuple(
            tree.Battery(
                meter=row.meter.ref,
                owner=row.owner.ref,
                **_fields(row, ("ref", "name", "capacity_wh", "power_w")),
            )
            for row in Battery.objects.filter(site=site).select_related("meter", "owner")
        ),
        communication_devices=devices_of(site),
        distribution_zones=zones_of(site),
        communities=tuple(_community(row) for row in site.communities.order_by("starts_date")),
        reference_tariffs=tuple(
            tree_of_standard(_standard(row), Dates(row.starts_date, row.ends_date))
            for row in site.reference_tariffs.order_by("starts_date", "ref")
        ),
        price_sheets=tuple(_sheet(row) for row in site.price_sheets.order_by("starts_date", "ref")),
    )


_ADDRESS = ("street", "house_number", "postcode", "town")


def _fields(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def plain(number: Decimal) -> Decimal:
    """``number`` without the zeros that its column added."""
    whole = number.normalize()
    exponent = whole.as_tuple().exponent
    assert isinstance(exponent, int), "a stored number is finite"
    return whole.quantize(Decimal(1)) if exponent > 0 else whole


def _optional(number: Decimal | None) -> Decimal | None:
    return None if number is None else plain(number)


def _first_date(site: Site) -> date:
    days = [row.starts_date for row in models.Occupancy.objects.filter(billing_point__site=site)]
    days += list(site.solutions.values_list("starts_date", flat=True))
    return min(days, default=site.created_at.date())


def _parties(site: Site) -> list[Party]:
    mine = (
        Q(stakes__site=site)
        | Q(occupancies__billing_point__site=site)
        | Q(plants__site=site)
        | Q(batteries__site=site)
        | Q(pk__in=models.Issuer.objects.filter(site=site).values("party"))
    )
    return list(Party.objects.filter(mine).distinct().order_by("ref"))


def _party(row: Party) -> tree.Party:
    names = ("ref", "name", "kind", "extra", "country", "language", "email", "phone", "website")
    contacts = Contact.objects.filter(party=row).select_related("user").order_by("user__email")
    return tree.Party(
        **_fields(row, (*names, "uid", "correspondence", *_ADDRESS)),
        contacts=tuple(
            tree.Contact(
                email=one.user.email,
                name=one.user.name,
                language=one.user.language,
                role=one.role,
            )
            for one in contacts
        ),
    )


def _issuer(site: Site) -> tree.Issuer | None:
    row = models.Issuer.objects.filter(site=site).select_related("party").first()
    if row is None:
        return None
    names = ("iban", "reference_type", "vat_liable", "payment_days", "number_prefix")
    return tree.Issuer(party=row.party.ref, **_fields(row, names))


def _billing_point(row: BillingPoint) -> tree.BillingPoint:
    chain = row.occupancies.select_related("party").order_by("starts_date")
    return tree.BillingPoint(
        building=row.building.ref,
        area_m2=_optional(row.area_m2),
        thousandths=_optional(row.thousandths),
        active=row.is_active,
        billed=row.is_billed,
        priority=row.self_consumption_priority,
        quota=_optional(row.quota),
        occupancies=tuple(
            tree.Occupancy(
                from_date=one.starts_date,
                party=one.party.ref,
                # a vacancy says no status; "tenant" is the key's default, which is not written
                status="tenant" if one.is_vacant else one.status,
                vacant=one.is_vacant,
            )
            for one in chain
        ),
        **_fields(row, ("ref", "name", "kind", "position", "in_statement")),
    )


def _meter(row: Meter) -> tree.Meter:
    zone = row.site.timezone
    registers = sorted(register_name(one) for one in row.registers.all())
    is_implied = registers == sorted(IMPLIED[row.mode])
    return tree.Meter(
        registers=() if is_implied else tuple(registers),
        fuse_a=_optional(row.fuse_a),
        enabled=row.is_enabled,
        swapped=row.is_swapped,
        isolated=row.is_isolated,
        devices=tuple(
            tree.Device(
                serial=one.serial,
                installed=_instant(one.installed_at, zone),
                removed=_instant(one.removed_at, zone) if one.removed_at else None,
                factor=plain(one.factor),
                digits=one.digits,
            )
            for one in row.devices.order_by("installed_at")
        ),
        assignments=tuple(
            tree.Assignment(
                from_date=one.starts_date,
                billing_point=one.billing_point.ref if one.billing_point else "",
            )
            for one in row.assignments.select_related("billing_point").order_by("starts_date")
        ),
        **_fields(
            row,
            (
                "ref",
                "name",
                "medium",
                "mode",
                "source",
                "metering_point",
                "export_metering_point",
                "rule",
            ),
        ),
    )


def _instant(instant: datetime, zone: str) -> date | datetime:
    tz = timezone_of(zone)
    day = instant.astimezone(tz).date()
    return day if local_midnight(day, tz) == instant else instant


def _community(row: models.Community) -> tree.Community:
    costs = None
    if row.costs:
        raw = dict(row.costs)
        read = {
            name: key.kind.read(raw[name])
            for name, key in tree.keys_of(tree.Costs).items()
            if key.kind is not None and name in raw
        }
        costs = tree.Costs(**read)
    return tree.Community(
        from_date=row.starts_date,
        kind=row.kind,
        rule=row.rule,
        params=row.params or None,
        balanced=row.is_balanced,
        cap_method=row.cap_method,
        costs=costs,
    )


def _standard(row: models.ReferenceTariff) -> Standard:
    stored = reference_of(row)
    return Standard(stored.reference, stored.windows)


def _sheet(row: models.PriceSheet) -> tree.PriceSheet:
    sheet = sheet_of(row)
    standard = None
    if sheet.reference is not None:
        tariff = row.site.reference_tariffs.filter(ref=sheet.reference.ref).first()
        standard = _standard(tariff) if tariff else None
    points = row.billing_points.order_by("ref").values_list("ref", flat=True)
    return tree_of_sheet(sheet, tuple(points), standard)
