"""Beginning again: a new cycle with clocks of its own; what was missed stays missed."""

import pytest

from orders.models import Order
from tests.stories import (
    CUSTOMER,
    HOUR,
    OPENING,
    Desk,
    acting,
    at,
    breaches_of,
    deadline_of,
    events_of,
    live_kinds,
    make_order,
    open_dispute,
    told,
)
from tickets.cases import NotAllowed
from tickets.models import Ticket
from tickets.remedies import refund
from tickets.transitions import approve, refuse, reopen, resolve, withdraw
from tickets.transitions.finishing import UnableToReopen
from tickets.transitions.handling import InvalidText

pytestmark = pytest.mark.django_db

NOW = at("13:00")


def again(ticket, actor=CUSTOMER, now=NOW, reason="还是没有到账"):
    return reopen(ticket_id=ticket.pk, reason=reason, actor=actor, now=now)


@pytest.fixture
def refused(desk: Desk, lin, wang) -> Ticket:
    """Resolved, with all of the money still owed."""
    ticket = desk.open()
    refuse(ticket_id=ticket.pk, reason="号码填错", text="未查到", actor=lin, now=at("10:20"))
    approve(ticket_id=ticket.pk, decision=True, reason="属实", actor=wang, now=at("11:00"))
    return desk.tell(ticket)


def test_what_is_owed_is_promised_again_from_now(desk: Desk, refused: Ticket) -> None:
    again(refused)
    ticket = desk.tell(refused)
    assert (ticket.status, ticket.level, ticket.cycle) == ("in_progress", "agent", 2)
    assert (ticket.outcome, ticket.resolved_at) == ("", None)
    assert ticket.commitment_due_at == at("11-25 13:00")
    assert live_kinds(ticket) == {
        "agent_resolution",
        "referral",
        "commitment_warning",
        "commitment_enforcement",
        "commitment",
    }
    assert deadline_of(ticket, "referral").due_at == at("11-26 13:00")
    assert events_of(ticket, "reopened")[0].data["cycle"] == 2
    assert told(ticket)[-1] == "reopened"
    assert desk.worries() == {}


def test_the_second_cycle_ends_like_the_first(desk: Desk, refused: Ticket) -> None:
    again(refused)
    Order.objects.update(facts_as_of=at("12:00"))
    desk.advance(at("11-25 12:00"))
    (given_back,) = desk.refunds(refused)
    assert (given_back.cycle, given_back.purpose) == (2, "commitment")
    desk.settle(refused, "succeeded")
    assert desk.tell(refused).outcome == "refunded"
    assert desk.worries() == {}


def test_where_everything_went_back_nothing_is_promised_twice(desk: Desk, lin) -> None:
    ticket = desk.open()
    refund(ticket_id=ticket.pk, amount_fen=None, reason="无记录", text="", actor=lin, now=OPENING)
    desk.settle(ticket, "succeeded")
    again(ticket)
    assert live_kinds(ticket) == {"agent_resolution", "referral"}
    assert desk.tell(ticket).commitment_due_at is None
    desk.advance(at("11-27 13:00"))
    assert len(desk.refunds(ticket)) == 1
    assert desk.worries() == {}


def test_what_was_missed_stays_missed(desk: Desk, lin) -> None:
    ticket = desk.open()
    desk.advance(at("12:00"))
    refund(
        ticket_id=ticket.pk, amount_fen=None, reason="无记录", text="", actor=lin, now=at("12:05")
    )
    desk.settle(ticket, "succeeded")
    missed = breaches_of(ticket)
    assert missed == ["agent_resolution", "first_reply"]
    again(ticket)
    assert breaches_of(ticket) == missed
    assert desk.tell(ticket).level == "agent"
    assert deadline_of(ticket, "first_reply").cycle == 1


def test_the_customer_once_a_supervisor_again(desk: Desk, lin, wang, refused: Ticket) -> None:
    again(refused)
    refuse(ticket_id=refused.pk, reason="号码填错", text="未查到", actor=lin, now=at("13:10"))
    approve(ticket_id=refused.pk, decision=True, reason="属实", actor=wang, now=at("13:20"))
    with pytest.raises(UnableToReopen):
        again(refused, now=at("13:30"))
    again(refused, actor=wang, now=at("13:40"))
    assert desk.tell(refused).cycle == 3


def test_an_agent_does_not_reopen(desk: Desk, lin, agent_lin, refused: Ticket) -> None:
    with pytest.raises(NotAllowed):
        again(refused, actor=acting(agent_lin))


def test_after_the_close_only_a_supervisor(desk: Desk, wang, refused: Ticket) -> None:
    closed_at = at("12-01 11:00")
    desk.advance(closed_at)
    assert desk.tell(refused).status == "closed"
    with pytest.raises(UnableToReopen):
        again(refused, now=closed_at + HOUR)
    again(refused, actor=wang, now=closed_at + HOUR)
    assert desk.tell(refused).closed_at is None
    assert desk.worries() == {}


def test_at_the_moment_of_the_close_both_orders(desk: Desk, lin, refused: Ticket) -> None:
    due_at = deadline_of(refused, "auto_close").due_at
    again(refused, now=due_at)
    desk.tick(due_at)
    assert desk.tell(refused).status == "in_progress"


def test_not_what_still_runs_nor_what_was_withdrawn(desk: Desk, wang) -> None:
    ticket = desk.open()
    with pytest.raises(UnableToReopen):
        again(ticket)
    withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=OPENING)
    for actor in (CUSTOMER, wang):
        with pytest.raises(UnableToReopen):
            again(ticket, actor=actor)


def test_not_beside_a_newer_dispute_of_the_order(desk: Desk, refused: Ticket) -> None:
    newer = open_dispute(refused.order, now=at("12:30"))
    with pytest.raises(UnableToReopen):
        again(refused)
    assert desk.tell(newer).status == "new"


def test_rounds_begin_anew(desk: Desk, lin, wang) -> None:
    ticket = desk.open(make_order(paid=[]))
    resolve(ticket_id=ticket.pk, outcome="corrected", text="已更正", actor=lin, now=at("11:00"))
    again(ticket)
    agent = deadline_of(ticket, "agent_resolution")
    assert (agent.cycle, agent.round) == (2, 1)
    resolve(ticket_id=ticket.pk, outcome="corrected", text="已更正", actor=lin, now=at("13:30"))
    assert deadline_of(ticket, "auto_close").cycle == 2
    assert desk.worries() == {}


def test_a_reason_is_needed(desk: Desk, refused: Ticket) -> None:
    with pytest.raises(InvalidText):
        again(refused, reason="")
