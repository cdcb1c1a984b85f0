"""What the database itself enforces about the ledger, whatever a program tries."""

from contextlib import AbstractContextManager

from django.core.checks import CheckMessage, Error
from django.db import connection
from django.db.backends.utils import CursorWrapper

from helpdesk import append_only
from orders.models import LedgerEntry

TABLE = LedgerEntry._meta.db_table
REFUSAL = "the ledger is append-only"
BALANCE_TRIGGER = f"{TABLE}_balanced"
#: SQLite only: journals under way, and what their rows wait for in vain.
UNBALANCED, NOTHING = f"{TABLE}_unbalanced", f"{TABLE}_nothing"


def lay_triggers() -> None:
    """This function will have the database refuse changes, and journals that do not add up to
    zero when their transaction ends."""
    append_only.install(TABLE, refusal=REFUSAL)
    lay = _lay_for_postgresql if connection.vendor == "postgresql" else _lay_for_sqlite
    with connection.cursor() as cursor:
        lay(cursor)


def _lay_for_postgresql(cursor: CursorWrapper) -> None:
    cursor.execute(
        f"CREATE OR REPLACE FUNCTION {BALANCE_TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN "
        f"IF (SELECT sum(amount_fen) FROM {TABLE} WHERE journal = NEW.journal) <> 0 "
        "THEN RAISE EXCEPTION 'journal % is not balanced', NEW.journal; END IF; "
        "RETURN NULL; END $$"
    )
    cursor.execute("SELECT 1 FROM pg_trigger WHERE tgname = %s", [BALANCE_TRIGGER])
    if cursor.fetchone() is None:
        cursor.execute(
            f"CREATE CONSTRAINT TRIGGER {BALANCE_TRIGGER} AFTER INSERT ON {TABLE} "
            "DEFERRABLE INITIALLY DEFERRED "
            f"FOR EACH ROW EXECUTE FUNCTION {BALANCE_TRIGGER}()"
        )


def _lay_for_sqlite(cursor: CursorWrapper) -> None:
    """SQLite has no triggers that wait for the commit, but foreign keys that do: a journal that
    is not zero has a row which refers to what can never be there, and goes when it is zero."""
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {NOTHING} (journal TEXT PRIMARY KEY CHECK (0))")
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS {UNBALANCED} ("
        f"journal TEXT PRIMARY KEY REFERENCES {NOTHING} (journal) DEFERRABLE INITIALLY DEFERRED, "
        "fen INTEGER NOT NULL)"
    )
    cursor.execute(
        f"CREATE TRIGGER IF NOT EXISTS {BALANCE_TRIGGER} AFTER INSERT ON {TABLE} BEGIN "
        f"INSERT INTO {UNBALANCED} (journal, fen) VALUES (NEW.journal, NEW.amount_fen) "
        "ON CONFLICT (journal) DO UPDATE SET fen = fen + excluded.fen; "
        f"DELETE FROM {UNBALANCED} WHERE journal = NEW.journal AND fen = 0; END"
    )


def lifted() -> AbstractContextManager[None]:
    """This function will take the triggers away for a moment: for emptying a test database."""
    return append_only.lifted(TABLE, refusal=REFUSAL)


def has_triggers() -> bool:
    return append_only.has_triggers([BALANCE_TRIGGER]) and append_only.is_installed(TABLE)


def check_triggers(**kwargs: object) -> list[CheckMessage]:
    """This function will report a ledger that anybody could rewrite."""
    if TABLE not in connection.introspection.table_names() or has_triggers():
        return []
    return [
        Error(
            "Nothing keeps the ledger from being changed: the database triggers are missing.",
            hint="Run manage.py migrate.",
            id="orders.E020",
        )
    ]
