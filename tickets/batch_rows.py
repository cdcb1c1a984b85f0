"""One row of a batch carried out: under the locks of row, dispute and order the refund is planned
and the row marked, together, or the row is skipped and says why."""

from datetime import datetime

from django.db import transaction

from orders.affected import Verdict, is_taken, judge, with_facts
from orders.models import BatchRow, Order, Refund, RefundBatch
from orders.refunds import RefundOrder, UnableToRefund, plan_refunds, yuan
from tickets.actors import Actor
from tickets.cases import Case, lock_case
from tickets.docket import Docket
from tickets.models import Approval, Ticket
from tickets.outages import join_outage
from tickets.remedies import send_refunds
from tickets.safeguards import Answers, contrary_answer, supplier_may_deliver
from tickets.transitions.asking import pending_approval, supersede_approval

Row = BatchRow.State


class OpenedMeanwhile(Exception):
    """A dispute of the order opened while we waited for the order's lock."""


def carry_out_row(*, row_id: int, answers: Answers | None, now: datetime) -> None:
    """This function will refund one order of a batch, or skip it and say why.

    None as answers: nobody was asked, so nothing may go out; what keeps the order out is noted.
    """
    try:
        _carry_out(row_id, answers, now=now)
    except OpenedMeanwhile:
        # It is there to be locked now, ahead of its order.
        _carry_out(row_id, answers, now=now)
    except UnableToRefund as refused:
        # Nothing of it is left behind: what was superseded for it waits again.
        with transaction.atomic(durable=True):
            row = lock_waiting(row_id)
            if row is not None:
                skip_row(row, "under_way", detail=str(refused))


def lock_waiting(row_id: int) -> BatchRow | None:
    """This function will lock a row that still is to be carried out: not by another worker, nor
    stopped by a person meanwhile."""
    rows = BatchRow.objects.select_for_update(of=("self",)).select_related("batch__outage")
    row = rows.get(pk=row_id)
    is_working = row.batch.state == RefundBatch.State.WORKING
    return row if row.state == Row.WAITING and is_working else None


def _carry_out(row_id: int, answers: Answers | None, *, now: datetime) -> None:
    with transaction.atomic(durable=True):
        row = lock_waiting(row_id)
        if row is None:
            return
        batch = row.batch
        docket = Docket(now)
        case = lock_dispute(row.order_id, batch, docket)
        order = lock_order(row.order_id, case)
        verdict = judge_again(order, row, case, now=now)
        if verdict.reason:
            skip_row(row, verdict.reason)
        elif verdict.amount_fen != row.amount_fen:
            skip_row(row, "amount_changed", detail=yuan(verdict.amount_fen))
        elif answers is None:
            # What kept it out a moment ago is over: the next one to claim it asks first.
            return
        elif contrary := contrary_answer(answers):
            skip_row(row, contrary_reason(answers), detail=contrary)
        else:
            send_row(row, order, case, at_risk=supplier_may_deliver(answers), now=now)
        docket.flush()


def lock_dispute(order_id: int, batch: RefundBatch, docket: Docket) -> Case | None:
    """This function will lock the order's open dispute ahead of the order, if there is one."""
    tickets = Ticket.objects.filter(order=order_id, status__in=Ticket.OPEN_STATUSES)
    ticket_id = tickets.values_list("pk", flat=True).first()
    if ticket_id is None:
        return None
    approver = Actor("supervisor", int(batch.decided_by.removeprefix("staff:")))
    case = lock_case(ticket_id=ticket_id, docket=docket, actor=approver)
    return case if case.ticket.is_open else None


def lock_order(order_id: int, case: Case | None) -> Order:
    """This function will read the order as it stands and keep it so.

    :raises OpenedMeanwhile: a dispute is open by now that was not when we looked.
    """
    Order.objects.select_for_update().get(pk=order_id)
    open_tickets = Ticket.objects.filter(order=order_id, status__in=Ticket.OPEN_STATUSES)
    if case is None and open_tickets.exists():
        raise OpenedMeanwhile
    return with_facts(Order.objects.filter(pk=order_id)).get()


def judge_again(order: Order, row: BatchRow, case: Case | None, *, now: datetime) -> Verdict:
    """This function will judge the order as on the day it was chosen, from the facts of now."""
    kept_out = ""
    if case is not None and (approval := pending_approval(case)) is not None:
        kept_out = "decision_waits" if approval.action != Approval.Action.REFUND else ""
    return judge(order, is_taken(order, by_other_than=row.pk), kept_out, now=now)


def contrary_reason(answers: Answers) -> str:
    """This function will name who said something against a refund."""
    arrived = [a for a in answers if a["source"] == "supplier" and a.get("voucher_no")]
    return "supplier_delivered" if contrary_answer(arrived) else "channel_differs"


def send_row(
    row: BatchRow, order: Order, case: Case | None, *, at_risk: bool, now: datetime
) -> None:
    """This function will plan the refund, let it go with the commit, and mark the row.

    With a dispute open it is that dispute's refund: it settles it, and the customer sees it there.
    """
    batch = row.batch
    if case is not None:
        # Money held for a decision about the same claim: the batch is that decision.
        supersede_approval(case, code="batch")
        join_outage(case, batch.outage)
    intent = RefundOrder(
        origin=case.ticket.uuid if case is not None else order.uuid,
        purpose=Refund.Purpose.OUTAGE,
        cycle=case.ticket.cycle if case is not None else 1,
        requested_by=batch.proposed_by,
        reason=batch.reason,
    )
    refunds = plan_refunds(order_id=order.pk, intent=intent, amount_fen=row.amount_fen, now=now)
    if at_risk:
        Refund.objects.filter(pk__in=[refund.pk for refund in refunds]).update(at_risk=True)
    if case is not None:
        send_refunds(case, refunds)
    row.state, row.origin, row.cycle = Row.SENT, intent.origin, intent.cycle
    row.save(update_fields=["state", "origin", "cycle"])


def skip_row(row: BatchRow, reason: str, *, detail: str = "") -> None:
    row.state, row.reason, row.detail = Row.SKIPPED, reason, detail[:200]
    row.save(update_fields=["state", "reason", "detail", "attempts", "not_before"])
