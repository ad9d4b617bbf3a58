"""``intervals estimate`` and ``intervals lock``: what a finding about a gap or a lock asks for."""

import argparse
import os
from datetime import UTC, datetime

from quartier.apps.equipment.models import Medium, Register
from quartier.apps.metering import store
from quartier.apps.metering.operations import BadEdit, fill_gaps, set_lock
from quartier.apps.sites.models import Site
from quartier.cli import GOOD, UserError
from quartier.cli._dates import add_range, iso_date, range_of
from quartier.cli._findings import exit_code, print_findings
from quartier.cli._progress import Progress
from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import timezone_of


def actor() -> str:
    """Who asks, for the trail."""
    return f"command line ({os.environ.get('USER') or 'unknown'})"


def add_estimate(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``intervals estimate``."""
    parser.add_argument("--site", required=True, metavar="REF")
    add_range(parser)
    parser.add_argument("--meter", metavar="REF", help="one meter only (default: all)")
    parser.add_argument("--reason", required=True, help="why the values are missing; kept")


def add_lock(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``intervals lock``."""
    parser.add_argument("--site", required=True, metavar="REF")
    parser.add_argument("--before", required=True, type=iso_date, metavar="DATE")
    parser.add_argument("--medium", choices=Medium.values, default=Medium.ELECTRICITY)
    parser.add_argument("--reason", default="", help="needed to move a lock back")


def estimate(site: Site, args: argparse.Namespace) -> int:
    """Fill gaps by the methods of rules.md f.3; known values stay."""
    slots = range_of(args).period(timezone_of(site.timezone)).slots
    registers = Register.objects.filter(site=site, meter__is_enabled=True).select_related("meter")
    if args.meter:
        registers = registers.filter(meter__ref=args.meter)
        if not registers.exists():
            raise UserError(f"site {site.ref} has no meter {args.meter!r} with a register")
    findings: list[Finding] = []
    filled = 0
    now = datetime.now(UTC)
    with Progress(registers.count(), "estimating") as progress:
        for register in registers:
            try:
                written, found = fill_gaps(
                    site, register, slots, actor=actor(), reason=args.reason, at=now
                )
            except (BadEdit, store.Locked, store.DamagedBlock) as problem:
                raise UserError(str(problem)) from None
            if written.filled:
                print(f"{register}: {written.filled} quarter-hours estimated")
            filled += written.filled
            findings.extend(found)
            progress.advance()
    print_findings(findings)
    print(f"{site.ref}: {filled} quarter-hours estimated, {len(findings)} gaps left")
    return exit_code(findings)


def lock(site: Site, args: argparse.Namespace) -> int:
    """Refuse changes of intervals before a date."""
    try:
        set_lock(
            site, args.medium, args.before, actor=actor(), at=datetime.now(UTC), reason=args.reason
        )
    except BadEdit as problem:
        raise UserError(f"{problem}; add --reason") from None
    print(f"{site.ref}: {args.medium} before {args.before} can no longer change")
    return GOOD
