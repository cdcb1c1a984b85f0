"""Correcting an order before anything was sent (E-Commerce Law art. 50: input errors)."""

from datetime import datetime

from django.utils.translation import gettext as _

from orders.models import Order, OrderEvent
from orders.refusals import Refused

ACCOUNT_LIMIT = 128


class UnableToCorrect(Refused):
    """The order is on its way, or the account is no account."""

    code = "already_sent"


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
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.is_card_code or order.status != Order.Status.PAID or order.top_ups.exists():
        raise UnableToCorrect(_("The order has been sent: its account can no longer be changed."))
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
