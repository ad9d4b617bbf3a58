"""Users: who may sign in.

A password is asked for on a terminal; elsewhere, or where it is left empty, one is generated and
printed once. It is never an argument: those can be read by every user of the machine.
"""

import argparse
import getpass
import sys
from datetime import UTC, datetime

from quartier.apps.parties.operations import Refused, add_user, new_password
from quartier.apps.parties.queries import party_by_ref
from quartier.cli import GOOD, UserError
from quartier.cli.site import ACTOR, organisation_of
from quartier.config import start

NEEDS_DJANGO = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("add", help="a new user, or a password for one that has none")
    one.add_argument("email")
    one.add_argument("--name", default="", help="first and last name")
    one.add_argument("--language", choices=("de", "fr", "it", "en"), default="de")
    one.add_argument("--operator", action="store_true", help="sees all sites of the organisation")
    one.add_argument(
        "--party",
        metavar="REF",
        nargs="+",
        action="extend",
        default=[],
        help="the parties the user acts for",
    )
    one.add_argument("--organisation", metavar="REF", help="needed where there are several")
    one.set_defaults(run=run_add)


def run_add(args: argparse.Namespace) -> int:
    start.django()
    try:
        organisation = organisation_of(args.organisation)
    except Refused as reason:
        raise UserError(str(reason)) from None
    parties = []
    for ref in args.party:
        party = party_by_ref(organisation, ref)
        if party is None:
            raise UserError(f"there is no party {ref!r} in organisation {organisation.ref!r}")
        parties.append(party)
    asked = _asked()
    password = asked or new_password()
    try:
        user = add_user(
            organisation,
            args.email,
            password,
            is_operator=args.operator,
            parties=parties,
            name=args.name,
            language=args.language,
            by=ACTOR,
            at=datetime.now(UTC),
        )
    except Refused as reason:
        raise UserError(str(reason)) from None
    print(f"added user {user.email} to organisation {organisation.ref!r}")
    if not asked:
        print(f"password (shown only now): {password}")
    return GOOD


def _asked() -> str:
    """The password typed twice on a terminal; empty elsewhere."""
    if not sys.stdin.isatty():
        return ""
    password = getpass.getpass("Password (empty: generate one): ")
    if password and getpass.getpass("Again: ") != password:
        raise UserError("the two passwords differ; try again")
    return password
