"""The rules of a site: its own, else those of its organisation, else the defaults."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from quartier.apps.alarms.models import AlarmRule
from quartier.apps.audit.operations import record
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from quartier.core.metering.alarms import LIMITS, Kind, Rule, default_rule


def rules_of(organisation: Organisation, site: Site | None = None) -> dict[Kind, Rule]:
    """The rule of each kind that holds on ``site``; without one, for all sites. One query."""
    wanted = Q(site=None) if site is None else Q(site=None) | Q(site=site)
    rules = {kind: default_rule(kind) for kind in Kind}
    rows = AlarmRule.objects.filter(wanted, organisation=organisation)
    for row in sorted(rows, key=lambda one: one.site_id is not None):
        rules[Kind(row.kind)] = _rule(row)
    return rules


def own_kinds(organisation: Organisation, site: Site | None) -> frozenset[Kind]:
    """The kinds for which ``site`` (None: the organisation) has a rule of its own."""
    rows = AlarmRule.objects.filter(organisation=organisation, site=site)
    return frozenset(Kind(kind) for kind in rows.values_list("kind", flat=True))


def set_rule(
    organisation: Organisation, site: Site | None, rule: Rule, *, at: datetime, actor: str
) -> None:
    """``rule`` holds on ``site``, or on all sites that have none of their own."""
    limits = dict(zip(("first_limit", "second_limit"), rule.limits, strict=False))
    with transaction.atomic():
        AlarmRule.objects.update_or_create(
            organisation=organisation,
            site=site,
            kind=rule.kind.value,
            defaults={
                "first_limit": None,
                "second_limit": None,
                **limits,
                "is_watched": rule.is_watched,
            },
        )
        record(
            "alarms.rule",
            actor,
            at=at,
            organisation_id=organisation.pk,
            site_id=site.pk if site else None,
            subject=rule.kind.value,
            data={"is_watched": rule.is_watched, "limits": list(rule.limits)},
        )


def drop_rule(
    organisation: Organisation, site: Site | None, kind: Kind, *, at: datetime, actor: str
) -> None:
    """The rule of the organisation, or the default, holds again."""
    with transaction.atomic():
        AlarmRule.objects.filter(organisation=organisation, site=site, kind=kind.value).delete()
        record(
            "alarms.rule_drop",
            actor,
            at=at,
            organisation_id=organisation.pk,
            site_id=site.pk if site else None,
            subject=kind.value,
        )


def _rule(row: AlarmRule) -> Rule:
    limits = (row.first_limit, row.second_limit)[: len(LIMITS[Kind(row.kind)])]
    assert None not in limits, f"the rule {row.pk} lacks a limit"
    return Rule(Kind(row.kind), row.is_watched, tuple(one for one in limits if one is not None))
