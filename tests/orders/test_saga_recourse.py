"""Credit that arrives although the money went back: the supplier owes it, never the customer."""

import pytest

from orders.deliveries import settle_top_up
from orders.ledger import find_differences, get_balance
from orders.models import OrderEvent, Recourse, TopUp
from orders.recourse import UnableToCloseRecourse, close_recourse
from orders.suppliers.base import SupplierAnswer, SupplierState
from tests.orders.saga import Saga
from tests.stories import HOUR, MINUTE, Desk, make_payment, make_top_up, told
from tickets.remedies import refund as give_back

pytestmark = pytest.mark.django_db

DONE = SupplierAnswer(state=SupplierState.SUCCEEDED, voucher_no="V20261124170500")


def arrive(top_up: TopUp, saga: Saga, answer: SupplierAnswer = DONE) -> None:
    saga.now += 25 * MINUTE
    settle_top_up(top_up_id=top_up.pk, answer=answer, now=saga.now)


def claims() -> list[tuple[str, int]]:
    assert list(find_differences()) == []
    return [(claim.reason, claim.amount_fen) for claim in Recourse.objects.order_by("pk")]


def test_case_1_late_arrival_after_the_refund(saga: Saga) -> None:
    order = saga.order()
    top_up = make_top_up(order, "pending")
    refund = saga.plan(order)
    saga.answer(refund, "succeeded")

    arrive(top_up, saga)

    assert claims() == [("late_arrival", 9800)]
    assert saga.money(refund) == (9800, 0), "the refund stands"
    assert get_balance("recourse:nobody") == 9800
    assert get_balance("compensation") == 0
    order.refresh_from_db()
    assert order.status == "delivered"
    (event,) = OrderEvent.objects.filter(kind="recourse_opened")
    assert event.data["origin"] == str(refund.origin)


def test_told_again_it_is_one_claim(saga: Saga) -> None:
    order = saga.order()
    top_up = make_top_up(order, "pending")
    saga.answer(saga.plan(order), "succeeded")
    arrive(top_up, saga, SupplierAnswer(state=SupplierState.SUCCEEDED))
    arrive(top_up, saga)
    assert claims() == [("late_arrival", 9800)]


def test_it_arrives_between_request_and_settlement(saga: Saga) -> None:
    order = saga.order()
    top_up = make_top_up(order, "pending")
    refund = saga.plan(order)
    saga.answer(refund, "accepted")
    arrive(top_up, saga)
    assert claims() == []
    saga.answer(refund, "succeeded")
    assert claims() == [("late_arrival", 9800)]


def test_it_arrives_and_the_refund_fails(saga: Saga) -> None:
    order = saga.order()
    top_up = make_top_up(order, "pending")
    refund = saga.plan(order)
    saga.answer(refund, "accepted")
    arrive(top_up, saga)
    saga.answer(refund, "rejected")
    assert claims() == []


def test_case_2_success_without_a_voucher_is_paid_and_claimed(saga: Saga) -> None:
    order = saga.order()
    make_top_up(order, "succeeded", delivered_face_fen=10000)
    saga.answer(saga.plan(order), "succeeded")
    assert claims() == [("unproven", 9800)]


def test_goodwill_for_a_proven_delivery_is_nobodys_debt(saga: Saga) -> None:
    order = saga.order()
    make_top_up(order, "succeeded", delivered_face_fen=10000, voucher_no="V1")
    saga.now += HOUR
    saga.answer(saga.plan(order, 9800), "succeeded")
    assert claims() == []


def test_case_6_a_duplicate_payment_given_back_is_no_gain(saga: Saga) -> None:
    order = saga.order()
    make_payment(order, 9800, channel="sandbox")
    top_up = make_top_up(order, "pending")
    saga.answer(saga.plan(order, 9800), "succeeded")
    arrive(top_up, saga)
    assert claims() == []


def test_case_7_the_missing_part_given_back_and_then_all_arrives(saga: Saga) -> None:
    order = saga.order(face_value_fen=50000, price_fen=49000)
    top_up = make_top_up(order, "pending")
    part = SupplierAnswer(state=SupplierState.PARTIAL, delivered_fen=30000, voucher_no="V3")
    arrive(top_up, saga, part)
    refund = saga.plan(order)
    assert refund.amount_fen == 19600
    saga.answer(refund, "succeeded")
    assert claims() == []
    arrive(top_up, saga)
    assert claims() == [("late_arrival", 19600)]


@pytest.mark.parametrize(
    ("recovered", "account"), [(True, "recovered:nobody"), (False, "compensation")]
)
def test_a_claim_ends_recovered_or_borne(saga: Saga, recovered: bool, account: str) -> None:
    order = saga.order()
    top_up = make_top_up(order, "pending")
    saga.answer(saga.plan(order), "succeeded")
    arrive(top_up, saga)
    claim = Recourse.objects.get()
    end = {"recourse_id": claim.pk, "recovered": recovered, "by": "staff:1", "now": saga.now}
    with pytest.raises(UnableToCloseRecourse):
        close_recourse(note=" ", **end)

    close_recourse(note="供货商已退", **end)

    assert get_balance("recourse:nobody") == 0
    assert get_balance(account) == 9800
    assert list(find_differences()) == []
    with pytest.raises(UnableToCloseRecourse):
        close_recourse(note="供货商已退", **end)


def test_supervisors_hear_of_it_long_after_the_dispute(desk: Desk, lin) -> None:
    order = desk.order()
    top_up = make_top_up(order, "pending")
    ticket = desk.open(order)
    give_back(
        ticket_id=ticket.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=desk.now
    )
    desk.settle(ticket, "succeeded")
    assert desk.tell(ticket).status == "resolved"
    settle_top_up(top_up_id=top_up.pk, answer=DONE, now=desk.now + MINUTE)
    desk.tick(desk.now + MINUTE)
    assert "recourse_opened_staff" in told(ticket, "staff")
    assert desk.tell(ticket).status == "resolved"
