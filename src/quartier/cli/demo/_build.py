"""Building the demo: the site file, a year of quarter-hours, readings, the bill and its PDFs."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from quartier.apps.billing.models import Invoice
from quartier.apps.billing.operations import bill
from quartier.apps.contracts.site_file import load
from quartier.apps.documents.operations import print_documents
from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.parties.models import Organisation
from quartier.apps.parties.operations import add_user, new_password
from quartier.apps.sites.models import Site
from quartier.cli._progress import Progress
from quartier.cli.demo import building, curves
from quartier.cli.demo._dates import last_quarter
from quartier.core.kernel.period import Dates, timezone_of
from quartier.core.metering.intervals import Series

ACTOR = "demo"
_ROOF_KWH_PER_KWP = 1_020.0
_GARAGE_KWH_PER_KWP = 960.0
_BATTERY_EFFICIENCY = 0.92


class Unfinished(Exception):
    """The demo could not be built; its folder holds what was made so far."""


def build(folder: Path, as_of: date) -> None:
    """Build the demo in the empty ``folder``, with data up to ``as_of`` (exclusive)."""
    quarter = last_quarter(as_of)
    assert quarter.to_date is not None
    issued_date = quarter.to_date + timedelta(days=4)
    first = min(quarter.from_date, date(as_of.year, as_of.month, 1)) - timedelta(days=366)
    data = Dates(first.replace(day=1), as_of)
    now = datetime(as_of.year, as_of.month, as_of.day, 6, tzinfo=UTC)
    moved = quarter.from_date + timedelta(days=47)
    text = building.site_text(data.from_date.year, as_of.year + 1, moved)
    (folder / "site.toml").write_text(text)
    with Progress(100, "building the demo") as progress:
        site = load(text.encode(), by=ACTOR, at=now).site
        progress.advance(5)
        _write_energy(site, data, now)
        progress.advance(45)
        prepared, invoices = bill(site, quarter, now=now, issued_date=issued_date, actor=ACTOR)
        if not invoices:
            raise Unfinished("; ".join(str(finding) for finding in prepared.findings))
        progress.advance(10)
        rows = Invoice.objects.filter(site=site).select_related("organisation", "site")
        printed = print_documents(rows.iterator(chunk_size=64), now=now)
        progress.advance(40)
    accounts = _accounts(now)
    pdfs = (folder / "documents" / printed.written[0].path).parent.parent
    total = sum((invoice.total for invoice in invoices), Decimal(0))
    (folder / "README.txt").write_text(
        _readme(site, data, quarter, len(invoices), total, pdfs, accounts)
    )
    (folder / "README.txt").chmod(0o600)


def _write_energy(site: Site, dates: Dates, now: datetime) -> None:
    tz = timezone_of(site.timezone)
    slots = dates.period(tz).slots
    homes = curves.homes()
    used = {
        building.meter_of(flat): curves.household(
            homes[number % len(homes)],
            number // len(homes) * 2 + number % 2,
            flat.year_wh,
            slots,
            tz,
        )
        for number, flat in enumerate(building.flats())
    }
    roof, garage = curves.roofs()
    roof_wh = curves.roof(roof, building.ROOF_KWP, _ROOF_KWH_PER_KWP, slots, tz)
    garage_wh = curves.roof(garage, building.GARAGE_KWP, _GARAGE_KWH_PER_KWP, slots, tz)
    consumption = np.sum(list(used.values()), axis=0)
    charge, discharge = curves.battery(
        roof_wh + garage_wh,
        consumption,
        building.BATTERY_WH,
        building.BATTERY_W,
        _BATTERY_EFFICIENCY,
    )
    balance = consumption + charge - roof_wh - garage_wh - discharge
    series = {
        **{(ref, "import"): energy for ref, energy in used.items()},
        ("pv-dach", "export"): roof_wh,
        ("pv-garage", "export"): garage_wh,
        ("speicher", "import"): charge,
        ("speicher", "export"): discharge,
        ("netz", "import"): np.maximum(balance, 0),
        ("netz", "export"): np.maximum(-balance, 0),
    }
    measured = np.ones(len(slots), np.uint8)
    store.write(
        site.pk,
        [
            Series(register.pk, slots.start, series[key], measured)
            for register in Register.objects.filter(site=site).select_related("meter")
            if (key := (register.meter.ref, register.direction)) in series
        ],
        source="demo",
        known_at=now,
        reason="curves of real homes, see NOTICE.md",
    )


def _accounts(now: datetime) -> list[tuple[str, str, str]]:
    """Users of the three kinds: who, e-mail, password."""
    organisation = Organisation.objects.get(ref="demo")
    made = []
    for who, email, is_operator in (
        ("operator", building.OPERATOR_EMAIL, True),
        ("owner", building.OWNER_EMAIL, False),
        ("resident", building.RESIDENT_EMAIL, False),
    ):
        password = new_password()
        add_user(organisation, email, password, is_operator=is_operator, by=ACTOR, at=now)
        made.append((who, email, password))
    return made


def _readme(
    site: Site,
    data: Dates,
    quarter: Dates,
    count: int,
    total: Decimal,
    pdfs: Path,
    accounts: list[tuple[str, str, str]],
) -> str:
    signs = "\n".join(f"  {who:<9} {email:<24} {password}" for who, email, password in accounts)
    return (
        f"{site.name}: {len(building.flats())} billing points, quarter-hours from {data}.\n"
        f"{count} invoices of {quarter}: {total:.2f} {site.currency}.\n\n"
        f"Invoices   {pdfs}\n"
        f"Portal     @URL@\n\n"
        f"Sign in as\n{signs}\n"
    )
