"""What people decide about a batch of refunds, and when it is over: approved by another supervisor
than the one who proposed it, stopped by any."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from helpdesk.wake import wake
from orders.affected import digest_rows
from orders.batches import (
    NotAllowedToBatch,
    UnableToBatch,
    list_changed,
    require_reason,
    require_right,
)
from orders.by_hand import label_of
from orders.models import BatchRow, Refund, RefundBatch

TASK = "tickets.tasks.carry_on_batches"

State = RefundBatch.State
Row = BatchRow.State


def approve_batch(
    *, batch_id: int, decision: bool, reason: str, seen_digest: str, actor: User, now: datetime
) -> RefundBatch:
    """This function will let a proposed batch be carried out, or turn it down.

    :raises NotAllowedToBatch: the actor proposed it.
    :raises UnableToBatch: it was decided, or its rows are not the ones that were read.
    """
    require_right(actor)
    reason = require_reason(reason)
    with transaction.atomic(durable=True):
        batch = _lock(batch_id, State.PROPOSED)
        if batch.proposed_by == label_of(actor):
            raise NotAllowedToBatch(
                _("Another supervisor has to decide what you proposed."), code="four_eyes"
            )
        if not batch.digest == seen_digest == digest_of(batch):
            raise list_changed()
        batch.state = State.WORKING if decision else State.DECLINED
        batch.decided_by, batch.decided_at = label_of(actor), now
        batch.decision_reason = reason
        batch.save(update_fields=["state", "decided_by", "decided_at", "decision_reason"])
        if decision:
            wake(TASK)
        else:
            _skip_waiting(batch, "declined")
    return batch


def withdraw_batch(*, batch_id: int, reason: str, actor: User, now: datetime) -> RefundBatch:
    """This function will take a proposal back before anybody has decided about it."""
    return _stop(batch_id, reason, actor, now=now, before=(State.PROPOSED,), after=State.WITHDRAWN)


def pause_batch(*, batch_id: int, reason: str, actor: User, now: datetime) -> RefundBatch:
    """This function will stop a batch after the row in hand; what went out goes on."""
    return _stop(batch_id, reason, actor, now=now, before=(State.WORKING,), after=State.PAUSED)


def resume_batch(*, batch_id: int, reason: str, actor: User, now: datetime) -> RefundBatch:
    """This function will let a paused batch go on where it stopped: it was approved already."""
    return _stop(batch_id, reason, actor, now=now, before=(State.PAUSED,), after=State.WORKING)


def cancel_batch(*, batch_id: int, reason: str, actor: User, now: datetime) -> RefundBatch:
    """This function will give up every row that has not gone out; those that have go on."""
    before = (State.WORKING, State.PAUSED)
    return _stop(batch_id, reason, actor, now=now, before=before, after=State.CANCELLED)


def _stop(
    batch_id: int,
    reason: str,
    actor: User,
    *,
    now: datetime,
    before: tuple[State, ...],
    after: State,
) -> RefundBatch:
    require_right(actor)
    reason = require_reason(reason)
    with transaction.atomic(durable=True):
        batch = _lock(batch_id, *before)
        batch.state = after
        batch.stopped_by, batch.stopped_at, batch.stop_reason = label_of(actor), now, reason
        if after in (State.CANCELLED, State.WITHDRAWN):
            batch.finished_at = now
            _skip_waiting(batch, after.value)
        batch.save()
        if after == State.WORKING:
            wake(TASK)
    return batch


def _skip_waiting(batch: RefundBatch, reason: str) -> None:
    """A row that a worker holds at this instant is waited for: it goes out, or it is skipped."""
    waiting = BatchRow.objects.select_for_update().filter(batch=batch, state=Row.WAITING)
    ids = [row.pk for row in waiting.order_by("pk")]
    BatchRow.objects.filter(pk__in=ids).update(state=Row.SKIPPED, reason=reason)


def digest_of(batch: RefundBatch) -> str:
    """This function will compute a batch's digest again from the rows as they are stored."""
    rows = batch.rows.values_list("order_id", "amount_fen", "reason")
    return digest_rows(batch.scope, rows)


def follow_rows(*, now: datetime) -> None:
    """This function will note what became of the refunds that went out, and end what is over.

    Set-based, and right however often and by however many workers it is done.
    """
    mine = Refund.objects.filter(
        origin=OuterRef("origin"),
        cycle=OuterRef("cycle"),
        purpose=Refund.Purpose.OUTAGE,
        payment__order=OuterRef("order"),
    )
    moving = Exists(mine.filter(state__in=set(Refund.HOLDING_STATES) - {Refund.State.MANUAL}))
    by_hand = Exists(mine.filter(state=Refund.State.MANUAL))
    refused = Exists(mine.filter(state=Refund.State.REJECTED, replaced_by__isnull=True))
    still = BatchRow.objects.filter(~moving, state__in=(Row.SENT, Row.BY_HAND))
    still.filter(by_hand, state=Row.SENT).update(state=Row.BY_HAND)
    still.filter(~by_hand, refused).update(state=Row.FAILED, settled_at=now)
    still.filter(~by_hand, ~refused).update(state=Row.DONE, settled_at=now)
    left = BatchRow.objects.filter(batch=OuterRef("pk"), state__in=BatchRow.LIVE_STATES)
    over = RefundBatch.objects.filter(~Exists(left), state=State.WORKING)
    over.update(state=State.FINISHED, finished_at=now)


def _lock(batch_id: int, *states: State) -> RefundBatch:
    batch = RefundBatch.objects.select_for_update().get(pk=batch_id)
    if batch.state not in states:
        raise UnableToBatch(
            _("This batch is “%(state)s”.") % {"state": batch.get_state_display()},
            code="wrong_state",
        )
    return batch
