"""What staff give back: a refund or a new delivery, at once or after a second pair of eyes."""

from datetime import datetime, timedelta
from functools import partial

from django.utils.translation import gettext as _

from orders.corrections import correct_target_account
from orders.entitlement import get_standing
from orders.limits import Limit, LimitExceeded, party_key
from orders.models import Refund
from orders.refunds import RefundOrder, UnableToRefund, plan_refunds, yuan
from orders.topups import redeliver as redeliver_order
from tickets.actors import Actor
from tickets.cases import Case, TransitionRefused, open_case
from tickets.models import Approval, Event, Ticket
from tickets.notices import notify_customer, notify_owner
from tickets.policies import live_controls
from tickets.transfers import begin_transfer, needs_transfer
from tickets.transitions.approvals import move_to_remedy
from tickets.transitions.asking import ask_approval, pending_approval
from tickets.transitions.clocks import meet_first_reply
from tickets.transitions.handling import require_text


class UnableToRemedy(TransitionRefused):
    """A remedy is under way already, or another decision is waiting."""

    code = "remedy_under_way"


def refund(
    *,
    ticket_id: int,
    amount_fen: int | None,
    reason: str,
    text: str,
    actor: Actor,
    now: datetime,
) -> Ticket:
    """This function will give money back, or reserve it and ask where it passes the limit.

    ``amount_fen`` None means all that is owed. Above the policy's limits a supervisor who did not
    ask decides; the amount is reserved meanwhile, so that nobody pays it a second time.

    :raises orders.refunds.UnableToRefund: nothing is owed, or less than was asked.
    """
    reason = require_text(reason, limit=200)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_staff()
        case.require_open()
        if pending_approval(case) is not None:
            raise UnableToRemedy(_("A decision about this dispute is already waiting."))
        if needs_transfer(case):
            refund_by_transfer(case, amount_fen, reason=reason, text=text)
            return case.ticket
        refunds = plan_within_limits(case, amount_fen, reason=reason)
        if text.strip():
            case.record(Event.Kind.REPLIED, text_digest=case.say(require_text(text)))
        if refunds[0].held:
            ask_for_refund(case, refunds, reason=reason)
        else:
            send_refunds(case, refunds)
    return case.ticket


def refund_by_transfer(case: Case, amount_fen: int | None, *, reason: str, text: str) -> None:
    """This function will ask the customer for an account where the way the money came is closed.

    Two people decide about the transfer itself, so no limit has to be kept here.
    """
    owed = get_standing(case.ticket.order).owed_fen
    intent = intent_of(case, Refund.Purpose.REMEDY, reason=reason)
    begin_transfer(case, intent, owed if amount_fen is None else amount_fen)
    if text.strip():
        case.record(Event.Kind.REPLIED, text_digest=case.say(require_text(text)))


def plan_within_limits(case: Case, amount_fen: int | None, *, reason: str) -> list[Refund]:
    """This function will plan a refund: held for a second person where all that goes back of the
    order passes the policy's limit, or where the agent's own day is used up.

    What went back before counts: two halves are not below a limit that their sum is above.
    """
    plan = partial(
        plan_refunds,
        order_id=case.ticket.order_id,
        intent=intent_of(case, Refund.Purpose.REMEDY, reason=reason),
        amount_fen=amount_fen,
        now=case.now,
    )
    standing = get_standing(case.ticket.order)
    given_fen = standing.refunded_fen + standing.reserved_fen
    if given_fen + (amount_fen or standing.owed_fen) > case.policy.auto_refund_limit_fen:
        return plan(held=True)
    try:
        return plan(limits=agent_limits(case))
    except LimitExceeded:
        # Nothing was reserved or counted: limits are checked before anything is written.
        return plan(held=True)


def agent_limits(case: Case) -> list[Limit]:
    """This function will list what a refund of this agent counts against; supervisors have none."""
    cap_fen = live_controls(case.policy.code).agent_refund_fen_per_day
    if case.actor.role != "agent" or cap_fen is None:
        return []
    return [
        Limit(
            name=_("refunds of this agent per day"),
            key=f"agent:{case.actor.user_id}:day",
            window=timedelta(days=1),
            max_fen=cap_fen,
        )
    ]


def intent_of(case: Case, purpose: Refund.Purpose, *, reason: str) -> RefundOrder:
    return RefundOrder(
        origin=case.ticket.uuid,
        purpose=purpose,
        cycle=case.ticket.cycle,
        requested_by=case.actor.label,
        reason=reason,
    )


def send_refunds(case: Case, refunds: list[Refund]) -> None:
    """This function will note refunds that go out with this transaction's commit."""
    for item in refunds:
        case.record(
            Event.Kind.REFUND_REQUESTED, refund_no=item.refund_no, amount_fen=item.amount_fen
        )
    move_to_remedy(case)
    meet_first_reply(case)
    notify_customer(case, "refund_requested", amount_fen=sum(r.amount_fen for r in refunds))


def ask_for_refund(case: Case, refunds: list[Refund], *, reason: str) -> None:
    """This function will ask for the release of refunds that are reserved but held."""
    amount_fen = sum(item.amount_fen for item in refunds)
    ask_approval(
        case,
        action=Approval.Action.REFUND,
        reason=_("%(amount)s: %(reason)s") % {"amount": yuan(amount_fen), "reason": reason},
        arguments={"amount_fen": amount_fen, "refunds": [r.refund_no for r in refunds]},
    )
    notify_customer(case, "awaiting_approval", amount_fen=amount_fen)


def redeliver(*, ticket_id: int, reason: str, text: str, actor: Actor, now: datetime) -> Ticket:
    """This function will deliver the order once more through its supplier.

    :raises UnableToRemedy: a decision is waiting, a refusal say.
    :raises orders.refusals.Refused: an earlier attempt may still succeed, or money is going back.
    """
    reason = require_text(reason, limit=200)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_staff()
        case.require_open()
        if pending_approval(case) is not None:
            raise UnableToRemedy(_("A decision about this dispute is already waiting."))
        standing = get_standing(case.ticket.order)
        if standing.reserved_fen or standing.refunded_fen:
            raise UnableToRefund(
                _("Money for this order is going back; it cannot be delivered as well."),
                code="refund_under_way",
            )
        top_up = redeliver_order(order=case.ticket.order, now=now)
        if text.strip():
            case.record(Event.Kind.REPLIED, text_digest=case.say(require_text(text)))
        case.record(Event.Kind.TOP_UP_REQUESTED, top_up_no=top_up.top_up_no)
        move_to_remedy(case)
        meet_first_reply(case)
        notify_customer(case, "redelivery_requested")
    return case.ticket


def correct_account(*, ticket_id: int, target_account: str, actor: Actor, now: datetime) -> Ticket:
    """This function will correct a mistyped account while the order is still unsent.

    The dispute stays open until the order has arrived there: an agent sends it, or gives the
    money back.

    :raises orders.corrections.UnableToCorrect: the order has been sent already.
    """
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_open()
        order = correct_target_account(
            order_id=case.ticket.order_id, target_account=target_account, now=now
        )
        case.ticket.order = order
        digest = party_key("account", order.target_account)
        case.record(Event.Kind.ACCOUNT_CORRECTED, account_digest=digest)
        if actor.is_staff:
            meet_first_reply(case)
            notify_customer(case, "account_corrected")
        else:
            notify_owner(case, "account_corrected_staff")
    return case.ticket
