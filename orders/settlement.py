"""Settling refunds: claim under a lock, call outside any transaction, settle under a lock.

What a channel did not clearly answer is asked about, never sent again blindly; only when it was
twice not found, late enough, is the same number sent again. orders.answers weighs what was said.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from helpdesk.wake import wake
from orders.answers import ASKED_ABOUT, Asked, apply_answer, hand_over
from orders.channels import get_channel
from orders.channels.base import ChannelAnswer, ChannelError, TradeRef
from orders.models import Order, Payment, Refund, RefundCall
from orders.pacing import take_token
from orders.routes import find_dead_end, get_manners

logger = logging.getLogger(__name__)

#: How long a worker may hold a refund before another one asks the channel what became of it.
LEASE = timedelta(seconds=20)
BATCH = 50
#: How long one worker goes on taking up refunds; a task of Celery's ends at 50 s.
ROUND_SECONDS = 25.0

Operation = RefundCall.Operation
State = Refund.State


@dataclass(frozen=True)
class Claim:
    """What a worker needs to talk to the channel, read while it held the refund's lock."""

    refund_id: int
    refund_no: str
    channel: str
    operation: Operation
    trade: TradeRef
    amount_fen: int
    total_fen: int
    reason: str
    at: datetime


def execute_refund(*, refund_id: int, clock: Callable[[], datetime]) -> None:
    """This function will take one refund a step further with its channel, if it is its turn.

    The clock is read again after the call, which may take seconds.
    """
    now = clock()
    channel = find_due(now=now).filter(pk=refund_id).values_list("payment__channel", flat=True)
    if not channel or put_off_without_token(refund_id=refund_id, channel=channel[0], now=now):
        return
    claim = claim_refund(refund_id=refund_id, now=now)
    if claim is None:
        return
    answer = call_channel(claim)
    settle_refund(claim=claim, answer=answer, now=clock())


def put_off_without_token(*, refund_id: int, channel: str, now: datetime) -> bool:
    """This function will put a refund off when its channel has been called often enough for now.

    The worker does not wait: it has other channels to serve.
    """
    rate = get_manners(channel).rate_limit
    wait = take_token(channel, rate=rate, now=now) if rate else None
    if wait is None:
        return False
    # Spread out, so that those who are put off do not all come back at the same instant.
    until = now + wait + timedelta(milliseconds=refund_id * 37 % 1000)
    with transaction.atomic(durable=True):
        find_due(now=now).filter(pk=refund_id).update(next_attempt_at=until)
    return True


def claim_refund(*, refund_id: int, now: datetime) -> Claim | None:
    """This function will take a due refund for this worker alone, for the length of a lease.

    That it is about to be sent is committed before the call: a worker that dies in between leaves
    a refund that is asked about, not one that is sent again. Whether it may be sent at all, and
    how long after the payment's last one, is decided under the payment's lock.
    """
    with transaction.atomic(durable=True):
        payments = Payment.objects.select_for_update(of=("self",))
        payment = payments.filter(refunds=refund_id).first()
        due = find_due(now=now).select_for_update(skip_locked=True)
        refund = due.filter(pk=refund_id).first()
        if payment is None or refund is None:
            return None
        sending = refund.is_to_be_sent
        if sending and not _may_send(refund, payment, now=now):
            return None
        refund.attempts += 1
        refund.next_attempt_at = now + LEASE
        if sending:
            manners = get_manners(payment.channel)
            refund.next_attempt_at += manners.min_query_wait
            refund.last_sent_at = payment.refund_sent_at = now
            refund.not_found_count = 0
            payment.save(update_fields=["refund_sent_at"])
        refund.save(
            update_fields=["attempts", "next_attempt_at", "last_sent_at", "not_found_count"]
        )
    return Claim(
        refund_id=refund.pk,
        refund_no=refund.refund_no,
        channel=payment.channel,
        operation=Operation.REQUEST if sending else Operation.QUERY,
        trade=TradeRef(
            channel_trade_no=payment.channel_trade_no, merchant_trade_no=payment.merchant_trade_no
        ),
        amount_fen=refund.amount_fen,
        total_fen=payment.amount_fen,
        reason=refund.reason,
        at=now,
    )


def _may_send(refund: Refund, payment: Payment, *, now: datetime) -> bool:
    if dead_end := find_dead_end(payment, now=now):
        hand_over(refund, code=dead_end, now=now)
        return False
    spacing = get_manners(payment.channel).refund_spacing
    if payment.refund_sent_at is not None and now < payment.refund_sent_at + spacing:
        refund.next_attempt_at = payment.refund_sent_at + spacing
        refund.save(update_fields=["next_attempt_at"])
        return False
    return True


def call_channel(claim: Claim) -> ChannelAnswer:
    """This function will send or query one refund; whatever is unclear comes back as unknown."""
    try:
        channel = get_channel(claim.channel)
        if claim.operation == Operation.REQUEST:
            return channel.request(
                refund_no=claim.refund_no,
                trade=claim.trade,
                amount_fen=claim.amount_fen,
                total_fen=claim.total_fen,
                reason=claim.reason,
            )
        return channel.query(refund_no=claim.refund_no, trade=claim.trade)
    except ChannelError as error:
        logger.warning("refund %s: %s", claim.refund_no, error)
        return ChannelAnswer(
            outcome=error.outcome,
            retryable=error.retryable,
            code=error.code or "channel_error",
            message=str(error),
            request_id=error.request_id,
            raw=error.raw,
        )


def settle_refund(*, claim: Claim, answer: ChannelAnswer, now: datetime) -> None:
    """This function will write down what the channel said and what follows from it.

    Any number of times and in any order: two workers may have asked when a lease ran out.
    """
    _settle(claim.refund_id, Asked(claim.operation, claim.at), answer, now=now)


def settle_notify(
    *, refund_no: str, channel: str, answer: ChannelAnswer, now: datetime
) -> Refund | None:
    """This function will take a channel's own news about a refund for an answer.

    None: this channel has no such refund here, nothing was changed. The caller has verified that
    the news is the channel's and fresh.
    """
    refunds = Refund.objects.filter(refund_no=refund_no, payment__channel=channel)
    refund_id = refunds.values_list("pk", flat=True).first()
    if refund_id is None:
        return None
    return _settle(refund_id, Asked(Operation.NOTIFY, now), answer, now=now)


def _settle(refund_id: int, asked: Asked, answer: ChannelAnswer, *, now: datetime) -> Refund:
    with transaction.atomic(durable=True):
        order = Order.objects.select_for_update(of=("self",)).get(payments__refunds=refund_id)
        payment = Payment.objects.select_for_update(of=("self",)).get(refunds=refund_id)
        refund = Refund.objects.select_for_update().get(pk=refund_id)
        RefundCall.objects.create(
            refund=refund,
            operation=asked.operation,
            at=now,
            outcome=answer.outcome,
            retryable=answer.retryable,
            code=answer.code[:64],
            message=answer.message[:500],
            request_id=answer.request_id[:128],
            payload=answer.raw,
        )
        apply_answer(refund, payment, order, asked=asked, answer=answer, now=now)
        refund.save()
    return refund


def hasten_refund(*, refund_no: str, channel: str = "", now: datetime) -> bool:
    """This function will have a refund's channel asked as soon as a worker is free: somebody
    heard that there is news. Also about a refund that counts as settled or is in people's hands.

    False: there is no such refund of that channel, or none that was ever sent.
    """
    refunds = Refund.objects.filter(refund_no=refund_no, last_sent_at__isnull=False)
    if channel:
        refunds = refunds.filter(payment__channel=channel)
    with transaction.atomic():
        refund = refunds.select_for_update(of=("self",)).select_related("payment").first()
        if refund is None or refund.last_sent_at is None or refund.state == State.PLANNED:
            return False
        wait = get_manners(refund.payment.channel).min_query_wait
        soonest = max(now, refund.last_sent_at + wait)
        if refund.next_attempt_at is None or refund.next_attempt_at > soonest:
            refund.next_attempt_at = soonest
            refund.save(update_fields=["next_attempt_at"])
        wake("orders.tasks.execute_refund", refund.pk)
    return True


def find_due(*, now: datetime) -> QuerySet[Refund]:
    """This function will select refunds whose next step is due, oldest first."""
    due = Refund.objects.filter(next_attempt_at__lte=now, state__in=ASKED_ABOUT)
    return due.order_by("next_attempt_at")


def find_due_refunds(*, now: datetime) -> list[int]:
    """This function will list one batch of refunds whose next step is due."""
    return list(find_due(now=now).values_list("pk", flat=True)[:BATCH])


def rescue_refunds(*, clock: Callable[[], datetime]) -> int:
    """This function will take up every due refund: a lost wake-up, a killed worker, a query.

    Several workers may do so at once; a claim is one worker's.
    """
    give_up_at = time.monotonic() + ROUND_SECONDS
    taken = 0
    for refund_id in find_due_refunds(now=clock()):
        try:
            execute_refund(refund_id=refund_id, clock=clock)
        except Exception:
            # Its lease lets it be asked about again; the others are not kept waiting.
            logger.exception("refund %s could not be carried on", refund_id)
        taken += 1
        if time.monotonic() > give_up_at:
            break
    return taken
