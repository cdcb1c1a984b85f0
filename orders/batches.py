"""Batches of refunds as one supervisor proposes them: a list that is fixed from then on.

Both people name the digest of the list they have read, so what is approved is what was shown.
orders.batch_decisions approves and stops a batch, tickets.mass_refunds carries its rows out.
"""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from orders.affected import (
    MOST_FEN,
    MOST_ORDERS,
    Scope,
    Selection,
    select_orders,
)
from orders.by_hand import label_of
from orders.models import BatchRow, Outage, RefundBatch, new_batch_number
from orders.refunds import yuan
from orders.refusals import Refused

RIGHT = "orders.refund_batch"
REASON_LIMIT = 200

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
    require_right(actor)
    reason = require_reason(reason)
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
        raise list_changed() from None
    return batch


def _check_selection(selection: Selection, seen_digest: str) -> None:
    if selection.truncated:
        raise UnableToBatch(
            _("More than %(limit)d orders fit. Narrow the time or the product.")
            % {"limit": MOST_ORDERS},
            code="too_many",
        )
    if selection.digest != seen_digest:
        raise list_changed()
    if not selection.chosen:
        raise UnableToBatch(_("There is no order to refund."), code="empty")
    if selection.amount_fen > MOST_FEN:
        raise UnableToBatch(
            _("Together %(amount)s; at most %(limit)s are possible in one batch.")
            % {"amount": yuan(selection.amount_fen), "limit": yuan(MOST_FEN)},
            code="too_much",
        )


def list_changed() -> UnableToBatch:
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


def require_right(actor: User) -> None:
    if not actor.has_perm(RIGHT):
        raise NotAllowedToBatch(_("You may not refund in batches."))


def require_reason(reason: str) -> str:
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
