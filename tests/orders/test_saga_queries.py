"""What was not clearly answered is asked about, and sent again only when it never arrived."""

from datetime import timedelta

import pytest

from orders.answers import ACCEPTED_LIFE, KEY_LIFE
from orders.models import Refund, RefundCall
from orders.settlement import LEASE, claim_refund, hasten_refund, settle_refund
from tests.orders.saga import Saga, said
from tests.stories import MINUTE, SECOND, TICK

pytestmark = pytest.mark.django_db

MISSING = {"retryable": True}
TEN = 10 * SECOND


class TestAfterAnAnswerThatWasLost:
    def test_it_is_asked_about_not_before_the_channel_can_know(self, saga: Saga, manners) -> None:
        manners(min_query_wait=TEN)
        refund = saga.plan()

        saga.answer(refund, "unknown", retryable=True)

        assert saga.refund(refund).state == "unknown"
        assert saga.due_in(refund) == 10
        assert claim_refund(refund_id=refund.pk, now=saga.now + TEN - TICK) is None
        claim = saga.claim(refund)
        assert claim is not None
        assert claim.operation == "query"

    def test_a_worker_that_died_leaves_one_that_is_asked_about(self, saga: Saga, manners) -> None:
        manners(min_query_wait=MINUTE)
        refund = saga.plan()

        saga.claim(refund)  # ... and nobody ever hears of this worker again.

        assert saga.due_in(refund) == (LEASE + MINUTE).total_seconds()
        claim = saga.claim(refund)
        assert claim is not None
        assert claim.operation == "query"

    def test_every_query_keeps_the_channels_distance(self, saga: Saga, manners) -> None:
        manners(min_query_wait=MINUTE)
        refund = saga.plan()
        waits = []
        for _attempt in range(9):
            saga.answer(refund, "accepted")
            waits.append(saga.due_in(refund))
        assert waits == [60, 60, 60, 60, 60, 300, 600, 1200, 1800]

    def test_the_timeout_of_a_request_is_no_failure(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "unknown", retryable=True, code="NO_ANSWER")
        assert saga.money(refund) == (0, 9800)
        assert "refund_rejected" not in saga.told(refund)


class TestNotFound:
    def test_twice_and_late_enough_the_same_number_and_amount_go_again(
        self, saga: Saga, manners
    ) -> None:
        manners(min_query_wait=TEN)
        refund = saga.plan()
        first = saga.answer(refund, "unknown", retryable=True)

        saga.answer(refund, "not_found", **MISSING)
        assert saga.refund(refund).state == "unknown"
        saga.answer(refund, "not_found", **MISSING)

        assert saga.refund(refund).state == "requested"
        again = saga.claim(refund)
        assert again is not None
        assert again.operation == "request"
        assert (again.refund_no, again.amount_fen) == (first.refund_no, first.amount_fen)
        assert Refund.objects.count() == 1

    def test_asked_too_early_it_proves_nothing(self, saga: Saga, manners) -> None:
        refund = saga.plan()
        saga.answer(refund, "unknown", retryable=True)  # asked again after 2 s
        manners(min_query_wait=TEN)

        saga.answer(refund, "not_found", **MISSING)

        assert saga.refund(refund).not_found_count == 0
        saga.answer(refund, "not_found", **MISSING)
        saga.answer(refund, "not_found", **MISSING)
        assert saga.refund(refund).state == "requested"

    def test_only_in_a_row(self, saga: Saga) -> None:
        refund = saga.plan()
        for outcome in ("unknown", "not_found", "unknown", "not_found"):
            saga.answer(refund, outcome, retryable=True)
        assert saga.refund(refund).state == "unknown"
        saga.answer(refund, "not_found", **MISSING)
        assert saga.refund(refund).state == "requested"

    def test_an_answer_about_the_sending_before_does_not_count(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "unknown", retryable=True)
        slow = saga.claim(refund)  # a query that takes its time
        assert slow is not None
        saga.now += LEASE
        saga.answer(refund, "not_found", **MISSING)
        saga.answer(refund, "not_found", **MISSING)
        saga.answer(refund, "unknown", retryable=True)  # sent again

        settle_refund(claim=slow, answer=said("not_found", **MISSING), now=saga.now)

        assert saga.refund(refund).not_found_count == 0
        assert saga.refund(refund).calls.count() == 5


class TestTheEndOfPatience:
    def test_past_the_keys_life_people_decide(self, saga: Saga) -> None:
        refund = saga.plan()
        planned_at = saga.now
        saga.answer(refund, "unknown", retryable=True)
        saga.now = planned_at + KEY_LIFE
        saga.answer(refund, "unknown", retryable=True)
        assert saga.refund(refund).state == "unknown"

        saga.answer(refund, "unknown", retryable=True)

        assert saga.refund(refund).state == "manual"
        assert saga.money(refund) == (0, 9800)

    def test_past_the_keys_life_it_is_not_sent_again(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "unknown", retryable=True)
        saga.answer(refund, "not_found", **MISSING)
        saga.now += KEY_LIFE
        saga.answer(refund, "not_found", **MISSING)
        assert saga.refund(refund).state == "manual"

    def test_what_the_channel_has_taken_in_is_waited_for_longer(self, saga: Saga) -> None:
        refund = saga.plan()
        planned_at = saga.now
        saga.answer(refund, "accepted")
        saga.now = planned_at + 3 * KEY_LIFE
        saga.answer(refund, "accepted")
        assert saga.refund(refund).state == "accepted"
        saga.now = planned_at + ACCEPTED_LIFE + MINUTE
        saga.answer(refund, "accepted")
        assert saga.refund(refund).state == "manual"

    @pytest.mark.parametrize("code", ["NOT_CONFIGURED", "ABNORMAL", "A_NEW_WORD"])
    def test_unknown_and_not_to_be_repeated_is_for_people_at_once(
        self, saga: Saga, code: str
    ) -> None:
        refund = saga.plan()
        saga.answer(refund, "unknown", retryable=False, code=code)
        assert (saga.refund(refund).state, saga.refund(refund).code) == ("manual", code)
        assert saga.told(refund)[-1] == "refund_manual"
        assert saga.due_in(refund) is None


class TestHeardOfNews:
    def test_the_channel_is_asked_now(self, saga: Saga) -> None:
        refund = saga.plan()
        for _attempt in range(7):
            saga.answer(refund, "accepted")
        assert saga.due_in(refund) == 600

        assert hasten_refund(refund_no=refund.refund_no, channel="sandbox", now=saga.now)

        assert saga.due_in(refund) == 0
        saga.answer(refund, "succeeded")
        assert saga.money(refund) == (9800, 0)

    def test_not_before_it_can_know(self, saga: Saga, manners) -> None:
        manners(min_query_wait=MINUTE)
        refund = saga.plan()
        saga.answer(refund, "accepted")
        hasten_refund(refund_no=refund.refund_no, now=saga.now + SECOND)
        assert saga.due_in(refund) == 60

    def test_of_one_that_people_have(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "unknown", retryable=False)
        hasten_refund(refund_no=refund.refund_no, now=saga.now)
        claim = saga.answer(refund, "succeeded")
        assert claim.operation == "query"
        assert saga.refund(refund).state == "succeeded"
        assert saga.money(refund) == (9800, 0)

    def test_nothing_new_of_one_that_people_have(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "unknown", retryable=False)
        hasten_refund(refund_no=refund.refund_no, now=saga.now)
        saga.answer(refund, "not_found", **MISSING)
        assert (saga.refund(refund).state, saga.due_in(refund)) == ("manual", None)

    def test_no_answer_is_asked_for_again(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "rejected")
        hasten_refund(refund_no=refund.refund_no, now=saga.now)
        saga.answer(refund, "unknown", retryable=True)
        assert (saga.refund(refund).state, saga.due_in(refund)) == ("rejected", 1800)

    def test_of_one_that_was_never_sent(self, saga: Saga) -> None:
        refund = saga.plan()
        assert not hasten_refund(refund_no=refund.refund_no, now=saga.now)

    def test_of_another_channels(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "accepted")
        assert not hasten_refund(refund_no=refund.refund_no, channel="alipay", now=saga.now)
        assert not hasten_refund(refund_no="RF0", now=saga.now)


def test_every_call_is_kept_with_what_came_back(saga: Saga) -> None:
    refund = saga.plan()
    saga.answer(refund, "accepted", request_id="REQ1", raw={"status": "PROCESSING"})
    saga.answer(refund, "succeeded", request_id="REQ2")
    calls = RefundCall.objects.filter(refund=refund).order_by("pk")
    assert [(c.operation, c.outcome, c.request_id) for c in calls] == [
        ("request", "accepted", "REQ1"),
        ("query", "succeeded", "REQ2"),
    ]


def test_a_lease_is_one_workers(saga: Saga) -> None:
    refund = saga.plan()
    assert saga.claim(refund) is not None
    assert claim_refund(refund_id=refund.pk, now=saga.now + LEASE - timedelta(seconds=1)) is None
