"""An order in the customer's words: where the money is, when credit was due, what to look at."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from orders.corrections import is_unsent
from orders.masking import mask_account, mask_email, mask_phone
from orders.models import Order, Payment
from tickets.queries import diagnose_order
from tickets.templatetags.desk import full_moment, yuan

S = Order.Status

#: Hints in plain words, by the first reason of the diagnosis.
HINTS = {
    "no_payment_known": gettext_lazy(
        "We have not heard of a payment yet. Banks and payment channels usually report within an "
        "hour; a few settle at night."
    ),
    "paid_but_never_sent": gettext_lazy(
        "Your money has arrived, but the top-up was not sent. That is our side, not yours."
    ),
    "supplier_attempt_failed": gettext_lazy(
        "The supplier could not deliver. That is our side, not yours: you can file a dispute now."
    ),
    "top_up_failed": gettext_lazy(
        "The supplier could not deliver. That is our side, not yours: you can file a dispute now."
    ),
    "later_than_promised": gettext_lazy(
        "The top-up was sent, but it takes longer than promised. You can file a dispute now."
    ),
}


@dataclass(frozen=True)
class Step:
    """One link of the chain 付款 -> 到账. ``state``: done, now, wrong or next."""

    label: str
    state: str
    note: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class OrderStory:
    order: Order
    account: str
    contact: str
    chain: list[Step]
    headline: str
    hint: str
    expected_at: datetime | None
    is_late: bool
    is_correctable: bool


def tell_order(order: Order, *, now: datetime) -> OrderStory:
    """This function will put an order into the customer's words, with everything masked."""
    paid = [p for p in order.payments.all() if p.status == Payment.Status.PAID]
    paid_at = min((p.paid_at for p in paid if p.paid_at is not None), default=None)
    expected_at = paid_at + order.arrival_within if paid_at else None
    arrived = order.status in (S.DELIVERED, S.PARTIALLY_DELIVERED)
    is_late = expected_at is not None and now > expected_at and not arrived
    reasons = diagnose_order(order, now=now).reasons
    return OrderStory(
        order=order,
        account=mask_account(order.target_account),
        contact=mask_phone(order.customer_phone) or mask_email(order.customer_email),
        chain=list_chain(order, paid_at=paid_at, is_paid=bool(paid)),
        headline=headline_of(order),
        hint="" if arrived else hint_of(reasons, is_late=is_late),
        expected_at=expected_at,
        is_late=is_late,
        is_correctable=is_unsent(order),
    )


def headline_of(order: Order) -> str:
    """This function will say where an order stands; money on its way back comes first."""
    payments = [p for p in order.payments.all() if p.status == Payment.Status.PAID]
    if payments and all(p.amount_fen == p.refunded_fen for p in payments):
        return _("Refunded")
    if any(p.reserved_fen for p in payments):
        return _("Your money is on its way back")
    return str(HEADLINES[S(order.status)])


def hint_of(reasons: tuple[str, ...], *, is_late: bool) -> str:
    """This function will say the likely cause; within the promised time waiting is no fault."""
    reason = reasons[0] if reasons else ""
    if reason == "paid_but_never_sent" and not is_late:
        return ""
    return str(HINTS.get(reason, ""))


HEADLINES = {
    S.AWAITING_PAYMENT: gettext_lazy("Waiting for the payment"),
    S.PAID: gettext_lazy("Paid, waiting to be sent"),
    S.RECHARGING: gettext_lazy("Top-up under way"),
    S.DELIVERED: gettext_lazy("The supplier reports it as delivered"),
    S.PARTIALLY_DELIVERED: gettext_lazy("Only a part was delivered"),
    S.FAILED: gettext_lazy("The top-up failed"),
    S.UNKNOWN: gettext_lazy("The supplier's answer is not clear yet"),
}


def list_chain(order: Order, *, paid_at: datetime | None, is_paid: bool) -> list[Step]:
    """This function will say for each link of the chain whether the money has passed it."""
    sent = bool(order.top_ups.all()) or order.status not in (S.AWAITING_PAYMENT, S.PAID)
    chain = [
        Step(pgettext("chain", "Paid"), "done" if is_paid else "now", at=paid_at),
        Step(pgettext("chain", "Cleared"), "done" if is_paid else "next"),
        Step(pgettext("chain", "Shop"), "done" if sent else ("now" if is_paid else "next")),
    ]
    supplier, arrival = SUPPLIER_AND_ARRIVAL[S(order.status)] if is_paid else ("next", "next")
    return [
        *chain,
        Step(pgettext("chain", "Supplier"), supplier),
        Step(pgettext("chain", "Arrived"), arrival),
    ]


SUPPLIER_AND_ARRIVAL = {
    S.AWAITING_PAYMENT: ("next", "next"),
    S.PAID: ("next", "next"),
    S.RECHARGING: ("now", "next"),
    S.UNKNOWN: ("now", "next"),
    S.FAILED: ("wrong", "next"),
    S.PARTIALLY_DELIVERED: ("done", "wrong"),
    S.DELIVERED: ("done", "done"),
}


def suggest_description(order: Order) -> str:
    """This function will write the sentence a good dispute starts with, from what is known."""
    payment = next((p for p in order.payments.all() if p.paid_at is not None), None)
    if payment is None:
        return ""
    return _(
        "%(at)s: paid %(amount)s by %(channel)s for %(product)s, order %(order_no)s. "
        "The payment went through, but nothing has arrived."
    ) % {
        "at": full_moment(payment.paid_at),
        "amount": yuan(payment.amount_fen),
        "channel": payment.get_channel_display(),
        "product": order.product_name,
        "order_no": order.order_no,
    }
