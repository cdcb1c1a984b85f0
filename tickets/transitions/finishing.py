"""How a ticket ends: resolved, closed, withdrawn, or begun again."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from orders.entitlement import get_standing
from orders.models import Refund
from tickets.actors import Actor
from tickets.cases import Case, TransitionRefused, open_case
from tickets.deadlines import Kind, cancel_deadline, start_deadline
from tickets.models import Event, ExternalCase, Ticket
from tickets.notices import notify_customer, notify_owner, notify_supervisors
from tickets.proof import consider_promise
from tickets.transitions.arrows import move, reset_level
from tickets.transitions.asking import supersede_approval
from tickets.transitions.clocks import stop_everything
from tickets.transitions.handling import require_text

Status = Ticket.Status
Outcome = Ticket.Outcome

#: Outcomes that keep the 24-hour promise: credit or money.
KEEPING = (Outcome.DELIVERED, Outcome.REFUNDED)
#: Outcomes with an event of their own before the one that resolves.
TOLD_AS = {
    Outcome.REFUSED: Event.Kind.REFUSED,
    Outcome.COMPENSATED: Event.Kind.COMPENSATED,
}


class UnableToReopen(TransitionRefused):
    """Reopening is possible once for the customer, and only where no newer dispute runs."""

    code = "unable_to_reopen"


class UnableToWithdraw(TransitionRefused):
    """Money is on its way back; that cannot be called off."""

    code = "refund_under_way"


def finish(
    case: Case,
    *,
    outcome: Outcome,
    text: str = "",
    kept_at: datetime | None = None,
    notice: str = "resolved",
    **context: Any,
) -> None:
    """This function will resolve a ticket with its outcome and tell the customer.

    An outcome that keeps the promise kept it at ``kept_at``: now, if nothing else is known.
    ``notice`` and ``context`` are for an end that needs words of its own.
    """
    ticket = case.ticket
    move(case, Status.RESOLVED)
    ticket.outcome, ticket.resolved_at = outcome, case.now
    case.change("outcome", "resolved_at")
    supersede_approval(case)
    kind = TOLD_AS.get(outcome, Event.Kind.RESOLVED)
    case.record(kind, outcome=outcome, text_digest=case.say(text) if text else "")
    if kind != Event.Kind.RESOLVED:
        case.record(Event.Kind.RESOLVED, outcome=outcome)
    stop_everything(case, kept_at=(kept_at or case.now) if outcome in KEEPING else None)
    if not ExternalCase.objects.filter(ticket=ticket, settled_at__isnull=True).exists():
        start_deadline(case, Kind.AUTO_CLOSE)
    notify_customer(case, notice, outcome=outcome, **context)


def close(case: Case) -> None:
    """This function will close a resolved ticket nobody came back to."""
    move(case, Status.CLOSED)
    case.ticket.closed_at = case.now
    case.change("closed_at")
    case.record(Event.Kind.CLOSED)


def withdraw(*, ticket_id: int, reason: str, actor: Actor, now: datetime) -> Ticket:
    """This function will end a dispute at the customer's own wish.

    :raises UnableToWithdraw: a refund is under way.
    """
    reason = require_text(reason, limit=500)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_customer()
        case.require_open()
        live = Refund.objects.filter(
            origin=case.ticket.uuid, state__in=Refund.HOLDING_STATES, held=False
        )
        if live.exists():
            raise UnableToWithdraw(_("Your refund is already on its way."))
        move(case, Status.WITHDRAWN)
        case.ticket.outcome, case.ticket.closed_at = Outcome.WITHDRAWN, now
        case.change("outcome", "closed_at")
        case.record(Event.Kind.WITHDRAWN, text_digest=case.say(reason))
        supersede_approval(case, code="withdrawn")
        for deadline in list(case.deadlines):
            # An outside body does not stop waiting because the customer stopped here.
            if deadline.kind != Kind.EXTERNAL_CASE:
                cancel_deadline(case, Kind(deadline.kind))
        notify_owner(case, "withdrawn")
    return case.ticket


def reopen(*, ticket_id: int, reason: str, actor: Actor, now: datetime) -> Ticket:
    """This function will begin a new cycle of a resolved ticket, with clocks of its own.

    What was missed in the cycle before stays missed. The customer may do it once; a supervisor
    also after the close.

    :raises UnableToReopen: it is not over, was reopened before, or a newer dispute runs.
    """
    reason = require_text(reason, limit=500)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        check_reopen(case)
        if actor.role == "customer":
            case.ticket.customer_reopened = True
            case.change("customer_reopened")
        begin_cycle(case, text_digest=case.say(reason))
    return case.ticket


def begin_cycle(case: Case, *, text_digest: str = "") -> None:
    """This function will put a case that was over back to work, with clocks of its own."""
    ticket = case.ticket
    cancel_deadline(case, Kind.AUTO_CLOSE)
    move(case, Status.IN_PROGRESS)
    ticket.cycle += 1
    case.rounds.clear()
    ticket.outcome, ticket.resolved_at, ticket.closed_at = "", None, None
    ticket.reopened_at = case.now
    # What was merged into another dispute goes its own way again.
    ticket.merged_into = None
    ticket.commitment_started_at = ticket.commitment_due_at = None
    case.change(
        "cycle",
        "outcome",
        "resolved_at",
        "closed_at",
        "reopened_at",
        "merged_into",
        "commitment_started_at",
        "commitment_due_at",
    )
    reset_level(case)
    case.record(Event.Kind.REOPENED, cycle=ticket.cycle, text_digest=text_digest)
    start_deadline(case, Kind.AGENT_RESOLUTION)
    start_deadline(case, Kind.REFERRAL)
    if get_standing(ticket.order).owed_fen > 0:
        consider_promise(case)
    notify_supervisors(case, "reopened_staff")
    notify_customer(case, "reopened")


def check_reopen(case: Case) -> None:
    ticket, role = case.ticket, case.actor.role
    allowed = {Status.RESOLVED} if role == "customer" else {Status.RESOLVED, Status.CLOSED}
    if role not in ("customer", "supervisor"):
        case.require_supervisor()
    if ticket.status not in allowed:
        raise UnableToReopen(
            _("This dispute is %(status)s and cannot be reopened.")
            % {"status": ticket.get_status_display()}
        )
    if role == "customer" and ticket.customer_reopened:
        raise UnableToReopen(_("You have reopened this dispute once already."))
    newer = Ticket.objects.filter(order=ticket.order, status__in=Ticket.OPEN_STATUSES)
    if newer.exists():
        raise UnableToReopen(_("Another dispute about this order is already open."))


def rate(*, ticket_id: int, score: int, text: str, actor: Actor, now: datetime) -> Ticket:
    """This function will keep the customer's opinion, 1 to 5, once the dispute is over."""
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_customer()
        if case.ticket.is_open:
            raise TransitionRefused(_("Please rate when the dispute is over."))
        if not 1 <= score <= 5:
            raise TransitionRefused(
                _("score: from 1 to 5, not %(score)s.") % {"score": score}, code="invalid_score"
            )
        case.ticket.score = score
        case.change("score")
        digest = case.say(require_text(text, limit=500)) if text.strip() else ""
        case.record(Event.Kind.RATED, score=score, text_digest=digest)
    return case.ticket
