"""Bill sites: compute, check and issue the documents of a period.

A site with any defect issues nothing and names them all; the other sites go on. What is issued
already is reported and left alone, so that a run that was cut off is simply started again. PDFs
are a separate step: ``quartier documents``.
"""

import argparse
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from quartier.apps.billing.operations import bill
from quartier.apps.billing.prepare import Prepared, prepare
from quartier.apps.sites.models import Site
from quartier.cli import FINDINGS, GOOD, UserError
from quartier.cli._dates import add_range, iso_date, range_of
from quartier.cli._findings import print_findings
from quartier.cli._progress import Progress
from quartier.cli._sites import add_sites, sites_of
from quartier.core.invoicing.frozen import freeze
from quartier.core.kernel.findings import has_errors
from quartier.core.kernel.period import Dates, timezone_of

NEEDS_DJANGO = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_sites(parser, "bill")
    add_range(parser)
    parser.add_argument(
        "--issued", type=iso_date, metavar="DATE", help="date of issue (default: today)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be issued; write nothing"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="with --dry-run: write the documents there as JSON"
    )


def run(args: argparse.Namespace) -> int:
    dates = range_of(args)
    if args.out and not args.dry_run:
        raise UserError("--out goes with --dry-run; issued documents come from: quartier documents")
    sites = sites_of(args)
    now = datetime.now(UTC)
    actor = f"command line ({os.environ.get('USER') or 'unknown'})"
    code = GOOD
    with Progress(len(sites), "billing") as progress:
        for site in sites:
            issued_date = args.issued or now.astimezone(timezone_of(site.timezone)).date()
            if args.dry_run:
                prepared = prepare(site, dates, known_at=now, issued_date=issued_date)
                _report(site, dates, prepared, len(prepared.drafts), "would be issued")
                if prepared.can_issue:
                    _list(site, prepared, args.out)
            else:
                prepared, invoices = bill(
                    site, dates, now=now, issued_date=issued_date, actor=actor
                )
                _report(site, dates, prepared, len(invoices), "issued")
            if has_errors(prepared.findings):
                code = FINDINGS
            progress.advance()
    return code


def _report(site: Site, dates: Dates, prepared: Prepared, count: int, done: str) -> None:
    total = sum((draft.document.total for draft in prepared.drafts), Decimal(0))
    refused = has_errors(prepared.findings)
    if refused:
        n = len(prepared.findings)
        print(f"{site.ref} {dates}: nothing issued, {n} finding{'s' if n > 1 else ''}")
    else:
        documents = f"{count} document{'s' if count > 1 else ''}"
        text = f"{documents} {done}, {total:.2f} {site.currency}" if count else "nothing new"
        print(f"{site.ref} {dates}: {text}")
    if prepared.issued:
        print(f"  {len(prepared.issued)} issued already and left alone")
    print_findings(prepared.findings, indent="  ")


def _list(site: Site, prepared: Prepared, folder: Path | None) -> None:
    """A line a document with its hash; the documents themselves go to ``folder``."""
    for draft in prepared.drafts:
        data, sha256 = freeze(draft.document)
        print(
            f"  {draft.point.ref} from {draft.holding.dates.from_date}, {draft.party.name}: "
            f"{draft.document.total:.2f} {draft.document.currency}, sha256 {sha256}"
        )
        if folder is not None:
            target = folder / site.ref
            target.mkdir(parents=True, exist_ok=True)
            name = f"{draft.point.ref}-{draft.holding.dates.from_date}.json"
            (target / name).write_bytes(data)
