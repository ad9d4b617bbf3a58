"""The demo building as a site file: invented people in an invented street.

It is built as the tree that a site file is read into, then written as TOML, so that the demo
goes through the same door as everybody's sites.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from quartier.formats.site_toml import tree
from quartier.formats.site_toml.write import write

SITE = "lindenpark"
OWNER_EMAIL = "besitz@demo.example"
RESIDENT_EMAIL = "anna.meier@demo.example"
OPERATOR_EMAIL = "betrieb@demo.example"

ROOF_KWP = 62
GARAGE_KWP = 24
BATTERY_WH = 40_000
BATTERY_W = 20_000

_POSTCODE, _TOWN = "8400", "Winterthur"


@dataclass(frozen=True, slots=True)
class Flat:
    """A billing point with who lives there and what they use in a year."""

    ref: str
    name: str
    party: str
    language: str
    year_wh: int
    kind: str = "apartment"
    status: str = "tenant"
    area_m2: int = 80


_PEOPLE = (
    ("Anna Meier", "de"), ("Luca Bernasconi", "it"), ("Chantal Rochat", "fr"),
    ("Peter Zimmermann", "de"), ("Sarah Keller", "de"), ("Emily Carter", "en"),
    ("Reto Brunner", "de"), ("Milica Jovanović", "de"), ("Hans-Ulrich Schwarzenberger", "de"),
    ("Familie Nguyen", "de"), ("Verena Baumgartner-Steiner", "de"), ("Jonas Frei", "de"),
    ("Aline Favre", "fr"), ("Marco Galli", "it"), ("Ruth Egli", "de"), ("Daniel Moser", "de"),
    ("Nadia Haddad", "fr"), ("Simon Wyss", "de"), ("Priya Raman", "en"), ("Beat Hofer", "de"),
    ("Julia Sutter", "de"), ("Thomas Gerber", "de"), ("Elif Yılmaz", "de"), ("Werner Roth", "de"),
    ("Corinne Blanc", "fr"), ("Andrea Caduff", "de"),
)  # fmt: skip


def _ref(name: str) -> str:
    plain = name.lower().translate(str.maketrans("äöüéèćžşıç", "aoueeczsic"))
    return "-".join(word for word in plain.replace("-", " ").split() if word.isascii())


def flats() -> tuple[Flat, ...]:
    """The 30 billing points: 26 flats, an office, a bakery, the common areas and a heat pump."""
    found = []
    for number, (name, language) in enumerate(_PEOPLE):
        house, place = divmod(number, 13)
        floor, side = divmod(place, 3)
        where = "Erdgeschoss" if floor == 0 else f"{floor}. Obergeschoss"
        letter = "AB"[house]
        found.append(
            Flat(
                ref=f"{letter.lower()}{floor}{side + 1}",
                name=f"Haus {letter}, {where} {('links', 'Mitte', 'rechts')[side]}",
                party=_ref(name),
                language=language,
                year_wh=1_000 * (1500 + (number * 739) % 3000),
                area_m2=58 + (number * 17) % 64,
            )
        )
    return (
        *found,
        Flat("buro", "Haus A, Büro Parterre", "atelier-neun", "de", 7_200_000, "commercial"),
        Flat("backerei", "Haus B, Bäckerei", "backerei-huber", "de", 18_500_000, "commercial"),
        Flat("allgemein", "Allgemein: Lift, Licht, Keller", "lindenpark-ag", "de", 6_400_000,
             "common", "common"),
        Flat("warmepumpe", "Wärmepumpe", "lindenpark-ag", "de", 31_000_000, "technical", "owner"),
    )  # fmt: skip


def site_text(first_year: int, last_year: int, move_date: date, exchange_date: date) -> str:
    """The demo's site file, with prices for each of the years; a tenant moves on ``move_date``, and
    the grid operator's meters gave way to the building's own on ``exchange_date``."""
    start = date(first_year, 1, 1)
    return write(
        tree.SiteFile(
            format=1,
            organisation=tree.Organisation(ref="demo", name="Lindenpark Verwaltung"),
            site=tree.Site(
                ref=SITE, name="Lindenpark Winterthur", from_date=start, canton="ZH",
                street="Lindenstrasse", house_number="18", postcode=_POSTCODE, town=_TOWN,
            ),
            parties=tuple(_parties()),
            stakeholders=(
                tree.Stakeholder(party="lindenpark-ag", role="owner"),
                tree.Stakeholder(party="elektro-steiner", role="installer"),
            ),
            issuer=tree.Issuer(
                party="lindenpark-ag", iban="CH4431999123000889012", reference_type="QRR",
                vat_liable=True, number_prefix="LP",
            ),
            solutions=(tree.Solution(kind="electricity", from_date=start, label="Strom"),),
            buildings=tuple(
                tree.Building(
                    ref=letter, name=f"Haus {letter.upper()}", street="Lindenstrasse",
                    house_number=number, postcode=_POSTCODE, town=_TOWN,
                )
                for letter, number in (("a", "18"), ("b", "20"))
            ),
            billing_points=tuple(_points(start, move_date)),
            meters=tuple(_meters(start, exchange_date)),
            plants=(
                tree.Plant(ref="dach", name="Dächer Süd und West", meter="pv-dach",
                           owner="lindenpark-ag", power_kwp=Decimal(ROOF_KWP),
                           commissioned=date(2023, 5, 4)),
                tree.Plant(ref="garage", name="Garage", meter="pv-garage", owner="lindenpark-ag",
                           power_kwp=Decimal(GARAGE_KWP), commissioned=date(2024, 3, 19)),
            ),
            batteries=(
                tree.Battery(ref="speicher", name="Quartierspeicher", meter="speicher",
                             owner="lindenpark-ag", capacity_wh=BATTERY_WH, power_w=BATTERY_W),
            ),
            communities=(tree.Community(from_date=start, rule="proportional"),),
            reference_tariffs=tuple(_standard(year) for year in range(first_year, last_year + 1)),
            price_sheets=tuple(_sheet(year) for year in range(first_year, last_year + 1)),
        )
    )  # fmt: skip


def _parties() -> list[tree.Party]:
    def party(
        ref: str,
        name: str,
        email: str = "",
        language: str = "de",
        *,
        kind: str = "person",
        uid: str = "",
        phone: str = "",
        website: str = "",
    ) -> tree.Party:
        contacts = (tree.Contact(email=email, name=name, language=language),) if email else ()
        return tree.Party(
            ref=ref,
            name=name,
            kind=kind,
            street="Lindenstrasse",
            house_number="18",
            postcode=_POSTCODE,
            town=_TOWN,
            language=language,
            email=email,
            phone=phone,
            website=website,
            uid=uid,
            contacts=contacts,
        )

    made = [
        party(
            "lindenpark-ag",
            "Lindenpark Immobilien AG",
            OWNER_EMAIL,
            kind="company",
            uid="CHE-123.456.788",
            phone="052 555 01 80",
            website="lindenpark.example",
        ),
        party("elektro-steiner", "Elektro Steiner GmbH", kind="company"),
        party("atelier-neun", "Atelier Neun Architekten GmbH", kind="company"),
        party("backerei-huber", "Bäckerei Huber", kind="company"),
        party("neumieter", "Sophie Lambert", language="fr"),
    ]
    for number, (name, language) in enumerate(_PEOPLE):
        email = RESIDENT_EMAIL if number == 0 else ""
        made.append(party(_ref(name), name, email, language))
    return made


def _points(start: date, move_date: date) -> list[tree.BillingPoint]:
    points = []
    for position, flat in enumerate(flats(), 1):
        held = [tree.Occupancy(from_date=start, party=flat.party, status=flat.status)]
        if flat.ref == "a03":
            held.append(tree.Occupancy(from_date=move_date, party="neumieter"))
        if flat.ref == "b41":
            held.append(tree.Occupancy(from_date=move_date, vacant=True))
        points.append(
            tree.BillingPoint(
                ref=flat.ref, name=flat.name, building="b" if "Haus B" in flat.name else "a",
                kind=flat.kind, position=position, area_m2=Decimal(flat.area_m2),
                occupancies=tuple(held),
            )
        )  # fmt: skip
    return points


def meter_of(flat: Flat) -> str:
    """The ref of the meter of ``flat``."""
    return f"z-{flat.ref}"


def _meters(start: date, exchange_date: date) -> list[tree.Meter]:
    def device(number: int) -> tuple[tree.Device, ...]:
        return (
            tree.Device(
                serial=f"EW-{7_218_340 + 13 * number}",
                installed=start,
                removed=exchange_date,
                digits=6,
            ),
            tree.Device(serial=f"SDM-{40_110 + number}", installed=exchange_date, digits=6),
        )

    made = [
        tree.Meter(ref="netz", name="Netzanschluss", mode="grid", devices=device(1),
                   metering_point="CH1012301234500000000000000012345"),
        tree.Meter(ref="pv-dach", name="Solaranlage Dächer", mode="production", devices=device(2)),
        tree.Meter(ref="pv-garage", name="Solaranlage Garage", mode="production",
                   devices=device(3)),
        tree.Meter(ref="speicher", name="Quartierspeicher", mode="battery", devices=device(4)),
    ]  # fmt: skip
    for number, flat in enumerate(flats(), 10):
        made.append(
            tree.Meter(
                ref=meter_of(flat), name=flat.name, devices=device(number),
                assignments=(tree.Assignment(from_date=start, billing_point=flat.ref),),
            )
        )  # fmt: skip
    return made


_WINDOWS = tree.Windows(
    ref="stadtwerk",
    standard=(
        tree.Window(days="mon-fri", from_time="07:00", to_time="20:00"),
        tree.Window(days="sat", from_time="07:00", to_time="13:00"),
    ),
)


def _standard(year: int) -> tree.ReferenceTariff:
    return tree.ReferenceTariff(
        ref=f"standard-{year}", title=f"Standardprodukt Haushalt {year}",
        from_date=date(year, 1, 1), to_date=date(year + 1, 1, 1), includes_vat=True,
        prices=(("standard", Decimal("0.3185")), ("reduced", Decimal("0.2570"))),
        prices_windows=_WINDOWS.ref, windows=(_WINDOWS,),
    )  # fmt: skip


def _sheet(year: int) -> tree.PriceSheet:
    def label(de: str, fr: str, it: str, en: str) -> tuple[tuple[str, str], ...]:
        return (("de", de), ("en", en), ("fr", fr), ("it", it))

    def energy(
        ref: str,
        flow: str,
        part: str,
        text: tuple[tuple[str, str], ...],
        *,
        slot: str = "all",
        price: str = "",
        vat_reason: tuple[tuple[str, str], ...] = (),
    ) -> tree.Component:
        """A price per kWh; without ``price`` 80 % of the standard product, VAT included."""
        return tree.Component(
            ref=ref,
            flow=flow,
            part=part,
            unit="kWh",
            label=text,
            slot=slot,
            windows="" if slot == "all" else _WINDOWS.ref,
            price=Decimal(price) if price else None,
            percent_of_standard=None if price else Decimal(80),
            includes_vat=not price,
            vat="levy" if vat_reason else "supplier",
            vat_reason=vat_reason,
        )

    return tree.PriceSheet(
        ref=f"strom-{year}", title=f"Strompreise {year}",
        from_date=date(year, 1, 1), to_date=date(year + 1, 1, 1),
        reference=f"standard-{year}",
        titles=(("electricity", label("Strom", "Électricité", "Elettricità", "Electricity")),),
        windows=(_WINDOWS,),
        components=(
            energy("solar-ht", "solar", "solar", slot="standard", text=label(
                "Solarstrom Hochtarif", "Énergie solaire, haut tarif",
                "Energia solare, tariffa alta", "Solar energy, high tariff")),
            energy("solar-nt", "solar", "solar", slot="reduced", text=label(
                "Solarstrom Niedertarif", "Énergie solaire, bas tarif",
                "Energia solare, tariffa bassa", "Solar energy, low tariff")),
            energy("netz-ht", "grid", "energy", slot="standard", price="0.1395", text=label(
                "Netzstrom Hochtarif", "Énergie du réseau, haut tarif",
                "Energia di rete, tariffa alta", "Grid energy, high tariff")),
            energy("netz-nt", "grid", "energy", slot="reduced", price="0.1060", text=label(
                "Netzstrom Niedertarif", "Énergie du réseau, bas tarif",
                "Energia di rete, tariffa bassa", "Grid energy, low tariff")),
            energy("netznutzung", "grid", "network", price="0.0965", text=label(
                "Netznutzung", "Utilisation du réseau", "Utilizzazione della rete",
                "Network use")),
            energy("abgaben", "grid", "levies", price="0.0265",
                   vat_reason=label(
                "Abgabe an das Gemeinwesen, ohne MWST", "Redevance à la collectivité, sans TVA",
                "Tributo all'ente pubblico, senza IVA", "Public levy, without VAT"), text=label(
                "Abgaben und Netzzuschlag", "Taxes et supplément réseau",
                "Tasse e supplemento di rete", "Levies and network surcharge")),
            tree.Component(
                ref="messung", unit="month", price=Decimal("4.50"), pro_rata="by_day",
                internal=False,
                label=label("Grundpreis Netzanschluss", "Taxe de base raccordement",
                            "Tassa di base allacciamento", "Basic fee grid connection")),
        ),
    )  # fmt: skip
