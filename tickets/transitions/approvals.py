"""Four eyes: a waiting decision is passed on, taken by somebody else, and carried out once."""

from datetime import datetime

from django.utils.translation import gettext as _

from orders.refunds import cancel_held_refunds, release_refunds
from tickets.actors import Actor
from tickets.cases import Case, NotAllowed, TransitionRefused, open_case
from tickets.deadlines import Kind, meet_deadline, start_deadline
from tickets.models import Approval, Deadline, Event, Ticket
from tickets.notices import notify_customer, notify_supervisors
from tickets.transitions.arrows import move
from tickets.transitions.asking import pending_approval
from tickets.transitions.clocks import meet_first_reply, meet_handling
from tickets.transitions.finishing import finish
from tickets.transitions.handling import require_text

Status = Ticket.Status


class UnableToApprove(TransitionRefused):
    """There is nothing to decide, or this person may not decide it."""

    code = "nothing_to_decide"


def pass_approval_on(case: Case, deadline: Deadline) -> None:
    """This function will hand an unanswered decision to the next person on call, and alarm."""
    approval = pending_approval(case)
    if approval is None:
        return
    excluded = {int(approval.requested_by.removeprefix("staff:"))} if _by_staff(approval) else set()
    following = case.docket.on_call.next_after(approval.asked_of_id, excluding=excluded)
    approval.asked_of = following
    case.docket.change(approval, "asked_of")
    case.record(
        Event.Kind.APPROVAL_PASSED_ON, asked_of=f"staff:{following.pk}" if following else ""
    )
    start_deadline(case, Kind.APPROVAL)
    notify_supervisors(case, "approval_needed", action=approval.action)


def _by_staff(approval: Approval) -> bool:
    return approval.requested_by.startswith("staff:")


def approve(
    *,
    ticket_id: int,
    decision: bool,
    reason: str,
    actor: Actor,
    now: datetime,
    approval_id: int | None = None,
) -> Ticket:
    """This function will decide what was asked, and carry it out at once when the answer is yes.

    ``approval_id`` names the question that was read: it may have been withdrawn, and another one
    asked, before the answer came.

    :raises UnableToApprove: nothing is waiting, or another question than the one that was read.
    :raises NotAllowed: the actor is no supervisor, or asked for it himself.
    """
    reason = require_text(reason, limit=500)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_supervisor()
        approval = pending_approval(case)
        if approval is None:
            raise UnableToApprove(_("No decision about this dispute is waiting."))
        if approval_id not in (None, approval.pk):
            raise UnableToApprove(_("Another decision is waiting by now; please read it first."))
        if approval.requested_by == actor.label:
            raise NotAllowed(
                _("Somebody else has to decide what you asked for."), code="same_person"
            )
        approval.state = Approval.State.APPROVED if decision else Approval.State.DECLINED
        approval.decided_by, approval.decided_at = actor.label, now
        approval.decision_reason = reason
        case.docket.change(approval, "state", "decided_by", "decided_at", "decision_reason")
        case.approval = None
        meet_deadline(case, Kind.APPROVAL)
        kind = Event.Kind.APPROVED if decision else Event.Kind.DECLINED
        case.record(kind, action=approval.action)
        if decision:
            carry_out(case, approval)
        else:
            decline(case, approval)
    return case.ticket


def carry_out(case: Case, approval: Approval) -> None:
    """This function will do what was asked for, exactly as it was asked."""
    case.require_open()
    text = str(approval.arguments.get("text", ""))
    if approval.action == Approval.Action.REFUND:
        refunds = release_refunds(origin=case.ticket.uuid, now=case.now)
        if not refunds:
            raise UnableToApprove(_("The refund that was asked for is no longer waiting."))
        move_to_remedy(case)
        for refund in refunds:
            case.record(
                Event.Kind.REFUND_REQUESTED,
                refund_no=refund.refund_no,
                amount_fen=refund.amount_fen,
            )
        meet_first_reply(case)
        notify_customer(
            case, "refund_requested", amount_fen=sum(refund.amount_fen for refund in refunds)
        )
    else:
        finish(case, outcome=Ticket.Outcome(approval.arguments["outcome"]), text=text)


def decline(case: Case, approval: Approval) -> None:
    cancel_held_refunds(origin=case.ticket.uuid, code="declined", now=case.now)
    notify_supervisors(case, "approval_declined", action=approval.action)


def move_to_remedy(case: Case) -> None:
    """This function will note that a remedy is under way; the handling clocks have done theirs."""
    if case.ticket.status != Status.REMEDY_PENDING:
        move(case, Status.REMEDY_PENDING)
    meet_handling(case)
