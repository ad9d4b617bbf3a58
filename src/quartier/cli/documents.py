"""Print issued documents: PDF invoices with the QR payment part and EN 16931 XML inside.

Every document whose period touches the range is printed once and kept below QUARTIER_HOME; what
is printed already is left alone. With --out, copies are laid into a folder as well, as
ORGANISATION/SITE/PERIOD/NUMBER.pdf.
"""

import argparse
import shutil
from datetime import UTC, datetime
from pathlib import Path

from quartier.apps.documents.files import write_whole
from quartier.apps.documents.operations import Printed, print_documents
from quartier.apps.documents.queries import issued_in, path_of
from quartier.apps.sites.models import Site
from quartier.cli import FINDINGS, GOOD, UserError
from quartier.cli._dates import add_range, range_of
from quartier.cli._findings import exit_code, print_findings
from quartier.cli._progress import Progress
from quartier.cli._sites import add_sites, sites_of
from quartier.core.kernel.period import Dates

NEEDS_DJANGO = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_sites(parser, "print")
    add_range(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="lay copies there as well")


def run(args: argparse.Namespace) -> int:
    dates = range_of(args)
    if args.out and args.out.exists() and not args.out.is_dir():
        raise UserError(f"{args.out} is a file; --out names a folder")
    sites = sites_of(args)
    counts = {site.pk: issued_in(site, dates).count() for site in sites}
    if not any(counts.values()):
        print(f"nothing was issued for {dates}; bill first: quartier bill")
        return FINDINGS
    code = GOOD
    with Progress(sum(counts.values()), "printing") as progress:
        for site in sites:
            code = max(code, _print_site(site, dates, args.out, progress))
    return code


def _print_site(site: Site, dates: Dates, out: Path | None, progress: Progress) -> int:
    invoices = issued_in(site, dates).select_related("organisation", "site")
    printed = print_documents(
        invoices.iterator(chunk_size=64), now=datetime.now(UTC), on_done=progress.advance
    )
    kept = f", {len(printed.kept)} were there" if printed.kept else ""
    print(f"{site.ref} {dates}: {len(printed.written)} PDFs written{kept}")
    print_findings(printed.findings, indent="  ")
    if out is not None:
        _copy(printed, out)
    return exit_code(printed.findings)


def _copy(printed: Printed, out: Path) -> None:
    for rendered in printed.all:
        source = path_of(rendered)
        target = out / rendered.path
        try:
            write_whole(target, source.read_bytes())
            shutil.copymode(source, target)
        except OSError as problem:
            raise UserError(f"cannot write {target}: {problem.strerror}") from None
    print(f"  {len(printed.all)} PDFs in {out}")
