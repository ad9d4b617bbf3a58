"""Write invented quarter-hourly readings for zev-rosenweg.toml, to try Quartier without meters.

    python3 examples/invented_readings.py FROM TO OUT.csv

FROM and TO are dates in 2025 or later, TO exclusive. The same dates always give the same file,
and the file of February goes on where that of January ends. The grid meter counts what the flats
and the panels leave over, so the building balances. The flat 1og gets a new device on 18 March
2025, as in the site file.
"""

import csv
import math
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ZURICH = ZoneInfo("Europe/Zurich")
QUARTER = timedelta(minutes=15)
BEGIN = date(2025, 1, 1)
EXCHANGE_AT = datetime(2025, 3, 18, 10, 30, tzinfo=ZURICH)
OLD, NEW = "SDM-2208117", "SDM-2311920"
IMPORT, EXPORT = "1-1:1.8.0", "1-1:2.8.0"
FLATS = {"z-eg": (2600, 0.0), "z-1og": (3400, 1.7), "z-2og": (1900, 4.1)}
"""Use of a year in kWh, and what makes the flats differ."""


def made_wh(at: datetime) -> int:
    """What 11.4 kWp give in the quarter-hour: a bell over the day, by season and weather."""
    day, hour = at.timetuple().tm_yday, at.hour + at.minute / 60
    season = 0.55 - 0.45 * math.cos(2 * math.pi * (day - 10) / 365)
    clouds = 0.35 + 0.65 * abs(math.sin(day * 12.9898))
    bell = max(0.0, math.sin(math.pi * (hour - 7) / 11)) if 7 <= hour <= 18 else 0.0
    return round(11_400 * 0.7 * season * clouds * bell / 4)


def used_wh(at: datetime, kwh_per_year: int, phase: float) -> int:
    """What a flat uses in the quarter-hour: a base, a morning and an evening."""
    day, hour = at.timetuple().tm_yday, at.hour + at.minute / 60
    peaks = math.exp(-((hour - 7) ** 2) / 2) + 2 * math.exp(-((hour - 19) ** 2) / 4)
    mood = 1 + 0.3 * math.sin(day * 7.31 + phase) + 0.2 * math.sin(hour * 3 + phase)
    return round(kwh_per_year * 1000 / 35_040 * (0.5 + peaks) * mood / 0.97)


def readings(from_date: date, to_date: date) -> Iterator[tuple[str, str, str, str]]:
    """Meter, OBIS code, local time and kWh, for every counter and quarter-hour."""
    counters = dict.fromkeys([("netz", IMPORT), ("netz", EXPORT), ("pv", EXPORT)], 0)
    counters |= dict.fromkeys([(flat, IMPORT) for flat in FLATS], 0)
    writes_at, at, ends_at = (_midnight(day) for day in (from_date, BEGIN, to_date))
    while at <= ends_at:
        local = at.astimezone(ZURICH)
        for (meter, obis), wh in counters.items():
            name, value = meter, wh
            if meter == "z-1og":  # by the serial number, as there are two devices
                name = OLD if local < EXCHANGE_AT else NEW
                if local == EXCHANGE_AT:  # the old one is read for the last time, the new shows 0
                    if at >= writes_at:
                        yield OLD, obis, local.isoformat(), f"{wh / 1000:.3f}"
                    value = counters[meter, obis] = 0
            if at >= writes_at:
                yield name, obis, local.isoformat(), f"{value / 1000:.3f}"
        flats = {flat: used_wh(local, *traits) for flat, traits in FLATS.items()}
        used, made = sum(flats.values()), made_wh(local)
        for flat, wh in flats.items():
            counters[flat, IMPORT] += wh
        counters["pv", EXPORT] += made
        counters["netz", IMPORT] += max(used - made, 0)
        counters["netz", EXPORT] += max(made - used, 0)
        at += QUARTER


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), ZURICH).astimezone(UTC)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    with Path(sys.argv[3]).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["meter", "obis", "read_at", "value"])
        writer.writerows(readings(date.fromisoformat(sys.argv[1]), date.fromisoformat(sys.argv[2])))
