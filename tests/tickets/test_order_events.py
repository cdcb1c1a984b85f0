"""What orders reports: right in any order, any number of times, however late."""

import itertools

import pytest

from orders.alarms import raise_alarm
from orders.channels.base import ChannelAnswer, Outcome
from orders.deliveries import settle_top_up
from orders.models import Order, OrderEvent, Refund, TopUp
from orders.settlement import claim_refund, settle_refund
from orders.suppliers.base import SupplierAnswer, SupplierState
from orders.topups import record_delivery
from tests.stories import (
    CUSTOMER,
    OPENING,
    SECOND,
    Desk,
    at,
    breaches_of,
    deadline_of,
    events_of,
    kinds_of,
    live_kinds,
    make_order,
    make_top_up,
    told,
)
from tickets import order_events
from tickets.chain import event_hash
from tickets.models import Ticket
from tickets.order_events import consume_order_event, consume_order_events
from tickets.remedies import redeliver, refund
from tickets.sweep import sweep
from tickets.transitions import reopen, withdraw

pytestmark = pytest.mark.django_db


def pay(ticket, actor, amount_fen=None, now=OPENING):
    refund(
        ticket_id=ticket.pk,
        amount_fen=amount_fen,
        reason="无记录",
        text="",
        actor=actor,
        now=now,
    )


def repeat(event: OrderEvent) -> OrderEvent:
    """The same fact told a second time."""
    return OrderEvent.objects.create(
        order=event.order, kind=event.kind, at=event.at, not_before=event.at, data=event.data
    )


def chain_holds(ticket: Ticket) -> bool:
    prev_hash = ""
    for seq, event in enumerate(events_of(ticket), start=1):
        body = {"kind": event.kind, "actor": event.actor, "at": event.at, "data": event.data}
        if event.seq != seq or event.prev_hash != prev_hash:
            return False
        prev_hash = event_hash(prev_hash=prev_hash, seq=seq, **body)
        if event.hash != prev_hash:
            return False
    ticket.refresh_from_db()
    return prev_hash == ticket.event_hash


@pytest.fixture
def supplier(settings) -> None:
    """Connected, but nobody calls it in these tests: we answer for it."""
    settings.SUPPLIER_URL, settings.SUPPLIER_SECRET = "http://127.0.0.1:9", "secret"


def send_again(desk: Desk, actor) -> tuple[Ticket, TopUp]:
    ticket = desk.open(desk.order(status="failed", supplier="sandbox"))
    redeliver(ticket_id=ticket.pk, reason="补发", text="", actor=actor, now=OPENING)
    return ticket, ticket.order.top_ups.latest("attempt")


def supplier_says(top_up: TopUp, state: SupplierState, voucher_no: str = "", now=None) -> None:
    answer = SupplierAnswer(state=state, voucher_no=voucher_no)
    settle_top_up(top_up_id=top_up.pk, answer=answer, now=now or at("10:05"))


class TestRefunds:
    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_three_payments_in_any_order_once_or_twice(self, desk: Desk, lin, order) -> None:
        """Two go through, one is refused; every event is told twice."""
        ticket = desk.open(make_order(paid=[3000, 2000, 1000]))
        pay(ticket, lin)
        refunds = desk.refunds(ticket)
        for item, outcome in zip(refunds, ("succeeded", "rejected", "succeeded"), strict=True):
            claim_and_answer(item, outcome)
        events = list(OrderEvent.objects.filter(kind__in=["refund_settled", "refund_rejected"]))
        assert len(events) == 3
        for index in order:
            consume_order_event(event_id=events[index].pk, now=at("10:01"))
            consume_order_event(event_id=repeat(events[index]).pk, now=at("10:01"))
        ticket = desk.tell(ticket)
        assert (ticket.status, ticket.level) == ("in_progress", "supervisor")
        assert "supervisor_resolution" in live_kinds(ticket)
        assert chain_holds(ticket)
        desk.tick(at("10:02"))
        assert desk.worries() == {}

    def test_the_end_comes_once(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        pay(ticket, lin)
        desk.settle(ticket, "succeeded")
        before = kinds_of(ticket)
        (settled,) = OrderEvent.objects.filter(kind="refund_settled")
        for _time in range(3):
            consume_order_event(event_id=settled.pk, now=at("11:00"))
        assert kinds_of(ticket) == before
        consume_order_event(event_id=repeat(settled).pk, now=at("11:00"))
        ticket = desk.tell(ticket)
        assert kinds_of(ticket).count("resolved") == 1
        assert told(ticket).count("resolved") == 1
        assert ticket.status == "resolved"

    def test_a_refusal_heard_after_the_next_try_went_out_is_old_news(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        pay(ticket, lin)
        claim_and_answer(desk.refunds(ticket)[0], "rejected")
        # Before anybody heard of it Wang saw the refusal in the admin and sent it again.
        Ticket.objects.filter(pk=ticket.pk).update(status="in_progress")
        pay(ticket, lin, now=at("10:01"))
        consume_order_events(clock=lambda: at("10:02"))
        assert desk.tell(ticket).status == "remedy_pending"
        assert "supervisor_resolution" not in live_kinds(ticket)
        desk.now = at("10:03")
        assert desk.worries() == {}

    def test_after_a_reopening_the_old_cycles_news_changes_nothing(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        pay(ticket, lin)
        desk.settle(ticket, "succeeded")
        reopen(ticket_id=ticket.pk, reason="没收到", actor=CUSTOMER, now=at("12:00"))
        consume_order_event(
            event_id=repeat(OrderEvent.objects.get(kind="refund_settled")).pk, now=at("12:01")
        )
        assert chain_holds(ticket)
        desk.tick(at("12:01"))
        assert desk.worries() == {}

    def test_a_refund_of_a_withdrawn_dispute_is_only_noted(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        pay(ticket, lin)
        claim_and_answer(desk.refunds(ticket)[0], "rejected")
        Ticket.objects.filter(pk=ticket.pk).update(status="in_progress")
        withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=at("10:02"))
        consume_order_events(clock=lambda: at("10:03"))
        assert desk.tell(ticket).status == "withdrawn"
        assert live_kinds(ticket) == set()

    def test_an_event_of_nobodys_dispute_is_ticked_off(self, desk: Desk) -> None:
        event = OrderEvent.objects.create(
            order=make_order(), kind="facts_changed", at=OPENING, not_before=OPENING
        )
        assert consume_order_events(clock=lambda: OPENING) == 1
        event.refresh_from_db()
        assert event.consumed_at == OPENING

    def test_money_back_in_time_is_in_time_however_late_we_hear_of_it(
        self, desk: Desk, lin
    ) -> None:
        """Settled a second before the promise was due; the relay stood still for a minute."""
        ticket = desk.open()
        desk.advance(at("11-25 08:00"))
        pay(ticket, lin, now=at("11-25 08:00"))
        claim_and_answer(desk.refunds(ticket)[0], "succeeded", now=at("11-25 09:59:59"))
        sweep(now=at("11-25 10:01"))
        consume_order_events(clock=lambda: at("11-25 10:01:01"))
        assert desk.tell(ticket).outcome == "refunded"
        assert "commitment" not in breaches_of(ticket)
        assert "promise_broken" not in told(ticket)
        assert deadline_of(ticket, "commitment").met_at == at("11-25 09:59:59")
        assert desk.worries() == {}

    def test_money_back_too_late_is_late_however_the_sweep_looked(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        desk.advance(at("11-25 08:00"))
        pay(ticket, lin, now=at("11-25 08:00"))
        claim_and_answer(desk.refunds(ticket)[0], "succeeded", now=at("11-25 10:00:00.000001"))
        consume_order_events(clock=lambda: at("11-25 10:01"))
        assert desk.tell(ticket).outcome == "refunded"
        assert "commitment" in breaches_of(ticket)


def claim_and_answer(item: Refund, outcome: str, now=None) -> None:
    now = now or OPENING + SECOND
    claim = claim_refund(refund_id=item.pk, now=now)
    assert claim is not None
    settle_refund(claim=claim, answer=ChannelAnswer(outcome=Outcome(outcome)), now=now)


class TestRedeliveries:
    def test_proven_it_ends_the_case_and_keeps_the_promise(self, desk: Desk, lin, supplier) -> None:
        ticket, top_up = send_again(desk, lin)
        supplier_says(top_up, SupplierState.SUCCEEDED, "V1")
        desk.tick(at("10:06"))
        ticket = desk.tell(ticket)
        assert (ticket.status, ticket.outcome) == ("resolved", "delivered")
        assert deadline_of(ticket, "commitment").state == "met"
        assert "top_up_delivered" in kinds_of(ticket)
        assert desk.worries() == {}

    def test_unproven_it_goes_back_to_its_handler(self, desk: Desk, lin, supplier) -> None:
        ticket, top_up = send_again(desk, lin)
        supplier_says(top_up, SupplierState.SUCCEEDED)
        desk.tick(at("10:06"))
        assert desk.tell(ticket).status == "in_progress"
        assert "agent_resolution" in live_kinds(ticket)
        assert desk.worries() == {}

    def test_failed_it_goes_to_a_supervisor(self, desk: Desk, lin, supplier) -> None:
        ticket, top_up = send_again(desk, lin)
        supplier_says(top_up, SupplierState.FAILED)
        desk.tick(at("10:06"))
        ticket = desk.tell(ticket)
        assert (ticket.status, ticket.level) == ("in_progress", "supervisor")
        assert desk.worries() == {}

    def test_a_failure_heard_after_the_next_attempt_started_is_old_news(
        self, desk: Desk, lin, supplier
    ) -> None:
        ticket, top_up = send_again(desk, lin)
        supplier_says(top_up, SupplierState.FAILED)
        # Before the event was handled Lin sent the order once more.
        redeliver(ticket_id=ticket.pk, reason="再补发", text="", actor=lin, now=at("10:05:01"))
        desk.tick(at("10:06"))
        ticket = desk.tell(ticket)
        assert (ticket.status, ticket.level) == ("remedy_pending", "agent")
        assert "agent_resolution" not in live_kinds(ticket)
        assert desk.worries() == {}

    def test_an_earlier_no_of_the_operator_does_not_speak_of_a_later_attempt(
        self, desk: Desk, lin, supplier
    ) -> None:
        """Not arrived at 9:50; sent again at 10:00; delivered with a voucher at 10:05."""
        order = desk.order(status="failed", supplier="sandbox")
        ticket = desk.open(order)
        record_delivery(
            order=order,
            arrived=False,
            voucher_no="",
            source="operator",
            at=at("09:50"),
            now=at("09:55"),
        )
        redeliver(ticket_id=ticket.pk, reason="补发", text="", actor=lin, now=OPENING)
        top_up = order.top_ups.get()
        TopUp.objects.filter(pk=top_up.pk).update(submitted_at=OPENING + SECOND)
        supplier_says(top_up, SupplierState.SUCCEEDED, "V1")
        desk.tick(at("10:06"))
        assert desk.tell(ticket).outcome == "delivered"

    def test_a_later_no_of_the_operator_does(self, desk: Desk, lin, supplier) -> None:
        ticket, top_up = send_again(desk, lin)
        TopUp.objects.filter(pk=top_up.pk).update(submitted_at=OPENING + SECOND)
        record_delivery(
            order=ticket.order,
            arrived=False,
            voucher_no="",
            source="operator",
            at=at("10:04"),
            now=at("10:04"),
        )
        supplier_says(top_up, SupplierState.SUCCEEDED, "V1")
        desk.tick(at("10:06"))
        assert desk.tell(ticket).status == "in_progress"

    def test_credit_that_arrives_while_nobody_acts_keeps_the_promise(self, desk: Desk) -> None:
        """The table of clocks: met by delivery at level 2 or better with no contrary record."""
        order = make_order()
        ticket = desk.open(order)
        top_up = make_top_up(order, "pending")
        supplier_says(top_up, SupplierState.SUCCEEDED, "V1")
        desk.tick(at("10:06"))
        assert deadline_of(ticket, "commitment").state == "met"


class TestFacts:
    def test_a_failure_the_shop_reports_starts_the_promise_without_more_proof(
        self, desk: Desk
    ) -> None:
        order = make_order()
        ticket = desk.open(order, proof=[])
        Order.objects.filter(pk=order.pk).update(status="failed")
        OrderEvent.objects.create(
            order=order, kind="facts_changed", at=at("10:20"), not_before=at("10:20")
        )
        desk.tick(at("10:20"))
        ticket = desk.tell(ticket)
        assert ticket.commitment_started_at == OPENING
        assert told(ticket)[-1] == "promise_started"

    def test_news_that_proves_nothing_nags_nobody(self, desk: Desk) -> None:
        order = make_order()
        ticket = desk.open(order, proof=[])
        for minute in (10, 20, 31):
            OrderEvent.objects.create(
                order=order,
                kind="facts_changed",
                at=at(f"10:{minute}"),
                not_before=at(f"10:{minute}"),
            )
            desk.tick(at(f"10:{minute}"))
        assert told(ticket).count("proof_incomplete") == 1


def test_two_alarms_about_money_are_two_letters(desk: Desk, lin) -> None:
    """No event of the ticket stands between them; the second one must not pass for the first."""
    ticket = desk.open()
    refund(ticket_id=ticket.pk, amount_fen=None, reason="未到账", text="", actor=lin, now=OPENING)
    (item,) = desk.refunds(ticket)
    for kind in ("paid_twice", "amount_differs"):
        raise_alarm(kind, item, amount_fen=1, is_booked=False, now=OPENING)
    desk.tick(at("10:01"))
    assert told(ticket, "staff").count("refund_alarm_staff") == 4, "to two supervisors each"


def test_one_that_fails_is_put_off_and_the_others_go_on(desk: Desk, monkeypatch, caplog) -> None:
    """A handler that breaks on one ticket: its event waits longer and longer, alone."""
    good, bad = make_order(), make_order()
    desk.open(good)
    broken = desk.open(bad)
    for order in (bad, good):
        OrderEvent.objects.create(
            order=order,
            kind="delivery_recorded",
            at=OPENING,
            not_before=OPENING,
            data={"arrived": True},
        )
    Ticket.objects.filter(pk=broken.pk).update(policy={})
    monkeypatch.setitem(
        order_events.HANDLERS,
        OrderEvent.Kind.DELIVERY_RECORDED,
        lambda case, data: case.policy and order_events.on_delivery_recorded(case, data),
    )
    assert consume_order_events(clock=lambda: OPENING) == 2
    waiting = OrderEvent.objects.get(consumed_at=None)
    assert waiting.order == bad
    assert (waiting.attempts, waiting.not_before) == (1, OPENING + SECOND)
    assert consume_order_events(clock=lambda: OPENING) == 0
    assert consume_order_events(clock=lambda: OPENING + SECOND) == 1
    waiting.refresh_from_db()
    assert waiting.not_before == OPENING + 6 * SECOND
