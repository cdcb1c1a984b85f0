"""One top-up supplier with the manners most of them share.

    POST /supplier/submit   {app_id, number, account, product, amount_fen, notify_url}
    POST /supplier/query    {app_id, number}
    POST /supplier/cancel   {app_id, number}
    POST /supplier/balance  {app_id}

Flat JSON both ways, each with timestamp, nonce and sign: all other parameters but empty ones,
sorted, k=v&k=v, HMAC-SHA256, upper-case hex. `status` is pending, success, fail or partial;
`code` is "0" or a reason. `number` is the shop's and makes a repeated submission harmless.
A changed status is POSTed to notify_url, signed likewise, until the receiver answers "success".
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import time
import uuid
from collections.abc import Mapping
from typing import Any

from simulator import notifies
from simulator.faults import NOTIFY_MODES
from simulator.gateway import Answer, Call, Operation
from simulator.messages import (
    Body,
    Refusal,
    Reply,
    Request,
    json_reply,
    read_fen,
    read_text,
    show_fen,
    show_number,
)
from simulator.outcomes import Outcome, get_outcome, read_outcome
from simulator.signing import is_fresh, is_signature, sign_params
from simulator.store import Store, iso

APP_ID = "helpdesk"
STARTING_BALANCE_FEN = 10**10
NOTIFY_TARGET = "supplier.notify"


class SupplierGateway:
    notify_target = NOTIFY_TARGET

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self.operations = tuple(
            Operation(
                f"supplier.{name}", "POST", re.compile(f"/supplier/{name}"), perform, notify_modes
            )
            for name, perform, notify_modes in (
                ("submit", submit, frozenset(NOTIFY_MODES)),
                ("query", query, frozenset[str]()),
                ("cancel", cancel, frozenset[str]()),
                ("balance", balance, frozenset[str]()),
            )
        )

    def open(self, request: Request, path_argument: str) -> Call:
        body = request.json()
        if any(isinstance(value, (dict, list)) for value in body.values()):
            raise Refusal(400, "PARAM_ERROR", "The parameters must be flat.")
        if not is_signature(str(body.get("sign", "")), sign_params(self._secret, body)):
            raise Refusal(401, "SIGN_ERROR", "The sign is wrong.")
        if not is_fresh(body.get("timestamp")) or body.get("app_id") != APP_ID:
            raise Refusal(401, "SIGN_ERROR", "The timestamp or app_id is wrong.")
        return Call(body, show_number(body, "number"), show_fen(body))

    def seal(self, request: Request, status: int, body: Body) -> Reply:
        return json_reply(status, self.sign(body))

    def sign(self, body: Mapping[str, Any]) -> Body:
        signed = {**body, "timestamp": int(time.time()), "nonce": secrets.token_hex(8)}
        return {**signed, "sign": sign_params(self._secret, signed)}

    def refuse(self, refusal: Refusal) -> Body:
        return {"code": refusal.code, "message": refusal.message, "field": refusal.field}

    def write_notify(self, body: Mapping[str, Any], *, notify_id: str) -> notifies.Letter:
        payload = self.sign({**body, "app_id": APP_ID, "notify_id": notify_id})
        return notifies.Letter(json.dumps(payload).encode(), {"Content-Type": "application/json"})

    def is_taken(self, status: int, text: str) -> bool:
        return status == 200 and text in ("success", "ok")


def submit(store: Store, call: Call) -> Answer:
    number = read_text(call.body, "number")
    account = read_text(call.body, "account", required=False, limit=128)
    product = read_text(call.body, "product")
    amount_fen = read_fen(call.body, "amount_fen")
    notify_url = read_text(call.body, "notify_url", required=False, limit=500)
    known = store.row("SELECT * FROM supplier_orders WHERE number = ?", number)
    if known is not None:
        if (known["account"], known["amount_fen"]) != (account, amount_fen):
            message = f"{number} was used with other facts."
            raise Refusal(409, "ORDER_DUPLICATE", message, field="number", verdict="CONFLICT")
        return Answer(describe_order(known), "repeated")
    outcome = get_outcome(store, number)
    now = time.time()
    due_at = None if outcome.state == "pending" else now + outcome.after_s
    order_no = f"SP{time.strftime('%Y%m%d')}{uuid.uuid4().hex[:12]}"
    values = (number, order_no, account, product, amount_fen, notify_url)
    rest = (now, due_at, outcome.to_json())
    store.execute(
        "INSERT INTO supplier_orders (number, supplier_order_no, account, product, amount_fen,"
        " notify_url, state, changed_at, due_at, outcome, seeded)"
        " VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, 0)",
        *values,
        *rest,
    )
    settle_due(store)
    return Answer(describe_order(_get_order(store, number)), "accepted")


def query(store: Store, call: Call) -> Answer:
    settle_due(store)
    order = _get_order(store, call.number)
    return Answer(describe_order(order), order["state"])


def cancel(store: Store, call: Call) -> Answer:
    settle_due(store)
    order = _get_order(store, call.number)
    if order["state"] == "pending":
        if not json.loads(order["outcome"]).get("cancellable", True):
            raise Refusal(409, "CANCEL_REFUSED", "The order is with the operator.")
        change_order(store, order, Outcome(state="fail", code="CANCELLED"))
    order = _get_order(store, call.number)
    return Answer(describe_order(order), order["state"])


def balance(store: Store, call: Call) -> Answer:
    found = store.row(
        "SELECT COALESCE(SUM(delivered_fen), 0) AS fen FROM supplier_orders WHERE seeded = 0"
    )
    spent_fen = found["fen"] if found else 0
    return Answer({"code": "0", "balance_fen": STARTING_BALANCE_FEN - spent_fen}, "answered")


def add_past_order(store: Store, item: Mapping[str, Any]) -> bool:
    """This function will make an order of the past known, without effects; False when it was.

    :raises Refusal: naming the field and what is wrong with it.
    """
    number, outcome = read_text(item, "number"), read_outcome(item)
    amount_fen = read_fen(item, "amount_fen")
    arrived = {"success": amount_fen, "partial": outcome.delivered_fen}
    inserted = store.execute(
        "INSERT OR IGNORE INTO supplier_orders (number, supplier_order_no, account, product,"
        " amount_fen, notify_url, state, delivered_fen, voucher_no, code, changed_at, due_at,"
        " outcome, seeded) VALUES (?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, NULL, ?, 1)",
        number,
        read_text(item, "supplier_order_no", required=False) or f"SP{number}"[:64],
        read_text(item, "account", required=False, limit=128),
        read_text(item, "product", required=False),
        amount_fen,
        outcome.state,
        arrived.get(outcome.state, 0),
        read_text(item, "voucher_no", required=False, limit=128),
        outcome.code,
        time.time(),
        Outcome(state="pending", cancellable=outcome.cancellable).to_json(),
    )
    return inserted.rowcount == 1


def _get_order(store: Store, number: str) -> sqlite3.Row:
    found = store.row("SELECT * FROM supplier_orders WHERE number = ?", number)
    if found is None:
        raise Refusal(404, "ORDER_NOT_FOUND", f"No order {number}.", field="number")
    return found


def describe_order(order: sqlite3.Row) -> Body:
    return {
        "code": order["code"] or "0",
        "status": order["state"],
        "number": order["number"],
        "supplier_order_no": order["supplier_order_no"],
        "amount_fen": order["amount_fen"],
        "delivered_fen": order["delivered_fen"],
        "voucher_no": order["voucher_no"],
        "changed_at": iso(order["changed_at"]),
    }


def settle_due(store: Store) -> None:
    """This function will bring every order whose time has come to the outcome chosen for it."""
    due = "SELECT * FROM supplier_orders WHERE due_at <= ?"
    if store.row(due, time.time()) is None:
        return
    with store.transaction():
        for order in store.rows(due, time.time()):
            change_order(store, order, Outcome(**json.loads(order["outcome"])))


def change_order(store: Store, order: sqlite3.Row, outcome: Outcome) -> None:
    """This function will move an order to another state, book the credit that really moved, and
    announce it. A delivered order that fails now is reversed: the credit goes back."""
    arrived = {"success": order["amount_fen"], "partial": outcome.delivered_fen}
    delivered_fen = min(arrived.get(outcome.state, 0), order["amount_fen"])
    moved_fen = delivered_fen - order["delivered_fen"]
    keeps_voucher = outcome.voucher and delivered_fen > 0
    voucher_no = order["voucher_no"] or f"V{time.time_ns()}{secrets.token_hex(2)}"
    store.execute(
        "UPDATE supplier_orders SET state = ?, delivered_fen = ?, voucher_no = ?, code = ?,"
        " changed_at = ?, due_at = NULL WHERE number = ?",
        outcome.state,
        delivered_fen,
        voucher_no if keeps_voucher else "",
        outcome.code,
        time.time(),
        order["number"],
    )
    if moved_fen > 0:
        store.record_effect(
            "supplier.submit", order["number"], order["supplier_order_no"], moved_fen
        )
    elif moved_fen < 0:
        store.record_effect(
            "supplier.reverse", order["number"], order["supplier_order_no"], -moved_fen
        )
    if order["notify_url"] and outcome.state != "pending":
        before = describe_order(order)
        news = notifies.News(
            target=NOTIFY_TARGET,
            fault_target="supplier.submit",
            number=order["number"],
            url=order["notify_url"],
            body=describe_order(_get_order(store, order["number"])),
            before=before,
            amount_fen=delivered_fen,
        )
        notifies.announce(store, news)
