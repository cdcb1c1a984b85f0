"""Asking the customer for proof: internal clocks stop, the promise does not."""

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
from tickets.remedies import refund
from tickets.transitions import request_evidence
from tickets.transitions.handling import InvalidText

pytestmark = pytest.mark.django_db


def ask(ticket, actor, now=OPENING, kinds=("account_screenshot",), text="请补充账户截图"):
    return request_evidence(ticket_id=ticket.pk, kinds=list(kinds), text=text, actor=actor, now=now)


def test_the_customer_is_told_what_is_wanted_and_we_wait(desk: Desk, lin, agent_lin) -> None:
    ticket = desk.open()
    ask(ticket, lin, kinds=["chat_log", "account_screenshot", "chat_log"], now=at("10:10"))
    ticket = desk.tell(ticket)
    assert (ticket.status, ticket.assignee) == ("waiting_customer", agent_lin)
    (asked,) = events_of(ticket, "evidence_requested")
    assert asked.data["kinds"] == ["account_screenshot", "chat_log"]
    (notice,) = ticket.notices.filter(kind="evidence_requested")
    assert notice.context == {"kinds": ["account_screenshot", "chat_log"]}
    assert deadline_of(ticket, "first_reply").state == "met"
    assert deadline_of(ticket, "evidence_due").due_at == at("11-26 10:10")
    assert desk.worries() == {}


def test_the_promise_runs_on_to_its_end(desk: Desk, lin) -> None:
    """Asking again and again buys nobody time."""
    ticket = desk.open()
    ask(ticket, lin, now=at("10:10"))
    desk.advance(at("11-25 09:00"))
    assert desk.tell(ticket).status == "remedy_pending"
    assert desk.refunds(ticket)[0].purpose == "commitment"
    assert "evidence_due" not in live_kinds(ticket)
    assert desk.worries() == {}


def test_a_request_starts_no_promise_that_lacks_its_proof(desk: Desk, lin) -> None:
    ticket = desk.open(proof=[])
    ask(ticket, lin, kinds=["payment_screenshot"], now=at("10:10"))
    assert "commitment" not in live_kinds(ticket)
    assert desk.tell(ticket).commitment_due_at is None


def test_it_cannot_be_asked_twice_at_once(desk: Desk, lin) -> None:
    ticket = desk.open()
    ask(ticket, lin)
    with pytest.raises(TransitionRefused) as refusal:
        ask(ticket, lin)
    assert refusal.value.http_status == 409
    assert told(ticket).count("evidence_requested") == 1


def test_not_while_money_is_on_its_way(desk: Desk, lin) -> None:
    ticket = desk.open()
    refund(ticket_id=ticket.pk, amount_fen=None, reason="无记录", text="", actor=lin, now=OPENING)
    with pytest.raises(TransitionRefused):
        ask(ticket, lin)
    assert desk.tell(ticket).status == "remedy_pending"


@pytest.mark.parametrize("kinds", [[], ["selfie"], ["payment_screenshot", "id_card"]])
def test_only_known_kinds(desk: Desk, lin, kinds: list[str]) -> None:
    ticket = desk.open()
    with pytest.raises(InvalidText, match="payment_screenshot") as refusal:
        ask(ticket, lin, kinds=kinds)
    assert (refusal.value.code, refusal.value.http_status) == ("invalid_kinds", 400)
    assert desk.tell(ticket).status == "new"


def test_words_are_needed(desk: Desk, lin) -> None:
    with pytest.raises(InvalidText):
        ask(desk.open(), lin, text=" ")


def test_only_staff_asks(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        ask(desk.open(), CUSTOMER)
