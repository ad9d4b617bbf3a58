"""``quartier check`` on PostgreSQL: what would lose confirmed readings is said."""

import pytest
from django.db import connection

from quartier.cli.check import database, durability
from quartier.core.kernel.findings import Severity

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def test_settings_that_lose_what_was_confirmed_are_errors():
    if connection.vendor == "sqlite":
        assert list(database()) == []
        return
    wrong = ["fsync", "full_page_writes", "synchronous_commit"]
    found = list(durability())  # the tests' own server waits for no disk
    assert [one.message.split()[3] for one in found] == wrong
    assert {one.severity for one in found} == {Severity.ERROR}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
    assert len(list(durability())) == 2
