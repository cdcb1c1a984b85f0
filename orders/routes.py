"""Which way money can go back: a channel's manners, and where its way ends."""

from datetime import datetime

from orders.channels import get_channel
from orders.channels.base import Capabilities, ChannelNotConfigured
from orders.models import Order, Payment

OFFLINE = "OFFLINE"
WINDOW_OVER = "WINDOW_OVER"
#: Codes of refunds that were handed to people before anything was sent.
DEAD_ENDS = (OFFLINE, WINDOW_OVER)


def get_manners(channel: str) -> Capabilities:
    """This function will tell how a channel wants to be treated; one that nobody here speaks to
    has no wishes."""
    try:
        return get_channel(channel).CAPABILITIES
    except ChannelNotConfigured:
        return Capabilities()


def find_dead_end(payment: Payment, *, now: datetime) -> str:
    """This function will say why nothing can go back the way this payment came, or ""."""
    if payment.channel == Payment.Channel.OFFLINE:
        return OFFLINE
    manners = get_manners(payment.channel)
    if payment.paid_at is not None and not manners.can_refund(paid_at=payment.paid_at, now=now):
        return WINDOW_OVER
    return ""


def find_unrefundable(order: Order, *, now: datetime) -> list[Payment]:
    """This function will list the payments whose refund people will have to pay by hand at `now`:
    they need to know hours ahead, not when the promise falls due."""
    payments = order.payments.filter(status=Payment.Status.PAID).order_by("pk")
    return [p for p in payments if p.refundable_fen > 0 and find_dead_end(p, now=now)]
