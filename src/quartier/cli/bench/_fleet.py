"""Many sites in a database of their own, made, billed and printed by fresh processes.

A fresh process, because the peak of memory is a process's, and because that is how people bill.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from quartier.cli._memory import keep_freed_memory, look_for_garbage_rarely
from quartier.cli.bench._counts import Counts
from quartier.cli.bench._figure import peak_mb

EMPTY = "empty.sqlite3"
DATABASE = "quartier.sqlite3"


def made(folder: Path, counts: Counts) -> Path:
    """A home with the sites, one more than the largest figure: the first warms a process up."""
    home = folder / "fleet"
    if not home.exists():
        home.mkdir()
        shutil.copyfile(folder / EMPTY, home / DATABASE)
        _process(home, "make", counts.sites[1] + 1, counts.households_a_site)
    return home


def billed(folder: Path, counts: Counts, sites: int) -> tuple[Path, dict[str, float]]:
    """A copy of that home with the first ``sites`` billed (after one unmeasured site), and what
    it took."""
    home = folder / "billed"
    if home.exists():
        shutil.rmtree(home)
    shutil.copytree(made(folder, counts), home)
    return home, _process(home, "bill", sites, counts.households_a_site)


def printed(folder: Path, counts: Counts) -> dict[str, float]:
    """What it took to print the invoices of the largest number of sites, billed here if the
    figures of billing have not left such a home."""
    sites = counts.sites[1]
    home = folder / "billed"
    if not home.exists():
        billed(folder, counts, sites)
    return _process(home, "print", sites, counts.printed_a_site)


def _process(home: Path, action: str, sites: int, households: int) -> dict[str, float]:
    environment = {**os.environ, "QUARTIER_HOME": str(home)}
    environment.pop("DATABASE_URL", None)
    words = [sys.executable, "-m", __name__, action, str(sites), str(households)]
    done = subprocess.run(
        words, env=environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


# -- inside the process ---------------------------------------------------------------------------


def _make(sites: int, households: int) -> dict[str, Any]:
    from quartier.cli.bench import _world as world

    for position in range(sites):
        world.site_with(households, f"s{position:03d}", seed=position)
    return {"sites": sites}


def _bill(sites: int, households: int) -> dict[str, Any]:
    from quartier.apps.billing.operations import bill
    from quartier.apps.sites.models import Site
    from quartier.cli.bench import _world as world
    from quartier.cli.bench._floor import read_and_allocate
    from quartier.core.kernel.period import timezone_of

    at_start_mb = peak_mb()
    rows = list(Site.objects.select_related("organisation").order_by("ref")[: sites + 1])
    issued_date = world.KNOWN_AT.date()

    def billed_all(of: Sequence[Site]) -> None:
        for site in of:
            prepared, invoices = bill(
                site, world.QUARTER, now=world.KNOWN_AT, issued_date=issued_date, actor="bench"
            )
            assert len(invoices) == households, prepared.findings

    billed_all(rows[:1])
    took = _took(lambda: billed_all(rows[1:]))
    took |= {"at_start_mb": at_start_mb, "peak_mb": peak_mb()}
    slots = world.QUARTER.period(timezone_of(rows[0].timezone)).slots
    floors = [read_and_allocate(site, slots) for site in rows[1:]]
    took["floor_s"] = _took(lambda: [work() for work in floors])["wall_s"]
    return took


def _print(sites: int, households: int) -> dict[str, Any]:
    from quartier.apps.billing.models import Invoice
    from quartier.apps.documents.operations import print_documents
    from quartier.apps.sites.models import Site
    from quartier.cli.bench import _world as world

    rows = list(Site.objects.order_by("ref")[: sites + 1])

    def printed_all(of: Sequence[Site]) -> int:
        done = 0
        for site in of:
            invoices = Invoice.objects.filter(site=site).select_related("organisation", "site")
            some = invoices.order_by("number")[:households]
            printed = print_documents(some.iterator(chunk_size=64), now=world.KNOWN_AT)
            assert not printed.findings, printed.findings
            done += len(printed.written)
        return done

    printed_all(rows[:1])
    took = _took(lambda: printed_all(rows[1:]))
    assert took["result"] == sites * households, "every invoice was printed now"
    took["peak_mb"] = peak_mb()
    return took


def _took(work: Callable[[], Any]) -> dict[str, Any]:
    cpu, started = time.process_time(), time.perf_counter()
    result = work()
    ended = time.perf_counter()
    return {
        "wall_s": ended - started,
        "cpu_s": time.process_time() - cpu,
        "result": result if isinstance(result, int) else None,
    }


def main(words: Sequence[str]) -> None:
    """Do one action in the home of the environment; its measures go to stdout as JSON."""
    action, sites, households = words
    from quartier.config.start import django

    keep_freed_memory()
    look_for_garbage_rarely()
    django()
    done = {"make": _make, "bill": _bill, "print": _print}[action](int(sites), int(households))
    json.dump(done, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
