"""Run background jobs: imports, billing runs, documents.

Any number of workers may run on any number of machines; each job is claimed by one of them.
"""

import argparse

from quartier.cli import GOOD

NEEDS_DJANGO = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="end when no job is waiting")


def run(args: argparse.Namespace) -> int:
    from django.core.management import call_command

    call_command("db_worker", batch=args.once, verbosity=0)
    return GOOD
