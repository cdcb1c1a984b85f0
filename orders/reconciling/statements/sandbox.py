"""The sandbox's bill of one day, as JSON:

    {"date", "lines": [{"kind": "payment|refund", "trade_no", "merchant_trade_no", "refund_no",
     "amount_fen", "at"}], "payments": {"count", "fen"}, "refunds": {"count", "fen"}}

Like its other answers it comes signed, which orders.channels.sandbox has verified.
"""

import json
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from orders.reconciling.statement import (
    Line,
    LineKind,
    Statement,
    UnableToReadStatement,
    digest,
)

#: A refund is on the bill of the day on which it was paid.
REFUNDS_POSTED: tuple[str, ...] = ("settled_at",)


def read_statement(content: bytes, *, day: date | None = None) -> Statement:
    """This function will read a bill.

    :raises UnableToReadStatement: no bill, another day's, or not all of it.
    """
    try:
        said = json.loads(content)
        found = date.fromisoformat(said["date"])
        lines = [make_line(row, number) for number, row in enumerate(said["lines"], start=1)]
        sums = {
            LineKind.PAYMENT: (said["payments"]["count"], said["payments"]["fen"]),
            LineKind.REFUND: (said["refunds"]["count"], said["refunds"]["fen"]),
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnableToReadStatement(_("This is no bill of the sandbox's.")) from error
    for kind, given in sums.items():
        amounts = [line.amount_fen for line in lines if line.kind == kind]
        if (len(amounts), sum(amounts)) != given:
            raise UnableToReadStatement(
                _("The rows do not add up to the sums: the file is not complete.")
            )
    if day is not None and found != day:
        raise UnableToReadStatement(
            _("This is the bill of %(found)s, not of %(wanted)s.")
            % {"found": found.isoformat(), "wanted": day.isoformat()}
        )
    return Statement(found, lines, "", digest(content))


def make_line(row: dict[str, Any], number: int) -> Line:
    amount_fen, kind = row["amount_fen"], str(row["kind"])
    at = datetime.fromisoformat(row["at"])
    if type(amount_fen) is not int or amount_fen < 0 or at.tzinfo is None:
        raise ValueError(f"line {number}")
    return Line(
        kind=LineKind(kind) if kind in ("payment", "refund") else LineKind.UNKNOWN,
        number=number,
        amount_fen=amount_fen,
        at=at,
        trade_no=str(row["trade_no"]),
        merchant_trade_no=str(row.get("merchant_trade_no", "")),
        refund_no=str(row.get("refund_no", "")),
        state=kind,
    )
