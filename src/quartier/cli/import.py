"""Import meter data: SDAT-CH messages, load curves (CSV, XLSX), register readings.

A PATH is a file, a folder (with all below it) or a .zip or .tar.gz archive. What was imported
before changes nothing. A bad file is named and stops no other. The guide is in
docs/guides/import.md.
"""  # noqa: N999  (the command is called import)

import argparse
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from quartier.cli import FINDINGS, GOOD, UserError
from quartier.cli._progress import Progress

if TYPE_CHECKING:
    from quartier.apps.intake.report import Report
    from quartier.apps.intake.sources import Source
    from quartier.apps.sites.models import Site
    from quartier.formats.load_curve import Profile

NEEDS_DJANGO = True
ACTOR = "command line"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    sdat = kinds.add_parser("sdat", help="SDAT-CH E66 and E31 messages (XML)")
    _common(sdat)
    sdat.set_defaults(run=run_sdat)
    curve = kinds.add_parser("load-curve", help="load curves as CSV or XLSX, by a profile")
    _common(curve)
    curve.add_argument(
        "--profile",
        metavar="NAME|FILE.toml",
        help="how to read the table; without it the one shipped profile that fits",
    )
    curve.add_argument("--meter", metavar="REF", default="", help="of a file that names no meter")
    curve.add_argument(
        "--overwrite", action="store_true", help="replace known values (a revision each)"
    )
    curve.add_argument("--dry-run", action="store_true", help="only show what would be imported")
    curve.set_defaults(run=run_load_curve)
    readings = kinds.add_parser("readings", help="register readings as CSV or ESLBillingData XML")
    _common(readings)
    readings.add_argument("--meter", metavar="REF", default="", help="of files with one counter")
    readings.add_argument(
        "--factor",
        metavar="N",
        type=_factor,
        default=Decimal(1),
        help="CT/VT factor of devices that are made (default: 1)",
    )
    readings.add_argument(
        "--decimal", choices=(".", ","), default=".", help="decimal sign of a CSV (default: point)"
    )
    readings.set_defaults(run=run_readings)


def _factor(text: str) -> Decimal:
    try:
        factor = Decimal(text)
    except InvalidOperation:
        factor = Decimal(0)
    if not factor.is_finite() or not 0 < factor <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a factor; example: 3")
    return factor


def _path(text: str) -> Path:
    if not text:  # of a variable that is not set; an empty path would be the current folder
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(text)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", type=_path, nargs="+")
    parser.add_argument("--site", metavar="REF", required=True)
    parser.add_argument(
        "--create-meters", action="store_true", help="make a meter for each unknown one"
    )


def run_sdat(args: argparse.Namespace) -> int:
    """Import SDAT-CH messages."""
    from quartier.apps.intake.operations import import_sdat

    def work(site: "Site", files: "Iterable[Source]", on_file: Callable[[], None]) -> "Report":
        return import_sdat(
            site,
            files,
            by=ACTOR,
            at=datetime.now(UTC),
            create_meters=args.create_meters,
            on_file=on_file,
        )

    return _run(args, work, "quarter-hours")


def run_load_curve(args: argparse.Namespace) -> int:
    """Import load curves, or show their preview."""
    from quartier.apps.intake.operations import import_load_curves
    from quartier.cli._import_report import print_previews

    profile = _profile(args.profile)

    def work(site: "Site", files: "Iterable[Source]", on_file: Callable[[], None]) -> "Report":
        report, previews = import_load_curves(
            site,
            files,
            by=ACTOR,
            at=datetime.now(UTC),
            profile=profile,
            meter=args.meter,
            create_meters=args.create_meters,
            overwrite=args.overwrite,
            is_dry=args.dry_run,
            on_file=on_file,
        )
        if args.dry_run:
            print_previews(previews, site)
        return report

    return _run(args, work, "quarter-hours")


def run_readings(args: argparse.Namespace) -> int:
    """Import register readings."""
    from quartier.apps.intake.operations import import_readings

    def work(site: "Site", files: "Iterable[Source]", on_file: Callable[[], None]) -> "Report":
        return import_readings(
            site,
            files,
            by=ACTOR,
            at=datetime.now(UTC),
            create_meters=args.create_meters,
            meter=args.meter,
            factor=args.factor,
            decimal=args.decimal,
            on_file=on_file,
        )

    return _run(args, work, "readings")


def _run(
    args: argparse.Namespace,
    work: "Callable[[Site, Iterable[Source], Callable[[], None]], Report]",
    unit: str,
) -> int:
    from quartier.apps.intake.sources import NoSuchPath, count, sources
    from quartier.cli._import_report import print_report

    site = _site(args.site)
    try:
        total = count(args.paths)
        if not total:
            places = ", ".join(map(str, args.paths))
            raise UserError(f"there is no file in {places} (hidden ones are left out)")
        with Progress(total, "reading") as progress:
            report = work(site, sources(args.paths), progress.advance)
    except NoSuchPath as problem:
        raise UserError(str(problem)) from None
    print_report(report, site, unit)
    return FINDINGS if report.needs_attention else GOOD


def _profile(name: str | None) -> "Profile | None":
    from quartier.formats.load_curve import BadProfile, profile_of, shipped_profiles
    from quartier.formats.load_curve.profile import LONGEST

    if name is None:
        return None
    shipped = shipped_profiles()
    if name in shipped:
        return shipped[name]
    path = Path(name)
    if path.suffix != ".toml":
        raise UserError(f"there is no profile {name!r}; one of {', '.join(shipped)}, or FILE.toml")
    try:
        with path.open(encoding="utf-8") as stream:
            return profile_of(stream.read(LONGEST + 1), path.stem)
    except OSError as problem:
        raise UserError(f"{name} cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{name} is not encoded as UTF-8") from None
    except BadProfile as problem:
        raise UserError(str(problem)) from None


def _site(ref: str) -> "Site":
    from quartier.apps.sites.queries import NoSuchSite, site_by_ref

    try:
        return site_by_ref(ref)
    except NoSuchSite as problem:
        raise UserError(str(problem)) from None
