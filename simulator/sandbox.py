"""The sandbox payment channel: the plainest protocol that is still a real one.

    POST /sandbox/refund          {refund_no, trade_no | merchant_trade_no, amount_fen, total_fen,
                                   reason}
    GET  /sandbox/refund/{number}
    GET  /sandbox/trade/{number}  the channel's trade number or the merchant's
    GET  /sandbox/bill?date=      a day's payments and refunds, Beijing time

JSON both ways, signed in three headers. X-Sandbox-Signature is the HMAC-SHA256 in lower-case hex of
these lines: for a request timestamp, nonce, METHOD, path, body; for an answer timestamp, the nonce
of the request, HTTP status, body. X-Sandbox-Timestamp is unix seconds, good for 300 s either way.

An answer's `status` is the fact and `code` its reason: SUCCEEDED, PROCESSING (accepted, ask again),
REJECTED (certainly not done), NOT_FOUND, CONFLICT (the number was used with other facts), UNKNOWN.
The channel sends no notify. A bill is as plain_bills says.
"""

from __future__ import annotations

import re
import time
from typing import Any

from simulator import plain_bills, trades
from simulator.faults import take_fault
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
from simulator.signing import is_fresh, is_signature, sign_parts
from simulator.store import Store, iso

CHANNEL = "sandbox"


class SandboxGateway:
    def __init__(self, secret: str) -> None:
        self._secret = secret
        self.operations = (
            Operation(
                "sandbox.refund",
                "POST",
                re.compile(r"/sandbox/refund"),
                refund,
                frozenset({"late_notify"}),
            ),
            Operation("sandbox.query", "GET", re.compile(r"/sandbox/refund/([^/]+)"), query),
            Operation("sandbox.trade", "GET", re.compile(r"/sandbox/trade/([^/]+)"), query_trade),
            Operation("sandbox.bill", "GET", re.compile(r"/sandbox/bill"), make_bill),
        )

    def open(self, request: Request, path_argument: str) -> Call:
        timestamp = request.header("X-Sandbox-Timestamp")
        nonce = request.header("X-Sandbox-Nonce")
        expected = sign_parts(
            self._secret, timestamp, nonce, request.method, request.path, request.body
        )
        if not nonce or not is_signature(request.header("X-Sandbox-Signature"), expected):
            raise Refusal(401, "SIGN_ERROR", "The signature is wrong.")
        if not is_fresh(timestamp):
            raise Refusal(401, "SIGN_ERROR", "The timestamp is more than 300 s off.")
        if request.method == "GET":
            return Call(dict(request.query), path_argument)
        body = request.json()
        return Call(body, show_number(body, "refund_no"), show_fen(body))

    def seal(self, request: Request, status: int, body: Body) -> Reply:
        reply = json_reply(status, {"request_id": f"{time.time_ns():x}", **body})
        timestamp = str(int(time.time()))
        nonce = request.header("X-Sandbox-Nonce")
        signature = sign_parts(self._secret, timestamp, nonce, str(status), reply.body)
        signed = {"X-Sandbox-Timestamp": timestamp, "X-Sandbox-Signature": signature}
        return Reply(status, reply.body, {**reply.headers, **signed})

    def refuse(self, refusal: Refusal) -> Body:
        body: Body = {
            "status": refusal.verdict,
            "code": refusal.code,
            "message": refusal.message,
        }
        return {**body, "field": refusal.field} if refusal.field else body


def refund(store: Store, call: Call) -> Answer:
    number = read_text(call.body, "refund_no")
    trade_no = read_text(call.body, "trade_no", required=False)
    merchant_no = read_text(call.body, "merchant_trade_no", required=not trade_no)
    amount_fen = read_fen(call.body, "amount_fen")
    total_fen = read_fen(call.body, "total_fen")
    read_text(call.body, "reason", required=False, limit=200)
    trade = trades.get_trade(store, CHANNEL, trade_no, merchant_no)
    if total_fen != trade["amount_fen"]:
        message = f"{trade['trade_no']} was paid with another amount."
        raise Refusal(400, "PARAM_ERROR", message, field="total_fen")
    late = take_fault(store, "sandbox.refund", notify=True)
    made = trades.make_refund(
        store,
        channel=CHANNEL,
        number=number,
        trade=trade,
        amount_fen=amount_fen,
        delay_s=late.seconds,
    )
    body = describe_refund(store, made)
    outcome = "repeated" if made.is_repeat else str(body["status"]).lower()
    return Answer(body, outcome)


def query(store: Store, call: Call) -> Answer:
    made = trades.find_refund(store, CHANNEL, call.number)
    if made is None:
        raise Refusal(404, "REFUND_NOT_FOUND", f"No refund {call.number}.", verdict="NOT_FOUND")
    body = describe_refund(store, made)
    return Answer(body, str(body["status"]).lower())


def query_trade(store: Store, call: Call) -> Answer:
    try:
        trade = trades.get_trade(store, CHANNEL, call.number)
    except Refusal as refusal:
        refusal.verdict = "NOT_FOUND"
        raise
    body: dict[str, Any] = {
        "status": "PAID",
        "trade_no": trade["trade_no"],
        "merchant_trade_no": trade["merchant_trade_no"],
        "amount_fen": trade["amount_fen"],
        "refunded_fen": trades.get_refunded_fen(store, CHANNEL, trade["trade_no"]),
        "paid_at": trade["paid_at"],
    }
    return Answer(body, "found")


def make_bill(store: Store, call: Call) -> Answer:
    return plain_bills.make_bill(store, CHANNEL, call.body, "date")


def describe_refund(store: Store, made: trades.RefundMade) -> Body:
    visible = made.visible_at <= time.time()
    return {
        "status": "SUCCEEDED" if visible else "PROCESSING",
        "refund_no": made.number,
        "channel_refund_no": made.channel_refund_no,
        "trade_no": made.trade_no,
        "amount_fen": made.amount_fen,
        # All refunds of this trade together, as the big channels report it: not this one's.
        "total_refunded_fen": trades.get_refunded_fen(store, CHANNEL, made.trade_no),
        "finished_at": iso(made.visible_at) if visible else "",
    }
