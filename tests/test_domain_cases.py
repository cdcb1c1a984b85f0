"""The field's own cases, by their number: what goes wrong in top-up shops, and what is right."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User

from orders.by_hand import approve_settlement, settle_by_hand
from orders.channels import wechatpay
from orders.channels.base import ChannelAnswer, Outcome
from orders.deliveries import settle_top_up
from orders.entitlement import get_standing
from orders.ledger import get_balance
from orders.models import Order, Refund
from orders.settlement import claim_refund, hasten_refund, settle_notify
from orders.suppliers.base import SupplierAnswer, SupplierState
from orders.topups import record_delivery
from tests.simulator_fixture import Simulator
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
from tickets.breaches import review_breach
from tickets.intake import Contact, Dispute, open_ticket
from tickets.models import Approval, Ticket
from tickets.relay import relay
from tickets.remedies import correct_account, refund
from tickets.transitions import escalate, reopen, resolve
from tickets.transitions.deciding import UnableToResolve

pytestmark = pytest.mark.django_db


def test_case_1_credit_arrives_after_the_refund_and_the_supplier_owes_it(desk: Desk, lin) -> None:
    order = desk.order(price_fen=10000)
    attempt = make_top_up(order, "pending")
    ticket = desk.open(order)
    refund(ticket_id=ticket.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=desk.now)
    desk.settle(ticket, "succeeded")
    assert desk.tell(ticket).outcome == "refunded"

    arrived = SupplierAnswer(state=SupplierState.SUCCEEDED, voucher_no="V20261003170500")
    later = desk.now + 25 * MINUTE
    settle_top_up(top_up_id=attempt.pk, answer=arrived, now=later)
    desk.tick(later)

    order.refresh_from_db()
    assert order.status == "delivered"
    (claim,) = order.recourses.all()
    assert (claim.amount_fen, claim.reason, claim.state) == (10000, "late_arrival", "open")
    assert order.payments.get().refunded_fen == 10000, "the refund stands"
    again = desk.tell(ticket)
    assert (again.status, again.outcome) == ("resolved", "refunded")
    assert "recourse_opened_staff" in told(ticket, "staff")
    assert told(ticket)[-1] == "resolved", "the customer is asked for nothing"


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


def test_case_11_the_channel_is_down_for_six_hours_and_the_same_number_goes_again(
    banked_desk: Desk, simulator: Simulator
) -> None:
    desk = banked_desk
    order = desk.order(price_fen=12800, created_at=at("02:30"))
    ticket = desk.open(order, now=at("03:10"))
    for target in ("sandbox.refund", "sandbox.query"):
        simulator.fault(target, "timeout_before_effect", times=None, seconds=0.02)
    desk.advance(at("11-25 08:15"))
    (item,) = desk.refunds(ticket)
    # Nobody knows whether it was paid: asked about, never sent a second time, still reserved.
    assert item.state == "unknown"
    sent = [call for call in simulator.ledger()["calls"] if call["target"] == "sandbox.refund"]
    assert len(sent) == 1
    assert order.payments.get().reserved_fen == 12800
    # The customer's clock did not wait for the channel, and the customer was told.
    assert deadline_of(ticket, "commitment").fired_at == at("11-25 03:10")
    assert "promise_broken" in told(ticket)

    simulator.control.post("reset")
    desk.advance(at("11-25 10:00"))

    assert simulator.effects(item.refund_no) == [("sandbox.refund", 12800)]
    assert [r.refund_no for r in desk.refunds(ticket, state="succeeded")] == [item.refund_no]
    breach = ticket.breaches.get(kind="commitment")
    review_breach(
        breach_id=breach.pk,
        cause_code="channel_fault",
        responsible_party="channel",
        corrective_action="渠道 02:10 至 08:15 无应答",
        reviewer=desk.people["zhao"],
        now=desk.now,
    )
    breach.refresh_from_db()
    assert breach.cause_code == "channel_fault"


@pytest.mark.parametrize(("days", "by_hand"), [(365, False), (366, True)])
def test_case_12_beyond_wechat_pays_window_people_pay_by_bank(
    desk: Desk, wang, zhao, days: int, by_hand: bool
) -> None:
    ends = OPENING + 24 * HOUR
    order = desk.order(channel="wechatpay", facts_as_of=OPENING, created_at=OPENING - HOUR)
    order.payments.update(paid_at=ends - timedelta(days=days))
    ticket = desk.open(order)
    # Asked at the warning and not at 24 h: people need hours for a transfer.
    desk.tick(deadline_of(ticket, "commitment_warning").due_at)
    assert ("bank_details_asked" in told(ticket)) is by_hand
    if not by_hand:
        return
    (item,) = desk.refunds(ticket)
    assert claim_refund(refund_id=item.pk, now=ends + HOUR) is None, "nothing is sent"
    item.refresh_from_db()
    assert (item.state, item.code, item.attempts) == ("manual", "WINDOW_OVER", 0)
    desk.tick(ends + HOUR)
    assert "refund_by_hand_staff" in told(ticket, "staff")
    pay_by_hand(item, desk, desk.people["wang"], desk.people["zhao"])
    assert desk.tell(ticket).outcome == "refunded"
    assert get_balance("refunds_paid:offline") == 9800


def pay_by_hand(item: Refund, desk: Desk, first: User, second: User) -> None:
    """One person says that the bank transfer was made, another one looks at the receipt."""
    for person in (first, second):
        person.user_permissions.add(Permission.objects.get(codename="settle_refund_by_hand"))
    first, second = (User.objects.get(pk=person.pk) for person in (first, second))
    proposal = settle_by_hand(
        refund_id=item.pk, paid=True, proof="银行回单 8812", actor=first, now=desk.now
    )
    assert desk.refunds(desk_ticket(item))[-1].state == "manual", "one word is not enough"
    approve_settlement(settlement_id=proposal.pk, decision=True, actor=second, now=desk.now)
    desk.tick()


def desk_ticket(item: Refund) -> Ticket:
    return Ticket.objects.get(uuid=item.origin)


def test_case_12_a_trade_that_alipay_has_finished_goes_to_people(desk: Desk, lin) -> None:
    ticket = desk.open(desk.order(channel="alipay"))
    refund(ticket_id=ticket.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=desk.now)
    desk.settle(ticket, "rejected", code="ACQ.TRADE_HAS_FINISHED")
    again = desk.tell(ticket)
    assert (again.status, again.level) == ("in_progress", "supervisor")
    assert get_standing(again.order).owed_fen == 9800, "still owed"
    assert "refund_rejected_staff" in told(ticket, "staff")


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


def test_case_16_an_abnormal_refund_is_not_final_and_goes_another_way_under_its_number(
    banked_desk: Desk, simulator: Simulator, lin
) -> None:
    desk = banked_desk
    order = desk.order(channel="wechatpay", price_fen=6600)
    payment = order.payments.get()
    simulator.trade(payment.channel_trade_no, 6600, channel="wechatpay")
    simulator.wechatpay_plan("ABNORMAL")
    ticket = desk.open(order)
    refund(ticket_id=ticket.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=desk.now)
    desk.advance(OPENING + HOUR)
    (item,) = desk.refunds(ticket)
    # The customer's card is gone. Nothing moved, nothing is freed, and people are told.
    assert (item.state, item.code) == ("manual", "ABNORMAL")
    assert order.payments.get().reserved_fen == 6600
    assert "refund_manual_staff" in told(ticket, "staff")
    assert simulator.effects(item.refund_no) == []

    wechatpay.apply_abnormal_refund(
        refund_no=item.refund_no,
        channel_refund_no=item.channel_refund_no,
        card=wechatpay.BankCard("ICBC_DEBIT", "6222020000000001234", "赵磊"),
    )
    assert hasten_refund(refund_no=item.refund_no, now=desk.now)
    desk.advance(desk.now + HOUR)

    assert [(r.state, r.refund_no) for r in desk.refunds(ticket)] == [("succeeded", item.refund_no)]
    assert simulator.effects(item.refund_no) == [("wechatpay.refund", 6600)]
    assert desk.tell(ticket).outcome == "refunded"


def test_case_17_a_closed_refund_goes_on_under_a_new_linked_number(desk: Desk, lin) -> None:
    """The merchant's balance was short for seven days; people heard of it long before."""
    ticket = desk.open(desk.order(channel="wechatpay", price_fen=6600))
    refund(ticket_id=ticket.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=desk.now)
    for _refusal in range(2):
        desk.settle(ticket, "rejected", retryable=True, code="NOT_ENOUGH")
        desk.now += MINUTE
    assert "refund_delayed_staff" in told(ticket, "staff")
    assert desk.now < OPENING + 5 * MINUTE
    desk.settle(ticket, "accepted")
    (first,) = desk.refunds(ticket)
    closed = ChannelAnswer(
        outcome=Outcome.REJECTED, code="CLOSED", needs_new_number=True, channel_refund_no="5030"
    )
    desk.now = OPENING + timedelta(days=7)
    settle_notify(refund_no=first.refund_no, channel="wechatpay", answer=closed, now=desk.now)
    relay(clock=desk.clock)

    old, new = desk.refunds(ticket)
    assert (old.state, old.number_closed) == ("rejected", True)
    assert (new.replaces, new.generation, new.amount_fen) == (old, 2, 6600)
    assert new.refund_no != old.refund_no
    assert ticket.order.payments.get().reserved_fen == 6600
    assert told(ticket, "staff").count("refund_delayed_staff") == 4, "twice, to two supervisors"
    desk.settle(ticket, "succeeded")
    assert desk.tell(ticket).outcome == "refunded"


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
