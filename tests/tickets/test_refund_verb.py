"""Staff give money back: at once below the limit, after a second pair of eyes above it."""

import pytest
from django.db.models import Sum

from orders.models import Refund
from orders.refunds import UnableToRefund
from tests.stories import (
    CUSTOMER,
    OPENING,
    Desk,
    at,
    deadline_of,
    events_of,
    kinds_of,
    make_order,
    make_payment,
    make_top_up,
    set_policy,
    told,
)
from tickets.actors import Actor
from tickets.cases import NotAllowed, TransitionRefused
from tickets.models import Approval
from tickets.remedies import UnableToRemedy, refund
from tickets.transitions import request_evidence, withdraw
from tickets.transitions.handling import InvalidText

pytestmark = pytest.mark.django_db


def pay(ticket, actor, amount_fen=None, now=OPENING, reason="查单无记录", text=""):
    return refund(
        ticket_id=ticket.pk,
        amount_fen=amount_fen,
        reason=reason,
        text=text,
        actor=actor,
        now=now,
    )


def test_all_that_is_owed_at_once(desk: Desk, lin) -> None:
    ticket = desk.open()
    pay(ticket, lin, text="已为您退款", now=at("10:20"))
    ticket = desk.tell(ticket)
    assert ticket.status == "remedy_pending"
    (sent,) = desk.refunds(ticket)
    assert (sent.state, sent.amount_fen, sent.purpose) == ("requested", 9800, "remedy")
    assert (sent.requested_by, sent.generation, sent.cycle) == (lin.label, 1, 1)
    assert sent.payment.reserved_fen == 9800
    assert events_of(ticket, "refund_requested")[0].data == {
        "refund_no": sent.refund_no,
        "amount_fen": 9800,
    }
    assert ticket.messages.latest("pk").body == "已为您退款"
    assert deadline_of(ticket, "first_reply").met_at == at("10:20")
    assert told(ticket)[-1] == "refund_requested"
    assert desk.worries() == {}


def test_settled_it_ends_the_case(desk: Desk, lin) -> None:
    ticket = desk.open()
    pay(ticket, lin)
    desk.settle(ticket, "succeeded")
    ticket = desk.tell(ticket)
    assert (ticket.status, ticket.outcome) == ("resolved", "refunded")
    payment = ticket.order.payments.get()
    assert (payment.refunded_fen, payment.reserved_fen) == (9800, 0)
    assert desk.worries() == {}


def test_rejected_it_goes_to_a_supervisor_with_a_clock(desk: Desk, lin) -> None:
    ticket = desk.open()
    pay(ticket, lin)
    desk.settle(ticket, "rejected", code="ACCOUNT_CLOSED")
    ticket = desk.tell(ticket)
    assert (ticket.status, ticket.level) == ("in_progress", "supervisor")
    assert deadline_of(ticket, "supervisor_resolution").state == "pending"
    assert ticket.order.payments.get().reserved_fen == 0
    assert "refund_rejected_staff" in told(ticket, "staff")
    assert "commitment" in {d.kind for d in ticket.deadlines.filter(state="pending")}
    assert desk.worries() == {}


def test_accepted_is_not_refunded(desk: Desk, lin) -> None:
    ticket = desk.open()
    pay(ticket, lin)
    desk.settle(ticket, "accepted")
    assert desk.tell(ticket).status == "remedy_pending"
    assert ticket.order.payments.get().reserved_fen == 9800
    desk.settle(ticket, "succeeded")
    assert desk.tell(ticket).outcome == "refunded"


def test_unknown_for_good_stays_reserved_in_peoples_hands(desk: Desk, lin) -> None:
    ticket = desk.open()
    pay(ticket, lin)
    desk.settle(ticket, "unknown", retryable=False)
    ticket = desk.tell(ticket)
    assert ticket.status == "remedy_pending"
    assert desk.refunds(ticket)[0].state == "manual"
    assert ticket.order.payments.get().reserved_fen == 9800
    assert "refund_manual_staff" in told(ticket, "staff")
    desk.advance(at("11-25 10:00"))
    assert len(desk.refunds(ticket)) == 1, "the desk pays nothing on top of what is unknown"
    assert "promise_broken" in told(ticket)
    assert desk.worries() == {}


@pytest.mark.parametrize(("price_fen", "waits"), [(50000, False), (50001, True)])
def test_the_limit_from_both_sides(desk: Desk, lin, price_fen: int, waits: bool) -> None:
    ticket = desk.open(desk.order(price_fen=price_fen))
    pay(ticket, lin)
    assert Approval.objects.filter(state="pending").exists() is waits
    assert desk.refunds(ticket)[0].held is waits
    assert (desk.tell(ticket).status == "remedy_pending") is not waits


def test_the_limit_is_the_one_of_the_tickets_own_policy(desk: Desk, lin) -> None:
    ticket = desk.open(desk.order(price_fen=50000))
    set_policy(auto_refund_limit_fen=100)
    pay(ticket, lin)
    assert not Approval.objects.exists()


@pytest.mark.parametrize(("second_fen", "waits"), [(20000, False), (20001, True)])
def test_the_limit_is_not_passed_in_parts(
    desk: Desk, lin, wang, second_fen: int, waits: bool
) -> None:
    """300.00 first and the rest later is no way round a second pair of eyes."""
    ticket = desk.open(desk.order(price_fen=90000))
    pay(ticket, lin, 30000)
    desk.settle(ticket, "succeeded")
    pay(ticket, lin, second_fen, now=desk.now)
    _first, second = desk.refunds(ticket)
    assert (second.amount_fen, second.held) == (second_fen, waits)


class TestAmounts:
    def test_a_part_then_the_rest_each_under_its_own_number(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        pay(ticket, lin, 1000)
        desk.settle(ticket, "succeeded")
        assert desk.tell(ticket).status == "in_progress"
        pay(ticket, lin, now=desk.now)
        desk.settle(ticket, "succeeded")
        first, second = desk.refunds(ticket)
        assert (first.amount_fen, second.amount_fen) == (1000, 8800)
        assert (first.generation, second.generation) == (1, 2)
        assert first.refund_no != second.refund_no
        assert desk.tell(ticket).outcome == "refunded"

    @pytest.mark.parametrize("amount_fen", [0, -1, 9801, 10**15])
    def test_what_cannot_be_given_back(self, desk: Desk, lin, amount_fen: int) -> None:
        ticket = desk.open()
        with pytest.raises(UnableToRefund) as refusal:
            pay(ticket, lin, amount_fen)
        assert refusal.value.http_status == 409
        if amount_fen == 9801:
            assert refusal.value.code == "more_than_refundable"
            assert "98.00" in str(refusal.value)
        assert not Refund.objects.exists()
        assert ticket.order.payments.get().reserved_fen == 0
        assert desk.tell(ticket).status == "new"

    def test_of_two_payments_the_later_goes_back_first(self, desk: Desk, lin) -> None:
        order = make_order(paid=[5000, 3000])
        early, late = order.payments.order_by("paid_at")
        ticket = desk.open(order)
        pay(ticket, lin, 4000)
        by_payment = {r.payment: r.amount_fen for r in desk.refunds(ticket)}
        assert by_payment == {late: 3000, early: 1000}

    def test_two_payments_settled_one_by_one_end_the_case_once(self, desk: Desk, lin) -> None:
        ticket = desk.open(make_order(paid=[5000, 3000]))
        pay(ticket, lin)
        first, second = desk.refunds(ticket)
        desk.settle(first, "succeeded")
        assert desk.tell(ticket).status == "remedy_pending"
        desk.settle(second, "succeeded")
        assert desk.tell(ticket).outcome == "refunded"
        assert kinds_of(ticket).count("resolved") == 1

    @pytest.mark.parametrize("rejected_first", [True, False])
    def test_one_of_two_payments_is_refused_by_its_channel(
        self, desk: Desk, lin, rejected_first: bool
    ) -> None:
        """In whichever order the two answers come, a supervisor has to find a way."""
        ticket = desk.open(make_order(paid=[5000, 3000]))
        pay(ticket, lin)
        bad, good = desk.refunds(ticket)
        answers = [(bad, "rejected"), (good, "succeeded")]
        for item, outcome in answers if rejected_first else reversed(answers):
            desk.settle(item, outcome)
        ticket = desk.tell(ticket)
        assert (ticket.status, ticket.level) == ("in_progress", "supervisor")
        assert desk.worries() == {}
        pay(ticket, lin, now=desk.now)
        desk.settle(ticket, "succeeded")
        assert desk.tell(ticket).outcome == "refunded"
        total = ticket.order.payments.aggregate(back=Sum("refunded_fen"))
        assert total == {"back": 8000}

    def test_unpaid_orders_owe_nothing(self, desk: Desk, lin) -> None:
        order = make_order(paid=[])
        make_payment(order, 9800, status="pending", paid_at=None)
        with pytest.raises(UnableToRefund):
            pay(desk.open(order), lin)

    def test_where_all_arrived_nothing_is_owed(self, desk: Desk, lin) -> None:
        order = make_order(status="delivered")
        make_top_up(order, voucher_no="V1")
        with pytest.raises(UnableToRefund):
            pay(desk.open(order), lin)


class TestRefused:
    def test_a_second_one_while_the_first_is_under_way(self, desk: Desk, lin, wang) -> None:
        ticket = desk.open()
        pay(ticket, lin, 1000)
        for amount_fen in (1000, 500, None):
            with pytest.raises(UnableToRefund):
                pay(ticket, wang, amount_fen)
        assert len(desk.refunds(ticket)) == 1
        assert ticket.order.payments.get().reserved_fen == 1000

    def test_while_a_decision_waits(self, desk: Desk, lin, wang) -> None:
        ticket = desk.open(desk.order(price_fen=60000))
        pay(ticket, lin)
        with pytest.raises(UnableToRemedy):
            pay(ticket, wang, 100)

    def test_by_the_customer_or_the_desk(self, desk: Desk) -> None:
        ticket = desk.open()
        for actor in (CUSTOMER, Actor.system()):
            with pytest.raises(NotAllowed):
                pay(ticket, actor)

    def test_after_the_end(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=OPENING)
        with pytest.raises(TransitionRefused):
            pay(ticket, lin)
        assert not Refund.objects.exists()

    @pytest.mark.parametrize("reason", ["", " ", "长" * 201])
    def test_without_a_reason(self, desk: Desk, lin, reason: str) -> None:
        with pytest.raises(InvalidText):
            pay(desk.open(), lin, reason=reason)


def test_from_waiting_for_the_customer(desk: Desk, lin) -> None:
    ticket = desk.open()
    request_evidence(
        ticket_id=ticket.pk, kinds=["chat_log"], text="请补充", actor=lin, now=at("10:10")
    )
    pay(ticket, lin, now=at("10:20"))
    assert desk.tell(ticket).status == "remedy_pending"
    assert desk.worries() == {}


def test_the_number_is_derived_and_never_counted(desk: Desk, lin) -> None:
    """Rejected for certain, the same intent of the same amount keeps its number."""
    ticket = desk.open()
    pay(ticket, lin)
    number = desk.refunds(ticket)[0].refund_no
    desk.settle(ticket, "rejected")
    pay(ticket, lin, now=desk.now)
    (again,) = desk.refunds(ticket)
    assert (again.refund_no, again.state, again.attempts) == (number, "requested", 0)
    assert (again.settled_at, again.last_sent_at) == (None, None)


def test_over_real_http_the_money_moves_once(banked_desk: Desk, lin) -> None:
    desk = banked_desk
    assert desk.bank is not None
    ticket = desk.open()
    pay(ticket, lin)
    desk.advance(at("10:01"))
    ticket = desk.tell(ticket)
    assert ticket.outcome == "refunded"
    assert desk.bank.effects() == [("sandbox.refund", 9800)]


def test_an_answer_lost_on_the_way_is_asked_for_not_sent_again(banked_desk: Desk, lin) -> None:
    desk = banked_desk
    assert desk.bank is not None
    ticket = desk.open()
    desk.bank.fault("sandbox.refund", "http_500", times=1)
    pay(ticket, lin)
    desk.advance(at("10:05"))
    assert desk.tell(ticket).outcome == "refunded"
    assert desk.bank.effects() == [("sandbox.refund", 9800)]
