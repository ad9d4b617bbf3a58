"""A small site with two flats, for the tests of the apps."""

from dataclasses import dataclass
from datetime import date

import pytest

JANUARY = date(2025, 1, 1)


@dataclass
class Small:
    """Rows of a site that begins on 2025-01-01, with an owner and two flats without holder."""

    organisation: object
    site: object
    building: object
    owner: object
    anna: object
    beat: object
    flat: object
    other_flat: object
    stranger_organisation: object
    stranger_party: object


@pytest.fixture
def small(db):
    """The small site, fresh in the database."""
    from quartier.apps.parties.models import Organisation, Party
    from quartier.apps.sites.models import BillingPoint, Building, Site, Stakeholder

    def party(organisation, ref, name):
        return Party.objects.create(
            organisation=organisation, ref=ref, name=name, postcode="8000", town="Zürich"
        )

    ours = Organisation.objects.create(ref="ours", name="Ours")
    theirs = Organisation.objects.create(ref="theirs", name="Theirs")
    site = Site.objects.create(organisation=ours, ref="s1", name="Site", starts_date=JANUARY)
    building = Building.objects.create(site=site, ref="a", name="A")
    owner = party(ours, "owner", "Olga Owner")
    Stakeholder.objects.create(site=site, party=owner, role="owner")
    flats = [
        BillingPoint.objects.create(site=site, building=building, ref=ref, name=ref, position=n)
        for n, ref in enumerate(("w1", "w2"))
    ]
    return Small(
        ours,
        site,
        building,
        owner,
        party(ours, "anna", "Anna Meier"),
        party(ours, "beat", "Beat Keller"),
        *flats,
        theirs,
        party(theirs, "zoe", "Zoé Favre"),
    )
