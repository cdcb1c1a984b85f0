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

from orders.affected import with_facts
from orders.batch_decisions import follow_rows
from orders.inquiry import ask_about
from orders.models import BatchRow, Order, Refund, RefundBatch
from tickets.batch_rows import carry_out_row, judge_again, skip_row
from tickets.models import Approval
from tickets.safeguards import Answers

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
