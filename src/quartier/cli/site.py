"""Sites: create, list, load from a TOML file, write back.

``site load`` checks a whole file (docs/guides/site-file.md) and reports every fault with its
line; with any fault nothing is written. Loading a file twice changes nothing. ``site dump``
writes a stored site as such a file; comments of a file that was loaded are not kept.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from quartier.apps.contracts.site_file import Rejected, dump, load
from quartier.apps.parties.models import Organisation
from quartier.apps.parties.operations import Refused as NoOrganisation
from quartier.apps.parties.operations import default_organisation
from quartier.apps.sites.models import Site
from quartier.apps.sites.operations import Refused, create_site
from quartier.apps.sites.queries import NoSuchSite, site_by_ref
from quartier.cli import FINDINGS, GOOD, UserError
from quartier.cli._output import whole_file
from quartier.config import start
from quartier.formats.site_toml.read import LARGEST_BYTES

NEEDS_DJANGO = True
ACTOR = "command line"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("create", help="make a new, empty site")
    one.add_argument("ref", help="short name of the site: letters, digits, dot, dash, underscore")
    one.add_argument("--name", required=True, help="name of the site as people call it")
    one.add_argument("--timezone", default="Europe/Zurich", help="default: Europe/Zurich")
    one.add_argument("--organisation", metavar="REF", help="needed where there are several")
    one.set_defaults(run=run_create)
    one = actions.add_parser("list", help="the sites there are")
    one.set_defaults(run=run_list)
    one = actions.add_parser("load", help="read a whole site from a TOML file")
    one.add_argument("file", type=Path, help="the TOML file; - reads standard input")
    one.set_defaults(run=run_load)
    one = actions.add_parser("dump", help="write a site as a TOML file")
    one.add_argument("ref", help="the site, or ORGANISATION/SITE")
    one.add_argument("--out", type=Path, metavar="FILE", help="default: standard output")
    one.set_defaults(run=run_dump)


def run_create(args: argparse.Namespace) -> int:
    start.django()
    try:
        organisation = organisation_of(args.organisation)
        site = create_site(
            organisation,
            args.ref,
            args.name,
            timezone=args.timezone,
            by=ACTOR,
            at=datetime.now(UTC),
        )
    except (Refused, NoOrganisation) as reason:
        raise UserError(str(reason)) from None
    print(f"created site {site.ref!r} ({site.name}) in organisation {organisation.ref!r}")
    return GOOD


def organisation_of(ref: str | None) -> Organisation:
    """The organisation called ``ref``; without it the only one, made where there is none."""
    if ref is None:
        return default_organisation()
    found = Organisation.objects.filter(ref=ref).first()
    if found is None:
        known = ", ".join(Organisation.objects.values_list("ref", flat=True)[:10]) or "none yet"
        raise UserError(f"there is no organisation {ref!r}; there are: {known}")
    return found


def run_list(args: argparse.Namespace) -> int:  # noqa: ARG001
    start.django()
    for site in Site.objects.select_related("organisation").order_by("organisation__ref", "ref"):
        print(f"{site.organisation.ref}/{site.ref}  {site.name}")
    return GOOD


def run_load(args: argparse.Namespace) -> int:
    data = _read(args.file)
    start.django()
    try:
        outcome = load(data, by=ACTOR, at=datetime.now(UTC))
    except Rejected as rejected:
        for fault in rejected.faults:
            print(fault.in_file(str(args.file)), file=sys.stderr)
        number = sum(not fault.is_warning for fault in rejected.faults)
        faults = "1 fault" if number == 1 else f"{number} faults"
        raise UserError(f"{args.file}: {faults}; nothing was written") from None
    for word, lines in (
        ("created", outcome.created),
        ("changed", outcome.changed),
        ("removed", outcome.removed),
    ):
        for line in lines:
            print(f"{word} {line}")
    for line in outcome.kept:
        print(f"warning: kept {line}: it is not in {args.file}", file=sys.stderr)
    for fault in outcome.warnings:
        print(f"warning: {fault.in_file(str(args.file))}", file=sys.stderr)
    print(f"site {outcome.site.ref!r}: {outcome.summary}")
    return FINDINGS if outcome.kept or outcome.warnings else GOOD


def run_dump(args: argparse.Namespace) -> int:
    start.django()
    try:
        text = dump(site_by_ref(args.ref))
    except NoSuchSite as reason:
        raise UserError(str(reason)) from None
    if args.out is None:
        sys.stdout.write(text)
        return GOOD
    with whole_file(args.out) as stream:
        stream.write(text)
    return GOOD


def _read(path: Path) -> bytes:
    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(LARGEST_BYTES + 1)
        with path.open("rb") as stream:
            return stream.read(LARGEST_BYTES + 1)  # a larger one is refused by its size
    except FileNotFoundError:
        raise UserError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; name a TOML file") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
