"""The database of the field server when it does not answer."""

import asyncio

import pytest
from django.db import connection, transaction

from quartier.config.wiring import database_of
from quartier.field.ports import StorageDown

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]
LOOK = "SELECT id FROM equipment_remotecommand"


def test_a_statement_that_hangs_is_given_up_and_the_next_one_answered(monkeypatch):
    if connection.vendor == "sqlite":
        monkeypatch.setattr("quartier.field.storage.sqlite._WAITS_S", 0.5)
        lock = "UPDATE equipment_remotecommand SET text = ''"
        look = lock
    else:
        monkeypatch.setattr("quartier.field.storage.postgresql.PATIENCE_S", 0.5)
        lock, look = "LOCK TABLE equipment_remotecommand IN ACCESS EXCLUSIVE MODE", LOOK

    async def asked(database, statement):
        try:
            return await asyncio.wait_for(database.run(statement), 10)
        finally:
            await database.close()

    settings = connection.settings_dict
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(lock)
        with pytest.raises(StorageDown):
            asyncio.run(asked(database_of(settings), look))
    assert asyncio.run(asked(database_of(settings), LOOK)) == []
