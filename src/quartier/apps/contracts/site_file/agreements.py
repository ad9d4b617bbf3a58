"""Writing what was agreed: occupancies, issuer, solutions, community, tariffs and prices."""

from datetime import date
from typing import Any

from quartier.apps.contracts.mapping import ReferenceTariff as StoredTariff
from quartier.apps.contracts.mapping import content_of
from quartier.apps.contracts.models import (
    Community,
    Issuer,
    Occupancy,
    PriceSheet,
    ReferenceTariff,
    Solution,
)
from quartier.apps.contracts.operations import refuse_billed_prices
from quartier.apps.contracts.protection import Billed, refuse_billed
from quartier.apps.contracts.site_file.chains import put_chain
from quartier.apps.contracts.site_file.journal import Journal
from quartier.apps.contracts.site_file.places import Parties, keep_named
from quartier.apps.sites.models import BillingPoint, Site
from quartier.formats.site_toml import tree
from quartier.formats.site_toml.check import chain_of
from quartier.formats.site_toml.check_prices import check_prices, standards_of
from quartier.markets.ch.iban import iban_of


def put_agreements(file: tree.SiteFile, site: Site, parties: Parties, journal: Journal) -> None:
    """All that holds over dates."""
    points = {row.ref: row for row in BillingPoint.objects.filter(site=site)}
    _occupancies(file, points, parties, journal)
    _issuer(file, site, parties, journal)
    _solutions(file, site, journal)
    _communities(file, site, journal)
    _tariffs(file, site, journal)
    _sheets(file, site, points, journal)


def _occupancies(
    file: tree.SiteFile,
    points: dict[str, BillingPoint],
    parties: Parties,
    journal: Journal,
) -> None:
    owners = sorted(one.party for one in file.stakeholders if one.role == "owner")
    owner = owners[0] if owners else ""
    for point in file.billing_points:
        chain = chain_of(point, file.site.from_date, owner)
        row = points[point.ref]

        def guard(day: date, row: BillingPoint = row) -> None:
            refuse_billed([row.pk], day, f"A move at {row.name}")

        put_chain(
            journal,
            Occupancy.objects.filter(billing_point=row),
            f"occupancy of {point.ref!r}",
            {
                one.from_date: {
                    "party": parties[one.party],
                    "status": one.status,
                    "is_vacant": one.vacant,
                }
                for one in chain
            },
            {"billing_point": row},
            {one.from_date: one.path for one in chain},
            guard,
            keeps_earlier=True,
        )


def _issuer(file: tree.SiteFile, site: Site, parties: Parties, journal: Journal) -> None:
    one = file.issuer
    if one is None:
        row = Issuer.objects.filter(site=site).first()
        if row is not None:
            journal.kept.append("the issuer")
        return
    journal.put(
        Issuer,
        "the issuer",
        {"site": site},
        {
            "party": parties[one.party],
            "iban": iban_of(one.iban).text,
            "reference_type": one.reference_type,
            "vat_liable": one.vat_liable,
            "payment_days": one.payment_days,
            "number_prefix": one.number_prefix,
        },
    )


def _solutions(file: tree.SiteFile, site: Site, journal: Journal) -> None:
    for one in sorted(file.solutions, key=lambda solution: solution.from_date):
        journal.put(
            Solution,
            f"solution {one.kind!r} from {one.from_date}",
            {"site": site, "kind": one.kind, "starts_date": one.from_date},
            {"frequency": one.frequency, "label": one.label, "ends_date": one.to_date},
        )
    told = {(one.kind, one.from_date) for one in file.solutions}
    for row in Solution.objects.filter(site=site):
        if (row.kind, row.starts_date) not in told:
            journal.kept.append(f"solution {row.kind!r} from {row.starts_date}")


def _communities(file: tree.SiteFile, site: Site, journal: Journal) -> None:
    if not file.communities:
        for row in Community.objects.filter(site=site):
            journal.kept.append(f"community from {row.starts_date}")
        return
    points = list(BillingPoint.objects.filter(site=site).values_list("id", flat=True))

    def guard(day: date) -> None:
        refuse_billed(points, day, "A change of how energy is shared")

    put_chain(
        journal,
        Community.objects.filter(site=site),
        "community",
        {one.from_date: community_values(one) for one in file.communities},
        {"site": site},
        {one.from_date: one.path for one in file.communities},
        guard,
    )


def community_values(one: tree.Community) -> dict[str, Any]:
    """The fields of a community's row."""
    costs: dict[str, Any] = {}
    if one.costs is not None:
        for name in tree.keys_of(tree.Costs):
            value = getattr(one.costs, name)
            costs[name] = value if isinstance(value, str | int) else format(value, "f")
    return {
        "kind": one.kind,
        "rule": one.rule,
        "params": one.params or {},
        "is_balanced": one.balanced,
        "cap_method": one.cap_method,
        "costs": costs,
    }


def _tariffs(file: tree.SiteFile, site: Site, journal: Journal) -> None:
    standards = standards_of(file, journal.faults)
    for one in file.reference_tariffs:
        standard = standards[one.ref]
        content, sha256 = content_of(StoredTariff(standard.reference, standard.windows))
        journal.put(
            ReferenceTariff,
            f"reference tariff {one.ref!r}",
            {"site": site, "ref": one.ref},
            {
                "title": one.title,
                "starts_date": one.from_date,
                "ends_date": one.to_date,
                "content": content,
                "sha256": sha256,
            },
        )
    refs = ReferenceTariff.objects.filter(site=site).values_list("ref", flat=True)
    keep_named(journal, "reference tariff", refs, file.reference_tariffs)


def _sheets(
    file: tree.SiteFile, site: Site, points: dict[str, BillingPoint], journal: Journal
) -> None:
    values = check_prices(file, journal.faults)
    for one in file.price_sheets:
        sheet = values[one.ref]
        content, sha256 = content_of(sheet)
        wanted = {points[ref].pk for ref in one.billing_points}
        row = PriceSheet.objects.filter(site=site, ref=one.ref).first()
        had = set(row.billing_points.values_list("id", flat=True)) if row else set()
        if row is not None and (row.sha256 != sha256 or had != wanted):
            try:
                refuse_billed_prices(row, sheet, wanted)
            except Billed as reason:
                journal.refuse(one.path, reason)
                continue
        what = f"price sheet {one.ref!r}"
        stored = journal.put(
            PriceSheet,
            what,
            {"site": site, "ref": one.ref},
            {
                "title": one.title,
                "starts_date": one.from_date,
                "ends_date": one.to_date,
                "content": content,
                "sha256": sha256,
            },
        )
        if had != wanted:
            stored.billing_points.set(wanted)
            if row is not None:
                journal.changed.append(f"{what}: billing_points")
    refs = PriceSheet.objects.filter(site=site).values_list("ref", flat=True)
    keep_named(journal, "price sheet", refs, file.price_sheets)
