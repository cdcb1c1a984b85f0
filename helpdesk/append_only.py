"""Triggers by which the database itself refuses to change or delete the rows of a table.

Kept outside the migrations: SQLite drops triggers whenever a migration rebuilds a table, so they
are laid again after every ``migrate`` and a system check verifies that they are there.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

OPERATIONS = ("UPDATE", "DELETE")


def _name(table: str, operation: str) -> str:
    return f"{table}_no_{operation.lower()}"


def install(table: str, *, refusal: str) -> None:
    """This function will lay the triggers of a table; laying them again changes nothing."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql "
                f"AS $$ BEGIN RAISE EXCEPTION '{refusal}'; END $$"
            )
        for operation in OPERATIONS:
            name = _name(table, operation)
            if connection.vendor == "postgresql":
                cursor.execute(
                    f"CREATE OR REPLACE TRIGGER {name} BEFORE {operation} ON {table} "
                    f"FOR EACH ROW EXECUTE FUNCTION {table}_refuse()"
                )
            else:
                cursor.execute(
                    f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {operation} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
                )


def has_triggers(names: list[str]) -> bool:
    """This function will ask the database whether all these triggers stand."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT count(*) FROM pg_trigger WHERE tgname = ANY(%s) AND tgenabled <> 'D'",
                [names],
            )
        else:
            marks = ", ".join(["%s"] * len(names))
            cursor.execute(
                f"SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name IN ({marks})",
                names,
            )
        (count,) = cursor.fetchone()
    return bool(count == len(names))


def is_installed(table: str) -> bool:
    """This function will ask the database whether both triggers of a table stand."""
    return has_triggers([_name(table, operation) for operation in OPERATIONS])


@contextmanager
def lifted(table: str, *, refusal: str) -> Iterator[None]:
    """This function will take the triggers away for a moment: for emptying a test database."""
    with connection.cursor() as cursor:
        for operation in OPERATIONS:
            on_table = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {_name(table, operation)}{on_table}")
    try:
        yield
    finally:
        install(table, refusal=refusal)
