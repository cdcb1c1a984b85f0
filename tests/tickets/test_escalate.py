"""Passing a case up by hand."""

import pytest

from tests.stories import (
    CUSTOMER,
    OPENING,
    TICK,
    Desk,
    at,
    breaches_of,
    deadline_of,
    events_of,
    live_kinds,
    told,
)
from tickets.cases import TransitionRefused
from tickets.models import Message
from tickets.remedies import refund
from tickets.transitions import escalate, withdraw
from tickets.transitions.handling import InvalidText, UnableToEscalate

pytestmark = pytest.mark.django_db


def up(ticket, actor, now=OPENING, reason="上游无应答"):
    return escalate(ticket_id=ticket.pk, reason=reason, actor=actor, now=now)


def test_an_agent_hands_it_to_the_supervisors(desk: Desk, lin) -> None:
    ticket = desk.open()
    up(ticket, lin, now=at("10:10"))
    ticket = desk.tell(ticket)
    assert (ticket.level, ticket.status) == ("supervisor", "new")
    assert deadline_of(ticket, "agent_resolution").state == "cancelled"
    assert deadline_of(ticket, "supervisor_resolution").due_at == at("13:10")
    (escalated,) = events_of(ticket, "escalated")
    assert (escalated.data["to"], escalated.data["by"]) == ("supervisor", "agent")
    assert told(ticket, "staff").count("escalated_staff") == 2
    assert told(ticket)[-1] == "escalated"
    assert desk.worries() == {}


def test_the_customer_may_demand_it(desk: Desk) -> None:
    ticket = desk.open()
    up(ticket, CUSTOMER)
    assert events_of(ticket, "escalated")[0].data["by"] == "customer"
    assert not Message.objects.latest("pk").internal


def test_the_reason_of_staff_is_for_staff(desk: Desk, lin) -> None:
    up(desk.open(), lin)
    assert Message.objects.latest("pk").internal


def test_once_is_enough(desk: Desk, lin) -> None:
    ticket = desk.open()
    up(ticket, lin)
    with pytest.raises(UnableToEscalate) as refusal:
        up(ticket, CUSTOMER)
    assert (refusal.value.code, refusal.value.http_status) == ("highest_level", 409)
    assert len(events_of(ticket, "escalated")) == 1


def test_the_last_moment_belongs_to_whoever_comes_first(desk: Desk, lin) -> None:
    """At the very instant of the deadline: Lin's own hand, or the sweep's."""
    by_hand, by_clock = desk.open(), desk.open()
    up(by_hand, lin, now=at("12:00"))
    desk.tick(at("12:00"))
    with pytest.raises(UnableToEscalate):
        up(by_clock, lin, now=at("12:00"))
    assert "agent_resolution" not in breaches_of(by_hand)
    assert "agent_resolution" in breaches_of(by_clock)
    for ticket in (by_hand, by_clock):
        assert desk.tell(ticket).level == "supervisor"
        assert len(events_of(ticket, "escalated")) == 1
        assert ticket.deadlines.filter(kind="supervisor_resolution").count() == 1


def test_a_moment_late_is_late_by_hand_as_well(desk: Desk, lin) -> None:
    ticket = desk.open()
    up(ticket, lin, now=at("12:00") + TICK)
    assert "agent_resolution" in breaches_of(ticket)


def test_while_money_is_on_its_way_nobody_gets_a_clock(desk: Desk, lin) -> None:
    ticket = desk.open()
    refund(ticket_id=ticket.pk, amount_fen=None, reason="无记录", text="", actor=lin, now=OPENING)
    up(ticket, CUSTOMER, now=at("10:10"))
    assert desk.tell(ticket).level == "supervisor"
    assert "supervisor_resolution" not in live_kinds(ticket)
    assert desk.worries() == {}
    desk.now = at("10:11")
    desk.settle(ticket, "rejected")
    assert "supervisor_resolution" in live_kinds(ticket)
    assert desk.worries() == {}


@pytest.mark.parametrize("reason", ["", "长" * 501])
def test_a_reason_is_needed(desk: Desk, lin, reason: str) -> None:
    ticket = desk.open()
    with pytest.raises(InvalidText):
        up(ticket, lin, reason=reason)
    assert desk.tell(ticket).level == "agent"


def test_not_after_the_end(desk: Desk, lin) -> None:
    ticket = desk.open()
    withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=OPENING)
    with pytest.raises(TransitionRefused):
        up(ticket, lin)
