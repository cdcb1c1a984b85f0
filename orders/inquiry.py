"""Asking channel and supplier what they know of an order, before money is decided about.

Runs outside any transaction and writes nothing. An answer is a plain dictionary, kept as it is
with the decision it served.
"""

from datetime import datetime
from typing import Any

from orders.channels import get_channel, has_channel
from orders.channels.base import ChannelError, TradeRef
from orders.models import Order, Payment, TopUp
from orders.suppliers import get_supplier, has_supplier
from orders.suppliers.base import SupplierError, SupplierState

TIMEOUT_S = 4.0


def ask_about(order: Order, *, now: datetime) -> list[dict[str, Any]]:
    """This function will ask every source that this desk is connected to.

    Each answer has ``source`` ("supplier" or "channel"), ``code`` and ``answered``; a supplier's
    also ``state`` and ``voucher_no``, a channel's ``state``, ``paid_fen`` and ``refunded_fen``.
    """
    answers = []
    top_up = order.top_ups.order_by("-attempt").first()
    if top_up is not None and has_supplier(top_up.supplier):
        answers.append(_ask_supplier(top_up, now=now))
    for payment in order.payments.filter(status=Payment.Status.PAID).order_by("pk"):
        if has_channel(payment.channel):
            answers.append(_ask_channel(payment))
    return answers


def _ask_supplier(top_up: TopUp, *, now: datetime) -> dict[str, Any]:
    """A live attempt is called off first: what is cancelled cannot arrive after the refund."""
    supplier = get_supplier(top_up.supplier)
    base = {"source": "supplier", "code": top_up.supplier, "top_up_no": top_up.top_up_no}
    try:
        if top_up.state in TopUp.LIVE_STATES:
            supplier.cancel(top_up_no=top_up.top_up_no, timeout=TIMEOUT_S)
        answer = supplier.query(
            top_up_no=top_up.top_up_no,
            submitted_at=top_up.submitted_at or top_up.created_at,
            now=now,
            timeout=TIMEOUT_S,
        )
    except SupplierError as error:
        return base | {"answered": False, "message": str(error)[:200]}
    known = answer.state != SupplierState.UNKNOWN
    return base | {
        "answered": known,
        "state": str(answer.state),
        "voucher_no": answer.voucher_no,
    }


def _ask_channel(payment: Payment) -> dict[str, Any]:
    base = {"source": "channel", "code": payment.channel, "payment": str(payment.uuid)}
    trade = TradeRef(
        channel_trade_no=payment.channel_trade_no, merchant_trade_no=payment.merchant_trade_no
    )
    channel = get_channel(payment.channel)
    if not channel.CAPABILITIES.can_query_trade:
        return base | {"answered": False, "final": True}
    try:
        answer = channel.query_trade(trade=trade, timeout=TIMEOUT_S)
    except ChannelError as error:
        return base | {"answered": False, "message": str(error)[:200]}
    return base | {
        "answered": answer.state != "unknown",
        "state": str(answer.state),
        "paid_fen": answer.paid_fen,
        "refunded_fen": answer.refunded_fen,
        "ours_fen": payment.refunded_fen,
    }
