from datetime import UTC, datetime

import pytest

from quartier.apps.audit.models import Event
from quartier.apps.parties.models import Organisation, User
from quartier.apps.parties.operations import (
    Refused,
    add_user,
    default_organisation,
    new_password,
)

pytestmark = [pytest.mark.django_db, pytest.mark.db]

BY = {"by": "command line", "at": datetime(2025, 1, 1, tzinfo=UTC)}


def test_a_user_can_sign_in_and_acts_for_its_parties(small):
    password = new_password()
    user = add_user(small.organisation, "A@Example.ch", password, parties=[small.anna], **BY)
    assert User.objects.get(email="a@example.ch").check_password(password)
    assert [party.ref for party in user.parties.all()] == ["anna"]
    (event,) = Event.objects.all()
    assert password not in str(event.data)


@pytest.mark.parametrize("password", ["short", "password1234", "1234567890"])
def test_a_weak_password_is_refused(small, password):
    with pytest.raises(Refused, match="too weak"):
        add_user(small.organisation, "a@example.ch", password, **BY)


def test_a_party_of_another_organisation_is_refused_and_no_user_is_left(small):
    with pytest.raises(Refused, match="another organisation"):
        add_user(
            small.organisation,
            "a@example.ch",
            new_password(),
            parties=[small.stranger_party],
            **BY,
        )
    assert not User.objects.exists()


def test_a_user_without_password_gets_one_once(small):
    User.objects.create_user("a@example.ch", small.organisation)
    add_user(small.organisation, "a@example.ch", new_password(), **BY)
    with pytest.raises(Refused, match="already a user"):
        add_user(small.organisation, "a@example.ch", new_password(), **BY)


def test_the_default_organisation_is_made_once(db):
    first = default_organisation()
    assert default_organisation() == first
    Organisation.objects.create(ref="second", name="Second")
    with pytest.raises(Refused, match="default, second"):
        default_organisation()


def test_passwords_are_not_repeated():
    assert len({new_password() for _ in range(100)}) == 100
