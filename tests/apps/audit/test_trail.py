from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from quartier.apps.audit.models import Event
from quartier.apps.audit.operations import record
from quartier.apps.audit.queries import events_of_site

pytestmark = [pytest.mark.django_db, pytest.mark.db]

NOW = datetime(2025, 4, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("sql", ["UPDATE audit_event SET actor = 'x'", "DELETE FROM audit_event"])
def test_an_event_is_never_changed_or_deleted(sql):
    record("site.create", "anna@example.ch", at=NOW, site_id=7)
    with (
        pytest.raises(DatabaseError, match="never changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    assert Event.objects.get().actor == "anna@example.ch"


def test_data_may_hold_dates_and_decimals():
    event = record("x.y", "job", at=NOW, data={"on": date(2025, 1, 1), "price": Decimal("0.10")})
    event.refresh_from_db()
    assert event.data == {"on": "2025-01-01", "price": "0.10"}


def test_events_of_a_site_are_newest_first():
    for number, site_id in enumerate((1, 2, 1)):
        record(f"a.{number}", "job", at=NOW.replace(minute=number), site_id=site_id)
    assert [event.action for event in events_of_site(1)] == ["a.2", "a.0"]
