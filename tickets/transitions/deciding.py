"""Staff decide how a case ends; what would leave money owed needs a second pair of eyes."""

from datetime import datetime

from django.utils.translation import gettext as _

from orders.entitlement import Standing, get_standing
from orders.models import TopUp
from orders.refunds import yuan
from tickets.actors import Actor
from tickets.cases import Case, TransitionRefused, open_case
from tickets.models import Approval, Ticket
from tickets.transitions.asking import ask_approval
from tickets.transitions.finishing import finish
from tickets.transitions.handling import require_text

Outcome = Ticket.Outcome


class UnableToResolve(TransitionRefused):
    """The facts do not bear this outcome out."""

    code = "unable_to_resolve"


def resolve(*, ticket_id: int, outcome: str, text: str, actor: Actor, now: datetime) -> Ticket:
    """This function will end a case with an outcome, or ask a supervisor where money stays owed.

    Delivered needs proof of level 2 or better and no contrary record (E-Commerce Law art. 51);
    refunded needs settled refunds of all that is owed.

    :raises UnableToResolve: the records say otherwise, or the outcome is not one staff may give.
    """
    text = require_text(text)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_staff()
        case.require_open()
        decide_outcome(case, outcome=check_outcome(outcome), text=text)
    return case.ticket


def refuse(*, ticket_id: int, reason: str, text: str, actor: Actor, now: datetime) -> Ticket:
    """This function will ask a supervisor to refuse the claim with a reasoned answer."""
    text, reason = require_text(text), require_text(reason, limit=500)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_staff()
        case.require_open()
        require_nothing_under_way(case, get_standing(case.ticket.order))
        ask_approval(
            case,
            action=Approval.Action.REFUSE,
            reason=reason,
            arguments={"outcome": Outcome.REFUSED, "text": text},
        )
    return case.ticket


def check_outcome(outcome: str) -> Outcome:
    allowed = [o for o in Outcome.values if o != Outcome.WITHDRAWN]
    if outcome not in allowed:
        raise UnableToResolve(
            _("outcome: choose from %(outcomes)s.") % {"outcomes": ", ".join(allowed)},
            code="invalid_outcome",
        )
    return Outcome(outcome)


def require_nothing_under_way(case: Case, standing: Standing) -> None:
    """This function will refuse to end a case whose remedy may still reach the customer."""
    if standing.reserved_fen:
        raise UnableToResolve(_("A refund is under way; its result ends the case."))
    if case.ticket.order.top_ups.filter(state__in=TopUp.LIVE_STATES).exists():
        raise UnableToResolve(_("A redelivery is under way; its result ends the case."))


def decide_outcome(case: Case, *, outcome: Outcome, text: str) -> None:
    standing = get_standing(case.ticket.order)
    if outcome == Outcome.DELIVERED:
        require_delivery(standing)
    else:
        require_nothing_under_way(case, standing)
    if outcome == Outcome.REFUNDED and (standing.owed_fen or not standing.refunded_fen):
        raise UnableToResolve(_("Not everything owed has been refunded."), code="not_refunded")
    needs_approval = outcome == Outcome.REFUSED or (
        outcome not in (Outcome.DELIVERED, Outcome.REFUNDED) and standing.owed_fen > 0
    )
    if needs_approval:
        ask_approval(
            case,
            action=Approval.Action.RESOLVE,
            reason=_("Money is still owed; outcome asked for: %(outcome)s.")
            % {"outcome": outcome.label},
            arguments={"outcome": outcome, "text": text},
        )
        return
    finish(case, outcome=outcome, text=text)


def require_delivery(standing: Standing) -> None:
    """This function will refuse to call delivered what was not, or only in part."""
    if standing.reserved_fen:
        raise UnableToResolve(_("A refund is under way; its result ends the case."))
    if not standing.is_delivered:
        raise UnableToResolve(
            _("Nothing proves the delivery: a voucher number or an operator's record is needed."),
            code="delivery_not_proven",
        )
    if standing.owed_fen:
        raise UnableToResolve(
            _("%(amount)s of what was paid is still owed.") % {"amount": yuan(standing.owed_fen)},
            code="money_owed",
        )
