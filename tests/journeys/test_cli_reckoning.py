"""Random small sites billed by the command, and worked out again in fractions."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest

from quartier.cli import main
from tests.journeys import reckoning
from tests.journeys.small_sites import random_site

pytestmark = pytest.mark.db


def documents(site, folder):
    """The documents of a dry run by flat and first day."""
    asked = ["bill", "--site", site.ref, "--from", str(site.from_date), "--to", str(site.to_date)]
    assert main([*asked, "--dry-run", "--issued", "2031-01-01", "--out", str(folder)]) == 0
    out = {}
    for path in (folder / site.ref).iterdir():
        document = json.loads(path.read_text())
        first = date.fromisoformat(document["from_date"])
        out[document["place"]["billing_point_ref"], first] = document
    return out


def quantities(document):
    """Whole Wh by component, sheet and first day, of the lines that are energy."""
    lines = [line for section in document["sections"] for line in section["lines"]]
    return {
        (line["component"], line["sheet"], date.fromisoformat(line["from_date"])): line[
            "quantity_wh"
        ]
        for line in lines
        if line["quantity_wh"] is not None
    }


@pytest.mark.drill
@pytest.mark.parametrize("number", range(8))
def test_bills_are_what_the_rules_say(number, tmp_path, capsys, rng, drill_count):
    for n in range(drill_count(10, 1)):
        work_out_again(random_site(f"r{number}-{n}", Random(rng.random())), tmp_path, capsys)


def work_out_again(site, tmp_path, capsys):
    toml, curve = site.write(tmp_path)
    assert main(["site", "load", str(toml)]) == 0, capsys.readouterr()
    assert main(["import", "load-curve", str(curve), "--site", site.ref]) == 0, capsys.readouterr()
    expected = reckoning.bills(site)
    issued = documents(site, tmp_path / "out")
    assert issued.keys() == expected.keys()

    solar_wh = 0
    for key, bill in expected.items():
        document = issued[key]
        printed = quantities(document)
        assert printed.keys() == bill.wh.keys()
        for line, exact in bill.wh.items():
            # To the mWh in each quarter-hour, then once to the Wh.
            off = abs(printed[line] - exact)
            assert off < 1 + Fraction(len(site.starts), 1000), line
        assert document["energy"]["total_wh"] == bill.measured_wh
        solar_wh += document["energy"]["solar_wh"]
        owed = reckoning.total(bill, printed)
        assert Fraction(document["total"]) == owed, (document["total"], float(owed))
        sums = [Decimal(group["base"]) for group in document["vat"]]
        amounts = [Decimal(x["amount"]) for part in document["sections"] for x in part["lines"]]
        assert sum(sums) == sum(amounts) == Decimal(document["net"])
    shared = sum(sum(quarter.values()) for quarter in reckoning.shares(site))
    assert abs(solar_wh - shared) <= Fraction(1, 2) + Fraction(len(site.starts), 1000)
