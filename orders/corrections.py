"""What can still be changed before anything was sent (E-Commerce Law art. 50: input errors)."""

from datetime import datetime

from django.utils.translation import gettext as _

from orders.models import Order, OrderEvent
from orders.refusals import Refused

ACCOUNT_LIMIT = 128


class UnableToCorrect(Refused):
    """The order is on its way, its money goes back, or the account is no account."""

    code = "already_sent"


def is_unsent(order: Order) -> bool:
    """This function will tell whether an order is paid, still here, and meant to be sent.

    Reads ``payments`` and ``top_ups`` of the order, so that a prefetched one costs no query.
    """
    goes_back = any(
        payment.reserved_fen or payment.refunded_fen for payment in order.payments.all()
    )
    return order.status == Order.Status.PAID and not order.top_ups.all() and not goes_back


def lock_unsent_order(*, order_id: int) -> Order:
    """This function will lock an order that nothing was sent for yet, after the caller's locks.

    :raises UnableToCorrect: an attempt was made, the shop sent it, or its money is going back.
    """
    order = Order.objects.select_for_update().get(pk=order_id)
    require_unsent(order)
    return order


def require_unsent(order: Order) -> None:
    if not is_unsent(order):
        raise UnableToCorrect(
            _("The order has been sent, or its money goes back: nothing can be changed any more.")
        )


def correct_target_account(*, order_id: int, target_account: str, now: datetime) -> Order:
    """This function will send an order that is still here to another account.

    Runs in the caller's transaction, after the caller's own locks.

    :raises UnableToCorrect: an attempt was made or the shop sent it, or the account is too long.
    """
    account = target_account.strip()
    if not 4 <= len(account) <= ACCOUNT_LIMIT:
        raise UnableToCorrect(
            _("target_account: 4 to %(limit)s characters.") % {"limit": ACCOUNT_LIMIT},
            code="invalid_account",
        )
    order = lock_unsent_order(order_id=order_id)
    if order.is_card_code:
        raise UnableToCorrect(_("A card code has no account that could be corrected."))
    order.target_account, order.updated_at = account, now
    order.save(update_fields=["target_account", "updated_at"])
    OrderEvent.objects.create(
        order=order,
        kind=OrderEvent.Kind.FACTS_CHANGED,
        at=now,
        not_before=now,
        data={"changed": ["target_account"]},
    )
    return order
