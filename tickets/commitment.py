"""The 24-hour promise: warned of, enforced by the desk itself, and owned up to when broken."""

from datetime import datetime

from django.utils.translation import gettext as _

from orders.entitlement import Standing, get_settled_at, get_standing
from orders.limits import LimitExceeded
from orders.models import Refund
from orders.refunds import UnableToRefund, plan_refunds
from tickets.cases import Case
from tickets.models import Approval, Deadline, Event, FactCheck, Ticket
from tickets.notices import notify_customer, notify_owner, notify_supervisors
from tickets.remedies import ask_for_refund, intent_of, send_refunds
from tickets.safeguards import (
    automatic_limits,
    contrary_answer,
    foreseeable_obstacle,
    may_begin_transfer,
    stale_facts,
    supplier_may_deliver,
)
from tickets.transfers import begin_transfer
from tickets.transitions.asking import pending_approval, supersede_approval
from tickets.transitions.finishing import finish


def warn(case: Case, deadline: Deadline) -> None:
    """This function will tell owner and supervisors that the promise falls due soon.

    A decision that the desk will not be allowed to take alone is asked for now, while people are
    there, and not in the last hour.
    """
    case.record(Event.Kind.COMMITMENT_WARNED, due_at=_iso(case.ticket.commitment_due_at))
    due = {"due_at": _iso(case.ticket.commitment_due_at)}
    notify_owner(case, "promise_warning", **due)
    notify_supervisors(case, "promise_warning", **due)
    standing = get_standing(case.ticket.order)
    if standing.reserved_fen or standing.owed_fen <= 0 or pending_approval(case) is not None:
        return
    if may_begin_transfer(case, standing):
        intent = intent_of(case, Refund.Purpose.COMMITMENT, reason=_("24-hour promise"))
        begin_transfer(case, intent, standing.owed_fen)
        return
    if obstacle := foreseeable_obstacle(case, standing, standing.owed_fen):
        reserve_and_ask(case, standing.owed_fen, reason=obstacle)


def begin_enforcement(case: Case, deadline: Deadline) -> None:
    """This function will have the facts checked before the desk decides about money by itself.

    Channel and supplier are asked by a task, outside this transaction, and the answer is waited
    for until half of the lead before the promise is over: a refund takes time as well.
    """
    assert case.ticket.commitment_due_at is not None
    lead = case.ticket.commitment_due_at - deadline.due_at
    case.docket.add(
        FactCheck(
            ticket=case.ticket,
            cycle=case.ticket.cycle,
            requested_at=case.now,
            decide_by=deadline.due_at + lead / 2,
            not_before=case.now,
        )
    )


def decide(case: Case, check: FactCheck) -> None:
    """This function will decide, under the ticket's lock, what the promise now demands.

    The desk refunds alone where its own records, the answers and the limits allow; otherwise it
    reserves the amount, asks a supervisor and tells the customer so. Never silence.
    """
    standing = get_standing(case.ticket.order)
    decision, reason = _decision(case, check, standing)
    check.decided_at, check.decision, check.reason = case.now, decision, reason[:200]
    case.docket.change(check, "decided_at", "decision", "reason")
    case.record(Event.Kind.COMMITMENT_ENFORCED, decision=decision)


def _decision(case: Case, check: FactCheck, standing: Standing) -> tuple[str, str]:
    ticket, held = case.ticket, _waits_for_refund_approval(case)
    if not ticket.is_open or ticket.cycle != check.cycle:
        return "not_needed", ""
    if standing.reserved_fen and not held:
        return "under_way", ""
    given_back = standing.paid_fen > 0 and standing.refunded_fen >= standing.paid_fen
    if given_back:
        finish(case, outcome=Ticket.Outcome.REFUNDED, kept_at=get_settled_at(ticket.order))
        return "met", ""
    # What waits for a decision is part of the claim: releasing it sets it free again.
    claim_fen = standing.owed_fen + standing.reserved_fen or standing.refundable_fen
    if claim_fen <= 0:
        notify_supervisors(case, "promise_stuck", reason=_("No payment is known for this order."))
        return "nothing_paid", ""
    obstacle = (
        foreseeable_obstacle(case, standing, claim_fen)
        or contrary_answer(check.answers)
        or stale_facts(case, check)
    )
    if not obstacle:
        obstacle = refund_alone(case, may_still_arrive=supplier_may_deliver(check.answers))
    if not obstacle:
        return "refunded", ""
    if pending_approval(case) is None or not held or standing.owed_fen:
        supersede_approval(case)
        reserve_and_ask(case, claim_fen, reason=obstacle)
    return "approval_asked", obstacle


def _waits_for_refund_approval(case: Case) -> bool:
    approval = pending_approval(case)
    return approval is not None and approval.action == Approval.Action.REFUND


def refund_alone(case: Case, *, may_still_arrive: bool) -> str:
    """This function will request the refund in the desk's own name; it returns what forbade it."""
    supersede_approval(case)
    try:
        refunds = plan_refunds(
            order_id=case.ticket.order_id,
            intent=intent_of(case, Refund.Purpose.COMMITMENT, reason=_("24-hour promise")),
            amount_fen=None,
            limits=automatic_limits(case),
            now=case.now,
        )
    except (LimitExceeded, UnableToRefund) as refused:
        return str(refused)
    if may_still_arrive:
        Refund.objects.filter(pk__in=[item.pk for item in refunds]).update(at_risk=True)
    send_refunds(case, refunds)
    return ""


def reserve_and_ask(case: Case, amount_fen: int, *, reason: str) -> None:
    """This function will keep the money ready and ask a supervisor for it."""
    try:
        refunds = plan_refunds(
            order_id=case.ticket.order_id,
            intent=intent_of(case, Refund.Purpose.COMMITMENT, reason=reason),
            amount_fen=amount_fen,
            held=True,
            now=case.now,
        )
    except UnableToRefund as refused:
        notify_supervisors(case, "promise_stuck", reason=str(refused))
        return
    ask_for_refund(case, refunds, reason=reason)


def break_promise(case: Case, deadline: Deadline) -> None:
    """This function will tell the customer, unasked, that the promise was not kept."""
    case.record(Event.Kind.COMMITMENT_BROKEN, due_at=_iso(deadline.due_at))
    notify_customer(case, "promise_broken")
    notify_owner(case, "promise_broken_staff")
    notify_supervisors(case, "promise_broken_staff")


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at is not None else ""
