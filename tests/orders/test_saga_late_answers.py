"""News that comes twice, late, out of order, or with another amount: no fen is lost or doubled."""

import uuid

import pytest

from orders.alarms import UnableToCloseAlarm, close_alarm
from orders.models import MoneyAlarm, Refund, RefundCall
from orders.refunds import cancel_held_refunds
from orders.settlement import settle_refund
from tests.orders.saga import Saga, said
from tests.stories import MINUTE, Desk, make_payment, told
from tickets.remedies import refund as give_back

pytestmark = pytest.mark.django_db


class TestToldTwice:
    def test_two_notifies_are_booked_once(self, saga: Saga) -> None:
        refund = saga.plan(amount_fen=1000)
        saga.answer(refund, "accepted")

        assert saga.notify(refund, "succeeded", amount_fen=1000)
        assert saga.notify(refund, "succeeded", amount_fen=1000)

        assert saga.money(refund) == (1000, 0)
        assert saga.told(refund).count("refund_settled") == 1
        assert saga.alarms(refund) == []
        assert RefundCall.objects.filter(refund=refund, operation="notify").count() == 2

    def test_a_notify_and_a_query_that_was_under_way(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "accepted")
        query = saga.claim(refund)
        saga.notify(refund, "succeeded")
        assert query is not None
        settle_refund(claim=query, answer=said("accepted"), now=saga.now)
        assert saga.refund(refund).state == "succeeded"
        settle_refund(claim=query, answer=said("succeeded"), now=saga.now)
        assert saga.money(refund) == (9800, 0)

    def test_news_of_another_channel_changes_nothing(self, saga: Saga) -> None:
        refund = saga.plan()
        assert not saga.notify(refund, "succeeded", channel="alipay")
        assert saga.money(refund) == (0, 9800)
        assert not RefundCall.objects.exists()

    def test_an_old_word_after_the_last_one(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "accepted")
        saga.notify(refund, "succeeded")
        saga.notify(refund, "accepted")
        assert saga.refund(refund).state == "succeeded"
        assert saga.due_in(refund) is None


class TestSuccessAfterARejection:
    def test_it_is_booked_after_all_and_people_look(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "rejected", code="TRADE_FROZEN")
        assert saga.money(refund) == (0, 0)

        saga.notify(refund, "succeeded")

        assert saga.refund(refund).state == "succeeded"
        assert saga.money(refund) == (9800, 0)
        assert saga.alarms(refund) == [("late_success", True, 9800)]
        assert saga.told(refund)[-2:] == ["refund_settled", "refund_alarm"]

    def test_where_another_refund_took_its_place_nothing_more_goes_out(self, saga: Saga) -> None:
        order = saga.order()
        first = saga.plan(order)
        saga.answer(first, "rejected", code="TRADE_FROZEN")
        second = saga.plan(order)

        saga.notify(first, "succeeded")

        assert saga.refund(first).state == "rejected"
        assert saga.alarms(first) == [("late_success", False, 9800)]
        held_back = saga.refund(second)
        assert (held_back.state, held_back.next_attempt_at) == ("manual", None)
        assert saga.money(second) == (0, 9800)

    def test_told_again_it_is_one_alarm(self, saga: Saga) -> None:
        order = saga.order()
        first = saga.plan(order)
        saga.answer(first, "rejected")
        saga.plan(order)
        saga.notify(first, "succeeded")
        saga.notify(first, "succeeded")
        assert len(saga.alarms(first)) == 1

    def test_one_that_was_given_up_before_it_was_sent(self, saga: Saga) -> None:
        origin = uuid.uuid4()
        refund = saga.plan(origin=origin, held=True)
        cancel_held_refunds(origin=origin, code="declined", now=saga.now)
        saga.notify(refund, "succeeded")
        assert saga.money(refund) == (9800, 0)
        assert saga.alarms(refund) == [("late_success", True, 9800)]

    def test_while_the_same_intent_waits_for_a_decision(self, saga: Saga) -> None:
        order, origin = saga.order(), uuid.uuid4()
        refund = saga.plan(order, origin=origin)
        saga.answer(refund, "rejected")
        saga.plan(order, origin=origin, held=True)

        saga.notify(refund, "succeeded")

        assert not saga.refund(refund).held
        assert saga.refund(refund).state == "succeeded"
        assert saga.money(refund) == (9800, 0)

    def test_while_it_waits_to_be_sent_again_it_is_not_sent(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "rejected", retryable=True)
        saga.notify(refund, "accepted")
        claim = saga.claim(refund)
        assert claim is not None
        assert claim.operation == "query"


class TestAnotherAmount:
    def test_less_than_asked_books_what_went_back_and_the_rest_is_owed(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "succeeded", amount_fen=5000)
        assert saga.money(refund) == (5000, 0)
        assert saga.refund(refund).paid_fen == 5000
        assert saga.alarms(refund) == [("amount_differs", True, 5000)]

    def test_more_than_asked_books_it_where_the_payment_covers_it(self, saga: Saga) -> None:
        refund = saga.plan(amount_fen=1000)
        saga.answer(refund, "succeeded", amount_fen=9800)
        assert saga.money(refund) == (9800, 0)
        assert saga.alarms(refund) == [("amount_differs", True, 9800)]

    @pytest.mark.parametrize("said_fen", [9801, 0])
    def test_what_cannot_be_is_for_people(self, saga: Saga, said_fen: int) -> None:
        refund = saga.plan()
        saga.answer(refund, "succeeded", amount_fen=said_fen)
        assert saga.refund(refund).state == "manual"
        assert saga.money(refund) == (0, 9800)
        assert saga.alarms(refund) == [("amount_differs", False, said_fen)]

    def test_reserved_money_of_another_refund_is_not_touched(self, saga: Saga) -> None:
        order = saga.order()
        refund, other = saga.plan(order, 1000), saga.plan(order, 8800)
        saga.answer(refund, "succeeded", amount_fen=1001)
        assert saga.refund(refund).state == "manual"
        assert saga.money(other) == (0, 9800)

    def test_another_amount_told_later(self, saga: Saga) -> None:
        refund = saga.plan(amount_fen=1000)
        saga.answer(refund, "succeeded")
        saga.notify(refund, "succeeded", amount_fen=1200)
        assert saga.money(refund) == (1000, 0)
        assert saga.alarms(refund) == [("amount_differs", False, 1200)]

    def test_the_dispute_goes_on_about_the_rest(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        give_back(
            ticket_id=ticket.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=desk.now
        )
        (refund,) = desk.refunds(ticket)
        saga = Saga()
        saga.now = desk.now
        saga.answer(refund, "succeeded", amount_fen=9000)
        desk.tick()
        assert desk.tell(ticket).status == "in_progress"
        assert "refund_alarm_staff" in told(ticket, "staff")


class TestTakenBack:
    def test_a_channel_that_says_no_after_yes_alarms(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "succeeded")
        saga.now += MINUTE
        saga.notify(refund, "rejected", code="CLOSED")
        assert saga.refund(refund).state == "succeeded"
        assert saga.money(refund) == (9800, 0)
        assert saga.alarms(refund) == [("contradicted", False, 9800)]

    def test_an_old_no_that_was_on_its_way_does_not(self, saga: Saga) -> None:
        refund = saga.plan()
        query = saga.claim(refund)
        saga.now += MINUTE
        saga.notify(refund, "succeeded")
        assert query is not None
        settle_refund(claim=query, answer=said("rejected"), now=saga.now)
        assert saga.alarms(refund) == []


class TestClosingAnAlarm:
    def test_somebody_says_what_it_was(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "succeeded", amount_fen=5000)
        alarm = MoneyAlarm.objects.get()
        close_alarm(alarm_id=alarm.pk, note="查明：手续费", by="staff:1", now=saga.now)
        alarm.refresh_from_db()
        assert (alarm.closed_by, alarm.note, alarm.closed_at) == (
            "staff:1",
            "查明：手续费",
            saga.now,
        )
        with pytest.raises(UnableToCloseAlarm):
            close_alarm(alarm_id=alarm.pk, note="again", by="staff:1", now=saga.now)

    def test_not_without_a_word(self, saga: Saga) -> None:
        refund = saga.plan()
        saga.answer(refund, "succeeded", amount_fen=5000)
        with pytest.raises(UnableToCloseAlarm):
            close_alarm(alarm_id=MoneyAlarm.objects.get().pk, note="  ", by="staff:1", now=saga.now)


def test_one_live_refund_per_intent_and_payment(saga: Saga) -> None:
    order, origin = saga.order(), uuid.uuid4()
    saga.plan(order, 1000, origin=origin)
    from orders.refunds import UnableToRefund

    with pytest.raises(UnableToRefund):
        saga.plan(order, 1000, origin=origin)
    assert Refund.objects.count() == 1


def test_two_payments_of_one_trade_number_cannot_be(saga: Saga) -> None:
    from django.db import IntegrityError

    payment = saga.order().payments.get()
    with pytest.raises(IntegrityError):
        make_payment(
            saga.order(), 100, channel="sandbox", channel_trade_no=payment.channel_trade_no
        )
