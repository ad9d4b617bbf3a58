"""Run background jobs: billing many sites, documents, and alarms.

Any number of workers may run on any number of machines; each job is claimed by one of them. A
billing job that a killed worker left unfinished is gone on with a minute after its last sign of
life; what was issued is not issued again. Every five minutes one of them looks for alarms, and each
minute one makes charging sessions of what stations have said.
"""

import argparse

from quartier.cli import GOOD

NEEDS_DJANGO = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="end when no job is waiting")


def run(args: argparse.Namespace) -> int:
    from django.core.management import call_command
    from django.utils import timezone

    from quartier.apps.alarms import tasks as alarms
    from quartier.apps.charging import tasks as charging
    from quartier.apps.documents.tasks import resume
    from quartier.apps.metering import tasks as metering

    resume()
    for jobs in (alarms, charging, metering):
        jobs.queue(after=timezone.now())
    call_command("db_worker", batch=args.once, verbosity=0)
    return GOOD
