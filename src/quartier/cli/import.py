"""Import meter data: SDAT-CH messages, load curves (CSV, XLSX), register readings.

A PATH is a file, a folder (with all below it) or a .zip or .tar.gz archive. What was imported
before changes nothing. A bad file is named and stops no other. The guide is in
docs/guides/import.md.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from quartier.cli import FINDINGS, GOOD, UserError
from quartier.cli._progress import Progress

if TYPE_CHECKING:
    from quartier.apps.sites.models import Site

NEEDS_DJANGO = True
ACTOR = "command line"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    sdat = kinds.add_parser("sdat", help="SDAT-CH E66 and E31 messages (XML)")
    _common(sdat)
    sdat.set_defaults(run=run_sdat)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", type=Path, nargs="+")
    parser.add_argument("--site", metavar="REF", required=True)
    parser.add_argument(
        "--create-meters", action="store_true", help="make a meter for each unknown one"
    )


def run_sdat(args: argparse.Namespace) -> int:
    from quartier.apps.intake.operations import import_sdat
    from quartier.apps.intake.sources import NoSuchPath, count, sources
    from quartier.cli._import_report import print_report

    site = _site(args.site)
    try:
        total = count(args.paths)
        with Progress(total, "reading") as progress:
            report = import_sdat(
                site,
                sources(args.paths),
                by=ACTOR,
                at=datetime.now(UTC),
                create_meters=args.create_meters,
                on_file=progress.advance,
            )
    except NoSuchPath as problem:
        raise UserError(str(problem)) from None
    if not report.files:
        raise UserError(f"there is no file in {', '.join(map(str, args.paths))}")
    print_report(report, site)
    return FINDINGS if report.needs_attention else GOOD


def _site(ref: str) -> "Site":
    from quartier.apps.sites.queries import NoSuchSite, site_by_ref

    try:
        return site_by_ref(ref)
    except NoSuchSite as problem:
        raise UserError(str(problem)) from None
