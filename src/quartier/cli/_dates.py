"""Dates on the command line: local, the end exclusive."""

import argparse
from datetime import date

from quartier.cli._errors import UserError
from quartier.core.kernel.period import Dates

FIRST_YEAR = 1971
LAST_YEAR = 2100


def iso_date(text: str) -> date:
    """A date as YYYY-MM-DD, for argparse."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write 2026-01-31") from None


def add_range(parser: argparse.ArgumentParser) -> None:
    """``--from`` and ``--to``, both needed."""
    parser.add_argument("--from", dest="from_date", type=iso_date, required=True, metavar="DATE")
    parser.add_argument(
        "--to", dest="to_date", type=iso_date, required=True, metavar="DATE", help="exclusive"
    )


def range_of(args: argparse.Namespace) -> Dates:
    """The range of ``--from`` and ``--to``; raises :class:`UserError` where it is empty."""
    if args.to_date <= args.from_date:
        raise UserError(
            f"--to {args.to_date} is not after --from {args.from_date}; --to is the day after "
            "the last one"
        )
    if not FIRST_YEAR <= args.from_date.year <= args.to_date.year <= LAST_YEAR:
        raise UserError(
            f"--from {args.from_date} --to {args.to_date} is not between the years {FIRST_YEAR} "
            f"and {LAST_YEAR}; mend the dates"
        )
    return Dates(args.from_date, args.to_date)
