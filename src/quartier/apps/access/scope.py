"""One layer answers who sees what. Portals and API read rows through it and through nothing else.

scope = Scope.of(request.user)
scope.sites()                          # the sites a user may open
scope.queryset(PriceSheet)             # rows of any model of ``table.TABLE``
scope.can(Permission.BILL, site)       # may the user do that there?
scope.dates_of(billing_point)          # local dates whose consumption the user may see
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from typing import TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, Q, QuerySet

from quartier.apps.access.permissions import BY_ROLE, OPERATOR, Permission
from quartier.apps.access.table import TABLE, Rule
from quartier.apps.contracts.models import Occupancy
from quartier.apps.parties.models import User
from quartier.apps.sites.models import BillingPoint, Site, Stakeholder
from quartier.core.kernel.period import Dates

Row = TypeVar("Row", bound=Model)
_ALWAYS = (Dates(date.min),)


class NotScoped(LookupError):
    """The model is not in the table, so nobody may list it."""


@dataclass(frozen=True, slots=True)
class Stay:
    """An own party holds a billing point over ``dates``."""

    site_id: int
    billing_point_id: int
    party_id: int
    dates: Dates


@dataclass(frozen=True, slots=True)
class Scope:
    """What one user may see. Nothing, where the user is a stranger, signed out or deactivated."""

    user_id: int | None
    organisation_id: int | None
    is_operator: bool
    party_ids: frozenset[int]
    roles: Mapping[int, frozenset[str]]
    """Site id to the roles of the user's parties there."""
    stays: tuple[Stay, ...]

    @classmethod
    def of(cls, user: User | AnonymousUser) -> "Scope":
        """The scope of ``user``, read from the database in three queries."""
        if isinstance(user, AnonymousUser) or not user.is_active:
            return cls(None, None, False, frozenset(), {}, ())
        parties = frozenset(user.contacts.values_list("party_id", flat=True))
        roles: dict[int, set[str]] = defaultdict(set)
        stakes = Stakeholder.objects.filter(party__in=parties)
        for site_id, role in stakes.values_list("site_id", "role"):
            roles[site_id].add(role)
        return cls(
            user.pk,
            user.organisation_id,
            user.is_operator,
            parties,
            {key: frozenset(value) for key, value in roles.items()},
            _stays(parties),
        )

    @property
    def is_stranger(self) -> bool:
        """Whether the user sees no site at all."""
        return not (self.is_operator or self.roles or self.stays)

    def sites(self) -> "QuerySet[Site]":
        """The sites the user may open; residents: those where they live or lived."""
        return self.queryset(Site)

    def queryset(self, model: type[Row]) -> "QuerySet[Row]":
        """The rows of ``model`` that the user may see. Raises :class:`NotScoped`."""
        rule = TABLE.get(model._meta.label)
        if rule is None:
            raise NotScoped(f"{model._meta.label} is not in quartier.apps.access.table")
        rows = model._default_manager.all()
        if self.user_id is None:
            return rows.none()
        if self.is_operator:
            mine = Q(**{rule.organisation: self.organisation_id})
        else:
            mine = self._as_stakeholder(rule) | self._as_resident(rule)
        if rule.user:
            mine |= Q(**{rule.user: self.user_id})
        found = rows.filter(mine) if mine else rows.none()
        joins_many = bool(rule.points) or "occupancies" in rule.site
        return found.distinct() if joins_many and not self.is_operator else found

    def can(self, permission: Permission | str, site: Site) -> bool:
        """Whether the user may do that on ``site``. A resident's own data need no permission."""
        wanted = Permission(permission)
        if self.is_operator and site.organisation_id == self.organisation_id:
            return wanted in OPERATOR
        return any(wanted in BY_ROLE[role] for role in self.roles.get(site.pk, ()))

    def dates_of(self, billing_point: BillingPoint) -> tuple[Dates, ...]:
        """The local dates whose consumption at ``billing_point`` the user may see: all for who
        may view the site, the own stays for a resident, none for others."""
        if self.can(Permission.VIEW, billing_point.site):
            return _ALWAYS
        return tuple(stay.dates for stay in self.stays if stay.billing_point_id == billing_point.pk)

    def _as_stakeholder(self, rule: Rule) -> Q:
        ids = [key for key, roles in self.roles.items() if roles & rule.roles]
        if not (rule.site and ids):
            return Q()
        mine = Q(**{f"{rule.site}__in": ids})
        return mine & ~Q(visibility="private") if rule.hides_private else mine

    def _as_resident(self, rule: Rule) -> Q:
        mine = Q()
        if rule.party and self.party_ids:
            mine |= Q(**{f"{rule.party}__in": self.party_ids})
        if rule.place and self.stays:
            mine |= Q(**{f"{rule.place}__in": {stay.billing_point_id for stay in self.stays}})
        if rule.home and rule.dates is None and self.stays:
            mine |= Q(**{f"{rule.home}__in": {stay.site_id for stay in self.stays}})
        elif rule.home and rule.dates is not None:
            for stay in self.stays:
                mine |= _at_home(rule, rule.dates, stay)
        return mine


def _at_home(rule: Rule, fields: tuple[str, str], stay: Stay) -> Q:
    first, end = fields
    mine = Q(**{rule.home: stay.site_id, f"{end}__gt": stay.dates.from_date})
    if stay.dates.to_date is not None:
        mine &= Q(**{f"{first}__lt": stay.dates.to_date})
    if rule.points:
        mine &= Q(**{rule.points: None}) | Q(**{rule.points: stay.billing_point_id})
    return mine


def _stays(parties: frozenset[int]) -> tuple[Stay, ...]:
    points = Occupancy.objects.filter(party__in=parties).values("billing_point")
    rows = list(
        Occupancy.objects.filter(billing_point__in=points)
        .select_related("billing_point")
        .order_by("billing_point", "starts_date")
    )
    stays = []
    for row, following in zip_longest(rows, rows[1:]):
        if row.party_id not in parties:
            continue
        follows = following is not None and following.billing_point_id == row.billing_point_id
        end = following.starts_date if follows and following is not None else None
        stays.append(
            Stay(
                row.billing_point.site_id,
                row.billing_point_id,
                row.party_id,
                Dates(row.starts_date, end),
            )
        )
    return tuple(stays)
