"""Asking for a decision that one person may not take alone, and withdrawing the question."""

from typing import Any

from django.utils.translation import gettext as _

from orders.refunds import cancel_held_refunds
from tickets.cases import Case, TransitionRefused
from tickets.deadlines import Kind, cancel_deadline, start_deadline
from tickets.models import Approval, Event
from tickets.notices import notify_person


class ApprovalPending(TransitionRefused):
    """Another decision about this ticket is still waiting."""

    code = "approval_pending"


def pending_approval(case: Case) -> Approval | None:
    """This function will find the decision that is waiting, as this transaction has left it."""
    if not case.approval_known:
        case.approval = Approval.objects.filter(
            ticket=case.ticket, state=Approval.State.PENDING
        ).first()
        case.approval_known = True
    return case.approval


def ask_approval(
    case: Case, *, action: Approval.Action, reason: str, arguments: dict[str, Any]
) -> Approval:
    """This function will ask the first supervisor on call who is not the one asking.

    :raises ApprovalPending: one decision at a time.
    """
    if pending_approval(case) is not None:
        raise ApprovalPending(_("A decision about this dispute is already waiting."))
    excluded = {case.actor.user_id} if case.actor.user_id is not None else set()
    asked_of = case.docket.on_call.next_after(None, excluding=excluded)
    approval = Approval(
        ticket=case.ticket,
        cycle=case.ticket.cycle,
        action=action,
        arguments=arguments,
        reason=reason[:500],
        requested_by=case.actor.label,
        requested_at=case.now,
        asked_of=asked_of,
    )
    case.docket.add(approval)
    case.approval = approval
    case.record(
        Event.Kind.APPROVAL_REQUESTED,
        action=action,
        amount_fen=arguments.get("amount_fen"),
        asked_of=f"staff:{asked_of.pk}" if asked_of else "",
    )
    start_deadline(case, Kind.APPROVAL)
    if asked_of is not None:
        notify_person(case, "approval_needed", asked_of, action=action)
    return approval


def supersede_approval(case: Case, *, code: str = "superseded") -> None:
    """This function will withdraw a waiting decision that events have made pointless."""
    approval = pending_approval(case)
    if approval is None:
        return
    approval.state, approval.decided_at = Approval.State.SUPERSEDED, case.now
    case.docket.change(approval, "state", "decided_at")
    case.approval = None
    cancel_held_refunds(origin=case.ticket.uuid, code=code, now=case.now)
    cancel_deadline(case, Kind.APPROVAL)
