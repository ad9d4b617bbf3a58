"""Building the demo: the site file, a year of quarter-hours, readings, the bill and its PDFs."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from quartier import __version__
from quartier.apps.alarms.watching import watch_site
from quartier.apps.billing.models import Invoice
from quartier.apps.billing.operations import bill
from quartier.apps.contracts.site_file import load
from quartier.apps.documents.operations import print_documents
from quartier.apps.equipment.inspecting import begin_inspection
from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.metering.comparing import compare_with_display, not_compared
from quartier.apps.metering.models import Reading
from quartier.apps.parties.models import Organisation
from quartier.apps.parties.operations import add_user, new_password
from quartier.apps.sites.models import Site
from quartier.cli._progress import Progress
from quartier.cli.demo import building
from quartier.cli.demo._dates import last_quarter
from quartier.cli.demo.charging import add_stations
from quartier.cli.demo.energy import DAYS, METERS_DAYS, Energy
from quartier.cli.demo.equipment import equip
from quartier.cli.demo.gateway import SILENT, Sender
from quartier.core.kernel.period import Dates, local_midnight, timezone_of
from quartier.core.metering.intervals import Series

ACTOR = "demo"
_NOT_COMPARED = "z-a32"
"""A meter that the installer has not compared with its display yet."""


class Unfinished(Exception):
    """The demo could not be built; its folder holds what was made so far."""


def build(folder: Path, as_of: date) -> None:
    """Build the demo in the empty ``folder``, with data up to ``as_of`` (exclusive)."""
    quarter = last_quarter(as_of)
    assert quarter.to_date is not None
    issued_date = quarter.to_date + timedelta(days=4)
    data = data_of(as_of)
    now = datetime(as_of.year, as_of.month, as_of.day, 6, tzinfo=UTC)
    moved = quarter.from_date + timedelta(days=47)
    exchanged = as_of - timedelta(days=METERS_DAYS)
    text = building.site_text(data.from_date.year, as_of.year + 1, moved, exchanged)
    (folder / "site.toml").write_text(text)
    with Progress(100, "building the demo") as progress:
        site = load(text.encode(), by=ACTOR, at=now).site
        progress.advance(5)
        energy = played(site, data, as_of + timedelta(days=1))
        _write_energy(site, energy, data, now)
        progress.advance(40)
        prepared, invoices = bill(site, quarter, now=now, issued_date=issued_date, actor=ACTOR)
        if not invoices:
            raise Unfinished("; ".join(str(finding) for finding in prepared.findings))
        progress.advance(10)
        rows = Invoice.objects.filter(site=site).select_related("organisation", "site")
        printed = print_documents(rows.iterator(chunk_size=64), now=now)
        progress.advance(35)
        _equip(site, energy, data, now)
        add_stations(site, at=now, actor=ACTOR)
        progress.advance(10)
    accounts = _accounts(now)
    pdfs = (folder / "documents" / printed.written[0].path).parent.parent
    total = sum((invoice.total for invoice in invoices), Decimal(0))
    (folder / "README.txt").write_text(
        _readme(site, data, quarter, len(invoices), total, pdfs, accounts)
    )
    (folder / "README.txt").chmod(0o600)


def data_of(as_of: date) -> Dates:
    """From when to when the demo as of ``as_of`` has data."""
    first = min(last_quarter(as_of).from_date, date(as_of.year, as_of.month, 1))
    return Dates((first - timedelta(days=366)).replace(day=1), as_of)


def played(site: Site, data: Dates, until: date) -> Energy:
    """The energy of the demo with ``data``, from its beginning to before ``until``."""
    assert data.to_date is not None
    played_from = data.to_date - timedelta(days=DAYS)
    return Energy(Dates(data.from_date, until), played_from, timezone_of(site.timezone))


def _write_energy(site: Site, energy: Energy, dates: Dates, now: datetime) -> None:
    slots = dates.period(energy.tz).slots
    measured = np.ones(len(slots), np.uint8)
    store.write(
        site.pk,
        [
            Series(register.pk, slots.start, energy.series[key][: len(slots)], measured)
            for register in Register.objects.filter(site=site).select_related("meter")
            if (key := (register.meter.ref, register.direction)) in energy.series
        ],
        source="demo",
        known_at=now,
        reason="curves of real homes, see NOTICE.md",
    )


def _equip(site: Site, energy: Energy, data: Dates, now: datetime) -> None:
    """The gateway, what it sent of the last days, an inspection and the alarms there are."""
    software = f"quartier {__version__}"
    gateway = equip(site, software=software, at=energy.starts_at, actor=ACTOR)
    begin_inspection(site, at=now, actor=ACTOR)
    gateway.refresh_from_db()
    assert data.to_date is not None
    sender = Sender(gateway, energy, local_midnight(data.to_date, energy.tz))
    sender.seed()
    sender.send(now)
    sender.report(software, now)
    for register in not_compared(site, now):
        newest = Reading.objects.filter(site_id=site.pk, register_id=register.pk).latest("read_at")
        if register.meter.ref not in (SILENT, _NOT_COMPARED):
            shown = (newest.value / 1000).quantize(Decimal("0.1"))
            compare_with_display(register, shown, at=now, actor=ACTOR)
    watch_site(site.pk, now)


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
