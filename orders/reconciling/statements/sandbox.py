"""The sandbox's bill of one day, as JSON (see plain). Like its other answers it comes signed, which
orders.channels.sandbox has verified."""

from datetime import date

from orders.reconciling.statement import Statement
from orders.reconciling.statements.plain import read_json

#: A refund is on the bill of the day on which it was paid.
REFUNDS_POSTED: tuple[str, ...] = ("settled_at",)


def read_statement(content: bytes, *, day: date | None = None) -> Statement:
    """This function will read a bill.

    :raises UnableToReadStatement: no bill, another day's, or not all of it.
    """
    return read_json(content, day=day)
