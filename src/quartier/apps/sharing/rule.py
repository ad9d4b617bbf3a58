"""A community's sharing rule, completed by what its billing points say, and applied."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from quartier.apps.contracts.models import Community
from quartier.apps.sharing.sources import Sources
from quartier.apps.sites.models import BillingPoint, Site
from quartier.core.allocation import allocate
from quartier.core.invoicing.document import Input
from quartier.core.invoicing.frozen import sha256_of
from quartier.core.kernel.findings import Finding, warning
from quartier.core.metering.intervals import Energies

BALANCE = "balance"


def rule_of(community: Community, points: Iterable[BillingPoint]) -> tuple[str, dict[str, Any]]:
    """The rule's name and parameters: the community's, and levels and shares from the points."""
    parameters = dict(community.params)
    if community.rule == "priority" and "levels" not in parameters:
        parameters["levels"] = {point.ref: point.self_consumption_priority for point in points}
    if community.rule == "quota" and "shares" not in parameters:
        parameters["shares"] = {point.ref: str(point.quota or 0) for point in points}
    if community.is_balanced and community.rule != BALANCE:
        return BALANCE, {"key": community.rule, **parameters}
    return community.rule, parameters


def allocate_part(
    community: Community,
    points: Sequence[BillingPoint],
    consumption_mwh: Energies,
    production_mwh: Energies,
    first_slot: int,
    *,
    grid_in_mwh: Energies | None,
    charge_mwh: Energies | None,
    discharge_mwh: Energies | None,
) -> tuple[Energies, Energies, Energies]:
    """Solar energy by billing point [n, t]; used and surplus by plant [m, t].

    Raises ``core.allocation.AllocationError``.
    """
    rule, parameters = rule_of(community, points)
    result = allocate(
        consumption_mwh,
        production_mwh,
        rule,
        slots=first_slot,
        parameters=parameters,
        consumers=[point.ref for point in points],
        grid_in_mwh=grid_in_mwh if rule == BALANCE else None,
        charge_mwh=charge_mwh,
        discharge_mwh=discharge_mwh,
    )
    return result.solar_mwh, result.used_mwh, result.surplus_mwh


def community_input(community: Community, points: Iterable[BillingPoint]) -> Input:
    """The agreement as an input of the documents that rest on it, with the shares and levels
    that its billing points say."""
    facts = {
        "starts": community.starts_date,
        "kind": community.kind,
        "rule": community.rule,
        "params": rule_of(community, points)[1],
        "is_balanced": community.is_balanced,
        "cap_method": community.cap_method,
    }
    return Input("community", community.starts_date.isoformat(), sha256_of(facts))


def without_quota(site: Site, community: Community, sources: Sources) -> Iterator[Finding]:
    """Who has a meter and no quota where quotas are shared: they get no fixed part."""
    if community.rule != "quota" or "shares" in community.params:
        return
    refs = [one.ref for one in sources.points if one.quota is None and one.pk in sources.feeds]
    if refs:
        yield warning(
            "sharing.no_quota",
            f"Without a quota, and so without a fixed part of the solar energy: {', '.join(refs)}.",
            where=f"{site.ref}, community from {community.starts_date}",
            remedy="Give each a quota; one that gets nothing has the quota 0.",
        )
