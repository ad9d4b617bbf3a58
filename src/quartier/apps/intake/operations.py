"""Use cases of intake."""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal

from quartier.apps.audit.operations import record
from quartier.apps.intake.load_curves import LoadCurveImport
from quartier.apps.intake.readings import ReadingsImport
from quartier.apps.intake.report import Report
from quartier.apps.intake.sdat import SdatImport
from quartier.apps.intake.sources import Source
from quartier.apps.sites.models import Site
from quartier.formats.load_curve import Preview, Profile


def _nothing() -> None:
    """Nobody watches."""


def import_sdat(
    site: Site,
    sources: Iterable[Source],
    *,
    by: str,
    at: datetime,
    create_meters: bool = False,
    on_file: Callable[[], None] = _nothing,
) -> Report:
    """Import SDAT-CH messages; ``at`` is when they were received.

    Each file is archived before it is used. A file that was imported before changes nothing; a
    bad one is rejected whole and stops no other. Series of unknown metering points wait in
    quarantine, unless ``create_meters`` makes meters for them. Quarantined series whose meter is
    there by now are imported too.
    """
    run = SdatImport(site, at, by, create_meters, on_file=on_file)
    run.release()
    report = run.run(sources)
    _record(site, "intake.sdat", report, by, at)
    return report


def import_load_curves(
    site: Site,
    sources: Iterable[Source],
    *,
    by: str,
    at: datetime,
    profile: Profile | None = None,
    meter: str = "",
    create_meters: bool = False,
    overwrite: bool = False,
    is_dry: bool = False,
    on_file: Callable[[], None] = _nothing,
) -> tuple[Report, list[Preview]]:
    """Import load curves by ``profile`` (None: the one shipped profile that fits the file).

    Values that are known are kept unless ``overwrite``. A file with a bad row is rejected whole,
    all its bad rows named. With ``is_dry`` nothing is written: that is the preview.
    """
    run = LoadCurveImport(
        site, at, by, profile, meter, create_meters, overwrite, is_dry, on_file=on_file
    )
    report = run.run(sources)
    if not is_dry:
        _record(site, "intake.load_curve", report, by, at)
    return report, run.previews


def import_readings(
    site: Site,
    sources: Iterable[Source],
    *,
    by: str,
    at: datetime,
    create_meters: bool = False,
    meter: str = "",
    factor: Decimal = Decimal(1),
    decimal: str = ".",
    on_file: Callable[[], None] = _nothing,
) -> Report:
    """Import register readings: ESLBillingData or CSV, told apart by their content.

    ``meter`` is whose the files are if they hold one counter; ``factor`` the CT/VT factor of a
    device that is made. A reading that is known already is not changed.
    """
    run = ReadingsImport(site, at, by, create_meters, meter, factor, decimal, on_file=on_file)
    report = run.run(sources)
    _record(site, "intake.readings", report, by, at)
    return report


def release_quarantine(site: Site, *, by: str, at: datetime) -> Report:
    """Import the quarantined series whose metering point a meter of the site has by now."""
    run = SdatImport(site, at, by)
    run.release()
    report = run.run([])
    if report.released:
        _record(site, "intake.release", report, by, at)
    return report


def _record(site: Site, action: str, report: Report, by: str, at: datetime) -> None:
    record(
        action,
        by,
        at=at,
        organisation_id=site.organisation_id,
        site_id=site.pk,
        subject=site.ref,
        data={
            "files": len(report.files),
            "rejected": report.count("rejected"),
            "new": sum(result.new for result in report.meters.values()),
            "revised": sum(result.revised for result in report.meters.values()),
        },
    )
