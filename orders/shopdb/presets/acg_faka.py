"""acg-faka (异次元发卡): table `order`, as its kernel/Install/Install.sql defines it.

Card codes stand in `secret`: never read. A delivery leaves no time in the table, so orders that
are not finished are asked for again by their numbers in every pass.
"""

import json
from typing import Any

from orders.models import Order, Payment
from orders.shopdb.presets import words
from orders.shopdb.presets.words import Local

NAME = str(Order.Source.ACG_FAKA)
ORDER_NO = "o.trade_no"
CHANGED = "GREATEST(o.create_time, COALESCE(o.pay_time, o.create_time))"
NARROW = "(o.create_time >= %s OR o.pay_time IS NOT NULL)"
SELECT = """
    SELECT o.id AS id, o.trade_no AS order_no,
        GREATEST(o.create_time, COALESCE(o.pay_time, o.create_time)) AS changed_at,
        o.owner AS owner, o.amount AS amount, o.commodity_id AS commodity_id,
        o.pay_time AS pay_time, o.status AS status, o.contact AS contact,
        o.delivery_status AS delivery_status, o.widget AS widget, c.name AS title,
        c.delivery_way AS delivery_way, p.handle AS handle, p.code AS code,
        u.email AS email, u.phone AS phone
    FROM `{prefix}order` o
    LEFT JOIN `{prefix}commodity` c ON c.id = o.commodity_id
    LEFT JOIN `{prefix}pay` p ON p.id = o.pay_id
    LEFT JOIN `{prefix}user` u ON u.id = o.owner
"""

#: Ways to pay are called `handle/code` or `handle` here, as in Epay/wxpay. Alipay is the script's
#: plug-in for the merchant's own account; #system is a balance in the shop and no payment channel.
CHANNELS = {"Alipay": Payment.Channel.ALIPAY}
UNPAID, PAID = 0, 1
AUTOMATIC = 0
INSTANT_ARRIVAL = "PT10M"


def to_payload(row: dict[str, Any], local: Local) -> dict[str, Any]:
    """This function will say one row of `order` in the words of PUT /api/v1/orders/.

    :raises UnreadableRow: naming the field that means nothing here.
    """
    status = to_status(row)
    automatic = row["delivery_way"] == AUTOMATIC
    amount_fen = words.to_fen(row["amount"], "amount")
    payload: dict[str, Any] = {
        "product": {
            "code": str(row["commodity_id"]),
            "name": (row["title"] or str(row["commodity_id"]))[:200],
            "kind": "instant" if automatic else "slow",
            "arrival_within": INSTANT_ARRIVAL if automatic else local.manual_arrival,
        },
        "face_value_fen": amount_fen,
        "price_fen": amount_fen,
        "customer": words.to_customer(row["contact"], row["phone"], row["email"]),
        "payments": [],
        "status": str(status),
        "facts_as_of": local.facts_as_of.isoformat(),
    }
    if row["owner"]:
        payload["buyer_ref"] = f"acg-faka:{row['owner']}"
    if account := words.find_account(read_widget(row["widget"])):
        payload["target_account"] = account
    if row["status"] == PAID and amount_fen:
        payload["payments"] = [to_payment(row, amount_fen, local)]
    if automatic and status == Order.Status.DELIVERED:
        payload["code_revealed_at"] = words.to_moment(row["pay_time"], "pay_time", local.zone)
    return payload


def to_status(row: dict[str, Any]) -> Order.Status:
    if row["status"] == UNPAID:
        return Order.Status.AWAITING_PAYMENT
    if row["status"] != PAID:
        raise words.unknown_status(row["status"])
    return Order.Status.DELIVERED if row["delivery_status"] == 1 else Order.Status.PAID


def to_payment(row: dict[str, Any], amount_fen: int, local: Local) -> dict[str, Any]:
    names = [f"{row['handle']}/{row['code']}", str(row["handle"])]
    return {
        "channel": words.find_channel(names, CHANNELS | local.channels),
        "merchant_trade_no": row["order_no"],
        "amount_fen": amount_fen,
        "paid_at": words.to_moment(row["pay_time"], "pay_time", local.zone),
        "status": "paid",
    }


def read_widget(text: str | None) -> list[tuple[str, str]]:
    """This function will read what the buyer filled in: `{name: {"value": ..., "cn": label}}`."""
    try:
        fields = json.loads(text or "{}")
    except ValueError:
        return []
    if not isinstance(fields, dict):
        return []
    return [
        (f"{name} {field.get('cn') or ''}", str(field.get("value") or ""))
        for name, field in fields.items()
        if isinstance(field, dict)
    ]
