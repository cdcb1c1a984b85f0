"""The bill of channels without a form of their own, the sandbox's and the shop's: a day's payments
and refunds, Beijing time.

    {"date", "lines": [{"kind": "payment|refund", "trade_no", "merchant_trade_no", "refund_no",
     "amount_fen", "at"}], "payments": {"count", "fen"}, "refunds": {"count", "fen"}}

Unlike the big channels' it can be had while its day lasts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

from simulator.gateway import Answer
from simulator.messages import Body, Refusal, read_text
from simulator.store import Store

BEIJING = timezone(timedelta(hours=8))


def make_bill(store: Store, channel: str, body: Mapping[str, Any], field: str) -> Answer:
    """This function will answer with a channel's bill of the day that `field` names."""
    try:
        day = date.fromisoformat(read_text(body, field))
    except ValueError as error:
        raise Refusal(400, "PARAM_ERROR", f"{field} must be YYYY-MM-DD.", field=field) from error
    if day > datetime.now(BEIJING).date():
        raise Refusal(404, "NO_BILL", f"{day} has not begun yet.", verdict="NOT_FOUND")
    payments, refunds = list_payments(store, channel, day), list_refunds(store, channel, day)
    bill: Body = {
        "date": day.isoformat(),
        "lines": sorted(payments + refunds, key=lambda line: str(line["at"])),
        "payments": add_up(payments),
        "refunds": add_up(refunds),
    }
    return Answer(bill, "found")


def list_payments(store: Store, channel: str, day: date) -> list[Body]:
    lines = []
    for trade in store.rows("SELECT * FROM trades WHERE channel = ?", channel):
        paid_at = datetime.fromisoformat(trade["paid_at"]) if trade["paid_at"] else None
        if paid_at is not None and paid_at.astimezone(BEIJING).date() == day:
            lines.append(write_line("payment", trade, trade["amount_fen"], paid_at))
    return lines


def list_refunds(store: Store, channel: str, day: date) -> list[Body]:
    start = datetime(day.year, day.month, day.day, tzinfo=BEIJING)
    rows = store.rows(
        "SELECT refunds.*, trades.merchant_trade_no FROM refunds JOIN trades"
        " USING (channel, trade_no) WHERE channel = ? AND made_at >= ? AND made_at < ?",
        channel,
        start.timestamp(),
        (start + timedelta(days=1)).timestamp(),
    )
    return [
        write_line(
            "refund", row, row["amount_fen"], datetime.fromtimestamp(row["made_at"], BEIJING)
        )
        | {"refund_no": row["number"]}
        for row in rows
    ]


def write_line(kind: str, row: sqlite3.Row, amount_fen: int, at: datetime) -> Body:
    return {
        "kind": kind,
        "trade_no": row["trade_no"],
        "merchant_trade_no": row["merchant_trade_no"],
        "refund_no": "",
        "amount_fen": amount_fen,
        "at": at.astimezone(BEIJING).isoformat(timespec="seconds"),
    }


def add_up(lines: list[Body]) -> Body:
    return {"count": len(lines), "fen": sum(line["amount_fen"] for line in lines)}
