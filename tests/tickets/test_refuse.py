"""Refusing a claim: a reasoned answer, and two people who stand for it."""

import pytest

from tests.stories import (
    CUSTOMER,
    OPENING,
    Desk,
    at,
    deadline_of,
    events_of,
    kinds_of,
    live_kinds,
    told,
)
from tickets.cases import NotAllowed, TransitionRefused
from tickets.models import Approval
from tickets.remedies import UnableToRemedy, redeliver, refund
from tickets.transitions import approve, refuse
from tickets.transitions.handling import InvalidText

pytestmark = pytest.mark.django_db

NOW = at("10:20")

TEXT = "您下单时确认的号码与申诉不一致,充值已到账该号码"


def say_no(ticket, actor, now=NOW, reason="号码填错", text=TEXT):
    return refuse(ticket_id=ticket.pk, reason=reason, text=text, actor=actor, now=now)


def test_it_only_asks(desk: Desk, lin, supervisor_wang) -> None:
    ticket = desk.open()
    say_no(ticket, lin)
    approval = Approval.objects.get(ticket=ticket)
    assert (approval.action, approval.requested_by) == ("refuse", lin.label)
    assert approval.asked_of == supervisor_wang
    assert desk.tell(ticket).status == "new"
    assert "commitment" in live_kinds(ticket)
    assert told(ticket) == ["opened", "promise_started"], "the customer hears no half-decision"
    assert "refused" not in kinds_of(ticket)


def test_approved_it_is_told_with_its_reasons(desk: Desk, lin, wang) -> None:
    ticket = desk.open()
    say_no(ticket, lin)
    approve(ticket_id=ticket.pk, decision=True, reason="属实", actor=wang, now=at("10:40"))
    ticket = desk.tell(ticket)
    assert (ticket.status, ticket.outcome) == ("resolved", "refused")
    assert kinds_of(ticket).count("refused") == 1
    assert ticket.messages.latest("pk").body == TEXT
    assert deadline_of(ticket, "commitment").state == "cancelled"
    assert not desk.refunds(ticket)


def test_declined_the_case_goes_on(desk: Desk, lin, wang) -> None:
    ticket = desk.open()
    say_no(ticket, lin)
    approve(ticket_id=ticket.pk, decision=False, reason="查无凭证", actor=wang, now=at("10:40"))
    assert desk.tell(ticket).status == "new"
    assert deadline_of(ticket, "commitment").state == "pending"
    assert "approval_declined" in told(ticket, "staff")
    assert desk.worries() == {}


def test_nobody_refuses_what_is_being_paid(desk: Desk, lin) -> None:
    ticket = desk.open()
    refund(ticket_id=ticket.pk, amount_fen=None, reason="无记录", text="", actor=lin, now=OPENING)
    with pytest.raises(TransitionRefused):
        say_no(ticket, lin)
    assert not Approval.objects.exists()


def test_nobody_delivers_what_is_being_refused(desk: Desk, lin, settings) -> None:
    settings.SUPPLIER_URL, settings.SUPPLIER_SECRET = "http://127.0.0.1:9", "secret"
    ticket = desk.open(desk.order(status="failed", supplier="sandbox"))
    say_no(ticket, lin)
    with pytest.raises(UnableToRemedy):
        redeliver(ticket_id=ticket.pk, reason="补发", text="", actor=lin, now=at("10:30"))
    with pytest.raises(UnableToRemedy):
        refund(ticket_id=ticket.pk, amount_fen=1, reason="退", text="", actor=lin, now=at("10:30"))


def test_a_refusal_nobody_decides_does_not_stop_the_promise(desk: Desk, lin) -> None:
    """The desk refunds at its hour, and the question is withdrawn."""
    ticket = desk.open()
    say_no(ticket, lin)
    desk.advance(at("11-25 09:00"))
    assert Approval.objects.get(ticket=ticket).state == "superseded"
    assert desk.tell(ticket).status == "remedy_pending"
    assert "approval" not in live_kinds(ticket)
    assert [e.data["decision"] for e in events_of(ticket, "commitment_enforced")] == ["refunded"]
    assert desk.worries() == {}


@pytest.mark.parametrize(("reason", "text"), [("", TEXT), ("号码填错", ""), ("长" * 501, TEXT)])
def test_reason_and_answer_are_both_needed(desk: Desk, lin, reason: str, text: str) -> None:
    with pytest.raises(InvalidText):
        say_no(desk.open(), lin, reason=reason, text=text)
    assert not Approval.objects.exists()


def test_only_staff(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        say_no(desk.open(), CUSTOMER)
