"""WeChat Pay's own book of refunds: what was taken in, what became of it, what will.

A refund is taken in as PROCESSING and moves later, to whatever was planned for it: SUCCESS (only
now money moved), CLOSED (nothing will move; a new number is needed) or ABNORMAL (the customer's
card is gone: the merchant says where the money shall go instead, then PROCESSING again).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from simulator import notifies
from simulator.messages import Body, Refusal, read_seconds, read_text
from simulator.store import Store

CHANNEL = "wechatpay"
TARGET = "wechatpay.refund"
NOTIFY_TARGET = "wechatpay.notify"
STATUSES = ("PROCESSING", "SUCCESS", "CLOSED", "ABNORMAL")
BEIJING = timezone(timedelta(hours=8))
WALLET = "支付用户零钱"
MERCHANT_ACCOUNT = "商户结算银行账户"
TABLES = ("wechatpay_refunds", "wechatpay_plans", "wechatpay_rules")
SCHEMA = """
CREATE TABLE IF NOT EXISTS wechatpay_refunds (
    number TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE, trade_no TEXT NOT NULL,
    merchant_trade_no TEXT NOT NULL, amount_fen INTEGER NOT NULL, total_fen INTEGER NOT NULL,
    notify_url TEXT NOT NULL, status TEXT NOT NULL, channel TEXT NOT NULL, account TEXT NOT NULL,
    created_at REAL NOT NULL, success_at REAL, due_at REAL, due_status TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS wechatpay_refunds_by_trade ON wechatpay_refunds (trade_no);
CREATE INDEX IF NOT EXISTS wechatpay_refunds_due
    ON wechatpay_refunds (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS wechatpay_plans (number TEXT PRIMARY KEY, plan TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wechatpay_rules (name TEXT PRIMARY KEY, value REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Plan:
    status: str = "SUCCESS"
    #: Seconds from the request to this status. PROCESSING stays for good.
    after_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A refund as it was asked for, all its fields checked."""

    number: str
    amount_fen: int
    total_fen: int
    notify_url: str


def plan_refunds(store: Store, body: Body) -> Body:
    """This function will choose what becomes of one refund, or of all coming ones.

    `{"number": "", "status": "SUCCESS|CLOSED|ABNORMAL|PROCESSING", "after_s": 0}`; a refund that
    is there already changes now, or after that time.
    """
    number = read_text(body, "number", required=False)
    status = read_text(body, "status")
    if status not in STATUSES:
        known = ", ".join(STATUSES)
        raise Refusal(400, "PARAM_ERROR", f"status must be one of {known}.", field="status")
    plan = Plan(status, read_seconds(body, "after_s", 0.0))
    refund = find_refund(store, number) if number else None
    if refund is None:
        values = (number, json.dumps(asdict(plan)))
        store.execute("INSERT OR REPLACE INTO wechatpay_plans VALUES (?, ?)", *values)
    elif refund["status"] in ("SUCCESS", "CLOSED"):
        message = f"{number} is {refund['status']}, which is final."
        raise Refusal(409, "REFUND_SETTLED", message, field="number")
    else:
        _schedule(store, number, plan)
        settle_due(store)
    return {"number": number, "status": status, "changed": refund is not None}


def _get_plan(store: Store, number: str) -> Plan:
    found = store.row(
        "SELECT plan FROM wechatpay_plans WHERE number IN (?, '') ORDER BY number DESC LIMIT 1",
        number,
    )
    return Plan(**json.loads(found["plan"])) if found else Plan()


def _schedule(store: Store, number: str, plan: Plan) -> None:
    stays = plan.status == "PROCESSING"
    store.execute(
        "UPDATE wechatpay_refunds SET due_at = ?, due_status = ? WHERE number = ?",
        None if stays else time.time() + plan.after_s,
        plan.status,
        number,
    )


def find_refund(store: Store, number: str) -> sqlite3.Row | None:
    return store.row("SELECT * FROM wechatpay_refunds WHERE number = ?", number)


def get_refunds_of(store: Store, trade_no: str) -> list[sqlite3.Row]:
    """This function will list the refunds that count against a payment: all but closed ones."""
    return store.rows(
        "SELECT * FROM wechatpay_refunds WHERE trade_no = ? AND status <> 'CLOSED'"
        " ORDER BY created_at",
        trade_no,
    )


def take_in(store: Store, wanted: Wanted, trade: sqlite3.Row) -> sqlite3.Row:
    """This function will write down a new refund and what is planned for it."""
    day = datetime.now(BEIJING).strftime("%Y%m%d")
    store.execute(
        "INSERT INTO wechatpay_refunds VALUES (?, ?, ?, ?, ?, ?, ?, 'PROCESSING', 'ORIGINAL', ?,"
        " ?, NULL, NULL, '')",
        wanted.number,
        f"5030{day}{secrets.randbelow(10**16):016d}",
        trade["trade_no"],
        trade["merchant_trade_no"],
        wanted.amount_fen,
        wanted.total_fen,
        wanted.notify_url,
        WALLET,
        time.time(),
    )
    _schedule(store, wanted.number, _get_plan(store, wanted.number))
    settle_due(store)
    return get_refund(store, wanted.number)


def get_refund(store: Store, number: str) -> sqlite3.Row:
    found = find_refund(store, number)
    assert found is not None
    return found


def redirect(store: Store, refund: sqlite3.Row, *, channel: str, account: str) -> sqlite3.Row:
    """This function will send an abnormal refund elsewhere: PROCESSING again, SUCCESS next."""
    store.execute(
        "UPDATE wechatpay_refunds SET status = 'PROCESSING', channel = ?, account = ?"
        " WHERE number = ?",
        channel,
        account,
        refund["number"],
    )
    plan = _get_plan(store, refund["number"])
    _schedule(store, refund["number"], Plan("SUCCESS", plan.after_s))
    settle_due(store)
    return get_refund(store, refund["number"])


def settle_due(store: Store) -> None:
    """This function will move every refund whose time has come."""
    due = "SELECT * FROM wechatpay_refunds WHERE due_at <= ? ORDER BY due_at"
    if store.row(due, time.time()) is None:
        return
    with store.transaction():
        for refund in store.rows(due, time.time()):
            _move(store, refund, refund["due_status"])


def _move(store: Store, refund: sqlite3.Row, status: str) -> None:
    now = time.time()
    store.execute(
        "UPDATE wechatpay_refunds SET status = ?, due_at = NULL, success_at = ? WHERE number = ?",
        status,
        now if status == "SUCCESS" else None,
        refund["number"],
    )
    if status == "SUCCESS":
        _pay(store, refund, now)
    moved = get_refund(store, refund["number"])
    if moved["notify_url"]:
        _announce(store, moved, now)


def _pay(store: Store, refund: sqlite3.Row, now: float) -> None:
    """Money that goes back to the merchant's own account does not reach the customer."""
    is_customers = refund["account"] != MERCHANT_ACCOUNT
    target = TARGET if is_customers else "wechatpay.returned_to_merchant"
    number, amount_fen = refund["number"], refund["amount_fen"]
    store.record_effect(target, number, refund["trade_no"], amount_fen)
    values = (CHANNEL, number, refund["trade_no"], amount_fen, refund["refund_id"], now, now)
    store.execute("INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?)", *values)


def _announce(store: Store, refund: sqlite3.Row, now: float) -> None:
    """An out-of-order notify tells that the refund was stuck, after the one that it is not."""
    news = notifies.News(
        target=NOTIFY_TARGET,
        fault_target=TARGET,
        number=refund["number"],
        url=refund["notify_url"],
        body=describe_news(refund, refund["status"], at=now),
        before=describe_news(refund, "ABNORMAL", at=now - 60),
        amount_fen=refund["amount_fen"],
    )
    notifies.announce(store, news)


def describe_refund(refund: sqlite3.Row) -> Body:
    """This function will show a refund as request and query answer it."""
    amount_fen, total_fen = refund["amount_fen"], refund["total_fen"]
    body: Body = {
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["number"],
        "transaction_id": refund["trade_no"],
        "out_trade_no": refund["merchant_trade_no"],
        "channel": refund["channel"],
        "user_received_account": refund["account"],
        "create_time": beijing(refund["created_at"]),
        "status": refund["status"],
        "funds_account": "AVAILABLE",
        "amount": {
            "total": total_fen,
            "refund": amount_fen,
            "payer_total": total_fen,
            "payer_refund": amount_fen,
            "settlement_refund": amount_fen,
            "settlement_total": total_fen,
            "discount_refund": 0,
            "currency": "CNY",
        },
        "promotion_detail": [],
    }
    return body | _success_time(refund["success_at"])


def describe_news(refund: sqlite3.Row, status: str, *, at: float) -> Body:
    """This function will show what a notify tells: its event, and its resource in the clear."""
    amounts = {
        "total": refund["total_fen"],
        "refund": refund["amount_fen"],
        "payer_total": refund["total_fen"],
        "payer_refund": refund["amount_fen"],
    }
    resource: Body = {
        "out_trade_no": refund["merchant_trade_no"],
        "transaction_id": refund["trade_no"],
        "out_refund_no": refund["number"],
        "refund_id": refund["refund_id"],
        "refund_status": status,
        "amount": amounts,
        "user_received_account": refund["account"],
    }
    if status == "SUCCESS":
        resource |= _success_time(refund["success_at"])
    return {"event_type": f"REFUND.{status}", "create_time": beijing(at), "resource": resource}


def _success_time(at: float | None) -> Body:
    return {"success_time": beijing(at)} if at else {}


def beijing(at: float) -> str:
    return datetime.fromtimestamp(at, BEIJING).isoformat(timespec="seconds")


RULES: Mapping[str, float] = {
    #: Between two new refunds of one payment.
    "refund_spacing_s": 60,
    "max_refunds": 50,
    "window_s": 365 * 86_400,
    "requests_per_second": 150,
    #: What the merchant has to refund from.
    "balance_fen": 10.0**12,
    #: The times between two attempts of a notify are multiplied by this.
    "notify_scale": 1,
}


def set_rules(store: Store, body: Body) -> Body:
    """This function will change WeChat Pay's limits until the next reset: any of RULES."""
    for name, value in body.items():
        if name not in RULES:
            known = ", ".join(RULES)
            raise Refusal(400, "PARAM_ERROR", f"The rules are {known}.", field=name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise Refusal(400, "PARAM_ERROR", f"{name} must be 0 or more.", field=name)
        store.execute("INSERT OR REPLACE INTO wechatpay_rules VALUES (?, ?)", name, float(value))
    return get_rules(store)


def get_rules(store: Store) -> dict[str, Any]:
    rows = store.rows("SELECT * FROM wechatpay_rules")
    return {**RULES, **{row["name"]: row["value"] for row in rows}}
