"""The rows of received files, their findings, and which of them are known already."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from quartier.apps.intake.models import IntakeFile, IntakeFinding, Quarantine
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding


@dataclass
class Received:
    """One file of a run: what its row will say."""

    name: str
    sha256: str
    size: int
    state: str
    findings: list[Finding] = field(default_factory=list)
    message_created_at: datetime | None = None
    row: IntakeFile | None = None


def known(site: Site, kind: str, options: str, hashes: Iterable[str]) -> dict[str, IntakeFile]:
    """The rows of the files of ``hashes`` that the site has, by hash."""
    wanted = list(hashes)
    out: dict[str, IntakeFile] = {}
    for start in range(0, len(wanted), 500):
        rows = IntakeFile.objects.filter(
            site=site, kind=kind, options=options, sha256__in=wanted[start : start + 500]
        )
        out.update({row.sha256: row for row in rows})
    return out


def waiting_points(site: Site, rows: Iterable[IntakeFile]) -> dict[int, frozenset[str]]:
    """The metering points that wait in quarantine, by file; files without any are left out."""
    ids = [row.pk for row in rows]
    points: dict[int, set[str]] = {}
    for start in range(0, len(ids), 500):
        found = Quarantine.objects.filter(
            site=site, released_at=None, file__in=ids[start : start + 500]
        )
        for file_id, point in found.values_list("file_id", "point"):
            points.setdefault(file_id, set()).add(point)
    return {file_id: frozenset(names) for file_id, names in points.items()}


def save(
    site: Site, kind: str, options: str, received: Iterable[Received], at: datetime, by: str
) -> None:
    """Write the rows and findings of ``received``, and give each its row."""
    received = list(received)
    rows = [
        IntakeFile(
            site=site,
            kind=kind,
            options=options,
            sha256=one.sha256,
            name=one.name[-255:],
            size=one.size,
            state=one.state,
            received_at=at,
            received_by=by[:254],
            message_created_at=one.message_created_at,
        )
        for one in received
    ]
    IntakeFile.objects.bulk_create(
        rows,
        batch_size=200,
        update_conflicts=True,
        unique_fields=["site", "kind", "options", "sha256"],
        update_fields=["state", "name", "message_created_at"],
    )
    stored = known(site, kind, options, [one.sha256 for one in received])
    for one in received:
        one.row = stored[one.sha256]
    IntakeFinding.objects.filter(file__in=[one.row for one in received if one.row]).delete()
    save_findings(site, [(one.row, finding) for one in received for finding in one.findings], at)


def save_findings(
    site: Site, findings: Iterable[tuple[IntakeFile | None, Finding]], at: datetime
) -> None:
    """Keep findings, of a file or (None) of a whole run."""
    IntakeFinding.objects.bulk_create(
        [
            IntakeFinding(
                site=site,
                file=file,
                at=at,
                code=finding.code[:60],
                severity=finding.severity.value,
                message=finding.message,
                where=finding.where[:300],
                remedy=finding.remedy[:300],
            )
            for file, finding in findings
        ],
        batch_size=200,
    )
