"""Saying that proof was looked at: it moves no clock, neither way."""

import pytest

from tests.stories import CUSTOMER, OPENING, Desk, at, events_of
from tickets.cases import NotAllowed, TransitionRefused
from tickets.models import Deadline
from tickets.transitions import accept_evidence

pytestmark = pytest.mark.django_db


def accept(ticket, *ids, actor, now=OPENING):
    return accept_evidence(ticket_id=ticket.pk, evidence_ids=list(ids), actor=actor, now=now)


def clocks(ticket):
    return list(Deadline.objects.filter(ticket=ticket).order_by("pk").values())


def test_it_is_said_and_nothing_moves(desk: Desk, lin) -> None:
    ticket = desk.open()
    before, file = clocks(ticket), ticket.evidence.get()
    accept(ticket, file.pk, actor=lin, now=at("15:00"))
    file.refresh_from_db()
    assert file.accepted_at == at("15:00")
    (accepted,) = events_of(ticket, "evidence_accepted")
    assert accepted.data == {"evidence": [str(file.pk)]}
    assert clocks(ticket) == before
    assert desk.tell(ticket).commitment_started_at == OPENING


def test_the_first_acceptance_stays(desk: Desk, lin, wang) -> None:
    ticket = desk.open()
    file = ticket.evidence.get()
    accept(ticket, file.pk, actor=lin, now=at("11:00"))
    accept(ticket, file.pk, actor=wang, now=at("12:00"))
    file.refresh_from_db()
    assert file.accepted_at == at("11:00")


def test_several_at_once(desk: Desk, lin) -> None:
    ticket = desk.open(proof=["payment_screenshot", "chat_log"])
    accept(ticket, *ticket.evidence.values_list("pk", flat=True), actor=lin)
    assert ticket.evidence.filter(accepted_at=OPENING).count() == 2


def test_only_files_of_this_ticket(desk: Desk, lin) -> None:
    ticket, other = desk.open(), desk.open()
    for ids in ([], [other.evidence.get().pk], [ticket.evidence.get().pk, other.evidence.get().pk]):
        with pytest.raises(TransitionRefused):
            accept(ticket, *ids, actor=lin)
    assert not events_of(ticket, "evidence_accepted")
    assert ticket.evidence.get().accepted_at is None


def test_only_staff(desk: Desk) -> None:
    ticket = desk.open()
    with pytest.raises(NotAllowed):
        accept(ticket, ticket.evidence.get().pk, actor=CUSTOMER)
