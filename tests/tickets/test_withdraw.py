"""Ending a dispute at the customer's own wish."""

import pytest

from tests.stories import (
    CUSTOMER,
    OPENING,
    Desk,
    at,
    events_of,
    live_kinds,
    make_order,
    make_top_up,
    open_dispute,
    told,
)
from tickets.actors import Actor
from tickets.cases import NotAllowed, TransitionRefused
from tickets.models import Approval
from tickets.remedies import refund
from tickets.transitions import refuse, request_evidence, withdraw
from tickets.transitions.finishing import UnableToWithdraw
from tickets.transitions.handling import InvalidText

pytestmark = pytest.mark.django_db

NOW = at("10:15")


def leave(ticket, actor=CUSTOMER, now=NOW, reason="刚刚到账了"):
    return withdraw(ticket_id=ticket.pk, reason=reason, actor=actor, now=now)


def pay(ticket, actor, amount_fen=None):
    refund(
        ticket_id=ticket.pk,
        amount_fen=amount_fen,
        reason="无记录",
        text="",
        actor=actor,
        now=OPENING,
    )


def test_it_ends_with_everything_that_ran(desk: Desk) -> None:
    ticket = desk.open()
    leave(ticket)
    ticket = desk.tell(ticket)
    assert (ticket.status, ticket.outcome) == ("withdrawn", "withdrawn")
    assert ticket.closed_at == at("10:15")
    assert live_kinds(ticket) == set()
    assert told(ticket, "staff")[-1] == "withdrawn"
    desk.advance(at("12-10 00:00"))
    assert not desk.refunds(ticket)
    assert desk.tell(ticket).level == "agent"
    assert desk.worries() == {}


def test_the_order_is_free_for_another_dispute(desk: Desk) -> None:
    ticket = desk.open()
    leave(ticket)
    assert open_dispute(ticket.order, now=at("10:20")) != ticket


def test_not_once_the_money_is_on_its_way(desk: Desk, lin) -> None:
    ticket = desk.open()
    pay(ticket, lin)
    with pytest.raises(UnableToWithdraw) as refusal:
        leave(ticket)
    assert (refusal.value.code, refusal.value.http_status) == ("refund_under_way", 409)
    assert desk.tell(ticket).status == "remedy_pending"
    desk.settle(ticket, "unknown", retryable=False)
    with pytest.raises(UnableToWithdraw):
        leave(ticket, now=at("10:30"))


def test_money_that_only_waits_for_a_decision_is_set_free(desk: Desk, lin) -> None:
    ticket = desk.open(desk.order(price_fen=60000))
    pay(ticket, lin)
    leave(ticket)
    assert desk.tell(ticket).status == "withdrawn"
    assert [r.state for r in desk.refunds(ticket)] == ["rejected"]
    assert ticket.order.payments.get().reserved_fen == 0
    assert Approval.objects.get().state == "superseded"


def test_a_refusal_that_waits_is_withdrawn_with_it(desk: Desk, lin) -> None:
    ticket = desk.open()
    refuse(ticket_id=ticket.pk, reason="号码填错", text="未查到", actor=lin, now=OPENING)
    leave(ticket)
    assert Approval.objects.get().state == "superseded"
    assert live_kinds(ticket) == set()


def test_not_while_credit_is_on_its_way_by_our_own_hand(desk: Desk, lin) -> None:
    order = make_order()
    ticket = desk.open(order)
    make_top_up(order, "pending")
    type(ticket).objects.filter(pk=ticket.pk).update(status="remedy_pending")
    with pytest.raises(TransitionRefused):
        leave(ticket)


def test_from_waiting_for_the_customer(desk: Desk, lin) -> None:
    ticket = desk.open()
    request_evidence(
        ticket_id=ticket.pk, kinds=["chat_log"], text="请补充", actor=lin, now=at("10:10")
    )
    leave(ticket)
    assert live_kinds(ticket) == set()
    assert ticket.deadlines.filter(kind="agent_resolution", pauses__to_at=None).count() == 0
    assert desk.worries() == {}


def test_nobody_withdraws_for_the_customer(desk: Desk, lin) -> None:
    ticket = desk.open()
    for actor in (lin, Actor.system()):
        with pytest.raises(NotAllowed):
            leave(ticket, actor=actor)


def test_twice_is_once(desk: Desk) -> None:
    ticket = desk.open()
    leave(ticket)
    with pytest.raises(TransitionRefused) as refusal:
        leave(ticket)
    assert refusal.value.code == "not_open"
    assert len(events_of(ticket, "withdrawn")) == 1


def test_a_reason_is_needed(desk: Desk) -> None:
    with pytest.raises(InvalidText):
        leave(desk.open(), reason=" ")
