"""Credit and money must not both reach a customer: when all the money goes back, what has not
been delivered yet is called off.

An attempt that was never sent is not sent any more. One that its supplier has is asked to be
cancelled, at once and with every query until it ends; the refund does not wait for that, it is
marked as at risk. If the credit arrives all the same, orders.recourse claims it.
"""

from datetime import datetime

from django.db.models import F, Sum

from helpdesk.wake import wake
from orders.models import Order, Payment, Refund, TopUp


def goes_back_whole(order: Order) -> bool:
    """This function will tell whether all that was paid went back or is on its way, and no longer
    waits for a decision."""
    paid = order.payments.filter(status=Payment.Status.PAID)
    kept = paid.aggregate(fen=Sum(F("amount_fen") - F("refunded_fen") - F("reserved_fen")))["fen"]
    held = Refund.objects.filter(payment__order=order, held=True)
    return kept == 0 and not held.exists()


def call_off_top_ups(order: Order, *, now: datetime) -> None:
    """This function will have live attempts of an order called off as soon as a worker is free,
    and mark the refunds that are on their way meanwhile. Runs under the order's lock."""
    if not goes_back_whole(order):
        return
    live = list(order.top_ups.select_for_update().filter(state__in=TopUp.LIVE_STATES))
    for top_up in live:
        top_up.next_attempt_at = now
        top_up.save(update_fields=["next_attempt_at"])
        wake("orders.tasks.execute_top_up", top_up.pk)
    if any(top_up.state != TopUp.State.PLANNED for top_up in live):
        under_way = Refund.objects.filter(payment__order=order, state__in=Refund.HOLDING_STATES)
        under_way.update(at_risk=True)


def note_that_nothing_arrives(order: Order) -> None:
    """This function will take the mark off refunds again, once no attempt is left that could
    still arrive. Runs under the order's lock."""
    if not order.top_ups.filter(state__in=TopUp.LIVE_STATES).exists():
        Refund.objects.filter(payment__order=order, at_risk=True).update(at_risk=False)
