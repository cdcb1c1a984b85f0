"""Carrying out a batch of refunds: one order, one transaction, whoever dies in between.

A row is claimed for a while, channel and supplier are asked outside any transaction, and under the
locks of row, dispute and order the refund is planned and the row marked, together. A worker that
is killed leaves a row that waits (its claim runs out) or one that is sent; never half of each.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count

from orders.affected import Verdict, judge, with_facts
from orders.batches import follow_rows
from orders.inquiry import ask_about
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

logger = logging.getLogger(__name__)

#: How long a worker may hold a row: longer than channel and supplier may take to answer.
LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 5
#: How long one worker goes on; the next round comes by itself, and others want to work too.
ROUND_SECONDS = 4.0
#: Refunds of batches that may wait for one channel; the next ones follow as these go out.
WAVE = 100

Row = BatchRow.State


def list_kept_out() -> dict[int, str]:
    """This function will name orders whose dispute waits for a decision of another kind: whether
    to refuse it, say. What waits for a refund's approval the batch decides instead."""
    waiting = Approval.objects.filter(state=Approval.State.PENDING)
    others = waiting.exclude(action=Approval.Action.REFUND)
    return dict.fromkeys(others.values_list("ticket__order_id", flat=True), "decision_waits")


def carry_on_batches(*, clock: Callable[[], datetime]) -> int:
    """This function will carry approved batches on for a few seconds and say how many rows.

    Several workers may do so at once; a claim is one worker's.
    """
    give_up_at = time.monotonic() + ROUND_SECONDS
    taken = 0
    follow_rows(now=clock())
    while time.monotonic() < give_up_at:
        row = claim_row(now=clock())
        if row is None:
            break
        taken += 1
        try:
            answers = ask_if_needed(row, now=clock())
            carry_out_row(row_id=row.pk, answers=answers, now=clock())
        except Exception:
            # Its claim lets it be taken up again; the others are not kept waiting.
            logger.exception("row %s of a batch could not be carried out", row.pk)
    if taken:
        follow_rows(now=clock())
    return taken


def claim_row(*, now: datetime) -> BatchRow | None:
    """This function will take one waiting row for this worker alone, for the length of a lease.

    A row that spoiled several workers' work is set aside.
    """
    with transaction.atomic(durable=True):
        waiting = BatchRow.objects.filter(
            state=Row.WAITING, batch__state=RefundBatch.State.WORKING, not_before__lte=now
        ).exclude(channel__in=find_full_channels())
        row = (
            waiting.select_for_update(skip_locked=True, of=("self",))
            .select_related("order")
            .order_by("batch", "not_before", "pk")
            .first()
        )
        if row is None:
            return None
        row.attempts += 1
        row.not_before = now + LEASE
        if row.attempts > MOST_ATTEMPTS:
            skip_row(row, "error")
            return row
        row.save(update_fields=["attempts", "not_before"])
    return row


def ask_if_needed(row: BatchRow, *, now: datetime) -> Answers | None:
    """This function will have channel and supplier tell what they know, unless our own records
    keep the order out already: asking also calls a running top-up off."""
    order = with_facts(Order.objects.filter(pk=row.order_id)).get()
    verdict = judge_again(order, row, None, now=now)
    is_in = row.state == Row.WAITING and verdict.is_in and verdict.amount_fen == row.amount_fen
    return ask_about(order, now=now) if is_in else None


def find_full_channels() -> list[str]:
    """This function will name the channels that have as many of our refunds waiting as is wise.

    Their own pace (orders.pacing) lets them out; a batch must not keep everybody else's waiting.
    """
    unsent = Refund.objects.filter(
        purpose=Refund.Purpose.OUTAGE,
        state=Refund.State.REQUESTED,
        last_sent_at__isnull=True,
    )
    counted = unsent.order_by().values("payment__channel").annotate(count=Count("pk"))
    return [row["payment__channel"] for row in counted if row["count"] >= WAVE]


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
    rows: list[BatchRow] = order.live_batch_rows  # type: ignore[attr-defined]
    others = any(other.pk != row.pk for other in rows)
    return judge(order, in_other_batch=others, kept_out=kept_out, now=now)


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
