"""Share the solar energy of a wide table of intervals.

Reads a CSV with one row an interval and writes one with who got what. The first column
is a label and is copied unread. Energies are kWh with a decimal point:

  C*_consumption   what a consumer used; at least one such column
  P*_production    what a plant produced; at least one, but none needed with balance

in any order; other columns are left alone. An empty cell: not a member in that row.
Each row stands for itself. Written are C*_solar and C*_grid for each consumer and
P*_surplus for each plant, with six decimals. A value finer than 0.000001 kWh is rounded
to it first, half to even; from there on each row sums exactly.

Rules: proportional, equal, quota, priority, balance. Parameters are a TOML file:

  quota      rest = "export" or "proportional"; table [shares] with C01 = 0.25 or "1/3"
  priority   table [levels] with C01 = 2; the higher level is served first
  balance    grid = "G_in", the column of what the grid meter counted;
             key = the rule that shares the rest, and that rule's parameters
  any rule   table [battery] with charge = "B_charge" and discharge = "B_discharge", two
             columns; adds battery_solar_charge, battery_grid_charge, battery_used and
             battery_surplus to what is written

Worked examples: docs/algorithms/allocation.md.
"""

import argparse
from pathlib import Path

from quartier.cli import UserError
from quartier.cli._findings import exit_code, print_findings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``IN.csv --rule NAME [--params FILE.toml] --out OUT.csv``."""
    parser.add_argument("input", type=Path, metavar="IN.csv", help="the table of energies")
    parser.add_argument("--rule", required=True, metavar="NAME", help="the sharing rule")
    parser.add_argument("--params", type=Path, metavar="FILE.toml", help="the rule's parameters")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT.csv")


def run(args: argparse.Namespace) -> int:
    """Share, write, and print what was noticed."""
    # NumPy is imported only now: --help does without it.
    from quartier.cli.allocate.share import share_table

    try:
        findings = share_table(args.input, args.rule, args.params, args.out)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: there is no such file") from error
    except (PermissionError, IsADirectoryError) as error:
        raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from error
    print_findings(findings)
    return exit_code(findings)
