"""The field's own cases, by their number: what goes wrong in top-up shops, and what is right then.

Rows 1, 11, 16 and 17 live with the channels and the saga, whose answers they turn on.
"""

from datetime import timedelta

import pytest

from orders.deliveries import settle_top_up
from orders.entitlement import get_standing
from orders.models import Order
from orders.suppliers.base import SupplierAnswer, SupplierState
from orders.topups import record_delivery
from tests.stories import (
    CUSTOMER,
    HOUR,
    MINUTE,
    OPENING,
    Desk,
    at,
    deadline_of,
    kinds_of,
    make_payment,
    make_top_up,
    told,
)
from tickets.intake import Contact, Dispute, open_ticket
from tickets.models import Approval
from tickets.remedies import correct_account, refund
from tickets.transitions import escalate, reopen, resolve
from tickets.transitions.deciding import UnableToResolve

pytestmark = pytest.mark.django_db


def test_case_2_supplier_says_success_but_gives_no_voucher(desk: Desk, lin) -> None:
    order = desk.order(price_fen=5000, status="delivered")
    make_top_up(order, "succeeded")
    ticket = desk.open(order)
    with pytest.raises(UnableToResolve):
        resolve(ticket_id=ticket.pk, outcome="delivered", text="已到账", actor=lin, now=desk.now)
    assert desk.enforce(ticket).decision == "refunded"
    assert [item.amount_fen for item in desk.refunds(ticket)] == [5000]


def test_case_3_wrong_number_with_a_voucher_is_not_refunded_by_the_desk_alone(desk: Desk) -> None:
    order = desk.order(price_fen=20000, status="delivered")
    make_top_up(order, "succeeded", voucher_no="20261124000123")
    ticket = desk.open(order, category="wrong_account")
    assert desk.enforce(ticket).decision == "approval_asked"
    assert Approval.objects.get(ticket=ticket).state == "pending"
    assert "awaiting_approval" in told(ticket)


def test_case_4_wrong_number_still_here_is_corrected(desk: Desk, customer) -> None:
    order = desk.order(price_fen=3000, status="paid", target_account="13812341243")
    ticket = desk.open(order, category="wrong_account")
    correct_account(ticket_id=ticket.pk, target_account="13812341234", actor=customer, now=desk.now)
    order.refresh_from_db()
    assert order.target_account == "13812341234"
    assert "account_corrected" in kinds_of(ticket)
    (event,) = [e for e in ticket.events.all() if e.kind == "account_corrected"]
    assert "13812341234" not in str(event.data)


def test_case_5_three_ways_in_one_dispute_and_the_earliest_clock(desk: Desk, lin) -> None:
    order = desk.order(price_fen=9980)
    first = desk.open(order, now=OPENING)
    for minutes, intake in ((30, "api"), (60, "agent")):
        dispute = Dispute("non_arrival", "又来问一次", Contact(), intake=intake)
        again = open_ticket(
            order=order, dispute=dispute, actor=CUSTOMER, now=OPENING + minutes * MINUTE
        )
        assert (again.ticket.pk, again.created) == (first.pk, False)
    assert desk.tell(first).commitment_due_at == OPENING + 24 * HOUR


def test_case_6_paid_twice_delivered_once_the_second_payment_goes_back(desk: Desk, lin) -> None:
    order = desk.order(price_fen=10000, status="delivered")
    second = make_payment(order, 10000, paid_at=order.created_at + 2 * MINUTE)
    make_top_up(order, "succeeded", voucher_no="20261124000456")
    ticket = desk.open(order, category="duplicate_charge")
    refund(
        ticket_id=ticket.pk, amount_fen=None, reason="重复支付", text="", actor=lin, now=desk.now
    )
    (item,) = desk.refunds(ticket)
    assert (item.payment_id, item.amount_fen) == (second.pk, 10000)


def test_case_7_three_of_five_arrived_the_rest_goes_back_pro_rata(desk: Desk, lin) -> None:
    order = desk.order(
        price_fen=49000,
        face_value_fen=50000,
        status="partially_delivered",
        delivered_face_fen=30000,
    )
    make_top_up(order, "partial", voucher_no="20261124000789", delivered_face_fen=30000)
    ticket = desk.open(
        order,
        category="wrong_amount",
        proof=("payment_screenshot", "account_screenshot"),
    )
    refund(
        ticket_id=ticket.pk, amount_fen=None, reason="部分到账", text="", actor=lin, now=desk.now
    )
    assert [item.amount_fen for item in desk.refunds(ticket)] == [19600]
    desk.settle(ticket, "succeeded")
    assert desk.tell(ticket).outcome == "refunded"


def test_case_8_a_payment_the_channel_does_not_know_is_not_refunded(desk: Desk) -> None:
    ticket = desk.open(desk.order(price_fen=64800))
    check = desk.enforce(
        ticket,
        {"source": "channel", "code": "alipay", "answered": True, "state": "not_found"},
    )
    assert check.decision == "approval_asked"
    assert desk.refunds(ticket)[0].held


def test_case_13_reopened_after_the_refund_was_shown_keeps_its_history(desk: Desk, lin) -> None:
    ticket = desk.open()
    refund(ticket_id=ticket.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=desk.now)
    desk.settle(ticket, "succeeded")
    reopen(ticket_id=ticket.pk, reason="银行卡还没收到", actor=CUSTOMER, now=desk.now + 48 * HOUR)
    again = desk.tell(ticket)
    assert (again.status, again.cycle) == ("in_progress", 2)
    # Nothing is owed any more, so no second promise runs; the first one stays on record as kept.
    assert again.commitment_due_at is None
    assert deadline_of(ticket, "commitment").state == "met"


def test_case_14_silence_does_not_cost_an_owed_refund(desk: Desk, lin) -> None:
    order = desk.order(status="failed")
    ticket = desk.open(order, proof=())
    assert desk.tell(ticket).commitment_due_at == OPENING + 24 * HOUR
    assert desk.enforce(ticket).decision == "refunded"


def test_case_15_paid_before_midnight_the_promise_counts_from_the_proof(desk: Desk) -> None:
    paid_at = at("11-30 23:59:58")
    order = desk.order(created_at=paid_at)
    ticket = desk.open(order, now=at("12-01 00:20"))
    assert ticket.commitment_due_at == at("12-02 00:20")
    assert order.payments.get().paid_at == paid_at


def test_case_18_a_supplier_takes_its_success_back_and_the_dispute_begins_again(
    desk: Desk, lin
) -> None:
    order = desk.order(status="delivered", arrival_within=timedelta(minutes=10))
    attempt = make_top_up(order, "succeeded", voucher_no="20261124001000")
    ticket = desk.open(order)
    resolve(ticket_id=ticket.pk, outcome="delivered", text="已到账", actor=lin, now=desk.now)
    detected = desk.now + 40 * MINUTE
    settle_top_up(
        top_up_id=attempt.pk, answer=SupplierAnswer(state=SupplierState.FAILED), now=detected
    )
    desk.tick(detected)
    again = desk.tell(ticket)
    assert (again.status, again.cycle, again.outcome) == ("in_progress", 2, "")
    assert again.commitment_due_at == detected + 24 * HOUR
    assert get_standing(Order.objects.get(pk=order.pk)).owed_fen == 9800


def test_an_operators_record_against_a_voucher_makes_the_money_owed(desk: Desk) -> None:
    order = desk.order(status="delivered")
    make_top_up(order, "succeeded", voucher_no="20261124002000")
    ticket = desk.open(order)
    record_delivery(
        order=order, arrived=False, voucher_no="", source="operator", at=desk.now, now=desk.now
    )
    assert desk.enforce(ticket).decision == "refunded"


def test_the_customer_escalates_and_the_promise_stands_where_it_stood(desk: Desk) -> None:
    ticket = desk.open()
    escalate(ticket_id=ticket.pk, reason="太慢了", actor=CUSTOMER, now=OPENING + HOUR)
    assert desk.tell(ticket).level == "supervisor"
    assert desk.tell(ticket).commitment_due_at == OPENING + 24 * HOUR
