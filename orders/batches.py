"""Batches of refunds: proposed by one supervisor, approved by another, stopped by any.

What is approved is what was shown: the rows are fixed when they are proposed, and both people name
the digest of the list they have read. tickets.mass_refunds carries the rows out.
"""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from helpdesk.wake import wake
from orders.affected import (
    MOST_FEN,
    MOST_ORDERS,
    Scope,
    Selection,
    digest_rows,
    select_orders,
)
from orders.by_hand import label_of
from orders.models import BatchRow, Outage, Refund, RefundBatch, new_batch_number
from orders.refunds import yuan
from orders.refusals import Refused

RIGHT = "orders.refund_batch"
REASON_LIMIT = 200
TASK = "tickets.tasks.carry_on_batches"

State = RefundBatch.State
Row = BatchRow.State


class UnableToBatch(Refused):
    """The batch is not in the state for it, or is not what was read."""

    code = "batch_refused"


class NotAllowedToBatch(UnableToBatch):
    code = "not_allowed"
    http_status = 403


def propose_batch(
    *,
    outage_id: int,
    scope: Scope,
    kept_out: Mapping[int, str],
    reason: str,
    seen_digest: str,
    actor: User,
    now: datetime,
) -> RefundBatch:
    """This function will fix a list of refunds for a second supervisor to approve.

    ``seen_digest`` names the list that the proposer has read: when it has changed since, by one
    delivery say, nothing is proposed. The rows keep their orders out of other batches.

    :raises UnableToBatch: the list has changed, is empty or too long, or the reason is missing.
    """
    _require_right(actor)
    reason = _require_reason(reason)
    try:
        with transaction.atomic(durable=True):
            outage = Outage.objects.get(pk=outage_id)
            selection = select_orders(scope, kept_out=kept_out, now=now)
            _check_selection(selection, seen_digest)
            batch = RefundBatch.objects.create(
                number=_new_number(now),
                outage=outage,
                reason=reason,
                scope=scope.to_json(),
                digest=selection.digest,
                count=len(selection.chosen),
                amount_fen=selection.amount_fen,
                excluded=len(selection.left_out),
                proposed_by=label_of(actor),
                proposed_at=now,
            )
            BatchRow.objects.bulk_create(_rows(batch, selection, now=now), batch_size=500)
    except IntegrityError:
        # Another supervisor proposed an overlapping list between our look and our insert.
        raise _list_changed() from None
    return batch


def _check_selection(selection: Selection, seen_digest: str) -> None:
    if selection.truncated:
        raise UnableToBatch(
            _("More than %(limit)d orders fit. Narrow the time or the product.")
            % {"limit": MOST_ORDERS},
            code="too_many",
        )
    if selection.digest != seen_digest:
        raise _list_changed()
    if not selection.chosen:
        raise UnableToBatch(_("There is no order to refund."), code="empty")
    if selection.amount_fen > MOST_FEN:
        raise UnableToBatch(
            _("Together %(amount)s; at most %(limit)s are possible in one batch.")
            % {"amount": yuan(selection.amount_fen), "limit": yuan(MOST_FEN)},
            code="too_much",
        )


def _list_changed() -> UnableToBatch:
    return UnableToBatch(
        _("The list has changed since you read it. Please look at it again."), code="stale"
    )


def _rows(batch: RefundBatch, selection: Selection, *, now: datetime) -> list[BatchRow]:
    return [
        BatchRow(
            batch=batch,
            order=verdict.order,
            amount_fen=verdict.amount_fen,
            channel=verdict.channel,
            state=Row.WAITING if verdict.is_in else Row.EXCLUDED,
            reason=verdict.reason,
            not_before=now,
        )
        for verdict in selection.verdicts
    ]


def approve_batch(
    *, batch_id: int, decision: bool, reason: str, seen_digest: str, actor: User, now: datetime
) -> RefundBatch:
    """This function will let a proposed batch be carried out, or turn it down.

    :raises NotAllowedToBatch: the actor proposed it.
    :raises UnableToBatch: it was decided, or its rows are not the ones that were read.
    """
    _require_right(actor)
    reason = _require_reason(reason)
    with transaction.atomic(durable=True):
        batch = _lock(batch_id, State.PROPOSED)
        if batch.proposed_by == label_of(actor):
            raise NotAllowedToBatch(
                _("Another supervisor has to decide what you proposed."), code="four_eyes"
            )
        if not batch.digest == seen_digest == digest_of(batch):
            raise _list_changed()
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
    _require_right(actor)
    reason = _require_reason(reason)
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


def _require_right(actor: User) -> None:
    if not actor.has_perm(RIGHT):
        raise NotAllowedToBatch(_("You may not refund in batches."))


def _require_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise UnableToBatch(_("Please give a reason."), code="required", field="reason")
    if len(reason) > REASON_LIMIT:
        raise UnableToBatch(
            _("At most %(limit)d characters; this has %(count)d.")
            % {"limit": REASON_LIMIT, "count": len(reason)},
            code="too_long",
            field="reason",
        )
    return reason


def _new_number(now: datetime) -> str:
    return new_batch_number(f"{now.astimezone(ZoneInfo(settings.TIME_ZONE)):%y%m%d}")
