"""Loading: check everything, then write everything, or nothing."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.contracts.site_file.agreements import put_agreements
from quartier.apps.contracts.site_file.equipment import put_equipment
from quartier.apps.contracts.site_file.journal import Journal
from quartier.apps.contracts.site_file.places import put_organisation, put_places, start_site
from quartier.apps.sites.models import Site
from quartier.core.allocation import AllocationError, rule_called, rules
from quartier.formats.site_toml import tree
from quartier.formats.site_toml.check import check
from quartier.formats.site_toml.faults import Fault, Faults
from quartier.formats.site_toml.read import parse


class Rejected(Exception):
    """The file has faults; ``faults`` lists all of them, and nothing was written."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__(f"{len(faults)} faults")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What loading did. ``kept`` names what is stored and not in the file; ``warnings`` are
    faults that do not keep the file from being loaded."""

    site: Site
    created: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    warnings: tuple[Fault, ...]

    @property
    def summary(self) -> str:
        """One line: how much was created, changed and removed."""
        text = f"{len(self.created)} created, {len(self.changed)} changed"
        return text + (f", {len(self.removed)} removed" if self.removed else "")


def load(data: bytes, *, by: str, at: datetime) -> Outcome:
    """Load the site file in ``data``. Loading it again changes nothing.

    Raises :class:`Rejected` with every fault at once; then nothing was written.
    """
    parsed = parse(data)
    faults = parsed.faults
    if parsed.tree is None:
        raise Rejected(faults.found)
    check(parsed.tree, faults, rules())
    _check_rules(parsed.tree, faults)
    if faults.has_errors:
        raise Rejected(faults.found)
    with transaction.atomic():
        journal = Journal(faults)
        site = _write(parsed.tree, journal)
        if faults.has_errors:
            raise Rejected(faults.found)
        outcome = Outcome(
            site,
            tuple(journal.created),
            tuple(journal.changed),
            tuple(journal.removed),
            tuple(journal.kept),
            faults.found,
        )
        if journal.created or journal.changed or journal.removed:
            record(
                "site.load",
                by,
                at=at,
                organisation_id=site.organisation_id,
                site_id=site.pk,
                subject=site.ref,
                data={
                    "created": journal.created,
                    "changed": journal.changed,
                    "removed": journal.removed,
                },
            )
    return outcome


def _write(file: tree.SiteFile, journal: Journal) -> Site:
    organisation = put_organisation(file, journal)
    site, parties = put_places(file, organisation, journal)
    put_equipment(file, site, parties, journal)
    put_agreements(file, site, parties, journal)
    start_site(file, site, journal)
    return site


def _check_rules(file: tree.SiteFile, faults: Faults) -> None:
    """The parameters of each sharing rule, by the rule itself, for the points there are."""
    points = [one for one in file.billing_points if one.ref is not None and one.active]
    names = [one.ref for one in points]
    for one in file.communities:
        if one.rule not in rules() or not names:
            continue
        parameters = dict(one.params or {})
        if one.rule == "quota":
            parameters["shares"] = {p.ref: p.quota or 0 for p in points}
        if one.rule == "priority":
            parameters["levels"] = {p.ref: p.priority or 0 for p in points}
        try:
            rule_called(one.rule).settings(parameters, names)
        except AllocationError as reason:
            faults.add((*one.path, "params"), f"{reason}.")
