"""How much work a run of the benchmark does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Sizes and numbers of runs. The names of the figures carry the full sizes; what a figure
    says beside its value is what was really done."""

    runs: int = 20
    households: tuple[int, int] = (50, 500)
    runs_of_largest: int = 20
    sites: tuple[int, int] = (10, 100)
    households_a_site: int = 50
    fleet_runs: int = 3
    printed_a_site: int = 10
    """Of how many households of each site the invoice is printed."""
    registers: int = 40
    live_registers: int = 1000
    loads: int = 5
    days_loaded: int = 365
    batches: int = 50
    days_sent: int = 365
    polls: int = 2000
    messages: int = 20_000
    """Of charging stations, in each run."""
    sessions: int = 50
    """Of a charging station, before the one that runs; ten times as many of another."""
    invoices: int = 20
    is_full: bool = True


FULL = Counts()
QUICK = Counts(
    runs=2,
    households=(2, 4),
    runs_of_largest=2,
    sites=(1, 2),
    households_a_site=2,
    fleet_runs=1,
    printed_a_site=1,
    registers=3,
    live_registers=5,
    loads=2,
    days_loaded=5,
    batches=3,
    days_sent=2,
    polls=20,
    messages=200,
    sessions=2,
    invoices=2,
    is_full=False,
)
"""Only shows that everything can be measured."""
