"""Putting received files to a case."""

import uuid

import pytest

from tests.stories import (
    CUSTOMER,
    OPENING,
    Desk,
    at,
    deadline_of,
    events_of,
    kinds_of,
    make_evidence,
    told,
)
from tickets.cases import TransitionRefused
from tickets.models import Evidence
from tickets.proof import UnableToAttach
from tickets.transitions import add_evidence, request_evidence, withdraw

pytestmark = pytest.mark.django_db


def add(ticket, *files: Evidence, actor=CUSTOMER, now=OPENING):
    return add_evidence(
        ticket_id=ticket.pk, evidence_ids=[file.pk for file in files], actor=actor, now=now
    )


def ask(ticket, actor, kinds, now):
    request_evidence(ticket_id=ticket.pk, kinds=kinds, text="请补充", actor=actor, now=now)


def test_each_file_is_an_event_with_its_digest(desk: Desk) -> None:
    ticket = desk.open(proof=[])
    one, two = make_evidence("chat_log"), make_evidence("payment_screenshot")
    add(ticket, one, two)
    added = events_of(ticket, "evidence_added")
    assert [e.data["sha256"] for e in added] == [one.sha256, two.sha256]
    assert set(ticket.evidence.all()) == {one, two}
    assert told(ticket, "staff")[-1] == told(ticket, "staff")[0] == "evidence_added"


def test_what_completes_the_proof_ends_the_wait(desk: Desk, lin) -> None:
    ticket = desk.open(proof=[])
    ask(ticket, lin, ["payment_screenshot"], at("10:10"))
    add(ticket, make_evidence(received_at=at("10:40")), now=at("10:41"))
    ticket = desk.tell(ticket)
    assert (ticket.status, ticket.commitment_started_at) == ("in_progress", at("10:40"))
    assert deadline_of(ticket, "evidence_due").state == "met"
    assert deadline_of(ticket, "agent_resolution").due_at == at("12:31")
    assert desk.worries() == {}


def test_what_does_not_complete_it_leaves_us_waiting(desk: Desk, lin) -> None:
    ticket = desk.open(proof=[])
    ask(ticket, lin, ["payment_screenshot"], at("10:10"))
    add(ticket, make_evidence("chat_log", received_at=at("10:40")), now=at("10:40"))
    ticket = desk.tell(ticket)
    assert (ticket.status, ticket.commitment_started_at) == ("waiting_customer", None)
    assert told(ticket).count("proof_incomplete") == 2
    assert desk.worries() == {}


def test_more_proof_asked_for_on_top_of_complete_proof(desk: Desk, lin) -> None:
    ticket = desk.open()
    ask(ticket, lin, ["operator_record"], at("10:10"))
    add(ticket, make_evidence("operator_record", received_at=at("11:00")), now=at("11:00"))
    ticket = desk.tell(ticket)
    assert (ticket.status, ticket.commitment_due_at) == ("in_progress", at("11-25 10:00"))


def test_staff_may_add_for_a_caller(desk: Desk, lin) -> None:
    ticket = desk.open(proof=[])
    add(ticket, make_evidence(actor=lin.label), actor=lin)
    assert desk.tell(ticket).commitment_started_at == OPENING
    assert "evidence_added" not in told(ticket, "staff")


def test_the_same_file_again_is_no_news(desk: Desk) -> None:
    ticket = desk.open(proof=[])
    file = make_evidence("chat_log")
    add(ticket, file, file)
    add(ticket, file)
    assert kinds_of(ticket).count("evidence_added") == 1


def test_no_file_at_all_is_no_answer(desk: Desk, lin) -> None:
    ticket = desk.open()
    ask(ticket, lin, ["operator_record"], at("10:10"))
    with pytest.raises(TransitionRefused) as refusal:
        add(ticket, now=at("10:20"))
    assert refusal.value.http_status == 400
    assert desk.tell(ticket).status == "waiting_customer"


def test_the_tenth_file_and_all_that_came_with_it_stay_outside(desk: Desk) -> None:
    ticket = desk.open()
    add(ticket, *(make_evidence("chat_log") for _i in range(7)))
    with pytest.raises(UnableToAttach) as refusal:
        add(ticket, make_evidence("chat_log"), make_evidence("chat_log"))
    assert refusal.value.code == "too_many_files"
    assert "9" in str(refusal.value)
    assert "10" in str(refusal.value)
    assert ticket.evidence.count() == 8
    add(ticket, make_evidence("chat_log"))
    assert ticket.evidence.count() == 9


def test_unknown_and_foreign_files_attach_nothing(desk: Desk) -> None:
    ticket, other = desk.open(proof=[]), desk.open()
    mine = make_evidence()
    for foreign in (other.evidence.get().pk, uuid.uuid4()):
        with pytest.raises(UnableToAttach) as refusal:
            add_evidence(
                ticket_id=ticket.pk, evidence_ids=[mine.pk, foreign], actor=CUSTOMER, now=OPENING
            )
        assert str(foreign) in str(refusal.value)
    assert not ticket.evidence.exists()
    assert desk.tell(ticket).commitment_started_at is None


def test_after_the_end_no_file_comes_in(desk: Desk) -> None:
    ticket = desk.open()
    withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=OPENING)
    file = make_evidence()
    with pytest.raises(TransitionRefused):
        add(ticket, file)
    assert Evidence.objects.get(pk=file.pk).ticket is None
