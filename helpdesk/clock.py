"""The one clock. Read once at the edge (request, task, command), then handed down as `now=`."""

from datetime import UTC, datetime

from django.db import connection


def now() -> datetime:
    """This function will return the database's idea of the present instant, aware, in UTC.

    Several hosts disagree by seconds; the rows they compare `due_at` with live in one database.
    SQLite runs inside this process, so its clock is the host's.
    """
    if connection.vendor != "postgresql":
        return datetime.now(tz=UTC)
    with connection.cursor() as cursor:
        # statement_timestamp(), as now() would stand still for the length of a transaction.
        cursor.execute("SELECT statement_timestamp()")
        (instant,) = cursor.fetchone()
    return instant.astimezone(UTC)
