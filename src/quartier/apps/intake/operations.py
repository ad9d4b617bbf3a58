"""Use cases of intake."""

from collections.abc import Callable, Iterable
from datetime import datetime

from quartier.apps.audit.operations import record
from quartier.apps.intake.report import Report
from quartier.apps.intake.sdat import SdatImport
from quartier.apps.intake.sources import Source
from quartier.apps.sites.models import Site


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
