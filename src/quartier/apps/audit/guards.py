"""Triggers with which the database refuses what the code forgot (architecture.md, house rule 8).

Each function gives one migration operation that works on SQLite and on PostgreSQL.
"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunPython


def refuse(name: str, table: str, event: str, message: str, when: str = "") -> RunPython:
    """A trigger ``name`` that refuses ``event`` (INSERT, UPDATE or DELETE) on ``table``.

    ``when`` is an SQL condition over OLD and NEW that both databases understand; it may hold
    subqueries. ``message`` is what the error says.
    """
    condition = when or "1=1"
    sqlite = (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )
    result = "OLD" if event == "DELETE" else "NEW"
    postgresql = (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {condition} THEN RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; "
        f"END IF; RETURN {result}; END $$;"
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
    undo_postgresql = f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}()"

    def forward(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
        editor.execute(postgresql if editor.connection.vendor == "postgresql" else sqlite)

    def backward(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
        on_postgresql = editor.connection.vendor == "postgresql"
        editor.execute(undo_postgresql if on_postgresql else f"DROP TRIGGER {name}")

    return RunPython(forward, backward)


def append_only(table: str, what: str) -> list[RunPython]:
    """Rows of ``table`` can be added, never changed or deleted; ``what`` names one in the error."""
    message = f"{what} is never changed or deleted; add a correction"
    return [
        refuse(f"{table}_no_update", table, "UPDATE", message),
        refuse(f"{table}_no_delete", table, "DELETE", message),
    ]


def refuse_write(name: str, table: str, message: str, when: str) -> list[RunPython]:
    """Two triggers that refuse rows for which ``when`` (over NEW) holds, new or changed."""
    return [
        refuse(f"{name}_insert", table, "INSERT", message, when),
        refuse(f"{name}_update", table, "UPDATE", message, when),
    ]


def stays(table: str, column: str, message: str) -> RunPython:
    """``column`` of a row of ``table`` is set once: other guards rest on it."""
    return refuse(
        f"{table}_{column}_stays", table, "UPDATE", message, f"NEW.{column} <> OLD.{column}"
    )
