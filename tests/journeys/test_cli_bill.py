"""``quartier bill`` as users type it: odd periods, several sites, moves and vacancies."""

import json
from datetime import date

import pytest

from quartier.cli import main
from tests.journeys.small_sites import SIMPLE_PRICES, simple

pytestmark = pytest.mark.db

ALWAYS = date(2020, 1, 1)


@pytest.fixture
def stored(tmp_path, capsys):
    """Load a site with its energy, as ``stored(site)``."""

    def load(site):
        toml, curve = site.write(tmp_path)
        assert main(["site", "load", str(toml)]) == 0, capsys.readouterr()
        assert main(["import", "load-curve", str(curve), "--site", site.ref]) == 0
        capsys.readouterr()
        return site

    return load


def bill(from_date, to_date, *more):
    return main(["bill", "--from", str(from_date), "--to", str(to_date), *more])


def drafts(site, folder):
    """The documents that a dry run would issue, in the order of flat and date."""
    assert bill(site.from_date, site.to_date, "--site", site.ref, "--dry-run",
                "--out", str(folder)) == 0  # fmt: skip
    return [json.loads(path.read_text()) for path in sorted((folder / site.ref).iterdir())]


def quarter_hours_of(site, flat, first, last):
    """The Wh of ``flat`` on the local days from ``first`` to before ``last``."""
    from tests.journeys.small_sites import ZURICH

    return sum(
        energy
        for start, energy in zip(site.starts, site.energy_wh[f"z-{flat}"], strict=True)
        if first <= start.astimezone(ZURICH).date() < last
    )


def test_a_site_named_in_each_of_two_options_is_billed(stored, capsys):
    day, after = date(2026, 3, 1), date(2026, 3, 2)
    for ref in ("elm", "oak"):
        stored(simple(ref, day, after))
    assert bill(day, after, "--site", "elm", "--site", "oak", "--dry-run") == 0
    out = capsys.readouterr().out
    assert "elm 2026-03-01" in out
    assert "oak 2026-03-01" in out


@pytest.mark.parametrize(
    ("from_date", "to_date"), [("0001-01-01", "0001-01-02"), ("2026-01-01", "9999-12-31")]
)
def test_a_period_beyond_the_calendar_is_wrong_use(db, from_date, to_date, capsys):
    assert bill(from_date, to_date, "--all") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_move_and_a_vacancy_divide_the_energy_by_the_day(stored, tmp_path):
    moves = [
        {"name": "a", "holders": [(ALWAYS, "x", "tenant"), (date(2026, 1, 17), "y", "tenant")]},
        {"name": "b", "holders": [(ALWAYS, "z", "tenant"), (date(2026, 1, 20), "", "")]},
    ]
    site = stored(simple("moves", date(2026, 1, 15), date(2026, 1, 22), flats=moves))
    found = drafts(site, tmp_path / "out")
    names = [one["recipient"]["address"]["name"] for one in found]
    assert names == ["x", "y", "z", "Owner"]
    for document in found:
        days = (date.fromisoformat(document[key]) for key in ("from_date", "to_date"))
        flat = document["place"]["billing_point_ref"]
        assert document["energy"]["total_wh"] == quarter_hours_of(site, flat, *days)


@pytest.mark.parametrize(
    ("first", "last", "quarters"),
    [
        (date(2026, 3, 29), date(2026, 3, 30), 92),
        (date(2026, 10, 25), date(2026, 10, 26), 100),
        (date(2028, 2, 29), date(2028, 3, 1), 96),
    ],
)
def test_odd_days_are_billed_whole(stored, tmp_path, first, last, quarters):
    site = stored(simple("odd", first, last))
    assert len(site.starts) == quarters
    for document in drafts(site, tmp_path / "out"):
        flat = document["place"]["billing_point_ref"]
        assert document["energy"]["total_wh"] == sum(site.energy_wh[f"z-{flat}"])
    out = tmp_path / "export.csv"
    asked = ["--site", "odd", "--from", str(first), "--to", str(last), "--out", str(out)]
    assert main(["intervals", "export", *asked]) == 0
    rows = [line.split(",") for line in out.read_text().splitlines()[1:]]
    assert len(rows) == 5 * quarters
    assert [row[2] for row in rows if row[0] == "z-a"] == [
        f"{start:%Y-%m-%dT%H:%M:%SZ}" for start in site.starts
    ]
    assert [row[3] for row in rows if row[0] == "z-a"] == [
        f"{energy / 1000:.3f}" for energy in site.energy_wh["z-a"]
    ]


def test_a_supply_over_new_year_2024_has_both_rates(stored, tmp_path):
    site = stored(simple("vat", date(2023, 12, 31), date(2024, 1, 2), vat_liable=True))
    for document in drafts(site, tmp_path / "out"):
        assert sorted(group["rate"] for group in document["vat"]) == ["7.7", "8.1"]


def test_a_hole_between_sheets_stops_the_site_and_no_other(stored, capsys):
    hole = [
        {"from": ALWAYS, "to": date(2026, 1, 2), "components": SIMPLE_PRICES},
        {"from": date(2026, 1, 2), "to": date(2026, 1, 3), "components": SIMPLE_PRICES},
    ]
    first, last = date(2026, 1, 1), date(2026, 1, 4)
    stored(simple("holed", first, last, sheets=hole))
    stored(simple("sound", first, last))
    assert bill(first, last, "--all") == 1
    out = capsys.readouterr().out
    assert "holed 2026-01-01 to 2026-01-04 (exclusive): nothing issued" in out
    assert "2026-01-03" in out
    assert "sound 2026-01-01 to 2026-01-04 (exclusive): 2 documents issued" in out


def test_solar_energy_before_the_first_agreement_is_not_silently_grid_energy(
    stored, tmp_path, capsys
):
    first, last = date(2026, 1, 1), date(2026, 1, 4)
    site = stored(simple("early", first, last))
    late = site.toml().replace(
        "[[community]]\nfrom = 2020-01-01", "[[community]]\nfrom = 2026-01-03"
    )
    file = tmp_path / "late.toml"
    file.write_text(late.replace("'early", "'late"))
    assert main(["site", "load", str(file)]) == 0
    curve = tmp_path / "early.csv"
    assert main(["import", "load-curve", str(curve), "--site", "late"]) == 0
    assert bill(first, last, "--site", "late", "--dry-run") == 1
    out = capsys.readouterr().out
    assert "no sharing agreement holds from 2026-01-01 to 2026-01-03 (exclusive)" in out
    assert bill(date(2026, 1, 3), last, "--site", "late", "--dry-run") == 0
