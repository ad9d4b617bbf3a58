import pytest
from django.db import DatabaseError, connection, transaction

from quartier.apps.sites.models import Building, Site

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def refused(words, sql, *values):
    with (
        pytest.raises(DatabaseError, match=words),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, values)


@pytest.fixture
def other(small):
    return Site.objects.create(organisation=small.organisation, ref="s2", name="Other")


def test_a_stakeholder_is_of_the_organisation_of_the_site(small):
    refused(
        "organisation of the site",
        "INSERT INTO sites_stakeholder (site_id, party_id, role) VALUES (%s, %s, 'agent')",
        small.site.pk,
        small.stranger_party.pk,
    )


def test_a_billing_point_lies_in_a_building_of_its_site(small, other):
    elsewhere = Building.objects.create(site=other, ref="b", name="B")
    refused(
        "building of its site",
        "UPDATE sites_billingpoint SET building_id = %s",
        elsewhere.pk,
    )


def test_a_place_stays_on_its_site(small, other):
    elsewhere = Building.objects.create(site=other, ref="b", name="B")
    refused(
        "stays on its site",
        "UPDATE sites_billingpoint SET site_id = %s, building_id = %s",
        other.pk,
        elsewhere.pk,
    )
    refused("stays on its site", "UPDATE sites_building SET site_id = %s", other.pk)
