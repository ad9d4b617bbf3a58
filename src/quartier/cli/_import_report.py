"""What an import did, on the terminal."""

from quartier.apps.intake.report import MeterResult, Report
from quartier.apps.sites.models import Site
from quartier.cli._findings import print_findings
from quartier.core.kernel.period import slot_starts_at, timezone_of

FINDINGS_SHOWN = 50


def print_report(report: Report, site: Site, unit: str = "quarter-hours") -> None:
    """Files, then what changed a meter, then what waits, then the findings."""
    words = {"imported": "imported", "known": "known already", "quarantined": "in quarantine"}
    counts = [
        f"{report.count(outcome)} {word}"
        for outcome, word in (*words.items(), ("rejected", "rejected"))
        if report.count(outcome)
    ]
    print(f"{len(report.files)} files: {', '.join(counts)}")
    if report.meters:
        print_meters(list(report.meters.values()), site, unit)
    for ref in report.created_meters:
        print(f"made meter {ref}")
    if report.released:
        print(f"{report.released} series left the quarantine")
    for point, files in sorted(report.quarantined.items()):
        print(
            f"in quarantine: metering point {point}, {files} files. Give a meter of the site this "
            "metering point, or import again with --create-meters"
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
