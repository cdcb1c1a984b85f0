"""A customer notices a mistake while the order is still here: another account, or the money back.

Both are disputes like any other, so that the shop's people see them, with a page to follow and
the clocks of the promise; only the remedy is there at once.
"""

from datetime import datetime

from django.utils.translation import gettext as _

from orders.corrections import lock_unsent_order, require_unsent
from orders.entitlement import Standing, get_standing
from orders.limits import LimitExceeded
from orders.models import Order, Refund
from orders.refunds import UnableToRefund, plan_refunds
from tickets.actors import Actor
from tickets.cases import Case, open_case
from tickets.commitment import reserve_and_ask
from tickets.intake import Contact, Dispute, open_ticket
from tickets.models import Ticket
from tickets.remedies import correct_account, intent_of, send_refunds
from tickets.safeguards import automatic_limits, facts_are_stale, foreseeable_obstacle
from tickets.transitions.asking import pending_approval


def correct_unsent(*, order: Order, target_account: str, language: str, now: datetime) -> Ticket:
    """This function will have a customer's order sent to another account than was typed.

    :raises orders.corrections.UnableToCorrect: it has been sent already.
    """
    require_unsent(order)
    words = _("I typed the account wrong; please send it to the corrected one.")
    ticket = _file(order, words, language=language, now=now)
    return correct_account(
        ticket_id=ticket.pk, target_account=target_account, actor=Actor.customer(), now=now
    )


def cancel_unsent(*, order: Order, language: str, now: datetime) -> Ticket:
    """This function will give a customer all the money back for what was not sent yet.

    Nobody has looked at it, so the desk keeps to what it may refund alone; otherwise the money is
    reserved and a supervisor asked.

    :raises orders.corrections.UnableToCorrect: it has been sent already.
    """
    require_unsent(order)
    words = _("I typed the account wrong; please cancel the order and give the money back.")
    ticket = _file(order, words, language=language, now=now)
    with open_case(ticket_id=ticket.pk, actor=Actor.customer(), now=now) as case:
        lock_unsent_order(order_id=order.pk)
        if pending_approval(case) is None:
            _give_all_back(case, get_standing(case.ticket.order))
    return case.ticket


def _file(order: Order, words: str, *, language: str, now: datetime) -> Ticket:
    """Two transactions, not one: where the order is sent between them, people read the wish."""
    dispute = Dispute(
        category=Ticket.Category.WRONG_ACCOUNT,
        description=words,
        contact=Contact(),
        intake=Ticket.Intake.WEB,
        language=language,
    )
    return open_ticket(order=order, dispute=dispute, actor=Actor.customer(), now=now).ticket


def _give_all_back(case: Case, standing: Standing) -> None:
    reason = _("Cancelled by the customer before it was sent")
    obstacle = foreseeable_obstacle(case, standing, standing.owed_fen) or facts_are_stale(case)
    if not obstacle:
        try:
            refunds = plan_refunds(
                order_id=case.ticket.order_id,
                intent=intent_of(case, Refund.Purpose.REMEDY, reason=reason),
                amount_fen=None,
                limits=automatic_limits(case),
                now=case.now,
            )
        except (LimitExceeded, UnableToRefund) as refused:
            obstacle = str(refused)
        else:
            send_refunds(case, refunds)
            return
    reserve_and_ask(case, standing.owed_fen, reason=obstacle)
