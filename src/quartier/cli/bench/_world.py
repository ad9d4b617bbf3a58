"""A site of any size with its prices and its quarter-hours, made in bulk from one seed.

Also the ground that the tests of billing stand on.
"""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
from django.db import transaction

from quartier.apps.contracts.mapping import content_of
from quartier.apps.contracts.models import Community, Issuer, Occupancy, PriceSheet
from quartier.apps.equipment.models import Assignment, Meter, Plant, Register
from quartier.apps.metering import store
from quartier.apps.parties.models import Organisation, Party
from quartier.apps.sites.models import BillingPoint, Building, Site, Stakeholder
from quartier.core.kernel.period import Dates, timezone_of
from quartier.core.metering.intervals import Series
from quartier.core.rating import sheet as rating
from quartier.markets.ch.windows import windows_of

QUARTER = Dates(date(2026, 7, 1), date(2026, 10, 1))
START = date(2026, 1, 1)
VALID_UNTIL = date(2027, 1, 1)
VALID = Dates(START, VALID_UNTIL)
KNOWN_AT = datetime(2026, 10, 1, tzinfo=UTC)


def site_with(
    households: int, ref: str = "bench", dates: Dates = QUARTER, *, seed: int = 1
) -> Site:
    """A site with ``households`` tenants, one plant, one grid entry, and all of ``dates``."""
    with transaction.atomic():
        organisation, _ = Organisation.objects.get_or_create(ref="bench", name="Bench")
        site = Site.objects.create(organisation=organisation, ref=ref, name=ref, canton="ZH")
        building = Building.objects.create(
            site=site, ref="a", name="Haus A", street="Lindenweg", house_number="4",
            postcode="8000", town="Zürich",
        )  # fmt: skip
        owner = _party(organisation, f"{ref}-owner", "Eigentum AG")
        owner.save()
        Stakeholder.objects.create(site=site, party=owner, role=Stakeholder.Role.OWNER)
        Issuer.objects.create(
            site=site, party=owner, iban="CH4431999123000889012", reference_type="QRR",
            vat_liable=True, number_prefix=f"{ref}-",
        )  # fmt: skip
        Community.objects.create(site=site, starts_date=START, rule="proportional")
        sheet = price_sheet(f"{ref}-2026")
        content, sha256 = content_of(sheet)
        PriceSheet.objects.create(
            site=site, ref=sheet.ref, title=sheet.title, starts_date=sheet.valid.from_date,
            ends_date=VALID_UNTIL, content=content, sha256=sha256,
        )  # fmt: skip
        _people(site, building, organisation, households)
    write_energy(site, dates, seed=seed)
    return site


def _party(organisation: Organisation, ref: str, name: str) -> Party:
    return Party(
        organisation=organisation, ref=ref, name=name, street="Lindenweg", house_number="4",
        postcode="8000", town="Zürich",
    )  # fmt: skip


def _people(site: Site, building: Building, organisation: Organisation, count: int) -> None:
    numbers = range(1, count + 1)
    points = BillingPoint.objects.bulk_create(
        BillingPoint(site=site, building=building, ref=f"w{n:03d}", name=f"Wohnung {n}", position=n)
        for n in numbers
    )
    parties = Party.objects.bulk_create(
        _party(organisation, f"{site.ref}-p{n:03d}", f"Bewohner {n}") for n in numbers
    )
    Occupancy.objects.bulk_create(
        Occupancy(billing_point=point, party=party, starts_date=START)
        for point, party in zip(points, parties, strict=True)
    )
    meters = Meter.objects.bulk_create(
        Meter(site=site, ref=f"m{n:03d}", name=f"Z {n}") for n in numbers
    )
    Assignment.objects.bulk_create(
        Assignment(meter=meter, billing_point=point, starts_date=START)
        for meter, point in zip(meters, points, strict=True)
    )
    grid = Meter.objects.create(site=site, ref="grid", name="Netz", mode=Meter.Mode.GRID)
    roof = Meter.objects.create(site=site, ref="pv", name="PV", mode=Meter.Mode.PRODUCTION)
    owner = Party.objects.get(organisation=organisation, ref=f"{site.ref}-owner")
    Plant.objects.create(
        site=site, ref="pv", name="Dach", meter=roof, owner=owner, power_kwp=Decimal(count)
    )
    registers = [Register(site=site, meter=meter, obis="1-1:1.29.0") for meter in meters]
    registers += [
        Register(site=site, meter=grid, obis="1-1:1.29.0"),
        Register(site=site, meter=grid, obis="1-1:2.29.0", direction="export"),
        Register(site=site, meter=roof, obis="1-1:2.29.0", direction="export"),
    ]
    Register.objects.bulk_create(registers)


def write_energy(site: Site, dates: Dates, *, seed: int = 1) -> None:
    """Random consumption, a plant that follows the sun, and the grid meter that balances them."""
    slots = dates.period(timezone_of(site.timezone)).slots
    random = np.random.default_rng(seed)
    rows = {
        (row.meter.ref, row.direction): row.pk
        for row in Register.objects.filter(site=site).select_related("meter")
    }
    households = sorted(key for key in rows if key[0].startswith("m"))
    used = random.gamma(1.2, 70, size=(len(households), len(slots))).astype(np.int64)
    hours = (np.arange(slots.start, slots.stop) % 96) / 4
    sun = np.maximum(np.sin((hours - 5) / 14 * np.pi), 0) * (hours > 5) * (hours < 19)
    made = (sun * len(households) * 180 * random.uniform(0.2, 1, size=len(slots))).astype(np.int64)
    balance = used.sum(axis=0) - made
    series = {key: used[row] for row, key in enumerate(households)}
    series["grid", "import"] = np.maximum(balance, 0)
    series["grid", "export"] = np.maximum(-balance, 0)
    series["pv", "export"] = made
    ones = np.ones(len(slots), np.uint8)
    store.write(
        site.pk,
        [Series(rows[key], slots.start, energy_wh, ones) for key, energy_wh in series.items()],
        source="bench",
        known_at=KNOWN_AT,
    )


def price_sheet(ref: str, valid: Dates = VALID) -> rating.PriceSheet:
    """Grid energy by two slots, solar energy below the flat cap, levies, a monthly fee."""
    windows = windows_of("glattwerk")
    standard, reduced = rating.Slot.STANDARD, rating.Slot.REDUCED

    def energy(
        name: str,
        label: str,
        flow: str,
        price: Decimal | rating.Share,
        slot: rating.Slot = rating.Slot.ALL,
        vat: rating.Vat = rating.Vat.SUPPLIER,
    ) -> rating.Component:
        return rating.Component(
            ref=name,
            label=rating.labels(label),
            unit=rating.Unit.KWH,
            price=price,
            vat=vat,
            vat_reason=rating.labels("Abgaben ohne MWST") if vat is rating.Vat.LEVY else (),
            price_includes_vat=False,
            is_internal=flow == rating.SOLAR,
            flow=flow,
            part=name.removesuffix("-nt"),
            slot=slot,
            windows=windows.ref if slot is not rating.Slot.ALL else "",
        )

    share = rating.Share(Decimal(70))
    fee = rating.Component(
        ref="fee",
        label=rating.labels("Grundgebühr"),
        unit=rating.Unit.MONTH,
        price=Decimal("6.50"),
        vat=rating.Vat.SUPPLIER,
        price_includes_vat=False,
        is_internal=False,
        pro_rata=rating.ProRata.BY_DAY,
    )
    return rating.PriceSheet(
        ref=ref,
        title="2026",
        currency="CHF",
        valid=valid,
        timezone="Europe/Zurich",
        windows=(windows,),
        reference=rating.Reference(
            "standard",
            "Standardprodukt",
            (
                rating.SlotPrice(standard, Decimal("0.3120")),
                rating.SlotPrice(reduced, Decimal("0.2540")),
            ),
            includes_vat=False,
            windows=windows.ref,
        ),
        components=(
            energy("solar", "Solarstrom Hochtarif", rating.SOLAR, share, standard),
            energy("solar-nt", "Solarstrom Niedertarif", rating.SOLAR, share, reduced),
            energy("grid", "Netzstrom Hochtarif", rating.GRID, Decimal("0.1420"), standard),
            energy("grid-nt", "Netzstrom Niedertarif", rating.GRID, Decimal("0.1080"), reduced),
            energy("network", "Netznutzung", rating.GRID, Decimal("0.0980")),
            energy("levies", "Abgaben", rating.GRID, Decimal("0.0250"), vat=rating.Vat.LEVY),
            fee,
        ),
    )
