"""Checks of the tables in docs/algorithms/metering.md."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from quartier.apps.intake.whole_curve import WholeCurve
from quartier.core.kernel.period import Dates, quarter_hours_of, slot_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.estimation import Delta, estimate
from quartier.core.metering.intervals import MISSING_WH, Series
from quartier.core.metering.registers import Device, Reading, delta_wh, intervals
from quartier.core.metering.virtual import combine, parse_rule
from quartier.formats.load_curve import Curve
from quartier.formats.load_curve.curves import Point

ZURICH = ZoneInfo("Europe/Zurich")
T0 = datetime(2026, 1, 5, tzinfo=UTC)
SLOT = slot_at(T0)


def _cells(text):
    return [cell.strip() for cell in text.split(",")]


def _after(minutes):
    return T0 + timedelta(minutes=float(minutes))


def _shown(energies, qualities):
    marks = {Quality.ESTIMATED: "e"}
    return [
        "-" if q == Quality.MISSING else f"{e}{marks.get(Quality(q), '')}"
        for e, q in zip(energies, qualities, strict=True)
    ]


def local_day(row):
    day = date.fromisoformat(row["local day"])
    period = Dates(day, day + timedelta(days=1)).period(ZURICH)
    assert quarter_hours_of(day, ZURICH) == int(row["quarter-hours"])
    assert f"{period.starts_at:%Y-%m-%dT%H:%MZ}" == row["UTC start"]
    assert f"{period.ends_at:%Y-%m-%dT%H:%MZ}" == row["UTC end"]


def local_month(row):
    dates = Dates(date.fromisoformat(row["from"]), date.fromisoformat(row["to (exclusive)"]))
    assert len(dates.period(ZURICH).slots) == int(row["quarter-hours"])


def two_readings(row):
    device = Device(
        "A",
        T0,
        factor=Decimal(row["factor"]),
        digits=int(row["digits"]) if row["digits"] else None,
    )
    start = Reading(T0, Decimal(row["start"]) * 1000)
    end = Reading(_after(15), Decimal(row["end"]) * 1000)
    energy, findings = delta_wh(
        start, end, device, Decimal(row["fuse A"]) if row["fuse A"] else None
    )
    assert ("none" if energy is None else str(energy)) == row["delta Wh"]
    assert ", ".join(finding.code for finding in findings) == row["finding"]


def series(row):
    pairs = [cell.split(":") for cell in _cells(row["readings"])]
    got, _ = intervals([Reading(_after(minute), Decimal(value)) for minute, value in pairs])
    lead = ["-"] * (got.first_slot - SLOT)
    assert lead + _shown(got.energies_wh, got.qualities) == _cells(row["quarter-hours"])


def finer(row):
    values = [Decimal(cell) if cell else None for cell in _cells(row["values"])]
    if row["source"] == "register":
        got, _ = intervals([Reading(_after(15 * i), value) for i, value in enumerate(values)])
        shown = _shown(got.energies_wh, got.qualities)
    else:
        points = tuple(
            Point(SLOT + i, None if value is None else value / 1000, Quality.MEASURED)
            for i, value in enumerate(values)
        )
        curve = WholeCurve(Curve("A", "import", points)).series(1, Decimal(0))
        shown = _shown(curve.energy_wh, curve.quality)
    assert shown == _cells(row["quarter-hours"])


def exchange(row):
    devices = [
        Device("A", T0, _after(36), is_new=False),
        Device("B", _after(36), is_new=False),
    ]
    readings = [
        Reading(_after(minute), Decimal(value), serial=serial)
        for minute, serial, value in (cell.split(":") for cell in _cells(row["readings"]))
    ]
    got, _ = intervals(readings, devices)
    assert _shown(got.energies_wh, got.qualities) == _cells(row["quarter-hours"])


def _arrays(text):
    values = [MISSING_WH if cell == "-" else int(cell) for cell in _cells(text)]
    energy = np.array(values, np.int64)
    return energy, np.where(energy == MISSING_WH, 0, 1).astype(np.uint8)


def virtual(row):
    terms = [(term.sign, *_arrays(row[term.ref])) for term in parse_rule(row["rule"])]
    energy, quality, findings = combine(terms, SLOT, "v")
    assert _shown(energy, quality) == _cells(row["result"])
    assert bool(findings) == any(e < 0 for e in energy[quality != 0])


def gap(row):
    energy, quality = _arrays(row["known"])
    slots = range(SLOT, SLOT + len(energy))
    counted = row["register counted"]
    deltas = [Delta(slots, int(counted))] if counted else []
    got, how, _ = estimate(Series(1, SLOT, energy, quality), ZURICH, deltas=deltas)
    assert _shown(got.energy_wh, np.minimum(got.quality, 1)) == _cells(row["filled"])
    assert ", ".join(one.method for one in how) == row["method"]
