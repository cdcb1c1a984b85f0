"""What the database itself enforces about the ledger, whatever a program tries."""

from contextlib import AbstractContextManager

from django.core.checks import CheckMessage, Error
from django.db import connection

from helpdesk import append_only
from orders.models import LedgerEntry

TABLE = LedgerEntry._meta.db_table
REFUSAL = "the ledger is append-only"
BALANCE_TRIGGER = f"{TABLE}_balanced"


def lay_triggers() -> None:
    """This function will have the database refuse changes and, on PostgreSQL, journals that do
    not add up to zero when their transaction ends."""
    append_only.install(TABLE, refusal=REFUSAL)
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
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


def lifted() -> AbstractContextManager[None]:
    """This function will take the triggers away for a moment: for emptying a test database."""
    return append_only.lifted(TABLE, refusal=REFUSAL)


def has_triggers() -> bool:
    balanced = connection.vendor != "postgresql" or append_only.has_triggers([BALANCE_TRIGGER])
    return balanced and append_only.is_installed(TABLE)


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
