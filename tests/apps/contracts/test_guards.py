"""What the database refuses, by raw SQL: no code of ours can forget it."""

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction

pytestmark = [pytest.mark.django_db, pytest.mark.db]

JANUARY, MARCH, JUNE = date(2025, 1, 1), date(2025, 3, 1), date(2025, 6, 1)


def execute(sql: str, *values: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def refused(words: str, sql: str, *values: object) -> None:
    with pytest.raises(DatabaseError, match=words):
        execute(sql, *values)


def occupy(point, party, day, *, status="tenant", vacant=False) -> None:
    execute(
        "INSERT INTO contracts_occupancy (billing_point_id, party_id, status, is_vacant, "
        "starts_date) VALUES (%s, %s, %s, %s, %s)",
        point.pk,
        party.pk,
        status,
        vacant,
        day,
    )


INSERT = (
    "INSERT INTO contracts_occupancy (billing_point_id, party_id, status, is_vacant, starts_date)"
    " VALUES (%s, %s, %s, %s, %s)"
)


def test_two_occupancies_never_begin_on_one_day(small):
    occupy(small.flat, small.anna, JANUARY)
    refused("(?i)unique", INSERT, small.flat.pk, small.beat.pk, "tenant", False, JANUARY)


def test_the_first_occupancy_leaves_no_gap_after_the_start_of_the_site(small):
    refused("no later than its site", INSERT, small.flat.pk, small.anna.pk, "tenant", False, MARCH)
    occupy(small.flat, small.anna, JANUARY)
    occupy(small.flat, small.beat, MARCH)


def test_the_first_occupancy_cannot_be_moved_later_or_removed(small):
    occupy(small.flat, small.anna, JANUARY)
    occupy(small.flat, small.beat, MARCH)
    mine = "billing_point_id = %s AND starts_date = %s"
    refused(
        "leave a gap",
        f"UPDATE contracts_occupancy SET starts_date = %s WHERE {mine}",
        date(2025, 1, 2),
        small.flat.pk,
        JANUARY,
    )
    refused(
        "would have a gap",
        f"DELETE FROM contracts_occupancy WHERE {mine}",
        small.flat.pk,
        JANUARY,
    )
    execute(f"DELETE FROM contracts_occupancy WHERE {mine}", small.flat.pk, MARCH)


def test_an_occupancy_stays_at_its_place(small):
    occupy(small.flat, small.anna, JANUARY)
    refused(
        "stays at its place",
        "UPDATE contracts_occupancy SET billing_point_id = %s",
        small.other_flat.pk,
    )


def test_the_site_cannot_begin_before_its_occupancies(small):
    occupy(small.flat, small.anna, JANUARY)
    refused(
        "has no occupancy on the first date",
        "UPDATE sites_site SET starts_date = %s WHERE id = %s",
        date(2024, 12, 1),
        small.site.pk,
    )
    occupy(small.flat, small.owner, date(2024, 12, 1), status="owner", vacant=True)
    execute(
        "UPDATE sites_site SET starts_date = %s WHERE id = %s", date(2024, 12, 1), small.site.pk
    )


def test_a_vacancy_falls_to_an_owner_of_the_site(small):
    refused("falls to an owner", INSERT, small.flat.pk, small.anna.pk, "owner", True, JANUARY)
    refused(
        "vacancy_falls_to_the_owner", INSERT, small.flat.pk, small.owner.pk, "tenant", True, JANUARY
    )
    occupy(small.flat, small.owner, JANUARY, status="owner", vacant=True)
    refused("holds vacant", "DELETE FROM sites_stakeholder")
    refused("holds vacant", "UPDATE sites_stakeholder SET role = 'agent'")


def test_a_holder_belongs_to_the_organisation_of_the_site(small):
    refused(
        "organisation of the site",
        INSERT,
        small.flat.pk,
        small.stranger_party.pk,
        "tenant",
        False,
        JANUARY,
    )
    occupy(small.flat, small.anna, JANUARY)
    refused(
        "organisation of the site",
        "UPDATE contracts_occupancy SET party_id = %s",
        small.stranger_party.pk,
    )


def test_an_issuer_belongs_to_the_organisation_of_the_site(small):
    refused(
        "organisation of the site",
        "INSERT INTO contracts_issuer (site_id, party_id, iban, reference_type, vat_liable,"
        " payment_days, number_prefix) VALUES (%s, %s, 'CH9300762011623852957', 'NON', %s, 30, '')",
        small.site.pk,
        small.stranger_party.pk,
        False,
    )


def test_a_party_a_user_and_a_site_stay_in_their_organisation(small):
    other = small.stranger_organisation.pk
    refused("stays in its organisation", "UPDATE parties_party SET organisation_id = %s", other)
    refused("stays in its organisation", "UPDATE sites_site SET organisation_id = %s", other)


def test_a_price_sheet_names_billing_points_of_its_own_site(small):
    from quartier.apps.contracts.models import PriceSheet
    from quartier.apps.sites.models import Site

    other = Site.objects.create(organisation=small.organisation, ref="s2", name="Other")
    sheet = PriceSheet.objects.create(
        site=other,
        ref="p",
        title="p",
        starts_date=JANUARY,
        ends_date=JUNE,
        content={},
        sha256="0" * 64,
    )
    refused(
        "of its own site",
        "INSERT INTO contracts_pricesheet_billing_points (pricesheet_id, billingpoint_id)"
        " VALUES (%s, %s)",
        sheet.pk,
        small.flat.pk,
    )


def test_a_solution_runs_once_at_a_time(small):
    insert = (
        "INSERT INTO contracts_solution (site_id, kind, frequency, label, starts_date, ends_date)"
        " VALUES (%s, 'electricity', 'quarter', '', %s, %s)"
    )
    execute(insert, small.site.pk, JANUARY, MARCH)
    execute(insert, small.site.pk, MARCH, None)
    refused("once at a time", insert, small.site.pk, JUNE, None)
    refused(
        "once at a time",
        "UPDATE contracts_solution SET ends_date = %s WHERE starts_date = %s",
        JUNE,
        JANUARY,
    )
