"""From a site file and a list of meter readings to invoices, by the commands a person types.

The readings are a quarter of an hour apart, over a change of the clock, with the exchange of one
device and the roll-over of another's counter: what is exported sums to the registers, to the Wh.
"""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from quartier.cli import GOOD, check, main
from quartier.core.invoicing.frozen import thaw
from quartier.core.kernel.period import slot_at, slot_starts_at

pytestmark = pytest.mark.db

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "zev-rosenweg.toml"
INSTALLED_AT = datetime(2024, 12, 31, 23, tzinfo=UTC)
FROM, TO = "2025-03-16", "2025-04-01"
FIRST = slot_at(datetime(2025, 3, 15, 23, tzinfo=UTC))
END = slot_at(datetime(2025, 3, 31, 22, tzinfo=UTC))
EXCHANGED_AT = datetime(2025, 3, 18, 9, 30, tzinfo=UTC)
OLD, NEW = "SDM-2208117", "SDM-2311920"


@pytest.fixture
def home(db, settings, tmp_path, monkeypatch):
    settings.QUARTIER_HOME = tmp_path / "home"
    settings.ALLOWED_HOSTS = ["localhost"]  # or `check` warns of the test server
    monkeypatch.setattr(check, "durability", list)  # and of a PostgreSQL that waits for no disk
    return tmp_path


def energies():
    """Wh by (meter, obis) in each quarter-hour; what comes in is what is used or goes out."""
    slots = np.arange(FIRST, END)
    sun = np.maximum(np.sin((slots % 96 - 24) / 48 * np.pi), 0) * (slots % 96 > 24)
    made = (sun * 1_900).astype(int)
    used = np.random.default_rng(5).integers(30, 500, size=(3, len(slots)))
    balance = used.sum(axis=0) - made
    return {
        ("netz", "1-1:1.8.0"): np.maximum(balance, 0),
        ("netz", "1-1:2.8.0"): np.maximum(-balance, 0),
        ("pv", "1-1:2.8.0"): made,
        ("z-eg", "1-1:1.8.0"): used[0],
        ("z-1og", "1-1:1.8.0"): used[1],
        ("z-2og", "1-1:1.8.0"): used[2],
    }


def readings(found):
    """Rows of the file: at the installation, then the state at each end of a quarter-hour."""
    for (meter, obis), energy_wh in found.items():
        installed_wh = 999_998_000 if meter == "z-eg" else 0
        yield meter if meter != "z-1og" else OLD, obis, INSTALLED_AT, installed_wh
        state_wh, device = installed_wh + 1_000, meter if meter != "z-1og" else OLD
        for position, wh in enumerate([0, *energy_wh.tolist()]):
            at = slot_starts_at(FIRST + position)
            state_wh += wh
            yield device, obis, at, state_wh % 10**9
            if device == OLD and at == EXCHANGED_AT:
                device, state_wh = NEW, 0
                yield device, obis, at, state_wh


def written(path, rows):
    lines = ["meter,obis,read_at,value"]
    lines += [f"{m},{obis},{at:%Y-%m-%dT%H:%M:%SZ},{wh / 1000:.3f}" for m, obis, at, wh in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def quartier(*words):
    return main([str(word) for word in words])


def test_readings_become_invoices(home, capsys):
    site_file = home / "site.toml"
    # A roll-over is told from a reset by what the fuse lets through.
    site_file.write_text(
        EXAMPLE.read_text().replace('ref = "z-eg"\n', 'ref = "z-eg"\nfuse_a = 25\n')
    )
    assert quartier("site", "load", site_file) == GOOD
    found = energies()
    path = written(home / "readings.csv", readings(found))
    assert quartier("import", "readings", path, "--site", "rosenweg") == GOOD, (
        capsys.readouterr().out[-3000:]
    )

    out = home / "out.csv"
    dates = ("--from", FROM, "--to", TO)
    assert quartier("intervals", "export", "--site", "rosenweg", *dates, "--out", out) == GOOD
    sums = dict.fromkeys(found, 0)
    with out.open() as stream:
        for row in csv.DictReader(stream):
            position = slot_at(datetime.fromisoformat(row["start"])) - FIRST
            energy_wh = int(Decimal(row["energy_kwh"]) * 1000)
            key = row["meter"], row["obis"]
            assert (energy_wh, row["quality"]) == (found[key][position], "measured"), row
            sums[key] += energy_wh
    assert sums == {key: int(energy_wh.sum()) for key, energy_wh in found.items()}

    assert quartier("check", "--site", "rosenweg") == GOOD, capsys.readouterr().out[-3000:]
    assert quartier("bill", "--site", "rosenweg", *dates) == GOOD, capsys.readouterr().out[-3000:]
    assert_billed(found)
    assert quartier("import", "readings", path, "--site", "rosenweg") == GOOD
    assert "1 known already" in capsys.readouterr().out


def assert_billed(found):
    """The invoices hold the energy of the counters, to the Wh; nothing of it is a guess."""
    from quartier.apps.billing.models import Invoice

    documents = [thaw(bytes(invoice.document)) for invoice in Invoice.objects.all()]
    assert len(documents) == 3
    billed_wh = {
        flow: sum(
            line.quantity_wh or 0
            for document in documents
            for section in document.sections
            for line in section.lines
            if line.flow == flow
        )
        for flow in ("solar", "grid")
    }
    drawn_wh = int(found["netz", "1-1:1.8.0"].sum())
    used_wh = sum(int(found[meter, "1-1:1.8.0"].sum()) for meter in ("z-eg", "z-1og", "z-2og"))
    assert billed_wh == {"solar": used_wh - drawn_wh, "grid": drawn_wh}
    assert {document.energy.estimated_intervals for document in documents} == {0}


def test_readings_a_month_apart_are_billed_as_estimates(home, capsys):
    """The energy of each month is known, its quarter-hours are not: the invoice says so."""
    assert quartier("site", "load", EXAMPLE) == GOOD
    months = [datetime(2025, month, 1, tzinfo=UTC) for month in (1, 2, 3)]
    months = [at.replace(tzinfo=ZoneInfo("Europe/Zurich")).astimezone(UTC) for at in months]
    # 50 kWh a month are drawn by each of three homes; the roof gives 60, of which 0 go out.
    month_wh = {
        ("netz", "1-1:1.8.0"): 90_000,
        ("netz", "1-1:2.8.0"): 0,
        ("pv", "1-1:2.8.0"): 60_000,
        ("z-eg", "1-1:1.8.0"): 50_000,
        (OLD, "1-1:1.8.0"): 50_000,
        ("z-2og", "1-1:1.8.0"): 50_000,
    }
    rows = [(*key, at, n * wh) for key, wh in month_wh.items() for n, at in enumerate(months)]
    rows.append((OLD, "1-1:1.8.0", EXCHANGED_AT, 130_000))  # its final reading
    path = written(home / "readings.csv", rows)
    assert quartier("import", "readings", path, "--site", "rosenweg") == GOOD
    out = home / "out.csv"
    dates = ("--from", "2025-01-01", "--to", "2025-03-01")
    assert quartier("intervals", "export", "--site", "rosenweg", *dates, "--out", out) == GOOD
    with out.open() as stream:
        table = list(csv.DictReader(stream))
    assert {row["quality"] for row in table} == {"estimated"}
    for meter, wh in (("z-eg", 100_000), ("z-1og", 100_000), ("pv", 120_000)):
        total = sum(Decimal(row["energy_kwh"]) for row in table if row["meter"] == meter)
        assert total * 1000 == wh
    assert quartier("check", "--site", "rosenweg") == GOOD, capsys.readouterr().out[-3000:]
    assert quartier("bill", "--site", "rosenweg", *dates) == GOOD, capsys.readouterr().out[-3000:]

    from quartier.apps.billing.models import Invoice

    for invoice in Invoice.objects.all():
        assert thaw(bytes(invoice.document)).energy.estimated_intervals == 59 * 96
