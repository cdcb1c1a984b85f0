"""Payments the simulator knows, and refunds of them: the rules all payment channels share."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.messages import Refusal, read_fen, read_text
from simulator.store import Store

CHANNELS = ("alipay", "wechatpay", "shop", "sandbox", "offline")


@dataclass(frozen=True, slots=True)
class RefundMade:
    number: str
    channel_refund_no: str
    amount_fen: int
    trade_no: str
    visible_at: float
    is_repeat: bool


def add_trade(store: Store, body: Mapping[str, Any]) -> bool:
    """This function will make a payment known; False when it was known already.

    :raises Refusal: for a broken field, or a known trade with other facts.
    """
    channel = read_text(body, "channel")
    if channel not in CHANNELS:
        known = ", ".join(CHANNELS)
        raise Refusal(400, "PARAM_ERROR", f"channel must be one of {known}.", field="channel")
    trade_no = read_text(body, "trade_no")
    merchant_no = read_text(body, "merchant_trade_no", required=False)
    amount_fen = read_fen(body, "amount_fen")
    paid_at = _read_instant(body, "paid_at")
    notify_url = read_text(body, "notify_url", required=False, limit=500)
    known_trade = store.row(
        "SELECT * FROM trades WHERE channel = ? AND trade_no = ?", channel, trade_no
    )
    if known_trade is None:
        values = (channel, trade_no, merchant_no, amount_fen, paid_at, notify_url)
        try:
            store.execute(
                "INSERT INTO trades (channel, trade_no, merchant_trade_no, amount_fen, paid_at,"
                " notify_url) VALUES (?, ?, ?, ?, ?, ?)",
                *values,
            )
        except sqlite3.IntegrityError as error:
            message = f"{merchant_no} belongs to another trade."
            raise Refusal(409, "TRADE_EXISTS", message, field="merchant_trade_no") from error
        return True
    if known_trade["amount_fen"] != amount_fen:
        message = f"{trade_no} is known with {known_trade['amount_fen']} fen."
        raise Refusal(409, "TRADE_EXISTS", message, field="amount_fen")
    return False


def _read_instant(body: Mapping[str, Any], name: str) -> str:
    text = read_text(body, name, required=False)
    if not text:
        return ""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal(400, "PARAM_ERROR", f"{name} is not ISO 8601.", field=name) from error
    if parsed.tzinfo is None:
        raise Refusal(400, "PARAM_ERROR", f"{name} has no time zone.", field=name)
    return text


def get_trade(store: Store, channel: str, trade_no: str, merchant_no: str = "") -> sqlite3.Row:
    """This function will find a trade by the channel's number or the merchant's; the channel's
    wins when both are given. A trade made known under one number answers to it as either.

    :raises Refusal: when the channel does not know it.
    """
    wanted = trade_no or merchant_no
    found = store.row(
        "SELECT * FROM trades WHERE channel = ? AND (trade_no = ? OR merchant_trade_no = ?)"
        " ORDER BY trade_no = ? DESC LIMIT 1",
        channel,
        wanted,
        wanted,
        wanted,
    )
    if found is None:
        raise Refusal(404, "TRADE_NOT_FOUND", f"No trade {wanted}.", field="trade_no")
    return found


def get_refunded_fen(store: Store, channel: str, trade_no: str) -> int:
    found = store.row(
        "SELECT COALESCE(SUM(amount_fen), 0) AS fen FROM refunds"
        " WHERE channel = ? AND trade_no = ?",
        channel,
        trade_no,
    )
    return int(found["fen"]) if found else 0


def find_refund(store: Store, channel: str, number: str) -> RefundMade | None:
    found = store.row("SELECT * FROM refunds WHERE channel = ? AND number = ?", channel, number)
    return _made(found, is_repeat=True) if found else None


def make_refund(
    store: Store, *, channel: str, number: str, trade: sqlite3.Row, amount_fen: int, delay_s: float
) -> RefundMade:
    """This function will pay a refund once: a number used before gets its first answer.

    The money moves now; the channel shows it as done after `delay_s` seconds.

    :raises Refusal: CONFLICT for a used number with another amount or trade, REJECTED above what
        is left of the trade.
    """
    known = find_refund(store, channel, number)
    if known is not None:
        if (known.amount_fen, known.trade_no) != (amount_fen, trade["trade_no"]):
            message = f"{number} was used with other facts."
            raise Refusal(409, "NUMBER_REUSED", message, field="refund_no", verdict="CONFLICT")
        return known
    left = trade["amount_fen"] - get_refunded_fen(store, channel, trade["trade_no"])
    if amount_fen > left:
        message = f"{left} fen are left of {trade['trade_no']}."
        raise Refusal(409, "AMOUNT_EXCEEDS_TRADE", message, field="amount_fen")
    now = time.time()
    channel_refund_no = f"{channel[:2].upper()}{time.strftime('%Y%m%d')}{uuid.uuid4().hex[:16]}"
    values = (channel, number, trade["trade_no"], amount_fen, channel_refund_no, now, now + delay_s)
    store.execute("INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?)", *values)
    store.record_effect(f"{channel}.refund", number, trade["trade_no"], amount_fen)
    made = store.row("SELECT * FROM refunds WHERE channel = ? AND number = ?", channel, number)
    assert made is not None
    return _made(made, is_repeat=False)


def _made(row: sqlite3.Row, *, is_repeat: bool) -> RefundMade:
    return RefundMade(
        number=row["number"],
        channel_refund_no=row["channel_refund_no"],
        amount_fen=row["amount_fen"],
        trade_no=row["trade_no"],
        visible_at=row["visible_at"],
        is_repeat=is_repeat,
    )
