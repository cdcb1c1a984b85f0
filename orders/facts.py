"""What a source says of an order: validated values, not yet weighed against what is stored."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from orders.models import Order, Payment


@dataclass(frozen=True, kw_only=True)
class PaymentFacts:
    channel: str
    amount_fen: int
    status: str
    paid_at: datetime | None = None
    channel_trade_no: str = ""
    merchant_trade_no: str = ""

    def is_about(self, payment: Payment) -> bool:
        """One number in common is enough: the channel's is often learnt after the merchant's."""
        names = ("channel_trade_no", "merchant_trade_no")
        return payment.channel == self.channel and any(
            getattr(self, name) and getattr(self, name) == getattr(payment, name) for name in names
        )

    def columns(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        # A number once known is never forgotten because a later message leaves it out.
        return {
            name: value for name, value in values.items() if value or not name.endswith("_trade_no")
        }


@dataclass(frozen=True, kw_only=True)
class OrderFacts:
    product_code: str
    product_name: str
    product_kind: str
    arrival_within: timedelta
    face_value_fen: int
    price_fen: int
    status: str
    facts_as_of: datetime
    payments: tuple[PaymentFacts, ...] = ()
    target_account: str = ""
    customer_name: str = ""
    customer_phone: str = ""
    customer_email: str = ""
    buyer_ref: str = ""
    reseller: bool = False
    supplier: str = ""
    confirmed_input: bool = False
    rule_version: str = ""
    #: None where the source does not say; what is stored then stays.
    delivered_face_fen: int | None = None
    code_revealed_at: datetime | None = None

    def columns(self) -> dict[str, Any]:
        """The columns of Order that these facts state."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        del values["payments"]
        return {name: value for name, value in values.items() if value is not None}


#: How far along an order is. Facts may move sideways (a delivery reversed by the supplier) but not
#: back, save that a top-up that failed or got lost may be tried again by the shop itself.
STATUS_RANK = {
    Order.Status.AWAITING_PAYMENT: 0,
    Order.Status.PAID: 1,
    Order.Status.RECHARGING: 2,
    Order.Status.UNKNOWN: 2,
    Order.Status.DELIVERED: 3,
    Order.Status.PARTIALLY_DELIVERED: 3,
    Order.Status.FAILED: 3,
}


def can_move(current: str, new: str) -> bool:
    """This function will say whether an order may go from one status to another."""
    if current == Order.Status.FAILED and new == Order.Status.RECHARGING:
        return True
    return STATUS_RANK[Order.Status(new)] >= STATUS_RANK[Order.Status(current)]
