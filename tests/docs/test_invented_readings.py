"""The invented readings of the examples balance, and go on from one file to the next."""

import runpy
from datetime import date
from decimal import Decimal
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/invented_readings.py"
readings = runpy.run_path(str(EXAMPLE))["readings"]


def test_the_building_balances_and_uses_energy():
    first, last = {}, {}
    for meter, obis, at, kwh in readings(date(2025, 1, 1), date(2025, 1, 4)):
        first.setdefault((meter, obis), Decimal(kwh))
        last[meter, obis] = Decimal(kwh)
        assert at.endswith("+01:00")
    used = {key: last[key] - first[key] for key in last}
    sources = used["netz", "1-1:1.8.0"] + used["pv", "1-1:2.8.0"]
    flats = [value for (meter, _), value in used.items() if meter not in ("netz", "pv")]
    assert len(flats) == 3
    assert min(flats) > 5
    assert used["pv", "1-1:2.8.0"] > 1
    assert sources == sum(flats) + used["netz", "1-1:2.8.0"]


def test_a_file_goes_on_where_the_one_before_ends():
    days = [date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3)]
    whole = list(readings(days[0], days[2]))
    parts = [*readings(days[0], days[1]), *readings(days[1], days[2])]
    assert list(dict.fromkeys(parts)) == whole


def test_the_exchanged_device_is_read_at_its_removal_and_its_successor_begins_at_zero():
    rows = [
        (meter, kwh)
        for meter, _, at, kwh in readings(date(2025, 3, 18), date(2025, 3, 19))
        if at.startswith("2025-03-18T10:30") and meter.startswith("SDM-2")
    ]
    assert [meter for meter, _ in rows] == ["SDM-2208117", "SDM-2311920"]
    assert Decimal(rows[0][1]) > 100
    assert rows[1][1] == "0.000"
