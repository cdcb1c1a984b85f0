"""The 12315 notice: told at its hour, with a dossier that is ready to file; nobody files it."""

import hashlib
import json

import pytest
from django.core import mail

from orders.models import OrderEvent
from tests.stories import (
    CUSTOMER,
    SECOND,
    TICK,
    Desk,
    acting,
    at,
    deadline_of,
    events_of,
    kinds_of,
    live_kinds,
    make_evidence,
    make_order,
    set_policy,
    told,
)
from tickets.intake import Contact
from tickets.models import Referral, Ticket
from tickets.referral import build_dossier
from tickets.remedies import refund
from tickets.transitions import add_evidence, approve, request_evidence, withdraw

pytestmark = pytest.mark.django_db

DUE = at("11-26 10:00")


@pytest.fixture
def referred(desk: Desk) -> Ticket:
    set_policy(rehearsal=True)
    ticket = desk.open(contact=Contact(email="zhao@example.com"))
    desk.advance(DUE)
    return desk.tell(ticket)


def test_at_its_hour_and_not_before(desk: Desk) -> None:
    set_policy(rehearsal=True)
    ticket = desk.open()
    desk.advance(DUE - TICK)
    assert desk.tell(ticket).level == "supervisor"
    assert not Referral.objects.exists()
    desk.advance(DUE)
    assert desk.tell(ticket).level == "referred"
    assert Referral.objects.get().at == DUE


def test_it_is_told_and_the_case_stays_with_us(desk: Desk, referred: Ticket) -> None:
    assert told(referred).count("referred") == 1
    assert told(referred, "staff").count("referred_staff") == 2
    assert referred.status == "new"
    assert kinds_of(referred).count("referred") == 1
    assert [e.data["by"] for e in events_of(referred, "escalated")][-1] == "referral"
    (letter,) = [m for m in mail.outbox if "12315" in m.subject and m.to == ["zhao@example.com"]]
    for wrong in ("工单", "转交", "已为您投诉", "请耐心等待"):
        assert wrong not in letter.body
    assert desk.worries() == {}


def test_what_is_owed_is_still_paid_after_it(desk: Desk, lin, referred: Ticket) -> None:
    waiting = desk.refunds(referred)[0]
    assert waiting.held
    approve(
        ticket_id=referred.pk,
        decision=True,
        reason="属实",
        actor=_supervisor(desk),
        now=desk.now + SECOND,
    )
    desk.settle(referred, "succeeded")
    assert desk.tell(referred).outcome == "refunded"
    assert desk.worries() == {}


def _supervisor(desk: Desk):
    return acting(desk.people["zhao"])


def test_the_dossier_is_the_official_forms_and_holds_its_own_digest(referred: Ticket) -> None:
    referral = Referral.objects.get()
    dossier = referral.dossier
    order = referred.order
    assert dossier["order_no"] == order.order_no
    assert dossier["claim_fen"] == 9800
    assert dossier["promised_until"] == referred.commitment_due_at.isoformat()
    (payment,) = dossier["payments"]
    assert payment["trade_no"] == order.payments.get().channel_trade_no
    (file,) = dossier["evidence"]
    assert file["sha256"] == referred.evidence.get().sha256
    text = json.dumps(dossier, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert referral.dossier_sha256 == digest
    assert events_of(referred, "referred")[0].data["dossier_sha256"] == digest
    assert not {"id_number", "identity", "certificate"} & set(dossier)


def test_it_can_be_taken_along_any_time_before(desk: Desk) -> None:
    ticket = desk.open()
    assert build_dossier(ticket)["claim_fen"] == 9800
    assert "referred" not in kinds_of(ticket)


def test_a_claim_reserved_for_a_decision_is_still_a_claim(desk: Desk, lin) -> None:
    ticket = desk.open(desk.order(price_fen=60000))
    refund(
        ticket_id=ticket.pk, amount_fen=None, reason="无记录", text="", actor=lin, now=at("10:05")
    )
    dossier = build_dossier(ticket)
    assert dossier["claim_fen"] == 60000
    assert [r["state"] for r in dossier["refunds"]] == ["planned"]


def test_kept_promises_refer_nobody(desk: Desk) -> None:
    ticket = desk.open()
    desk.advance(at("11-25 09:00"))
    desk.settle(ticket, "succeeded")
    desk.advance(at("11-28 10:00"))
    assert not Referral.objects.exists()
    assert deadline_of(ticket, "referral").state == "met"


def test_nor_do_withdrawn_ones(desk: Desk) -> None:
    ticket = desk.open()
    withdraw(ticket_id=ticket.pk, reason="到账了", actor=CUSTOMER, now=at("11-26 09:59"))
    desk.advance(DUE)
    assert desk.tell(ticket).level == "agent"


def test_while_we_wait_for_the_customer_it_comes_all_the_same(desk: Desk, lin) -> None:
    ticket = desk.open(proof=[])
    request_evidence(
        ticket_id=ticket.pk,
        kinds=["payment_screenshot"],
        text="请补充",
        actor=lin,
        now=at("10:10"),
    )
    desk.advance(DUE)
    assert desk.tell(ticket).level == "referred"
    assert desk.worries() == {}


def test_proof_that_comes_after_it_is_still_promised(desk: Desk) -> None:
    """Referred for want of proof; then the proof comes: credit or money within 24 hours."""
    ticket = desk.open(proof=[])
    desk.advance(DUE)
    file = make_evidence(received_at=DUE + SECOND)
    add_evidence(ticket_id=ticket.pk, evidence_ids=[file.pk], actor=CUSTOMER, now=DUE + SECOND)
    assert "commitment" in live_kinds(ticket)
    assert desk.worries() == {}


def test_the_channel_says_no_after_the_notice(desk: Desk, lin, referred: Ticket) -> None:
    approve(
        ticket_id=referred.pk,
        decision=True,
        reason="属实",
        actor=_supervisor(desk),
        now=desk.now + SECOND,
    )
    desk.settle(referred, "rejected")
    ticket = desk.tell(referred)
    assert (ticket.level, ticket.status) == ("referred", "in_progress")
    assert OrderEvent.objects.filter(consumed_at=None).count() == 0
    assert desk.worries() == {}


def test_an_order_without_payment_makes_a_dossier_too(desk: Desk) -> None:
    desk.open(make_order(paid=[]))
    desk.advance(DUE)
    assert Referral.objects.get().dossier["payments"] == []
