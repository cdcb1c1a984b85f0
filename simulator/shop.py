"""A shop's own refund endpoint, as docs/shop-refund-endpoint.md asks a shop to build it.

    POST /shop/refund               {refund_no, trade_no | merchant_trade_no, amount_fen, total_fen,
                                     reason}
    GET  /shop/refund?refund_no=...
    GET  /shop/refund?bill_date=...  (plain_bills.py)

JSON both ways. X-Desk-Signature is the HMAC-SHA256 in lower-case hex of these lines: for a request
timestamp, nonce, METHOD, path with query, body; for an answer timestamp, the nonce of the request,
HTTP status, body. The words of an answer are the sandbox channel's (sandbox.py).
"""

from __future__ import annotations

import re
import time

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
from simulator.sandbox import describe_refund
from simulator.signing import is_fresh, is_signature, sign_parts
from simulator.store import Store

CHANNEL = "shop"
PATH = re.compile("/shop/refund")


class ShopGateway:
    def __init__(self, secret: str) -> None:
        self._secret = secret
        self.operations = (
            Operation("shop.refund", "POST", PATH, refund, frozenset({"late_notify"})),
            Operation("shop.bill", "GET", PATH, make_bill, wants=lambda r: "bill_date" in r.query),
            Operation("shop.query", "GET", PATH, query),
        )

    def open(self, request: Request, path_argument: str) -> Call:
        timestamp, nonce = request.header("X-Desk-Timestamp"), request.header("X-Desk-Nonce")
        lines = (timestamp, nonce, request.method, request.target, request.body)
        expected = sign_parts(self._secret, *lines)
        if not nonce or not is_signature(request.header("X-Desk-Signature"), expected):
            raise Refusal(401, "SIGN_ERROR", "The signature is wrong.")
        if not is_fresh(timestamp):
            raise Refusal(401, "SIGN_ERROR", "The timestamp is more than 300 s off.")
        body = request.json() if request.method == "POST" else dict(request.query)
        return Call(body, show_number(body, "refund_no"), show_fen(body))

    def seal(self, request: Request, status: int, body: Body) -> Reply:
        reply = json_reply(status, {"request_id": f"{time.time_ns():x}", **body})
        timestamp = str(int(time.time()))
        nonce = request.header("X-Desk-Nonce")
        signature = sign_parts(self._secret, timestamp, nonce, str(status), reply.body)
        signed = {"X-Desk-Timestamp": timestamp, "X-Desk-Signature": signature}
        return Reply(status, reply.body, {**reply.headers, **signed})

    def refuse(self, refusal: Refusal) -> Body:
        return {"status": refusal.verdict, "code": refusal.code, "message": refusal.message}


def refund(store: Store, call: Call) -> Answer:
    number = read_text(call.body, "refund_no")
    trade_no = read_text(call.body, "trade_no", required=False)
    merchant_no = read_text(call.body, "merchant_trade_no", required=not trade_no)
    amount_fen, total_fen = read_fen(call.body, "amount_fen"), read_fen(call.body, "total_fen")
    trade = trades.get_trade(store, CHANNEL, trade_no, merchant_no)
    if total_fen != trade["amount_fen"]:
        raise Refusal(400, "PARAM_ERROR", f"{trade['trade_no']} was paid with another amount.")
    late = take_fault(store, "shop.refund", notify=True)
    made = trades.make_refund(
        store,
        channel=CHANNEL,
        number=number,
        trade=trade,
        amount_fen=amount_fen,
        delay_s=late.seconds,
    )
    body = describe_refund(store, made)
    return Answer(body, "repeated" if made.is_repeat else str(body["status"]).lower())


def query(store: Store, call: Call) -> Answer:
    made = trades.find_refund(store, CHANNEL, read_text(call.body, "refund_no"))
    if made is None:
        raise Refusal(404, "REFUND_NOT_FOUND", f"No refund {call.number}.", verdict="NOT_FOUND")
    body = describe_refund(store, made)
    return Answer(body, str(body["status"]).lower())


def make_bill(store: Store, call: Call) -> Answer:
    return plain_bills.make_bill(store, CHANNEL, call.body, "bill_date")
