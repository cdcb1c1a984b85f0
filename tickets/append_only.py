"""The database itself refuses to change or delete an event (see helpdesk.append_only)."""

from contextlib import AbstractContextManager

from helpdesk import append_only
from tickets.models import Event

TABLE = Event._meta.db_table
REFUSAL = "events are append-only"


def install() -> None:
    """This function will lay the triggers; laying them again changes nothing."""
    append_only.install(TABLE, refusal=REFUSAL)


def is_installed() -> bool:
    """This function will ask the database whether both triggers stand."""
    return append_only.is_installed(TABLE)


def lifted() -> AbstractContextManager[None]:
    """This function will take the triggers away for a moment: for emptying a test database."""
    return append_only.lifted(TABLE, refusal=REFUSAL)
