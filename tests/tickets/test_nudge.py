"""The customer's reminder: counted, and passed on once per half hour."""

import pytest

from tests.stories import CUSTOMER, OPENING, TICK, Desk, at, deadline_of, events_of, told
from tickets.cases import NotAllowed, TransitionRefused
from tickets.transitions import assign_ticket, nudge, withdraw
from tickets.transitions.handling import NudgedAlready

pytestmark = pytest.mark.django_db


def test_it_reaches_the_owner(desk: Desk, lin, agent_lin) -> None:
    ticket = desk.open()
    assign_ticket(ticket_id=ticket.pk, assignee=agent_lin, actor=lin, now=OPENING)
    nudge(ticket_id=ticket.pk, actor=CUSTOMER, now=at("10:05"))
    (notice,) = ticket.notices.filter(kind="nudged")
    assert notice.user == agent_lin
    assert desk.tell(ticket).nudges == 1
    assert events_of(ticket, "nudged")[0].data == {"count": 1}


def test_without_an_owner_it_reaches_the_supervisors(desk: Desk) -> None:
    ticket = desk.open()
    nudge(ticket_id=ticket.pk, actor=CUSTOMER, now=at("10:05"))
    assert ticket.notices.filter(kind="nudged").count() == 2


def test_the_owner_is_told_once_per_cooldown(desk: Desk, lin, agent_lin) -> None:
    ticket = desk.open()
    assign_ticket(ticket_id=ticket.pk, assignee=agent_lin, actor=lin, now=OPENING)
    nudge(ticket_id=ticket.pk, actor=CUSTOMER, now=at("10:05"))
    with pytest.raises(NudgedAlready) as refusal:
        nudge(ticket_id=ticket.pk, actor=CUSTOMER, now=at("10:35") - TICK)
    assert (refusal.value.code, refusal.value.http_status) == ("cooldown", 409)
    assert refusal.value.again_at == at("10:35")
    nudge(ticket_id=ticket.pk, actor=CUSTOMER, now=at("10:35"))
    assert told(ticket, "staff").count("nudged") == 2
    assert desk.tell(ticket).nudges == 2


def test_it_moves_no_clock(desk: Desk) -> None:
    ticket = desk.open()
    nudge(ticket_id=ticket.pk, actor=CUSTOMER, now=at("10:05"))
    assert deadline_of(ticket, "first_reply").state == "pending"
    assert desk.tell(ticket).level == "agent"


def test_staff_does_not_remind_itself(desk: Desk, lin) -> None:
    with pytest.raises(NotAllowed):
        nudge(ticket_id=desk.open().pk, actor=lin, now=OPENING)


def test_not_after_the_end(desk: Desk) -> None:
    ticket = desk.open()
    withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=OPENING)
    with pytest.raises(TransitionRefused):
        nudge(ticket_id=ticket.pk, actor=CUSTOMER, now=OPENING)
