"""WeChat Pay, API v3, as a direct merchant sees it.

    POST /wechat/v3/refund/domestic/refunds
    GET  /wechat/v3/refund/domestic/refunds/{out_refund_no}
    POST /wechat/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund
    GET  /wechat/v3/pay/transactions/id/{transaction_id}?mchid=
    GET  /wechat/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid=
    GET  /wechat/v3/bill/tradebill, /bill/fundflowbill, /billdownload/file   (wechatpay_bills.py)
    GET  /wechat/v3/certificates

Requests carry WECHATPAY2-SHA256-RSA2048 over method, path with query (from /v3 on), timestamp,
nonce, body; answers and notifies are signed with the platform's key over timestamp, nonce, body. A
request whose signature is wrong is answered unsigned, and so is the file of a bill. Both halves are
in simulator-keys.json.

POST /control/wechatpay/plans chooses what becomes of refunds, /control/wechatpay/rules changes the
limits (wechatpay_book.py). A refund that moved is told to its notify_url until that answers 200 or
204: sealed, and signed anew at each attempt.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from simulator import trades, wechatpay_bills
from simulator import wechatpay_book as book
from simulator.faults import NOTIFY_MODES
from simulator.gateway import Answer, Call, Operation
from simulator.messages import Body, Refusal, Reply, Request, json_reply, read_fen, read_text
from simulator.notifies import Letter
from simulator.signing import is_fresh
from simulator.store import Store
from simulator.wechatpay_keys import SCHEME, WechatpayKeys

PREFIX = "/wechat"
REFUNDS = r"/wechat/v3/refund/domestic/refunds"
NUMBER = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}
#: Debit cards of these banks can take an abnormal refund.
BANKS = {
    f"{bank}_DEBIT"
    for bank in (
        *("CMB", "COMM", "ABC", "CCB", "ICBC", "BOC", "PAB", "SPDB"),
        *("CITIC", "CEB", "CMBC", "CIB", "GDB", "PSBC", "NBCB"),
    )
}
#: HTTP statuses of the codes that a fault may ask for.
STATUSES = {
    "PARAM_ERROR": 400,
    "INVALID_REQUEST": 400,
    "SIGN_ERROR": 401,
    "NOT_ENOUGH": 403,
    "NO_AUTH": 403,
    "USER_ACCOUNT_ABNORMAL": 403,
    "MCH_NOT_EXISTS": 404,
    "RESOURCE_NOT_EXISTS": 404,
    "ORDER_NOT_EXIST": 404,
    "FREQUENCY_LIMITED": 429,
    "SYSTEM_ERROR": 500,
}


#: Seconds after each attempt of a notify that was not taken: 24 h 4 min, then never again.
REPEAT_AFTER_S = (
    *(15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600),
    *(10_800, 10_800, 10_800, 21_600, 21_600),
)
SUMMARIES = {
    "REFUND.SUCCESS": "退款成功",
    "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
}


class WechatpayGateway:
    notify_target = book.NOTIFY_TARGET
    tables = book.TABLES
    control_routes: Mapping[tuple[str, str], Callable[[Store, Body], Body]] = {
        ("POST", "/control/wechatpay/plans"): book.plan_refunds,
        ("POST", "/control/wechatpay/rules"): book.set_rules,
    }

    def __init__(self, keys: WechatpayKeys, store: Store) -> None:
        self._keys = keys
        self._store = store
        store.add_tables(book.SCHEMA)
        self._lock = threading.Lock()
        self._recent: deque[float] = deque()
        bills = wechatpay_bills.Bills(keys)
        self.operations = (
            _operation("refund", "POST", REFUNDS, refund, frozenset(NOTIFY_MODES)),
            _operation("query", "GET", rf"{REFUNDS}/([^/]+)", query),
            _operation(
                "abnormal", "POST", rf"{REFUNDS}/([^/]+)/apply-abnormal-refund", self._abnormal
            ),
            _operation("trade", "GET", r"/wechat/v3/pay/transactions/id/([^/]+)", self._trade),
            _operation(
                "trade", "GET", r"/wechat/v3/pay/transactions/out-trade-no/([^/]+)", self._trade
            ),
            _operation("bill", "GET", r"/wechat/v3/bill/(tradebill|fundflowbill)", bills.offer),
            _operation("bill", "GET", r"/wechat/v3/billdownload/file", bills.download),
            _operation("certificates", "GET", r"/wechat/v3/certificates", self._certificates),
        )

    def open(self, request: Request, path_argument: str) -> Call:
        self._verify(request)
        self._count()
        if request.method == "GET":
            query_body: Body = {**request.query, "host": request.header("Host")}
            return Call({**query_body, "argument": path_argument}, path_argument)
        body = request.json()
        amount = body.get("amount")
        amount_fen = amount.get("refund") if isinstance(amount, dict) else None
        shown_fen = amount_fen if type(amount_fen) is int and abs(amount_fen) <= 10**15 else None
        number = str(body.get("out_refund_no", ""))[:64]
        return Call({**body, "argument": path_argument}, number, shown_fen)

    def _verify(self, request: Request) -> None:
        scheme, _, rest = request.header("Authorization").partition(" ")
        said = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        signed = (
            request.method,
            request.target.removeprefix(PREFIX),
            said.get("timestamp", ""),
            said.get("nonce_str", ""),
            request.body,
        )
        names = (said.get("mchid"), said.get("serial_no"))
        if scheme != SCHEME or names != (self._keys.mch_id, self._keys.merchant_serial):
            raise Refusal(401, "SIGN_ERROR", "The scheme, mchid or serial_no is wrong.")
        if not self._keys.is_merchants(said.get("signature", ""), *signed):
            raise Refusal(401, "SIGN_ERROR", "The signature is wrong.")
        if not said.get("nonce_str") or not is_fresh(said.get("timestamp")):
            raise Refusal(401, "SIGN_ERROR", "The timestamp is more than 300 s off.")

    def _count(self) -> None:
        limit = book.get_rules(self._store)["requests_per_second"]
        now = time.monotonic()
        with self._lock:
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= limit:
                raise Refusal(429, "FREQUENCY_LIMITED", "Too many requests: slow down.")
            self._recent.append(now)

    def seal(self, request: Request, status: int, body: Body) -> Reply:
        code = body.get("code", "")
        status = STATUSES.get(code, status)
        file = body.get("file")
        reply = (
            Reply(200, file, {"Content-Type": "application/octet-stream"})
            if isinstance(file, bytes)
            else json_reply(status, body)
        )
        headers = {**reply.headers, "Request-ID": secrets.token_hex(20).upper()}
        if code != "SIGN_ERROR" and not isinstance(file, bytes):
            by_certificate = request.header("Wechatpay-Serial") != self._keys.public_key_id
            headers |= self._keys.sign(reply.body, with_certificate=by_certificate)
        return Reply(status, reply.body, headers)

    def refuse(self, refusal: Refusal) -> Body:
        body: Body = {"code": refusal.code, "message": refusal.message}
        if refusal.field:
            body["detail"] = {"field": refusal.field, "issue": refusal.message}
        return body

    @property
    def repeat_after_s(self) -> list[float]:
        scale = book.get_rules(self._store)["notify_scale"]
        return [seconds * scale for seconds in REPEAT_AFTER_S]

    def write_notify(self, body: Mapping[str, Any], *, notify_id: str) -> Letter:
        resource = {"mchid": self._keys.mch_id, **body["resource"]}
        letter = {
            "id": notify_id,
            "create_time": body["create_time"],
            "resource_type": "encrypt-resource",
            "event_type": body["event_type"],
            "summary": SUMMARIES[body["event_type"]],
            "resource": self._keys.seal_json(resource, associated_data="refund"),
        }
        content = json.dumps(letter, ensure_ascii=False, separators=(",", ":")).encode()
        return Letter(content, {"Content-Type": "application/json", **self._keys.sign(content)})

    def is_taken(self, status: int, text: str) -> bool:
        return status in (200, 204)

    def _abnormal(self, store: Store, call: Call) -> Answer:
        book.settle_due(store)
        found = book.find_refund(store, read_text(call.body, "out_refund_no"))
        if found is None or found["refund_id"] != call.body["argument"]:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "There is no such refund.")
        kind = read_text(call.body, "type")
        if found["status"] != "ABNORMAL":
            message = f"The refund is {found['status']}, not ABNORMAL."
            raise Refusal(400, "INVALID_REQUEST", message)
        if kind == "MERCHANT_BANK_CARD":
            moved = book.redirect(store, found, channel="ORIGINAL", account=book.MERCHANT_ACCOUNT)
        elif kind == "USER_BANK_CARD":
            moved = book.redirect(
                store, found, channel="OTHER_BANKCARD", account=self._read_card(call.body)
            )
        else:
            raise Refusal(400, "PARAM_ERROR", "type is not known.", field="type")
        return Answer(book.describe_refund(moved), "accepted")

    def _read_card(self, body: Body) -> str:
        """This function will open the customer's card number and name, and check them."""
        bank = read_text(body, "bank_type")
        if bank not in BANKS:
            raise Refusal(400, "PARAM_ERROR", "bank_type is not one of ours.", field="bank_type")
        card = self._keys.open_field(read_text(body, "bank_account", limit=1024))
        if card is None or not re.fullmatch(r"\d{12,19}", card):
            raise Refusal(400, "PARAM_ERROR", "bank_account is wrong.", field="bank_account")
        if not self._keys.open_field(read_text(body, "real_name", limit=1024)):
            raise Refusal(400, "PARAM_ERROR", "real_name is wrong.", field="real_name")
        return f"{bank.removesuffix('_DEBIT')}借记卡{card[-4:]}"

    def _trade(self, store: Store, call: Call) -> Answer:
        if call.body.get("mchid") != self._keys.mch_id:
            raise Refusal(400, "PARAM_ERROR", "mchid is not yours.", field="mchid")
        trade = _get_trade(store, call.number, code="ORDER_NOT_EXIST")
        was_refunded = bool(book.get_refunds_of(store, trade["trade_no"]))
        body: dict[str, Any] = {
            "appid": "wx0000000000000000",
            "mchid": self._keys.mch_id,
            "out_trade_no": trade["merchant_trade_no"],
            "transaction_id": trade["trade_no"],
            "trade_type": "NATIVE",
            "trade_state": "REFUND" if was_refunded else "SUCCESS",
            "trade_state_desc": "",
            "bank_type": "OTHERS",
            "success_time": trade["paid_at"],
            "payer": {"openid": "o0000000000000000000000000"},
            "amount": {
                "total": trade["amount_fen"],
                "payer_total": trade["amount_fen"],
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }
        return Answer(body, "found")

    def _certificates(self, store: Store, call: Call) -> Answer:
        certificate = self._keys.certificate
        sealed = self._keys.seal(self._keys.certificate_pem.encode(), associated_data="certificate")
        item = {
            "serial_no": self._keys.certificate_serial,
            "effective_time": certificate.not_valid_before_utc.isoformat(),
            "expire_time": certificate.not_valid_after_utc.isoformat(),
            "encrypt_certificate": sealed,
        }
        return Answer({"data": [item]}, "answered")


def _operation(
    name: str,
    method: str,
    path: str,
    perform: Callable[[Store, Call], Answer],
    notify_modes: frozenset[str] = frozenset(),
) -> Operation:
    return Operation(f"wechatpay.{name}", method, re.compile(path), perform, notify_modes)


def refund(store: Store, call: Call) -> Answer:
    book.settle_due(store)
    wanted, trade_numbers = _read_refund(call.body)
    trade = _get_trade(store, *trade_numbers)
    known = book.find_refund(store, wanted.number)
    if known is not None:
        facts = (known["amount_fen"], known["total_fen"], known["trade_no"])
        if facts != (wanted.amount_fen, wanted.total_fen, trade["trade_no"]):
            raise Refusal(400, "INVALID_REQUEST", f"{wanted.number} was used with other facts.")
        return Answer(book.describe_refund(known), "repeated")
    _check_rules(store, wanted, trade)
    taken = book.take_in(store, wanted, trade)
    return Answer(book.describe_refund(taken), str(taken["status"]).lower())


def _read_refund(body: Body) -> tuple[book.Wanted, tuple[str, str]]:
    number = read_text(body, "out_refund_no")
    if not NUMBER.fullmatch(number):
        message = "out_refund_no has characters that it may not have."
        raise Refusal(400, "PARAM_ERROR", message, field="out_refund_no")
    transaction_id = read_text(body, "transaction_id", required=False, limit=32)
    out_trade_no = read_text(body, "out_trade_no", required=not transaction_id, limit=32)
    amount = body.get("amount")
    if not isinstance(amount, dict) or amount.get("currency") != "CNY":
        raise Refusal(400, "PARAM_ERROR", "amount must have the currency CNY.", field="amount")
    read_text(body, "reason", required=False, limit=80)
    notify_url = read_text(body, "notify_url", required=False, limit=256)
    _check_notify_url(notify_url)
    wanted = book.Wanted(
        number=number,
        amount_fen=read_fen(amount, "refund"),
        total_fen=read_fen(amount, "total"),
        notify_url=notify_url,
    )
    return wanted, (transaction_id, out_trade_no)


def _check_notify_url(url: str) -> None:
    """https without a query, save that this machine may be told in the clear."""
    parts = urlsplit(url)
    is_near = parts.hostname in LOOPBACK_NAMES
    if url and (parts.query or not (parts.scheme == "https" or is_near)):
        message = "notify_url must be https without a query."
        raise Refusal(400, "PARAM_ERROR", message, field="notify_url")


def _get_trade(
    store: Store, trade_no: str, merchant_no: str = "", code: str = "RESOURCE_NOT_EXISTS"
) -> sqlite3.Row:
    try:
        return trades.get_trade(store, book.CHANNEL, trade_no, merchant_no)
    except Refusal as refusal:
        raise Refusal(404, code, refusal.message) from refusal


def _check_rules(store: Store, wanted: book.Wanted, trade: sqlite3.Row) -> None:
    rules = book.get_rules(store)
    refunds = book.get_refunds_of(store, trade["trade_no"])
    now = time.time()
    left_fen = trade["amount_fen"] - sum(row["amount_fen"] for row in refunds)
    paid_at = datetime.fromisoformat(trade["paid_at"]).timestamp() if trade["paid_at"] else now
    objections = (
        (wanted.total_fen != trade["amount_fen"], "total is not what was paid."),
        (now - paid_at > rules["window_s"], "The payment is too old to be refunded."),
        (wanted.amount_fen > left_fen, f"Only {left_fen} fen are left of the payment."),
        (len(refunds) >= rules["max_refunds"], "The payment was refunded too many times."),
    )
    for is_true, message in objections:
        if is_true:
            raise Refusal(400, "INVALID_REQUEST", message)
    if refunds and now - refunds[-1]["created_at"] < rules["refund_spacing_s"]:
        raise Refusal(429, "FREQUENCY_LIMITED", "One refund of a payment a minute.")
    spent = store.row(
        "SELECT COALESCE(SUM(amount_fen), 0) AS fen FROM wechatpay_refunds WHERE status <> 'CLOSED'"
    )
    if wanted.amount_fen > rules["balance_fen"] - (spent["fen"] if spent else 0):
        raise Refusal(403, "NOT_ENOUGH", "The merchant's balance is not enough.")


def query(store: Store, call: Call) -> Answer:
    book.settle_due(store)
    found = book.find_refund(store, call.number)
    if found is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", f"There is no refund {call.number}.")
    return Answer(book.describe_refund(found), str(found["status"]).lower())
