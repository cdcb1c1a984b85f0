"""Words between the customer and the desk."""

import pytest

from tests.stories import (
    CUSTOMER,
    OPENING,
    Desk,
    at,
    deadline_of,
    events_of,
    live_kinds,
    told,
)
from tickets.cases import NotAllowed, TransitionRefused
from tickets.chain import text_digest
from tickets.models import Message
from tickets.transitions import reply, request_evidence, withdraw
from tickets.transitions.handling import InvalidText

pytestmark = pytest.mark.django_db

LIMIT = 2000


def say(ticket, actor, text="您好,正在核实", now=OPENING, **more):
    return reply(ticket_id=ticket.pk, text=text, actor=actor, now=now, **more)


def test_the_first_reply_takes_the_case_and_meets_the_clock(desk: Desk, lin, agent_lin) -> None:
    ticket = desk.open()
    say(ticket, lin, now=at("10:29:59"))
    ticket = desk.tell(ticket)
    assert (ticket.status, ticket.assignee) == ("in_progress", agent_lin)
    assert ticket.first_replied_at == at("10:29:59")
    assert deadline_of(ticket, "first_reply").state == "met"
    assert told(ticket)[-1] == "replied"


def test_the_second_reply_is_just_a_reply(desk: Desk, lin) -> None:
    ticket = desk.open()
    say(ticket, lin, now=at("10:05"))
    say(ticket, lin, now=at("10:06"))
    ticket = desk.tell(ticket)
    assert ticket.first_replied_at == at("10:05")
    assert len(events_of(ticket, "deadline_met")) == 1
    assert told(ticket).count("replied") == 2


def test_the_chain_keeps_a_digest_and_no_words(desk: Desk, lin) -> None:
    ticket = desk.open()
    say(ticket, lin, text="  王女士,手机尾号1234  ")
    message = Message.objects.filter(ticket=ticket).latest("pk")
    assert message.body == "王女士,手机尾号1234"
    (replied,) = events_of(ticket, "replied")
    assert replied.data == {"text_digest": text_digest(salt=message.salt, text=message.body)}


def test_the_customers_answer_ends_our_waiting(desk: Desk, lin) -> None:
    ticket = desk.open()
    request_evidence(
        ticket_id=ticket.pk, kinds=["chat_log"], text="请补充", actor=lin, now=at("10:10")
    )
    say(ticket, CUSTOMER, text="没有别的了", now=at("10:40"))
    assert desk.tell(ticket).status == "in_progress"
    assert "evidence_due" not in live_kinds(ticket)
    assert deadline_of(ticket, "agent_resolution").due_at == at("12:30")
    assert told(ticket, "staff")[-1] == "customer_replied"
    assert desk.worries() == {}


def test_our_own_words_do_not_end_our_waiting(desk: Desk, lin) -> None:
    ticket = desk.open()
    request_evidence(
        ticket_id=ticket.pk, kinds=["chat_log"], text="请补充", actor=lin, now=at("10:10")
    )
    say(ticket, lin, now=at("10:20"))
    assert desk.tell(ticket).status == "waiting_customer"
    assert desk.worries() == {}


def test_the_customers_words_meet_no_clock_of_ours(desk: Desk) -> None:
    ticket = desk.open()
    say(ticket, CUSTOMER, text="人呢")
    assert desk.tell(ticket).status == "new"
    assert deadline_of(ticket, "first_reply").state == "pending"


def test_a_note_is_for_us_alone_and_possible_after_the_end(desk: Desk, lin) -> None:
    ticket = desk.open()
    say(ticket, lin, text="查单:上游无记录", internal=True)
    assert Message.objects.latest("pk").internal
    assert "replied" not in told(ticket)
    assert desk.tell(ticket).status == "new"
    withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=OPENING)
    say(ticket, lin, text="客户来电说明", internal=True)
    assert len(events_of(ticket, "noted")) == 2


def test_a_customer_writes_no_internal_notes(desk: Desk) -> None:
    ticket = desk.open()
    with pytest.raises(NotAllowed):
        say(ticket, CUSTOMER, internal=True)


@pytest.mark.parametrize("text", ["", "   ", "\n", "长" * (LIMIT + 1)])
def test_no_words_and_too_many_are_refused_with_the_limit(desk: Desk, lin, text: str) -> None:
    ticket = desk.open()
    before = len(events_of(ticket))
    with pytest.raises(InvalidText) as refusal:
        say(ticket, lin, text=text)
    assert refusal.value.http_status == 400
    if text.strip():
        assert "2001" in str(refusal.value)
        assert "2000" in str(refusal.value)
    assert len(events_of(ticket)) == before


def test_just_enough_words(desk: Desk, lin) -> None:
    say(desk.open(), lin, text="长" * LIMIT)
    assert len(Message.objects.latest("pk").body) == LIMIT


def test_after_the_end_nobody_is_answered_here(desk: Desk, lin) -> None:
    ticket = desk.open()
    withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=OPENING)
    for actor in (lin, CUSTOMER):
        with pytest.raises(TransitionRefused) as refusal:
            say(ticket, actor)
        assert refusal.value.code == "not_open"
