"""A building by the minute, from the hours of real homes (src/quartier/cli/demo/NOTICE.md).

An hour's energy is spread over its four quarter-hours alike; inside a quarter-hour clouds and
appliances come and go by one seed, and the quarter-hour keeps its energy. Plain Python: the
controller's tests run where there is no NumPy.
"""

import csv
import gzip
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files

HOMES = ("H01", "H02", "H03", "H04", "H05", "H06")
HOME_SCALE = 0.35  # of the source's homes, which use 6,500 to 14,700 kWh a year
ROOF_KW = 15
ROOF_SCALE = 0.7  # 1,222 to 1,803 kWh a kW in the source
FIRST = datetime(2025, 8, 1, tzinfo=UTC)


@cache
def hours() -> list[tuple[float, float]]:
    """Household power and solar power in W of each hour of the year."""
    packed = files("quartier.cli.demo").joinpath("homes.csv.gz").read_bytes()
    rows = csv.DictReader(gzip.decompress(packed).decode().splitlines())
    return [
        (
            sum(float(row[name]) for name in HOMES) * HOME_SCALE,
            float(row["PV05"]) * ROOF_KW * ROOF_SCALE,
        )
        for row in rows
    ]


def minutes(first_day: int, days: int, seed: int) -> Iterator[tuple[datetime, float, float]]:
    """When, household power and solar power in W, for each minute of ``days``."""
    noise = random.Random(seed)
    cloud = 1.0
    for hour in range(first_day * 24, (first_day + days) * 24):
        load_w, solar_w = hours()[hour]
        for quarter in range(4):
            loads, suns = [], []
            kettle = noise.randrange(15) if noise.random() < 0.5 else -1
            for minute in range(15):
                if noise.random() < 0.12:
                    cloud = noise.choice((1.0, 1.0, 1.0, 0.35, 0.2, 0.6))
                suns.append(cloud * noise.uniform(0.97, 1.03))
                burst = 6.0 if kettle <= minute < kettle + 4 and kettle >= 0 else 1.0
                loads.append(burst * noise.uniform(0.9, 1.1))
            start = FIRST + timedelta(hours=hour, minutes=15 * quarter)
            for minute in range(15):
                yield (
                    start + timedelta(minutes=minute),
                    load_w * loads[minute] * 15 / sum(loads),
                    solar_w * suns[minute] * 15 / sum(suns),
                )
