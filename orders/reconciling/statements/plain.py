"""The one bill whose form is ours to choose: JSON, for channels without one of their own.

    {"date": "2026-11-23",
     "lines": [{"kind": "payment", "trade_no", "merchant_trade_no", "amount_fen", "at"},
               {"kind": "refund", ..., "refund_no", ...}],
     "payments": {"count", "fen"}, "refunds": {"count", "fen"}}

docs/shop-refund-endpoint.md describes it. The sums at the end tell whether it is whole.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from orders.reconciling.packed import PACKED_LIMIT
from orders.reconciling.statement import (
    Line,
    LineKind,
    Statement,
    UnableToReadStatement,
    digest,
    require_day,
)

KINDS = {"payment": LineKind.PAYMENT, "refund": LineKind.REFUND}


def read_json(content: bytes, *, day: date | None) -> Statement:
    """This function will read a bill.

    :raises UnableToReadStatement: no bill, another day's, or not all of it.
    """
    if len(content) > PACKED_LIMIT:
        raise UnableToReadStatement(
            _("The file is larger than %(mb)d MB.") % {"mb": PACKED_LIMIT >> 20}
        )
    said = load(content)
    try:
        found = date.fromisoformat(said["date"])
    except (KeyError, TypeError, ValueError) as error:
        raise UnableToReadStatement(_("Write the day as YYYY-MM-DD."), column="date") from error
    lines = read_lines(said.get("lines"))
    for name, kind in (("payments", LineKind.PAYMENT), ("refunds", LineKind.REFUND)):
        check_sum(said.get(name), name, [line.amount_fen for line in lines if line.kind == kind])
    require_day(found, day)
    return Statement(found, lines, "", digest(content))


def load(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 0)
        raise UnableToReadStatement(_("This is no JSON, or not all of it."), line=line) from error
    if not isinstance(said, dict):
        raise UnableToReadStatement(_("This is no bill: no object in JSON."))
    return said


def read_lines(rows: object) -> list[Line]:
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise UnableToReadStatement(_("This is no list."), column="lines")
    return [read_line(row, number) for number, row in enumerate(rows, start=1)]


def read_line(row: object, number: int) -> Line:
    if not isinstance(row, Mapping):
        raise UnableToReadStatement(_("This is no row of a bill."), line=number)
    said = read_text(row, "kind", number)
    kind = KINDS.get(said, LineKind.UNKNOWN)
    refund_no = read_text(row, "refund_no", number)
    return Line(
        kind=kind,
        number=number,
        amount_fen=read_amount(row, number),
        at=read_at(row, number),
        trade_no=read_text(row, "trade_no", number),
        merchant_trade_no=read_text(row, "merchant_trade_no", number),
        refund_no=refund_no if kind == LineKind.REFUND else "",
        state=said,
    )


def read_text(row: Mapping[str, Any], name: str, number: int) -> str:
    value = row.get(name, "")
    if not isinstance(value, str) or (name == "kind" and not value):
        raise UnableToReadStatement(_("This is no text."), line=number, column=name)
    return value.strip()


def read_amount(row: Mapping[str, Any], number: int) -> int:
    fen = row.get("amount_fen")
    if type(fen) is not int or fen < 0:
        raise UnableToReadStatement(
            _("“%(text)s” is no whole number of fen.") % {"text": str(fen)[:50]},
            line=number,
            column="amount_fen",
        )
    return fen


def read_at(row: Mapping[str, Any], number: int) -> datetime:
    try:
        at = datetime.fromisoformat(row["at"])
        if at.tzinfo is None:
            raise ValueError("no zone")
    except (KeyError, TypeError, ValueError) as error:
        raise UnableToReadStatement(
            _("Write the time with its zone, such as 2026-11-24T14:30:00+08:00."),
            line=number,
            column="at",
        ) from error
    return at


def check_sum(given: object, name: str, amounts: list[int]) -> None:
    if not isinstance(given, Mapping):
        raise UnableToReadStatement(
            _("The end of the bill is missing: the file is not complete."), column=name
        )
    if (given.get("count"), given.get("fen")) != (len(amounts), sum(amounts)):
        raise UnableToReadStatement(
            _("The rows do not add up to this sum: the file is not complete."), column=name
        )
