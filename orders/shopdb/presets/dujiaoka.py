"""dujiaoka (独角数卡) 2.x: table `orders`, as its database/sql/install.sql defines it.

Card codes stand in `info` once an order is automatic or done: those are never read. The script
keeps no time of payment; an unpaid order expires within minutes, so the time of ordering stands
for it.
"""

from typing import Any

from orders.models import Order, Payment
from orders.shopdb.presets import words
from orders.shopdb.presets.words import Local

NAME = str(Order.Source.DUJIAOKA)
ORDER_NO = "o.order_sn"
CHANGED = "COALESCE(o.updated_at, o.created_at)"
NARROW = "(o.updated_at >= %s OR o.updated_at IS NULL)"
SELECT = """
    SELECT o.id AS id, o.order_sn AS order_no, COALESCE(o.updated_at, o.created_at) AS changed_at,
        o.goods_id AS goods_id, o.title AS title, o.type AS kind, o.total_price AS total_price,
        o.actual_price AS actual_price, o.email AS email, o.trade_no AS trade_no,
        o.status AS status, o.created_at AS created_at, p.pay_check AS pay_check,
        CASE WHEN o.type = 2 AND o.status <> 4 THEN o.info END AS answers
    FROM `{prefix}orders` o LEFT JOIN `{prefix}pays` p ON p.id = o.pay_id
"""

#: Only what the script pays into the merchant's own Alipay or WeChat Pay account. The others are
#: other people's gateways: name them in SHOP_DB_CHANNELS, or people pay back by hand.
CHANNELS = {
    "zfbf2f": Payment.Channel.ALIPAY,
    "aliweb": Payment.Channel.ALIPAY,
    "wescan": Payment.Channel.WECHATPAY,
}
AUTOMATIC, MANUAL = 1, 2
#: -1 expired and 1 waiting: never paid. 6 is paid and out of stock.
STATUSES = {
    -1: Order.Status.AWAITING_PAYMENT,
    1: Order.Status.AWAITING_PAYMENT,
    2: Order.Status.PAID,
    3: Order.Status.RECHARGING,
    4: Order.Status.DELIVERED,
    5: Order.Status.FAILED,
    6: Order.Status.FAILED,
}
INSTANT_ARRIVAL = "PT10M"


def to_payload(row: dict[str, Any], local: Local) -> dict[str, Any]:
    """This function will say one row of `orders` in the words of PUT /api/v1/orders/.

    :raises UnreadableRow: naming the field that means nothing here.
    """
    status = STATUSES.get(row["status"])
    if status is None:
        raise words.unknown_status(row["status"])
    automatic = row["kind"] == AUTOMATIC
    payload: dict[str, Any] = {
        "product": {
            "code": str(row["goods_id"]),
            "name": row["title"],
            "kind": "instant" if automatic else "slow",
            "arrival_within": INSTANT_ARRIVAL if automatic else local.manual_arrival,
        },
        "face_value_fen": words.to_fen(row["total_price"], "total_price"),
        "price_fen": words.to_fen(row["actual_price"], "actual_price"),
        "customer": words.to_customer(row["email"]),
        "payments": [],
        "status": str(status),
        "facts_as_of": local.facts_as_of.isoformat(),
    }
    if account := words.find_account(read_answers(row["answers"])):
        payload["target_account"] = account
    if status != Order.Status.AWAITING_PAYMENT and payload["price_fen"]:
        payload["payments"] = [to_payment(row, payload["price_fen"], local)]
    if automatic and status == Order.Status.DELIVERED:
        # The script mails the codes in the moment it has them.
        payload["code_revealed_at"] = words.to_moment(row["changed_at"], "updated_at", local.zone)
    return payload


def to_payment(row: dict[str, Any], amount_fen: int, local: Local) -> dict[str, Any]:
    return {
        "channel": words.find_channel([str(row["pay_check"] or "")], CHANNELS | local.channels),
        "merchant_trade_no": row["order_no"],
        "channel_trade_no": row["trade_no"] or "",
        "amount_fen": amount_fen,
        "paid_at": words.to_moment(row["created_at"], "created_at", local.zone),
        "status": "paid",
    }


def read_answers(text: str | None) -> list[tuple[str, str]]:
    """This function will read what the buyer filled in: one `label:value` a line."""
    lines = (line.partition(":") for line in (text or "").splitlines())
    return [(label.strip(), value) for label, colon, value in lines if colon]
