"""Writing who and where: organisation, parties and their contacts, site, buildings, points."""

from quartier.apps.contracts.site_file.journal import Journal
from quartier.apps.parties.models import Contact, Organisation, Party, User
from quartier.apps.sites.models import BillingPoint, Building, Site, Stakeholder
from quartier.formats.site_toml import tree
from quartier.markets.ch.uid import uid_of

Parties = dict[str, Party]


def put_organisation(file: tree.SiteFile, journal: Journal) -> Organisation:
    """The organisation of the file."""
    one = file.organisation
    row = journal.put(
        Organisation, f"organisation {one.ref!r}", {"ref": one.ref}, {"name": one.name}
    )
    assert isinstance(row, Organisation)
    return row


def put_places(
    file: tree.SiteFile, organisation: Organisation, journal: Journal
) -> tuple[Site, Parties]:
    """The site with its people and places. Its start is written last, by :func:`start_site`."""
    parties = {one.ref: _party(one, organisation, journal) for one in file.parties}
    one = file.site
    names = ("name", "timezone", "country", "canton", "currency", "language", *_ADDRESS)
    site = journal.put(
        Site,
        f"site {one.ref!r}",
        {"organisation": organisation, "ref": one.ref},
        {name: getattr(one, name) for name in names},
    )
    for stake in file.stakeholders:
        journal.put(
            Stakeholder,
            f"{stake.role} {stake.party!r}",
            {"site": site, "party": parties[stake.party], "role": stake.role},
            {},
        )
    told = {(stake.party, stake.role) for stake in file.stakeholders}
    for row in Stakeholder.objects.filter(site=site).select_related("party"):
        if (row.party.ref, row.role) not in told:
            journal.kept.append(f"{row.role} {row.party.ref!r}")
    for house in file.buildings:
        journal.put(
            Building,
            f"building {house.ref!r}",
            {"site": site, "ref": house.ref},
            {name: getattr(house, name) for name in ("name", "egid", *_ADDRESS)},
        )
    buildings = {row.ref: row for row in Building.objects.filter(site=site)}
    for point in file.billing_points:
        _billing_point(point, site, buildings, journal)
    keep_named(journal, "building", buildings, file.buildings)
    points = BillingPoint.objects.filter(site=site).values_list("ref", flat=True)
    keep_named(journal, "billing point", points, file.billing_points)
    return site, parties


def start_site(file: tree.SiteFile, site: Site, journal: Journal) -> None:
    """The site's first date, once every place has a holder from then on."""
    if site.starts_date != file.site.from_date:
        was_new = f"site {site.ref!r}" in journal.created
        site.starts_date = file.site.from_date
        site.save(update_fields=["starts_date"])
        if not was_new:
            journal.changed.append(f"site {site.ref!r}: starts_date")


def keep_named(journal: Journal, what: str, stored: object, told: object) -> None:
    """Name every stored ref that the file does not have."""
    refs = {one.ref for one in told}  # type: ignore[attr-defined]
    journal.kept += [f"{what} {ref!r}" for ref in sorted(stored) if ref not in refs]  # type: ignore[call-overload]


_ADDRESS = ("street", "house_number", "postcode", "town")


def _party(one: tree.Party, organisation: Organisation, journal: Journal) -> Party:
    names = ("name", "kind", "extra", "country", "language", "email", "phone", "website")
    values = {name: getattr(one, name) for name in (*names, "correspondence", *_ADDRESS)}
    values["uid"] = uid_of(one.uid) if one.uid else ""
    keys = {"organisation": organisation, "ref": one.ref}
    party = journal.put(Party, f"party {one.ref!r}", keys, values)
    assert isinstance(party, Party)
    for contact in one.contacts:
        _contact(contact, party, journal)
    emails = {contact.email.lower() for contact in one.contacts}
    for row in Contact.objects.filter(party=party).select_related("user"):
        if row.user.email not in emails:
            journal.kept.append(f"contact {row.user.email} of {one.ref!r}")
    return party


def _contact(one: tree.Contact, party: Party, journal: Journal) -> None:
    email = one.email.lower()
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(
            email, party.organisation, None, name=one.name, language=one.language
        )
        journal.created.append(f"user {email}")
    elif user.organisation_id != party.organisation_id:
        journal.faults.add(
            (*one.path, "email"),
            f"the user {email} belongs to another organisation.",
            "Use another address.",
        )
        return
    keys, values = {"email": email}, {"name": one.name, "language": one.language}
    user = journal.put(User, f"user {email}", keys, values)
    what = f"contact {email} of {party.ref!r}"
    journal.put(Contact, what, {"party": party, "user": user}, {"role": one.role})


def _billing_point(
    one: tree.BillingPoint, site: Site, buildings: dict[str, Building], journal: Journal
) -> None:
    journal.put(
        BillingPoint,
        f"billing point {one.ref!r}",
        {"site": site, "ref": one.ref},
        {
            "building": buildings[one.building],
            "name": one.name,
            "kind": one.kind,
            "position": one.position,
            "area_m2": one.area_m2,
            "thousandths": one.thousandths,
            "is_active": one.active,
            "is_billed": one.billed,
            "in_statement": one.in_statement,
            "self_consumption_priority": one.priority,
            "quota": one.quota,
        },
    )
