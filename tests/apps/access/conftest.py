"""Tests that are one database's alone run where that database is; `make test` runs both."""

import os

import pytest

ONLY = {"on_postgresql": "postgresql", "on_sqlite": "sqlite"}


def pytest_collection_modifyitems(config, items):
    """Deselect what belongs to the other database."""
    ours, theirs = [], []
    for item in items:
        wanted = {ONLY[name] for name in getattr(item, "fixturenames", ()) if name in ONLY}
        (ours if wanted <= {os.environ["QUARTIER_TEST_DB"]} else theirs).append(item)
    if theirs:
        config.hook.pytest_deselected(items=theirs)
        items[:] = ours


@pytest.fixture
def on_postgresql(db):
    """The test runs on PostgreSQL."""
    from django.db import connection

    assert connection.vendor == "postgresql"


@pytest.fixture
def on_sqlite(db):
    """The test runs on SQLite."""
    from django.db import connection

    assert connection.vendor == "sqlite"
