"""What follows from a channel's answer about a refund. Runs under the locks of the refund, its
payment and its order; docs/refunds.md has the table.

Money that moved is never unsaid: a success counts whenever it is heard, in whatever state, and
what cannot be booked becomes an alarm. Any other answer counts only for the request it is about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from helpdesk.wake import wake
from orders import ledger
from orders.alarms import raise_alarm
from orders.channels.base import ChannelAnswer, Outcome
from orders.models import (
    HandSettlement,
    MoneyAlarm,
    Order,
    OrderEvent,
    Payment,
    Refund,
    RefundCall,
)
from orders.recourse import claim_unproven
from orders.refunds import append_event, replace_refund
from orders.routes import find_dead_end, get_manners

#: Waits between queries while a channel has not settled (WeChat Pay's advice from 60 s on); never
#: shorter than the channel's own minimum.
QUERY_WAITS = [timedelta(seconds=s) for s in (2, 5, 10, 30, 60, 300, 600, 1200, 1800)]
#: Waits before the same request goes out again after a refusal that will pass.
REFUSAL_WAITS = [timedelta(seconds=s) for s in (5, 30, 120, 600, 1800)]
#: The refusal that people are told of: one may be a burst, two in a row need money or hands.
TELLING_REFUSAL = 2
#: After this long without an answer a refund is no longer resent, only people decide.
KEY_LIFE = timedelta(hours=20)
#: A refund that its channel has taken in may wait this long (WeChat Pay closes after 7 days).
ACCEPTED_LIFE = timedelta(days=8)
#: Numbers that the desk opens by itself for one refund whose channel closes them.
MOST_GENERATIONS = 3
NOT_FOUNDS_BEFORE_RESENDING = 2

State = Refund.State
Kind = OrderEvent.Kind
Operation = RefundCall.Operation
#: States in which the next step is the program's.
IN_FLIGHT = (State.REQUESTED, State.ACCEPTED, State.UNKNOWN)
#: States whose channel may be asked, were it only because somebody heard of news.
ASKED_ABOUT = (*IN_FLIGHT, State.MANUAL, State.SUCCEEDED, State.REJECTED)


@dataclass(frozen=True)
class Asked:
    """What an answer answers: which call, begun when."""

    operation: Operation
    at: datetime


def apply_answer(
    refund: Refund,
    payment: Payment,
    order: Order,
    *,
    asked: Asked,
    answer: ChannelAnswer,
    now: datetime,
) -> None:
    """This function will do what an answer demands; the caller saves the refund."""
    if answer.outcome == Outcome.SUCCEEDED:
        _succeed(refund, payment, order, answer, now=now)
    elif refund.state not in IN_FLIGHT:
        _hear_of_settled(refund, asked, answer, now=now)
    elif _is_stale(refund, asked, answer):
        return
    else:
        _note(refund, answer)
        _weigh(refund, payment, asked, answer, now=now)


def _note(refund: Refund, answer: ChannelAnswer) -> None:
    refund.outcome, refund.retryable = answer.outcome, answer.retryable
    refund.code, refund.message = answer.code[:64], answer.message[:500]
    refund.channel_refund_no = answer.channel_refund_no[:64] or refund.channel_refund_no


def _is_stale(refund: Refund, asked: Asked, answer: ChannelAnswer) -> bool:
    """An answer about an earlier sending says nothing of the present one, and a number that waits
    to be sent again has no other news than that the channel has it after all."""
    if refund.last_sent_at is None:
        return answer.outcome != Outcome.ACCEPTED
    return asked.at < refund.last_sent_at


# --- Success ----------------------------------------------------------------------------------


def _succeed(
    refund: Refund, payment: Payment, order: Order, answer: ChannelAnswer, *, now: datetime
) -> None:
    paid_fen = refund.amount_fen if answer.amount_fen is None else answer.amount_fen
    if refund.state == State.SUCCEEDED:
        _succeed_again(refund, answer, now=now)
        return
    was_live, was_held = refund.is_live, refund.held
    _note(refund, answer)
    if paid_fen <= 0 or not ledger.can_settle(payment, refund, paid_fen):
        _keep_for_people(refund, payment, paid_fen, now=now)
        return
    ledger.settle(payment, refund, paid_fen=paid_fen, now=now)
    refund.held = False
    _finish(refund, State.SUCCEEDED, Kind.REFUND_SETTLED, now=now)
    if not was_live or was_held:
        _alarm(MoneyAlarm.Kind.LATE_SUCCESS, refund, paid_fen, booked=True, now=now)
    if paid_fen != refund.amount_fen:
        _alarm(MoneyAlarm.Kind.AMOUNT_DIFFERS, refund, paid_fen, booked=True, now=now)
    _withdraw_proposals(refund, paid_fen, now=now)
    # The refund's new state counts for what the supplier owes.
    refund.save()
    claim_unproven(order, refund, now=now)


def _succeed_again(refund: Refund, answer: ChannelAnswer, *, now: datetime) -> None:
    """Told twice is told once, unless it was people who paid it, or the amount is another."""
    refund.next_attempt_at = None
    paid_fen = refund.paid_fen if answer.amount_fen is None else answer.amount_fen
    by_hand = refund.hand_settlements.filter(state=HandSettlement.State.APPROVED, paid=True)
    if by_hand.exists():
        _alarm(MoneyAlarm.Kind.PAID_TWICE, refund, paid_fen or 0, booked=False, now=now)
    elif paid_fen != refund.paid_fen:
        _alarm(MoneyAlarm.Kind.AMOUNT_DIFFERS, refund, paid_fen or 0, booked=False, now=now)


def _keep_for_people(refund: Refund, payment: Payment, paid_fen: int, *, now: datetime) -> None:
    """The payment does not cover what the channel says it paid. Nothing is booked, nobody forgets
    it, and what has not gone out yet of this payment stays until people have looked."""
    if refund.is_live:
        refund.held = False
        hand_over(refund, code=refund.code or "AMOUNT_DIFFERS", now=now)
        _alarm(MoneyAlarm.Kind.AMOUNT_DIFFERS, refund, paid_fen, booked=False, now=now)
        return
    refund.next_attempt_at = None
    _alarm(MoneyAlarm.Kind.LATE_SUCCESS, refund, paid_fen, booked=False, now=now)
    others = Refund.objects.select_for_update().filter(
        payment=payment, state=State.REQUESTED, last_sent_at__isnull=True
    )
    for other in others.exclude(pk=refund.pk).order_by("pk"):
        hand_over(other, code="PAID_UNDER_ANOTHER_NUMBER", now=now)


def _withdraw_proposals(refund: Refund, paid_fen: int, *, now: datetime) -> None:
    """Somebody who was about to settle by hand may have paid already."""
    proposed = refund.hand_settlements.filter(state=HandSettlement.State.PROPOSED)
    was_paid = proposed.filter(paid=True).exists()
    proposed.update(state=HandSettlement.State.DECLINED, decided_by="system", decided_at=now)
    if was_paid:
        _alarm(MoneyAlarm.Kind.PAID_TWICE, refund, paid_fen, booked=False, now=now)


# --- Everything else --------------------------------------------------------------------------


def _hear_of_settled(refund: Refund, asked: Asked, answer: ChannelAnswer, *, now: datetime) -> None:
    """No success, about a refund that is settled or in people's hands: they keep it."""
    if refund.state == State.PLANNED:
        return
    unclear = answer.outcome == Outcome.UNKNOWN and answer.retryable
    refund.next_attempt_at = now + QUERY_WAITS[-1] if unclear else None
    taken_back = (
        refund.state == State.SUCCEEDED
        and answer.outcome == Outcome.REJECTED
        and not answer.retryable
        and asked.operation != Operation.REQUEST
        and refund.settled_at is not None
        and asked.at >= refund.settled_at
    )
    if taken_back:
        _alarm(MoneyAlarm.Kind.CONTRADICTED, refund, refund.paid_fen or 0, booked=False, now=now)


def _weigh(
    refund: Refund, payment: Payment, asked: Asked, answer: ChannelAnswer, *, now: datetime
) -> None:
    sent = asked.operation == Operation.REQUEST
    if answer.outcome == Outcome.REJECTED and answer.needs_new_number:
        _close_number(refund, payment, now=now)
    elif answer.outcome == Outcome.REJECTED and not answer.retryable:
        _reject(refund, payment, now=now)
    elif answer.outcome == Outcome.REJECTED and sent:
        # A query that is refused for now says nothing of the refund: it is asked again, below.
        _refuse_for_now(refund, now=now)
    elif answer.outcome == Outcome.UNKNOWN and not answer.retryable:
        hand_over(refund, code=refund.code, now=now)
    elif answer.outcome == Outcome.NOT_FOUND:
        _miss(refund, payment, asked, now=now)
    else:
        _wait(refund, payment, accepted=answer.outcome == Outcome.ACCEPTED, now=now)


def _reject(refund: Refund, payment: Payment, *, now: datetime) -> None:
    ledger.release(payment, refund, now=now)
    _finish(refund, State.REJECTED, Kind.REFUND_REJECTED, now=now)


def _close_number(refund: Refund, payment: Payment, *, now: datetime) -> None:
    """Never paid and never payable under this number: the next one is linked to it."""
    refund.number_closed = True
    if refund.generation >= MOST_GENERATIONS:
        _reject(refund, payment, now=now)
        return
    ledger.release(payment, refund, now=now)
    refund.state, refund.settled_at, refund.next_attempt_at = State.REJECTED, now, None
    # Saved first: of one intent only one refund may be alive.
    refund.save()
    wait = max(get_manners(payment.channel).refund_spacing, REFUSAL_WAITS[0])
    following = replace_refund(refund, payment, not_before=now + wait, now=now)
    append_event(following, Kind.REFUND_DELAYED, now=now, closed=refund.refund_no)
    wake("tickets.tasks.relay")


def _refuse_for_now(refund: Refund, *, now: datetime) -> None:
    """Balance too low, too many calls: nothing moved, and the same request may go again later."""
    refund.refusals += 1
    if _is_past(refund, KEY_LIFE, now):
        hand_over(refund, code=refund.code, now=now)
        return
    _send_again(refund, now + _from(REFUSAL_WAITS, refund.refusals))
    if refund.refusals == TELLING_REFUSAL:
        append_event(refund, Kind.REFUND_DELAYED, now=now)
        wake("tickets.tasks.relay")


def _miss(refund: Refund, payment: Payment, asked: Asked, *, now: datetime) -> None:
    """Twice not found, and late enough: the request never arrived, the same number goes again."""
    assert refund.last_sent_at is not None
    if asked.at - refund.last_sent_at >= get_manners(payment.channel).min_query_wait:
        refund.not_found_count += 1
    if _is_past(refund, KEY_LIFE, now):
        hand_over(refund, code=refund.code, now=now)
    elif refund.not_found_count >= NOT_FOUNDS_BEFORE_RESENDING:
        _send_again(refund, now)
    else:
        refund.state = State.UNKNOWN
        _ask_later(refund, payment, now=now)


def _wait(refund: Refund, payment: Payment, *, accepted: bool, now: datetime) -> None:
    # Only misses in a row prove that a request never arrived.
    refund.not_found_count = 0
    if accepted:
        refund.refusals = 0
    if _is_past(refund, ACCEPTED_LIFE if accepted else KEY_LIFE, now):
        hand_over(refund, code=refund.code, now=now)
        return
    refund.state = State.ACCEPTED if accepted else State.UNKNOWN
    if refund.last_sent_at is None:
        # It waited to be sent again; the channel has it after all.
        refund.last_sent_at = now
    _ask_later(refund, payment, now=now)


def _ask_later(refund: Refund, payment: Payment, *, now: datetime) -> None:
    least = get_manners(payment.channel).min_query_wait
    refund.next_attempt_at = now + max(_from(QUERY_WAITS, refund.attempts), least)


def _send_again(refund: Refund, at: datetime) -> None:
    refund.state, refund.last_sent_at, refund.next_attempt_at = State.REQUESTED, None, at


def hand_over(refund: Refund, *, code: str, now: datetime) -> None:
    """This function will give a refund into people's hands; its amount stays reserved."""
    unsent = refund.attempts == 0
    refund.code, refund.state, refund.next_attempt_at = code[:64], State.MANUAL, None
    refund.save()
    append_event(refund, Kind.REFUND_MANUAL, now=now, unsent=unsent)
    wake("tickets.tasks.relay")


def hand_over_held(refunds: Sequence[Refund], *, now: datetime) -> None:
    """This function will give refunds that were planned but never sent straight to people, where
    the way their money came is closed to it. The caller holds their payments' locks."""
    for refund in refunds:
        refund.held, refund.requested_at = False, now
        hand_over(refund, code=find_dead_end(refund.payment, now=now), now=now)


def _finish(refund: Refund, state: State, kind: OrderEvent.Kind, *, now: datetime) -> None:
    refund.state, refund.settled_at, refund.next_attempt_at = state, now, None
    append_event(refund, kind, now=now)
    wake("tickets.tasks.relay")


def _alarm(
    kind: MoneyAlarm.Kind, refund: Refund, paid_fen: int, *, booked: bool, now: datetime
) -> None:
    raise_alarm(kind, refund, amount_fen=paid_fen, is_booked=booked, now=now)


def _is_past(refund: Refund, life: timedelta, now: datetime) -> bool:
    return refund.requested_at is not None and now - refund.requested_at > life


def _from(waits: list[timedelta], count: int) -> timedelta:
    return waits[min(count, len(waits)) - 1]
