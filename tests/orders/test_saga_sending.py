"""When a refund may be sent: spacing on one payment, the channel's window, refusals that pass."""

from datetime import timedelta

import pytest

from orders.answers import KEY_LIFE, REFUSAL_WAITS
from orders.models import Refund
from orders.routes import find_unrefundable
from orders.settlement import claim_refund
from tests.orders.saga import Saga
from tests.stories import (
    HOUR,
    MINUTE,
    SECOND,
    TICK,
    Desk,
    deadline_of,
    make_payment,
    open_dispute,
    told,
)

pytestmark = pytest.mark.django_db

YEAR = timedelta(days=365)


class TestSpacing:
    def test_two_refunds_of_one_payment_keep_their_distance(self, saga: Saga, manners) -> None:
        manners(refund_spacing=MINUTE)
        order = saga.order()
        first, second = saga.plan(order, 1000), saga.plan(order, 2000)
        assert saga.claim(first) is not None

        assert saga.claim(second) is None

        assert saga.due_in(second) == 60
        assert saga.refund(second).attempts == 0
        assert claim_refund(refund_id=second.pk, now=saga.now + MINUTE - TICK) is None
        claim = saga.claim(second)
        assert claim is not None
        assert claim.operation == "request"

    def test_a_refund_of_another_payment_need_not_wait(self, saga: Saga, manners) -> None:
        manners(refund_spacing=MINUTE)
        first, other = saga.plan(), saga.plan()
        assert saga.claim(first) is not None
        assert saga.claim(other) is not None

    def test_a_query_need_not_wait(self, saga: Saga, manners) -> None:
        order = saga.order()
        first, second = saga.plan(order, 1000), saga.plan(order, 2000)
        saga.answer(first, "accepted")
        saga.claim(second)
        manners(refund_spacing=HOUR)
        assert saga.claim(first) is not None

    def test_the_same_refund_sent_again_waits_as_well(self, saga: Saga, manners) -> None:
        manners(refund_spacing=MINUTE)
        refund = saga.plan()
        sent_at = saga.now
        saga.answer(refund, "rejected", retryable=True)
        assert saga.due_in(refund) == 5
        assert saga.claim(refund) is None
        assert saga.refund(refund).next_attempt_at == sent_at + MINUTE


class TestTheWindow:
    def test_its_last_instant_and_the_next(self, saga: Saga, manners) -> None:
        manners(refund_window=YEAR)
        order = saga.order(created_at=saga.now - YEAR)  # paid at that instant
        late = saga.order(created_at=saga.now - YEAR - TICK)
        in_time, too_late = saga.plan(order), saga.plan(late)

        assert saga.claim(in_time) is not None
        assert saga.claim(too_late) is None

        refund = saga.refund(too_late)
        assert (refund.state, refund.code) == ("manual", "WINDOW_OVER")
        assert (refund.last_sent_at, refund.attempts) == (None, 0)
        assert saga.money(too_late) == (0, 9800)
        assert saga.told(too_late) == ["refund_planned", "refund_manual"]

    def test_an_offline_payment_is_for_people_at_once(self, saga: Saga) -> None:
        refund = saga.plan(saga.order(channel="offline"))
        assert saga.claim(refund) is None
        assert (saga.refund(refund).state, saga.refund(refund).code) == ("manual", "OFFLINE")

    def test_payments_that_cannot_go_back_are_foreseen(self, saga: Saga, manners) -> None:
        manners(refund_window=YEAR)
        order = saga.order(created_at=saga.now - YEAR + HOUR)
        cash = make_payment(order, 200, channel="offline")
        assert find_unrefundable(order, now=saga.now) == [cash]
        assert len(find_unrefundable(order, now=saga.now + 2 * HOUR)) == 2

    def test_what_went_back_already_needs_no_way(self, saga: Saga) -> None:
        refund = saga.plan(saga.order(channel="offline"))
        assert find_unrefundable(refund.payment.order, now=saga.now) == []

    def test_another_way_is_looked_for_at_the_warning_and_not_when_it_is_due(
        self, desk: Desk
    ) -> None:
        """Zhang Wei paid in cash: at 24 h it would be too late to find a bank account."""
        ticket = open_dispute(desk.order(channel="offline"))
        desk.advance(deadline_of(ticket, "commitment_warning").due_at)
        assert "bank_details_asked" in told(ticket)

        desk.advance(deadline_of(ticket, "commitment_enforcement").due_at)
        (refund,) = desk.refunds(ticket)
        assert claim_refund(refund_id=refund.pk, now=desk.now) is None, "nothing is sent"
        assert (refund.state, refund.code, refund.attempts) == (Refund.State.MANUAL, "OFFLINE", 0)


class TestRefusalsThatPass:
    def test_the_same_number_goes_again_after_longer_and_longer_waits(self, saga: Saga) -> None:
        refund = saga.plan()
        waits, numbers = [], set()
        for _attempt in range(6):
            numbers.add(saga.answer(refund, "rejected", retryable=True).refund_no)
            waits.append(timedelta(seconds=saga.due_in(refund) or 0))
        assert waits == [*REFUSAL_WAITS, REFUSAL_WAITS[-1]]
        assert len(numbers) == 1
        assert saga.money(refund) == (0, 9800)
        saga.answer(refund, "succeeded")
        assert saga.money(refund) == (9800, 0)

    def test_people_are_told_once_when_it_was_no_passing_burst(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "rejected", retryable=True, code="BALANCE_NOT_ENOUGH")
        assert "refund_delayed" not in saga.told(refund)
        for _attempt in range(4):
            saga.answer(refund, "rejected", retryable=True, code="BALANCE_NOT_ENOUGH")
        assert saga.told(refund).count("refund_delayed") == 1

    def test_a_query_that_is_refused_for_now_says_nothing_of_the_refund(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "unknown", retryable=True)
        saga.answer(refund, "rejected", retryable=True, code="RATE_LIMITED")
        assert saga.refund(refund).state == "unknown"
        claim = saga.claim(refund)
        assert claim is not None
        assert claim.operation == "query"

    def test_it_ends_with_people(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "rejected", retryable=True)
        saga.now += KEY_LIFE + SECOND
        saga.answer(refund, "rejected", retryable=True)
        assert saga.refund(refund).state == "manual"

    def test_supervisors_hear_that_the_account_is_empty(self, desk: Desk, lin) -> None:
        from tickets.remedies import refund

        ticket = desk.open()
        refund(
            ticket_id=ticket.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=desk.now
        )
        for _attempt in range(2):
            desk.settle(ticket, "rejected", retryable=True, code="NOT_ENOUGH")
        assert told(ticket, "staff").count("refund_delayed_staff") == 2  # wang and zhao
        assert desk.tell(ticket).status == "remedy_pending"
