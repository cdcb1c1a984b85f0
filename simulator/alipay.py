"""The Alipay open gateway: one address, a method by name, RSA2 both ways.

    POST | GET /alipay/gateway.do   app_id, method, charset, sign_type, timestamp, version,
                                    biz_content (JSON), sign
    GET        /alipay/bill/...     what alipay.data.dataservice.bill.downloadurl.query pointed to

Methods: alipay.trade.refund, alipay.trade.fastpay.refund.query, alipay.trade.query,
alipay.data.dataservice.bill.downloadurl.query. The answer is {"<method>_response": {...},
"sign": "..."} with HTTP 200 whatever it says; the sign covers the text of the inner object.

News of a refund is POSTed as a form to the address given with the payment (`notify_url` of
POST /control/trades), signed, until the receiver answers "success": after a partial refund
trade_status is TRADE_SUCCESS again, after the last one TRADE_CLOSED.

POST /control/alipay/balance {"balance_fen": N | null} says what the merchant's account holds; each
refund lowers it. At first, and with null, it always suffices.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from simulator import alipay_bills, alipay_trades, rsa
from simulator.alipay_trades import BEIJING, yuan_to_fen
from simulator.faults import NOTIFY_MODES
from simulator.gateway import Answer, Call, Operation
from simulator.messages import Body, Refusal, Reply, Request, json_reply, show_number
from simulator.notifies import Letter
from simulator.store import Store

#: How far a request's timestamp may be off; a desk that sends UTC is told so.
CLOCK_TOLERANCE = timedelta(minutes=10)
KEY_NAMES = (
    "alipay_app_id",
    "alipay_seller_id",
    "alipay_app_private_key",
    "alipay_app_public_key",
    "alipay_private_key",
    "alipay_public_key",
)
PATH = re.compile(r"/alipay/gateway\.do")
#: What Alipay calls the kinds of errors that are not the business's.
PUBLIC_CODES = {
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}
METHODS: dict[str, tuple[str, Callable[[Store, Call], Answer]]] = {
    "alipay.trade.refund": ("alipay.refund", alipay_trades.refund),
    "alipay.trade.fastpay.refund.query": ("alipay.query", alipay_trades.query),
    "alipay.trade.query": ("alipay.trade", alipay_trades.query_trade),
    "alipay.data.dataservice.bill.downloadurl.query": ("alipay.bill", alipay_bills.find_bill),
}


def make_keys() -> Mapping[str, str]:
    """This function will make an account: its numbers, the app's key pair and Alipay's own."""
    app_private, app_public = rsa.make_pair()
    private, public = rsa.make_pair()
    serial = f"{time.time_ns() % 10**10:010d}"
    values = (f"202100{serial}", f"208800{serial}", app_private, app_public, private, public)
    return dict(zip(KEY_NAMES, values, strict=True))


class AlipayGateway:
    notify_target = "alipay.notify"
    tables = ("alipay_account",)

    def __init__(self, keys: Mapping[str, str], store: Store) -> None:
        self._app_id, self._seller_id = keys["alipay_app_id"], keys["alipay_seller_id"]
        self._app_public, self._private = keys["alipay_app_public_key"], keys["alipay_private_key"]
        store.add_tables(alipay_trades.SCHEMA)
        self.control_routes = {("POST", "/control/alipay/balance"): alipay_trades.set_balance}
        self.operations = _list_operations()

    def open(self, request: Request, path_argument: str) -> Call:
        if path_argument:
            return Call({"token": path_argument})
        params = read_params(request)
        signature = params.pop("sign", "")
        if params.get("app_id") != self._app_id:
            raise Refusal(200, "isv.invalid-app-id", "There is no such app.")
        if params.get("sign_type") != "RSA2" or params.get("charset", "").lower() != "utf-8":
            raise Refusal(200, "isv.invalid-signature-type", "sign_type RSA2, charset utf-8.")
        if not rsa.is_signed(self._app_public, join_params(params), signature):
            raise Refusal(200, "isv.invalid-signature", "The signature is wrong.")
        _require_fresh(params.get("timestamp", ""))
        body = _read_biz_content(params.get("biz_content", ""))
        amount_fen = yuan_to_fen(body.get("refund_amount"))
        return Call(body, show_number(body, "out_request_no"), amount_fen)

    def seal(self, request: Request, status: int, body: Body) -> Reply:
        if "zip" in body:
            name = f'attachment; filename="{body["name"]}"'
            headers = {"Content-Type": "application/zip", "Content-Disposition": name}
            return Reply(200, body["zip"], headers)
        if PATH.fullmatch(request.path) is None:
            return json_reply(404, body)
        method = read_params(request).get("method", "")
        node = f"{method.replace('.', '_')}_response" if method in METHODS else "error_response"
        inner = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        signature = rsa.sign(self._private, inner.encode())
        # Text by hand: the sign covers the inner object exactly as it stands here.
        content = f'{{"{node}":{inner},"sign":"{signature}"}}'
        headers = {
            "Content-Type": "text/html;charset=utf-8",
            "trace_id": f"{time.time_ns():x}",
        }
        return Reply(200, content.encode(), headers)

    def refuse(self, refusal: Refusal) -> Body:
        return describe_refusal(refusal.code, refusal.message)

    def write_notify(self, body: Mapping[str, Any], *, notify_id: str) -> Letter:
        params = {
            **{name: str(value) for name, value in body.items() if value != ""},
            "notify_id": notify_id,
            "notify_time": datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
            "notify_type": "trade_status_sync",
            "app_id": self._app_id,
            "auth_app_id": self._app_id,
            "seller_id": self._seller_id,
            "charset": "utf-8",
            "version": "1.0",
        }
        signature = rsa.sign(self._private, join_params(params))
        form = urlencode({**params, "sign": signature, "sign_type": "RSA2"})
        content_type = "application/x-www-form-urlencoded; charset=utf-8"
        return Letter(form.encode(), {"Content-Type": content_type})

    def is_taken(self, status: int, text: str) -> bool:
        return text == "success"


def _list_operations() -> list[Operation]:
    bills = re.compile(r"/alipay/bill/([^/]+)")
    found = [Operation("alipay.download", "GET", bills, alipay_bills.download)]
    for http_method in ("POST", "GET"):
        for name, (target, perform) in METHODS.items():
            faults = frozenset(NOTIFY_MODES if target == "alipay.refund" else ())
            wants = _asks_for(name)
            found.append(Operation(target, http_method, PATH, perform, faults, wants))
        found.append(Operation("alipay.other", http_method, PATH, refuse_method))
    return found


def read_params(request: Request) -> dict[str, str]:
    """This function will read the parameters of query and form together, as the gateway does."""
    form = parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True)
    return {**request.query, **dict(form)}


def join_params(params: Mapping[str, str]) -> bytes:
    """This function will join parameters for signing: no empty ones, sorted, k=v&k=v."""
    kept = sorted((name, value) for name, value in params.items() if value != "")
    return "&".join(f"{name}={value}" for name, value in kept).encode()


def describe_refusal(code: str, message: str) -> Body:
    """This function will sort an error into Alipay's two levels: code and sub_code.

    A bare public code, such as "40005", is that level's own error.
    """
    if code in PUBLIC_CODES:
        sub_codes = {"20000": "isp.unknow-error", "40005": "isv.app-call-limited"}
        sub_code = sub_codes.get(code, "isv.unknown-error")
        return _refused(code, sub_code, message)
    level = {"aop": "20000", "isp": "20000", "isv": "40002"}.get(code.split(".", 1)[0], "40004")
    return _refused("40004" if code == alipay_bills.NO_BILL else level, code, message)


def _refused(code: str, sub_code: str, message: str) -> Body:
    return {"code": code, "msg": PUBLIC_CODES[code], "sub_code": sub_code, "sub_msg": message}


def refuse_method(store: Store, call: Call) -> Answer:
    raise Refusal(200, "isv.invalid-method", "There is no such method.")


def _asks_for(name: str) -> Callable[[Request], bool]:
    return lambda request: read_params(request).get("method") == name


def _require_fresh(timestamp: str) -> None:
    try:
        sent_at = datetime.strptime(timestamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
    except ValueError as error:
        raise Refusal(200, "isv.invalid-timestamp", "timestamp is unreadable.") from error
    if abs(datetime.now(BEIJING) - sent_at) > CLOCK_TOLERANCE:
        raise Refusal(200, "isv.invalid-timestamp", "timestamp is not now, in Beijing.")


def _read_biz_content(text: str) -> Body:
    try:
        body = json.loads(text)
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refusal(200, "isv.invalid-parameter", "biz_content is not JSON.") from error
    if not isinstance(body, dict):
        raise Refusal(200, "isv.invalid-parameter", "biz_content is no object.")
    return body
