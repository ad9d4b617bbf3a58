"""Users: who may sign in.

A password is asked for on a terminal; elsewhere, or where it is left empty, one is generated and
printed once. It is never an argument: those can be read by every user of the machine.
"""

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from quartier.apps.parties.models import User
from quartier.apps.parties.operations import (
    Refused,
    add_rights,
    add_user,
    new_password,
    replace_password,
)
from quartier.apps.parties.queries import party_by_ref, users_with_parties
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
    one = actions.add_parser("password", help="another password for a user who lost it")
    one.add_argument("email")
    one.set_defaults(run=run_password)
    one = actions.add_parser("rights", help="a user acts for more parties, or sees all sites")
    one.add_argument("email")
    one.add_argument("--operator", action="store_true", help="sees all sites of the organisation")
    one.add_argument(
        "--party",
        metavar="REF",
        nargs="+",
        action="extend",
        default=[],
        help="the parties the user acts for too",
    )
    one.set_defaults(run=run_rights)
    one = actions.add_parser("list", help="everybody who may sign in, and for whom they act")
    one.set_defaults(run=run_list)


def run_add(args: argparse.Namespace) -> int:
    start.django()
    with _saying_why():
        organisation = organisation_of(args.organisation)
    parties = []
    for ref in args.party:
        party = party_by_ref(organisation, ref)
        if party is None:
            raise UserError(f"there is no party {ref!r} in organisation {organisation.ref!r}")
        parties.append(party)
    password, is_new = _password()
    with _saying_why():
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
    print(f"added user {user.email} to organisation {organisation.ref!r}")
    _show(password, is_new)
    return GOOD


def run_password(args: argparse.Namespace) -> int:
    start.django()
    password, is_new = _password()
    with _saying_why():
        user = replace_password(args.email, password, by=ACTOR, at=datetime.now(UTC))
    print(f"{user.email} has another password; all their sessions have ended")
    _show(password, is_new)
    return GOOD


def run_rights(args: argparse.Namespace) -> int:
    start.django()
    with _saying_why():
        user = add_rights(
            args.email,
            by=ACTOR,
            at=datetime.now(UTC),
            is_operator=args.operator,
            parties=args.party,
        )
    print(f"{user.email}: {_rights(user)}")
    return GOOD


def run_list(args: argparse.Namespace) -> int:  # noqa: ARG001
    start.django()
    users = users_with_parties()
    for user in users:
        print(f"{user.organisation.ref}  {user.email}  {_rights(user)}")
    if not users:
        print("nobody yet; add somebody with quartier user add EMAIL")
    return GOOD


@contextmanager
def _saying_why() -> Iterator[None]:
    """What is refused inside ends the command with its reason."""
    try:
        yield
    except Refused as reason:
        raise UserError(str(reason)) from None


def _rights(user: User) -> str:
    parts = ["operator"] if user.is_operator else []
    parts += sorted(party.ref for party in user.parties.all())
    signs_in = "" if user.has_usable_password() else " (has no password yet)"
    return (", ".join(parts) or "acts for nobody") + signs_in


def _password() -> tuple[str, bool]:
    """A password, and whether it was made here."""
    asked = _asked()
    return (asked, False) if asked else (new_password(), True)


def _show(password: str, is_new: bool) -> None:
    if is_new:
        print(f"password (shown only now): {password}")


def _asked() -> str:
    """The password typed twice on a terminal; empty elsewhere."""
    if not sys.stdin.isatty():
        return ""
    password = getpass.getpass("Password (empty: generate one): ")
    if password and getpass.getpass("Again: ") != password:
        raise UserError("the two passwords differ; try again")
    return password
