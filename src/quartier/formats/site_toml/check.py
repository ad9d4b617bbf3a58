"""What is wrong across a site file: refs, dates, people, places, the community, the issuer.

Looks at all of it, also where parts are faulty already (None), so that one run names every fault.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from quartier.core.kernel.period import UnknownTimezone, timezone_of
from quartier.formats.qr_bill.characters import name_of, strangers
from quartier.formats.site_toml import tree
from quartier.formats.site_toml.check_equipment import check_equipment
from quartier.formats.site_toml.check_meters import check_meters
from quartier.formats.site_toml.check_prices import check_prices
from quartier.formats.site_toml.faults import Faults, Path
from quartier.formats.site_toml.prices import dates_of
from quartier.markets.ch.holidays import CANTONS
from quartier.markets.ch.iban import NotIban, iban_of
from quartier.markets.ch.uid import NotUid, uid_of

_SWISS_POSTCODE = re.compile(r"[1-9][0-9]{3}", re.ASCII)


def check(file: tree.SiteFile, faults: Faults, rules: Collection[str]) -> None:
    """Adds to ``faults`` all that is wrong. ``rules`` are the names of the sharing rules."""
    refs = Refs(faults)
    _refs(file, refs)
    if file.site is not None:
        _site(file.site, faults)
    for party in file.parties:
        _party(party, faults)
    _contacts(file, faults)
    _issuer(file, faults)
    for solution in file.solutions:
        dates_of(solution, faults)
    _solutions(file.solutions, faults)
    for point in file.billing_points:
        _occupancies(point, file, faults)
    _communities(file, faults, rules)
    check_meters(file, faults)
    check_equipment(file, faults)
    check_prices(file, faults)


class Refs:
    """The refs of a file: each once, and every mention of one leads somewhere."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults

    def once(self, what: str, items: Iterable[Any]) -> set[str]:
        """The refs of ``items``; a fault for each that is there already."""
        first: dict[str, Path] = {}
        for item in items:
            if item.ref is None:
                continue
            if item.ref in first:
                line = self.faults.line_of(first[item.ref])
                self.faults.add(
                    (*item.path, "ref"),
                    f"a {what} {item.ref!r} is already in line {line}.",
                    "Rename one of them.",
                )
            first.setdefault(item.ref, item.path)
        return set(first)

    def known(self, what: str, ref: str | None, refs: set[str], path: Path) -> None:
        """A fault where ``ref`` is none of ``refs``."""
        if ref and ref not in refs:
            close = get_close_matches(ref, refs, n=1)
            remedy = f"Did you mean {close[0]!r}?" if close else f"Add the {what}."
            self.faults.add(path, f"there is no {what} {ref!r}.", remedy)


def _refs(file: tree.SiteFile, refs: Refs) -> None:
    parties = refs.once("party", file.parties)
    buildings = refs.once("building", file.buildings)
    points = refs.once("billing point", file.billing_points)
    meters = refs.once("meter", file.meters)
    tariffs = refs.once("reference tariff", file.reference_tariffs)
    zones = refs.once("distribution zone", file.distribution_zones)
    for what, items in (
        ("plant", file.plants),
        ("battery", file.batteries),
        ("communication device", file.communication_devices),
        ("price sheet", file.price_sheets),
    ):
        refs.once(what, items)
    for stake in file.stakeholders:
        refs.known("party", stake.party, parties, (*stake.path, "party"))
    if file.issuer is not None:
        refs.known("party", file.issuer.party, parties, (*file.issuer.path, "party"))
    for point in file.billing_points:
        refs.known("building", point.building, buildings, (*point.path, "building"))
        for one in point.occupancies:
            refs.known("party", one.party, parties, (*one.path, "party"))
    for meter in file.meters:
        for part in meter.assignments:
            refs.known("billing point", part.billing_point, points, (*part.path, "billing_point"))
    owned: tuple[tree.Plant | tree.Battery, ...] = (*file.plants, *file.batteries)
    for item in owned:
        refs.known("meter", item.meter, meters, (*item.path, "meter"))
        refs.known("party", item.owner, parties, (*item.path, "owner"))
    for zone in file.distribution_zones:
        refs.known("distribution zone", zone.parent, zones, (*zone.path, "parent"))
        refs.known("meter", zone.consumption_meter, meters, (*zone.path, "consumption_meter"))
        for index, ref in enumerate(zone.dlm_meters or ()):
            refs.known("meter", ref, meters, (*zone.path, "dlm_meters", index))
    for sheet in file.price_sheets:
        refs.known("reference tariff", sheet.reference, tariffs, (*sheet.path, "reference"))
        for index, ref in enumerate(sheet.billing_points or ()):
            refs.known("billing point", ref, points, (*sheet.path, "billing_points", index))


def _site(site: tree.Site, faults: Faults) -> None:
    if site.timezone is not None:
        try:
            timezone_of(site.timezone)
        except UnknownTimezone as reason:
            faults.add((*site.path, "timezone"), f"{reason}.")
    if site.canton and site.country == "CH" and site.canton not in CANTONS:
        faults.add((*site.path, "canton"), f"{site.canton!r} is not a canton.", 'Write e.g. "ZH".')
    _postcode(site, faults)


def _party(party: tree.Party, faults: Faults) -> None:
    if party.uid:
        try:
            uid_of(party.uid)
        except NotUid as reason:
            faults.add((*party.path, "uid"), f"{reason}.")
    if party.correspondence == "email" and not party.email:
        faults.add(
            (*party.path, "correspondence"),
            "letters go by e-mail, but there is no address.",
            "Add email.",
        )
    for name in ("name", "street", "house_number", "postcode", "town"):
        odd = strangers(getattr(party, name) or "")
        if odd:
            shown = ", ".join(name_of(one) for one in odd)
            faults.add(
                (*party.path, name),
                f"a QR-bill cannot hold {shown}.",
                "Use Latin letters, digits and common signs.",
            )
    _postcode(party, faults)


def _postcode(place: tree.Site | tree.Party, faults: Faults) -> None:
    if place.country == "CH" and place.postcode and not _SWISS_POSTCODE.fullmatch(place.postcode):
        faults.add(
            (*place.path, "postcode"),
            f"{place.postcode!r} is not a Swiss postcode.",
            'Write four digits, e.g. "8005".',
        )


def _contacts(file: tree.SiteFile, faults: Faults) -> None:
    people: dict[str, tree.Contact] = {}
    for party in file.parties:
        seen: set[str] = set()
        for contact in party.contacts:
            if not contact.email:
                continue
            email = contact.email.lower()
            if email in seen:
                faults.add(contact.path, f"{email} is twice a contact of {party.ref!r}.")
            seen.add(email)
            same = people.setdefault(email, contact)
            if (same.name, same.language) != (contact.name, contact.language):
                line = faults.line_of(same.path)
                faults.add(
                    contact.path,
                    f"{email} has another name or language in line {line}.",
                    "Write the same in both places.",
                )


def _issuer(file: tree.SiteFile, faults: Faults) -> None:
    issuer = file.issuer
    if issuer is None:
        return
    if issuer.iban is not None:
        try:
            iban = iban_of(issuer.iban)
        except NotIban as reason:
            faults.add((*issuer.path, "iban"), f"{reason}.")
        else:
            if iban.is_qr and issuer.reference_type in ("SCOR", "NON"):
                faults.add(
                    (*issuer.path, "reference_type"),
                    f"{issuer.reference_type} needs a normal IBAN, and this is a QR-IBAN.",
                    'Write "QRR", or the normal IBAN of the account.',
                )
            if not iban.is_qr and issuer.reference_type == "QRR":
                faults.add(
                    (*issuer.path, "reference_type"),
                    "QRR needs a QR-IBAN, and this is a normal IBAN.",
                    'Write "SCOR" or "NON", or the QR-IBAN of the account.',
                )
    party = next((one for one in file.parties if one.ref == issuer.party), None)
    if issuer.vat_liable and party is not None and not party.uid:
        faults.add(
            (*issuer.path, "vat_liable"),
            f"the issuer is liable to VAT, but the party {party.ref!r} has no uid.",
            "Add its uid.",
        )


def _solutions(solutions: Sequence[tree.Solution], faults: Faults) -> None:
    whole = [one for one in solutions if one.from_date is not None and one.kind is not None]
    for earlier, later in _neighbours(whole, key=lambda one: (one.kind, one.from_date)):
        same = earlier.kind == later.kind
        if same and (earlier.to_date is None or earlier.to_date > later.from_date):
            line = faults.line_of(earlier.path)
            faults.add(
                (*later.path, "from"),
                f"{later.kind} already runs on {later.from_date} (line {line}).",
                "End the earlier one with 'to'.",
            )


def _neighbours(items: Sequence[Any], key: Any) -> Iterable[tuple[Any, Any]]:
    ordered = sorted(items, key=key)
    return pairwise(ordered)


def _occupancies(point: tree.BillingPoint, file: tree.SiteFile, faults: Faults) -> None:
    start = file.site.from_date if file.site else None
    owners = [one.party for one in file.stakeholders if one.role == "owner"]
    for one in point.occupancies:
        dates_of(one, faults)
        if one.vacant and one.party and one.party not in owners:
            faults.add(
                (*one.path, "party"),
                f"a vacancy falls to the owner, and {one.party!r} is none.",
                "Leave party out.",
            )
        if not one.vacant and one.party == "":
            faults.add(one.path, "names no party.", "Add party = ..., or vacant = true.")
        if start is not None and one.from_date is not None and one.from_date < start:
            faults.add(
                (*one.path, "from"),
                f"begins on {one.from_date}, before the site ({start}).",
                "Begin with the site, or let the site begin earlier.",
            )
    dated = [one for one in point.occupancies if one.from_date is not None]
    for earlier, later in _neighbours(dated, key=lambda one: one.from_date):
        if earlier.from_date == later.from_date or (earlier.to_date or date.min) > later.from_date:
            line = faults.line_of(earlier.path)
            faults.add(
                (*later.path, "from"),
                f"overlaps the occupancy from {earlier.from_date} in line {line}.",
                _way_out(later, dated),
            )
    if (
        start is not None
        and not owners
        and chain_of(point, start, "?") != chain_of(point, start, "")
    ):
        faults.add(
            point.path,
            "is vacant at times, and the site has no owner to whom that falls.",
            'Add a [[stakeholder]] with role = "owner".',
        )


def _way_out(later: tree.Occupancy, dated: Sequence[tree.Occupancy]) -> str:
    """From when on ``later`` would overlap no other."""
    free = later.from_date
    assert free is not None, "only dated occupancies are compared"
    others = [one for one in dated if one is not later]
    for one in sorted(others, key=lambda one: one.from_date or date.min):
        if one.from_date is not None and one.from_date <= free:
            if one.to_date is None:
                return "One begins where the other ends: give the earlier one a 'to'."
            free = max(free, one.to_date)
    if later.to_date is not None and later.to_date <= free:
        return "Leave one of them out."
    return f"Begin on {free}, the next free day, or end the earlier one before."


def chain_of(point: tree.BillingPoint, start: date, owner: str) -> tuple[tree.Occupancy, ...]:
    """The occupancies as a chain from the site's start: every gap is the vacancy of ``owner``.

    An occupancy without ``to`` lasts until the next begins.
    """
    dated = sorted(
        (one for one in point.occupancies if one.from_date is not None),
        key=lambda one: one.from_date,
    )
    chain: list[tree.Occupancy] = []
    free: date | None = start
    for one in dated:
        if free is not None and free < one.from_date:
            chain.append(_vacancy(free, owner, point.path))
        status = "owner" if one.vacant else one.status
        party = (one.party or owner) if one.vacant else one.party
        chain.append(replace(one, to_date=None, status=status, party=party))
        free = one.to_date
    if free is not None:
        chain.append(_vacancy(free, owner, point.path))
    return tuple(chain)


def _vacancy(day: date, owner: str, path: Path) -> tree.Occupancy:
    return tree.Occupancy(from_date=day, party=owner, status="owner", vacant=True, path=path)


def _communities(file: tree.SiteFile, faults: Faults, rules: Collection[str]) -> None:
    dated = [one for one in file.communities if one.from_date is not None]
    for earlier, later in _neighbours(dated, key=lambda one: one.from_date):
        if earlier.from_date == later.from_date:
            faults.add(
                (*later.path, "from"),
                f"line {faults.line_of(earlier.path)} begins on the same day.",
                "Keep one of them.",
            )
    for one in file.communities:
        if one.rule is None:
            continue
        if one.rule not in rules:
            close = get_close_matches(one.rule, rules, n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            faults.add(
                (*one.path, "rule"),
                f"there is no sharing rule {one.rule!r}.",
                f"{hint}There are: {', '.join(sorted(rules))}.",
            )
        if one.rule == "quota":
            _quotas(file, one, faults)


def _quotas(file: tree.SiteFile, community: tree.Community, faults: Faults) -> None:
    quotas = [one.quota for one in file.billing_points if one.quota is not None]
    if not quotas:
        faults.add(
            (*community.path, "rule"),
            "no billing point has a quota.",
            "Add quota = ... to the billing points, or choose another rule.",
        )
    if sum(quotas, Decimal(0)) > 1:
        faults.add(
            (*community.path, "rule"),
            f"the quotas sum to {sum(quotas, Decimal(0))}, which is more than 1.",
            "Write 0.25 for a quarter; all of them sum to 1 at most.",
        )
