"""What ``quartier check`` looks at: readings against quarter-hours, the balance of a community,
quarantine, archive."""

from collections.abc import Iterator

from django.db.models import Max

from quartier.apps.equipment.models import Meter, Register
from quartier.apps.intake import archive, balance
from quartier.apps.intake.models import IntakeFile, Quarantine
from quartier.apps.intake.reconcile import Agreement, agreements
from quartier.apps.intake.sdat import AGGREGATE, said_by
from quartier.apps.metering.models import IntervalBlock
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, Severity, error, info, warning
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY, timezone_of
from quartier.formats.sdat import SdatError, read_message

_NEWEST_DAYS = 92
_NEWEST_E31 = 200


def check(site: Site) -> Iterator[Finding]:
    """The findings of one site."""
    yield from _registers(site)
    waiting = Quarantine.objects.filter(site=site, released_at=None)
    points = waiting.values("point").distinct().count()
    if points:
        yield warning(
            "intake.quarantine",
            f"series of {points} unknown meters wait in quarantine.",
            where=site.ref,
            remedy="Give a meter their metering point or serial number, and import again.",
        )
    lost = [
        sha256
        for sha256 in IntakeFile.objects.filter(site=site).values_list("sha256", flat=True)
        if not archive.path_of(sha256).exists()
    ]
    yield from _communities(site)
    if lost:
        yield error(
            "intake.archive",
            f"{len(lost)} received files are not in the archive, e.g. {archive.path_of(lost[0])}.",
            where=site.ref,
            remedy="Restore them from a backup.",
        )


def _communities(site: Site) -> Iterator[Finding]:
    """The newest shares of a community against each other and against its E31 messages."""
    shares = list(
        Register.objects.filter(site=site, part=Register.Part.COMMUNITY).values_list(
            "pk", flat=True
        )
    )
    if not shares:
        return
    last = IntervalBlock.objects.filter(site_id=site.pk, register_id__in=shares).aggregate(
        day=Max("day")
    )["day"]
    if last is not None:
        end = (last + 1) * SLOTS_PER_UTC_DAY
        yield from balance.between_members(site, end - _NEWEST_DAYS * SLOTS_PER_UTC_DAY, end)
    newest = IntakeFile.objects.filter(
        site=site, state=IntakeFile.State.IMPORTED, findings__code=AGGREGATE
    ).order_by("-message_created_at", "-id")
    said: list[balance.Said] = []
    for file in newest.distinct()[:_NEWEST_E31]:
        try:
            said += said_by(read_message(archive.fetch(file.sha256)), file.sha256)
        except (archive.ArchiveDamaged, SdatError) as problem:
            yield error("intake.archive", f"{problem}.", where=f"{site.ref}, {file.name}")
    yield from balance.against_e31(site, said)


def _registers(site: Site) -> Iterator[Finding]:
    curves = Meter.objects.filter(site=site, source=Meter.Source.CURVE)
    for meter in curves:
        found = agreements(site, meter)
        complete = [one for one in found if one.is_complete]
        for one in found:
            if not one.is_complete:
                yield _incomplete(site, one)
            elif not one.agrees:
                yield _wrong(site, one)
        if complete:
            good = sum(one.agrees for one in complete)
            yield info(
                "intake.registers",
                f"{good} of {len(complete)} complete periods between readings agree with the "
                "quarter-hours.",
                where=f"{site.ref}, {meter.ref}",
            )


def _incomplete(site: Site, one: Agreement) -> Finding:
    days = one.missing_days
    more = f" and {len(days) - 6} more days" if len(days) > 6 else ""
    return Finding(
        "intake.incomplete",
        Severity.WARNING,
        f"{_span(site, one)} is incomplete: no value on {', '.join(days[:6])}{more}.",
        f"{site.ref}, {one.meter} {one.direction}",
        one.starts_at,
        one.ends_at,
        "Import the grid operator's files for these days.",
    )


def _wrong(site: Site, one: Agreement) -> Finding:
    return Finding(
        "intake.registers_differ",
        Severity.ERROR,
        f"{_span(site, one)}: the register counted {one.register_wh / 1000:.1f} kWh (factor "
        f"{one.factor.normalize():f}), the quarter-hours are {one.interval_wh / 1000:.1f} kWh.",
        f"{site.ref}, {one.meter} {one.direction}",
        one.starts_at,
        one.ends_at,
        "Check the factor of the device and the imported files.",
    )


def _span(site: Site, one: Agreement) -> str:
    tz = timezone_of(site.timezone)
    return f"{one.starts_at.astimezone(tz):%Y-%m-%d} to {one.ends_at.astimezone(tz):%Y-%m-%d}"
