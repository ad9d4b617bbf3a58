"""Alarms: what is wrong with meters, gateways and sums.

A worker looks every five minutes by itself (``quartier worker``, and ``quartier serve`` has one);
``quartier alarms check`` looks now, sends what is to be told, and lists what is open.
"""

import argparse
import sys

from django.utils import timezone

from quartier.apps.alarms.delivery import deliver, waiting
from quartier.apps.alarms.models import Alarm
from quartier.apps.alarms.texts import kind_word, sentence
from quartier.apps.alarms.watching import watch_all
from quartier.cli import FINDINGS, GOOD

NEEDS_DJANGO = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("check", help="look at all sites now, and send what is to be told")
    one.set_defaults(run=run_check)
    one = actions.add_parser("list", help="the alarms that are open")
    one.set_defaults(run=run_list)


def run_check(args: argparse.Namespace) -> int:
    watched = watch_all(timezone.now())
    sent = deliver(timezone.now)
    print(
        f"sites: {watched.sites} looked at, {watched.quiet} of them quiet; "
        f"alarms: {len(watched.opened)} opened, {len(watched.ended)} ended; "
        f"messages: {sent.sent} sent, {waiting()} notices wait"
    )
    for ref in watched.failed:
        print(f"site {ref} could not be looked at; the log says why", file=sys.stderr)
    if sent.failed:
        print(
            f"a message could not be sent: {sent.failure}. It is tried again; check QUARTIER_SMTP",
            file=sys.stderr,
        )
    is_good = run_list(args) == GOOD and not (watched.failed or sent.failed)
    return GOOD if is_good else FINDINGS


def run_list(args: argparse.Namespace) -> int:  # noqa: ARG001
    rows = Alarm.objects.filter(ended_at=None).select_related("site")
    found = list(rows.order_by("site__ref", "opened_at", "pk"))
    for row in found:
        said = sentence(row.code, row.values, row.since, row.site.timezone, "en")
        about = (
            f"{kind_word(row.kind, 'en')}, {row.name}" if row.name else kind_word(row.kind, "en")
        )
        taken = f" Taken by {row.acknowledged_by}." if row.acknowledged_by else ""
        print(f"{row.severity}: {row.site.ref}: {about}: {said}{taken}")
    return FINDINGS if found else GOOD
