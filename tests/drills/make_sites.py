"""Make sites with random energy in the database of the environment: ``make_sites.py SITES
HOUSEHOLDS``. The bench's own maker, in a process of its own, so that a drill can kill others."""

import sys
from datetime import date

from quartier.config import start


def main(sites: int, households: int) -> None:
    start.django()
    from quartier.cli.bench._world import site_with
    from quartier.core.kernel.period import Dates

    for n in range(sites):
        site_with(households, f"s{n}", Dates(date(2026, 7, 1), date(2026, 7, 4)), seed=n + 1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
