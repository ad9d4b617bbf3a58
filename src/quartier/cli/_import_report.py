"""What an import did, on the terminal."""

from quartier.apps.intake.report import MeterResult, Report
from quartier.apps.sites.models import Site
from quartier.cli._findings import print_findings, printable
from quartier.core.kernel.period import slot_starts_at, timezone_of
from quartier.formats.load_curve import Preview

FINDINGS_SHOWN = 50


def print_report(report: Report, site: Site, unit: str = "quarter-hours") -> None:
    """Files, then what changed a meter, then what waits, then the findings."""
    words = {
        "imported": "imported",
        "known": "known already",
        "quarantined": "in quarantine",
        "other": "of another kind",
        "rejected": "rejected",
    }
    counts = [f"{count} {word}" for key, word in words.items() if (count := report.count(key))]
    print(f"{len(report.files)} files: {', '.join(counts)}")
    if report.meters:
        print_meters(list(report.meters.values()), site, unit)
    for ref in report.created_meters:
        print(f"made meter {ref}")
    if report.released:
        print(f"{report.released} series left the quarantine")
    for point, files in sorted(report.quarantined.items()):
        print(
            f"in quarantine: {printable(point)}, {files} files. Give a meter of the site this "
            "metering point or serial number and import again, or import with --create-meters"
        )
    for name in report.billed:
        print(f"already billed on values that changed: {name}")
    findings = report.findings
    print_findings(findings[:FINDINGS_SHOWN])
    if len(findings) > FINDINGS_SHOWN:
        print(f"and {len(findings) - FINDINGS_SHOWN} more findings")


def print_meters(results: list[MeterResult], site: Site, unit: str) -> None:
    """One line a register."""
    tz = timezone_of(site.timezone)

    def local(slot: int) -> str:
        return f"{slot_starts_at(slot).astimezone(tz):%Y-%m-%d %H:%M}"

    head = ("meter", "direction", "part", "from", "to", "new", "unchanged", "revised", "kept")
    rows = [
        (
            one.meter,
            one.direction,
            one.part,
            local(one.first_slot),
            local(one.end_slot),
            str(one.new),
            str(one.unchanged),
            str(one.revised),
            str(one.kept),
        )
        for one in sorted(results, key=lambda one: (one.meter, one.direction, one.part))
    ]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    print(f"{unit} by meter, times local ({site.timezone}):")
    for row in (head, *rows):
        cells = [
            cell.ljust(width) if i < 5 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip())


def print_previews(previews: list[Preview], site: Site) -> None:
    """What a file would bring, a curve at a time."""
    tz = timezone_of(site.timezone)
    for one in previews:
        print(
            f"{printable(one.meter)} {one.direction}: "
            f"{one.starts_at.astimezone(tz):%Y-%m-%d %H:%M} to "
            f"{one.ends_at.astimezone(tz):%Y-%m-%d %H:%M} local, {one.intervals} quarter-hours, "
            f"{one.energy_kwh:.3f} kWh, {one.gaps} gaps"
        )
        for point in one.first_rows:
            energy = "(none)" if point.energy_kwh is None else f"{point.energy_kwh:f} kWh"
            print(
                f"  {slot_starts_at(point.slot).astimezone(tz):%Y-%m-%d %H:%M}  {energy}  "
                f"{point.quality.word}"
            )
