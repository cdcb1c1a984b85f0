"""Orders whose money shall go back: what a shop would tell the desk, and what is wanted of it."""

import random
import secrets
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

#: Shares of all orders: paid in two parts; refunded in part; wanted by three people at once; with
#: two more messages to the workers than needed.
SPLIT, PARTIAL, TRIPLE, NOISY = 0.08, 0.10, 0.10, 0.10
#: What becomes of WeChat Pay's refunds beside going through within a second: closed unpaid, so
#: that a new number is needed; taking a while.
CLOSED, LONG = 0.03, 0.10


def make_order(port: int, channels: Sequence[str], chance: random.Random) -> dict[str, Any]:
    """This function will make up a paid order that never arrived, with the wish for its money."""
    price, channel = chance.randrange(100, 30_000), chance.choice(channels)
    is_split, is_partial = chance.random() < SPLIT, chance.random() < PARTIAL
    parts = [price // 3, price - price // 3] if is_split and not is_partial else [price]
    now = datetime.now(UTC).isoformat()
    trades = [
        {
            "channel": channel,
            "trade_no": f"B{secrets.token_hex(12).upper()}",
            "amount_fen": part,
            "paid_at": now,
            "notify_url": f"http://127.0.0.1:{port}/callbacks/channels/{channel}/",
        }
        for part in parts
    ]
    return {
        "order_no": f"BENCH{secrets.token_hex(8).upper()}",
        "origin": str(uuid.uuid4()),
        "amount_fen": chance.randrange(1, price) if is_partial else None,
        # The same part twice may be two wishes; all that is owed is owed once.
        "tries": 3 if not is_partial and chance.random() < TRIPLE else 1,
        "extra_wakes": 2 if chance.random() < NOISY else 0,
        "trades": trades,
        "payload": describe_order(price, trades, now),
    }


def list_intended(order: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """This function will say what exactly shall go back: payment, fen."""
    for trade in order["trades"]:
        yield trade["trade_no"], order["amount_fen"] or trade["amount_fen"]


def plan_outcome(number: str, chance: random.Random) -> dict[str, Any] | None:
    """This function will choose what becomes of one refund of WeChat Pay's; None: the usual."""
    drawn = chance.random()
    if drawn < CLOSED:
        return {"number": number, "status": "CLOSED", "after_s": 1.0}
    if drawn < CLOSED + LONG:
        return {"number": number, "status": "SUCCESS", "after_s": chance.uniform(5.0, 90.0)}
    return None


def describe_order(price: int, trades: list[dict[str, Any]], now: str) -> dict[str, Any]:
    payments = [
        {
            "channel": trade["channel"],
            "channel_trade_no": trade["trade_no"],
            "amount_fen": trade["amount_fen"],
            "paid_at": now,
            "status": "paid",
        }
        for trade in trades
    ]
    product = {"code": "hf", "name": "Phone credit", "kind": "instant", "arrival_within": "PT1H"}
    return {
        "product": product,
        "target_account": f"139{secrets.randbelow(10**8):08d}",
        "face_value_fen": price,
        "price_fen": price,
        "customer": {},
        "payments": payments,
        "status": "recharging",
        "confirmed_input": True,
        "reseller": False,
        "buyer_ref": f"bench-{secrets.token_hex(6)}",
        "facts_as_of": now,
    }
