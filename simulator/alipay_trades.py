"""What Alipay's trade methods do: refund, refund query, trade query, and the news of them."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from simulator import notifies, trades
from simulator.faults import Fault, take_fault
from simulator.gateway import Answer, Call
from simulator.messages import Body, Refusal, read_fen
from simulator.store import Store

CHANNEL = "alipay"
BEIJING = ZoneInfo("Asia/Shanghai")
#: From the payment to the last refund; the contract of this account says a year.
REFUND_WINDOW = timedelta(days=365)
#: Between two refunds of one trade. Alipay's page asks for it and names no code of its own.
REFUND_SPACING_S = 3.0
SCHEMA = "CREATE TABLE IF NOT EXISTS alipay_account (balance_fen INTEGER NOT NULL);"
BUYER = {"buyer_logon_id": "138****0000", "buyer_user_id": "2088000000000001"}


def refund(store: Store, call: Call) -> Answer:
    trade = _get_trade(store, call.body)
    number = _text(call.body, "out_request_no") or trade["merchant_trade_no"] or trade["trade_no"]
    _text(call.body, "refund_reason", limit=256)
    amount_fen = yuan_to_fen(call.body.get("refund_amount"))
    if not amount_fen:
        raise Refusal(200, "ACQ.INVALID_PARAMETER", "refund_amount is no amount in yuan.")
    known = trades.find_refund(store, CHANNEL, number)
    if known is not None and (known.amount_fen, known.trade_no) != (amount_fen, trade["trade_no"]):
        message = f"{number} was refunded with another amount."
        raise Refusal(200, "ACQ.DISCORDANT_REPEAT_REQUEST", message)
    fault = Fault("none")
    if known is None:
        _require_refundable(store, trade, amount_fen)
        fault = take_fault(store, "alipay.refund", notify=True)
    late_s = fault.seconds if fault.mode == "late_notify" else 0.0
    before = describe_news(store, trade)
    made = trades.make_refund(
        store, channel=CHANNEL, number=number, trade=trade, amount_fen=amount_fen, delay_s=late_s
    )
    if not made.is_repeat:
        _tell(store, trade, made, before=before, fault=fault)
    changed = not made.is_repeat and late_s == 0
    body = {
        **_success(trade),
        "buyer_logon_id": BUYER["buyer_logon_id"],
        "fund_change": "Y" if changed else "N",
        # All refunds of the trade together, not this one.
        "refund_fee": fen_to_yuan(trades.get_refunded_fen(store, CHANNEL, trade["trade_no"])),
        "gmt_refund_pay": local(made.visible_at),
    }
    if "refund_detail_item_list" in _options(call.body):
        body["send_back_fee"] = fen_to_yuan(made.amount_fen if changed else 0)
    return Answer(body, "repeated" if made.is_repeat else "succeeded" if changed else "accepted")


def _require_refundable(store: Store, trade: sqlite3.Row, amount_fen: int) -> None:
    """The refusals of a refund that was not made before, in Alipay's order."""
    refunded_fen = trades.get_refunded_fen(store, CHANNEL, trade["trade_no"])
    if refunded_fen >= trade["amount_fen"]:
        raise Refusal(200, "ACQ.TRADE_HAS_CLOSE", "The trade is closed.")
    if is_finished(trade):
        raise Refusal(200, "ACQ.TRADE_HAS_FINISHED", "The trade is finished: no refund any more.")
    if amount_fen > trade["amount_fen"] - refunded_fen:
        raise Refusal(200, "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "More than is left of the trade.")
    last = store.row(
        "SELECT MAX(made_at) AS at FROM refunds WHERE channel = ? AND trade_no = ?",
        CHANNEL,
        trade["trade_no"],
    )
    if last and last["at"] and time.time() - last["at"] < REFUND_SPACING_S:
        raise Refusal(200, "ACQ.SYSTEM_ERROR", "Refunds of one trade need 3 s between them.")
    balance = store.row("SELECT balance_fen FROM alipay_account")
    if balance is not None:
        if balance["balance_fen"] < amount_fen:
            raise Refusal(200, "ACQ.SELLER_BALANCE_NOT_ENOUGH", "The account has too little.")
        store.execute("UPDATE alipay_account SET balance_fen = balance_fen - ?", amount_fen)


def query(store: Store, call: Call) -> Answer:
    trade = _get_trade(store, call.body)
    number = _text(call.body, "out_request_no")
    if not number:
        raise Refusal(200, "ACQ.INVALID_PARAMETER", "out_request_no is missing.")
    made = trades.find_refund(store, CHANNEL, number)
    if made is None or made.trade_no != trade["trade_no"] or made.visible_at > time.time():
        # Neither an error nor a word about the refund: it was not received, or not yet done.
        return Answer({"code": "10000", "msg": "Success"}, "nothing")
    body = {
        **_success(trade),
        "out_request_no": number,
        "total_amount": fen_to_yuan(trade["amount_fen"]),
        "refund_amount": fen_to_yuan(made.amount_fen),
        "refund_status": "REFUND_SUCCESS",
    }
    if "gmt_refund_pay" in _options(call.body):
        body["gmt_refund_pay"] = local(made.visible_at)
    return Answer(body, "succeeded")


def query_trade(store: Store, call: Call) -> Answer:
    trade = _get_trade(store, call.body)
    status = trade_status(store, trade)
    body = {
        **_success(trade),
        **BUYER,
        "trade_status": status,
        "total_amount": fen_to_yuan(trade["amount_fen"]),
        "send_pay_date": _paid_at(trade),
    }
    return Answer(body, status.lower())


def trade_status(store: Store, trade: sqlite3.Row) -> str:
    if trades.get_refunded_fen(store, CHANNEL, trade["trade_no"]) >= trade["amount_fen"]:
        return "TRADE_CLOSED"
    return "TRADE_FINISHED" if is_finished(trade) else "TRADE_SUCCESS"


def is_finished(trade: sqlite3.Row) -> bool:
    if not trade["paid_at"]:
        return False
    return datetime.now(BEIJING) - datetime.fromisoformat(trade["paid_at"]) > REFUND_WINDOW


def describe_news(
    store: Store, trade: sqlite3.Row, made: trades.RefundMade | None = None
) -> dict[str, str]:
    """This function will tell a trade as a notify does: the payment's own words, and with a
    refund what it brought. Nothing but these marks a refund; a partial one says TRADE_SUCCESS."""
    refunded_fen = trades.get_refunded_fen(store, CHANNEL, trade["trade_no"])
    closed = refunded_fen >= trade["amount_fen"]
    at = local(made.visible_at) if made else ""
    return {
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["merchant_trade_no"],
        "trade_status": "TRADE_CLOSED" if closed else "TRADE_SUCCESS",
        "buyer_id": BUYER["buyer_user_id"],
        "buyer_logon_id": BUYER["buyer_logon_id"],
        "subject": "Top-up",
        "total_amount": fen_to_yuan(trade["amount_fen"]),
        "gmt_create": _paid_at(trade),
        "gmt_payment": _paid_at(trade),
        "refund_fee": fen_to_yuan(refunded_fen) if refunded_fen else "",
        "gmt_refund": f"{at}.000" if at else "",
        "gmt_close": at if closed else "",
        "out_biz_no": made.number if made else "",
    }


def _tell(
    store: Store,
    trade: sqlite3.Row,
    made: trades.RefundMade,
    *,
    before: Mapping[str, str],
    fault: Fault,
) -> None:
    news = notifies.News(
        target="alipay.notify",
        fault_target="alipay.refund",
        number=made.number,
        url=trade["notify_url"],
        body=describe_news(store, trade, made),
        before=before,
        amount_fen=made.amount_fen,
    )
    notifies.announce(store, news, fault)


def set_balance(store: Store, body: Body) -> Body:
    store.execute("DELETE FROM alipay_account")
    if body.get("balance_fen") is None:
        return {"balance_fen": None}
    balance_fen = read_fen(body, "balance_fen", least=0)
    store.execute("INSERT INTO alipay_account VALUES (?)", balance_fen)
    return {"balance_fen": balance_fen}


def _get_trade(store: Store, body: Body) -> sqlite3.Row:
    trade_no, merchant_no = _text(body, "trade_no"), _text(body, "out_trade_no")
    if not trade_no and not merchant_no:
        raise Refusal(200, "ACQ.INVALID_PARAMETER", "trade_no or out_trade_no is needed.")
    try:
        return trades.get_trade(store, CHANNEL, trade_no, merchant_no)
    except Refusal as refusal:
        raise Refusal(200, "ACQ.TRADE_NOT_EXIST", refusal.message) from refusal


def _text(body: Body, name: str, *, limit: int = 64) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > limit:
        raise Refusal(200, "ACQ.INVALID_PARAMETER", f"{name} must be text of at most {limit}.")
    return value


def _options(body: Body) -> list[Any]:
    options = body.get("query_options", [])
    return options if isinstance(options, list) else []


def _success(trade: sqlite3.Row) -> Body:
    return {
        "code": "10000",
        "msg": "Success",
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["merchant_trade_no"],
    }


def _paid_at(trade: sqlite3.Row) -> str:
    if not trade["paid_at"]:
        return ""
    return local(datetime.fromisoformat(trade["paid_at"]).timestamp())


def local(at: float) -> str:
    return datetime.fromtimestamp(at, BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def fen_to_yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def yuan_to_fen(text: object) -> int | None:
    """This function will read an amount as Alipay takes it: "12.3", "12.30" or the number 12.3."""
    match = re.fullmatch(r"(\d{1,9})(?:\.(\d{1,2}))?", str(text))
    if match is None or isinstance(text, bool):
        return None
    return int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))
