"""Triggers with which the database refuses what the code forgot (architecture.md, house rule 8).

Each function gives one migration operation that works on SQLite and on PostgreSQL.
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation


class Refuse(Operation):
    """A trigger; unlike ``RunPython`` it needs no models, so nothing is rendered for it."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, name: str, table: str, event: str, message: str, when: str = "") -> None:
        self.name, self.table, self.event, self.message = name, table, event, message
        self.when = when or "1=1"

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Triggers are not part of Django's models."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            schema_editor.execute(
                f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table} "
                f"FOR EACH ROW WHEN {self.when} "
                f"BEGIN SELECT RAISE(ABORT, '{self.message}'); END"
            )
            return
        result = "OLD" if self.event == "DELETE" else "NEW"
        schema_editor.execute(
            f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {self.when} THEN "
            f"RAISE EXCEPTION '{self.message}' USING ERRCODE = 'check_violation'; "
            f"END IF; RETURN {result}; END $$;"
            f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table} "
            f"FOR EACH ROW EXECUTE FUNCTION {self.name}()"
        )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(
                f"DROP TRIGGER {self.name} ON {self.table}; DROP FUNCTION {self.name}()"
            )
        else:
            schema_editor.execute(f"DROP TRIGGER {self.name}")

    def describe(self) -> str:
        return f"Refuse {self.event} on {self.table}: {self.message}"


def refuse(name: str, table: str, event: str, message: str, when: str = "") -> Refuse:
    """A trigger ``name`` that refuses ``event`` (INSERT, UPDATE or DELETE) on ``table``.

    ``when`` is an SQL condition over OLD and NEW that both databases understand; it may hold
    subqueries. ``message`` is what the error says.
    """
    return Refuse(name, table, event, message, when)


def append_only(table: str, what: str) -> list[Refuse]:
    """Rows of ``table`` can be added, never changed or deleted; ``what`` names one in the error."""
    message = f"{what} is never changed or deleted; add a correction"
    return [
        refuse(f"{table}_no_update", table, "UPDATE", message),
        refuse(f"{table}_no_delete", table, "DELETE", message),
    ]


def refuse_write(name: str, table: str, message: str, when: str) -> list[Refuse]:
    """Two triggers that refuse rows for which ``when`` (over NEW) holds, new or changed."""
    return [
        refuse(f"{name}_insert", table, "INSERT", message, when),
        refuse(f"{name}_update", table, "UPDATE", message, when),
    ]


def stays(table: str, column: str, message: str) -> Refuse:
    """``column`` of a row of ``table`` is set once: other guards rest on it."""
    return refuse(
        f"{table}_{column}_stays", table, "UPDATE", message, f"NEW.{column} <> OLD.{column}"
    )
