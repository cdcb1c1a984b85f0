"""More of the field's cases by their number: something outside the desk is at play."""

import pytest
from django.core.management import call_command

from orders.deliveries import settle_top_up
from orders.ledger import find_differences
from orders.models import BatchRow, Payment, Refund
from orders.outages import facts_of, find_public_outages, revise_outage
from orders.settlement import rescue_refunds
from orders.suppliers.base import SupplierAnswer, SupplierState
from tests.stories import (
    HOUR,
    MINUTE,
    OPENING,
    Desk,
    at,
    deadline_of,
    make_top_up,
    staff,
    told,
)
from tests.tickets.outages import DOWN, Storm, banked_storm, storm
from tickets.models import Ticket

__all__ = ["banked_storm", "storm"]

pytestmark = pytest.mark.django_db


def test_case_9_one_outage_many_orders_each_refunded_once(banked_storm: Storm) -> None:
    """One incident, told to the public; disputes belong to it by themselves; one list that two
    supervisors have read; every order gets its money once, whoever filed a dispute or not."""
    storm, desk = banked_storm, banked_storm.desk
    public = {**vars(facts_of(storm.outage)), "is_public": True}
    facts = type(facts_of(storm.outage))(**public)
    revise_outage(outage_id=storm.outage.pk, facts=facts, actor=storm.wang, now=desk.now)
    assert list(find_public_outages(now=desk.now)) == [storm.outage]
    orders = [storm.order() for _n in range(12)]
    delivered = storm.order(status="delivered")
    make_top_up(delivered, "succeeded", voucher_no="20261001000123", supplier=DOWN)
    disputes = [desk.open(order, proof=()) for order in orders[:4]]
    for ticket in disputes:
        ticket = desk.tell(ticket)
        assert ticket.outage == storm.outage
        assert ticket.commitment_due_at == desk.now + 24 * HOUR, "without proof, from the notice"

    batch = storm.approve(storm.propose())
    assert batch.count == 12
    storm.work()
    for _round in range(20):
        desk.now += MINUTE
        rescue_refunds(clock=desk.clock)
        desk.tick()
        storm.work()

    assert storm.batch(batch).state == "finished"
    rows = BatchRow.objects.filter(batch=batch, state=BatchRow.State.DONE)
    assert rows.count() == 12
    assert Refund.objects.filter(state=Refund.State.SUCCEEDED).count() == 12
    assert desk.bank is not None
    effects = desk.bank.ledger()["effects"]
    assert sorted(effect["amount_fen"] for effect in effects) == [9800] * 12
    assert len({effect["number"] for effect in effects}) == 12
    assert {desk.tell(ticket).outcome for ticket in disputes} == {"refunded"}
    assert Payment.objects.get(order=delivered).refunded_fen == 0
    assert list(find_differences()) == []


def test_case_10_at_new_year_nobody_is_there_and_the_promise_is_kept(desk: Desk) -> None:
    """The 24 hours are natural time, and an acknowledgement is no reply."""
    call_command("load_calendar", year=[2026])
    staff("9-18", days=range(5), follows_holidays=True)
    filed = at("2026-02-14 23:30")  # a Saturday that was worked; nine days off follow
    ticket = desk.open(desk.order(created_at=filed - HOUR, status="failed"), now=filed)
    assert ticket.commitment_due_at == filed + 24 * HOUR
    assert told(ticket)[0] == "opened", "an acknowledgement"
    first_reply = deadline_of(ticket, "first_reply")
    assert (first_reply.state, first_reply.due_at) == ("pending", at("2026-02-24 09:30"))
    assert desk.enforce(ticket).decision == "refunded"
    assert desk.now == filed + 23 * HOUR


def test_case_19_a_number_that_moved_to_another_carrier_is_not_the_customers_fault(
    desk: Desk,
) -> None:
    order = desk.order(price_fen=10000)
    attempt = make_top_up(order, "pending")
    answer = SupplierAnswer(
        state=SupplierState.FAILED, code="1032", message="号码与运营商不符（携号转网）"
    )
    settle_top_up(top_up_id=attempt.pk, answer=answer, now=desk.now)
    ticket = desk.open(order, proof=(), category="non_arrival")
    assert ticket.cause != Ticket.Cause.CUSTOMER_INPUT
    # Our own records say that it failed: no proof is asked for, and the desk refunds by itself.
    assert ticket.commitment_due_at == OPENING + 24 * HOUR
    assert desk.enforce(ticket).decision == "refunded"
    assert [item.amount_fen for item in desk.refunds(ticket)] == [10000]


def test_case_20_a_childs_game_credit_is_decided_by_people(desk: Desk) -> None:
    """It arrived, so nothing is owed by the promise; no program gives it back or turns it down."""
    order = desk.order(price_fen=129800, face_value_fen=129800, status="delivered")
    make_top_up(order, "succeeded", voucher_no="20261124009999")
    ticket = desk.open(order, category="other", description="孩子13岁，偷偷充的", proof=("other",))
    due_at = deadline_of(ticket, "commitment_enforcement").due_at
    assert desk.enforce(ticket).decision == "approval_asked"
    assert desk.now == due_at
    assert not any(item.state != Refund.State.PLANNED for item in desk.refunds(ticket))
    again = desk.tell(ticket)
    assert (again.is_open, again.outcome) == (True, "")
