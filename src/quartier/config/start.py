"""Starts Django for a program: settings, apps, and a database whose tables are up to date."""

import fcntl
import os
from pathlib import Path


class OldProgram(Exception):
    """The database was written by a newer version of Quartier."""


def django(*, migrate: bool = True) -> None:
    """Sets Django up once; brings the database's tables up to date unless told not to.

    Several programs may start at once: one of them migrates, the others wait for an advisory
    lock (PostgreSQL) or for the lock of a file beside the database (SQLite).
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quartier.config.settings")
    import django as framework
    from django.apps import apps

    if not apps.ready:
        framework.setup()
    if migrate:
        _bring_tables_up_to_date()


def _bring_tables_up_to_date() -> None:
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    loader = MigrationExecutor(connection).loader
    newer = set(loader.applied_migrations) - set(loader.disk_migrations)
    if newer:
        names = ", ".join(sorted(f"{app}.{name}" for app, name in newer)[:3])
        raise OldProgram(f"the database is newer than this program (it has {names}); upgrade it")
    if set(loader.disk_migrations) <= set(loader.applied_migrations):
        return
    if connection.vendor != "postgresql":
        with Path(f"{connection.settings_dict['NAME']}.migrating").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed
            call_command("migrate", verbosity=0, interactive=False)
        return
    key = 0x51554152  # any fixed number: "QUAR"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [key])
        try:
            call_command("migrate", verbosity=0, interactive=False)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
