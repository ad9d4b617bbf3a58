"""Row-level security of PostgreSQL: the second wall behind the scope (architecture.md, rule 8).

Within ``only(organisation_id)`` the database shows and takes rows of that organisation alone;
outside of it, in commands and in the worker, rows of all (docs/decisions/0008-row-security.md).
SQLite has no such thing: there ``only`` does nothing.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.apps import apps
from django.db import Error, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from quartier.apps.access.table import TABLE
from quartier.core.kernel.findings import Finding, error, warning

NOT_LISTED: Mapping[str, str] = {
    "metering.IntervalBlock": "site_id__organisation",
    "metering.IntervalRevision": "site_id__organisation",
    "metering.Reading": "site_id__organisation",
    "metering.PowerHour": "site_id__organisation",
    "metering.GatewayBuffer": "gateway__site__organisation",
    "metering.UnplacedValue": "unplaced__site__organisation",
    "equipment.GatewayNonce": "gateway__site__organisation",
    "equipment.Renewal": "gateway__site__organisation",
    "equipment.DistributionZone_dlm_meters": "distributionzone__site__organisation",
    "alarms.SiteWatch": "site__organisation",
    "charging.ChargingMessage": "site_id__organisation",
    "charging.ChargingSession": "site_id__organisation",
    "charging.Connector": "site_id__organisation",
    "charging.EvseQuarter": "site_id__organisation",
    "charging.Folded": "site_id__organisation",
    "charging.StartedTransaction": "site_id__organisation",
    "charging.StationMeter": "station__site__organisation",
    "charging.StatusChange": "site_id__organisation",
    "intake.Provenance": "site_id__organisation",
    "intake.Contribution": "site_id__organisation",
    "sharing.AllocationBlock": "site_id__organisation",
    "billing.NumberSequence": "organisation",
    "documents.Rendered": "invoice__organisation",
    "contracts.PriceSheet_billing_points": "pricesheet__site__organisation",
    "parties.User_groups": "user__organisation",
    "parties.User_user_permissions": "user__organisation",
}
"""How to come from a model to its organisation, for those that ``table.TABLE`` does not list:
what no page lists, and what joins two models. ``site_id`` of a hot table is no foreign key, but
is followed like one."""

OF_NOBODY: Mapping[str, str] = {
    "charging.UnknownStation": "who connected without being known to any organisation",
    "equipment.GatewayPackage": "versions of the gateways' program, the same for all",
}
"""Models whose rows belong to the installation, and to no organisation."""

POLICY = "own_organisation"
_MINE = "(SELECT quartier_organisation())"  # a subselect is evaluated once a statement
# A guard's trigger compares rows of two organisations, and so has to see both.
_FUNCTION = """
CREATE OR REPLACE FUNCTION quartier_organisation() RETURNS bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED AS $$
SELECT CASE WHEN pg_trigger_depth() = 0
THEN NULLIF(current_setting('quartier.organisation', true), '')::bigint END $$
"""
_STANDING = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, obj_description(p.oid, 'pg_policy')
FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = %s
WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)
"""

_current: ContextVar[int | None] = ContextVar("organisation", default=None)


def paths() -> dict[str, str]:
    """Every model with rows of an organisation, and the lookup that leads there."""
    return {label: rule.organisation for label, rule in TABLE.items()} | dict(NOT_LISTED)


@contextmanager
def only(organisation_id: int) -> Iterator[None]:
    """Within, the database has rows of one organisation alone, on a connection that is opened
    meanwhile too."""
    if connection.vendor != "postgresql":
        yield
        return
    before = _current.set(organisation_id)
    try:
        if connection.connection is not None:
            _tell(connection, organisation_id)
        yield
    finally:
        _current.reset(before)
        if connection.connection is not None:
            try:
                _tell(connection, _current.get())
            except Error:
                # It is lost, or left in a failed transaction. The setting ends with it.
                connection.close()


def tell_new_connection(*, connection: BaseDatabaseWrapper, **_more: object) -> None:
    """Receiver of ``connection_created``."""
    if connection.vendor == "postgresql" and _current.get() is not None:
        _tell(connection, _current.get())


def secure(**_more: object) -> None:
    """Put the policies of all tables that are there in place; receiver of ``post_migrate``."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTION)
        for table, condition in _not_secure().items():
            cursor.execute(
                f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
                f"DROP POLICY IF EXISTS {POLICY} ON {table};"
                f"CREATE POLICY {POLICY} ON {table} USING ({condition});"
                f"COMMENT ON POLICY {POLICY} ON {table} IS '{_mark(condition)}'"
            )


def check() -> Iterator[Finding]:
    """Whether the wall stands; nothing on SQLite."""
    if connection.vendor != "postgresql":
        return
    for table in _not_secure():
        yield error(
            "database.row_security",
            f"{table} is not guarded by the row-level security of PostgreSQL.",
            where="database",
            remedy="Run: python -m django migrate --settings quartier.config.settings",
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user FROM pg_roles WHERE rolname = current_user"
            " AND (rolsuper OR rolbypassrls)"
        )
        for (role,) in cursor.fetchall():
            yield warning(
                "database.bypasses_row_security",
                f"The role {role} passes by the row-level security of PostgreSQL.",
                where="DATABASE_URL",
                remedy="Use a role that owns the database, without SUPERUSER and BYPASSRLS"
                f" (ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS).",
            )


def _tell(connection: BaseDatabaseWrapper, organisation_id: int | None) -> None:
    with connection.cursor() as cursor:
        value = "" if organisation_id is None else str(organisation_id)
        cursor.execute("SELECT set_config('quartier.organisation', %s, false)", [value])


def _not_secure() -> dict[str, str]:
    """Tables that are there without their policy as it should be, and its condition."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [POLICY])
        standing = {table: mark if forced else None for table, forced, mark in cursor.fetchall()}
    wanted = {}
    for label in paths():
        table, parent, condition = _policy(label)
        # In between migrations a table may be missing; after the last one none is.
        if {table, parent} <= standing.keys() and standing[table] != _mark(condition):
            wanted[table] = condition
    return wanted


def _policy(label: str) -> tuple[str, str, str]:
    """Table, the table it hangs on (or itself), and when a row passes."""
    path = paths()[label]
    model: Any = apps.get_model(label)
    table = model._meta.db_table
    first, _, rest = path.partition("__")
    field = model._meta.pk if first == "pk" else model._meta.get_field(first)
    column = f"{table}.{field.column}"
    if not rest:
        return table, table, f"{_MINE} IS NULL OR {column} = {_MINE}"
    parent = apps.get_model("sites.Site") if first == "site_id" else field.related_model
    # The parent's own policy holds within the subselect, and so does the rest of the path.
    assert paths()[parent._meta.label] == rest, f"{label}: {path}"
    above = parent._meta.db_table
    if first == "site_id":
        # The planner counts IN as hashed once a statement and EXISTS as asked once a row, and so
        # would look up each block of a quarter by its key instead of walking the site's days.
        assert rest == "organisation", f"{label}: {path}"
        sites = f"SELECT above.id FROM {above} above WHERE above.organisation_id = {_MINE}"  # noqa: S608
        return table, above, f"{_MINE} IS NULL OR {column} IN ({sites})"
    where = f"above.{parent._meta.pk.column} = {column}"
    if rest == "organisation":
        where += f" AND above.organisation_id = {_MINE}"
    exists = f"EXISTS (SELECT 1 FROM {above} above WHERE {where})"  # noqa: S608
    return table, above, f"{_MINE} IS NULL OR {exists}"


def _mark(condition: str) -> str:
    return hashlib.sha256(condition.encode()).hexdigest()
