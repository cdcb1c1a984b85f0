"""One dispute on one screen: facts, proof, history, clocks explained, and nothing personal."""

import hashlib
from datetime import timedelta

import pytest
from django.test import Client

from tests.admin.conftest import count_queries, page_of, submit, words_of
from tests.stories import (
    HOUR,
    MINUTE,
    OPENING,
    Desk,
    acting,
    make_evidence,
    make_order,
    make_top_up,
    set_policy,
)
from tests.tickets.pages import picture, upload
from tickets import remedies, transitions
from tickets.actors import Actor
from tickets.evidence import receive_evidence
from tickets.intake import Contact
from tickets.models import Event, Message, Ticket

pytestmark = pytest.mark.django_db


def file_photo(ticket: Ticket):
    """Zhao Lei adds a real picture."""
    file = receive_evidence(
        upload=upload(picture()), kind="payment_screenshot", actor=Actor.customer(), now=OPENING
    )
    transitions.add_evidence(
        ticket_id=ticket.pk, evidence_ids=[file.pk], actor=Actor.customer(), now=OPENING + MINUTE
    )
    return file


def test_the_facts_stand_side_by_side(office: Desk, lin_at_work: Client):
    order = make_order(supplier="nobody")
    make_top_up(order, "failed", message="运营商维护")
    page = words_of(lin_at_work.get(page_of(office.open(order))))
    payment = order.payments.get()
    for fact in (order.order_no, payment.trade_no, "¥98.00", "运营商维护", "No refund so far."):
        assert fact in page


def test_the_diagnosis_gives_its_reasons(office: Desk, lin_at_work: Client):
    order = make_order()
    make_top_up(order, "failed")
    page = words_of(lin_at_work.get(page_of(office.open(order))))
    assert "fault of the supplier" in page
    assert "an attempt at the supplier failed or is unclear" in page


def test_contact_data_is_masked(office: Desk, lin_at_work: Client):
    order = make_order(target_account="13800001234")
    ticket = office.open(order, contact=Contact("赵磊", "13911112222", "zhao.lei@example.com"))
    page = words_of(lin_at_work.get(page_of(ticket)))
    for masked in ("138****1234", "139****2222", "z****@example.com", "赵*"):
        assert masked in page
    for full in ("13800001234", "13911112222", "zhao.lei@example.com"):
        assert full not in page


def test_deadlines_say_why_they_are_due_then(office: Desk, lin_at_work: Client):
    page = words_of(lin_at_work.get(page_of(office.open())))
    assert "30 min of staffed time from 11-24 10:00" in page
    assert "made the proof complete" in page
    assert "1 h before the promise, so that a refund arrives in time" in page


def test_a_deadline_brought_forward_says_so(office: Desk, lin_at_work: Client):
    set_policy(clocks={"agent_resolution": "PT20H"})
    page = words_of(lin_at_work.get(page_of(office.open())))
    assert "brought forward from" in page


def test_a_pause_says_since_when_and_why(office: Desk, lin_at_work: Client):
    ticket = office.open()
    transitions.request_evidence(
        ticket_id=ticket.pk,
        kinds=["chat_log"],
        text="请补充聊天记录",
        actor=acting(office.people["lin"]),
        now=OPENING + 5 * MINUTE,
    )
    page = words_of(lin_at_work.get(page_of(ticket)))
    assert "stood still 11-24 10:05 to …: waiting for the customer&#x27;s answer" in page
    assert "paused, 1 h 55 min left" in page


def test_the_history_is_told_newest_first_with_what_was_said(office: Desk, lin_at_work: Client):
    ticket = office.open(description="付款成功，一直没有到账")
    lin = acting(office.people["lin"])
    transitions.reply(ticket_id=ticket.pk, text="正在查单", actor=lin, now=OPENING + MINUTE)
    transitions.reply(
        ticket_id=ticket.pk, text="渠道无响应", actor=lin, now=OPENING + 2 * MINUTE, internal=True
    )
    history = lin_at_work.get(page_of(ticket)).context["history"]
    assert [entry.seq for entry in history] == sorted((e.seq for e in history), reverse=True)
    assert history[0].words == "渠道无响应"
    assert history[0].is_internal
    assert history[0].who == "lin"
    assert history[-1].words == "付款成功，一直没有到账"


def test_erased_words_are_missed_but_not_hidden(office: Desk, lin_at_work: Client):
    ticket = office.open()
    Message.objects.filter(ticket=ticket).delete()
    assert "The words were erased" in words_of(lin_at_work.get(page_of(ticket)))


def test_words_of_a_customer_are_no_html(office: Desk, lin_at_work: Client):
    ticket = office.open(description="<script>alert(1)</script>")
    page = words_of(lin_at_work.get(page_of(ticket)))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_proof_is_looked_at_clean_and_saved_as_received(office: Desk, lin_at_work: Client):
    ticket = office.open(proof=())
    file = file_photo(ticket)
    page = words_of(lin_at_work.get(page_of(ticket)))
    assert file.sha256 in page
    preview = lin_at_work.get(f"/admin/tickets/ticket/{ticket.pk}/proof/{file.pk}/preview/")
    assert preview["Content-Type"] == "image/jpeg"
    assert hashlib.sha256(preview.content).hexdigest() == file.preview_sha256
    original = lin_at_work.get(f"/admin/tickets/ticket/{ticket.pk}/proof/{file.pk}/original/")
    assert original["Content-Disposition"].startswith("attachment")
    assert original["X-Content-Type-Options"] == "nosniff"
    assert original["Content-Type"] == "application/octet-stream"
    received = b"".join(original.streaming_content)
    assert hashlib.sha256(received).hexdigest() == file.sha256


def test_proof_is_for_the_eyes_of_those_who_work_disputes(office: Desk, django_user_model):
    ticket = office.open(proof=())
    address = f"/admin/tickets/ticket/{ticket.pk}/proof/{file_photo(ticket).pk}/"
    stranger = Client()
    assert "/login/" in stranger.get(address + "preview/")["Location"]
    stranger.force_login(django_user_model.objects.create_user("warehouse", is_staff=True))
    assert stranger.get(address + "preview/").status_code == 403
    assert stranger.get(address + "original/").status_code == 403


def test_proof_of_another_dispute_is_not_found_here(office: Desk, lin_at_work: Client):
    mine, other = office.open(proof=()), office.open(proof=())
    file = file_photo(other)
    address = f"/admin/tickets/ticket/{mine.pk}/proof/{file.pk}/"
    assert lin_at_work.get(address + "preview/").status_code == 404
    assert lin_at_work.get(address + "original/").status_code == 404


def test_the_same_picture_in_another_dispute_is_pointed_out(office: Desk, lin_at_work: Client):
    first, second = office.open(proof=()), office.open(proof=())
    file_photo(first)
    file_photo(second)
    page = words_of(lin_at_work.get(page_of(second)))
    assert f"the same file in {first.number}" in page


def test_full_contact_data_needs_a_reason_and_leaves_a_trace(office: Desk, lin_at_work: Client):
    ticket = office.open(make_order(target_account="13800001234"))
    refused = submit(lin_at_work, ticket, "reveal", reason="")
    assert "13800001234" not in words_of(refused)
    shown = submit(lin_at_work, ticket, "reveal", reason="客户要求回电")
    assert "13800001234" in words_of(shown)
    assert "no-store" in shown["Cache-Control"]
    event = Event.objects.get(ticket=ticket, kind="contact_revealed")
    assert event.actor == f"staff:{office.people['lin'].pk}"
    assert "客户要求回电" not in str(event.data)
    assert Message.objects.get(ticket=ticket, internal=True).body == "客户要求回电"
    assert "13800001234" not in words_of(lin_at_work.get(page_of(ticket)))


def test_without_the_right_nobody_sees_full_contact_data(office: Desk, wang_at_work: Client):
    ticket = office.open()
    wang = office.people["wang"]
    wang.groups.get().permissions.filter(codename="reveal_contact").delete()
    answer = submit(wang_at_work, ticket, "reveal", reason="客户要求回电")
    assert answer.status_code == 403
    assert "You may not see full contact data." in words_of(answer)
    assert not Event.objects.filter(kind="contact_revealed").exists()


def test_the_page_takes_at_most_25_statements(
    office: Desk, lin_at_work: Client, wang_at_work: Client, at_the_time
):
    """The fullest case there is: refunds, decisions, missed deadlines, files and a notice."""
    set_policy(auto_refund_limit_fen=1000)
    order = make_order()
    make_top_up(order, "failed")
    ticket = office.open(order, proof=("payment_screenshot", "chat_log"))
    make_evidence(ticket=ticket, sha256="f" * 64)
    lin = acting(office.people["lin"])
    transitions.reply(ticket_id=ticket.pk, text="正在查单", actor=lin, now=OPENING + MINUTE)
    remedies.refund(
        ticket_id=ticket.pk,
        amount_fen=None,
        reason="未到账",
        text="",
        actor=lin,
        now=OPENING + HOUR,
    )
    later = OPENING + timedelta(hours=60)
    office.advance(later)
    at_the_time(later)
    assert office.tell(ticket).level == "referred"
    assert count_queries(lin_at_work, page_of(ticket)) <= 25
    assert count_queries(wang_at_work, page_of(ticket)) <= 25


def test_a_page_that_is_not_there_is_not_found(office: Desk, lin_at_work: Client):
    assert lin_at_work.get("/admin/tickets/ticket/999999/change/").status_code == 404
    assert lin_at_work.get("/admin/tickets/ticket/abc/change/").status_code == 404
