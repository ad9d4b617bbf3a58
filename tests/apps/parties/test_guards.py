import pytest
from django.db import DatabaseError, connection, transaction

from quartier.apps.parties.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def refused(words, sql, *values):
    with (
        pytest.raises(DatabaseError, match=words),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, values)


def test_user_and_party_of_a_contact_are_of_one_organisation(small):
    user = User.objects.create_user("a@example.ch", small.organisation, "geheim-geheim")
    insert = "INSERT INTO parties_contact (party_id, user_id, role) VALUES (%s, %s, 'member')"
    refused("belong to one organisation", insert, small.stranger_party.pk, user.pk)
    with connection.cursor() as cursor:
        cursor.execute(insert, [small.anna.pk, user.pk])
    refused(
        "belong to one organisation",
        "UPDATE parties_contact SET party_id = %s",
        small.stranger_party.pk,
    )


def test_a_user_stays_in_its_organisation(small):
    User.objects.create_user("a@example.ch", small.organisation, "geheim-geheim")
    refused(
        "stays in its organisation",
        "UPDATE parties_user SET organisation_id = %s",
        small.stranger_organisation.pk,
    )
