"""Giving a dispute an owner."""

import pytest

from tests.stories import CUSTOMER, OPENING, Desk, acting, at, events_of, make_person, told
from tickets.actors import Actor
from tickets.cases import NotAllowed, TransitionRefused
from tickets.models import Ticket
from tickets.transitions import assign_ticket, withdraw

pytestmark = pytest.mark.django_db


def test_a_new_dispute_is_in_progress_from_then_on(desk: Desk, lin, agent_lin) -> None:
    ticket = desk.open()
    assign_ticket(ticket_id=ticket.pk, assignee=agent_lin, actor=lin, now=at("10:05"))
    ticket = desk.tell(ticket)
    assert (ticket.status, ticket.assignee) == ("in_progress", agent_lin)
    (assigned,) = events_of(ticket, "assigned")
    assert (assigned.actor, assigned.data) == (lin.label, {"to": lin.label})
    assert "assigned" not in told(ticket, "staff"), "nobody needs to tell Lin what Lin did"


def test_somebody_elses_case_is_announced_to_its_new_owner(desk: Desk, wang, agent_lin) -> None:
    ticket = desk.open()
    assign_ticket(ticket_id=ticket.pk, assignee=agent_lin, actor=wang, now=at("10:05"))
    (notice,) = ticket.notices.filter(kind="assigned")
    assert notice.user == agent_lin


def test_passing_it_on_keeps_the_status_and_the_clocks(
    desk: Desk, lin, agent_lin, agent_chen
) -> None:
    ticket = desk.open()
    assign_ticket(ticket_id=ticket.pk, assignee=agent_lin, actor=lin, now=at("10:05"))
    before = list(ticket.deadlines.values("kind", "state", "due_at"))
    assign_ticket(ticket_id=ticket.pk, assignee=agent_chen, actor=lin, now=at("10:06"))
    assert desk.tell(ticket).assignee == agent_chen
    assert len(events_of(ticket, "assigned")) == 2
    assert list(ticket.deadlines.values("kind", "state", "due_at")) == before


def test_the_owner_twice_is_one_event(desk: Desk, lin, agent_lin) -> None:
    ticket = desk.open()
    for now in (at("10:05"), at("10:06")):
        assign_ticket(ticket_id=ticket.pk, assignee=agent_lin, actor=lin, now=now)
    assert len(events_of(ticket, "assigned")) == 1


@pytest.mark.parametrize("actor", [CUSTOMER, Actor.system()])
def test_only_staff_assigns(desk: Desk, agent_lin, actor: Actor) -> None:
    ticket = desk.open()
    with pytest.raises(NotAllowed) as refusal:
        assign_ticket(ticket_id=ticket.pk, assignee=agent_lin, actor=actor, now=OPENING)
    assert refusal.value.http_status == 403
    assert desk.tell(ticket).status == "new"


def test_only_to_somebody_who_works_disputes_and_is_still_here(desk: Desk, lin) -> None:
    ticket = desk.open()
    gone = make_person("gone", "agent")
    gone.is_active = False
    gone.save()
    for nobody in (gone, make_person("shop", "nobody")):
        with pytest.raises(NotAllowed):
            assign_ticket(ticket_id=ticket.pk, assignee=nobody, actor=lin, now=OPENING)
    assert desk.tell(ticket).assignee is None


def test_a_superuser_acts_as_a_supervisor(desk: Desk, admin) -> None:
    assert acting(admin).role == "supervisor"


def test_who_works_no_disputes_cannot_act_at_all(desk: Desk) -> None:
    with pytest.raises(PermissionError):
        acting(make_person("shop", "nobody"))


def test_what_is_over_stays_as_it_was(desk: Desk, lin, agent_lin) -> None:
    ticket = desk.open()
    withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=OPENING)
    with pytest.raises(TransitionRefused) as refusal:
        assign_ticket(ticket_id=ticket.pk, assignee=agent_lin, actor=lin, now=OPENING)
    assert (refusal.value.code, refusal.value.http_status) == ("not_open", 409)


def test_an_owner_who_leaves_leaves_the_case_and_its_history(desk: Desk, lin, agent_lin) -> None:
    ticket = desk.open()
    assign_ticket(ticket_id=ticket.pk, assignee=agent_lin, actor=lin, now=at("10:05"))
    agent_lin.delete()
    assert desk.tell(ticket).assignee is None
    assert events_of(ticket, "assigned")[0].actor == lin.label
    desk.tick(at("10:30"))
    assert "first_reply_missed" in told(Ticket.objects.get(pk=ticket.pk), "staff")
